// Calls through the gateway by 32 connections, each with one call under way, beside the same calls on
// direct connections to the database by the gateway's role (pgbench, with 4 or 32 clients, whichever
// is faster). Of 5 calls 3 read the newest page of a topic, 1 the topics, and 1 sends; each of the 32
// clients is alone in its company, so that nobody else is told. fsync is on. In the line, too: CPU
// seconds for 1,000 calls, of the gateway and of PostgreSQL, and of PostgreSQL without the gateway.

import { writeFileSync } from 'node:fs';
import { Cluster } from '../../lib/cluster.mjs';
import { scratchFolder } from '../../lib/scratch.mjs';
import { benchGateway, median, pgbench, psql, rounded, SECONDS, settle, takeTurns } from '../lib.mjs';
import { clusterCpu, cpu, Load } from '../load.mjs';

const CLIENTS = 32;
const FEW = 4;
const mix = ['call/history@3', 'call/topics@1', 'call/send@1'];

const request = (method, params) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }).replace('"@TOPIC@"', '@TOPIC@');
const history = request('history', { topic: '@TOPIC@' });
const calls = [history, history, history, request('topics', {}), request('send', { topic: '@TOPIC@',
  text: "Assalomu alaykum, bugungi bank oplata bo'yicha hujjat yubordim, tekshirib bering.", client_key: '@KEY@' })];

export const figures = { 'call.rate': { unit: 'ratio', goal: 0.6 } };

async function direct(cluster, clients, seconds, costs) {
  const before = clusterCpu(cluster);
  const { done, rate } = await pgbench(cluster, mix, ['-T', seconds], { role: 'onefin_gateway', clients });
  costs.direct.push((clusterCpu(cluster) - before) * 1000 / done);
  return rate;
}

async function through(cluster, gateway, load, seconds, costs) {
  const spent = () => [cpu(gateway.process.pid), clusterCpu(cluster)];
  const before = spent();
  const { calls: done, seconds: taken, cpu: own } = await load.ask(`call ${seconds}`);
  [...spent().map((now, i) => now - before[i]), own].forEach((cost, i) =>
    costs[['gateway', 'postgres', 'load'][i]].push(cost * 1000 / done));
  return done / taken;
}

export async function measure() {
  const cluster = await Cluster.start('fsync=on', 'max_connections=80', 'shared_buffers=512MB', 'max_wal_size=8GB',
    'checkpoint_timeout=30min');
  const folder = scratchFolder();
  const frames = `${folder.path}/calls`;
  writeFileSync(frames, calls.map(call => `${call}\n`).join(''));
  await psql(cluster, 'latency', { clients: CLIENTS, each: 1 });
  await pgbench(cluster, 'call/send', ['-t', 500], { role: 'onefin_gateway' });
  await settle(cluster);
  const gateway = await benchGateway(cluster);
  const load = await Load.start({ job: 'call', protocol: 'onefin', port: gateway.port, clients: CLIENTS, frames });
  const costs = { gateway: [], postgres: [], load: [], direct: [] };
  const values = await takeTurns({
    gateway: seconds => through(cluster, gateway, load, seconds, costs),
    few: seconds => direct(cluster, FEW, seconds, costs),
    many: seconds => direct(cluster, CLIENTS, seconds, costs),
  }, Math.ceil(SECONDS / 2));
  await load.end();
  gateway.remove();
  cluster.remove();
  folder.remove();
  const best = median(values.few) > median(values.many) ? 'few' : 'many';
  return { 'call.rate': { own: values.gateway,
    peer: { name: `direct connections, ${best === 'few' ? FEW : CLIENTS}`, unit: 'calls/s', values: values[best] },
    more: Object.fromEntries(Object.entries(costs).map(([name, cost]) =>
      [`${name}_per_1k`, rounded(median(cost))])) } };
}
