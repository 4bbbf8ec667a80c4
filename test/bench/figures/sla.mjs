// Business durations under an ordinary calendar, in one backend: of a million waits of up to three days, again and
// again until the turn is over, beside a loop over the days in plpgsql, of as many as it manages. What both measure
// must be the same.

import { Cluster } from '../../lib/cluster.mjs';
import { psql, takeTurns } from '../lib.mjs';

const WAITS = 1000000;

export const figures = {
  'sla.duration_rate': { unit: 'durations/s', goal: 5000000 },
  'sla.duration_vs_loop': { unit: 'ratio', goal: 100 },
};

/** Durations a second, so many at once. */
async function rate(client, schema, waits, seconds) {
  const begin = performance.now();
  let done = 0;
  do {
    const { rows: [{ n }] } = await client.query(`SELECT count(${schema}.business_duration("from", until, 1)) AS n
      FROM bench.wait WHERE n <= ${waits}`);
    done += n;
  } while (performance.now() - begin < seconds * 1000);
  return done / (performance.now() - begin) * 1000;
}

export async function measure(names) {
  const cluster = await Cluster.start('shared_buffers=512MB', 'max_parallel_workers_per_gather=0');
  await psql(cluster, 'sla/durations');
  await cluster.query('VACUUM (ANALYZE) bench.wait');
  const other = await cluster.value(`SELECT count(*) FROM bench.wait WHERE n <= 20000
    AND onefin.business_duration("from", until, 1) <> bench.business_duration("from", until, 1)`);
  if (other)
    throw new Error(`${other} durations differ`);
  const client = await cluster.connect();
  const values = await takeTurns({
    table: seconds => rate(client, 'onefin', WAITS, seconds),
    loop: seconds => rate(client, 'bench', 2000, seconds),
  });
  await client.end();
  cluster.remove();
  const loop = { name: 'loop over days in plpgsql', values: values.loop };
  const measured = {
    'sla.duration_rate': { values: values.table, peers: [loop] },
    'sla.duration_vs_loop': { own: values.table, peer: { ...loop, unit: 'durations/s' } },
  };
  return Object.fromEntries(names.map(name => [name, measured[name]]));
}
