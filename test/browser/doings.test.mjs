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
  await message.locator('.picture img').nth(2).waitFor();
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

test('leaving asks for the login again, here and in the other tab', async () => {
  const second = await visitors.tab(kim.context());
  await second.locator('.topics .row').first().waitFor();
  await kim.getByRole('button', { name: 'Menyu' }).click();
  await kim.getByRole('menuitem', { name: 'Chiqish' }).click();
  await kim.locator('[name=password]').waitFor();
  await second.locator('[name=password]').waitFor();
});
