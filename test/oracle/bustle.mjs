// A firm in which much happens at once, from several connections, while things are killed under it: what
// comes of it is for figures.test.mjs to judge. Everything is made up from one seed; how it interleaves is not.
//
// Answers are not looked at, but for what to do next: refusals are part of it, and what a killed
// connection asked for may have been done or not. Any other error ends the run.

import { existsSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { Cluster } from '../lib/cluster.mjs';
import { sleep, until } from '../lib/scratch.mjs';
import { Random } from './random.mjs';
import { uploading } from './uploading.mjs';

const companies = 6;
const writers = 6;

// The firm, and what the test does by hand; the token of one's first session is the login.
const founding = `
CREATE SCHEMA bustle;
INSERT INTO onefin.department (name) VALUES ('North'), ('South');
INSERT INTO onefin.org (name, department_id) SELECT 'Company ' || n, 1 + n % 2 FROM generate_series(1, ${companies}) n;
INSERT INTO onefin.account (login, name, role, department_id) SELECT login, initcap(login), role, department_id
    FROM (VALUES ('boss', 'admin', NULL::bigint), ('owner', 'admin', NULL), ('nora', 'supervisor', 1), ('sue', 'supervisor', 2),
        ('ann', 'accountant', 1), ('ben', 'accountant', 1), ('cat', 'accountant', 2), ('dan', 'accountant', NULL)) a (login, role, department_id);
INSERT INTO onefin.account (login, name, role, department_id, machine) VALUES ('robot', 'Robot', 'supervisor', 1, true);
INSERT INTO onefin.account (login, name, role, org_id) SELECT 'client' || n || who, 'Client ' || n || who, 'client', n
    FROM generate_series(1, ${companies}) n, unnest('{a,b}'::text[]) who;
INSERT INTO onefin.session (account_id, token_hash, expires_at) SELECT id, sha256(login::bytea), 'infinity' FROM onefin.account;
INSERT INTO onefin.assignment (org_id, account_id) SELECT o.id, a.id FROM onefin.org o JOIN onefin.account a ON a.role = 'accountant' AND (o.id + a.id) % 3 > 0;
INSERT INTO onefin.setting VALUES ('close_after_hours', '1');
INSERT INTO onefin.policy (from_at, first_target, next_target, resolution_target) VALUES ('2000-01-01', 600000000, 300000000, 86400000000);
${uploading('bustle')}
CREATE FUNCTION bustle.work() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    j jsonb;
    n integer := 0;
BEGIN
    FOR j IN SELECT jsonb_array_elements(onefin.jobs_take('bustle', 100, '{}') -> 'jobs') LOOP
        n := n + 1;
        PERFORM onefin.job_done((j -> 'job')::bigint, (j -> 'attempt')::integer, jsonb_build_object('type', j -> 'type', 'extension', NULL,
            'size', 1, 'sha256', encode(sha256('x'), 'hex'), 'signed', false, 'preview', jsonb '{"size": 1}'));
    END LOOP;
    RETURN n;
END $$;
CREATE FUNCTION bustle.rebuild() RETURNS jsonb LANGUAGE sql SECURITY DEFINER AS 'SELECT onefin.kpi_rebuild()';
GRANT USAGE ON SCHEMA bustle TO onefin_gateway;`;

// Business time of contracts: nearly always now, so that something is measured, and with gaps in what is imported.
const plan = { zone: 'Asia/Tashkent', exceptions: { '2026-01-01': [], '2026-03-21': [['10:00', '12:00']] },
    weekly: Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map(day => [day, [['00:00', '08:59'], ['09:00', '13:00'], ['13:01', '24:00']]])) };

async function addCalendar(cluster) {
    const [{ id }] = await cluster.query("INSERT INTO onefin.calendar (name, time_zone) VALUES ('Contracts', $1) RETURNING id", [plan.zone]);
    const flat = hours => hours.length ? `{${hours.flat()}}` : null;
    for (const [day, hours] of Object.entries(plan.weekly))
        await cluster.query('INSERT INTO onefin.calendar_hours VALUES ($1, $2, $3)', [id, day, flat(hours)]);
    for (const [day, hours] of Object.entries(plan.exceptions))
        await cluster.query("INSERT INTO onefin.calendar_exception (calendar_id, day, name, hours) VALUES ($1, $2, 'a feast', $3)", [id, day, flat(hours)]);
    await cluster.query("INSERT INTO onefin.calendar_use (kind_id, calendar_id) SELECT id, $1 FROM onefin.topic_kind WHERE code = 'contract'", [id]);
    return { [id]: plan };
}

