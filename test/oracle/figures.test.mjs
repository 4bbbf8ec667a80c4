// Waits and figures after much has happened at once, with kills in between: the waits are those of a replay
// of the record, the figures those that SQL counts from the rows, and what onefin.kpi_rebuild() finds.
//
//   OPERATIONS=100000     how many doings; KILLS=... among them
//   FIGURES_SEED=...      the doings of a run that failed, again, as far as chance between connections lets it

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../lib/scratch.mjs';
import { Bustle } from './bustle.mjs';
import { checkViews } from './recount.mjs';
import { Replay } from './replay.mjs';

const operations = Number(process.env.OPERATIONS ?? 5000);
const kills = Number(process.env.KILLS ?? 4 + Math.floor(operations / 10000));
const enough = operations >= 3000; // for each doing and outcome to have come up
const seed = Number(process.env.FIGURES_SEED ?? Date.now() % 1000000);
let bustle;

before(async () => {
    bustle = await Bustle.start(seed);
    await bustle.run(operations, kills);
    await bustle.rest();
});
after(() => bustle?.end());

test(`${operations} doings, ${kills} kills, seed ${seed}: everything that can be done was done`, t => {
    t.diagnostic(JSON.stringify(bustle.counts));
    t.diagnostic(JSON.stringify(bustle.kills));
    for (const [name, { done }] of Object.entries(bustle.counts))
        assert.ok(done > 0 || !enough, `${name} was done`);
});

test('the waits are those that the record gives', async t => {
    const replay = await Replay.of(bustle.cluster, bustle.plans);
    const wrong = replay.differences();
    const outcomes = Object.fromEntries(['answered', 'closed', 'silence', 'dismissed', 'deleted', 'replaced', null]
        .map(outcome => [outcome, replay.waits.filter(wait => wait.outcome === outcome).length]));
    t.diagnostic(JSON.stringify(outcomes));
    assert.deepEqual([wrong.length, wrong.slice(0, 20)], [0, []]);
    for (const [outcome, count] of Object.entries(outcomes))
        assert.ok(count > 0 || !enough, `some waits are ${outcome}`);
});

test('the figures are those that are counted from the rows', async () => {
    const wrong = await until(async () => {
        const found = await checkViews(bustle.cluster);
        return found.length ? undefined : found;
    }, 'the figures', 20).catch(() => checkViews(bustle.cluster));
    assert.deepEqual([wrong.length, wrong.slice(0, 20)], [0, []]);
});

test('a recomputation from scratch finds nothing wrong', async () => {
    const rebuilt = await bustle.cluster.value('SELECT onefin.kpi_rebuild()');
    assert.equal(rebuilt.wrong, 0, JSON.stringify(rebuilt));
    assert.deepEqual(await checkViews(bustle.cluster), []);
});

test('what was broken by hand is found, and repaired', async () => {
    await bustle.cluster.query("UPDATE onefin.kpi_staff_day SET messages = messages + 1 WHERE account_id = (SELECT id FROM onefin.account WHERE login = 'ann')");
    assert.ok((await checkViews(bustle.cluster)).length > 0, 'the views show it');
    const repaired = await bustle.cluster.value('SELECT onefin.kpi_rebuild()');
    assert.ok(repaired.wrong > 0, JSON.stringify(repaired));
    assert.deepEqual(await checkViews(bustle.cluster), []);
});
