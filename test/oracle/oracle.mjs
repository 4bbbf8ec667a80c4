// One run: a random firm, stretches of random doings, and after each stretch random questions on every
// way in, compared with what the model says. Any difference is thrown, with all that is needed to see it.

import { firstDifference, ordered, same } from './compare.mjs';
import { asFunction, operations, refusal } from './doings.mjs';
import { Firm, roles, topicKinds } from './model.mjs';
import { Random } from './random.mjs';
import { documentJson, documentNamed, eventShown, eventTold, messageJson, namedOnly, questions, relations, tableQuestion } from './reads.mjs';
import { System } from './system.mjs';
import { until } from '../lib/scratch.mjs';

// How often each operation is done.
const weights = { send: 22, insert: 8, edit: 10, update: 3, delete: 4, bury: 2, import: 2, read: 12, versions: 2, redact: 1, close: 5, await_client: 4,
    reopen: 3, dismiss_wait: 4, rate: 5, policies: 2, due: 1, typing: 3, watch: 4, unwatch: 3, upload: 6, download: 4, work: 3, process: 4, assign: 9, assignByHand: 2, unassignByHand: 2, orgs: 5, orgsByHand: 3, accounts: 5, accountsByHand: 3,
    departments: 1, settings: 2, settingsByHand: 1, revoke_session: 3, revoke_sessions: 1, session_policies: 1, logout: 4 };

// What may be done while somebody else's transaction has changed rights and is not committed: nothing
// that would wait for its rows.
const besides = ['send', 'insert', 'edit', 'update', 'delete', 'bury', 'read', 'versions', 'redact', 'close', 'await_client', 'reopen',
    'dismiss_wait', 'rate', 'typing', 'upload', 'download', 'work'];

// How often each question is asked.
const curiosity = { me: 3, topics: 8, members: 12, history: 30, history_at: 8, documents: 10, waits: 6, ratings: 5, policies: 3, sessions: 5, session_policies: 1, accounts: 4, orgs: 3, departments: 2, settings: 2, journal: 2,
    journal_verify: 0.3, resume: 8 };

// Calls that are written as statements on tables. Who may execute one but is not entitled gets the
// tables' answers, and those the ...ByHand operations ask for.
const written = new Set(['assign', 'orgs', 'accounts', 'departments', 'settings', 'session_policies', 'policies']);

const orgCount = 11;
const cast = { admin: 2, supervisor: 5, accountant: 8, client: 11 };

export class Oracle {
    cases = { sql: 0, call: 0, events: 0 };
    firm = new Firm();
    users = []; // database users: {user, account, fixed}; fixed are the groups of one who has not the role's own
    assigned = new Map(); // assignment that the firm began with, to whom its entry is told
    clients = []; // who listens: {session, connection, events, typed, from}; from is the first entry not yet told
    log = [];
    #seen = 0; // the last entry of the journal that was looked at

    constructor(seed) {
        this.seed = seed;
        this.chance = new Random(seed);
    }

    static async start(seed) {
        const oracle = new Oracle(seed);
        oracle.system = await System.start();
        await oracle.#found();
        return oracle;
    }

    end() {
        return this.system.end();
    }

    get total() {
        return this.cases.sql + this.cases.call + this.cases.events;
    }

