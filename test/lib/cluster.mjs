// A private PostgreSQL cluster with onefin in a database of its own (see cluster.sh), and queries
// to it as the superuser, who sees all.

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { atExit, scratchFolder, until } from './scratch.mjs';

const script = fileURLToPath(new URL('cluster.sh', import.meta.url));
const database = 'firm';

pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export class Cluster {
    /** Settings are strings such as 'max_connections=50'. */
    static async start(...settings) {
        const cluster = new Cluster();
        cluster.folder = scratchFolder();
        chmodSync(cluster.folder.path, 0o755);
        cluster.dir = `${cluster.folder.path}/pg`;
        cluster.remove = atExit(() => {
            spawnSync(script, ['remove', cluster.dir]);
            cluster.folder.remove();
        });
        cluster.run('start', '0', ...settings);
        await cluster.query(`CREATE DATABASE ${database}`, [], 'postgres');
        await cluster.query('CREATE EXTENSION onefin; ALTER ROLE onefin_gateway LOGIN');
        return cluster;
    }

    run(command, ...rest) {
        const said = execFileSync(script, [command, this.dir, ...rest], { encoding: 'utf8' });
        if (command === 'start')
            [, this.host, this.port] = said.match(/PGHOST=(\S+) PGPORT=(\d+)/);
    }

    /** Orderly. */
    restart() {
        this.run('stop');
        this.run('start');
    }

    /** As by a power cut. */
    kill() {
        this.run('kill');
    }

    /** What libpq wants to know, for the role. */
    conninfo(role) {
        return `host=${this.host} port=${this.port} dbname=${database} user=${role}`;
    }

    /** A connection of its own; the caller ends it. */
    async connect(role = 'postgres', into = database) {
        const client = new pg.Client({ host: this.host, port: this.port, user: role, database: into });
        client.on('error', () => {}); // a server that is killed under it is what some tests are about
        await client.connect();
        return client;
    }

    /** Rows of one query. */
    async query(text, values = [], into = database) {
        const client = await this.connect('postgres', into);
        try {
            const result = await client.query(values.length ? { text, values } : text);
            return (Array.isArray(result) ? result.at(-1) : result).rows;
        } finally {
            await client.end();
        }
    }

    /** The only value of the only row. */
    async value(text, values = []) {
        return Object.values((await this.query(text, values))[0])[0];
    }

    /** Waits until every journal entry is sealed; the newest seal's number. */
    async sealed() {
        await until(() => this.value('SELECT (SELECT coalesce(sum(cardinality(entries)), 0) FROM onefin.seal)'
            + ' = (SELECT count(*) FROM onefin.journal)'), 'all entries to be sealed');
        return this.value('SELECT onefin.position()');
    }
}
