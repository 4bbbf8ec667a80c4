// Who waits, what is measured, what clients say of it, and what it pays: as each sees it, against what
// the database says. Real browsers, gateway and worker.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { until } from '../lib/scratch.mjs';
import { load } from './page.mjs';
import { pdf } from './papers.mjs';
import { openTopic, pictures, say, Visitors } from './visitors.mjs';

const { duration, money, share } = await load('amounts');
const secret = 'Hisob raqami 2020 8000 9000 1234';
let world, visitors, people, topics, kim, ann, nora, ada;

before(async () => {
  world = await World.start();
  visitors = await Visitors.start(world);
  for (const role of ['client', 'accountant', 'supervisor', 'admin'])
    await world.admin.call('session_policies', { role, max_sessions: 100 });
  await world.admin.call('policies', { first: 3600, next: 7200, set: true });
  people = {};
  await world.firm.assign(world.firm.accounts.ben, world.firm.orgs.Bahor);
  for (const login of ['kim', 'lee', 'ann', 'ben']) people[login] = await world.connect(login);
  topics = world.firm.orgs.Anor.topics;
  await send('lee', world.firm.orgs.Bahor.topics.contract, 'Salom');
  await send('ben', world.firm.orgs.Bahor.topics.contract, 'Salom!');
  await world.admin.call('bonus_rules', {
    from: firstOf(-1),
    rules: { document_rates: { invoice: '5000.50' }, rating_rate: '10000', rating_min: 4 },
  });
  kim = await visitors.enter('kim');
  ann = await visitors.enter('ann');
  nora = await visitors.enter('nora');
  ada = await visitors.enter('ada');
});

after(async () => {
  await visitors?.end();
  await world?.end();
});

const sql = (text, ...values) => world.cluster.query(text, values);
const value = (text, ...values) => world.cluster.value(text, values);
const send = async (who, topic, text, documents) =>
  (await people[who].call('send', { topic, text, client_key: randomUUID(), documents })).message;

/** The first day of this month in Tashkent, or of one so many later. */
function firstOf(later) {
  const [year, month] = new Date(Date.now() + 5 * 3_600_000).toISOString().split('-').map(Number);
  return new Date(Date.UTC(year, month - 1 + later, 1)).toISOString().slice(0, 10);
}

/** The client's message was said so many minutes earlier, for its wait. */
const earlier = (message, minutes) =>
  sql(
    `UPDATE onefin.wait SET started_at = started_at - $2 * interval '1 minute',
         due_at = due_at - $2 * interval '1 minute', warn_at = warn_at - $2 * interval '1 minute'
     WHERE message_id = $1`,
    message,
    minutes,
  );

/** What the page draws without a word of its own: blanks between thousands are no-break ones. */
const plain = (text) => text.replace(/\s+/g, ' ').trim();
const texts = async (locator) => (await locator.allTextContents()).map(plain);
const office = (page, address) => page.goto(`${world.gateway.http}/#/f/${address}`);
const waitOf = (page, company, kind) =>
  page.locator('.wait', { hasText: company }).filter({ hasText: kind });

test('the topic that is open says how long its client waits', async () => {
  await openTopic(ann, 'Anor');
  await openTopic(kim);
  assert.equal(await ann.locator('.wait-strip').count(), 0, 'nobody has asked');
  await say(kim, 'Toʻlov qachon?');
  await ann.locator('.wait-strip.calm').getByText('59 daq qoldi').waitFor();
  assert.equal(await kim.locator('.wait-strip').count(), 0, 'a client is not shown it');
  await say(ann, 'Bugun');
  await ann.locator('.wait-strip').waitFor({ state: 'detached' });
});

