// How it looks: who waits, figures, bonuses, their rules, and ratings.

import { randomUUID } from 'node:crypto';
import { after, before } from 'node:test';
import { World } from '../lib/firm.mjs';
import { everyLook, look, one } from './looks.mjs';
import { pdf } from './papers.mjs';
import { logIn, openTopic, Visitors } from './visitors.mjs';

let world, visitors, people, topics;

before(async () => {
  world = await World.start();
  visitors = await Visitors.start(world);
  for (const role of ['client', 'accountant', 'supervisor', 'admin'])
    await world.admin.call('session_policies', { role, max_sessions: 100 }); // a login for each look
  await world.firm.assign(world.firm.accounts.ann, world.firm.orgs.Bahor);
  await world.firm.assign(world.firm.accounts.ben, world.firm.orgs.Bahor);
  people = {};
  for (const login of ['kim', 'lee', 'ann', 'ben', 'ada'])
    people[login] = await world.connect(login);
  topics = world.firm.orgs.Anor.topics;
  await rules();
  await month();
  await rounds();
  await waits();
  await world.cluster.sealed();
});

after(async () => {
  await visitors?.end();
  await world?.end();
});

async function send(who, topic, text, documents) {
  const params = { topic, text, client_key: randomUUID(), documents };
  return (await people[who].call('send', params)).message;
}

async function upload(who, topic, name) {
  const address = `${world.gateway.http}/files?topic=${topic}&name=${encodeURIComponent(name)}`;
  const headers = { Authorization: `Bearer ${people[who].token}` };
  const answer = await fetch(address, { method: 'POST', headers, body: pdf });
  return (await answer.json()).result.id;
}

const firstOfMonth = () => new Date().toISOString().slice(0, 8) + '01';

async function rules() {
  await world.admin.call('policies', { first: 1800, next: 3600, resolution: 28_800, set: true });
  const org = world.firm.orgs.Bahor.id;
  await world.admin.call('policies', {
    org,
    kind: 'contract',
    first: 7200,
    warn_share: 0.5,
    set: true,
  });
  const { calendar } = await world.admin.call('calendars', {
    name: 'Toshkent, besh kun',
    hours: [1, 2, 3, 4, 5].flatMap((weekday) => [
      { weekday, from: '09:00', until: '13:00' },
      { weekday, from: '14:00', until: '18:00' },
    ]),
  });
  await world.admin.call('load_holidays', { calendar: calendar.id });
  await world.admin.call('calendar_uses', { kind: 'waybill', calendar: calendar.id, set: true });
  await world.admin.call('bonus_rules', {
    from: firstOfMonth(),
    rules: {
      document_rates: { bank_payment: '5000', invoice: '7500.50', contract: '12000' },
      rating_rate: '10000',
      rating_min: 4,
      sla_tiers: [
        { share: 0.8, amount: '200000' },
        { share: 0.95, amount: '350000' },
      ],
      min_documents: 1,
      cap: '2000000',
    },
  });
}

/** What was said on each day of the month until now, as it was brought in. */
async function month() {
  const start = Date.parse(`${firstOfMonth()}T09:00:00+05:00`);
  const days = new Date().getUTCDate() - 1;
  for (let day = 0; day < days; day++) {
    if ([5, 6].includes(day % 7)) continue;
    for (let n = 0; n < 1 + (day % 4); n++) {
      const at = start + day * 86_400_000 + n * 5_400_000;
      await bring('kim', topics.invoice, at);
      await bring('ann', topics.invoice, at + (3 + ((day * 7 + n * 11) % 70)) * 60_000);
    }
  }
}

const bring = (login, topic, at) =>
  world.admin.call('import', {
    topic,
    author: world.firm.accounts[login].id,
    text: 'Hisob',
    at: new Date(at).toISOString(),
    client_key: randomUUID(),
  });

/** Rounds that were closed, rated, and paid for. */
async function rounds() {
  for (const [at, score] of [5, 4, 2].entries()) {
    const bill = await upload('kim', topics.bank_payment, `hisob-faktura-${at + 1}.pdf`);
    await send('kim', topics.bank_payment, 'Toʻlov kerak', [bill]);
    await people.ann.call('process', { document: bill, mark: 'processed' });
    await send('ann', topics.bank_payment, 'Toʻlandi');
    const { ticket } = await people.ann.call('close', { topic: topics.bank_payment });
    const comment = score === 2 ? 'Ikki marta soʻradim, keyin javob keldi.' : undefined;
    await people.kim.call('rate', { ticket, score, comment });
  }
  await send('lee', world.firm.orgs.Bahor.topics.invoice, 'Salom');
  await send('ben', world.firm.orgs.Bahor.topics.invoice, 'Salom!');
}