const staff = ['boss', 'nora', 'sue', 'ann', 'ben', 'cat', 'dan', 'robot'];
const zones = ['Asia/Tashkent', 'UTC', 'America/New_York', 'Pacific/Auckland'];
const refusals = new Set(['42501', '55000', 'P0002', '40OF1', '22023', '40001', '40P01']);
const losses = new Set([undefined, 'ECONNRESET', 'EPIPE', '57P01', '57P02', '57P03']); // of a connection
const call = (who, method, params) => ({ who, method, params });

// How often, and what: each makes up a question from what is known so far.
const doings = {
    clientSends: [30, ({ chance, known }, org) => {
        const who = known.client(org);
        const documents = chance.chance(0.3) ? known.take(known.papers, who) : undefined;
        return call(who, 'send', { topic: known.topic(org), text: known.text(), documents });
    }],
    staffSends: [26, ({ chance, known }, org) => call(known.staff(org), 'send',
        { topic: known.topic(org), text: known.text(), visibility: chance.chance(0.2) ? 'staff' : 'all' })],
    edits: [6, ({ known }) => known.change('edit', { text: known.text() })],
    deletes: [5, ({ known }) => known.change('delete', {})],
    uploads: [6, ({ chance, known }, org) => ({ who: chance.chance(0.9) ? known.client(org) : chance.of(staff), upload: known.topic(org) })],
    works: [3, () => ({ who: 'boss', work: true })],
    marks: [8, ({ chance, known }) => {
        const { org, id } = chance.of(known.documents.slice(-20)) ?? { org: 1, id: 1 };
        const mark = chance.chance(0.7) ? 'processed' : 'returned';
        return call(known.staff(org), 'process', { document: id, mark, reason: mark === 'returned' ? 'not signed' : undefined });
    }],
    downloads: [4, ({ chance, known }) => {
        const { org, id } = chance.of(known.documents) ?? { org: 1, id: 1 };
        return { who: chance.chance(0.6) ? known.staff(org) : known.client(org), download: id };
    }],
    closes: [7, ({ known }, org) => call(known.staff(org), 'close', { topic: known.topic(org) })],
    awaits: [3, ({ known }, org) => call(known.staff(org), 'await_client', { topic: known.topic(org) })],
    reopens: [2, ({ known }, org) => call(known.staff(org), 'reopen', { topic: known.topic(org) })],
    rates: [6, ({ chance, known }) => {
        const { org, ticket } = chance.of(known.rounds.slice(-40)) ?? { org: 1, ticket: 1 };
        return call(known.client(org), 'rate', { ticket, score: 1 + chance.below(5), comment: chance.chance(0.3) ? known.text() : undefined });
    }],
    dismisses: [3, ({ chance }) => call(chance.of(['boss', 'ann', 'ben', 'cat']), 'waits', { limit: 5 })],
    assigns: [2, ({ chance, known }, org) => call('boss', 'assign', { org, account: known.account(chance.of(['ann', 'ben', 'cat', 'dan'])), ended: chance.chance(0.5) })],
    archives: [0.4, ({ chance }, org) => call('boss', 'orgs', { id: org, archived: chance.chance(0.1) })],
    moves: [0.6, ({ chance, known }, org) => chance.chance(0.5) ? call('boss', 'orgs', { id: org, department: 1 + chance.below(2) })
        : call('boss', 'accounts', { id: known.account(chance.of(['ann', 'ben', 'cat', 'dan'])), department: 1 + chance.below(2) })],
    promotes: [0.4, ({ chance, known }) => call('boss', 'accounts', { id: known.account('dan'), role: chance.of(['accountant', 'supervisor']), department: 1 })],
    rebuilds: [0.4, () => ({ rebuild: true })],
    zones: [0.4, ({ chance }) => call('boss', 'settings', { name: 'time_zone', value: chance.of(zones) })],
    policies: [0.6, ({ chance }, org) => call('boss', 'policies', { set: true, first: 0.02 + chance.next(), next: 0.02 + chance.next() * 0.2,
        resolution: chance.next(), warn_share: 0.5, org: chance.chance(0.3) ? org : undefined, kind: chance.chance(0.5) ? chance.of(['invoice', 'contract']) : undefined })],
    imports: [6, ({ chance, known }, org) => {
        const who = chance.chance(0.6) ? known.client(org) : chance.of(staff);
        const topic = chance.chance(0.3) ? known.topic(org) : org * 5; // where nobody else writes, and silence comes
        return call('owner', 'import', { topic, author: known.account(who), text: known.text(), client_key: randomUUID(),
            at: new Date(Date.now() - chance.below(400 * 86400e3)).toISOString() });
    }],
};