test('a round waits for the client, goes on, and everybody sees which', async () => {
  await say(kim, 'Qaysi bankdan?');
  const doing = (name) => ann.getByRole('button', { name, exact: true });
  await doing('Mijozni kutish').click();
  await ann.locator('.wait-strip.paused').getByText('mijoz kutilmoqda').waitFor();
  for (const page of [kim, ann])
    await page
      .locator('.heading .ticket.waiting_client', { hasText: 'Mijoz kutilmoqda' })
      .waitFor();
  await doing('Davom ettirish').click();
  await ann.locator('.wait-strip.calm').waitFor();
  await kim.locator('.heading .ticket.open').waitFor();
  assert.equal(await kim.locator('.round-doing').count(), 0);
});

test('open waits come by urgency; a warning and a miss show at once', async () => {
  const calm = await send('kim', topics.contract, 'Shartnoma kerak');
  const late = await send('kim', topics.waybill, secret);
  await office(ann, 'waits');
  await waitOf(ann, 'Anor', 'TTN').waitFor();
  const order = async () =>
    (await texts(ann.locator('.wait-what span'))).map((each) => each.split(' · ')[0]);
  assert.deepEqual(await order(), ['Dogovor', 'TTN', 'Bank oplata'], 'the first that is due');
  await earlier(calm.id, 55);
  await ann
    .locator('.wait.warned', { hasText: 'Dogovor' })
    .getByText(/^[45] daq qoldi$/)
    .waitFor();
  await earlier(late.id, 90);
  await ann.locator('.wait.over', { hasText: 'TTN' }).getByText('30 daq kechikdi').waitFor();
  assert.deepEqual(await order(), ['TTN', 'Dogovor', 'Bank oplata']);
  await ann.screenshot({ path: `${pictures}/figures-waits.png` });
  await waitOf(ann, 'Anor', 'TTN').locator('a').click();
  await ann.locator('.wait-strip.over').waitFor();
  assert.match(ann.url(), new RegExp(`#/t/${topics.waybill}$`));
});

test('what needs no answer is dismissed, with a reason or without; a miss stays', async () => {
  await office(ann, 'waits');
  const dismiss = async (kind, reason) => {
    await waitOf(ann, 'Anor', kind).getByRole('button', { name: 'Javob kerak emas' }).click();
    await ann.locator('dialog textarea').fill(reason);
    await ann.locator('dialog [type=submit]').click();
    await waitOf(ann, 'Anor', kind).waitFor({ state: 'detached' });
  };
  await dismiss('TTN', 'Rahmat deb yozgan');
  await dismiss('Bank oplata', '');
  const ended = await sql(
    `SELECT w.topic_id, w.outcome, w.breached_at IS NOT NULL AS missed, j.detail ->> 'reason' AS reason
     FROM onefin.wait w JOIN onefin.journal j ON j.kind = 'wait.dismissed' AND j.subject_id = w.id ORDER BY j.id`,
  );
  const outcome = 'dismissed';
  assert.deepEqual(ended, [
    { topic_id: topics.waybill, outcome, missed: true, reason: 'Rahmat deb yozgan' },
    { topic_id: topics.bank_payment, outcome, missed: false, reason: null },
  ]);
  await office(nora, 'waits');
  await waitOf(nora, 'Anor', 'Dogovor').waitFor();
  assert.equal(await nora.locator('.wait button').count(), 0, 'a supervisor looks on');
});

test('a client is asked for one rating when a person has closed a round, by keys alone too', async () => {
  await ann.goto(`${world.gateway.http}/#/t/${topics.bank_payment}`);
  await ann.getByRole('button', { name: 'Murojaatni yopish' }).click();
  await ann.locator('dialog .solid').click();
  const dialog = kim.getByRole('dialog', { name: 'Xizmatimizni qanday baholaysiz?' });
  await dialog.getByText('Masʼul: ann').waitFor();
  const scores = dialog.getByRole('radio');
  assert.deepEqual(await texts(dialog.locator('.faces label > span')), [
    '1 Juda yomon',
    '2 Yomon',
    '3 Oʻrtacha',
    '4 Yaxshi',
    '5 Juda yaxshi',
  ]);
  assert.equal(await dialog.locator(':checked').count(), 0, 'none is chosen beforehand');
  assert.equal(await dialog.locator('[type=submit]').isDisabled(), true);
  await kim.screenshot({ path: `${pictures}/figures-rating.png` });
  await scores.first().focus();
  await kim.keyboard.press('Space');
  await kim.keyboard.press('ArrowRight');
  await dialog.getByLabel('Izoh (ixtiyoriy)').fill('Uzoq kutdim');
  await dialog.getByRole('button', { name: 'Baholash' }).click();
  await dialog.waitFor({ state: 'detached' });
  const rated = await sql('SELECT score, comment FROM onefin.rating_now');
  assert.deepEqual(rated, [{ score: 2, comment: 'Uzoq kutdim' }]);
});

