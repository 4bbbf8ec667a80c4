// From a commit to the frame at the client, the 99th percentile, at 1,000 messages a second in 200
// companies of 5 clients each, who all get them: 5,000 deliveries a second. Beside it the same
// through a server of Node that LISTENs (`pg`) and forwards (`ws`), and through socket.io with its
// PostgreSQL adapter; their writers insert a row and notify with the whole message, in one
// transaction (for socket.io as its emitter for programs does it). All contenders have the same
// writers (pgbench, 16), cluster (fsync on), rate, payload and clients, and take turns.
//
// The commit's time is the one that PostgreSQL keeps for it (track_commit_timestamp), taken before
// its record is flushed: the flush counts. The frame's is the load generator's, when it has read it.
// Both clocks are this machine's. In the line, too: the median, and the CPU seconds of the server and
// of PostgreSQL for 1,000 deliveries.

import { readFileSync } from 'node:fs';
import { Cluster } from '../../lib/cluster.mjs';
import { scratchFolder, sleep } from '../../lib/scratch.mjs';
import { benchGateway, median, percentile, pgbench, psql, rounded, SECONDS, settle, takeTurns } from '../lib.mjs';
import { clusterCpu, cpu, Load } from '../load.mjs';
import { node } from '../peers.mjs';

const RATE = 1000;
const CLIENTS = 1000;
const EACH = 5;
const WRITERS = 16;
const MARK = '"id":'; // the first of a frame is the message's

export const figures = { 'deliver.latency_p99': { unit: 'ms', goal: 10, atMost: true } };

const COMMITTED = `1e6 * extract(epoch FROM pg_xact_commit_timestamp(xact))`;
const onefinCommits = `SELECT subject_id AS id, ${COMMITTED} AS at
  FROM (SELECT subject_id, xact::xid FROM onefin.journal WHERE kind = 'message.sent' AND subject_id > $1) j`;
const peerCommits = `SELECT id, ${COMMITTED} AS at FROM (SELECT id, xmin AS xact FROM bench.message WHERE id > $1) m`;

const contenders = {
  onefin: {
    start: cluster => benchGateway(cluster).then(gateway =>
      ({ port: gateway.port, pid: gateway.process.pid, remove: gateway.remove })),
    load: { protocol: 'onefin' }, script: 'latency/send', role: 'onefin_gateway',
    commits: onefinCommits, newest: 'SELECT coalesce(max(id), 0) FROM onefin.message',
  },
  'pg LISTEN with ws': {
    start: cluster => node('listen', [EACH, cluster.host, cluster.port, 'firm']),
    load: { protocol: 'ws', path: '/?client=' }, script: 'latency/listen',
    commits: peerCommits, newest: 'SELECT coalesce(max(id), 0) FROM bench.message',
  },
  'socket.io with its PostgreSQL adapter': {
    start: cluster => node('socketio', [EACH, cluster.host, cluster.port, 'firm']),
    load: { protocol: 'socketio' }, script: 'latency/socketio',
    commits: peerCommits, newest: 'SELECT coalesce(max(id), 0) FROM bench.message',
  },
};

/** Milliseconds from commit to frame, sorted; throws unless each message arrived at each of its clients. */
function latencies(arrivals, commits) {
  const times = new Map(commits.map(({ id, at }) => [Number(id), { at: Number(at), left: EACH }]));
  const found = [];
  for (const line of arrivals.split('\n').filter(Boolean)) {
    const [, id, at] = line.split(' ').map(Number); // NaN is another event
    const message = times.get(id);
    if (!message)
      continue; // of the turn before
    message.left--;
    found.push((at - message.at) / 1000);
  }
  const wrong = [...times.values()].filter(({ left }) => left !== 0).length;
  if (wrong)
    throw new Error(`${wrong} of ${times.size} messages did not arrive once at each of ${EACH} clients`);
  return found.sort((a, b) => a - b);
}

async function turn(cluster, { load, keep, pid, script, role, commits, newest }, seconds, noted) {
  const after = await cluster.value(newest);
  const before = [cpu(pid), clusterCpu(cluster)];
  const { rate } = await pgbench(cluster, script,
    ['-R', RATE, '-T', seconds, '-D', `clients=${CLIENTS}`, '-D', `each=${EACH}`], { role, clients: WRITERS });
  await sleep(500); // until all have arrived; who has not is an error
  const spent = [cpu(pid) - before[0], clusterCpu(cluster) - before[1]];
  await load.ask('stop');
  const times = latencies(readFileSync(keep, 'utf8'), await cluster.query(commits, [after]));
  noted.push({ rate, p50: percentile(times, 50), cpu_per_1k: spent[0] * 1000 / times.length,
    postgres_per_1k: spent[1] * 1000 / times.length });
  return percentile(times, 99);
}

async function start(cluster, folder, name) {
  const contender = contenders[name];
  const server = await contender.start(cluster);
  const keep = `${folder.path}/${contender.load.protocol}`;
  const load = await Load.start({ job: 'record', port: server.port, clients: CLIENTS, mark: MARK, keep,
    ...contender.load });
  return { ...contender, ...server, load, keep };
}

const medians = noted => Object.fromEntries(Object.keys(noted[0]).map(key =>
  [key, rounded(median(noted.map(one => one[key])))]));

export async function measure() {
  const cluster = await Cluster.start('fsync=on', 'track_commit_timestamp=on', 'max_connections=50',
    'shared_buffers=512MB', 'max_wal_size=8GB', 'checkpoint_timeout=30min');
  await psql(cluster, 'latency', { clients: CLIENTS, each: EACH });
  const folder = scratchFolder();
  const names = Object.keys(contenders);
  const started = {}, noted = {};
  for (const name of names) {
    started[name] = await start(cluster, folder, name);
    noted[name] = [];
  }
  await turn(cluster, started.onefin, 2, []);
  await settle(cluster);
  const values = await takeTurns(Object.fromEntries(names.map(name =>
    [name, seconds => turn(cluster, started[name], seconds, noted[name])])), Math.ceil(SECONDS * 2 / 3));
  for (const { load, remove } of Object.values(started)) {
    await load.end();
    remove();
  }
  cluster.remove();
  folder.remove();
  return { 'deliver.latency_p99': { values: values.onefin, more: medians(noted.onefin),
    peers: names.slice(1).map(name => ({ name, values: values[name], ...medians(noted[name]) })) } };
}
