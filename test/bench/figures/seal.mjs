// From a commit to the moment that a listener hears of the seal that holds it: the 99th percentile,
// at 5,000 sends a second by 32 writers, with fsync on.
//
// The commit's time is the one that PostgreSQL keeps for it (track_commit_timestamp), taken before
// its record is flushed: the flush counts. The listener is a connection of the gateway's role; it is
// told of a seal when that is committed, so that one more look would see it. Both clocks are this
// machine's. In the line, too: the median, the time from the entry's `at` (when it was written,
// before the commit), and the rate that was reached: where that is far below 5,000, the machine is
// saturated and the latency that of a queue.

import { Cluster } from '../../lib/cluster.mjs';
import { median, percentile, pgbench, psql, rounded, ROUNDS, sealed, SECONDS } from '../lib.mjs';

const RATE = 5000;

export const figures = { 'seal.latency_p99': { unit: 'ms', goal: 10, atMost: true } };

/** A listener's own record of when it heard of which seal. */
async function follow(cluster) {
  const listener = await cluster.connect('onefin_gateway');
  const heard = [];
  listener.on('notification', ({ payload }) =>
    heard.push([Number(payload), performance.timeOrigin + performance.now()]));
  await listener.query('LISTEN onefin');
  return { heard, end: () => listener.end() };
}

/** Milliseconds to hearing, sorted: since commit and since the entry was written. */
async function latencies(cluster, heard, after) {
  const rows = await cluster.query(`
    SELECT s.number, 1000 * extract(epoch FROM pg_xact_commit_timestamp(j.xact::xid))::float8 AS committed,
      1000 * extract(epoch FROM j.at)::float8 AS written
    FROM onefin.seal s, unnest(s.entries) e (id) JOIN onefin.journal j ON j.id = e.id
    WHERE s.number > $1 AND j.kind = 'message.sent' ORDER BY s.number`, [after]);
  const since = { committed: [], written: [] };
  let at = 0;
  for (const row of rows) {
    while (heard[at][0] < row.number) // one notification may tell of several seals
      at++;
    for (const begin of Object.keys(since))
      since[begin].push(heard[at][1] - row[begin]);
  }
  for (const values of Object.values(since))
    values.sort((a, b) => a - b);
  return since;
}

export async function measure() {
  const cluster = await Cluster.start('fsync=on', 'track_commit_timestamp=on', 'max_connections=50',
    'shared_buffers=512MB', 'max_wal_size=8GB', 'checkpoint_timeout=30min');
  await psql(cluster, 'firm');
  const rounds = { rate: [], p99: [], p50: [], written_p99: [] };
  for (let round = 0; round <= ROUNDS; round++) { // the first is to get warm
    const after = await cluster.value('SELECT onefin.position()');
    const follower = await follow(cluster);
    const { rate } = await pgbench(cluster, 'send/send', ['-R', RATE, '-T', round ? SECONDS : 2]);
    await sealed(cluster);
    await follower.end();
    const { committed, written } = await latencies(cluster, follower.heard, after);
    const p99 = percentile(committed, 99);
    console.error(`${round ? `round ${round}` : 'warming'}: p99 ${p99.toFixed(2)} ms at ${Math.round(rate)}/s`);
    if (round) {
      rounds.rate.push(rate);
      rounds.p99.push(p99);
      rounds.p50.push(percentile(committed, 50));
      rounds.written_p99.push(percentile(written, 99));
    }
  }
  cluster.remove();
  return { 'seal.latency_p99': { values: rounds.p99, more: { p50: rounded(median(rounds.p50)),
    written_p99: rounded(median(rounds.written_p99)), rate: rounded(median(rounds.rate)) } } };
}
