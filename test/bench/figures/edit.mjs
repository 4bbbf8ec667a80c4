// A full `edit` by onefin.call (session, rules, version, journal, chain) beside the same UPDATE of a
// table of the same shape, logged by tablelog (Debian's postgresql-NN-tablelog) and by a trigger of
// plpgsql and pgcrypto that keeps a hash chain. 32 writers, each with 200 messages of its own; all
// share a cluster, with fsync on, and take turns. An edit counts when it is sealed.

import { Cluster } from '../../lib/cluster.mjs';
import { psql, sealedRate, takeTurns, writeRate } from '../lib.mjs';

const peers = {
  'edit.vs_tablelog': { name: 'UPDATE with tablelog',
    rate: (cluster, seconds) => writeRate(cluster, 'edit/tablelog', 'bench.tablelog_log', seconds,
      { rowsEach: 2 }) },
  'edit.vs_plpgsql_chain': { name: 'UPDATE with a chain in plpgsql and pgcrypto',
    rate: (cluster, seconds) => writeRate(cluster, 'edit/chain', 'bench.chain_log', seconds) },
};

export const figures = {
  'edit.vs_tablelog': { unit: 'ratio', goal: 1 },
  'edit.vs_plpgsql_chain': { unit: 'ratio', goal: 1 },
};

export async function measure(names) {
  const cluster = await Cluster.start('fsync=on', 'max_connections=50', 'shared_buffers=512MB',
    'max_wal_size=8GB', 'checkpoint_timeout=30min');
  await psql(cluster, 'firm');
  await psql(cluster, 'edit/peers');
  const values = await takeTurns({
    edit: seconds => sealedRate(cluster, 'edit/edit', 'onefin.message_version', seconds),
    ...Object.fromEntries(names.map(name => [name, seconds => peers[name].rate(cluster, seconds)])),
  });
  cluster.remove();
  return Object.fromEntries(names.map(name =>
    [name, { own: values.edit, peer: { name: peers[name].name, unit: 'tx/s', values: values[name] } }]));
}
