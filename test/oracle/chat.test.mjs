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

/** A firm of its own for each way to measure, with all logs in it. */
async function firmOf(prepare) {
    const world = await World.start({ empty: true });
    await prepare(world);
    for (const { name, file, lines, refused } of logs) {
        const { stdout, stderr } = await startImport(world.gateway, file, ['--keep-times', '--json'], { ONEFIN_MEMBER_PASSWORD: undefined });
        assert.equal(stderr, '');
        const report = JSON.parse(stdout);
        assert.deepEqual([report.sent, report.refusals.map(refusal => refusal.line)], [lines.length, refused], `${name}: what is taken of it`);
    }
    await world.cluster.sealed();
    return world;
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