    /** The model says one thing and the system does another. */
    #differ(way, what, model, system) {
        const first = firstDifference(model, system);
        throw new Error([`ORACLE_SEED=${this.seed}: by ${way}, case ${this.total}: ${what}`, `model:  ${first.at}: ${JSON.stringify(first.model)}`,
            `system: ${first.at}: ${JSON.stringify(first.system)}`, 'last doings:', ...this.log.slice(-12)].join('\n'));
    }

    #check(way, what, model, system, cases = 1) {
        this.cases[way] += cases;
        if (!same(ordered(model), ordered(system)))
            this.#differ(way, what, model, system);
    }

    // --- the firm, by a superuser's hand

    async #found() {
        const { system, firm, chance } = this;
        const tables = await system.facts(`SELECT relname FROM pg_class WHERE relnamespace = 'onefin'::regnamespace AND relkind IN ('r', 'v', 'p', 'm')`);
        this.#check('sql', 'tables and views that are there', Object.keys(relations).sort(), tables.map(one => one.relname).sort());
        for (let id = 1; id <= 4; id++) {
            firm.departments.set(id, { id, name: `Department ${id}` });
            await system.facts('INSERT INTO onefin.department (name) VALUES ($1)', [`Department ${id}`]);
        }
        for (let id = 1; id <= orgCount; id++)
            await this.#open({ id, name: `Org ${id}`, department: chance.chance(0.9) ? 1 + chance.below(4) : null, archived: chance.chance(0.1) });
        for (const [role, count] of Object.entries(cast))
            for (let n = 0; n < count; n++)
                await this.#hire(role);
        for (let n = 0; n < 16; n++)
            await this.#assign(chance.of([...firm.accounts.values()].filter(a => a.role === 'accountant')), chance.of(firm.orgs.values()));
        await this.#strangers();
        for (const { name, value } of await system.facts('SELECT name, value FROM onefin.setting_default'))
            firm.defaults.set(name, value);
        for (const row of await this.#rows())
            firm.entries.push({ ...Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)),
                ...row.kind === 'assignment.created' ? { reaches: true, told: this.assigned.get(row.subject) } : { told: new Set() } });
        await system.settled();
        await this.#places();
    }

    async #open(org) {
        this.firm.orgs.set(org.id, org);
        await this.system.facts('INSERT INTO onefin.org (name, department_id, archived_at) VALUES ($1, $2, CASE WHEN $3 THEN now() END)',
            [org.name, org.department, org.archived]);
        (await this.#topicsOf(org.id)).forEach(topic => this.firm.topics.set(topic.id, topic));
    }

    async #topicsOf(org) {
        return (await this.system.facts('SELECT id, org_id AS org, kind_id AS kind FROM onefin.topic WHERE org_id = $1 ORDER BY id', [org]))
            .map(topic => ({ ...topic, kind: topicKinds[topic.kind - 1] }));
    }

    async #hire(role) {
        const { firm, chance, system } = this;
        const id = firm.accounts.size + 1;
        const account = { id, login: `p${id}`, name: `Person ${id}`, role, org: role === 'client' ? 1 + chance.below(orgCount) : null,
            department: ['supervisor', 'accountant'].includes(role) ? 1 + chance.below(4) : null, language: 'uz',
            machine: chance.chance(0.05), disabled: id > 2 && chance.chance(0.05), stays: id === 1 };
        firm.accounts.set(id, account);
        await system.facts(`CREATE ROLE oracle_p${id} LOGIN IN ROLE onefin_${role}`);
        await system.facts(`INSERT INTO onefin.account (login, name, role, org_id, department_id, db_role, machine, disabled_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $8 THEN now() END)`,
        [account.login, account.name, role, account.org, account.department, `oracle_p${id}`, account.machine, account.disabled]);
        this.users.push({ user: `oracle_p${id}`, account });
    }

    async #assign(account, org) {
        const { firm, system } = this;
        if ([...firm.assignments.values()].some(a => a.org === org.id && a.account === account.id))
            return;
        const [{ id }] = await system.facts('INSERT INTO onefin.assignment (org_id, account_id) VALUES ($1, $2) RETURNING id', [org.id, account.id]);
        const before = firm.audience(org);
        firm.assignments.set(id, { id, org: org.id, account: account.id, ended: false });
        this.assigned.set(id, new Set([...before, ...firm.audience(org)]));
    }

    /** Database users without an account; and some who are of every group, while their account has one role. */
    async #strangers() {
        const { chance, system } = this;
        for (const [user, groups] of [['oracle_stray', ['client', 'admin']], ['oracle_analyst', ['analyst']], ['oracle_nobody', []]]) {
            await system.facts(`CREATE ROLE ${user} LOGIN ${groups.length ? `IN ROLE ${groups.map(group => `onefin_${group}`)}` : ''}`);
            this.users.push({ user, fixed: groups });
        }
        for (const role of ['supervisor', 'accountant', 'client', 'client']) {
            const user = chance.of(this.users.filter(u => u.account?.role === role && !u.fixed));
            user.fixed = [...roles, 'analyst'];
            await system.facts(`GRANT ${user.fixed.map(group => `onefin_${group}`)} TO ${user.user}`);
        }
    }

    // --- doings

    /** One random doing, on a random way in: its outcome and what is journaled of it must be the model's. */
    async #doing(names = Object.keys(weights)) {
        const { chance } = this;
        const name = chance.weighted(Object.fromEntries(names.map(one => [one, weights[one]])));
        const operation = operations[name];
        const way = this.#wayOf(operation);
        const doing = this.#make(way, name, way === 'hand' ? { ...this.#hand(), account: this.firm.accounts.get(1) } : this.#anybody(way, operation));
        if (!doing)
            return;
        if (way === 'hand')
            doing.who = this.#hand();
        const answer = await this.#do(way, doing);
        this.log.push(`  ${way}: ${doing.what} -> ${answer.code}`);
        this.#outcome(way, doing, answer);
        await this.#take(doing, await this.#rows());
        this.#allowTyping();
    }

    #wayOf(operation) {
        if (operation.byHand && this.chance.chance(0.4))
            return 'hand';
        if (operation.file)
            return 'call';
        return operation.call === undefined || this.chance.chance(0.4) ? 'sql' : 'call';
    }

    /** A superuser in psql, whom no account stands for. */
    #hand() {
        return { user: 'postgres', groups: [] };
    }

    #as({ user, account, fixed }) {
        return { user, account, groups: fixed ?? [account.role] };
    }

    /** Somebody who asks: mostly one who may, now and then one who may not. */
    #anybody(way, operation) {
        const { chance, firm } = this;
        const may = account => firm.active(account) && operation.who.includes(account.role);
        const likely = chance.chance(0.8);
        if (way === 'call') {
            const session = chance.of([...firm.sessions.values()].filter(s => !likely || !s.ended && may(firm.accounts.get(s.account))));
            return session && { account: firm.accounts.get(session.account), session };
        }
        const user = chance.of(this.users.filter(({ account }) => !likely || may(account)));
        return user && this.#as(user);
    }

    /** A doing of somebody, with the model's outcome: 'ok', SQLSTATEs, or [] for no row. */
    #make(way, name, who) {
        const { chance, firm } = this;
        const operation = operations[name];
        const odd = way === 'sql' && written.has(name) && who && who.groups.length > 0 && !(who.groups.length === 1 && firm.active(who.account));
        const params = who && !odd && operation.make(chance, firm, who);
        if (!params)
            return undefined;
        const expected = (way === 'hand' ? undefined : refusal(operation, firm, who, way)) ?? operation.expect(firm, who, params);
        const whose = who.user ?? `session ${who.session.id}`;
        return { name, operation, who, params, expected, what: `${whose} (${who.account?.role ?? 'no account'}) ${name} ${JSON.stringify(params)}` };
    }

    async #do(way, { operation, who, params }) {
        const { system } = this;
        if (way === 'call')
            return operation.file ? system.file(operation.file(who.session.token, params)) : system.call(who.session.token, operation.call(params));
        if (way !== 'hand')
            return system.statement(who.user, this.#statement(operation, params));
        const answer = await system.byHand(operation.sql(params));
        if (operation.later)
            await system.journaled(operation.later(params));
        return answer;
    }

    #statement(operation, params) {
        return operation.sql ? operation.sql(params) : asFunction(operation.call(params));
    }

    #outcome(way, { operation, who, params, expected, what }, answer) {
        const by = way === 'call' ? 'call' : 'sql';
        this.cases[by]++;
        const refused = Array.isArray(expected) && expected.length > 0;
        if (refused ? !expected.includes(answer.code) : answer.code !== 'ok')
            this.#differ(by, what, expected, answer);
        if (refused)
            return;
        const rows = expected === 'ok' ? operation.rows?.(this.firm, params, who) ?? (way === 'call' ? undefined : 1) : 0;
        if (answer.rows !== rows)
            this.#differ(by, what, { rows }, answer);
        if (answer.result && operation.check && !operation.check(this.firm, who, params, answer.result))
            this.#differ(by, what, 'another result', answer.result);
    }

    /** Changes the model as the doing changed the firm; of the entries that it wrote only ids and order are facts. */
    async #take({ operation, who, params, expected, name }, rows) {
        const { firm, system } = this;
        const from = firm.entries.length;
        const made = rows.find(row => row.kind === 'org.created');
        const topics = made ? await this.#topicsOf(made.subject) : [];
        const said = rows.find(row => ['message.sent', 'message.imported'].includes(row.kind))?.subject;
        const begun = said ? await system.facts('SELECT id, kind FROM onefin.wait WHERE message_id = $1 ORDER BY id', [said]) : [];
        const rated = rows.some(row => row.kind === 'rating.given') ? await system.facts('SELECT max(id) AS id FROM onefin.rating') : [];
        const before = [...firm.accounts.values()].map(account => [account, account.role]);
        const place = (kind, object) => rows.findIndex(row => row.kind === kind && row.subject === object.id);
        if (expected === 'ok')
            operation.apply(firm, who, params, {
                id: kind => rows.find(row => row.kind === kind)?.subject,
                all: kind => rows.filter(row => row.kind === kind).map(row => row.subject),
                order: (kind, some) => [...some].sort((a, b) => place(kind, a) - place(kind, b)),
                topics: () => topics,
                wait: kind => begun.find(wait => wait.kind === kind)?.id,
                rating: () => rated[0]?.id,
            });
        else if (operation.refused && firm.openSession(who.session))
            operation.refused(firm, who, params);
        this.#check('call', `waits that began with ${name}`, [...firm.waits.values()].filter(wait => wait.message === said).map(({ id, kind }) => ({ id, kind })), begun);
        this.#journaled(name, firm.entries.slice(from), rows);
        for (const [account, role] of before) {
            const { user, fixed } = this.users.find(one => one.account === account);
            if (role !== account.role && !fixed)
                await this.#regrant(user, role, account.role);
        }
    }

    /** A DBA makes the database user a member of the group of the account's new role. */
    async #regrant(user, from, to) {
        const { firm, system } = this;
        const before = firm.entries.length;
        for (const command of [`REVOKE onefin_${from} FROM ${user}`, `GRANT onefin_${to} TO ${user}`]) {
            await system.facts(command);
            firm.happens({ kind: 'schema.changed', audience: 'admin' });
        }
        this.#journaled('GRANT', firm.entries.slice(before), await this.#rows());
    }

    /** Entries that were written since the last look, or by one transaction. */
    async #rows(xact = null) {
        const rows = await this.system.facts(`SELECT id, kind, audience, actor_id AS actor, org_id AS org, topic_id AS topic, subject_id AS subject,
            account_id AS account, version,
            CASE WHEN kind ~ '^(message.(sent|imported)$|(ticket|wait|sla|rating)[.])' THEN coalesce(detail, '{}') END AS detail FROM onefin.journal
            WHERE CASE WHEN $2::text IS NULL THEN id > $1 ELSE xact = $2::xid8 END ORDER BY id`, [this.#seen, xact]);
        this.#seen = Math.max(this.#seen, ...rows.map(row => row.id));
        return rows;
    }

    #journaled(name, entries, rows) {
        const facts = ['kind', 'audience', 'actor', 'org', 'topic', 'subject', 'account', 'version', 'detail'];
        const plain = one => Object.fromEntries(facts.map(fact => [fact, one[fact] ?? null]));
        this.#check('call', `the journal of ${name}`, entries.map(plain), rows.map(plain), Math.max(1, entries.length));
        entries.forEach((entry, i) => { entry.id = rows[i].id; });
    }

    /** A superuser changes rights in one transaction with others, so that they are sealed together. */
    async #together() {
        const { system } = this;
        await system.byHand('BEGIN');
        for (let n = 0; n < 4; n++) {
            const doing = this.#rights();
            if (!doing)
                continue;
            this.#outcome('hand', doing, await system.byHand(doing.operation.sql(doing.params)));
            await this.#take(doing, await this.#rows());
            this.log.push(`  together: ${doing.what}`);
        }
        await system.byHand('COMMIT');
    }

    /** A superuser changes rights and does not commit; what the others do meanwhile comes before it in the order. */
    async #apart() {
        const { system } = this;
        const doing = this.#rights();
        if (!doing)
            return;
        const held = await system.hold(doing.operation.sql(doing.params));
        this.log.push(`  begun: ${doing.what}`);
        for (let n = 0; n < 8; n++)
            await this.#doing(besides);
        await system.sealed();
        this.#outcome('hand', doing, held);
        await held.commit();
        this.log.push('  committed');
        await this.#take(doing, await this.#rows(held.xact));
    }

    #rights() {
        const doing = this.#make('hand', this.chance.of(['orgsByHand', 'accountsByHand', 'unassignByHand', 'assignByHand']),
            { ...this.#hand(), account: this.firm.accounts.get(1) });
        return doing?.expected === 'ok' ? { ...doing, who: this.#hand() } : undefined;
    }

    // --- events

    /** Sessions for those who have none, and somebody listening on most of them. */
    async #quiet() {
        const { firm, chance } = this;
        for (const account of firm.accounts.values()) {
            const open = [...firm.sessions.values()].filter(s => s.account === account.id && !s.ended).length;
            if (!account.disabled && (open === 0 || open === 1 && chance.chance(0.1)))
                await this.#login(account);
        }
        for (const client of this.clients.filter(c => !c.over && chance.chance(0.1))) {
            await client.connection.close();
            client.over = client.away = true;
        }
        for (const session of firm.sessions.values())
            if (!session.ended && !this.clients.some(c => c.session === session && !c.over) && chance.chance(0.8))
                await this.#listen(session, this.clients.find(c => c.session === session && c.away));
        this.clients = this.clients.filter(c => !c.over);
    }

    async #login(account) {
        const { firm, system } = this;
        const token = `token ${account.id}.${firm.sessions.size}`;
        const [{ id }] = await system.facts(`INSERT INTO onefin.session (account_id, token_hash, expires_at)
            VALUES ($1, sha256($2), now() + interval '1 day') RETURNING id`, [account.id, token]);
        firm.sessions.set(id, { id, account: account.id, token, ended: false });
    }

    /** Comes in by resume; who was there before, from some entries back. */
    async #listen(session, away) {
        const { firm, chance, system } = this;
        const after = away && firm.entries.at(-1 - chance.below(Math.min(30, firm.entries.length)));
        const client = await system.enter(session, after);
        const account = firm.accounts.get(session.account);
        if (after)
            this.#check('events', `account ${account.id} (${account.role}) resumes after ${after.seal}.${after.index}`,
                questions.resume.expect(firm, account, { after: after.seal, index: after.index }), client.missed.map(eventShown), 1 + client.missed.length);
        this.clients.push(Object.assign(client, { from: firm.entries.length }));
    }

    /** Gives each entry its place in the order. */
    async #places() {
        const { firm, system } = this;
        const waiting = new Map(firm.entries.filter(e => e.seal === undefined).map(e => [e.id, e]));
        const seals = await system.facts('SELECT number, entries::text[] AS entries FROM onefin.seal WHERE number > $1 ORDER BY number', [firm.seals.length]);
        for (const { number, entries } of seals) {
            firm.seals.push(number);
            entries.forEach((id, index) => Object.assign(waiting.get(Number(id)) ?? {}, { seal: number, index }));
        }
        let last = { seal: 0, index: -1 };
        for (const e of firm.entries) {
            if (!(e.seal > last.seal || e.seal === last.seal && e.index > last.index))
                this.#differ('events', `entry ${e.id} (${e.kind}) is not sealed after the one before it`, last, e);
            last = e;
        }
    }

    /** What figures say when all is in them. */
    async #figures() {
        const { firm, system } = this;
        const day = `to_char(day, 'YYYYMMDD')`;
        await until(async () => (await system.facts('SELECT seal FROM onefin.kpi_state'))[0]?.seal >= firm.seals.at(-1), 'the figures to be kept up');
        firm.figures = {
            staffDays: await system.facts(`SELECT account_id AS account, ${day} AS day, messages FROM onefin.kpi_staff_day`),
            staffDurations: await system.facts(`SELECT account_id AS account, concat_ws('.', account_id, ${day}, kind, part) AS key FROM onefin.kpi_staff_duration`),
            orgDays: await system.facts(`SELECT org_id AS org, concat_ws('.', org_id, kind_id, ${day}) AS key, messages FROM onefin.kpi_org_day`),
            orgDurations: await system.facts(`SELECT org_id AS org, concat_ws('.', org_id, kind_id, ${day}, kind, part) AS key FROM onefin.kpi_org_duration`),
            downloads: await system.facts('SELECT entry_id AS id, account_id AS account, org_id AS org FROM onefin.kpi_download'),
        };
    }

    async #events() {
        const { firm, system } = this;
        await system.settled();
        await this.#places();
        await this.#figures();
        for (const client of this.clients) {
            const expected = this.#told(client);
            if (client.over)
                await until(() => client.connection.isClosed, 'the connection to be closed', 20)
                    .catch(() => this.#differ('events', `session ${client.session.id} is over`, 'closed', 'open'));
            else
                await client.connection.call('me'); // what comes before its answer has come
            this.#heard(client, expected);
            client.events.length = 0;
            client.from = firm.entries.length;
        }
        this.#typing();
    }

    /** What a connection must have been told: all that its account is told, until its session is over. */
    #told(client) {
        const told = [];
        for (const entry of this.firm.entries.slice(client.from)) {
            if (entry.told.has(client.session.account))
                told.push(entry);
            if (entry.subject === client.session.id && ['session.revoked', 'session.ended'].includes(entry.kind)) {
                client.over = true;
                break;
            }
        }
        return told;
    }

    /** Each of these entries must have come, at its place, and no other; each entry since is a case. */
    #heard(client, expected) {
        const { firm } = this;
        const me = firm.accounts.get(client.session.account);
        this.cases.events += firm.entries.length - client.from;
        for (let i = 0; i < Math.max(expected.length, client.events.length); i++) {
            const [entry, event] = [expected[i], client.events[i]];
            const model = entry && [entry.seal, entry.index, ordered(eventTold(firm, entry, () => this.#messageOf(entry, event?.message), () => this.#documentOf(entry, event?.document)))];
            const shown = event && [event.seal, event.index, eventShown(event)];
            if (!same(model, shown))
                this.#differ('events', `event ${i} to account ${me.id} (${me.role}), session ${client.session.id}, entry ${entry?.id}`, model ?? 'nothing more', shown ?? 'nothing more');
        }
    }

    /**
     * A message as its event must show it: as the event left it; named only, when it was changed again
     * before the event was read; without its text, when that was redacted before the event was read.
     */
    #messageOf(entry, shown) {
        const { firm } = this;
        const message = firm.messages.get(entry.subject);
        const changed = firm.version(message) > entry.version;
        if (changed && shown && !('text' in shown))
            return namedOnly(firm, entry);
        const before = firm.entries.indexOf(entry) < (message.redacted ?? Infinity);
        return messageJson(firm, message, { version: entry.version, redacted: before ? message.redacted !== undefined && shown?.redacted_at !== null : true });
    }

    /** So it is with a document: as its change left it, or named only when it was changed again before that was read. */
    #documentOf(entry, shown) {
        const document = this.firm.documents.get(entry.subject);
        const named = document.past.length - 1 > entry.version && shown && !('name' in shown);
        return named ? documentNamed(entry) : documentJson(document, entry.version);
    }

    /** Somebody types: those who see the company at any time from now to the end of the stretch may hear it. */
    #listenForTyping() {
        this.typed = [];
        this.firm.typed = typed => this.typed.push({ ...typed, allowed: new Set() });
    }

    #allowTyping() {
        const { firm } = this;
        for (const { org, allowed } of this.typed)
            firm.audience(firm.orgs.get(org)).forEach(id => allowed.add(id));
    }

    /** It may be lost, but reaches nobody who does not see the topic. */
    #typing() {
        for (const client of this.clients) {
            for (const { org, topic, account } of client.typed.splice(0)) {
                this.cases.events++;
                const typed = this.typed.find(t => t.topic === topic && t.account === account && t.org === org && t.allowed.has(client.session.account));
                if (!typed || account === client.session.account)
                    this.#differ('events', `typing told to account ${client.session.account}`, this.typed, { org, topic, account });
                this.heardTyping = true;
            }
        }
    }

    // --- questions

    /** A database user looks at tables: all that it may ask, in one statement; of what it may not, some. */
    async #tables() {
        const { chance, firm, system } = this;
        const { user, account, groups } = this.#as(chance.of(this.users));
        const names = Object.keys(relations);
        const analyst = !account && groups.includes('analyst');
        const may = names.filter(name => relations[name].who.some(role => groups.includes(role)) || analyst && relations[name].analyst !== undefined);
        const asked = may.map(name => tableQuestion(chance, firm, account, name, 25, analyst));
        const own = chance.chance(0.1);
        const [tables, notices] = await system.look(user, asked.map(({ text }) => text), own);
        asked.forEach((question, i) => this.#rowsOf(user, question, tables[i]));
        this.#given(user, account, notices);
        const refused = chance.sample(names.filter(name => !may.includes(name)), 3);
        const answers = await system.statements(user, refused.map(name => `SELECT FROM onefin.${name}`), own);
        refused.forEach((name, i) => this.#check('sql', `${user} reads ${name}`, '42501', answers[i].code));
    }

    #rowsOf(user, { name, keys, whole, expected, text }, rows) {
        const came = new Map(rows.map(row => [String(row[0]), row]));
        for (const key of keys)
            this.#check('sql', `${user} looks at ${name} ${key}: ${text}`, expected.get(key) ?? 'not there', came.get(key) ?? 'not there');
        if (rows.length !== expected.size)
            this.#differ('sql', `${user} looks at ${whole ? 'all' : 'some'} of ${name}: ${text}`, [...expected.keys()], [...came.keys()]);
    }

    /** A function that tells of the rows it is given was given none that are not the user's. */
    #given(user, account, notices) {
        const { firm } = this;
        for (const notice of notices) {
            const [, name, id] = /^(\w+) \((\d+)/.exec(notice);
            const { rows, key: [, keyOf], sees } = relations[name];
            const row = rows(firm).find(one => String(keyOf(one)) === id);
            this.cases.sql++;
            if (!row || !sees(firm, account, row))
                this.#differ('sql', `${user}: a function was given a row of ${name}`, 'not there', notice);
        }
    }

    /** Sessions ask, many at once. */
    async #questions(count) {
        const { chance, firm, system } = this;
        const asked = Array.from({ length: count }, () => {
            const name = chance.weighted(curiosity);
            const session = chance.of([...firm.sessions.values()].filter(s => !s.ended || chance.chance(0.05)));
            const me = firm.accounts.get(session.account);
            return { name, session, me, params: questions[name].ask(chance, firm, me) };
        });
        const answers = await system.calls(asked.map(({ name, session, params }) => ({ token: session.token, method: questions[name].method ?? name, params })));
        asked.forEach(({ name, session, params, me }, i) => {
            const question = questions[name];
            const expected = !firm.openSession(session) ? ['28000'] : !question.who.includes(me.role) ? ['42501'] : question.expect(firm, me, params);
            this.#answer('call', `session ${session.id} of account ${me.id} (${me.role}) asks ${name} ${JSON.stringify(params)}`, question, params, expected, answers[i]);
        });
    }

    #answer(way, what, question, params, expected, answer) {
        const refused = Array.isArray(expected) && /^[0-9A-Z]{5}$/.test(expected[0]);
        const shown = answer.code === 'ok' ? question.shown(answer.result) : answer.code;
        this.#check(way, what, refused ? expected[0] : expected, shown, refused ? 1 : question.cases?.(this.firm, params) ?? 1);
    }

    /** The same as functions, by a database user of the account's own group. */
    async #functions() {
        const { chance, firm, system } = this;
        const { user, account } = chance.of(this.users.filter(u => firm.active(u.account) && !u.fixed));
        for (const name of chance.sample(['me', 'topics', 'members', 'history', 'history_at', 'documents', 'accounts', 'resume'], 3)) {
            const params = questions[name].ask(chance, firm, account);
            const answer = await system.value(user, asFunction({ method: questions[name].method ?? name, params }));
            this.#answer('sql', `${user} (${account.role}) asks ${name} ${JSON.stringify(params)}`, questions[name], params,
                questions[name].expect(firm, account, params), answer);
        }
    }

    /** Many operations are tried and taken back: by sessions, or by one database user. */
    async #attempts(way, count) {
        const { chance, system } = this;
        const user = chance.of(this.users);
        const names = Object.keys(operations).filter(name => way === 'sql' ? !operations[name].file : operations[name].call || operations[name].file);
        const tried = Array.from({ length: count }, () => chance.of(names))
            .map(name => this.#make(way, name, way === 'sql' ? this.#as(user) : this.#anybody(way, operations[name]))).filter(Boolean);
        const answers = way === 'sql'
            ? await system.statements(user.user, tried.map(({ operation, params }) => this.#statement(operation, params)))
            : await system.calls(tried.map(({ operation, who: { session: { token } }, params }) => operation.file
                ? { file: operation.file(token, params) } : { token, ...operation.call(params) }));
        tried.forEach((doing, i) => this.#outcome(way, { ...doing, what: `tried: ${doing.what}` }, answers[i]));
    }

    // --- the run

    /** A stretch of doings, half the time with a gateway that sleeps through most of it; then all questions. */
    async round() {
        const { chance, system } = this;
        await this.#quiet();
        this.firm.instants.push(await system.instant());
        this.#listenForTyping();
        const asleep = chance.chance(0.5);
        if (asleep)
            system.gateway.process.kill('SIGSTOP');
        try {
            for (let n = 0; n < 60; n++) {
                if (n === 50)
                    system.gateway.process.kill('SIGCONT');
                await (n === 20 ? this.#apart() : n === 40 ? this.#together() : this.#doing());
            }
        } finally {
            system.gateway.process.kill('SIGCONT');
        }
        await this.#events();
        for (let n = 0; n < 5; n++)
            await this.#tables();
        await this.#questions(80);
        await this.#functions();
        await this.#attempts('call', 100);
        for (let n = 0; n < 3; n++)
            await this.#attempts('sql', 40);
        this.#check('sql', 'what questions and attempts left in the journal', [], await this.#rows());
    }
}
