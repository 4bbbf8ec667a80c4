// What the figures share: SQL files, pgbench, contenders that take turns, and their numbers.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { Gateway } from '../lib/gateway.mjs';
import { until } from '../lib/scratch.mjs';

export const ROUNDS = 5;
export const WRITERS = 32;

/** Of one turn. BENCH_SECONDS=1 tries whether a figure runs; its numbers are worth little. */
export const SECONDS = Number(process.env.BENCH_SECONDS || 6);

const run = promisify(execFile);
const path = name => fileURLToPath(new URL(`figures/${name}.sql`, import.meta.url));

/** Runs figures/NAME.sql as the superuser, with psql's variables. */
export async function psql(cluster, name, variables = {}) {
  const options = Object.entries({ ON_ERROR_STOP: 1, ...variables })
    .flatMap(([key, value]) => ['-v', `${key}=${value}`]);
  await run('psql', ['-X', '-q', ...options, '-f', path(name), cluster.conninfo('postgres')]);
}

/** Runs figures/NAME.sql by many clients, by default the firm's; {done, rate}, the rate a second. */
export async function pgbench(cluster, names, options, { role = 'postgres', clients = WRITERS } = {}) {
  const { stdout } = await run('pgbench', ['-n', '-M', 'prepared', '-c', clients, '-j', Math.min(2, clients), ...options,
    ...[names].flat().flatMap(name => ['-f', name.replace(/^[^@]*/, path)]), cluster.conninfo(role)],
  { maxBuffer: 1e8 });
  const number = pattern => Number(stdout.match(pattern)[1]);
  if (number(/failed transactions: (\d+)/) > 0)
    throw new Error(`pgbench: ${stdout}`);
  return { done: number(/transactions actually processed: (\d+)/), rate: number(/tps = ([\d.]+)/) };
}

/** Statistics of the tables as they are, which autovacuum would make within a minute; call it after warming. */
export const settle = cluster => cluster.query('VACUUM (ANALYZE)');

/** Transactions a second, each of which must have put one row into the table. */
export async function writeRate(cluster, name, table, seconds, { rowsEach = 1, role } = {}) {
  const rows = () => cluster.value(`SELECT count(*) FROM ${table}`);
  const before = await rows();
  const { done, rate } = await pgbench(cluster, name, ['-T', seconds], { role });
  const made = await rows() - before;
  if (made !== done * rowsEach)
    throw new Error(`${name}: ${done} transactions made ${made} rows`);
  return rate;
}

/** Until nothing is left to be sealed: what the sealer itself would look for, once nobody writes. */
export function sealed(cluster) {
  return until(() => cluster.value(`SELECT NOT EXISTS (SELECT FROM onefin.journal
    WHERE xact >= pg_snapshot_xmax(s.snapshot) OR xact = ANY (ARRAY(SELECT pg_snapshot_xip(s.snapshot))))
    FROM onefin.seal s ORDER BY number DESC LIMIT 1`), 'the sealer', 600);
}

/** The same for calls of ours: a row counts when it is sealed, so the sealer's rest counts as time. */
export async function sealedRate(cluster, name, table, seconds, more) {
  const rate = await writeRate(cluster, name, table, seconds, more);
  const end = performance.now();
  await sealed(cluster);
  return rate * seconds / (seconds + (performance.now() - end) / 1000);
}

/**
 * The contenders, {name: async seconds => value}, in turns: {name: values}. Every second round goes
 * the other way round, so that nobody is always behind the same one. A short round first is to get
 * warm.
 */
export async function takeTurns(contenders, seconds = SECONDS) {
  const turns = Object.entries(contenders);
  const values = Object.fromEntries(turns.map(([name]) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++, turns.reverse())
    for (const [name, turn] of turns) {
      const value = await turn(round ? seconds : Math.min(2, seconds));
      console.error(`${round ? `round ${round}` : 'warming'}: ${name} ${Math.round(value)}`);
      if (round)
        values[name].push(value);
    }
  return values;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

export const percentile = (sorted, percent) => sorted[Math.ceil(sorted.length * percent / 100) - 1];

export const ratios = (own, peer) => own.map((value, round) => value / peer[round]);

export const rounded = value => Number(value.toPrecision(4));

/** A gateway with room for as many clients as a figure likes, all of them from here. */
export const benchGateway = cluster => Gateway.start(cluster,
  { max_connections: 10100, connections_per_address: 10100, calls_per_second: 100000 });
