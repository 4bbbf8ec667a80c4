// One message, one file, all the way, as people see it: a client and the accountant in two
// browsers, and a supervisor who watches unseen.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { pdf } from '../lib/made.mjs';
import { documents, missing } from '../lib/real.mjs';
import { until } from '../lib/scratch.mjs';
import { act, openTopic, pictures, say, saying, Visitors } from './visitors.mjs';

let world, visitors, kim, ann, nora;

before(async () => {
  world = await World.start();
  visitors = await Visitors.start(world);
});

after(async () => {
  await visitors?.end();
  await world?.end();
});

test('a client writes, and the accountant reads it at once', async () => {
  kim = await visitors.enter('kim');
  ann = await visitors.enter('ann');
  await openTopic(ann, 'Anor');
  await openTopic(kim);
  await kim.locator('.composer textarea').pressSequentially('Assalomu alaykum! Toʻlov ketdimi?');
  await ann.getByText('kim yozmoqda…').waitFor();
  await kim.press('.composer textarea', 'Enter');
  await saying(ann, 'Assalomu alaykum! Toʻlov ketdimi?').waitFor();
  await saying(kim, 'Assalomu alaykum! Toʻlov ketdimi?').locator('.tick.read').waitFor();
});

test('the accountant answers and edits; the client sees that, and not what was there before', async () => {
  await say(ann, 'Ketdi: 46 800 000 soʻm.');
  const answer = saying(ann, 'Ketdi: 46 800 000 soʻm.');
  await answer.locator('.tick.read').waitFor();
  await act(ann, answer, 'Tahrirlash');
  await ann.fill('.composer textarea', 'Ketdi: 48 600 000 soʻm.');
  await ann.press('.composer textarea', 'Enter');
  const edited = saying(kim, 'Ketdi: 48 600 000 soʻm.');
  await edited.getByText('tahrirlangan').waitFor();
  assert.equal(await edited.locator('button.mark').count(), 0);
  assert.equal(await kim.getByText('46 800 000').count(), 0);
  await kim.screenshot({ path: `${pictures}/path-client.png` });
});

test('a note of the staff never reaches the client', async () => {
  await ann.getByRole('button', { name: 'Ichki qayd' }).click();
  await say(ann, 'Bank bilan gaplashildi');
  await saying(ann, 'Bank bilan gaplashildi').locator('.note-mark').waitFor();
  await ann.getByRole('button', { name: 'Ichki qayd' }).click();
  await say(ann, 'Yana savol bormi?');
  await saying(kim, 'Yana savol bormi?').waitFor();
  assert.ok(!kim.received.join().includes('gaplashildi'));
  await ann.screenshot({ path: `${pictures}/path-accountant.png` });
});

test('a supervisor, unseen, sees both the answer and its original', async () => {
  nora = await visitors.enter('nora');
  await openTopic(nora, 'Anor');
  await nora.getByText('Siz koʻrinmasdan kuzatyapsiz').waitFor();
  assert.equal(await nora.locator('.composer').count(), 0);
  await nora.screenshot({ path: `${pictures}/path-supervisor.png` });
  await saying(nora, 'Ketdi: 48 600 000 soʻm.').locator('button.mark').click();
  const versions = nora.locator('dialog .versions li');
  await versions.nth(1).waitFor();
  assert.equal(await versions.nth(0).locator('.text').textContent(), 'Ketdi: 46 800 000 soʻm.');
  assert.deepEqual(await versions.nth(1).locator('del').allTextContents(), ['46 800']);
  assert.deepEqual(await versions.nth(1).locator('ins').allTextContents(), ['48 600']);
  await nora.screenshot({ path: `${pictures}/path-versions.png` });
  await nora.keyboard.press('Escape');
  await say(kim, 'Yoʻq, rahmat');
  await saying(nora, 'Yoʻq, rahmat').waitFor();
});

test('nothing of the supervisor came to the others, and the journal has it', async () => {
  const { id } = world.firm.accounts.nora;
  const { entries } = await until(async () => {
    const reply = await world.admin.call('journal', { kind: 'ghost.started' });
    return reply.entries.length > 0 && reply;
  }, 'the journal to tell of the watch');
  assert.equal(entries[0].actor, id);
  const { members } = await world.admin.call('members', { org: world.firm.orgs.Anor.id });
  assert.ok(!members.some((member) => member.id === id));
  for (const other of [kim, ann]) {
    const told = other.received.filter((frame) =>
      new RegExp(`ghost|"(actor|account|author)": ?${id}\\b|nora`).test(frame),
    );
    assert.deepEqual(told, []);
    assert.ok(!(await other.locator('body').textContent()).includes('nora'));
  }
});

test('a document goes up and comes down byte for byte', async () => {
  const { name, bytes } = missing
    ? { name: 'hisob.pdf', bytes: pdf('hisob') }
    : documents().find((each) => each.name.endsWith('.pdf'));
  await kim.setInputFiles('.composer input[type=file]', {
    name,
    mimeType: 'application/pdf',
    buffer: bytes,
  });
  await kim.locator('.attachments li', { hasText: name }).locator('.document-size').waitFor();
  await say(kim, 'Hisob ilova qilindi');
  const arrived = saying(ann, 'Hisob ilova qilindi').locator('.document');
  await arrived.waitFor();
  const [download] = await Promise.all([ann.waitForEvent('download'), arrived.locator('.document-open').click()]);
  assert.equal(download.suggestedFilename(), name);
  assert.equal(digest(readFileSync(await download.path())), digest(bytes));
  await ann.screenshot({ path: `${pictures}/path-document.png` });
});

test('the record is sealed, and it holds', async () => {
  await world.cluster.sealed();
  const entries = await world.cluster.value('SELECT count(*) FROM onefin.journal');
  const verified = await world.admin.call('journal_verify');
  assert.equal(verified.ok, true);
  assert.equal(verified.entries, entries);
});

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
