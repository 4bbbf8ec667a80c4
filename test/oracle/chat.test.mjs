// Waits and figures of imported chats, row by row beside an independent computation (sla.mjs): in wall
// time, and under a business calendar with a policy that held then.
//
//   LOG=chat.jsonl        another log instead of the real chat
//   CHAT_SEED=...         the made-up logs of a run that failed, again

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { startImport } from '../lib/importer.mjs';
import { chatFile } from '../lib/real.mjs';
import { scratchFolder, until } from '../lib/scratch.mjs';
import { badLines, makeChat } from './chats.mjs';
import { Calendar, Zone, figuresBy, readLog, waitsOf } from './sla.mjs';

const zone = 'Asia/Tashkent';
const seed = Number(process.env.CHAT_SEED ?? Date.now() % 1000000);
const real = process.env.LOG ?? chatFile;
const names = [...existsSync(real) ? ['real'] : [], 'made', 'more'];
const folder = scratchFolder();

const plan = {
    zone,
    weekly: Object.fromEntries([1, 2, 3, 4, 5, 6].map(day => [day, day < 6 ? [['00:00', '06:30'], ['19:15', '24:00']] : [['09:00', '13:00'], ['20:00', '23:59']]])),
    exceptions: { '2019-09-02': [], '2019-09-09': [], '2019-09-16': [['01:00', '02:00'], ['14:00', '18:00']], '2019-09-22': [['08:00', '12:00']], '2019-10-01': [] },
    targets: { first: 600, next: 300 },
};

/** The text of each log, by its name. */
const texts = {
    real: () => readFileSync(real, 'utf8'),
    made: () => `${[...makeChat(seed, 'made', 60), ...badLines('made')].join('\n')}\n\n`,
    more: () => makeChat(seed + 1, 'more', 25).join('\r\n'),
};

const logs = names.map(name => {
    const text = texts[name]();
    const file = `${folder.path}/${name}.jsonl`;
    writeFileSync(file, text);
    return { name, file, ...readLog(text) };
});

/** Puts all logs into a firm. */
async function fill(world, prepare) {
    await prepare(world);
    for (const { name, file, lines, refused } of logs) {
        const { stdout, stderr } = await startImport(world.gateway, file, ['--keep-times', '--json'], { ONEFIN_MEMBER_PASSWORD: undefined });
        assert.equal(stderr, '');
        const report = JSON.parse(stdout);
        assert.deepEqual([report.sent, report.refusals.map(refusal => refusal.line)], [lines.length, refused], `${name}: what is taken of it`);
    }
    await world.cluster.sealed();
}

/** What the firm is to have: sla.mjs on each log. */
function expectedOf(calendar) {
    return logs.flatMap(log => {
        const said = new Map(log.lines.map(line => [line.number, line.text]));
        return waitsOf(log.lines, calendar).map(wait => ({ ...wait, question: said.get(wait.number), answer: said.get(wait.answer) ?? null }));
    });
}

const moment = column => `(extract(epoch FROM ${column}) * 1000000)::bigint`;

/** Rows of onefin.wait, each client's in their order. */
const responses = world => world.cluster.query(`
    SELECT o.name AS client, w.kind, q.text AS question, ${moment('w.started_at')} AS start, ${moment('w.ended_at')} AS end,
        a.login AS responder, m.text AS answer, w.duration, w.target, w.outcome, w.imported, w.breached_at IS NOT NULL AS missed
    FROM onefin.wait w JOIN onefin.org o ON o.id = w.org_id JOIN onefin.message q ON q.id = w.message_id
    LEFT JOIN onefin.account a ON a.id = w.responder_id LEFT JOIN onefin.message m ON m.id = w.answer_id
    WHERE w.kind <> 'resolution' ORDER BY o.name COLLATE "C", w.id`);

const inOrder = waits => [...waits].sort((a, b) => a.client < b.client ? -1 : a.client > b.client ? 1 : a.number - b.number);

async function checkRows(world, expected, targets) {
    assert.deepEqual(await responses(world), inOrder(expected).map(({ client, kind, question, start, end, responder, answer, business }) => ({
        client, kind, question, start, end, responder, answer, duration: business, target: targets[kind] === undefined ? null : targets[kind] * 1e6,
        outcome: end === null ? null : 'answered', imported: true, missed: false })));
}

// --- figures

const near = (a, b) => a === b || a !== null && b !== null && Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b));
const kinds = ['first', 'next', 'response'];
const parts = ['count', 'mean', 'median', 'p90', 'within'];

/** Each figure of a view beside that of sla.mjs; a key that has none is one of nothing. */
async function checkView(world, view, key, expected) {
    const rows = await world.cluster.query(`SELECT ${key} AS key, ${kinds.flatMap(kind => parts.map(part => `${kind}_${part}`))} FROM onefin_kpi.${view}`);
    const found = Object.fromEntries(rows.map(row => [row.key, row]));
    const wrong = [];
    assert.ok(Object.keys(expected).length > 0, 'there is something to compare');
    for (const one of new Set([...Object.keys(found), ...Object.keys(expected)]))
        for (const kind of kinds)
            for (const part of parts) {
                const nothing = part === 'count' ? 0 : null;
                const [is, be] = [found[one]?.[`${kind}_${part}`] ?? nothing, expected[one]?.[kind][part] ?? nothing];
                if (!near(is, be))
                    wrong.push(`${one}: ${kind}_${part} is ${is}, not ${be}`);
            }
    assert.deepEqual([view, wrong.length, wrong.slice(0, 10)], [view, 0, []]);
}