test('a rating can be changed; every one of them is kept', async () => {
  await kim.getByRole('button', { name: 'Menyu' }).click();
  await kim.getByRole('menuitem', { name: 'Mening baholarim' }).click();
  const row = kim.locator('.ratings li', { hasText: 'Bank oplata' });
  await row.getByText('2 — Yomon').waitFor();
  await row.getByRole('button', { name: 'Oʻzgartirish' }).click();
  const dialog = kim.getByRole('dialog');
  assert.equal(await dialog.getByLabel('Izoh (ixtiyoriy)').inputValue(), 'Uzoq kutdim');
  await dialog.locator('.faces label').nth(4).click();
  await dialog.getByRole('button', { name: 'Saqlash' }).click();
  await row.getByText('5 — Juda yaxshi').waitFor();
  assert.deepEqual(await sql('SELECT array_agg(score ORDER BY id) AS scores FROM onefin.rating'), [
    { scores: [2, 5] },
  ]);
  await office(ann, 'ratings');
  const told = ann.locator('.ratings li', { hasText: 'Anor · Bank oplata' });
  await told.getByText('5 — Juda yaxshi').waitFor();
  await told.getByText('Uzoq kutdim').waitFor();
  assert.equal(await told.locator('button').count(), 0);
  await office(nora, 'ratings');
  await nora
    .locator('.ratings li', { hasText: 'Anor' })
    .getByText(/^ann · /)
    .waitFor();
});

test('who says later is asked once more, when reminded; and not of a round that closed by itself', async () => {
  await send('ann', topics.contract, 'Tayyor');
  await people.ann.call('close', { topic: topics.contract });
  const dialog = kim.getByRole('dialog');
  await dialog.getByText(/^Dogovor/).waitFor();
  await dialog.getByRole('button', { name: 'Keyinroq' }).click();
  await silence(topics.invoice);
  await kim.reload();
  await kim.locator('.ratings li', { hasText: 'baholanmagan' }).waitFor();
  assert.equal(await kim.locator('dialog').count(), 0, 'neither again nor for silence');
  assert.equal(await kim.locator('.ratings li', { hasText: 'Shot-faktura' }).count(), 0);
  await sql(
    `UPDATE onefin.ticket SET closed_at = closed_at - interval '25 hours' WHERE topic_id = $1`,
    topics.contract,
  );
  world.cluster.restart(); // the worker reminds each minute, and when it starts
  await kim
    .getByRole('dialog')
    .getByText(/^Dogovor/)
    .waitFor();
  await kim.keyboard.press('Escape');
  await kim.locator('dialog').waitFor({ state: 'detached' });
});

/** What was said in a topic is old, and the firm closes such rounds. */
async function silence(topic) {
  const author = (login) => world.firm.accounts[login].id;
  const at = (hours) => new Date(Date.now() - hours * 3_600_000).toISOString();
  for (const [login, hours] of [
    ['kim', 60],
    ['ann', 59],
  ])
    await world.admin.call('import', {
      topic,
      author: author(login),
      text: 'Eski',
      at: at(hours),
      client_key: randomUUID(),
    });
  await world.admin.call('settings', { name: 'close_after_hours', value: 48 });
  await until(
    async () =>
      (await value(
        `SELECT count(*) FROM onefin.ticket WHERE topic_id = $1 AND closed_how = 'silence'`,
        topic,
      )) > 0,
    'the round to close by itself',
  );
  await world.admin.call('settings', { name: 'close_after_hours', value: 0 });
}

