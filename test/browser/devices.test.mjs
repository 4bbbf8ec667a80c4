// Where I am logged in: the list of devices, the notice of a new one, a new password, and what the
// login form says when it is too early or too many are in.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { password, World } from '../lib/firm.mjs';
import { until } from '../lib/scratch.mjs';
import { load } from './page.mjs';
import { logIn, openTopic, say, saying, Visitors } from './visitors.mjs';

const iPhone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1';
const iPad = iPhone.replace('iPhone; CPU iPhone OS', 'iPad; CPU OS');
const other = 'a better password';

let world, visitors;

before(async () => {
  world = await World.start();
  visitors = await Visitors.start(world);
});

after(async () => {
  await visitors?.end();
  await world?.end();
});

async function openDevices(page) {
  await page.getByRole('button', { name: 'Menyu' }).click();
  await page.getByRole('menuitem', { name: 'Qurilmalar' }).click();
  await page.locator('.device').first().waitFor();
}

async function openPassword(page) {
  await page.getByRole('button', { name: 'Menyu' }).click();
  await page.getByRole('menuitem', { name: 'Parolni almashtirish' }).click();
  await page.locator('.password').waitFor();
}

const rows = (page, name) => page.locator('.device', { hasText: name });
const alert = (page, text) => page.getByRole('alert').filter({ hasText: text });
const status = (page, text) => page.getByRole('status').filter({ hasText: text });
const isOut = (page) => page.getByText('Seans tugadi.').waitFor();
const row = (page, name) => rows(page, name).first();

/** Of a page's frames: the logins that it was told of. */
const toldLogins = (page) =>
  page.received
    .map((frame) => JSON.parse(frame).params)
    .filter((event) => event?.kind === 'session.started');

test('the devices: by name, address and last use, this one first and marked', async () => {
  const page = await visitors.enter('lee');
  const lee = await world.connect('lee', iPhone);
  await world.connect('lee');
  await world.cluster.query(
    `UPDATE onefin.session SET address = '84.54.71.2', last_seen = now() - interval '3 hours'
     WHERE id = $1`,
    [lee.session],
  );
  await openDevices(page);
  await until(async () => (await page.locator('.device').count()) === 3, 'three devices');
  const [current, newest, oldest] = await page.locator('.device').all();
  assert.equal(await current.getAttribute('aria-current'), 'true');
  assert.match(
    await current.textContent(),
    /^Chrome, Linux.*hozirgi qurilma.*hozir · .*\d\d:\d\d.*127\.0\.0\.1$/,
  );
  assert.equal(await current.getByRole('button').count(), 0);
  assert.match(await newest.textContent(), /^Nomsiz qurilma/);
  assert.match(
    await oldest.textContent(),
    /^Safari, iPhone.*3 soat oldin · .*\d\d:\d\d.*84\.54\.71\.2/,
  );
  assert.match(await oldest.locator('time').getAttribute('datetime'), /^\d{4}-\d\d-\d\dT/);
  await page.context().close();
});

test('ending a device asks first; then it is out at once, and gone from the list', async () => {
  const page = await visitors.enter('lee', {
    userAgent: 'Mozilla/5.0 (Windows NT 10.0) Firefox/130.0',
  });
  const lost = await visitors.enter('lee', { userAgent: iPad });
  await openDevices(page);
  const device = row(page, 'Safari, iPad');
  await device.getByRole('button', { name: 'Chiqarish' }).click();
  await device.getByText('Bu qurilma hisobdan chiqarilsinmi?').waitFor();
  await device.getByRole('button', { name: 'Bekor qilish' }).click();
  assert.equal(await lost.locator('.rows .row').count(), 5);
  await device.getByRole('button', { name: 'Chiqarish' }).click();
  await device.getByRole('button', { name: 'Chiqarish' }).click();
  await isOut(lost);
  await status(page, 'Qurilma chiqarildi.').waitFor();
  await device.waitFor({ state: 'detached' });
  await page.context().close();
});

