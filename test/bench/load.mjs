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

/** Seconds of CPU time that a process had, and those of its children that are gone. */
function times(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  const [user, system, childUser, childSystem] = fields.slice(11, 15).map(Number);
  return { own: (user + system) / TICKS, gone: (childUser + childSystem) / TICKS };
}

export const cpu = pid => times(pid).own;

/** Seconds of CPU time that a cluster had: the postmaster, and all of its children there ever were. */
export function clusterCpu(cluster) {
  const pid = readFileSync(`${cluster.dir}/data/postmaster.pid`, 'utf8').split('\n')[0];
  for (;;) {
    try {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
      const { own, gone } = times(pid);
      return children.reduce((sum, child) => sum + cpu(child), own + gone);
    } catch (error) {
      if (!['ENOENT', 'ESRCH'].includes(error.code)) // a child that ended meanwhile
        throw error;
    }
  }
}
