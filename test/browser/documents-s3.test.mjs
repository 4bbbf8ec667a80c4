// Documents that come straight from an object store, by an address that holds for a moment: the
// browser saves them, and the page stays where it is.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { openTopic, say, saying, Visitors } from './visitors.mjs';

const bytes = randomBytes(300_000);
let world, visitors, kim, ann;

before(async () => {
  world = await World.start({ store: 's3' });
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

const file = (name, buffer) => ({ name, mimeType: 'application/octet-stream', buffer });

/** Presses the document of this message; what the browser saved. */
async function save(text) {
  const pressed = saying(ann, text).locator('.document-open').click();
  const [download] = await Promise.all([ann.context().waitForEvent('download'), pressed]);
  return download;
}

test('a download comes from the store, under its name, and the page stays', async () => {
  await kim.setInputFiles('.composer input[type=file]', file('toʻlov № 5.bin', bytes));
  await kim.locator('.attachments .document-size').waitFor();
  await say(kim, 'Toʻlov');
  const download = await save('Toʻlov');
  assert.equal(new URL(download.url()).origin, world.s3.endpoint);
  assert.equal(download.suggestedFilename(), 'toʻlov № 5.bin');
  assert.deepEqual(readFileSync(await download.path()), bytes);
  await say(kim, 'Koʻrindimi?');
  await saying(ann, 'Koʻrindimi?').waitFor();
  assert.equal(ann.url().startsWith(world.gateway.http), true);
});

test('nobody is asked whether to leave while something goes up', async () => {
  const asked = [];
  ann.on('dialog', (dialog) => {
    asked.push(dialog.type());
    void dialog.accept();
  });
  const line = await ann.context().newCDPSession(ann);
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 200_000 };
  await line.send('Network.emulateNetworkConditions', slow);
  await ann.setInputFiles('.composer input[type=file]', file('katta.bin', randomBytes(3_000_000)));
  await ann.locator('.attachments li').getByText(/ % · /).waitFor();
  const download = await save('Toʻlov');
  assert.deepEqual(readFileSync(await download.path()), bytes);
  await ann.locator('.attachments li').getByText(/ % · /).waitFor();
  assert.deepEqual(asked, []);
  await line.send('Network.emulateNetworkConditions', { ...slow, uploadThroughput: -1 });
});