/** Of the month's waits, straight from their table. */
const measured = (account, kinds) =>
  sql(
    `SELECT count(*)::int AS count,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY duration / 1e6) AS median, avg(duration / 1e6)::float8 AS mean,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY duration / 1e6) AS p90,
        ((count(*) FILTER (WHERE duration <= target))::float8 / nullif(count(target), 0)) AS within
     FROM onefin.wait
     WHERE responder_id = $1 AND kind = ANY ($2) AND duration IS NOT NULL
       AND (ended_at AT TIME ZONE 'Asia/Tashkent')::date BETWEEN $3::date AND ($3::date + interval '1 month - 1 day')::date`,
    account,
    kinds,
    firstOf(0),
  );

test('an accountant sees what the tables say, and a dash for what there is none of', async () => {
  await bills();
  await world.cluster.sealed();
  await office(ann, 'figures/now');
  const row = (part) => ann.locator(`[data-part=${part}] td`);
  for (const [part, kinds] of [
    ['first', ['first']],
    ['next', ['next']],
    ['response', ['first', 'next']],
    ['resolution', ['resolution']],
  ]) {
    const [of] = await measured(world.firm.accounts.ann.id, kinds);
    const time = (seconds) => duration('uz', seconds);
    const expected = [String(of.count), time(of.median), time(of.mean), time(of.p90)];
    await until(
      async () =>
        JSON.stringify(await texts(row(part))) ===
        JSON.stringify([...expected, share('uz', of.within)]),
      `${part}: ${expected} ${share('uz', of.within)}`,
      20,
    );
  }
  const expected = ['5', '2', plain(money('uz', '20001.00'))].join();
  await until(
    async () => (await texts(ann.locator('.tile strong'))).slice(3).join() === expected,
    `tiles: ${expected}`,
    20,
  );
  await ann.locator('.chart canvas').waitFor();
  await ann.getByText('Jadval koʻrinishida').click();
  const days = await sql(
    `SELECT extract(day FROM ended_at AT TIME ZONE 'Asia/Tashkent')::int AS day, count(*)::int AS count
     FROM onefin.wait WHERE responder_id = $1 AND kind <> 'resolution' AND duration IS NOT NULL
       AND (ended_at AT TIME ZONE 'Asia/Tashkent')::date >= $2::date GROUP BY 1 ORDER BY 1`,
    world.firm.accounts.ann.id,
    firstOf(0),
  );
  const drawn = await ann
    .locator('.as-table tbody tr')
    .evaluateAll((all) => all.map((each) => [...each.children].map((cell) => cell.textContent)));
  assert.deepEqual(
    drawn.map(([day, count]) => ({ day: Number(day), count: Number(count) })),
    days,
  );
  await ann.screenshot({ path: `${pictures}/figures-own.png` });
});

/** Two of the client's documents, processed. */
async function bills() {
  for (const name of ['birinchi.pdf', 'ikkinchi.pdf']) {
    const address = `${world.gateway.http}/files?topic=${topics.invoice}&name=${name}`;
    const headers = { Authorization: `Bearer ${people.kim.token}` };
    const answer = await fetch(address, { method: 'POST', headers, body: pdf });
    const { id } = (await answer.json()).result;
    await send('kim', topics.invoice, '', [id]);
    await people.ann.call('process', { document: id, mark: 'processed' });
  }
}

