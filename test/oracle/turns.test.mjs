// Roles that take turns on one connection: no plan that was made under one of them runs under another.
//
// What is asked on one connection by many, in a random order, must be answered as on a connection where
// nobody else asks. The statements are of the kinds by which such plans have crossed roles
// (CVE-2023-2455: functions that are planned with the statement; CVE-2024-10976: tables below
// subqueries, CTEs, sublinks and security_invoker views), each prepared once and shared by all.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asFunction } from './doings.mjs';
import { Oracle } from './oracle.mjs';
import { questions, relations } from './reads.mjs';

const seed = Number(process.env.ORACLE_SEED ?? Date.now() % 1000000);
const names = Object.keys(relations);
const modes = ['auto', 'force_generic_plan', 'force_custom_plan'];
const groups = ['none', 'onefin_admin', 'onefin_supervisor', 'onefin_accountant', 'onefin_client', 'onefin_analyst'];
let oracle, chance, statements, calls;

// Functions and views over a table, of a superuser but run as whoever asks.
const helpers = name => {
    const [key] = relations[name].key;
    return `
        CREATE VIEW oracle.${name}_view WITH (security_invoker) AS SELECT ${key} AS key FROM onefin.${name} t;
        CREATE FUNCTION oracle.${name}_rows() RETURNS TABLE (key text) LANGUAGE sql STABLE
            AS 'SELECT ${key.replaceAll("'", "''")}::text FROM onefin.${name} t';
        CREATE FUNCTION oracle.${name}_count() RETURNS bigint LANGUAGE sql STABLE RETURN (SELECT count(*) FROM oracle.${name}_view);
        CREATE FUNCTION oracle.${name}_plpgsql() RETURNS bigint LANGUAGE plpgsql AS $$
        DECLARE
            n bigint;
        BEGIN
            SELECT count(*) INTO n FROM onefin.${name};
            RETURN n + (SELECT count(*) FROM oracle.${name}_rows()) * 1000;
        END $$;
        GRANT SELECT ON oracle.${name}_view TO PUBLIC;`;
};

const forms = name => {
    const [key] = relations[name].key;
    const all = `coalesce(string_agg(key::text, ' ' ORDER BY key::text), '')`;
    return {
        plain: `SELECT ${all} FROM (SELECT ${key} AS key FROM onefin.${name} t) s`,
        cte: `WITH w AS MATERIALIZED (SELECT ${key} AS key FROM onefin.${name} t) SELECT ${all} FROM w`,
        sublink: `SELECT ${all} FROM generate_series(1, 3) key WHERE EXISTS (SELECT FROM onefin.${name}) AND key <= (SELECT count(*) FROM onefin.${name})`,
        view: `SELECT ${all} FROM oracle.${name}_view`,
        rows: `SELECT ${all} FROM oracle.${name}_rows()`,
        joined: `SELECT ${all} FROM oracle.${name}_rows() key WHERE key IN (SELECT key::text FROM oracle.${name}_view)`,
        count: `SELECT oracle.${name}_count()::text`,
        plpgsql: `SELECT oracle.${name}_plpgsql()::text`,
    };
};

before(async () => {
    oracle = await Oracle.start(seed);
    ({ chance } = oracle);
    for (let n = 0; n < 3; n++)
        await oracle.round();
    for (const name of names)
        await oracle.system.facts(helpers(name));
    statements = new Map(names.flatMap(name => Object.entries(forms(name)).map(([form, text]) => [`${name}_${form}`, text])));
    // The calls as functions, some with parameters that only some may use.
    for (const name of ['me', 'topics', 'members', 'history', 'documents', 'sessions', 'accounts', 'orgs', 'departments', 'settings'])
        for (let n = 0; n < 3; n++)
            statements.set(`call_${name}_${n}`, `SELECT (${asFunction({ method: name, params: questions[name].ask(chance, oracle.firm, chance.of(oracle.users).account) })
                .replace('SELECT ', '')} - 'seal' - 'sessions')::text`);
    calls = [...Array(60)].map(() => {
        const name = chance.of(Object.keys(questions).filter(one => !/^(journal|waits)/.test(one))); // of waits the time that passes is told
        return { method: questions[name].method ?? name, params: questions[name].ask(chance, oracle.firm, chance.of(oracle.users).account) };
    });
});
after(async () => {
    await Promise.all([...alone.values()].map(connection => connection.end()));
    await oracle?.end();
});

