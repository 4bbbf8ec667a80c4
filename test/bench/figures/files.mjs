// Files through the gateway, over an S3 store and over a directory.
//
// upload.memory_1gib: how much the gateway's resident memory, at its highest, is above idle while 1 GiB goes up;
// over whichever store is worse. What comes back has the same SHA-256, or there is no figure.
//
// upload.vs_store, download.vs_store: bytes a second of one file up and down, by curl through the gateway, beside
// curl to and from the same S3 store (Swift) directly. Direct requests are signed, too, and carry the SHA-256, so
// that the store does the same work; what is downloaded is the same object.
//
// upload.vs_dd: the same over a directory, beside dd copying the file into it (64 KiB at a time, synced at its end).
// download.vs_nginx: over a directory, beside nginx, which sends the same bytes from the same file system.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { World } from '../../lib/firm.mjs';
import { freePort } from '../../lib/gateway.mjs';
import { atExit, scratchFolder, until } from '../../lib/scratch.mjs';
import { SECONDS, takeTurns } from '../lib.mjs';

const MiB = 1 << 20;
const size = SECONDS < 6 ? 32 * MiB : 512 * MiB;

export const figures = {
  'upload.memory_1gib': { unit: 'MiB', goal: 64, atMost: true },
  'upload.vs_store': { unit: 'ratio', goal: 0.8 },
  'download.vs_store': { unit: 'ratio', goal: 0.8 },
  'upload.vs_dd': { unit: 'ratio', goal: 0 },
  'download.vs_nginx': { unit: 'ratio', goal: 0 },
};

const run = promisify(execFile);
const sha256 = async file => (await run('sha256sum', [file])).stdout.slice(0, 64);

/** A file of random bytes. */
async function makeFile(folder, bytes) {
  const path = `${folder}/file`;
  await run('sh', ['-c', `head -c ${bytes} /dev/urandom >${path}`]);
  return path;
}

/** MiB a second. */
async function rate(work, bytes = size) {
  const start = performance.now();
  await work();
  return bytes / MiB / ((performance.now() - start) / 1000);
}

const curl = async (...args) => (await run('curl', ['-sS', '--fail-with-body', ...args])).stdout;

/** A firm with a client who uploads. */
class Files {
  static async start(store) {
    const files = new Files();
    files.world = await World.start({ store, settings: { max_upload: '2g' } });
    await files.world.admin.call('settings', { name: 'upload_bytes', value: 2 ** 31 });
    files.token = (await files.world.connect('kim')).token;
    return files;
  }

  get #signed() {
    return ['-H', `Authorization: Bearer ${this.token}`];
  }

  async upload(file) {
    const { topics } = this.world.firm.orgs.Anor;
    // curl would wait a second for "100 Continue", which libwebsockets does not say.
    return JSON.parse(await curl('-X', 'POST', ...this.#signed, '-H', 'Content-Type: application/octet-stream', '-H', 'Expect:',
      '-T', file, `${this.world.gateway.http}/files?topic=${topics.contract}&name=file.bin`)).result;
  }

  async download(document, into = '/dev/null') {
    await curl('-o', into, ...this.#signed, `${this.world.gateway.http}/files/${document.id}`);
  }

  key(document) {
    return this.world.cluster.value('SELECT store_key FROM onefin.document WHERE id = $1', [document.id]);
  }

  /** MiB of resident memory, now and at its highest since the start. */
  memory() {
    const status = readFileSync(`/proc/${this.world.gateway.process.pid}/status`, 'utf8');
    return ['VmRSS', 'VmHWM'].map(name => Number(status.match(new RegExp(`${name}:\\s+(\\d+)`))[1]) / 1024);
  }

  end() {
    return this.world.end();
  }
}

async function memory(folder) {
  const values = [];
  const file = await makeFile(folder, 1024 * MiB);
  const sum = await sha256(file);
  for (const store of ['dir', 's3', 's3']) {
    const files = await Files.start(store);
    const [idle] = files.memory();
    const document = await files.upload(file);
    const [, most] = files.memory();
    await files.download(document, `${file}.back`);
    if (document.sha256 !== sum || await sha256(`${file}.back`) !== sum)
      throw new Error('1 GiB did not come back as it was');
    values.push({ store, most: most - idle });
    console.error(`${store}: ${(most - idle).toFixed(1)} MiB`);
    rmSync(`${file}.back`);
    await files.end();
  }
  const of = store => values.filter(value => value.store === store).map(value => value.most);
  return { values: of('s3'), more: { directory: Math.round(of('dir')[0]) } };
}

async function besideStore(file) {
  const files = await Files.start('s3');
  const { s3 } = files.world;
  const sum = await sha256(file);
  const signed = [...s3.signing, '-H', `x-amz-content-sha256: ${sum}`];
  const up = await takeTurns({
    onefin: () => rate(() => files.upload(file)),
    curl: () => rate(() => curl('-T', file, ...signed, s3.address('/direct'))),
  });
  const document = await files.upload(file);
  const key = await files.key(document);
  const down = await takeTurns({
    onefin: () => rate(() => files.download(document)),
    curl: () => rate(() => curl('-o', '/dev/null', ...signed, s3.address(`/${key}`))),
  });
  await files.end();
  return { up, down };
}

/** nginx as Debian has it, for files below a folder; its port. */
async function nginx(folder, root) {
  const port = await freePort();
  const config = `${folder}/nginx.conf`;
  writeFileSync(config, `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log; user root;
    events { } http { access_log off; sendfile on; server { listen 127.0.0.1:${port}; root ${root}; } }`);
  const server = spawn('/usr/sbin/nginx', ['-e', `${folder}/nginx.log`, '-c', config], { stdio: 'ignore' });
  const ended = once(server, 'exit');
  const kill = atExit(() => server.kill('SIGTERM'));
  await until(() => fetch(`http://127.0.0.1:${port}/`), 'nginx');
  return { port, end: () => { kill(); return ended; } };
}

async function besideDisk(folder, file) {
  const files = await Files.start('dir');
  const root = files.world.gateway.store;
  const up = await takeTurns({
    onefin: () => rate(() => files.upload(file)),
    dd: () => rate(() => run('dd', [`if=${file}`, `of=${root}/dd`, 'bs=64k', 'conv=fsync'])),
  });
  const document = await files.upload(file);
  const key = await files.key(document);
  const server = await nginx(folder, root);
  const down = await takeTurns({
    onefin: () => rate(() => files.download(document)),
    nginx: () => rate(() => curl('-o', '/dev/null', `http://127.0.0.1:${server.port}/${key}`)),
  });
  await server.end();
  await files.end();
  return { up, down };
}

const ratio = (turns, name) => ({ own: turns.onefin, peer: { name, unit: 'MiB/s', values: turns[name] } });

export async function measure(names) {
  const folder = scratchFolder();
  const measured = {};
  if (names.includes('upload.memory_1gib'))
    measured['upload.memory_1gib'] = await memory(folder.path);
  const file = await makeFile(folder.path, size);
  if (names.some(name => name.endsWith('vs_store'))) {
    const { up, down } = await besideStore(file);
    Object.assign(measured, { 'upload.vs_store': ratio(up, 'curl'), 'download.vs_store': ratio(down, 'curl') });
  }
  if (names.some(name => /vs_(dd|nginx)$/.test(name))) {
    const { up, down } = await besideDisk(folder.path, file);
    Object.assign(measured, { 'upload.vs_dd': ratio(up, 'dd'), 'download.vs_nginx': ratio(down, 'nginx') });
  }
  folder.remove();
  return measured;
}
