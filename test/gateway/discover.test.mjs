// rpc.discover is true: its documents are valid, and complete; calls that are made up from them are
// answered by what they promise, for each role and method; and what is told meanwhile is as described.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Connection, Fault } from '../lib/client.mjs';
import { Inventor, asyncapiErrors, deadReferences, openrpcErrors, within } from '../lib/described.mjs';
import { World, password } from '../lib/firm.mjs';
import { Random } from '../oracle/random.mjs';

const tries = Number(process.env.TRIES ?? 12); // made up calls of each method and role
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32);
const random = new Random(seed);
const inventor = new Inventor(random);
const logins = { admin: 'abe', supervisor: 'nora', accountant: 'ann', client: 'kim' };
const roles = Object.keys(logins);
const file = path => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

let world, topic, org, old, office, document, people;
const documents = {}, told = [];

/** One of a role, who comes back after a session ended, and whose notifications are kept. */
class Person {
    constructor(role) {
        Object.assign(this, { role, login: logins[role] });
    }

    async come() {
        this.connection = await this.stranger();
        Object.assign(this, await this.connection.call('login', { login: this.login, password }));
    }

    stranger() {
        return Connection.open(world.gateway.url, (method, params) => told.push({ jsonrpc: '2.0', method, params }));
    }

    /** The method's own connection, where it changes who is on it. */
    async place(method) {
        if (method === 'login' || method === 'resume')
            return this.stranger();
        if (method === 'logout')
            return world.connect(this.login);
        if (!this.connection || this.connection.isClosed)
            await this.come();
        return this.connection;
    }

    /** {result} or {error}. */
    async call(method, params) {
        const connection = await this.place(method);
        try {
            return { result: await connection.call(method, params) };
        } catch (error) {
            if (!(error instanceof Fault))
                throw error;
            if (error.code === -32001 && connection === this.connection)
                await connection.close();
            return { error };
        } finally {
            if (connection !== this.connection)
                await connection.close();
        }
    }

    async send(text) {
        const { result } = await this.call('send', { topic, text, client_key: randomUUID() });
        return result.message.id;
    }
}

before(async () => {
    world = await World.start();
    const { firm, admin } = world;
    org = firm.orgs.Anor.id;
    topic = firm.orgs.Anor.topics.contract;
    await firm.account('abe', 'admin', {});
    for (const name of ['spare', 'more'])
        await firm.account(name, 'accountant', { department: firm.departments.South.id });
    await firm.org('Spare', await firm.department('Spare'));
    old = await firm.org('Old', firm.departments.South);
    await admin.call('orgs', { id: old.id, archived: true });
    office = (await admin.call('calendars', { name: 'Office' })).calendar.id;
    people = Object.fromEntries(roles.map(role => [role, new Person(role)]));
    for (const role of roles)
        documents[role] = (await people[role].call('rpc.discover')).result;
    const headers = { Authorization: `Bearer ${people.client.token}` };
    const answer = await fetch(`${world.gateway.http}/files?topic=${topic}&name=a.txt`, { method: 'POST', headers, body: 'a' });
    document = (await answer.json()).result.id;
    await (await fetch(`${world.gateway.http}/files/${document}`, { headers })).text();
    await earn(await sentByClient(), await closedTicket());
});
after(() => world.end());

const methodsOf = role => documents[role].methods;
const named = (role, name) => methodsOf(role).find(method => method.name === name);
const section = (text, head) => text.split(`\n### ${head}\n`)[1].split('\n#')[0];
const found = (text, pattern) => new Set([...text.matchAll(pattern)].map(match => match[1]));

// The documents.

for (const role of roles) {
    test(`${role}: the document is valid OpenRPC, what is in it valid AsyncAPI, and each refers into itself only`, () => {
        assert.equal(openrpcErrors(documents[role]), undefined);
        const asyncapi = documents[role]['x-asyncapi'];
        assert.equal(asyncapiErrors(asyncapi), undefined);
        assert.deepEqual(deadReferences({ ...documents[role], 'x-asyncapi': null }), []);
        assert.deepEqual(deadReferences(asyncapi), []);
        assert.deepEqual(asyncapi.components.schemas, documents[role].components.schemas);
    });

    test(`${role}: finds what the role may call`, async () => {
        const may = await world.cluster.query('SELECT proname AS name FROM pg_proc WHERE pronamespace = \'onefin_api\'::regnamespace'
            + ` AND has_function_privilege('onefin_${role}', oid, 'EXECUTE')`);
        assert.deepEqual(methodsOf(role).map(({ name }) => name), ['login', ...may.map(({ name }) => name)].sort());
        for (const method of methodsOf('admin'))
            assert.equal(method['x-roles'].includes(role), named(role, method.name) !== undefined, method.name);
    });
}

