// sla.mjs, which other tests are measured by, on what can be counted by hand.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { scratchFolder } from '../lib/scratch.mjs';
import { Calendar, instantOf } from './sla.mjs';

const program = fileURLToPath(new URL('sla.mjs', import.meta.url));
const folder = scratchFolder();

/** What the program prints for lines of [at, client, role, from]. */
function run(lines, plan) {
    const file = name => `${folder.path}/${name}`;
    writeFileSync(file('log'), lines.map(one => typeof one === 'string' ? one
        : JSON.stringify({ at: one[0], client: one[1], role: one[2], from: one[3] ?? one[1], text: 'words' })).join('\n'));
    writeFileSync(file('calendar'), JSON.stringify(plan ?? null));
    const { stdout, stderr, status } = spawnSync(process.execPath, [program, file('log'), ...plan ? [file('calendar')] : []], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return { rows: stdout.trim().split('\n').map(row => JSON.parse(row)), stderr };
}

// Anor is answered after 60 s, then after 10 s and 0 s; Bahor is spoken to first; Chinor is never answered.
const log = [
    ['2024-03-01T09:00:00Z', 'Anor', 'client'],
    ['2024-03-01T09:00:30Z', 'Anor', 'client'],
    ['2024-03-01T09:00:40Z', 'Bahor', 'staff', 'ann'],
    ['2024-03-01T09:01:00Z', 'Anor', 'staff', 'ann'],
    ['2024-03-01T09:01:05Z', 'Anor', 'staff', 'ben'],
    ['2024-03-01T09:02:00Z', 'Bahor', 'client'],
    ['2024-03-01T09:05:00Z', 'Anor', 'client'],
    ['2024-03-01T14:05:10+05:00', 'Anor', 'staff', 'ben'],
    'no json',
    ['2024-03-01T09:06:00Z', 'Anor', 'client'],
    ['2024-03-01T09:06:00Z', 'Anor', 'staff', 'ann'],
    ['2024-03-01T09:07:00Z', 'Chinor', 'client'],
    ['2024-03-01T09:12:00.5Z', 'Bahor', 'staff', 'ann'],
];

test('each wait, and the figures of each person', () => {
    const { rows, stderr } = run(log);
    assert.deepEqual(rows.filter(row => row.client).map(row => [row.client, row.kind, row.start.slice(11, 19), row.responder, row.wall, row.business]), [
        ['Anor', 'first', '09:00:00', 'ann', 60, 60],
        ['Bahor', 'next', '09:02:00', 'ann', 600.5, 600.5],
        ['Anor', 'next', '09:05:00', 'ben', 10, 10],
        ['Anor', 'next', '09:06:00', 'ann', 0, 0],
        ['Chinor', 'first', '09:07:00', null, null, null],
    ]);
    const nothing = { count: 0, mean: null, median: null, p90: null, within: null };
    const [ann, ben] = rows.filter(row => row.person);
    assert.deepEqual(ann.first, { count: 1, mean: 60, median: 60, p90: 60, within: null });
    assert.deepEqual(ann.next, { count: 2, mean: 300.25, median: 300.25, p90: 540.45, within: null });
    assert.deepEqual(ann.response, { count: 3, mean: 660.5 / 3, median: 60, p90: 492.4, within: null });
    assert.deepEqual(ben, { person: 'ben', first: nothing, next: { count: 1, mean: 10, median: 10, p90: 10, within: null },
        response: { count: 1, mean: 10, median: 10, p90: 10, within: null } });
    assert.match(stderr, /line 9$/m);
});

test('under a calendar and targets', () => {
    const weekly = { 5: [['09:00', '14:00'], ['14:04', '14:10']] }; // a Friday in Tashkent, UTC+5
    const { rows } = run(log, { zone: 'Asia/Tashkent', weekly, targets: { first: 59, next: 300 } });
    // 14:00 to 14:04 is a break, and 14:10 the end: 60 s from 14:00 is none, of 14:02..14:12:00.5 six minutes are.
    assert.deepEqual(rows.filter(row => row.client).map(row => [row.wall, row.business]), [[60, 0], [600.5, 360], [10, 10], [0, 0], [null, null]]);
    assert.deepEqual([rows.at(-2).first.within, rows.at(-2).next.within, rows.at(-2).response.within], [1, 0.5, 2 / 3]);
    const closed = run(log, { zone: 'Asia/Tashkent', weekly, exceptions: { '2024-03-01': [] } });
    assert.ok(closed.rows.filter(row => row.client && row.responder).every(row => row.business === 0));
});

test('hours that a clock skips or shows twice', () => {
    const calendar = new Calendar({ zone: 'America/New_York', weekly: { 7: [['01:30', '02:30'], ['09:00', '24:00']] } });
    const hours = (from, until) => calendar.duration(instantOf(from), instantOf(until)) / 3600e6;
    assert.equal(hours('2024-03-10T00:00:00-05:00', '2024-03-10T08:00:00-04:00'), 0.5, 'in spring there is no 02:00 to 03:00');
    assert.equal(hours('2024-11-03T00:00:00-04:00', '2024-11-03T08:00:00-05:00'), 1.5, 'in autumn 01:30 to 02:00 comes twice');
    assert.equal(hours('2024-11-03T00:00:00-04:00', '2024-11-04T00:00:00-05:00'), 16.5);
});
