// How it looks: the screens of conversations.

import { randomUUID } from 'node:crypto';
import { after, before } from 'node:test';
import { World } from '../lib/firm.mjs';
import { everyLook, look } from './looks.mjs';
import { logIn, openTopic, saying, Visitors } from './visitors.mjs';

let world, visitors;

before(async () => {
  world = await World.start();
  visitors = await Visitors.start(world);
  for (const role of ['accountant', 'supervisor', 'admin'])
    await world.admin.call('session_policies', { role, max_sessions: 100 }); // a login for each look
  const kim = await world.enter('kim');
  const ann = await world.enter('ann');
  const { bank_payment: topic } = world.firm.orgs.Anor.topics;
  const send = (who, text, more = {}) =>
    who.call('send', { topic, text, client_key: randomUUID(), ...more });
  await send(
    kim,
    'Assalomu alaykum! 48 600 000 soʻm oʻtkazish kerak: https://soliq.uz/uz/hisob/17?davr=2025-11&juda=uzun-manzil-boʻlinishi-kerak',
  );
  const { message } = await send(ann, 'Ketdi: 46 800 000 soʻm.');
  await ann.call('edit', { message: message.id, version: 1, text: 'Ketdi: 48 600 000 soʻm.' });
  await send(ann, 'Ichki: bank bilan gaplashildi.', { visibility: 'staff' });
  const wrong = await send(kim, 'Adashib yozdim');
  await kim.call('delete', { message: wrong.message.id, version: 1 });
  const secret = await send(kim, 'Parolim: 4711', { reply_to: message.id });
  await world.admin.call('redact', { message: secret.message.id, reason: 'parol' });
  await send(kim, 'Rahmat! Bankko‘chirmasiniham'.repeat(8), { reply_to: message.id });
});

after(async () => {
  await visitors?.end();
  await world?.end();
});

everyLook(async (name, language, options) => {
  const page = await visitors.open(options);
  await page.click(`.languages [lang=${language}]`);
  await look(page, `${name}-login`);
  await logIn(page, 'ann');
  await look(page, `${name}-companies`);
  await page.click('.companies .row:has-text("Anor")');
  await page.locator('.here').waitFor();
  await look(page, `${name}-people`);
  await openTopic(page, null);
  await saying(page, 'Ketdi: 48 600 000 soʻm.').waitFor();
  await look(page, `${name}-chat`);
  await page.locator('button.mark').first().click();
  await page.locator('.versions li').nth(1).waitFor();
  await look(page, `${name}-versions`);
  await page.context().close();
  const watcher = await visitors.open(options);
  await watcher.click(`.languages [lang=${language}]`);
  await logIn(watcher, 'nora');
  await watcher.locator('.companies .menu > button').first().click();
  await watcher.locator('[role=menuitemcheckbox]').first().click();
  await watcher.locator('.watch-mark').first().waitFor();
  await watcher.locator('.companies .menu > button').first().click();
  await look(watcher, `${name}-watch-menu`);
  await watcher.keyboard.press('Escape');
  await watcher.click('.companies .row:has-text("Anor")');
  await watcher.click('[role=switch]');
  await watcher.locator('[role=switch][aria-checked=true]').waitFor();
  await look(watcher, `${name}-watch`);
  await openTopic(watcher, null);
  await look(watcher, `${name}-watching`);
  await watcher.context().close();
  const owner = await visitors.open(options);
  await owner.click(`.languages [lang=${language}]`);
  await logIn(owner, 'ada');
  await openTopic(owner, 'Anor');
  await saying(owner, 'Ketdi: 48 600 000 soʻm.').locator('.actions > button').click();
  await look(owner, `${name}-actions`);
  await owner.locator('[role=menuitem].danger').last().click();
  await owner.locator('dialog textarea').fill('Parol');
  await look(owner, `${name}-redaction`);
  await owner.context().close();
});
