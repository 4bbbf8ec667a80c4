// What happens elsewhere and shows at once: who is there, who types, what is watched, and that the
// server or its database is away.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { password, World } from '../lib/firm.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { until } from '../lib/scratch.mjs';
import { logIn, openTopic, pictures, say, saying, Visitors } from './visitors.mjs';

let world, visitors, kim, ann, nora;

before(async () => {
  world = await World.start();
  visitors = await Visitors.start(world);
  for (const role of ['client', 'accountant', 'supervisor', 'admin'])
    await world.admin.call('session_policies', { role, max_sessions: 100 });
  kim = await visitors.enter('kim');
  ann = await visitors.enter('ann');
  nora = await visitors.enter('nora');
});

after(async () => {
  await visitors?.end();
  await world?.end();
});

const person = (page, name) => page.locator('.person', { hasText: name });
const dot = (page, name) => person(page, name).getByRole('img', { name: 'hozir shu yerda' });
const gone = (locator) => locator.waitFor({ state: 'detached' });
const status = (page) => page.locator('.status');

/** Everything that the status line says from now on. */
async function listen(page) {
  await page.evaluate(() => {
    window.heard = [];
    const line = document.querySelector('.status');
    new MutationObserver(() => window.heard.push(line.textContent)).observe(line, {
      subtree: true,
      childList: true,
      characterData: true,
    });
  });
  return () => page.evaluate(() => window.heard);
}

const live = (page) => page.locator('.status[data-connection=live]').waitFor({ state: 'attached' });

test('staff see who is there of a company, and when that changes', async () => {
  await openTopic(ann, 'Anor');
  await dot(ann, 'kim').waitFor();
  assert.equal(await person(ann, 'ann').count(), 0, 'nobody needs to be told of himself');
  await nora.click('.companies .row:has-text("Anor")');
  await dot(nora, 'kim').waitFor();
  await dot(nora, 'ann').waitFor();
  await kim.goto('about:blank');
  await gone(dot(ann, 'kim'));
  await gone(dot(nora, 'kim'));
  assert.equal(await person(ann, 'kim').textContent(), 'KkimMijoz', 'nothing is said of who is away');
  await kim.goto(world.gateway.http);
  await dot(ann, 'kim').waitFor();
});

test('clients are told of nobody, unless the firm wants it', async () => {
  await person(kim, 'ann').waitFor();
  await openTopic(kim);
  assert.equal(await kim.locator('.here').count(), 0);
  await world.admin.call('settings', { name: 'client_sees_presence', value: true });
  await kim.reload();
  await dot(kim, 'ann').waitFor();
  await kim.screenshot({ path: `${pictures}/realtime-client.png`, animations: 'disabled' });
});

test('who is there is forgotten with the connection, and asked anew with the next', async () => {
  await world.gateway.kill();
  await gone(dot(ann, 'kim'));
  await world.gateway.run();
  await dot(ann, 'kim').waitFor();
  await dot(kim, 'ann').waitFor();
});

test('nobody is told that a supervisor or admin is there', async () => {
  const { id } = world.firm.accounts.nora;
  for (const page of [kim, ann]) {
    assert.equal(await person(page, 'nora').count(), 0);
    const told = page.received.filter((frame) => frame.includes(`"account":${id},"online"`));
    assert.deepEqual(told, []);
  }
});

test('an accountant who comes to a company appears among its people', async () => {
  await world.firm.assign(world.firm.accounts.ben, world.firm.orgs.Anor);
  await person(kim, 'ben').waitFor();
  await person(ann, 'ben').waitFor();
  await world.firm.assign(world.firm.accounts.ben, world.firm.orgs.Anor, true);
  await gone(person(kim, 'ben'));
});

const watches = async () => {
  const { entries } = await world.admin.call('journal', { kind: 'ghost.*', limit: 1000 });
  return entries.map(({ kind, org, topic, detail }) => ({ kind, org, topic, ...detail }));
};
const company = (page) => page.getByRole('switch', { name: 'Butun mijozni kuzatish' });
const checked = (locator) => locator.and(locator.page().locator('[aria-checked=true]'));