const weights = Object.fromEntries(Object.entries(doings).map(([name, [weight]]) => [name, weight]));

/** What the writers know of the firm, to do something with it. */
class Known {
    messages = [];
    papers = new Map(); // login -> documents to be attached
    documents = []; // that were sent
    rounds = []; // {org, ticket} that were closed
    accounts = new Map();
    tokens = new Map();

    constructor(chance) {
        this.chance = chance;
        this.words = 0;
    }

    client(org) {
        return `client${org}${this.chance.of(['a', 'b'])}`;
    }

    account(login) {
        return this.accounts.get(login);
    }

    token(login) {
        return this.tokens.get(login) ?? login;
    }

    /** Mostly one who may. */
    staff(org) {
        return this.chance.of(this.chance.chance(0.2) ? staff : org % 2 ? ['boss', 'sue', 'cat', 'dan'] : ['boss', 'nora', 'ann', 'ben', 'robot']);
    }

    /** Few, so that people meet. */
    topic(org) {
        return (org - 1) * 5 + 1 + this.chance.below(3);
    }

    text() {
        return `words ${++this.words}`;
    }

    take(papers, who) {
        const found = papers.get(who);
        papers.delete(who);
        return found;
    }

    change(method, params) {
        const known = this.chance.of(this.messages.slice(-60));
        return known ? call(known.who, method, { message: known.id, version: known.version, ...params }) : undefined;
    }

    learn({ who, method, params }, result) {
        this.documents.push(...(params.documents ?? []).map(id => ({ id, org: Math.ceil(params.topic / 5) })));
        if (result.message?.id && method !== 'import') {
            this.messages = this.messages.filter(message => message.id !== result.message.id);
            if (method !== 'delete')
                this.messages.push({ who, id: result.message.id, version: result.message.version });
        }
        if (method === 'close')
            this.rounds.push({ org: Math.ceil(result.topic / 5), ticket: result.ticket });
    }
}

export class Bustle {
    counts = {}; // doing -> {done, refused, lost}
    kills = {};
    errors = [];

    static async start(seed) {
        const bustle = new Bustle();
        bustle.chance = new Random(seed);
        bustle.known = new Known(bustle.chance);
        bustle.cluster = await Cluster.start('max_connections=60', 'jit=off', 'restart_after_crash=on');
        await bustle.cluster.query(founding);
        bustle.plans = await addCalendar(bustle.cluster);
        for (const { id, login } of await bustle.cluster.query('SELECT id, login FROM onefin.account'))
            bustle.known.accounts.set(login, id);
        return bustle;
    }

    end() {
        this.cluster.remove();
    }