test('one that is over already is no error', async () => {
  const page = await visitors.enter('lee');
  const { session } = await world.connect('lee', 'Dastur');
  await openDevices(page);
  await row(page, 'Dastur').waitFor();
  await world.cluster.query('UPDATE onefin.session SET ended_at = now() WHERE id = $1', [session]);
  await row(page, 'Dastur').getByRole('button', { name: 'Chiqarish' }).click();
  await row(page, 'Dastur').getByRole('button', { name: 'Chiqarish' }).click();
  await row(page, 'Dastur').waitFor({ state: 'detached' });
  assert.equal(await page.locator('.tip.bad').count(), 0);
  await page.context().close();
});

test('what is refused is told in the dialog', async () => {
  const page = await visitors.enter('lee');
  await world.connect('lee', 'Dastur');
  await openDevices(page);
  const revoke = 'EXECUTE ON FUNCTION onefin_api.revoke_session(bigint)';
  await world.cluster.query(`REVOKE ${revoke} FROM onefin_client`);
  await row(page, 'Dastur').getByRole('button', { name: 'Chiqarish' }).click();
  await row(page, 'Dastur').getByRole('button', { name: 'Chiqarish' }).click();
  await page.locator('dialog').getByText('Bunga ruxsatingiz yoʻq.').waitFor();
  await world.cluster.query(`GRANT ${revoke} TO onefin_client`);
  await row(page, 'Dastur').waitFor();
  await page.context().close();
});

test('all others are ended together, once that is confirmed; the list follows logins', async () => {
  const page = await visitors.enter('moe');
  await openDevices(page);
  assert.equal(await page.getByRole('button', { name: 'Boshqa hammasini chiqarish' }).count(), 0);
  const lost = [await visitors.enter('moe'), await visitors.enter('moe')];
  await until(async () => (await page.locator('.device').count()) === 3, 'the list to follow');
  await page.getByRole('button', { name: 'Boshqa hammasini chiqarish' }).click();
  await page.getByRole('button', { name: 'Chiqarish', exact: true }).last().click();
  await Promise.all(lost.map(isOut));
  await status(page, '2 ta qurilma chiqarildi.').waitFor();
  assert.equal(await page.locator('.device').count(), 1);
  await page.keyboard.press('Escape');
  await openTopic(page);
  await page.context().close();
});

test('a new device is announced to the others, in nobody’s way, until it is answered for', async () => {
  const page = await visitors.enter('kim');
  await openTopic(page);
  await world.connect('kim', iPhone);
  const notice = alert(page, 'Hisobingizga yangi qurilmadan kirildi');
  await notice.waitFor();
  assert.match(await notice.textContent(), /Safari, iPhone · 127\.0\.0\.1.*\d\d:\d\d/);
  await say(page, 'Xalaqit bermaydi');
  await saying(page, 'Xalaqit bermaydi').waitFor();
  const second = await visitors.tab(page.context());
  await alert(second, 'Safari, iPhone').waitFor();
  await page.reload();
  await notice.getByRole('button', { name: 'Bu men', exact: true }).click();
  await notice.waitFor({ state: 'detached' });
  await alert(second, 'Safari, iPhone').waitFor({ state: 'detached' });
  await page.reload();
  await page.locator('.composer').waitFor();
  assert.equal(await notice.count(), 0);
  await second.close();
  await page.context().close();
});

test('a login of a known device, and one’s own, are not announced', async () => {
  const page = await visitors.enter('kim', { userAgent: 'Mozilla/5.0 (X11; CrOS) Chrome/119.0' });
  await world.connect('kim', iPhone);
  await until(() => toldLogins(page).some((event) => event.new_device === false), 'the event');
  await until(() => toldLogins(page).some((event) => event.new_device === true), 'its own');
  assert.equal(await page.locator('.new-login > *').count(), 0);
  await page.context().close();
});

test('“not me” leads to the devices, where the new ones are marked', async () => {
  const page = await visitors.enter('kim');
  await world.connect('kim', 'Begona 1');
  await world.connect('kim', 'Begona 2');
  await alert(page, 'Yana 1 ta yangi kirish').waitFor();
  await page.getByRole('button', { name: 'Bu men emas' }).click();
  await page.getByText('Tanimagan qurilmangizni chiqaring, keyin parolni almashtiring.').waitFor();
  await page.locator('.device.suspect').nth(1).waitFor();
  assert.deepEqual((await page.locator('.device.suspect strong').allTextContents()).sort(), [
    'Begona 1',
    'Begona 2',
  ]);
  assert.equal(await page.locator('.new-login > *').count(), 0);
  await page.context().close();
});