test('a supervisor watches a whole company, for as long as the switch is on', async () => {
  const { id: org } = world.firm.orgs.Anor;
  const whole = async (kind) =>
    (await watches()).filter((each) => each.kind === kind && each.org === org && !each.topic).length;
  assert.equal(await company(ann).count(), 0);
  assert.equal(await whole('ghost.started'), 0);
  await company(nora).press('Space');
  await checked(company(nora)).waitFor();
  await nora.locator('.companies .row', { hasText: 'Anor' }).locator('.watch-mark').waitFor();
  assert.equal(await whole('ghost.started'), 1);
  // It ends with the connection, and begins again with the next.
  await world.gateway.stop();
  await gone(nora.locator('.watch-mark'));
  await world.gateway.run();
  await checked(company(nora)).waitFor();
  await until(async () => (await whole('ghost.started')) === 2, 'the second watch');
  await company(nora).click();
  await gone(nora.locator('.watch-mark'));
  await until(async () => (await whole('ghost.ended')) === 2, 'both to be ended');
});

test('departments are watched from a menu: the own one by a supervisor, each by an admin', async () => {
  const menu = (page) => page.getByRole('button', { name: 'Koʻrinmasdan kuzatish' });
  const item = (page, name) => page.getByRole('menuitemcheckbox', { name });
  await menu(nora).click();
  assert.equal(await item(nora, 'boʻlim').count(), 1);
  await item(nora, 'Butun boʻlim: North').click();
  await nora.locator('.watching').waitFor();
  assert.equal(await nora.locator('.watch-mark').count(), 2, 'Anor and Bahor');
  await nora.getByText('North boʻlimi bilan birga kuzatuvda').waitFor();
  const ada = await visitors.enter('ada');
  await menu(ada).press('Enter');
  await ada.locator('[role=menuitemcheckbox]:focus').waitFor(); // keys before that are the button's
  assert.equal(await item(ada, 'boʻlim').count(), 2);
  await ada.keyboard.press('ArrowDown');
  await ada.keyboard.press('Enter');
  await ada.locator('.companies .row', { hasText: 'Chinor' }).locator('.watch-mark').waitFor();
  assert.equal(await ada.locator('.watch-mark').count(), 1);
  const started = (await watches()).filter((each) => each.department);
  assert.deepEqual(
    started.map((each) => each.department).sort(),
    [world.firm.departments.North.id, world.firm.departments.South.id].sort(),
  );
  await menu(nora).click();
  await item(nora, 'Butun boʻlim: North').click();
  await gone(nora.locator('.watching'));
  await ada.context().close();
  assert.ok(![...kim.received, ...ann.received].some((frame) => frame.includes('ghost')));
});

test('who goes on typing is shown so without a gap; then it fades by itself', async () => {
  await openTopic(ann, null, 0);
  const line = ann.locator('.typing', { hasText: 'kim yozmoqda…' });
  await kim.locator('.composer textarea').pressSequentially('a');
  await line.waitFor();
  await ann.evaluate(() => {
    window.gaps = 0;
    const line = document.querySelector('.typing');
    new MutationObserver(() => line.textContent || window.gaps++).observe(line, {
      subtree: true,
      childList: true,
      characterData: true,
    });
  });
  const told = () => ann.received.filter((frame) => frame.includes('"typing"')).length;
  const before = told();
  await until(async () => {
    await kim.locator('.composer textarea').pressSequentially('b', { delay: 100 });
    return told() >= before + 4;
  }, 'typing to be told four times');
  assert.equal(await ann.evaluate(() => window.gaps), 0);
  await gone(line);
  await kim.fill('.composer textarea', '');
});

test('typing goes at once when the message comes', async () => {
  await ann.evaluate(() => {
    window.both = 0;
    new MutationObserver(() => {
      const said = [...document.querySelectorAll('.message .text')].at(-1)?.textContent;
      if (said === 'Mana' && document.querySelector('.typing').textContent) window.both++;
    }).observe(document.querySelector('.messages'), { subtree: true, childList: true });
  });
  await kim.locator('.composer textarea').pressSequentially('Mana');
  await ann.getByText('kim yozmoqda…').waitFor();
  await kim.press('.composer textarea', 'Enter');
  await saying(ann, 'Mana').waitFor();
  assert.equal(await ann.evaluate(() => window.both), 0);
  assert.equal(await ann.getByText('kim yozmoqda…').count(), 0);
});

