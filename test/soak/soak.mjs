// The run: a firm of 50 clients and 20 staff who write at random through two gateways on one database,
// over networks that misbehave, while everything is killed at random times; then the checks.

import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { Random } from '../oracle/random.mjs';
import { World } from '../lib/firm.mjs';
import { Gateway, built } from '../lib/gateway.mjs';
import { sleep, until } from '../lib/scratch.mjs';
import { Toxic } from '../lib/toxic.mjs';
import { checkEvents, checkIds, checkJournal, checkMessages, checkUnread } from './check.mjs';
import { Ruler, Writer } from './doings.mjs';
import { Killer } from './killer.mjs';
import { Order } from './order.mjs';
import { Person } from './person.mjs';

const cast = { clients: 50, accountants: 15, supervisors: 4 }; // and the admin
const orgs = 12;
const steadyOrgs = 3; // nothing is taken from these: whatever their people want is done
const resumeEvents = 150; // so few that some are told to reload
const settings = { call_timeout: 3, ping_interval: 2 };

// Open files of a gateway that nobody is connected to: itself, its log, its connections to the database.
const mostFiles = 20;
const files = gateway => readdirSync(`/proc/${gateway.process.pid}/fd`).length;

export class Soak {
    /** `kills` in all; `pace`: milliseconds between the doings of a person; `pause`: between kills; or so. */
    static async start({ seed, kills, pace = 250, pause = 800 }) {
        const soak = new Soak();
        Object.assign(soak, { seed, kills, pace, pause, began: Date.now() });
        soak.world = await World.start({ empty: true, pg: ['fsync=on', 'max_connections=60'] });
        await soak.#found();
        await soak.#connect();
        return soak;
    }