test('what is no OpenRPC or AsyncAPI is not taken for it', () => {
    const { methods: [method], ...rest } = documents.admin;
    assert.match(openrpcErrors({ ...rest, methods: [{ ...method, params: {} }] }), /params/);
    assert.match(asyncapiErrors({ ...rest['x-asyncapi'], channels: [] }), /channels/);
});

test('methods and error codes are those of the README', async () => {
    const readme = file('gateway/README.md');
    const told = found(section(readme, 'Login') + section(readme, 'Methods'), /`([a-z_.]+) \{/g);
    assert.deepEqual([...told].sort(), [...new Set(roles.flatMap(role => methodsOf(role).map(({ name }) => name)))].sort());
    const { errors } = documents.admin.components;
    assert.deepEqual(Object.values(errors).map(({ code }) => code).sort(),
        [...found(section(readme, 'Requests'), /^\| (-\d+) \|/gm)].map(Number).sort());
    assert.equal(documents.admin.info.version, await world.cluster.value('SELECT extversion FROM pg_extension WHERE extname = \'onefin\''));
});

test('kinds of events are those that the sources journal for anybody', async () => {
    const sources = readdirSync(new URL('../../extension/src/', import.meta.url)).filter(name => name.endsWith('.c'))
        .map(name => file(`extension/src/${name}`)).join('');
    const untold = found(sources, /\.kind = "([a-z_.]+)",\s*\.audience = OF_TO_NONE/g);
    const described = (await world.cluster.query('SELECT kind FROM onefin.event_kinds()')).map(({ kind }) => kind);
    const families = new Set([...described, ...untold].map(kind => kind.split('.')[0]));
    const written = [...found(sources, /"([a-z_]+\.[a-z_]{2,})"/g)].filter(kind => families.has(kind.split('.')[0]));
    const audited = (await world.cluster.query('SELECT DISTINCT concat(c.relname, \'.\', what) AS kind FROM pg_trigger g JOIN pg_class c'
        + ' ON c.oid = g.tgrelid, unnest(\'{created,changed,deleted}\'::text[]) what WHERE g.tgfoid = \'onefin.audit()\'::regprocedure'))
        .map(({ kind }) => kind);
    assert.ok(written.length > 20 && untold.size > 3);
    assert.deepEqual([...new Set([...written.filter(kind => !untold.has(kind)), ...audited])].sort(), described.sort());
    const { messages } = documents.client['x-asyncapi'].components;
    assert.deepEqual(described.filter(kind => !messages[kind]), []);
});

// The calls.

/** What there is, for parameters of the name or of the method and name. What other calls need is left alone. */
async function pools() {
    const ids = async (what, where = 'true') => (await world.cluster.query(`SELECT id FROM onefin.${what} WHERE ${where}`)).map(({ id }) => id);
    const { accounts, orgs, departments } = world.firm;
    return {
        topic: await ids('topic'), org: await ids('org'), account: await ids('account'), department: await ids('department'),
        message: await ids('message'), reply_to: await ids('message'), author: await ids('account'), actor: await ids('account'),
        session: await ids('session', `account_id = ${accounts.spare.id}`), version: [1, 2], documents: [[document], [document, document]], document: [document], job: [1, 2], calendar: await ids('calendar'), 'calendars.id': await ids('calendar'), image: ['AAAA'],
        'accounts.id': [accounts.spare.id], 'assign.account': [accounts.more.id], 'revoke_sessions.account': [accounts.spare.id], 'orgs.id': [orgs.Spare.id],
        'departments.id': [departments.Spare.id], 'settings.name': Object.keys((await world.admin.call('settings')).settings),
        'resume.after': [0, 1], 'journal.kind': ['message.*', 'org.created'],
    };
}

/** A client's document, sent just now. */
async function sentByClient() {
    const { token } = people.client;
    const answer = await fetch(`${world.gateway.http}/files?topic=${topic}&name=paper`, { method: 'POST',
        headers: { Authorization: `Bearer ${token}` }, body: 'a paper' });
    const { result } = await answer.json();
    await people.client.call('send', { topic, text: 'a paper', client_key: randomUUID(), documents: [result.id] });
    return result.id;
}

/** A client's wait for a response that is open. */
async function openWait() {
    await people.client.send('x');
    return world.cluster.value(`SELECT id FROM onefin.wait WHERE topic_id = ${topic} AND ended_at IS NULL AND kind <> 'resolution'`);
}

/** A round that a person closed just now. */
async function closedTicket() {
    await people.client.send('x');
    return (await people.accountant.call('close', { topic })).result.ticket;
}

const bonus = { document_rates: { contract: '5000' }, rating_rate: 100.5, sla_tiers: [{ share: 0.5, amount: '70000' }], cap: '75000' };

/** What a month of the past pays ann for. */
async function earn(document, ticket) {
    const { ann, kim } = world.firm.accounts;
    await world.cluster.query(`INSERT INTO onefin.bonus_rule (from_day, document_rates, rating_rate, sla_tiers, cap) SELECT '2025-01-01', r -> 'document_rates',
        (r ->> 'rating_rate')::numeric, r -> 'sla_tiers', 75000 FROM CAST($1 AS jsonb) r`, [JSON.stringify(bonus)]);
    await world.cluster.query(`INSERT INTO onefin.document_mark (document_id, org_id, at, account_id, account_name, mark)
        VALUES (${document}, ${org}, '2025-03-05T10:00Z', ${ann.id}, 'x', 'processed')`);
    await world.cluster.query(`INSERT INTO onefin.rating (ticket_id, org_id, topic_id, accountable_id, account_id, first_at, score)
        VALUES (${ticket}, ${org}, ${topic}, ${ann.id}, ${kim.id}, '2025-03-05T10:00Z', 3)`);
    await world.cluster.query(`INSERT INTO onefin.wait (id, org_id, topic_id, ticket_id, message_id, responder_id, answer_id, started_at, ended_at,
        target, duration, paused, kind_id, imported, kind, outcome) VALUES (nextval('onefin.wait_id_seq'), ${org}, ${topic}, ${ticket}, 1, ${ann.id}, 1,
        '2025-03-05T10:00Z', '2025-03-05T11:00Z', 7200000000, 3600000001, 0, 2, false, 'first', 'answered')`);
}

/** Calls that succeed; of the other methods one without parameters does. */
const good = {
    login: ({ login }) => ({ login, password }),
    resume: ({ token }) => ({ token, after: 0 }),
    send: () => ({ topic, text: 'x', client_key: randomUUID(), documents: [] }),
    edit: async person => ({ message: await person.send('before'), version: 1, text: 'after' }),
    delete: async person => ({ message: await person.send('x'), version: 1 }),
    redact: async person => ({ message: await person.send('secret'), reason: 'it was one' }),
    versions: async person => ({ message: await person.send('x') }),
    read: async person => ({ topic, message: await person.send('x') }),
    close: async person => (await person.send('x'), { topic }),
    await_client: async person => (await person.send('x'), { topic }),
    reopen: async person => (await person.send('x'), { topic }),
    dismiss_wait: async () => ({ wait: await openWait() }),
    rate: async () => ({ ticket: await closedTicket(), score: 4, comment: 'x' }),
    policies: () => ({ kind: 'invoice', first: 3600 }),
    members: () => ({ org }),
    presence: () => ({ org }),
    history: () => ({ topic, as_of: new Date().toISOString() }),
    documents: () => ({ topic }),
    process: async person => ({ document: await sentByClient(), mark: 'returned', reason: `for ${person.login}` }),
    retry_job: async () => ({ job: await world.cluster.value(`INSERT INTO onefin.job (kind, state, reason) VALUES ('logo', 'failed', 'broken') RETURNING id`) }),
    typing: () => ({ topic }),
    watch: () => ({ topic }),
    bonus_rules: ({ role }) => role === 'admin' ? { from: '2025-02-01', rules: bonus } : {},
    bonus: () => ({ month: '2025-03-01' }),
    payslip: ({ role }) => ({ month: '2025-03-01', ...role !== 'supervisor' && { account: world.firm.accounts.ann.id } }),
    close_payroll: () => ({ month: '2025-03-01' }),
    correct_payroll: () => ({ month: '2025-03-01', account: world.firm.accounts.ann.id, amount: -0.5, reason: 'counted twice' }),
    revoke_session: async ({ login }) => ({ session: (await world.connect(login)).session }),
    change_password: () => ({ old: password, new: password }),
    assign: () => ({ org, account: world.firm.accounts.more.id }),
    calendars: ({ role }) => role === 'admin' ? { name: `Office ${randomUUID()}`, hours: [{ weekday: 1, from: '09:00', until: '13:00' }] } : {},
    calendar_day: () => ({ calendar: office, day: '2026-11-28', name: 'a working Saturday', hours: [{ from: '09:00', until: '13:00' }] }),
    load_holidays: () => ({ calendar: office }),
    calendar_uses: ({ role }) => role === 'admin' ? { org, kind: 'contract', calendar: office, set: true } : {},
    settings: () => ({ name: 'retention_days', value: 0 }),
    session_policies: () => ({ role: 'client', idle_minutes: 5000 }),
    erase: async () => {
        await world.admin.call('settings', { name: 'retention_days', value: 0 });
        return { org: old.id, reason: 'they left' };
    },
    import: () => ({ topic, author: world.firm.accounts.kim.id, text: 'x', at: '2020-01-01T00:00:00Z', client_key: randomUUID() }),
};

/** Valid by the schemas; some ids are there. */
function invent({ name: method, params }, person, known) {
    const pool = name => name === 'token' ? [person.token] : known[`${method}.${name}`] ?? known[name];
    const longest = method === 'login' || method === 'resume' ? 1000 : 5000; // 8 KiB are taken before login
    const given = params.filter(({ required }) => required || random.chance(0.4));
    return Object.fromEntries(given.map(({ name, schema }) =>
        [name, pool(name) && random.chance(0.7) ? random.of(pool(name)) : inventor.valid(schema, longest)]));
}

/** Calls that are wrong by the document, each by one thing: [what, params]. */
function wrong(method, params) {
    const needed = method.params.filter(({ required }) => required);
    const without = name => Object.fromEntries(Object.entries(params).filter(([key]) => key !== name));
    return [
        ['unknown', { ...params, colour: 'red' }],
        ...needed.map(({ name }) => [`without ${name}`, without(name)]),
        ...needed.map(({ name }) => [`${name}: null`, { ...params, [name]: null }]),
        ...method.params.flatMap(({ name, schema }) =>
            inventor.invalid(schema).map(value => [`${name}: ${JSON.stringify(value)}`, { ...params, [name]: value }])),
    ];
}

/** That an answer is one that the document promises. */
function holds(document, method, check, params, { result, error }) {
    const what = `${method.name} ${JSON.stringify(params).slice(0, 500)} (SEED=${seed})`;
    if (error) {
        const codes = method.errors.map(({ $ref }) => document.components.errors[$ref.split('/').pop()].code);
        assert.ok(codes.includes(error.code) && error.code !== -32603, `${what}: ${error.code} ${error.text}`);
    } else {
        assert.equal(check(result), undefined, `${what}: ${JSON.stringify(result).slice(0, 1000)}`);
    }
}

async function prove(role, name) {
    const [document, person, method] = [documents[role], people[role], named(role, name)];
    const check = within(document, method.result.schema);
    const params = await good[name]?.(person) ?? {};
    const { result, error } = await person.call(name, params);
    assert.ok(result, `${name} ${JSON.stringify(params)}: ${error}`);
    holds(document, method, check, params, { result });
    for (const [what, bad] of wrong(method, params))
        assert.equal((await person.call(name, bad)).error?.code, -32602, `${name}, ${what}`);
    const known = await pools();
    for (let i = 0; i < tries; i++) {
        const made = invent(method, person, known);
        holds(document, method, check, made, await person.call(name, made));
    }
}

for (const role of roles)
    test(`${role}: each method is called as described, and not so`, async t => {
        for (const { name } of methodsOf(role))
            await t.test(`${role}: ${name}`, async () => {
                await prove(role, name);
                await world.cluster.query('DELETE FROM onefin.session_policy; DELETE FROM onefin.login_failure');
            });
    });

// The notifications, of all that was done by now.

test('everything that was told is as described', async () => {
    await world.cluster.query('UPDATE onefin.topic_kind SET names = names || \'{"en": "Other"}\' WHERE id = 1;'
        + ' COMMENT ON TABLE onefin.org IS \'changed\'; UPDATE onefin.setting_default SET description = \'changed\' WHERE name = \'retention_days\'');
    const seal = await world.cluster.sealed();
    for (const { connection } of Object.values(people))
        if (!connection.isClosed)
            await connection.call('me');
    const asyncapi = documents.admin['x-asyncapi'];
    const checks = Object.fromEntries(Object.entries(asyncapi.components.messages)
        .map(([name, { payload }]) => [name, within(asyncapi, payload)]));
    const all = (await world.cluster.query('SELECT seal, index, event FROM onefin.events(0, 1000000) WHERE event IS NOT NULL'))
        .map(({ seal, index, event }) => ({ jsonrpc: '2.0', method: 'event', params: { seal, index, ...JSON.parse(event) } }));
    assert.ok(told.length > 100 && all.length > 100 && seal > 100);
    for (const notification of [...told, ...all]) {
        const { method, params } = notification;
        const name = method === 'event' ? params.kind : method;
        assert.ok(checks[name], `${name} is not described`);
        assert.equal(checks[name](notification), undefined, JSON.stringify(notification));
    }
    const kinds = (await world.cluster.query('SELECT DISTINCT kind FROM onefin.journal WHERE audience <> \'none\'')).map(({ kind }) => kind);
    assert.ok(kinds.length > 25, `only ${kinds}`);
    assert.deepEqual(kinds.filter(kind => !checks[kind]), []);
});