test('the database being away is told calmly, and what is written meanwhile arrives', async () => {
  world.cluster.run('stop');
  const words = 'Server bazasi bilan aloqa yoʻq. Yozganlaringiz saqlanadi va keyin yuboriladi.';
  await status(kim).getByText(words).waitFor();
  await say(kim, 'Baza yoʻq paytida');
  await kim.locator('.message.pending').waitFor();
  await kim.screenshot({ path: `${pictures}/realtime-stalled.png`, animations: 'disabled' });
  // Who comes only now is told the same.
  const late = await visitors.tab(kim.context());
  await late.getByText(words).waitFor();
  world.cluster.run('start');
  await saying(ann, 'Baza yoʻq paytida').waitFor();
  await until(async () => (await status(kim).textContent()) === '', 'the line to go');
  await live(late);
  await late.close();
});

test('a gateway that says goodbye and comes back alarms nobody', async () => {
  const heard = [await listen(kim), await listen(ann)];
  await world.gateway.stop();
  await until(async () => (await status(kim).textContent()) !== '', 'the loss to be noticed');
  await world.gateway.run();
  await live(kim);
  await live(ann);
  for (const each of heard) assert.ok(!(await each()).join().includes('Aloqa uzildi'));
  await say(kim, 'Qaytdim');
  await saying(ann, 'Qaytdim').waitFor();
});

test('too many connections of an account: said so, and it stops until one tries again', async () => {
  const gateway = await Gateway.start(world.cluster, { connections_per_account: 1 });
  const others = await Visitors.start({ gateway });
  const first = await others.enter('lee');
  const second = await others.tab(first.context());
  const words = 'Hisobingiz juda koʻp joyda ochiq.';
  await status(second).getByText(words).waitFor();
  await second.screenshot({ path: `${pictures}/realtime-full.png`, animations: 'disabled' });
  const tries = () => second.received.length;
  const before = tries();
  await second.evaluate(() => dispatchEvent(new Event('online')));
  await second.getByText(words).waitFor();
  assert.equal(tries(), before);
  await first.close();
  await until(async () => {
    const button = second.getByRole('button', { name: 'Qayta urinish' });
    if (await button.isVisible()) await button.click();
    return (await status(second).getAttribute('data-connection')) === 'live';
  }, 'room for the second');
  const third = await others.open();
  await third.fill('[name=login]', 'lee');
  await third.fill('[name=password]', password);
  await third.press('[name=password]', 'Enter');
  await third.getByText(words).waitFor();
  await others.end();
  gateway.remove();
});

test('a server that asks to try later is left in peace for a while', async () => {
  let tries = 0;
  let closes = true;
  const page = await visitors.open();
  await page.routeWebSocket(/\/ws$/, (socket) => {
    tries++;
    if (closes) socket.close({ code: 1013, reason: 'try again later' });
    else socket.connectToServer();
  });
  await page.reload(); // the route holds from here on
  await page.fill('[name=login]', 'lee');
  await page.fill('[name=password]', password);
  await page.press('[name=password]', 'Enter');
  await page.getByText('Server hozir band.').waitFor();
  closes = false;
  await logIn(page, 'lee');
  closes = true;
  await page.reload();
  await page.getByText('Server hozir band. Oʻzi qayta ulanadi').waitFor();
  assert.equal(tries, 3);
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await page.evaluate(() => new Promise((done) => setTimeout(done, 1000)));
  assert.equal(tries, 3);
  await page.context().close();
});

test('a limit on calls loses no message', async () => {
  const gateway = await Gateway.start(world.cluster, { calls_per_second: 2 });
  const others = await Visitors.start({ gateway });
  const lee = await others.open();
  await logIn(lee, 'lee');
  await openTopic(lee);
  const texts = Array.from({ length: 15 }, (_, at) => `Tez ${at}`);
  for (const text of texts) {
    await lee.fill('.composer textarea', text);
    await lee.press('.composer textarea', 'Enter');
  }
  await until(() => lee.received.some((frame) => frame.includes('-32006')), 'a refusal');
  const stored = () =>
    world.cluster.query("SELECT text FROM onefin.message WHERE text LIKE 'Tez %' ORDER BY id");
  await until(async () => (await stored()).length === texts.length, 'all of them');
  assert.deepEqual((await stored()).map((row) => row.text), texts);
  assert.equal(await lee.locator('.message.pending').count(), 0);
  await others.end();
  gateway.remove();
});
