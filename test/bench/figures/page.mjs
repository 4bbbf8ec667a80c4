// A page of 50 messages out of 1,000,000 in 1,000 companies, read by plain SQL as each role, under
// row-level security, beside the same statement by a superuser, whom no policy concerns: the same
// rows of the same topics in the same table. Both are prepared. A role reads topics of all the
// companies that it sees; the figure is the role for which the rules cost most.

import { Cluster } from '../../lib/cluster.mjs';
import { median, pgbench, psql, ratios, rounded, SECONDS, takeTurns } from '../lib.mjs';

const CLIENTS = 4;
const companies = { admin: 1000, supervisor: 100, accountant: 10, client: 1 };
const roles = Object.keys(companies);

export const figures = { 'page.vs_no_rls': { unit: 'ratio', goal: 0.9 } };

async function pages(cluster, role, user, seconds) {
  const { rate } = await pgbench(cluster, 'page/page', ['-T', seconds, '-D', `companies=${companies[role]}`],
    { role: user, clients: CLIENTS });
  return rate;
}

export async function measure() {
  const cluster = await Cluster.start('shared_buffers=1GB', 'max_wal_size=8GB', 'checkpoint_timeout=30min');
  await psql(cluster, 'page/setup');
  const values = await takeTurns(Object.fromEntries(roles.flatMap(role => [
    [role, seconds => pages(cluster, role, `bench_${role}`, seconds)],
    [`${role}'s pages, no RLS`, seconds => pages(cluster, role, 'postgres', seconds)],
  ])), SECONDS / 2);
  cluster.remove();

  const peer = role => ({ name: `the same SELECT by a superuser, as ${role}`, unit: 'pages/s',
    values: values[`${role}'s pages, no RLS`] });
  const by = Object.fromEntries(roles.map(role => [role, median(ratios(values[role], peer(role).values))]));
  const worst = roles.reduce((a, b) => by[b] < by[a] ? b : a);
  return { 'page.vs_no_rls': { own: values[worst], peer: peer(worst),
    more: { roles: Object.fromEntries(roles.map(role => [role, rounded(by[role])])) } } };
}