/** Late, warned of, not yet, paused. */
async function waits() {
  const bahor = world.firm.orgs.Bahor.topics;
  const late = await send('kim', topics.contract, 'Shartnoma qachon tayyor boʻladi?');
  const warned = await send('lee', bahor.bank_payment, 'Toʻlov oʻtdimi?');
  await send('lee', bahor.contract, 'Rahmat!');
  await send('kim', topics.power_of_attorney, 'Ishonchnoma kerak');
  await send('ann', topics.power_of_attorney, 'Kimning nomiga?');
  await send('kim', topics.power_of_attorney, 'Karimov nomiga');
  await people.ann.call('await_client', { topic: topics.power_of_attorney });
  await since(late.id, 125);
  await since(warned.id, 27);
}

/** A wait began so many minutes earlier. */
const since = (message, minutes) =>
  world.cluster.query(
    `UPDATE onefin.wait SET started_at = started_at - $2 * interval '1 minute',
         due_at = due_at - $2 * interval '1 minute', warn_at = warn_at - $2 * interval '1 minute'
     WHERE message_id = $1`,
    [message, minutes],
  );

everyLook(async (name, language, options) => {
  await accountant(name, language, options);
  await supervisor(name, language, options);
  await admin(name, language, options);
  await client(name, language, options);
}, one);

async function enter(login, language, options) {
  const page = await visitors.open(options);
  await page.click(`.languages [lang=${language}]`);
  await logIn(page, login);
  return page;
}

/** Opens a section by its tab, and shows all of it. */
async function section(page, at, ready, name) {
  await page.locator('.tabs a').nth(at).click();
  await page.locator(ready).first().waitFor();
  await whole(page, name);
}

/** From the top, and from the end where it does not fit. */
async function whole(page, name) {
  await page.locator('.office-scroll').evaluate((box) => box.scrollTo(0, 0));
  await look(page, name);
  const more = await page.locator('.office-scroll').evaluate((box) => {
    const left = box.scrollHeight - box.clientHeight;
    box.scrollTo(0, box.scrollHeight);
    return left > 0;
  });
  if (more) await look(page, `${name}-end`);
}

async function accountant(name, language, options) {
  const page = await enter('ann', language, options);
  await page.click('.companies a[href^="#/f/"]');
  await page.locator('.tile').first().waitFor();
  await page.locator('.chart canvas').waitFor();
  await page.locator('.bonus-total').waitFor();
  await whole(page, `${name}-figures-own`);
  await page.locator('.chart').scrollIntoViewIfNeeded();
  await look(page, `${name}-figures-chart`);
  await page.locator('.bonus .round').first().click();
  await page.locator('.items li').first().waitFor();
  await look(page, `${name}-figures-items`);
  await page.keyboard.press('Escape');
  await section(page, 1, '.wait.over', `${name}-figures-waits`);
  await page.locator('.wait .plain').first().click();
  await page.locator('dialog textarea').waitFor();
  await look(page, `${name}-figures-dismiss`);
  await page.keyboard.press('Escape');
  await section(page, 2, '.ratings li', `${name}-figures-ratings`);
  await page.click('.office .back');
  await page.click('.companies .row:has-text("Anor")');
  await page.locator('.wait-mark.over').waitFor();
  await look(page, `${name}-figures-topics`);
  await openTopic(page, null, 1);
  await page.locator('.wait-strip.over').waitFor();
  await look(page, `${name}-figures-chat`);
  await page.context().close();
}

async function supervisor(name, language, options) {
  const page = await enter('nora', language, options);
  await page.click('.companies a[href^="#/f/"]');
  await page.locator('.figures tbody tr').first().waitFor();
  await whole(page, `${name}-figures-people`);
  await page.locator('.chips button').nth(2).click();
  await look(page, `${name}-figures-kinds`);
  await page.context().close();
}

async function admin(name, language, options) {
  const page = await enter('ada', language, options);
  await page.click('.companies a[href^="#/f/"]');
  await page.locator('.figures tbody tr').first().waitFor();
  await section(page, 3, '.payroll-total', `${name}-figures-payroll`);
  await section(page, 4, '[data-rule]', `${name}-figures-rules`);
  const adding = page.locator('.card-head .plain');
  for (let at = 0; at < 4; at++) {
    await adding.nth(at).click();
    await page.locator('dialog form').waitFor();
    await look(page, `${name}-figures-add-${at}`);
    await page.keyboard.press('Escape');
  }
  await page.locator('[data-calendar] summary').click();
  await page.locator('.days li').first().scrollIntoViewIfNeeded();
  await look(page, `${name}-figures-holidays`);
  await page.context().close();
}

async function client(name, language, options) {
  const page = await enter('kim', language, options);
  await send('kim', topics.waybill, 'TTN kerak');
  await send('ann', topics.waybill, 'Tayyor');
  const { ticket } = await people.ann.call('close', { topic: topics.waybill });
  await page.locator('.faces label').nth(3).click();
  await look(page, `${name}-figures-rate`);
  await page.locator('.rate .plain').click();
  await page.locator('.topics .menu > button').click();
  await page.getByRole('menuitem').nth(2).click();
  await page.locator('.ratings li').first().waitFor();
  await whole(page, `${name}-figures-my-ratings`);
  await page.context().close();
  await people.kim.call('rate', { ticket, score: 4 });
}
