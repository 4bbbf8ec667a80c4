// A full `send` (session, rules, ticket, version, journal, seal) beside the same row put into a
// plain table with the same indexes, without and with a trigger that notifies of it.
//
// 32 writers, each with a session of its own: 16 clients, each of another company, and 16
// accountants of 10 companies each. All contenders share a cluster, with fsync on, and take turns.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Cluster } from '../../lib/cluster.mjs';

const WRITERS = 32;
const ROUNDS = 5;
const SECONDS = 6;

const peers = {
  'send.vs_notify_trigger': { script: 'notify', name: 'INSERT with pg_notify in a trigger' },
  'send.vs_bare_insert': { script: 'bare', name: 'bare INSERT' },
};

export const figures = {
  'send.vs_notify_trigger': { unit: 'ratio', goal: 3 },
  'send.vs_bare_insert': { unit: 'ratio', goal: 0.5 },
};

const file = name => fileURLToPath(new URL(`send/${name}.sql`, import.meta.url));

function psql(cluster, script) {
  execFileSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', file(script), cluster.conninfo('postgres')],
    { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Transactions a second; each must have put one row into the table. */
async function pgbench(cluster, script, table, seconds) {
  const rows = () => cluster.value(`SELECT count(*) FROM ${table}`);
  const before = await rows();
  const said = execFileSync('pgbench', ['-n', '-M', 'prepared', '-c', WRITERS, '-j', 2, '-T', seconds,
    '-f', file(script), cluster.conninfo('postgres')], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const done = Number(said.match(/transactions actually processed: (\d+)/)[1]);
  const made = await rows() - before;
  if (made !== done)
    throw new Error(`${script}: ${done} transactions made ${made} rows`);
  return Number(said.match(/tps = ([\d.]+)/)[1]);
}

export async function measure(names) {
  const cluster = await Cluster.start('fsync=on', 'max_connections=50', 'shared_buffers=512MB',
    'max_wal_size=8GB', 'checkpoint_timeout=30min');
  const contenders = { send: 'onefin.message' };
  for (const name of names)
    contenders[peers[name].script] = `bench.${peers[name].script}`;
  const values = {};
  psql(cluster, 'setup');
  for (let round = 0; round <= ROUNDS; round++) // the first is to get warm
    for (const [script, table] of Object.entries(contenders)) {
      const rate = await pgbench(cluster, script, table, round ? SECONDS : 2);
      console.error(`${round ? `round ${round}` : 'warming'}: ${script} ${Math.round(rate)}/s`);
      if (round)
        (values[script] ??= []).push(rate);
    }
  await cluster.sealed();
  cluster.remove();
  return Object.fromEntries(names.map(name => [name,
    { own: values.send, peer: { name: peers[name].name, unit: 'tx/s', values: values[peers[name].script] } }]));
}
