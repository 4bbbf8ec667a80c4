// Messages to all 1,000 or 10,000 clients of one company, beside nchan, mosquitto and `ws`, which
// send the very same frames to as many clients of theirs.
//
// For onefin each message is a call of `send`, a transaction of its own, on one database connection
// with fsync on; it is sealed, the gateway reads it as an event, asks the extension who may see it,
// and sends it. Peers get the frames from a connection of their own protocol (nchan: HTTP) and have
// nobody to ask. The load generator publishes for all of them, up to 16 messages ahead of the
// slowest client; it checks that each client gets each message once and in order. The rate is that
// of all deliveries from the first to the last that arrives. In the line, too: CPU seconds of the
// server for 1,000 deliveries (for onefin also of PostgreSQL), and the load generator's.

import { Cluster } from '../../lib/cluster.mjs';
import { scratchFolder } from '../../lib/scratch.mjs';
import { benchGateway, median, psql, rounded, SECONDS, takeTurns } from '../lib.mjs';
import { clusterCpu, cpu, Load } from '../load.mjs';
import { mosquitto, nchan, ws } from '../peers.mjs';

const WINDOW = 16;
const GOAL = 100000;
const sizes = { 'deliver.rate_1k': 1000, 'deliver.rate_10k': 10000 };

export const figures = Object.fromEntries(Object.keys(sizes).map(name => [name, { unit: 'deliveries/s', goal: GOAL }]));

/** One turn: the rate, and what it cost is added to `costs`. Who is slow gets less to do. */
async function turn(contender, clients, seconds, costs) {
  const { load, spent, pace = GOAL } = contender;
  const before = spent.map(read => read());
  const messages = Math.ceil(seconds * pace / clients);
  const { deliveries, seconds: taken, cpu: own } = await load.ask(`rate ${messages} ${WINDOW}`);
  costs.push([...spent.map((read, i) => read() - before[i]), own].map(cost => cost * 1000 / deliveries));
  contender.pace = Math.min(GOAL, deliveries / taken);
  return deliveries / taken;
}

async function startPeer(make, clients, frames) {
  const server = await make();
  const load = await Load.start({ job: 'rate', port: server.port, clients, frames, ...server.load });
  return { name: server.name, load, spent: [() => cpu(server.pid)], remove: server.remove };
}

async function startOnefin(clients, frames) {
  const cluster = await Cluster.start('fsync=on', 'max_connections=50', 'shared_buffers=512MB', 'max_wal_size=8GB',
    'checkpoint_timeout=30min');
  await psql(cluster, 'deliver', { clients });
  const gateway = await benchGateway(cluster);
  const load = await Load.start({ job: 'rate', protocol: 'onefin', port: gateway.port, clients, keep: frames,
    database: cluster.conninfo('onefin_gateway'), topic: 1 });
  return { name: 'onefin', load, spent: [() => cpu(gateway.process.pid), () => clusterCpu(cluster)],
    remove() { gateway.remove(); cluster.remove(); } };
}

const costs = (measured, names) => Object.fromEntries(names.map((name, i) =>
  [name, rounded(median(measured.map(cost => cost[i])))]));

async function measureSize(clients) {
  const folder = scratchFolder();
  const frames = `${folder.path}/frames`;
  const seconds = SECONDS * 2 / 3;
  const own = await startOnefin(clients, frames);
  await turn(own, clients, seconds, []); // writes the frames
  const contenders = [own];
  for (const make of [nchan, mosquitto, ws])
    contenders.push(await startPeer(make, clients, frames));

  const spent = Object.fromEntries(contenders.map(({ name }) => [name, []]));
  const values = await takeTurns(Object.fromEntries(contenders.map(one =>
    [one.name, length => turn(one, clients, length, spent[one.name])])), seconds);
  for (const { load, remove } of contenders) {
    await load.end();
    remove();
  }
  folder.remove();
  return {
    values: values.onefin,
    peers: contenders.slice(1).map(({ name }) =>
      ({ name, values: values[name], ...costs(spent[name], ['cpu_per_1k', 'load_per_1k']) })),
    more: { broadcast_ms: rounded(1000 * clients / median(values.onefin)),
      ...costs(spent.onefin, ['cpu_per_1k', 'postgres_per_1k', 'load_per_1k']) },
  };
}

export async function measure(names) {
  const measured = {};
  for (const name of names)
    measured[name] = await measureSize(sizes[name]);
  return measured;
}
