// What else people do: several topics, tabs and files, answers, closing, and a supervisor who
// writes.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { until } from '../lib/scratch.mjs';
import { act, openTopic, pictures, say, saying, shown, Visitors } from './visitors.mjs';

// One red pixel.
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
);

let world, visitors, kim, ann;

before(async () => {
  world = await World.start();
  await world.firm.assign(world.firm.accounts.ann, world.firm.orgs.Bahor);
  visitors = await Visitors.start(world);
  kim = await visitors.enter('kim');
  ann = await visitors.enter('ann');
  await openTopic(kim);
});

after(async () => {
  await visitors?.end();
  await world?.end();
});

test('unread messages are counted by topic and company until they are seen', async () => {
  await say(kim, 'Birinchi');
  await say(kim, 'Ikkinchi');
  const company = ann.locator('.companies .row', { hasText: 'Anor' });
  await company.locator('.unread', { hasText: '2' }).waitFor();
  await company.click();
  await ann.locator('.topics .row').first().locator('.unread', { hasText: '2' }).waitFor();
  await openTopic(ann, null, 0);
  await ann.getByText('Yangi xabarlar').waitFor();
  await company.locator('.unread').waitFor({ state: 'detached' });
});

test('companies are found as one types, whatever the case', async () => {
  await ann.fill('.search input', 'BAH');
  assert.deepEqual(await ann.locator('.companies .row-name').allTextContents(), ['Bahor']);
  await ann.fill('.search input', 'zzz');
  await ann.getByText('Hech narsa topilmadi.').waitFor();
  await ann.fill('.search input', '');
});

test('two tabs of one browser show each message once', async () => {
  const second = await visitors.tab(kim.context());
  await second.locator('.topics .row').first().click();
  await say(second, 'Ikkinchi oynadan');
  await say(kim, 'Birinchi oynadan');
  for (const page of [kim, second, ann]) {
    await until(async () => {
      const last = (await shown(page)).slice(-4).join();
      return last === 'Birinchi,Ikkinchi,Ikkinchi oynadan,Birinchi oynadan';
    }, 'both messages, once');
  }
  await second.close();
});

test('text is text: markup does nothing, addresses become links', async () => {
  const markup = '<img src=x onerror="document.title=1"> https://soliq.uz/a';
  await say(kim, markup);
  await saying(ann, markup).waitFor();
  assert.equal(await ann.locator('.text img').count(), 0);
  const link = ann.locator('.text a');
  assert.equal(await link.getAttribute('href'), 'https://soliq.uz/a');
  assert.match(await link.getAttribute('rel'), /noopener/);
});

test('files come by button, by drop and by paste, several in one message, pictures shown', async () => {
  await kim.setInputFiles('.composer input[type=file]', {
    name: 'tugma.png',
    mimeType: 'image/png',
    buffer: png,
  });
  await kim.evaluate(
    (bytes) => {
      const carrying = (name) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name, { type: 'image/png' }));
        return data;
      };
      document.querySelector('main.chat').dispatchEvent(
        new DragEvent('drop', {
          dataTransfer: carrying('tashlab.png'),
          bubbles: true,
          cancelable: true,
        }),
      );
      document.querySelector('.composer textarea').dispatchEvent(
        new ClipboardEvent('paste', {
          clipboardData: carrying('nusxa.png'),
          bubbles: true,
          cancelable: true,
        }),
      );
    },
    [...png],
  );
  await kim.locator('.attachments .document-size').nth(2).waitFor();
  await say(kim, 'Uchta rasm');
  const message = saying(ann, 'Uchta rasm');
  // A picture is fetched when it comes near the window, which what is above the messages may move.
  for (let i = 0; i < 3; i++) {
    const picture = message.locator('.picture').nth(i);
    for (let tries = 0, isThere = false; !isThere; tries++) {
      assert.ok(tries < 10, 'the picture comes');
      await picture.scrollIntoViewIfNeeded();
      isThere = await picture.locator('img').waitFor({ timeout: 3000 }).then(() => true, () => false);
    }
  }
  assert.deepEqual((await message.locator('.document-name').allTextContents()).sort(), [
    'nusxa.png',
    'tashlab.png',
    'tugma.png',
  ]);
});

test('an answer shows what it answers', async () => {
  await act(ann, saying(ann, 'Uchta rasm'), 'Javob berish');
  await say(ann, 'Koʻrdim');
  const quote = saying(kim, 'Koʻrdim').locator('.quote');
  await quote.waitFor();
  assert.equal(await quote.locator('span').textContent(), 'Uchta rasm');
  await kim.screenshot({ path: `${pictures}/doings-client.png` });
});

test('a closed request says so to both, and the next message opens another', async () => {
  await ann.getByRole('button', { name: 'Murojaatni yopish' }).click();
  await ann.locator('dialog').getByRole('button', { name: 'Yopish' }).click();
  await kim.locator('.heading .ticket.closed').waitFor();
  await kim.getByRole('button', { name: 'Keyinroq' }).click(); // asked for a rating
  await say(kim, 'Yana bir savol');
  await ann.locator('.heading .ticket.open').waitFor();
});

test('a supervisor may write all the same, by name and knowingly', async () => {
  const nora = await visitors.enter('nora');
  await openTopic(nora, 'Anor');
  assert.equal(await nora.locator('.unread').count(), 0);
  await nora.getByRole('button', { name: 'Baribir yozish' }).click();
  await nora.getByText('Yozsangiz, xabar ismingiz bilan hammaga koʻrinadi.').waitFor();
  await say(nora, 'Men javob beraman');
  const message = saying(kim, 'Men javob beraman');
  await message.waitFor();
  assert.match(await message.locator('.author').textContent(), /nora\s+Rahbar/);
});

