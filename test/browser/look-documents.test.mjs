// How it looks: documents in messages, on their way up, in their drawer, and what an admin sees of them.

import { randomUUID } from 'node:crypto';
import { after, before } from 'node:test';
import { World } from '../lib/firm.mjs';
import { until } from '../lib/scratch.mjs';
import { everyLook, look } from './looks.mjs';
import { brokenPdf, logo, pause, pdf, picture } from './papers.mjs';
import { logIn, openTopic, Visitors } from './visitors.mjs';

const sheet = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
let world, visitors, people;

before(async () => {
  world = await World.start();
  visitors = await Visitors.start(world);
  for (const role of ['accountant', 'client', 'admin'])
    await world.admin.call('session_policies', { role, max_sessions: 100 }); // a login for each look
  people = {
    kim: await world.connect('kim'),
    ann: await world.connect('ann'),
    ada: await world.connect('ada'),
  };
  await world.admin.call('logo', { image: logo.toString('base64'), type: 'image/svg+xml' });
  await until(async () => (await world.admin.call('logo')).current, 'the logo');
  await talk();
});

after(async () => {
  await visitors?.end();
  await world?.end();
});

async function upload(who, name, bytes) {
  const topic = world.firm.orgs.Anor.topics.bank_payment;
  const address = `${world.gateway.http}/files?topic=${topic}&name=${encodeURIComponent(name)}`;
  const headers = { Authorization: `Bearer ${people[who].token}` };
  const answer = await fetch(address, { method: 'POST', headers, body: bytes });
  return (await answer.json()).result.id;
}

async function send(who, text, ...documents) {
  const topic = world.firm.orgs.Anor.topics.bank_payment;
  await people[who].call('send', { topic, text, client_key: randomUUID(), documents });
}

/** Everything that a document may have come to. */
async function talk() {
  const bill = await upload('kim', 'Mehmonxona hisobi, 2025-yil 23-noyabr, skaner.png', picture);
  const invoice = await upload('kim', 'hisob-faktura.pdf', pdf);
  await send('kim', 'Assalomu alaykum! Hisoblar shu yerda.', bill, invoice);
  await people.ann.call('process', { document: bill, mark: 'processed' });
  await people.ann.call('process', {
    document: invoice,
    mark: 'returned',
    reason: 'Ikkinchi sahifada muhr koʻrinmaydi. Qaytadan skaner qilib yuboring.',
  });
  const act = await upload('ann', 'dalolatnoma.pdf', pdf);
  const broken = await upload('ann', 'shartnoma.pdf', brokenPdf);
  await send('ann', 'Mana dalolatnoma va shartnoma', act, broken);
  await until(
    async () =>
      (await world.cluster.value(
        `SELECT count(*) FROM onefin.document WHERE state = 'stamping' OR (state = 'ready' AND preview_key IS NULL)`,
      )) == 0,
    'all stamped and with previews',
  );
  await world.cluster.query(
    'UPDATE onefin.document SET signed = true, revision = revision + 1 WHERE id = $1',
    [act],
  );
  for (const [who, path] of [
    ['kim', act],
    ['ann', bill],
    ['kim', `${act}/original`],
    ['ada', `${act}/original`],
  ])
    await fetch(`${world.gateway.http}/files/${path}`, {
      headers: { Authorization: `Bearer ${people[who].token}` },
    });
  const last = await upload('kim', 'yuk-xati.zip', Buffer.from('PK\x05\x06'.padEnd(22, '\0')));
  await send('kim', 'Oxirgisi', last);
}

/** Scrolls, and waits for the pictures that are in sight then. */
async function toTop(page, top) {
  await page.locator('.messages').evaluate((box, to) => box.scrollTo(0, to), top);
  await page.waitForFunction(() => {
    const frames = [...document.querySelectorAll('.messages [data-state=ready] > .picture')];
    const seen = frames.filter((each) => {
      const { top: upper, bottom } = each.getBoundingClientRect();
      return bottom > 0 && upper < innerHeight;
    });
    return seen.every((each) => each.querySelector('img')?.complete);
  });
}