test('a supervisor goes from the department to a person, and to what a sum is made of', async () => {
  await office(nora, 'figures/now');
  const names = nora.locator('.figures tbody th a');
  await names.first().waitFor();
  assert.deepEqual(await texts(names), ['ann', 'ben'], 'of the department');
  await nora.getByRole('button', { name: 'Mijozlar' }).click();
  assert.deepEqual((await texts(names)).sort(), ['Anor', 'Bahor']);
  await nora.getByRole('button', { name: 'Xodimlar' }).click();
  await names.first().click();
  const line = nora.locator('.bonus li', { hasText: 'Ishlangan hujjatlar' });
  await line.getByText(/2 × 5.000,50 soʻm/).waitFor();
  await line.getByRole('button').click();
  const items = nora.locator('.items li');
  await items.nth(1).waitFor();
  assert.deepEqual(await texts(items.locator('strong')), ['birinchi.pdf', 'ikkinchi.pdf']);
  await nora.screenshot({ path: `${pictures}/figures-items.png` });
  await items.first().getByRole('link', { name: 'Xabarga' }).click();
  await nora.locator('.messages .document').first().waitFor();
});

test('an admin closes the month before, has it as a file, and corrects it', async () => {
  await lastMonth();
  await office(ada, 'figures/now');
  await ada.getByRole('link', { name: 'Mukofot' }).click();
  await ada.getByRole('link', { name: 'Oldingi oy' }).click();
  await ada.getByText('Oy tugadi').waitFor();
  const total = plain(money('uz', '15001.50'));
  assert.equal(plain(await ada.locator('.payroll-total').textContent()), total);
  await ada.getByRole('button', { name: 'Oyni yopish' }).click();
  await ada.getByRole('dialog').getByText(`1 kishiga jami ${total}`).waitFor();
  await ada.getByRole('dialog').getByRole('button', { name: 'Oyni yopish' }).click();
  await ada.locator('.payroll-state.closed').waitFor();
  await ada.screenshot({ path: `${pictures}/figures-payroll.png` });
  const [download] = await Promise.all([
    ada.waitForEvent('download'),
    ada.getByRole('button', { name: 'CSV yuklab olish' }).click(),
  ]);
  assert.equal(download.suggestedFilename(), `payroll-${firstOf(-1).slice(0, 7)}.csv`);
  assert.match(readFileSync(await download.path(), 'utf8'), /ann.*15001\.50/s);
  await ada.getByRole('button', { name: 'Tuzatish kiritish' }).click();
  await ada.locator('dialog select').selectOption({ label: 'ben' });
  await ada.getByLabel('Summa, soʻm').fill('-1 200,10');
  await ada.getByLabel('Sababi').fill('Ikki marta hisoblangan');
  await ada.screenshot({ path: `${pictures}/figures-correction.png` });
  await ada.getByRole('dialog').getByRole('button', { name: 'Saqlash' }).click();
  await ada.getByText('Tuzatish keyingi oyga yozildi.').waitFor();
  await ada.keyboard.press('Escape');
  await ada.getByRole('link', { name: 'Keyingi oy' }).click();
  await ada.getByRole('link', { name: 'ben' }).click();
  const line = ada.locator('.bonus li', { hasText: 'Tuzatish' });
  await line.getByText('Ikki marta hisoblangan').waitFor();
  assert.equal(plain(await line.locator('.bonus-sum').textContent()), '−1 200,10 soʻm');
  assert.deepEqual(await sql('SELECT month::text, total::text FROM onefin.payroll'), [
    { month: firstOf(-1), total: '15001.50' },
  ]);
});

/** ann processed three documents in the middle of the month before. */
const lastMonth = () =>
  sql(
    `WITH made AS (
         INSERT INTO onefin.document (id, org_id, topic_id, uploader_id, uploader_name, by_client, name, type, size, sha256, store_key, state)
         SELECT nextval('onefin.document_id_seq'), $1, $2, $3, 'kim', true, 'eski.pdf', 'application/pdf', 1, sha256('x'), 'key' || n, 'ready'
         FROM generate_series(1, 3) n RETURNING id)
     INSERT INTO onefin.document_mark (document_id, org_id, at, account_id, account_name, mark)
     SELECT id, $1, $5::date + interval '14 days', $4, 'ann', 'processed' FROM made`,
    world.firm.orgs.Anor.id,
    topics.invoice,
    world.firm.accounts.kim.id,
    world.firm.accounts.ann.id,
    firstOf(-1),
  );

