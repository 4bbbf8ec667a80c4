// The gateway under test: settings, store and log in a folder of its own, on a port that stays the
// same over restarts.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { atExit, scratchFolder, until } from './scratch.mjs';

const build = fileURLToPath(new URL('../../.build', import.meta.url));

/** Something that was built. The gateway's programs may be others, as of `make sanitized-gateway`. */
export const built = name => `${name.startsWith('gateway/') && process.env.ONEFIN_PROGRAMS || build}/${name}`;

export async function freePort() {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
}

export class Gateway {
    /** `environment` is set for the process besides ours. */
    static async start(cluster, settings = {}, environment = {}) {
        const gateway = new Gateway();
        gateway.environment = environment;
        const folder = scratchFolder();
        const port = await freePort();
        gateway.port = port;
        gateway.url = `ws://127.0.0.1:${port}/ws`;
        gateway.http = `http://127.0.0.1:${port}`;
        gateway.store = `${folder.path}/files`;
        gateway.logFile = `${folder.path}/log`;
        gateway.config = `${folder.path}/gateway.conf`;
        mkdirSync(gateway.store);
        const all = { port, database: cluster.conninfo('onefin_gateway'), store: gateway.store,
            page: built('web'), calls_per_second: 100000, connections_per_account: 100000, ...settings };
        writeFileSync(gateway.config, Object.entries(all).map(([name, value]) => `${name} = ${value}\n`).join(''));
        gateway.remove = atExit(() => {
            gateway.process?.kill('SIGKILL');
            folder.remove();
        });
        await gateway.run();
        return gateway;
    }

    /** Starts the process and waits until it answers. */
    async run() {
        const log = openSync(this.logFile, 'a');
        this.process = spawn(built('gateway/onefin-gateway'), ['-c', this.config],
            { stdio: ['ignore', log, log], env: { ...process.env, ...this.environment } });
        closeSync(log);
        this.ended = once(this.process, 'exit').then(([status, signal]) => ({ status, signal }));
        await until(async () => {
            if (this.process.exitCode !== null || this.process.signalCode !== null)
                throw new Error(`the gateway ended: ${this.log()}`);
            return (await fetch(`${this.http}/healthz`)).status === 200;
        }, `the gateway to be ready: ${this.logFile}`, 30).catch(error => {
            throw new Error(`${error.message}\n${this.log()}`);
        });
    }

    log() {
        return readFileSync(this.logFile, 'utf8');
    }

    /** SIGKILL, until it is gone. */
    async kill() {
        this.process.kill('SIGKILL');
        return this.ended;
    }

    /** SIGTERM; {status, signal} when it is gone. */
    async stop() {
        this.process.kill('SIGTERM');
        return this.ended;
    }

    /** The samples of /metrics: name{labels} -> number; throws what is no Prometheus text. */
    async metrics() {
        const answer = await fetch(`${this.http}/metrics`);
        const text = await answer.text();
        const samples = {};
        for (const line of text.split('\n').filter(Boolean)) {
            if (/^# (HELP|TYPE) [a-zA-Z_:][\w:]* .+$/.test(line))
                continue;
            const sample = /^([a-zA-Z_:][\w:]*(?:\{[^}]*\})?) (\S+)$/.exec(line);
            if (!sample || Number.isNaN(Number(sample[2].replace('+Inf', 'Infinity'))))
                throw new Error(`no Prometheus text: ${line}`);
            samples[sample[1]] = Number(sample[2].replace('+Inf', 'Infinity'));
        }
        return { samples, text, type: answer.headers.get('content-type') };
    }
}
