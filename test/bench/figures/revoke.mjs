// From the commit that ends a session (`revoke_sessions`), or an accountant's assignment (`assign`),
// to the last that the connection is sent of that company: the 99th percentile over 200 of each, in
// turns, while 500 messages a second go to 10 companies, who at first have 40 connections each. A
// connection whose session ends counts until it is closed, an accountant's until the last frame about
// the company, the news of the end included.
//
// Times are as for deliver.latency_p99: the commit's by PostgreSQL, the frame's by the load generator.

import { readFileSync } from 'node:fs';
import { Cluster } from '../../lib/cluster.mjs';
import { scratchFolder, sleep } from '../../lib/scratch.mjs';
import { benchGateway, percentile, pgbench, psql, rounded, settle } from '../lib.mjs';
import { Load } from '../load.mjs';

const EACH = 20; // clients of a company, and accountants
const OF_A_KIND = 10 * EACH;
const RATE = 500;
const PAUSE = 10; // milliseconds between two revocations
const LEAD = 2; // seconds of traffic before the first, and after the last at least

export const figures = { 'revoke.silence_p99': { unit: 'ms', goal: 50, atMost: true } };

async function revokeAll(cluster) {
  const admin = await cluster.connect('onefin_gateway');
  const call = async (method, params) => {
    const { rows: [{ call: answer }] } = await admin.query('SELECT onefin.call($1, $2, $3)',
      [`t${2 * OF_A_KIND + 10}`, method, params]);
    if (!answer.result)
      throw new Error(`${method}: ${JSON.stringify(answer)}`);
    await sleep(PAUSE);
  };
  for (let n = 0; n < OF_A_KIND; n++) {
    await call('revoke_sessions', { account: n + 1 });
    await call('assign', { org: n % 10 + 1, account: OF_A_KIND + n + 1, ended: true });
  }
  await admin.end();
}

/** By client: when it was sent the last, in milliseconds, and what that was. */
function lastOfEach(arrivals) {
  const last = new Map();
  for (const line of arrivals.split('\n').filter(Boolean)) {
    const [client, what, at] = line.split(' ');
    last.set(Number(client), { what, at: at / 1000 });
  }
  return last;
}

async function silences(cluster, keep, kind) {
  const last = lastOfEach(readFileSync(keep, 'utf8'));
  const commits = await cluster.query(`SELECT account_id - 1 AS client,
    1000 * extract(epoch FROM pg_xact_commit_timestamp(xact::xid))::float8 AS at FROM onefin.journal
    WHERE kind = $1`, [kind]);
  if (commits.length !== OF_A_KIND)
    throw new Error(`${commits.length} of ${kind}`);
  return commits.map(({ client, at }) => {
    const { what, at: end } = last.get(client);
    if (kind === 'session.revoked' && what !== 'closed')
      throw new Error(`client ${client} was not closed`);
    return Math.max(0, end - at);
  }).sort((a, b) => a - b);
}

export async function measure() {
  const cluster = await Cluster.start('fsync=on', 'track_commit_timestamp=on', 'max_connections=50',
    'shared_buffers=512MB', 'max_wal_size=8GB', 'checkpoint_timeout=30min');
  await psql(cluster, 'revoke', { each: EACH });
  const folder = scratchFolder();
  const keep = `${folder.path}/arrivals`;
  const gateway = await benchGateway(cluster);
  const load = await Load.start({ job: 'record', protocol: 'onefin', port: gateway.port, clients: 2 * OF_A_KIND,
    mark: '"id":', keep });
  const seconds = 2 * LEAD + Math.ceil(2 * OF_A_KIND * 2 * PAUSE / 1000);
  const traffic = pgbench(cluster, 'revoke/send', ['-R', RATE, '-T', seconds, '-D', `each=${EACH}`],
    { role: 'onefin_gateway', clients: 16 });
  await sleep(LEAD * 1000);
  await settle(cluster);
  await revokeAll(cluster);
  const { rate } = await traffic;
  await sleep(500);
  const { arrivals } = await load.ask('stop');
  const sessions = await silences(cluster, keep, 'session.revoked');
  const assignments = await silences(cluster, keep, 'assignment.changed');
  await load.end();
  gateway.remove();
  cluster.remove();
  folder.remove();
  const p = (times, percent) => rounded(percentile(times, percent));
  return { 'revoke.silence_p99': { values: [percentile([...sessions, ...assignments].sort((a, b) => a - b), 99)],
    more: { session: { p50: p(sessions, 50), p99: p(sessions, 99) },
      assignment: { p50: p(assignments, 50), p99: p(assignments, 99) }, rate: rounded(rate), arrivals } } };
}