everyLook(async (name, language, options) => {
  await accountant(name, language, options);
  await admin(name, language, options);
});

async function enter(login, language, options) {
  const page = await visitors.open(options);
  await page.click(`.languages [lang=${language}]`);
  await logIn(page, login);
  return page;
}

async function accountant(name, language, options) {
  const page = await enter('ann', language, options);
  await openTopic(page, 'Anor');
  await toTop(page, 0);
  await look(page, `${name}-papers-top`);
  await toTop(page, 480);
  await look(page, `${name}-papers-middle`);
  await drawer(page, name);
  await uploads(page, name);
  await page.context().close();
}

/** In a topic of their own: each look adds to it. */
async function uploads(page, name) {
  if (await page.locator('.heading .back').isVisible()) await page.click('.heading .back');
  await openTopic(page, null, 1);
  const go = pause(world.gateway);
  const file = (fileName, mimeType, buffer) => ({ name: fileName, mimeType, buffer });
  await world.admin.call('settings', { name: 'upload_bytes', value: 5_000_000 });
  await page.setInputFiles('.composer input[type=file]', [
    file('buyruq.pdf', 'application/pdf', pdf),
    file('Ish haqi vedomosti noyabr.xlsx', sheet, Buffer.from('PK\x03\x04')),
  ]);
  await page
    .locator('.attachments .document-trouble, .attachments [data-state=stamping]')
    .first()
    .waitFor();
  await look(page, `${name}-papers-attached`);
  await page.locator('.attachments button[aria-label]').last().click();
  await page.locator('.round.send').click();
  await page.locator('.message .document[data-state=stamping]').waitFor();
  await look(page, `${name}-papers-stamping`);
  go();
  await page.locator('.message .document[data-state=stamping]').waitFor({ state: 'detached' });
}

async function drawer(page, name) {
  await page.locator('.heading button.round').click();
  await page.locator('.drawer .picture.small img').first().waitFor();
  await look(page, `${name}-papers-drawer`);
  await page.locator('.drawer .document-handle button').last().click();
  await page.locator('dialog textarea').fill('Muhr koʻrinmaydi');
  await look(page, `${name}-papers-return`);
  await page.keyboard.press('Escape');
  await page.locator('.drawer .document-mark button').first().click();
  await page.locator('.marks li').waitFor();
  await look(page, `${name}-papers-marks`);
  await page.keyboard.press('Escape');
  await page.locator('.drawer > .dialog-body > header button').click();
}

async function admin(name, language, options) {
  const page = await enter('ada', language, options);
  const choose = async (number) => {
    await page.locator('header .menu > button').last().click();
    await page.getByRole('menuitem').nth(number).click();
  };
  await page.locator('header .menu > button').last().click();
  await look(page, `${name}-admin-menu`);
  await page.keyboard.press('Escape');
  await choose(2);
  await page.locator('.logo-now img').waitFor();
  await page.locator('.setting').first().waitFor();
  await look(page, `${name}-firm`);
  await page.locator('.firm footer').scrollIntoViewIfNeeded();
  await look(page, `${name}-firm-end`);
  await page.keyboard.press('Escape');
  await choose(3);
  await page.locator('.log li').first().waitFor();
  await look(page, `${name}-log`);
  await page.keyboard.press('Escape');
  await choose(4);
  await page.locator('.jobs li').first().waitFor();
  await look(page, `${name}-jobs`);
  await page.keyboard.press('Escape');
  await page.click('.companies .row:has-text("Anor")');
  await page.locator('.person').first().waitFor();
  await look(page, `${name}-admin-people`);
  await openTopic(page, null);
  await toTop(page, 200);
  await page.locator('.document-menu > button').first().click();
  await look(page, `${name}-papers-menu`);
  await page.context().close();
}
