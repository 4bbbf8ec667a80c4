// Documents as people see them: on their way up over bad lines, being stamped, marked, returned, and
// who downloaded them. Real browsers, gateway and worker.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { until } from '../lib/scratch.mjs';
import { brokenPdf, logo, pause, pdf, picture } from './papers.mjs';
import { openTopic, pictures, say, saying, Visitors } from './visitors.mjs';

let world, visitors, kim, ann, ada;

before(async () => {
  world = await World.start();
  visitors = await Visitors.start(world);
  kim = await visitors.enter('kim');
  ann = await visitors.enter('ann');
  ada = await visitors.enter('ada');
  await openTopic(kim);
  await openTopic(ann, 'Anor');
  await openTopic(ada, 'Anor');
});

after(async () => {
  await visitors?.end();
  await world?.end();
});

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
const attach = (page, ...files) =>
  page.setInputFiles(
    '.composer input[type=file]',
    files.map(({ name, type = 'application/pdf', bytes }) => ({
      name,
      mimeType: type,
      buffer: bytes,
    })),
  );
/** In the messages, where it is there once. */
const paper = (page, name) => page.locator('.messages .document', { hasText: name });
const state = (page, name, state) =>
  page.locator(`.messages .document[data-state=${state}]`, { hasText: name });
const attached = (page, name) =>
  page.locator('.attachments li', { hasText: name }).locator('.document-size');

async function send(page, text, ...files) {
  await attach(page, ...files);
  for (const { name } of files) await attached(page, name).waitFor();
  await say(page, text);
}

