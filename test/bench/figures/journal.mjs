// onefin.journal_verify() over a journal of a million entries, made by calls of 32 people in no
// order of ours: of 100 calls 70 send, 12 edit, 15 read, 3 delete. The sealer sealed them as they
// came; how many entries a seal has on average is in the line. All of it is in memory.

import { Cluster } from '../../lib/cluster.mjs';
import { pgbench, psql, rounded, sealed, takeTurns, WRITERS } from '../lib.mjs';

const CALLS = 1000000;
const mix = ['send/send@70', 'journal/edit@12', 'journal/read@15', 'journal/delete@3'];

export const figures = { 'journal.verify_rate': { unit: 'entries/s', goal: 1000000 } };

async function verifyRate(cluster) {
  const begin = performance.now();
  const verdict = await cluster.value('SELECT onefin.journal_verify()');
  const seconds = (performance.now() - begin) / 1000;
  if (!verdict.ok)
    throw new Error(`journal_verify: ${JSON.stringify(verdict)}`);
  return verdict.entries / seconds;
}

export async function measure() {
  const cluster = await Cluster.start('synchronous_commit=off', 'max_connections=50', 'shared_buffers=2GB',
    'max_wal_size=16GB', 'checkpoint_timeout=30min');
  await psql(cluster, 'firm');
  await pgbench(cluster, mix, ['-t', Math.ceil(CALLS / WRITERS)]);
  await sealed(cluster);
  await cluster.query('VACUUM (ANALYZE)');
  const [size] = await cluster.query(`SELECT (SELECT count(*) FROM onefin.journal) AS entries,
    (SELECT count(*) FROM onefin.seal) AS seals`);
  console.error(`${size.entries} entries in ${size.seals} seals`);
  const { verify } = await takeTurns({ verify: () => verifyRate(cluster) });
  cluster.remove();
  return { 'journal.verify_rate': { values: verify,
    more: { entries: size.entries, per_seal: rounded(size.entries / size.seals) } } };
}