test('an admin sets targets, working hours and what is paid', async () => {
  await office(ada, 'rules');
  await ada.getByRole('button', { name: 'Muddat qoʻshish' }).click();
  const dialog = ada.getByRole('dialog');
  await dialog.getByLabel('Mijoz').selectOption({ label: 'Bahor' });
  const first = dialog.getByRole('group', { name: 'Birinchi javob' });
  await first.getByLabel('soat').fill('2');
  await first.getByLabel('daq').fill('30');
  await dialog.getByRole('button', { name: 'Saqlash' }).click();
  await ada.locator('[data-policy]', { hasText: 'Bahor' }).getByText('2 soat 30 daq').waitFor();
  await ada.getByRole('button', { name: 'Taqvim qoʻshish' }).click();
  await dialog.getByLabel('Nomi').fill('Toshkent');
  await dialog.getByRole('button', { name: 'Saqlash' }).click();
  const calendar = ada.locator('[data-calendar]', { hasText: 'Toshkent' });
  await calendar.getByText('09:00–13:00, 14:00–18:00').waitFor();
  await calendar.getByRole('button', { name: 'Bayramlarni yuklash' }).click();
  await calendar.getByText(/^Bayramlar va boshqa kunlar: \d+$/).click();
  await calendar.getByRole('switch').first().click();
  await calendar.locator('[role=switch][aria-checked=false]').waitFor();
  await ada.getByRole('button', { name: 'Taqvim biriktirish' }).click();
  await dialog.getByLabel('Yoʻnalish').selectOption({ label: 'TTN' });
  await dialog.getByRole('button', { name: 'Saqlash' }).click();
  await ada.locator('.uses li', { hasText: 'Hamma mijozlar · TTN' }).waitFor();
  await ada.getByRole('button', { name: 'Qoida qoʻshish' }).click();
  await dialog.getByLabel('Dogovor').fill('12 000,50');
  await dialog.getByRole('button', { name: 'Pogʻona qoʻshish' }).click();
  await dialog.getByLabel('Summa, soʻm').fill('300000');
  await dialog.getByRole('button', { name: 'Saqlash' }).click();
  await ada.locator('[data-rule]').nth(1).waitFor();
  assert.deepEqual(
    await sql(
      `SELECT from_day::text, document_rates, sla_tiers FROM onefin.bonus_rule ORDER BY id DESC LIMIT 1`,
    ),
    [
      {
        from_day: firstOf(1),
        document_rates: { invoice: '5000.50', contract: '12000.50' },
        sla_tiers: [{ share: 0.9, amount: '300000.00' }],
      },
    ],
  );
  assert.deepEqual(
    await sql(
      'SELECT (first_target / 1e6)::float8 AS first FROM onefin.policy ORDER BY id DESC LIMIT 1',
    ),
    [{ first: 9000 }],
  );
  assert.equal(await value('SELECT count(*) FROM onefin.calendar_exception WHERE NOT active'), 1);
});

test('figures have no words of others, and nobody sees those of another department', async () => {
  const sue = await visitors.enter('sue');
  const ben = await visitors.enter('ben');
  for (const page of [sue, ben])
    for (const section of ['figures/now', 'waits', 'ratings', 'payroll/now', 'rules']) {
      await office(page, section);
      await page.locator('.tabs [aria-current]').waitFor();
      await page.locator('.office .waiting, .office-content > :not(.empty)').first().waitFor();
    }
  for (const page of [sue, ben])
    for (const word of [secret, 'Anor', 'Uzoq kutdim', 'birinchi.pdf'])
      assert.equal(page.received.join('\n').includes(word), false, word);
  const figures = nora.received.filter((frame) => /"(staff|people|waits|items)":/.test(frame));
  assert.ok(figures.length > 3, 'there were figures');
  assert.equal(figures.join('\n').includes(secret), false, 'figures are numbers');
});
