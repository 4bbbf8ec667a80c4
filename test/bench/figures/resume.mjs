// 10,000 clients of one company lose their gateway (SIGKILL, started again at once) while a message
// is sent: seconds from the kill until all of them are connected, resumed from their cursor, and have
// the message, each once. They wait a random pause before each attempt, a quarter to half a second
// first and twice as long after each failure. In the line, too: connections tried, and CPU seconds of
// the new gateway, of PostgreSQL and of the load generator.

import { Cluster } from '../../lib/cluster.mjs';
import { benchGateway, median, psql, rounded } from '../lib.mjs';
import { clusterCpu, cpu, Load } from '../load.mjs';

const CLIENTS = 10000;
const ROUNDS = 3;

export const figures = { 'resume.10k': { unit: 's', goal: 10, atMost: true } };

async function round(cluster, gateway, load, number) {
  const before = clusterCpu(cluster);
  const begin = Date.now();
  await gateway.kill();
  const sent = await cluster.value(`SELECT onefin.call('t0', 'send', jsonb_build_object('topic', 1,
    'text', '#' || $1::text || ' while you were away', 'client_key', gen_random_uuid()))`, [number]);
  if (!sent.result)
    throw new Error(`send: ${JSON.stringify(sent)}`);
  await gateway.run();
  const { at, attempts, cpu: own } = await load.ask(`back ${number}`);
  return { seconds: at - begin / 1000, attempts, gateway_cpu: cpu(gateway.process.pid),
    postgres_cpu: clusterCpu(cluster) - before, load_cpu: own };
}

export async function measure() {
  const cluster = await Cluster.start('fsync=on', 'max_connections=50');
  await psql(cluster, 'deliver', { clients: CLIENTS });
  const gateway = await benchGateway(cluster);
  const load = await Load.start({ job: 'back', protocol: 'onefin', port: gateway.port, clients: CLIENTS });
  const rounds = [];
  for (let number = 1; number <= ROUNDS; number++) {
    rounds.push(await round(cluster, gateway, load, number));
    console.error(`round ${number}: ${rounds.at(-1).seconds.toFixed(2)} s`);
  }
  await load.end();
  gateway.remove();
  cluster.remove();
  const { seconds, ...more } = Object.fromEntries(Object.keys(rounds[0]).map(key =>
    [key, rounds.map(one => one[key])]));
  return { 'resume.10k': { values: seconds,
    more: Object.fromEntries(Object.entries(more).map(([key, values]) => [key, rounded(median(values))])) } };
}
