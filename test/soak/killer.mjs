// Kills whatever there is to kill, at random times, and starts it again.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sleep, until } from '../lib/scratch.mjs';

const script = fileURLToPath(new URL('../lib/cluster.sh', import.meta.url));
const kinds = {
    gateway: 'a gateway by SIGKILL',
    'sealer ended': 'the sealer by pg_terminate_backend',
    'sealer killed': 'the sealer by SIGKILL, and PostgreSQL starts anew',
    'backend ended': 'connections of gateways by pg_terminate_backend',
    'backend killed': 'a connection of a gateway by SIGKILL, and PostgreSQL starts anew',
    'power cut': 'every process of PostgreSQL at once',
    restart: 'PostgreSQL stopped and started in order',
};

const sealers = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'onefin sealer' AND datname = current_database()";
const backends = "SELECT pid FROM pg_stat_activity WHERE usename = 'onefin_gateway' ORDER BY random() LIMIT $1";

export class Killer {
    kills = Object.fromEntries(Object.keys(kinds).map(kind => [kind, 0]));

    constructor(cluster, gateways, random) {
        Object.assign(this, { cluster, gateways, random });
        this.repairs = [...gateways, cluster].map(() => Promise.resolve());
    }

    /** So many, each kind at least once if they are enough; `pause` milliseconds or so apart. */
    async work(count, pause) {
        const names = Object.keys(kinds);
        const order = Array.from({ length: count }, (_, i) => i < names.length ? names[i] : this.random.of(names));
        for (const kind of this.random.sample(order, count)) {
            await sleep(this.random.below(2 * pause));
            await this.#kill(kind);
            if (this.random.chance(0.7)) // or the next hits while this is being repaired
                await this.repaired();
        }
        await this.repaired();
    }

    repaired() {
        return Promise.all(this.repairs);
    }

    async #kill(kind) {
        const which = kind === 'gateway' ? this.random.below(this.gateways.length) : this.gateways.length;
        await this.repairs[which];
        const repair = await this.#hit(kind, this.gateways[which]);
        this.repairs[which] = repair();
        this.repairs[which].catch(() => {}); // it is awaited before the next hit
        this.kills[kind]++;
    }

    /** Resolves, when it is dead, to how it is brought back. */
    async #hit(kind, gateway) {
        const pause = this.random.below(500);
        if (kind === 'gateway') {
            await gateway.kill();
            return () => sleep(pause).then(() => gateway.run());
        }
        if (kind === 'power cut' || kind === 'restart') {
            await this.#script(kind === 'restart' ? 'stop' : 'kill');
            return () => sleep(pause).then(() => this.#script('start')).then(() => this.#answers());
        }
        await this.#signal(...kind.split(' '));
        return () => this.#answers();
    }

    #script(command) {
        return promisify(execFile)(script, [command, this.cluster.dir]);
    }

    /** When PostgreSQL is there to say whom, and they are there. */
    #signal(whom, how) {
        const few = how === 'killed' ? 1 : 1 + this.random.below(4);
        return until(async () => {
            const rows = await this.cluster.query(whom === 'sealer' ? sealers : backends, whom === 'sealer' ? [] : [few]);
            const pids = rows.map(row => row.pid);
            if (pids.length && how === 'ended')
                await this.cluster.query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid', [pids]);
            else if (pids.length)
                await this.#murder(pids[0]);
            return pids.length > 0;
        }, `a ${whom} to kill`);
    }

    /** Until the postmaster has noticed, and begun to start anew. A fast stop before that is over hangs in PostgreSQL 15. */
    #murder(pid) {
        process.kill(pid, 'SIGKILL');
        return until(() => !existsSync(`/proc/${pid}`), `process ${pid} to be buried`);
    }

    /** PostgreSQL, again. */
    #answers() {
        return until(() => this.cluster.value('SELECT 1'), 'PostgreSQL to answer');
    }
}