async function checkFigures(world, expected, targets, zoneName) {
    const clock = new Zone(zoneName);
    const day = wait => clock.date(wait.end);
    const month = wait => `${day(wait).slice(0, 7)}-01`;
    const seal = await world.cluster.value('SELECT onefin.position()');
    await until(() => world.cluster.value('SELECT seal >= $1 FROM onefin.kpi_state', [seal]), 'the figures to be up to date');
    const by = keyOf => figuresBy(expected, keyOf, targets);
    await checkView(world, 'staff_day', "account || ' ' || day", by(wait => `${wait.responder} ${day(wait)}`));
    await checkView(world, 'staff_month', "account || ' ' || month", by(wait => `${wait.responder} ${month(wait)}`));
    await checkView(world, 'org_month', "org || ' ' || month", by(wait => `${wait.client} ${month(wait)}`));
    await checkView(world, 'kind_month', "kind || ' ' || month", by(wait => `bank_payment ${month(wait)}`));
}

/** The view with a row a wait: what is in seconds, and what was promised. */
async function checkWaits(world, expected, targets) {
    const rows = await world.cluster.query(`SELECT w.org AS client, w.kind, ${moment('w.started_at')} AS start, ${moment('w.ended_at')} AS end, w.responder,
        w.duration, w.target, w.within FROM onefin_kpi.waits w WHERE w.kind <> 'resolution' ORDER BY w.org COLLATE "C", w.id`);
    assert.deepEqual(rows, inOrder(expected).map(({ client, kind, start, end, responder, business }) => {
        const target = targets[kind] ?? null;
        return { client, kind, start, end, responder, duration: business === null ? null : business / 1e6, target,
            within: target === null || business === null ? null : business <= target * 1e6 };
    }));
}

/** Each client has one that nobody ended, from the first line of its own. */
async function checkResolutions(world) {
    const rows = await world.cluster.query(`SELECT o.name AS client, ${moment('w.started_at')} AS start, w.ended_at AS end
        FROM onefin.wait w JOIN onefin.org o ON o.id = w.org_id WHERE w.kind = 'resolution'`);
    const first = new Map();
    for (const { client, role, at } of logs.flatMap(log => log.lines))
        if (role === 'client' && !first.has(client))
            first.set(client, at);
    assert.deepEqual(rows.sort((a, b) => a.client < b.client ? -1 : 1), [...first].sort(([a], [b]) => a < b ? -1 : 1).map(([client, start]) => ({ client, start, end: null })));
}

// --- the firms

async function addCalendar(world) {
    const [{ id }] = await world.cluster.query("INSERT INTO onefin.calendar (name, time_zone) VALUES ('Nights', $1) RETURNING id", [plan.zone]);
    const flat = hours => hours.length ? `{${hours.flat()}}` : null;
    for (const [day, hours] of Object.entries(plan.weekly))
        await world.cluster.query('INSERT INTO onefin.calendar_hours VALUES ($1, $2, $3)', [id, day, flat(hours)]);
    for (const [day, hours] of Object.entries(plan.exceptions))
        await world.cluster.query("INSERT INTO onefin.calendar_exception (calendar_id, day, name, hours) VALUES ($1, $2, 'another day', $3)", [id, day, flat(hours)]);
    await world.cluster.query('INSERT INTO onefin.calendar_use (calendar_id) VALUES ($1)', [id]);
}

const ways = {
    'in wall time, with the firm in New York': {
        zone: 'America/New_York', targets: {}, calendar: undefined,
        prepare: world => world.admin.call('settings', { name: 'time_zone', value: 'America/New_York' }),
    },
    'in business time, under a policy': {
        zone, targets: plan.targets, calendar: new Calendar(plan),
        async prepare(world) {
            await addCalendar(world);
            await world.admin.call('policies', { set: true, from: '2018-01-01T00:00:00Z', ...plan.targets });
        },
    },
};

const worlds = {};

before(() => Promise.all(Object.entries(ways).map(async ([way, { prepare }]) => {
    worlds[way] = await World.start({ empty: true });
    await fill(worlds[way], prepare);
})));
after(() => Promise.all(Object.values(worlds).map(world => world.end())));

for (const [way, { zone: zoneName, targets, calendar }] of Object.entries(ways)) {
    const expected = expectedOf(calendar);

    test(`${names}, seed ${seed}, ${way}: the waits`, async t => {
        t.diagnostic(`${expected.length} waits, ${expected.filter(wait => wait.end !== null).length} answered`);
        await checkRows(worlds[way], expected, targets);
        await checkResolutions(worlds[way]);
    });

    test(`${names}, seed ${seed}, ${way}: the figures`, async () => {
        await checkWaits(worlds[way], expected, targets);
        await checkFigures(worlds[way], expected, targets, zoneName);
    });
}

test('the real chat is there', { skip: existsSync(real) ? false : `needs ${real}, which is not here` }, () => {
    assert.ok(logs.find(log => log.name === 'real').lines.length > 0);
});
