// The load generator (load/, built as .build/bench/load) as a process, and the CPU time of others.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { built } from '../lib/gateway.mjs';
import { atExit } from '../lib/scratch.mjs';

export class Load {
  /** Options as load/main.c has them; resolves when all clients are connected and logged in. */
  static async start(options) {
    const load = new Load();
    load.process = spawn(built('bench/load'), Object.entries(options).map(([name, value]) => `${name}=${value}`),
      { stdio: ['pipe', 'pipe', 'inherit'] });
    load.remove = atExit(() => load.process.kill('SIGKILL'));
    load.process.stdin.on('error', () => {}); // its end says why
    load.lines = createInterface(load.process.stdout)[Symbol.asyncIterator]();
    load.ready = await load.answer();
    return load;
  }

  /** What it says next. */
  async answer() {
    const { value } = await this.lines.next();
    if (value === undefined)
      throw new Error('the load generator ended');
    return JSON.parse(value);
  }

  ask(command) {
    this.process.stdin.write(`${command}\n`);
    return this.answer();
  }

  async end() {
    this.process.stdin.end();
    if (this.process.exitCode === null)
      await once(this.process, 'exit');
    this.remove();
  }
}

const TICKS = 100; // a second, in /proc
const stat = pid => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');

/** Seconds of CPU time that a process had. */
export function cpu(pid) {
  const fields = stat(pid);
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** The same of a cluster: its postmaster and all the processes of it that there are. */
export function clusterCpu(cluster) {
  const pid = readFileSync(`${cluster.dir}/data/postmaster.pid`, 'utf8').split('\n')[0];
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return [pid, ...children].reduce((sum, one) => sum + cpu(one), 0);
}
