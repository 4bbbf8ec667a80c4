// What goes wrong: lost connections, reloads in the middle of sending, changes made elsewhere,
// sessions that end. Nothing typed is lost, and nothing shows or is stored twice.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { until } from '../lib/scratch.mjs';
import { act, logIn, openTopic, pictures, say, saying, shown, Visitors } from './visitors.mjs';

let world, visitors, kim, ann;

before(async () => {
  world = await World.start();
  visitors = await Visitors.start(world);
  kim = await visitors.enter('kim');
  ann = await visitors.enter('ann');
  await openTopic(kim);
  await openTopic(ann, 'Anor');
});

after(async () => {
  await visitors?.end();
  await world?.end();
});

/** Waits until the page shows exactly these messages, at the end of the topic, none pending. */
const shows = (page, texts) =>
  until(async () => {
    const now = (await shown(page)).slice(-texts.length);
    return (
      now.join('\n') === texts.join('\n') && (await page.locator('.message.pending').count()) === 0
    );
  }, `the page to show ${texts.length} messages`);

test('a draft survives a reload', async () => {
  await kim.locator('.composer textarea').pressSequentially('Yarim yozilgan');
  await kim.reload();
  await until(
    async () => (await kim.inputValue('.composer textarea')) === 'Yarim yozilgan',
    'the draft',
  );
  await kim.fill('.composer textarea', '');
});

test('what is sent while the gateway is away waits, survives a reload, and arrives once', async () => {
  await say(kim, 'Aloqadan oldin');
  await saying(ann, 'Aloqadan oldin').waitFor();
  await world.gateway.kill();
  await say(kim, 'Aloqa yoʻq paytida 1');
  await say(kim, 'Aloqa yoʻq paytida 2');
  await kim.locator('.message.pending').nth(1).waitFor();
  await kim.getByText('Aloqa uzildi.').waitFor();
  await kim.screenshot({ path: `${pictures}/mishaps-offline.png` });
  await world.gateway.run();
  const texts = ['Aloqadan oldin', 'Aloqa yoʻq paytida 1', 'Aloqa yoʻq paytida 2'];
  await shows(kim, texts);
  await shows(ann, texts);
});

test('killing the gateway and reloading in the middle of sending loses and doubles nothing', async () => {
  const texts = Array.from({ length: 40 }, (_, at) => `Qator ${at + 1}`);
  for (const [at, text] of texts.entries()) {
    await kim.fill('.composer textarea', text);
    await kim.press('.composer textarea', 'Enter');
    if (at % 10 === 4) {
      await world.gateway.kill();
      await world.gateway.run();
    }
    if (at % 10 === 9) {
      await kim.reload();
      await kim.waitForSelector('.composer textarea');
    }
  }
  await shows(kim, texts);
  await shows(ann, texts);
  const stored = await world.cluster.query(
    'SELECT text FROM onefin.message WHERE topic_id = $1 AND text LIKE $2 ORDER BY id',
    [world.firm.orgs.Anor.topics.bank_payment, 'Qator %'],
  );
  assert.deepEqual(
    stored.map((row) => row.text),
    texts,
  );
});

test('older messages load upwards, and the place is kept', async () => {
  const send = (text) =>
    world.admin.call('import', {
      topic: world.firm.orgs.Anor.topics.contract,
      text,
      author: world.firm.accounts.kim.id,
      at: '2025-01-15T10:00:00+05:00',
      client_key: randomUUID(),
    });
  for (let at = 1; at <= 120; at++) await send(`Eski ${at}`);
  await openTopic(ann, null, 1);
  await saying(ann, 'Eski 120').waitFor();
  assert.equal(await saying(ann, 'Eski 10').count(), 0);
  await until(async () => {
    await ann.locator('.messages').evaluate((box) => box.scrollTo(0, 0));
    return (await shown(ann)).length === 120;
  }, 'all of the topic');
  assert.deepEqual(
    await shown(ann),
    Array.from({ length: 120 }, (_, at) => `Eski ${at + 1}`),
  );
  await openTopic(ann, null, 0);
});

test('an edit made from a version that is no longer the newest shows the newer text and keeps the typed one', async () => {
  await say(kim, 'Birinchi matn');
  await saying(kim, 'Birinchi matn').locator('.tick').waitFor();
  const other = await visitors.tab(kim.context());
  await openTopic(other);
  await act(kim, saying(kim, 'Birinchi matn'), 'Tahrirlash');
  await kim.fill('.composer textarea', 'Mening matnim');
  await act(other, saying(other, 'Birinchi matn'), 'Tahrirlash');
  await other.fill('.composer textarea', 'Boshqa matn');
  await other.press('.composer textarea', 'Enter');
  await saying(kim, 'Boshqa matn').waitFor();
  await kim.press('.composer textarea', 'Enter');
  await kim.locator('.newer blockquote', { hasText: 'Boshqa matn' }).waitFor();
  assert.equal(await kim.inputValue('.composer textarea'), 'Mening matnim');
  await kim.screenshot({ path: `${pictures}/mishaps-stale-edit.png` });
  await kim.press('.composer textarea', 'Enter');
  await saying(ann, 'Mening matnim').waitFor();
  await other.close();
});

test('a deleted message leaves a mark in its place', async () => {
  await act(kim, saying(kim, 'Mening matnim'), 'Oʻchirish');
  await kim.locator('dialog').getByRole('button', { name: 'Oʻchirish' }).click();
  await ann.locator('.message.deleted').waitFor();
  assert.equal(await saying(ann, 'Mening matnim').count(), 0);
});

test('an accountant who is no longer assigned loses the topic at once', async () => {
  await world.firm.assign(world.firm.accounts.ann, world.firm.orgs.Anor, true);
  await ann.getByText('Sizga hali mijoz biriktirilmagan.').waitFor();
  await until(async () => (await ann.locator('.message').count()) === 0, 'the messages to go');
});

test('a session that is ended elsewhere leads back to the login, and the draft is still there after it', async () => {
  await kim.fill('.composer textarea', 'Tugamagan gap');
  const [{ id }] = await world.cluster.query(
    'SELECT id FROM onefin.session WHERE account_id = $1 AND ended_at IS NULL',
    [world.firm.accounts.kim.id],
  );
  await world.admin.call('revoke_session', { session: id });
  await kim.getByText('Seans tugadi.').waitFor();
  await kim.screenshot({ path: `${pictures}/mishaps-session-ended.png` });
  await logIn(kim, 'kim');
  await until(
    async () => (await kim.inputValue('.composer textarea')) === 'Tugamagan gap',
    'the draft',
  );
});

test('a wrong password is answered calmly', async () => {
  const stranger = await visitors.open();
  await stranger.fill('[name=login]', 'kim');
  await stranger.fill('[name=password]', 'wrong');
  await stranger.press('[name=password]', 'Enter');
  await stranger.getByText('Login yoki parol notoʻgʻri.').waitFor();
});