test('a client sees the versions when the firm allows it', async () => {
  await say(ann, 'Summa 100');
  await act(ann, saying(ann, 'Summa 100'), 'Tahrirlash');
  await ann.fill('.composer textarea', 'Summa 200');
  await ann.press('.composer textarea', 'Enter');
  await saying(kim, 'Summa 200').waitFor();
  assert.equal(await saying(kim, 'Summa 200').locator('button.mark').count(), 0);
  await world.admin.call('settings', { name: 'client_sees_versions', value: true });
  await kim.reload();
  await saying(kim, 'Summa 200').locator('button.mark').click();
  assert.equal(await kim.locator('.versions .text').first().textContent(), 'Summa 100');
  await kim.keyboard.press('Escape');
});

test('a deleted message keeps its files with its versions, for who may see them', async () => {
  await ann.setInputFiles('.composer input[type=file]', {
    name: 'adashgan.png',
    mimeType: 'image/png',
    buffer: png,
  });
  await ann.locator('.attachments .document-size').waitFor();
  await say(ann, 'Adashib yubordim');
  await act(ann, saying(ann, 'Adashib yubordim'), 'Oʻchirish');
  await ann.locator('dialog').getByRole('button', { name: 'Oʻchirish' }).click();
  const tombstone = ann.locator('.message.deleted').last();
  assert.equal(await tombstone.locator('.document').count(), 0);
  await tombstone.locator('button.mark').click();
  await ann.locator('dialog .document', { hasText: 'adashgan.png' }).waitFor();
  assert.equal(await ann.locator('.versions .text').textContent(), 'Adashib yubordim');
  await ann.keyboard.press('Escape');
});

test('an admin redacts a message with a reason, and its text is nowhere any more', async () => {
  await say(kim, 'Parolim: 4711');
  await act(kim, saying(kim, 'Parolim: 4711'), 'Tahrirlash');
  await kim.fill('.composer textarea', 'Parolim: 0815');
  await kim.press('.composer textarea', 'Enter');
  const ada = await visitors.enter('ada');
  await openTopic(ada, 'Anor');
  const before = saying(ada, 'Parolim: 0815');
  await before.waitFor();
  assert.equal(await ann.getByRole('menuitem', { name: 'Matnni olib tashlash' }).count(), 0);
  await act(ada, before, 'Matnni olib tashlash');
  const yes = ada.locator('dialog button[type=submit]');
  assert.equal(await yes.isDisabled(), true, 'a reason is needed');
  await ada.locator('dialog textarea').fill('  ');
  assert.equal(await yes.isDisabled(), true, 'blanks are none');
  await ada.locator('dialog textarea').fill('Parol yozilgan');
  await ada.screenshot({ path: `${pictures}/doings-redaction.png` });
  await yes.click();
  for (const page of [ada, kim, ann]) {
    const message = page.locator('.message.redacted').last();
    await message.waitFor();
    assert.equal(
      (await message.locator('.text').textContent()).trim(),
      'Matn firma tomonidan olib tashlangan',
    );
    assert.equal(await page.getByText(/4711|0815/).count(), 0);
  }
  const message = ada.locator('.message.redacted').last();
  assert.equal(await message.locator('.actions').count(), 0, 'nothing is left to be done');
  await message.locator('button.mark').click();
  await ada.locator('.versions .taken-out').nth(1).waitFor();
  await ada.screenshot({ path: `${pictures}/doings-redacted-versions.png` });
  await ada.keyboard.press('Escape');
  await kim.screenshot({ path: `${pictures}/doings-redacted.png` });
  await kim.reload();
  await kim.locator('.message.redacted').last().waitFor();
  assert.equal(await kim.getByText(/4711|0815/).count(), 0);
  const [{ detail }] = (await world.admin.call('journal', { kind: 'message.redacted', limit: 1000 }))
    .entries;
  assert.deepEqual(detail, { reason: 'Parol yozilgan' });
});

test('what was redacted may be deleted by its author, and not edited', async () => {
  const message = kim.locator('.message.redacted').last();
  await message.hover();
  await message.locator('.actions > button').click();
  assert.equal(await kim.getByRole('menuitem', { name: 'Tahrirlash' }).count(), 0);
  await kim.getByRole('menuitem', { name: 'Oʻchirish' }).click();
  await kim.locator('dialog').getByRole('button', { name: 'Oʻchirish' }).click();
  await kim.locator('.message.redacted').waitFor({ state: 'detached' });
});

test('a message that changed meanwhile is not redacted unseen', async () => {
  const ada = await visitors.enter('ada');
  await openTopic(ada, 'Anor');
  await say(kim, 'Eski matn');
  await act(ada, saying(ada, 'Eski matn'), 'Matnni olib tashlash');
  await ada.locator('dialog textarea').fill('Sabab');
  await world.cluster.query("UPDATE onefin.message SET text = 'Yangi matn' WHERE text = 'Eski matn'");
  await ada.locator('dialog button[type=submit]').click();
  await saying(ada, 'Yangi matn').waitFor();
  await ada.getByText('Xabar hozirgina oʻzgartirildi.').waitFor();
  await saying(kim, 'Yangi matn').waitFor();
});

test('leaving asks for the login again, here and in the other tab', async () => {
  const second = await visitors.tab(kim.context());
  await second.locator('.topics .row').first().waitFor();
  await kim.getByRole('button', { name: 'Menyu' }).click();
  await kim.getByRole('menuitem', { name: 'Chiqish' }).click();
  await kim.locator('[name=password]').waitFor();
  await second.locator('[name=password]').waitFor();
});