    #random(n) {
        return new Random(this.seed * 1000 + n);
    }

    async #found() {
        const { firm } = this.world;
        await firm.admin.call('settings', { name: 'resume_events', value: resumeEvents });
        const departments = [];
        for (let i = 0; i < 3; i++)
            departments.push(await firm.department(`Department ${i}`));
        for (let i = 0; i < orgs; i++)
            await firm.org(`Org ${i}`, departments[i % 3]);
        const all = Object.values(firm.orgs).map(org => ({ id: org.id, topics: Object.values(org.topics) }));
        for (let i = 0; i < cast.clients; i++)
            await firm.account(`client${i}`, 'client', { org: all[i % orgs].id });
        for (let i = 0; i < cast.supervisors; i++)
            await firm.account(`supervisor${i}`, 'supervisor', { department: departments[i % 3].id });
        const assignments = new Set();
        for (let i = 0; i < cast.accountants; i++) {
            const account = await firm.account(`accountant${i}`, 'accountant', { department: departments[i % 3].id });
            for (const org of [all[i % orgs], all[(i * 5 + 1) % orgs]]) {
                await firm.assign(account, org);
                assignments.add(`${org.id} ${account.id}`);
            }
        }
        this.firm = { departments, assignments, pace: this.pace, restless: all.slice(steadyOrgs),
            steady: new Set(all.slice(0, steadyOrgs).map(org => org.id)) };
    }

    /** Two gateways, each with its own way to the database, and the people. */
    async #connect() {
        const { world } = this;
        const { cluster } = world;
        const socket = { path: `${cluster.host}/.s.PGSQL.${cluster.port}` };
        this.toxics = [];
        this.gateways = [];
        for (let i = 0; i < 2; i++) {
            const behind = await Toxic.start(socket);
            const database = `host=127.0.0.1 port=${behind.port} dbname=firm user=onefin_gateway`;
            const gateway = await Gateway.start(cluster, { ...settings, database, store: world.gateway.store });
            const before = await Toxic.start({ port: gateway.port, host: '127.0.0.1' });
            this.gateways.push(gateway);
            this.toxics.push({ toxic: before, pause: 250 }, { toxic: behind, pause: 1200 });
        }
        this.urls = this.toxics.filter((_, i) => i % 2 === 0).map(({ toxic }) => `ws://127.0.0.1:${toxic.port}/ws`);
        const accounts = [...Object.values(world.firm.accounts), world.admin.account];
        await world.admin.leave(); // comes back as one of the people
        await world.gateway.stop();
        this.people = accounts.map(account => new Person(account, this.urls, this.#random(100 + account.id)));
        this.admin = this.people.at(-1);
        this.people.forEach(person => person.start());
        await until(() => this.people.every(person => person.live), 'everybody to be logged in', 120);
    }

    /** All of it; what is wrong. */
    async run() {
        this.killer = new Killer(this.world.cluster, this.gateways, this.#random(1));
        this.writers = this.people.map(person => new Writer(person, this.firm, this.#random(1000 + person.id)));
        this.ruler = new Ruler(this.admin, this.firm, this.people.slice(0, -1), this.#random(2));
        let over = false;
        const killing = this.killer.work(this.kills, this.pause).finally(() => { over = true; });
        const misbehaving = this.toxics.map(({ toxic, pause }, i) => toxic.misbehave(this.#random(10 + i), pause, killing.catch(() => {})));
        const working = [...this.writers, this.ruler].map(worker => worker.work(() => over));
        await Promise.all([killing, ...working, ...misbehaving]);
        await this.#comeToRest();
        return this.#check();
    }

    /** Everybody is told of all. */
    async #comeToRest() {
        await until(() => this.people.every(person => person.live), 'everybody to be back');
        const { cluster } = this.world;
        await until(async () => {
            const seal = await cluster.sealed();
            this.order = await Order.read(cluster);
            const late = this.people.filter(person => {
                const last = this.order.of(person.id).at(-1);
                const { seal: at, index = Infinity } = person.cursor;
                return at < last.seal || at === last.seal && index < last.index;
            });
            this.late = late.map(person => person.login);
            return late.length === 0 && seal === await cluster.sealed();
        }, 'everybody to be told of all', 30).catch(() => {}); // what is missing, the checks will say
        for (const person of this.people)
            await person.unread.load(person);
    }

    async #check() {
        const { cluster } = this.world;
        const texts = new Map((await cluster.query(`SELECT message_id AS id, version, text FROM onefin.message_version
            UNION ALL SELECT id, version, text FROM onefin.message`)).map(row => [`${row.id} ${row.version}`, row.text]));
        const wrong = {
            people: this.people.flatMap(person => person.broken),
            refusals: this.#refusals(),
            messages: await checkMessages(cluster, this.writers),
            ids: checkIds(this.order),
            events: checkEvents(this.order, this.people, texts, resumeEvents),
            unread: await checkUnread(cluster, this.order, this.people),
            journal: await checkJournal(cluster),
            gateways: await this.#leave(),
        };
        return Object.entries(wrong).flatMap(([name, list]) => list.map(one => `${name}: ${one}`));
    }

    /** Of what nobody took the right to, nothing is refused. */
    #refusals() {
        return this.writers.filter(({ person }) => this.firm.steady.has(person.account.org))
            .flatMap(({ person, refused }) => Object.entries(refused)
                .map(([what, times]) => `${person.login} was refused ${what}, ${times} times`));
    }

    /** When all have left, nothing of them is left in the gateways. */
    async #leave() {
        await Promise.all(this.people.map(person => person.leave()));
        const wrong = [];
        for (const gateway of this.gateways) {
            const samples = async () => (await gateway.metrics()).samples;
            await until(async () => (await samples()).onefin_gateway_connections === 0 && files(gateway) <= mostFiles,
                'the gateway to notice', 20).catch(() => {});
            const { onefin_gateway_connections: connections, onefin_gateway_live: live, onefin_gateway_calls_waiting: waiting } = await samples();
            if (connections || live || waiting || files(gateway) > mostFiles)
                wrong.push(`${gateway.url} has ${connections} connections, ${live} live, ${waiting} calls waiting, ${files(gateway)} open files`);
        }
        return wrong;
    }

    /** One line. */
    get summary() {
        const sum = name => this.people.reduce((n, person) => n + person.counts[name], 0);
        const count = kind => this.order.entries.filter(entry => entry.kind === kind).length;
        const told = this.people.reduce((n, person) => n + person.steps.reduce((m, step) =>
            m + (step.what === 'event' ? 1 : step.events?.length ?? 0), 0), 0);
        const closes = {};
        for (const person of this.people)
            for (const [code, times] of Object.entries(person.closes))
                closes[code] = (closes[code] ?? 0) + times;
        const list = counts => Object.entries(counts).map(([name, n]) => `${name} ${n}`).join(', ');
        const toxics = name => this.toxics.reduce((n, { toxic }) => n + toxic[name], 0);
        return `seed ${this.seed}: ${this.kills} kills (${list(this.killer.kills)}), ${toxics('cuts')} cuts, ${toxics('swallowed')} swallowed; `
            + `${count('message.sent')} messages, ${count('message.edited')} edits, ${count('message.deleted')} deletions, ${count('topic.read')} reads, `
            + `${list(this.ruler.done)}; ${this.order.entries.length} entries in ${this.order.last} seals, ${told} events told; `
            + `${sum('resumes')} resumes, ${sum('resets')} resets, ${sum('logins')} logins, closes ${list(closes)}; ${Math.round((Date.now() - this.began) / 1000)} s`;
    }

    /** Copies of the logs, where they stay; the folder. */
    keepLogs() {
        const folder = built(`soak/${this.seed}`);
        mkdirSync(folder, { recursive: true });
        copyFileSync(`${this.world.cluster.dir}/log`, `${folder}/postgresql.log`);
        this.gateways.forEach((gateway, i) => copyFileSync(gateway.logFile, `${folder}/gateway${i}.log`));
        return folder;
    }

    async end() {
        await Promise.all(this.people.map(person => person.leave()));
        await Promise.all(this.toxics.map(({ toxic }) => toxic.close()));
        this.gateways.forEach(gateway => gateway.remove());
        await this.world.end();
    }
}
