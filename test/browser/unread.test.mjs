// The counts of unread messages that the page shows are those that `topics` answers, whatever is
// done: a random play of messages, deletions, reads on other devices, losses of the connection and
// of companies. ONEFIN_SEED repeats one.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { sleep, until } from '../lib/scratch.mjs';
import { Visitors } from './visitors.mjs';

const ROUNDS = 60;
/** Longer than the page takes to ask again. Milliseconds. */
const SETTLED = 500;

const seed = Number(process.env.ONEFIN_SEED ?? Date.now() % 1e6);
let drawn = seed;
/** 0 to n - 1, by a linear congruence. */
function random(n) {
  drawn = (Math.imul(drawn, 1664525) + 1013904223) >>> 0;
  return Math.floor((drawn / 2 ** 32) * n);
}
const pick = (all) => all[random(all.length)];

let world, visitors, page, members;
/** {id, topic, author} of all messages, by what is done here. */
const messages = [];

before(async () => {
  world = await World.start();
  visitors = await Visitors.start(world);
  for (const role of ['client', 'accountant', 'supervisor'])
    await world.admin.call('session_policies', { role, max_sessions: 100 });
  await world.firm.assign(world.firm.accounts.ann, world.firm.orgs.Bahor);
  await world.firm.assign(world.firm.accounts.ben, world.firm.orgs.Anor);
  page = await visitors.enter('ann');
  members = {};
  for (const login of ['kim', 'lee', 'ann', 'ben']) members[login] = await world.enter(login);
});

after(async () => {
  await visitors?.end();
  await world?.end();
});

const topicsOf = (name) => Object.values(world.firm.orgs[name].topics).slice(0, 2);
const places = { kim: ['Anor'], lee: ['Bahor'], ben: ['Anor'], ann: ['Anor', 'Bahor'] };
/** Whether ann is assigned to Bahor. */
let has = true;

const doings = {
  async send() {
    const login = pick(['kim', 'lee', 'ben', 'kim', 'lee', 'ann']);
    const place = login === 'ann' && !has ? 'Anor' : pick(places[login]);
    const topic = pick(topicsOf(place));
    const visibility = login === 'ben' ? 'staff' : 'all';
    const params = { topic, text: 'x', visibility, client_key: randomUUID() };
    const { message } = await members[login].call('send', params);
    messages.push({ id: message.id, topic, place, login });
  },
  async burst() {
    await Promise.all(Array.from({ length: 5 }, () => doings.send()));
  },
  async remove() {
    if (messages.length === 0) return;
    const [{ id, login }] = messages.splice(Math.max(0, messages.length - 1 - random(6)), 1);
    if (login !== 'ann' || has) await members[login].call('delete', { message: id, version: 1 });
  },
  /** A message that is deleted before its event is told of, as like as not. */
  async sendAndRemove() {
    const topic = pick(topicsOf('Anor'));
    const params = { topic, text: 'x', client_key: randomUUID() };
    const { message } = await members.kim.call('send', params);
    await members.kim.call('delete', { message: message.id, version: 1 });
  },
  /** On another device, and not always up to the last. */
  async read() {
    const mine = messages.filter((each) => has || each.place === 'Anor');
    if (mine.length === 0) return;
    const { topic, id } = mine[Math.max(0, mine.length - 1 - random(8))];
    await members.ann.call('read', { topic, message: id });
  },
  async assign() {
    has = !has;
    await world.firm.assign(world.firm.accounts.ann, world.firm.orgs.Bahor, !has);
  },
  async reconnect() {
    await world.gateway.kill();
    await doings.bySql();
    await world.gateway.run();
  },
  /** While nobody is connected. */
  async bySql() {
    const { id } = pick(messages) ?? {};
    await world.cluster.query('DELETE FROM onefin.message WHERE id = $1 AND author_id <> $2 AND deleted_at IS NULL', [
      id ?? 0,
      world.firm.accounts.ann.id,
    ]);
  },
  async reload() {
    await page.reload();
  },
  async open() {
    const name = has ? pick(['Anor', 'Bahor']) : 'Anor';
    await page.locator('.companies .row', { hasText: name }).click();
    if (random(2)) await page.click(`.topics .row >> nth=${random(2)}`);
    else await page.evaluate(() => (location.hash = location.hash.replace(/t.*/, '')));
  },
};

// What is rare in life is rare here.
const often = ['send', 'send', 'send', 'burst', 'remove', 'remove', 'sendAndRemove', 'read', 'read'];
const rare = ['assign', 'reconnect', 'reload', 'open', 'open', 'bySql'];

const number = (text) => Number(text.match(/\d+/)?.[0] ?? 0);

/** By company and by topic of the open one, as shown. */
const shown = () =>
  page.evaluate(() => {
    const counts = (rows) =>
      Object.fromEntries(
        [...document.querySelectorAll(rows)].map((row) => [
          row.querySelector('.row-name').textContent,
          Number(row.querySelector('.unread > [aria-hidden]')?.textContent ?? 0),
        ]),
      );
    const name = document.querySelector('.topics h2').textContent;
    return { orgs: counts('.companies .row'), open: name, topics: counts('.topics .row') };
  });

/** The same by what the server answers. */
async function told(open) {
  const { orgs } = await members.ann.call('topics');
  const found = orgs.find((org) => org.name === open);
  const sum = (org) => org.topics.reduce((all, topic) => all + topic.unread, 0);
  return {
    orgs: Object.fromEntries(orgs.map((org) => [org.name, sum(org)])),
    open: found ? open : '',
    topics: Object.fromEntries((found?.topics ?? []).map((each) => [each.names.uz, each.unread])),
  };
}

async function agree() {
  const now = await shown();
  assert.deepEqual(now, await told(now.open));
  return true;
}

test(`the page counts as the server does: ONEFIN_SEED=${seed}`, async () => {
  let unread = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const doing = random(3) ? pick(often) : pick(rare);
    await doings[doing]();
    if (random(2)) continue; // several at once
    await until(agree, `the counts of round ${round} (${doing})`);
    await sleep(SETTLED);
    await until(agree, `the counts of round ${round} (${doing}) to stay`);
    unread += number(await page.title());
  }
  assert.ok(unread > 0, 'there was something to count');
});