async function saved(page, press) {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

/** Chooses from a document's menu. */
async function choose(page, document, item) {
  await document.locator('.document-menu > button').click();
  await page.getByRole('menuitem', { name: item }).click();
}

/** Opens what only an admin has. */
async function openSheet(name) {
  await ada.getByRole('button', { name: 'Menyu' }).click();
  await ada.getByRole('menuitem', { name }).click();
}

test('what staff uploads is being stamped, and nobody gets it before; then all have its picture', async () => {
  const go = pause(world.gateway);
  await send(ann, 'Dalolatnoma', { name: 'dalolatnoma.pdf', bytes: pdf });
  await state(ann, 'dalolatnoma.pdf', 'stamping').getByText('Shtamp qoʻyilmoqda…').waitFor();
  const coming = state(kim, 'dalolatnoma.pdf', 'stamping');
  await coming.getByText('Tayyorlanmoqda…').waitFor();
  assert.equal(await coming.locator('.document-open').count(), 0, 'there is nothing to press');
  await kim.screenshot({ path: `${pictures}/documents-stamping.png` });
  const before = await coming.boundingBox();
  go();
  for (const page of [kim, ann]) {
    const ready = state(page, 'dalolatnoma.pdf', 'ready');
    await ready.locator('.picture img').waitFor();
    await ready.getByText('shtamp bor').waitFor();
    await until(
      () => ready.locator('.picture img').evaluate((image) => image.naturalWidth > 0),
      'the picture',
    );
  }
  await kim.screenshot({ path: `${pictures}/documents-ready.png` });
  assert.deepEqual(await paper(kim, 'dalolatnoma.pdf').boundingBox(), before, 'nothing moved');
  const { name, bytes } = await saved(kim, () =>
    paper(kim, 'dalolatnoma.pdf').locator('.document-open').click(),
  );
  assert.equal(name, 'dalolatnoma.pdf');
  assert.equal(bytes.subarray(0, 5).toString(), '%PDF-');
  assert.notEqual(digest(bytes), digest(pdf), 'it is the stamped one');
});

test('the original is for admins, and comes as it went up', async () => {
  assert.equal(await paper(kim, 'dalolatnoma.pdf').locator('.document-menu').count(), 0);
  assert.equal(await paper(ann, 'dalolatnoma.pdf').locator('.document-menu').count(), 0);
  const { bytes } = await saved(ada, () =>
    choose(ada, paper(ada, 'dalolatnoma.pdf'), 'Asl nusxasini olish'),
  );
  assert.equal(digest(bytes), digest(pdf));
});

test('what cannot be stamped says why, and what to do; to the client, that it comes again', async () => {
  await send(ann, 'Buzuq', { name: 'buzuq.pdf', bytes: brokenPdf });
  const failed = state(ann, 'buzuq.pdf', 'failed');
  await failed.getByText('Fayl buzilgan. Uni ochib, qaytadan saqlang va yana yuklang.').waitFor();
  const seen = state(kim, 'buzuq.pdf', 'failed');
  await seen.getByText('Fayl tayyor boʻlmadi. Buxgalter uni qaytadan yuboradi.').waitFor();
  assert.equal(await seen.locator('.document-open').count(), 0);
  await ann.screenshot({ path: `${pictures}/documents-failed.png` });
});

test('a draft shows what became of its file, also when it was not told', async () => {
  const go = pause(world.gateway);
  await attach(ann, { name: 'loyiha.pdf', bytes: pdf });
  const stamping = ann.locator('.attachments [data-state=stamping]');
  await stamping.waitFor();
  await ann.goto('about:blank');
  go();
  await until(
    () =>
      world.cluster.value(
        `SELECT count(*) > 0 FROM onefin.document WHERE name = 'loyiha.pdf' AND state = 'ready'`,
      ),
    'the stamp',
  );
  await ann.goto(world.gateway.http);
  await openTopic(ann, 'Anor');
  await ann.locator('.attachments [data-state=ready]', { hasText: 'loyiha.pdf' }).waitFor();
  await ann.getByRole('button', { name: 'loyiha.pdf — olib tashlash' }).click();
});

test('two files of a client go up at once, in per cent, and come as they were', async () => {
  const large = { name: 'katta.pdf', bytes: Buffer.concat([pdf, randomBytes(9_000_000)]) };
  const small = { name: 'rasm.png', type: 'image/png', bytes: picture };
  await slow(kim, 3_000_000);
  await attach(kim, large, small);
  await kim
    .locator('.attachments li', { hasText: 'katta.pdf' })
    .getByText(/^[1-9][0-9]? % · [\d.]+ MB qoldi$/)
    .waitFor();
  await kim.screenshot({ path: `${pictures}/documents-progress.png` });
  assert.equal(await kim.locator('.round.send').isDisabled(), true);
  await slow(kim, -1);
  for (const { name } of [large, small]) await attached(kim, name).waitFor();
  await say(kim, 'Ikkita fayl');
  const message = saying(ann, 'Ikkita fayl');
  await message.locator('.document').nth(1).waitFor();
  for (const each of [large, small]) {
    const { name, bytes } = await saved(ann, () =>
      paper(ann, each.name).locator('.document-open').click(),
    );
    assert.deepEqual([name, digest(bytes)], [each.name, digest(each.bytes)]);
  }
  await message.locator('.picture img').first().waitFor();
});

test('a large file goes on where it was when the line comes back', async () => {
  const bytes = Buffer.concat([pdf, randomBytes(20_000_000)]);
  const requests = [];
  kim.on('request', (request) => {
    if (!request.url().includes('/uploads')) return;
    requests.push([request.method(), Number(request.headers()['upload-offset'] ?? -1)]);
  });
  await slow(kim, 6_000_000);
  await attach(kim, { name: 'uzoq.pdf', bytes });
  const item = kim.locator('.attachments li', { hasText: 'uzoq.pdf' });
  await until(
    () => requests.some(([method, offset]) => method === 'PATCH' && offset > 0),
    'the second piece',
  );
  await slow(kim, 0, true);
  await item.getByText('Aloqa kutilmoqda — oʻzi davom etadi').waitFor();
  await kim.screenshot({ path: `${pictures}/documents-stuck.png` });
  await slow(kim, -1);
  await attached(kim, 'uzoq.pdf').waitFor();
  const begun = requests.filter(([method]) => method === 'POST');
  assert.equal(begun.length, 1, 'it was not begun anew');
  await say(kim, 'Uzoq yoʻl');
  const got = await saved(ann, () => paper(ann, 'uzoq.pdf').locator('.document-open').click());
  assert.equal(digest(got.bytes), digest(bytes));
});

test('and over a gateway that dies in the middle', async () => {
  const bytes = randomBytes(12_000_000);
  await slow(kim, 4_000_000);
  await attach(kim, { name: 'yiqilgan.pdf', bytes });
  const item = kim.locator('.attachments li', { hasText: 'yiqilgan.pdf' });
  await kim.waitForRequest((request) => Number(request.headers()['upload-offset']) > 0);
  await world.gateway.kill();
  await item.getByText('Aloqa kutilmoqda — oʻzi davom etadi').waitFor();
  await slow(kim, -1);
  await world.gateway.run();
  await attached(kim, 'yiqilgan.pdf').waitFor();
  const sha256 = await world.cluster.value(
    `SELECT encode(sha256, 'hex') FROM onefin.document WHERE name = 'yiqilgan.pdf'`,
  );
  assert.equal(sha256, digest(bytes));
  await kim.getByRole('button', { name: 'yiqilgan.pdf — olib tashlash' }).click();
});

test('one that is given up leaves nothing, and one that is too large does not begin', async () => {
  await slow(kim, 1_000_000);
  await attach(kim, { name: 'bekor.pdf', bytes: randomBytes(9_000_000) });
  const item = kim.locator('.attachments li', { hasText: 'bekor.pdf' });
  await item.getByText(/ % · /).waitFor();
  await item.getByRole('button', { name: 'bekor.pdf — olib tashlash' }).click();
  await item.waitFor({ state: 'detached' });
  await slow(kim, -1);
  await until(
    async () =>
      (await world.cluster.value('SELECT count(*) FROM onefin.upload WHERE document_id IS NULL')) ==
      0,
    'the server to forget it',
  );
  await world.admin.call('settings', { name: 'upload_bytes', value: 1_048_576 });
  await kim.reload();
  await kim.locator('.composer textarea').waitFor();
  assert.match(
    await kim.getByRole('button', { name: 'Fayl biriktirish' }).getAttribute('title'),
    /1 MB gacha/,
  );
  await attach(kim, { name: 'ulkan.pdf', bytes: randomBytes(2_000_000) });
  await kim.getByText('Fayl 1 MB dan katta.').waitFor();
  await kim.getByRole('button', { name: 'ulkan.pdf — olib tashlash' }).click();
  await world.admin.call('settings', { name: 'upload_bytes', value: 104_857_600 });
  await kim.reload();
});

test('a kind of file that the firm does not take is refused with a word on what to do', async () => {
  await world.admin.call('settings', { name: 'upload_types', value: 'application/pdf' });
  await attach(kim, { name: 'rasm-2.png', type: 'image/png', bytes: picture });
  await kim.getByText('Firma bunday faylni qabul qilmaydi.').waitFor();
  await kim.getByRole('button', { name: 'rasm-2.png — olib tashlash' }).click();
  await world.admin.call('settings', { name: 'upload_types', value: 'application/pdf image/png' });
});

test('the accountant says what became of a document, and the client sees it at once', async () => {
  await send(kim, 'Hisob', { name: 'hisob.pdf', bytes: pdf });
  assert.equal(await paper(kim, 'hisob.pdf').locator('.document-handle').count(), 0);
  const document = paper(ann, 'hisob.pdf');
  await document.getByRole('button', { name: 'Qaytarish…' }).click();
  const yes = ann.locator('dialog button[type=submit]');
  assert.equal(await yes.isDisabled(), true, 'a reason is needed');
  await ann.locator('dialog textarea').fill('Imzo yoʻq');
  await ann.screenshot({ path: `${pictures}/documents-return.png` });
  await yes.click();
  const returned = paper(kim, 'hisob.pdf').locator('.document-mark.returned');
  await returned.getByText('Imzo yoʻq').waitFor();
  assert.match(await returned.locator('button').textContent(), /^Qaytarildi · ann · \d\d:\d\d$/);
  await choose(ann, document, 'Ishlandi');
  await paper(kim, 'hisob.pdf').locator('.document-mark.processed button').click();
  const marks = kim.locator('dialog .marks li');
  await marks.nth(1).waitFor();
  assert.deepEqual(await marks.evaluateAll((all) => all.map((each) => each.className)), [
    'processed',
    'returned',
  ]);
  await kim.screenshot({ path: `${pictures}/documents-marks.png` });
  await kim.keyboard.press('Escape');
});

test('the drawer has all documents of the topic, by what became of them', async () => {
  await ann.getByRole('button', { name: 'Hujjatlar' }).click();
  const drawer = ann.locator('dialog.drawer');
  const names = () => drawer.locator('.document-name').allTextContents();
  await drawer.locator('.document').first().waitFor();
  assert.deepEqual((await names()).slice(0, 2), ['hisob.pdf', 'uzoq.pdf']);
  await drawer.getByRole('button', { name: /^Ishlanmagan/ }).click();
  assert.deepEqual((await names()).sort(), ['katta.pdf', 'rasm.png', 'uzoq.pdf']);
  await drawer
    .locator('.document', { hasText: 'uzoq.pdf' })
    .getByRole('button', { name: 'Ishlandi' })
    .click();
  await until(async () => (await names()).length === 2, 'the marked one to go');
  await drawer.getByRole('button', { name: /^Ishlangan 2$/ }).click();
  assert.deepEqual(await names(), ['hisob.pdf', 'uzoq.pdf']);
  await ann.screenshot({ path: `${pictures}/documents-drawer.png` });
  await choose(ann, drawer.locator('.document', { hasText: 'hisob.pdf' }), 'Xabarga oʻtish');
  await drawer.waitFor({ state: 'detached' });
  await paper(ann, 'hisob.pdf').waitFor();
});

test('who watches unseen has no buttons that would show it', async () => {
  await paper(ada, 'katta.pdf').waitFor();
  assert.equal(await ada.locator('.document-handle').count(), 0);
});

test('of a signed one the original is there for those who may have it; the server has the last word', async () => {
  await world.cluster.query(
    `UPDATE onefin.document SET signed = true, revision = revision + 1 WHERE name = 'dalolatnoma.pdf'`,
  );
  await world.admin.call('settings', { name: 'client_sees_versions', value: true });
  await kim.reload();
  const document = paper(kim, 'dalolatnoma.pdf');
  await document.getByText('Elektron imzoli asl nusxasi bor.').waitFor();
  const got = await saved(kim, () => choose(kim, document, 'Asl nusxasini olish'));
  assert.equal(digest(got.bytes), digest(pdf));
  await world.admin.call('settings', { name: 'client_sees_versions', value: false });
  await choose(kim, document, 'Asl nusxasini olish');
  await kim.getByText('Bunga ruxsatingiz yoʻq.').waitFor();
});

test('an admin sees who got a document, and all that one person got, refusals too', async () => {
  await choose(ada, paper(ada, 'dalolatnoma.pdf'), 'Kim yuklab oldi');
  const entries = ada.locator('dialog .log li');
  await entries.first().waitFor();
  const of = async () =>
    (await entries.locator('p:first-child').allTextContents()).map((each) =>
      each.replace(/\s+/g, ' '),
    );
  assert.match((await of())[0], /^kim ?Mijoz ?rad etildi \(asl nusxasi\)$/);
  assert.ok((await of()).some((each) => /^Ada ?Egasi ?yuklab oldi \(asl nusxasi\)$/.test(each)));
  assert.match(await entries.first().textContent(), /Chrome, Linux · 127\.0\.0\.1/);
  await ada.screenshot({ path: `${pictures}/documents-log.png` });
  await ada.keyboard.press('Escape');
  await ada.getByRole('button', { name: 'Jurnal: ann' }).click();
  await entries.first().waitFor();
  assert.ok((await of()).every((each) => each.startsWith('ann')));
  await ada.locator('dialog select').selectOption({ label: 'kim — Mijoz' });
  await until(async () => (await of())[0]?.startsWith('kim'), 'what kim got');
  assert.ok((await of()).every((each) => each.startsWith('kim')));
  await ada.keyboard.press('Escape');
});

test('an admin sees what failed, and has it done again', async () => {
  await openSheet('Fon ishlari');
  const job = ada.locator('.jobs li', { hasText: 'buzuq.pdf' });
  await job.getByText('Fayl buzilgan.').waitFor();
  await ada.screenshot({ path: `${pictures}/documents-jobs.png` });
  const failures = () =>
    world.cluster.value(`SELECT count(*) FROM onefin.journal WHERE kind = 'job.failed'`);
  const before = await failures();
  await job.getByRole('button', { name: 'Qayta ishga solish' }).click();
  await until(async () => (await failures()) > before, 'another attempt');
  await job.getByText(/Fayl buzilgan/).waitFor();
  await ada.keyboard.press('Escape');
});

test('an admin gives the firm a logo, and settings; what is no logo is refused', async () => {
  await openSheet('Firma sozlamalari');
  const field = ada.locator('dialog input[type=file]');
  await ada.getByText('Logotip hali yoʻq').waitFor();
  await field.setInputFiles({ name: 'a.pdf', mimeType: 'application/pdf', buffer: pdf });
  await ada.getByText('Faqat 128 KB gacha PNG yoki SVG boʻladi.').waitFor();
  await field.setInputFiles({ name: 'logo.svg', mimeType: 'image/svg+xml', buffer: logo });
  await ada.getByText('Logotip almashtirildi.').waitFor();
  await until(
    () => ada.locator('.logo-now img').evaluate((image) => image.naturalWidth > 0),
    'the logo',
  );
  const junk = Buffer.from('no picture');
  await field.setInputFiles({ name: 'logo.png', mimeType: 'image/png', buffer: junk });
  await ada.getByText('Yangi logotipni oʻqib boʻlmadi.').waitFor();
  await ada.getByRole('switch', { name: /Ofis fayllarini/ }).click();
  await ada.getByLabel('Faylning eng katta hajmi, MB').fill('50');
  await ada.getByRole('button', { name: 'Saqlash' }).click();
  await ada.getByText('Saqlandi.').waitFor();
  await ada.screenshot({ path: `${pictures}/documents-firm.png` });
  const { settings } = await world.admin.call('settings');
  assert.deepEqual([settings.office_to_pdf, settings.upload_bytes], [true, 52_428_800]);
  await ada.keyboard.press('Escape');
});

/** So many bytes a second go up, -1 for as many as can; or there is no line at all. */
async function slow(page, uploadThroughput, offline = false) {
  page.line ??= await page.context().newCDPSession(page);
  const conditions = { offline, latency: 0, downloadThroughput: -1, uploadThroughput };
  await page.line.send('Network.emulateNetworkConditions', conditions);
}
