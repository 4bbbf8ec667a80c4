// Servers that others made, each one process, on a port and in a folder of its own:
// {name, port, pid, load: options for the load generator, remove()}.

import { spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from '../lib/gateway.mjs';
import { atExit, scratchFolder, until } from '../lib/scratch.mjs';

function run(command, options, stdio) {
  const child = spawn(command, options, { stdio });
  const remove = atExit(() => child.kill('SIGKILL'));
  return { child, pid: child.pid, remove };
}

/** Until something listens at the port. */
const listening = port => until(async () => {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
  return true;
}, `a server at port ${port}`);

/** A server of peers/NAME.mjs, which prints its port. */
export async function node(name, options = []) {
  const path = fileURLToPath(new URL(`peers/${name}.mjs`, import.meta.url));
  const { child, pid, remove } = run(process.execPath, [path, ...options], ['ignore', 'pipe', 'inherit']);
  const [port] = await once(child.stdout, 'data');
  return { port: Number(port), pid, remove };
}

export async function ws() {
  return { name: 'ws', ...await node('ws'), load: { protocol: 'ws' } };
}

async function configured(command, options, file, port) {
  const folder = scratchFolder();
  chmodSync(folder.path, 0o755); // servers started by root become another user
  writeFileSync(`${folder.path}/conf`, file(folder.path));
  const { pid, remove } = run(command, [...options, `${folder.path}/conf`], ['ignore', 'ignore', 'inherit']);
  await listening(port);
  return { port, pid, remove() { remove(); folder.remove(); } };
}

export async function nchan() {
  const port = await freePort();
  const server = await configured('/usr/sbin/nginx', ['-c'], path => `
    load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
    daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000;
    pid ${path}/pid; error_log ${path}/log;
    events { worker_connections 19000; }
    http {
      access_log off; client_body_temp_path ${path}/body; keepalive_requests 1000000;
      nchan_max_reserved_memory 256m;
      server {
        listen 127.0.0.1:${port} backlog=1024;
        location = /subscribe {
          nchan_subscriber websocket; nchan_channel_id bench; nchan_subscriber_first_message newest;
        }
        location = /publish { nchan_publisher http; nchan_channel_id bench; nchan_message_buffer_length 2000; }
      }
    }`, port);
  return { name: 'nchan', ...server, load: { protocol: 'ws', path: '/subscribe', publish: '/publish' } };
}

export async function mosquitto() {
  const port = await freePort();
  const server = await configured('/usr/sbin/mosquitto', ['-c'], () =>
    `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\nsys_interval 0\n`, port);
  return { name: 'mosquitto', ...server, load: { protocol: 'mqtt' } };
}