    /** Until a round has closed by itself, the sealer has nothing more to do, and the figures have come as far. */
    async rest() {
        const connection = await this.#connect();
        await this.#ask(connection, call('boss', 'orgs', { id: 1, archived: false }));
        for (const [who, days] of [['client1a', 3], ['boss', 2]])
            await this.#ask(connection, call('owner', 'import', { topic: 5, author: this.known.account(who), text: this.known.text(), client_key: randomUUID(),
                at: new Date(Date.now() - days * 86400e3).toISOString() }));
        await connection.end();
        await until(() => this.cluster.value("SELECT EXISTS (SELECT FROM onefin.ticket WHERE closed_how = 'silence')"), 'silence to close a round');
        await this.cluster.query("UPDATE onefin.setting SET value = '0' WHERE name = 'close_after_hours'");
        await until(() => this.cluster.value(`SELECT NOT EXISTS (SELECT FROM onefin.wait w JOIN onefin.org o ON o.id = w.org_id AND o.archived_at IS NULL
            WHERE w.ended_at IS NULL AND w.breached_at IS NULL AND w.due_at < now() + interval '1 minute')`), 'those who wait to be missed');
        const seal = await this.cluster.sealed();
        await until(() => this.cluster.value("SELECT seal >= $1 AND time_zone = value #>> '{}' FROM onefin.kpi_state, onefin.setting_now WHERE name = 'time_zone'", [seal]),
            'the figures to be up to date');
    }

    /** So many doings, and so many kills evenly among them. */
    async run(operations, kills) {
        this.left = operations;
        const killing = this.#killAmong(operations, kills);
        await Promise.all(Array.from({ length: writers }, () => this.#write()));
        await killing;
        if (this.errors.length)
            throw new Error(this.errors.slice(0, 5).join('\n'));
    }

    async #write() {
        let connection;
        while (this.left-- > 0 && !this.errors.length) {
            const name = this.chance.weighted(weights);
            const asked = doings[name][1](this, 1 + this.chance.below(companies));
            const count = this.counts[name] ??= { done: 0, refused: 0, lost: 0 };
            try {
                connection ??= await this.#connect();
                count[asked && await this.#ask(connection, asked) ? 'done' : 'refused']++;
            } catch (error) {
                if (!losses.has(error.code))
                    this.errors.push(`${JSON.stringify(asked)}: ${error}`);
                count.lost++;
                await connection?.end().catch(() => {});
                connection = undefined;
            }
        }
        await connection?.end();
    }

    #connect() {
        return until(() => this.cluster.connect('onefin_gateway'), 'a connection');
    }

    /** True when it was done; throws when nothing came back. */
    async #ask(connection, asked) {
        if (asked.work)
            return (await connection.query('SELECT bustle.work() AS n')).rows[0].n > 0;
        if (asked.rebuild)
            return this.#isRight((await connection.query('SELECT bustle.rebuild() AS found')).rows[0].found);
        const { rows: [{ answer }] } = await connection.query(...this.#question(asked));
        if (answer.error)
            return this.#refused(asked, answer.error);
        if (asked.upload)
            this.known.papers.set(asked.who, [answer.result.id]);
        else if (asked.method === 'waits') {
            const wait = this.chance.of(answer.result.waits);
            return wait !== undefined && this.#ask(connection, call(asked.who, 'dismiss_wait', { wait: wait.id, reason: 'it was a thank you' }));
        } else if (asked.method)
            this.known.learn(asked, answer.result);
        return true;
    }

    /** At any moment the figures are what they would be if they were made anew. */
    #isRight(found) {
        if (found.wrong)
            this.errors.push(`kpi_rebuild() found ${JSON.stringify(found)}`);
        return true;
    }

    #question({ who, method, params, upload, download }) {
        const token = this.known.token(who);
        if (upload)
            return ['SELECT bustle.upload($1, $2, $3) AS answer', [token, upload, `paper ${this.known.text()}`]];
        return download ? ['SELECT onefin.file_get($1, $2) AS answer', [token, download]]
            : ['SELECT onefin.call($1, $2, $3) AS answer', [token, method, params]];
    }

    /** Who has changed places logs in again. */
    async #refused(asked, error) {
        const { sqlstate } = error.data ?? {};
        if (sqlstate === '28000') {
            const token = randomUUID();
            await this.cluster.query("INSERT INTO onefin.session (account_id, token_hash, expires_at) SELECT id, sha256($2::bytea), 'infinity' FROM onefin.account WHERE login = $1",
                [asked.who, token]);
            this.known.tokens.set(asked.who, token);
        } else if (!refusals.has(sqlstate))
            this.errors.push(`${JSON.stringify(asked)}: ${JSON.stringify(error)}`);
        return false;
    }

    async #killAmong(operations, kills) {
        const ways = Object.keys(this.#ways);
        for (let n = 1; n <= kills; n++) {
            const due = operations * (1 - n / (kills + 1));
            while (this.left > due && !this.errors.length)
                await sleep(5);
            const way = n <= ways.length ? ways[n - 1] : this.chance.of(ways);
            await this.#ways[way]();
            await until(() => this.cluster.value('SELECT 1'), 'PostgreSQL to answer');
            this.kills[way] = (this.kills[way] ?? 0) + 1;
        }
    }

    #ways = {
        'sealer ended': () => this.#signal("backend_type = 'onefin sealer'", pid => this.cluster.query('SELECT pg_terminate_backend($1)', [pid])),
        'server cut off': async () => {
            this.cluster.kill();
            this.cluster.run('start');
        },
        'backend killed': () => this.#signal("backend_type = 'client backend' AND pid <> pg_backend_pid()", pid => this.#murder(pid)),
        'sealer killed': () => this.#signal("backend_type = 'onefin sealer'", pid => this.#murder(pid)),
    };

    #signal(which, how) {
        return until(async () => {
            const [found] = await this.cluster.query(`SELECT pid FROM pg_stat_activity WHERE ${which} AND datname = current_database() ORDER BY random() LIMIT 1`);
            await (found && how(found.pid));
            return found;
        }, `${which} to kill`);
    }

    /** Until the postmaster has noticed, and begun to start anew. */
    #murder(pid) {
        process.kill(pid, 'SIGKILL');
        return until(() => !existsSync(`/proc/${pid}`), `process ${pid} to be buried`);
    }
}