/** What a statement answers, or with which SQLSTATE it is refused. */
async function ask(connection, text) {
    try {
        return Object.values((await connection.query(text)).rows[0] ?? { none: 'no row' })[0];
    } catch (error) {
        return `refused: ${error.code}`;
    }
}

/** Asks on a connection that is one user's, in one role or with one session, from the beginning to the end. */
const alone = new Map();
async function askAlone(text, user, ...become) {
    const key = [user, ...become].join();
    if (!alone.has(key)) {
        const connection = await oracle.system.cluster.connect(user);
        for (const one of become.filter(one => one.startsWith('SET ')))
            await connection.query(one);
        alone.set(key, connection);
    }
    return ask(alone.get(key), text);
}

/** A connection on which all statements are prepared, each under some user. */
async function shared(as, setUser) {
    const connection = await oracle.system.cluster.connect(as);
    for (const [name, text] of statements) {
        await setUser(connection);
        await connection.query(`PREPARE ${name} AS ${text}`);
    }
    return connection;
}

async function takeTurns(connection, turns, turn) {
    const differences = [];
    for (let n = 0; n < turns; n++) {
        if (n % 50 === 0)
            await connection.query(`SET plan_cache_mode = ${modes[n / 50 % modes.length]}`);
        const [who, what, answer, expected] = await turn();
        if (answer !== expected)
            differences.push({ who, what, answer, expected });
    }
    return differences;
}

const someUser = () => chance.of(oracle.users).user;
const someMember = () => chance.of(oracle.users.filter(u => u.account || u.fixed.includes('client'))).user; // who may name onefin's tables

/** Users by SET SESSION AUTHORIZATION, calls by token between them, all on one connection. */
async function bySessionUser(turns) {
    const connection = await shared('postgres', one => one.query(chance.chance(0.2) ? 'RESET SESSION AUTHORIZATION' : `SET SESSION AUTHORIZATION ${someMember()}`));
    const differences = await takeTurns(connection, turns, async () => {
        if (chance.chance(0.25)) {
            await connection.query('RESET SESSION AUTHORIZATION');
            return byToken(connection);
        }
        const user = someUser();
        const name = chance.of(statements.keys());
        await connection.query(`SET SESSION AUTHORIZATION ${user}`);
        return [user, name, await ask(connection, `EXECUTE ${name}`), await askAlone(statements.get(name), user)];
    });
    await connection.end();
    return differences;
}

async function byToken(connection) {
    const session = chance.of([...oracle.firm.sessions.values()].filter(s => !s.ended));
    const { method, params } = chance.of(calls);
    const text = `SELECT regexp_replace((onefin.call('${session.token}', '${method}', '${JSON.stringify(params)}') #- '{result,seal}')::text,
        '"last_seen": "[^"]*"', '', 'g')`;
    return [session.token, text, await ask(connection, text), await askAlone(text, 'onefin_gateway', session.token)];
}

test(`seed ${seed}: database users and sessions take turns on one connection`, async () => {
    assert.deepEqual(await bySessionUser(1500), []);
});

test(`seed ${seed}: the groups of one user take turns on one connection`, async () => {
    const user = chance.of(oracle.users.filter(u => u.account && u.fixed)).user;
    const connection = await shared(user, one => one.query(`SET ROLE ${chance.of(groups.slice(0, -1))}`));
    const differences = await takeTurns(connection, 800, async () => {
        const become = `SET ROLE ${chance.of(groups)}`;
        const name = chance.of(statements.keys());
        if (chance.chance(0.2))
            await connection.query('BEGIN; SAVEPOINT s; SET LOCAL ROLE onefin_client; ROLLBACK TO s; COMMIT');
        await connection.query(become);
        return [`${user} ${become}`, name, await ask(connection, `EXECUTE ${name}`), await askAlone(statements.get(name), user, become)];
    });
    await connection.end();
    assert.deepEqual(differences, []);
});

test('a plan that did cross roles would be seen', async () => {
    await oracle.system.facts('ALTER FUNCTION onefin.my_orgs(text) IMMUTABLE');
    let seen = 0;
    // One turn in some 200 asks by a plan that another account's companies are in.
    for (let tries = 0; tries < 12 && !seen; tries++)
        seen = (await bySessionUser(400)).length;
    assert.ok(seen > 0, 'with companies that the plan remembers');
});