test('who ends the session of its owner is announced to him when he is back', async () => {
  const page = await visitors.enter('kim');
  const thief = await world.connect('kim', 'Oʻgʻri');
  await alert(page, 'Oʻgʻri').waitFor();
  await thief.call('revoke_sessions');
  await isOut(page);
  await logIn(page, 'kim');
  await alert(page, 'Oʻgʻri').waitFor();
  await page.context().close();
});

async function fillPassword(page, ...values) {
  const fields = page.locator('.password input[type=password]');
  for (const [at, value] of values.entries()) await fields.nth(at).fill(value);
  await page.locator('.password [type=submit]').click();
}

test('a new password: the rules before, what is wrong after, and what was typed stays', async () => {
  const page = await visitors.enter('ann');
  await openPassword(page);
  await page.getByText('Kamida 8 belgi').waitFor();
  await fillPassword(page, password, 'seven77', 'seven77');
  await alert(page, 'Yangi parol juda qisqa: kamida 8 belgi kerak.').waitFor();
  await fillPassword(page, password, other, 'another one');
  await alert(page, 'Yangi parol ikki joyda ikki xil yozilgan.').waitFor();
  await fillPassword(page, password, 'x'.repeat(1025), 'x'.repeat(1025));
  await alert(page, 'Yangi parol juda uzun.').waitFor();
  await fillPassword(page, 'not mine', other, other);
  await alert(page, 'Hozirgi parol notoʻgʻri.').waitFor();
  assert.equal(await page.locator('.password input[type=password]').nth(1).inputValue(), other);
  await world.cluster.query(
    "UPDATE onefin.login_failure SET level = 13, at = clock_timestamp() WHERE key LIKE 'pair %'",
  );
  await fillPassword(page, password, other, other);
  await alert(page, '5 daqiqadan keyin qayta urinib koʻring.').waitFor();
  await world.cluster.query('DELETE FROM onefin.login_failure');
  await page.context().close();
});

test('a changed password ends the other devices, and says so', async () => {
  const page = await visitors.enter('ann');
  const lost = await visitors.enter('ann');
  await openPassword(page);
  await fillPassword(page, password, other, other);
  await status(page, 'Parol almashtirildi. Boshqa qurilmalar hisobdan chiqarildi.').waitFor();
  await isOut(lost);
  await page.getByRole('button', { name: 'Yopish' }).click();
  await lost.fill('[name=login]', 'ann');
  await lost.fill('[name=password]', password);
  await lost.press('[name=password]', 'Enter');
  await lost.getByText('Login yoki parol notoʻgʻri.').waitFor();
  await lost.fill('[name=password]', other);
  await lost.press('[name=password]', 'Enter');
  await lost.locator('.companies').waitFor();
  await lost.context().close();
  await page.context().close();
});

test('a password whose change was cut off may be the new one, or is not sent at all', async () => {
  const page = await visitors.enter('sue');
  await openPassword(page);
  const holder = await world.cluster.connect();
  await holder.query('BEGIN');
  await holder.query("SELECT FROM onefin.account WHERE login = 'sue' FOR UPDATE");
  await fillPassword(page, password, other, other);
  const waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'";
  await until(async () => (await world.cluster.value(waits)) === 1, 'the change to wait');
  await world.gateway.kill();
  await alert(page, 'Parol almashgan boʻlishi mumkin').waitFor();
  await fillPassword(page, password, other, other);
  await alert(page, 'Server bilan aloqa yoʻq.').waitFor();
  await holder.query('ROLLBACK');
  await holder.end();
  await world.gateway.run();
  await page.context().close();
});

async function tryLogin(page, login) {
  await page.fill('[name=login]', login);
  await page.fill('[name=password]', password);
  await page.press('[name=password]', 'Enter');
}

