// Memory of the server for each of 10,000 connections that are open, for onefin also logged in, and
// idle: how much the server's Pss (/proc/PID/smaps_rollup) grew by them, each time in a new process.
// Beside it nchan's WebSocket subscribers and those of `ws`. What the kernel keeps for a socket is the
// same for all, and in none of them.

import { readFileSync } from 'node:fs';
import { Cluster } from '../../lib/cluster.mjs';
import { sleep } from '../../lib/scratch.mjs';
import { benchGateway, psql } from '../lib.mjs';
import { Load } from '../load.mjs';
import { nchan, ws } from '../peers.mjs';

const CLIENTS = 10000;
const ROUNDS = 2;

export const figures = { 'connection.bytes': { unit: 'bytes', goal: 8192, atMost: true } };

const memory = pid => 1024 * Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss: +(\d+)/m)[1]);

async function onefin(cluster) {
  const gateway = await benchGateway(cluster);
  return { port: gateway.port, pid: gateway.process.pid, remove: gateway.remove, load: { protocol: 'onefin' } };
}

async function bytes(start) {
  const server = await start();
  const before = memory(server.pid);
  const load = await Load.start({ job: 'idle', port: server.port, clients: CLIENTS, ...server.load });
  await sleep(1000);
  const grown = memory(server.pid) - before;
  await load.end();
  server.remove();
  return grown / CLIENTS;
}

export async function measure() {
  const cluster = await Cluster.start('max_connections=50');
  await psql(cluster, 'deliver', { clients: CLIENTS });
  const contenders = { onefin: () => onefin(cluster), nchan, ws };
  const values = { onefin: [], nchan: [], ws: [] };
  for (let round = 1; round <= ROUNDS; round++)
    for (const [name, start] of Object.entries(contenders)) {
      values[name].push(await bytes(start));
      console.error(`round ${round}: ${name} ${Math.round(values[name].at(-1))}`);
    }
  cluster.remove();
  return { 'connection.bytes': { values: values.onefin,
    peers: ['nchan', 'ws'].map(name => ({ name, values: values[name] })) } };
}
