// How it looks: the login form when it refuses, the notice of a new device, the devices, the
// password.

import { after, before } from 'node:test';
import { password, World } from '../lib/firm.mjs';
import { everyLook, look } from './looks.mjs';
import { logIn, openTopic, Visitors } from './visitors.mjs';

let world, visitors;

before(async () => {
  world = await World.start();
  visitors = await Visitors.start(world);
});

after(async () => {
  await visitors?.end();
  await world?.end();
});

/** lee's password is the old one, all of his devices are new, and nobody has to wait. */
async function startAnew() {
  await world.cluster.query(`
    UPDATE onefin.account SET password_hash = o.password_hash
      FROM onefin.account o WHERE o.login = 'kim' AND account.login = 'lee';
    UPDATE onefin.session SET device = NULL, ended_at = coalesce(ended_at, now())
      WHERE account_id = ${world.firm.accounts.lee.id};
    DELETE FROM onefin.login_failure`);
}

/** lee logs in elsewhere; in the list it is so many hours ago. */
async function elsewhere(device, address, hours) {
  const { session } = await world.connect('lee', device);
  await world.cluster.query(
    `UPDATE onefin.session SET address = $2, last_seen = now() - $3 * interval '1 hour'
     WHERE id = $1`,
    [session, address, hours],
  );
}

const policy = (values) => world.admin.call('session_policies', { role: 'client', ...values });

async function refuseLogins(page, name) {
  const enter = page.locator('.login [type=submit]');
  const tip = page.locator('.login .tip.bad');
  await page.fill('[name=login]', 'lee');
  await page.fill('[name=password]', 'a guess');
  await enter.click();
  await tip.waitFor();
  await world.cluster.query('UPDATE onefin.login_failure SET level = 20, at = clock_timestamp()');
  await enter.click();
  await tip.filter({ hasText: '15' }).waitFor();
  await look(page, `${name}-login-early`);
  await world.cluster.query('DELETE FROM onefin.login_failure');
  await policy({ max_sessions: 1, when_full: 'refuse' });
  await page.fill('[name=password]', password);
  await enter.click();
  await tip.filter({ hasNotText: '15' }).waitFor();
  await look(page, `${name}-login-full`);
  await policy({ max_sessions: 10, when_full: 'evict' });
}

async function openDevices(page, name) {
  await page.locator('header .menu > button').click();
  await look(page, `${name}-menu`);
  await page.getByRole('menuitem').first().click();
  await page.locator('.device').nth(2).waitFor();
  await look(page, `${name}-devices`);
  await page.keyboard.press('Escape');
}

async function endDevices(page, name) {
  await page.locator('.device').nth(4).waitFor();
  await look(page, `${name}-devices-new`);
  await page.locator('.suspect button').first().click();
  await look(page, `${name}-devices-end`);
  await page.locator('.suspect .sure button').last().click();
  await page.locator('.device').nth(4).waitFor({ state: 'detached' });
  await page.locator('dialog footer').scrollIntoViewIfNeeded();
  await look(page, `${name}-devices-ended`);
  await page.locator('dialog footer button').first().click();
  await look(page, `${name}-devices-others`);
  await page.locator('.sure button').first().click();
}

async function changePassword(page, name) {
  await look(page, `${name}-password`);
  const fields = page.locator('.password input[type=password]');
  for (let at = 0; at < 3; at++) await fields.nth(at).fill('a better password');
  await page.locator('.password [type=submit]').click();
  await page.locator('.password .tip.bad').waitFor();
  await look(page, `${name}-password-wrong`);
  await fields.first().fill(password);
  await page.locator('.password [type=submit]').click();
  await page.locator('dialog .tip:not(.bad)').waitFor();
  await look(page, `${name}-password-changed`);
}

everyLook(async (name, language, options) => {
  await startAnew();
  await elsewhere('Firefox, Windows', '213.230.64.17', 26);
  await elsewhere('Kassadagi umumiy kompyuter', '2001:db8:85a3:8d3:1319:8a2e:370:7348', 300);
  const page = await visitors.open(options);
  await page.click(`.languages [lang=${language}]`);
  await refuseLogins(page, name);
  await logIn(page, 'lee');
  await openDevices(page, name);
  await openTopic(page);
  await elsewhere('Chrome, Windows', '45.88.12.201', 1);
  await elsewhere('Chrome, Android', '84.54.71.2', 0);
  const notice = page.locator('.new-login > div');
  await notice.locator('p').nth(3).waitFor();
  await look(page, `${name}-new-login`);
  await notice.getByRole('button').last().click();
  await endDevices(page, name);
  await page.locator('dialog footer button').last().click();
  await changePassword(page, name);
  await page.context().close();
});