async function typed(page, login) {
  assert.equal(await page.inputValue('[name=login]'), login);
  assert.equal(await page.inputValue('[name=password]'), password);
}

test('a login that is too early is told for how long, and what was typed stays', async () => {
  const page = await visitors.open();
  for (let at = 0; at < 5; at++) {
    await page.fill('[name=login]', 'nora');
    await page.fill('[name=password]', `guess ${at}`);
    await page.press('[name=password]', 'Enter');
    await page.getByText('Login yoki parol notoʻgʻri.').waitFor();
    await page.locator('[type=submit]:enabled').waitFor();
  }
  await world.cluster.query(
    "UPDATE onefin.login_failure SET level = 20, at = clock_timestamp() WHERE key LIKE 'pair %'",
  );
  await tryLogin(page, 'nora');
  await alert(page, '15 daqiqadan keyin qayta urinib koʻring.').waitFor();
  await page.click('.languages [lang=ru]');
  await alert(page, 'Попробуйте снова через 15 минут.').waitFor();
  await page.click('.languages [lang=en]');
  await alert(page, 'Try again in 15 minutes.').waitFor();
  await typed(page, 'nora');
  await world.cluster.query('DELETE FROM onefin.login_failure');
  await page.press('[name=password]', 'Enter');
  await page.locator('.companies').waitFor();
  await page.context().close();
});

test('a login when too many devices are in is told so, and what was typed stays', async () => {
  const policy = { role: 'supervisor', max_sessions: 1, when_full: 'refuse' };
  await world.admin.call('session_policies', policy);
  const page = await visitors.open();
  await tryLogin(page, 'nora');
  await alert(page, 'Ruxsat etilgan hamma qurilmalardan kirilgan.').waitFor();
  await typed(page, 'nora');
  await world.admin.call('session_policies', { ...policy, max_sessions: 10, when_full: 'evict' });
  await page.context().close();
});

test('names of devices, and times', async () => {
  const { deviceName, relative } = await load('format');
  const chrome = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0';
  const names = {
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome} Safari/537.36`]: 'Chrome, Windows',
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome} Safari/537.36 Edg/119.0.2151.58`]:
      'Edge, Windows',
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome} YaBrowser/23.9.0 Safari/537.36`]:
      'Yandex, Windows',
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome} Safari/537.36 OPR/105.0.0.0`]:
      'Opera, Windows',
    [`Mozilla/5.0 (Linux; Android 10; K) ${chrome} Mobile Safari/537.36`]: 'Chrome, Android',
    [`Mozilla/5.0 (Linux; Android 13; SM-A546) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/22.0 Chrome/111.0 Mobile Safari/537.36`]:
      'Samsung Internet, Android',
    [iPhone]: 'Safari, iPhone',
    [iPad]: 'Safari, iPad',
    [iPhone.replace('Version/17.1', 'CriOS/119.0.6045')]: 'Chrome, iPhone',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15':
      'Safari, macOS',
    'Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0': 'Firefox, Linux',
    'Chrome, Windows': 'Chrome, Windows',
    'Mozilla/5.0 (something else)': 'Mozilla/5.0 (something else)',
    'Kassadagi telefon': 'Kassadagi telefon',
    '': '',
  };
  for (const [device, name] of Object.entries(names)) assert.equal(deviceName(device), name);
  const times = [0, 1, 59, 60, 61, 900, 3600, -90, -3600, -3700, -86_400 * 2.5];
  assert.deepEqual(
    times.map((seconds) => relative('uz', seconds)),
    [
      'hozir',
      '1 soniyadan keyin',
      '59 soniyadan keyin',
      '1 daqiqadan keyin',
      '2 daqiqadan keyin',
      '15 daqiqadan keyin',
      '1 soatdan keyin',
      '1 daqiqa oldin',
      '1 soat oldin',
      '1 soat oldin',
      '2 kun oldin',
    ],
  );
  assert.deepEqual(
    [
      relative('ru', 60),
      relative('ru', -7200),
      relative('en', 900),
      relative('en', -86_400),
      relative('en', 0),
    ],
    ['через 1 минуту', '2 часа назад', 'in 15 minutes', '1 day ago', 'now'],
  );
});
