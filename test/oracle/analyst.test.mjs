// The role onefin_analyst: a BI tool's login sees every view of onefin_kpi and none of what people wrote,
// writes nothing, and finds its way by a real ODBC driver (Debian's, through its command line, isql).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { until } from '../lib/scratch.mjs';

const password = 'a password of BI';
const mark = 'zqsecret'; // in every word that nobody but the firm and the client may read
const views = ['documents', 'downloads', 'kind_month', 'org_month', 'ratings', 'staff_day', 'staff_month', 'tickets', 'waits'];
let world, bi;

/** What people write, everywhere that they can, with figures to come of it. */
async function write() {
    const { firm, cluster, admin } = world;
    const [kim, ann] = await Promise.all(['kim', 'ann'].map(login => world.enter(login)));
    const topic = firm.orgs.Anor.topics.bank_payment;
    const send = (who, text, more = {}) => who.call('send', { topic, text: `${mark} ${text}`, ...more }).then(({ message }) => message);
    const question = await send(kim, 'message');
    await kim.call('edit', { message: question.id, version: 1, text: `${mark} edited` });
    const taken = await send(kim, 'deleted');
    await kim.call('delete', { message: taken.id, version: 1 });
    await send(ann, 'note', { visibility: 'staff' });
    const paper = await upload(kim, topic, `${mark} paper.pdf`);
    await send(kim, 'paper', { documents: [paper] });
    const bad = await upload(kim, topic, `${mark} bad.pdf`);
    await send(kim, 'bad paper', { documents: [bad] });
    await cluster.query('SELECT onefin.file_get($1, $2)', [kim.token, paper]);
    await send(ann, 'answer');
    await ann.call('process', { document: paper, mark: 'processed' });
    await ann.call('process', { document: bad, mark: 'returned', reason: `${mark} returned` });
    const { ticket } = await ann.call('close', { topic });
    await kim.call('rate', { ticket, score: 5, comment: `${mark} rated` });
    const thanks = await send(kim, 'thanks');
    const { waits } = await ann.call('waits', {});
    await ann.call('dismiss_wait', { wait: waits.find(wait => wait.message === thanks.id).id, reason: `${mark} dismissed` });
    await admin.call('redact', { message: thanks.id, reason: `${mark} redacted` });
    await admin.call('accounts', { id: firm.accounts.ann.id, email: `${mark}@example.org` });
}

async function upload(who, topic, name) {
    const [{ document }] = await world.cluster.query(`SELECT onefin.file_end($1, (r ->> 'document')::bigint, r ->> 'key', $2, $3, 'application/pdf', 5, sha256('x'))
        #> '{result,id}' AS document FROM (SELECT onefin.file_begin($1, $2, $3) -> 'result' AS r) reserved`, [who.token, topic, name]);
    return document;
}

before(async () => {
    world = await World.start();
    await write();
    await world.cluster.sealed();
    await world.cluster.query(`CREATE ROLE bi LOGIN PASSWORD '${password}' IN ROLE onefin_analyst; ALTER ROLE bi SET search_path = onefin_kpi`);
    bi = await world.cluster.connect('bi');
    await until(async () => (await bi.query('SELECT FROM onefin_kpi.staff_day WHERE ratings > 0 AND documents_processed > 0')).rows.length, 'the figures');
});
after(async () => {
    await bi?.end();
    await world?.end();
});

/** relation -> its columns that the connection's role may read. */
async function readable(connection) {
    const { rows } = await connection.query(`
        SELECT c.oid::regclass::text AS relation, array_agg(quote_ident(a.attname) ORDER BY a.attnum)::text[] AS columns
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relkind = ANY ('{r,v,m,p,f}') AND a.attnum > 0 AND NOT a.attisdropped
            AND has_schema_privilege(c.relnamespace, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
        GROUP BY c.oid ORDER BY 1`);
    return new Map(rows.map(({ relation, columns }) => [relation, columns]));
}

/** The columns in which the connection's role reads something with a secret word in it, of relations with such names. */
async function secretsSeen(connection, names) {
    const seen = [];
    for (const [relation, columns] of [...await readable(connection)].filter(([name]) => names.test(name))) {
        const { rows } = await connection.query(`SELECT ${columns.map((column, i) => `bool_or(strpos((${column})::text, $1) > 0) AS c${i}`)} FROM ${relation}`, [mark]);
        seen.push(...columns.filter((column, i) => rows[0][`c${i}`]).map(column => `${relation}.${column}`));
    }
    return seen;
}

test('it reads every view of onefin_kpi, of all departments', async () => {
    const { rows } = await bi.query(`SELECT table_name AS name FROM information_schema.views WHERE table_schema = 'onefin_kpi' ORDER BY 1`);
    assert.deepEqual(rows.map(row => row.name), views);
    const root = await world.cluster.connect();
    for (const view of views) {
        const text = `SELECT * FROM onefin_kpi.${view} t ORDER BY t::text`;
        const seen = (await bi.query(text)).rows;
        assert.deepEqual(seen, (await root.query(text)).rows, view);
        assert.ok(seen.length > 0, `${view} has rows`);
    }
    await root.end();
});

test('no text, name of a document, comment, reason or address is to be read anywhere', async () => {
    assert.deepEqual(await secretsSeen(bi, /./), []);
    const root = await world.cluster.connect();
    const there = await secretsSeen(root, /^onefin/);
    await root.end();
    for (const column of ['message.text', 'message_version.text', 'document.name', 'document_mark.reason', 'rating.comment', 'journal.detail', 'account.email'])
        assert.ok(there.includes(`onefin.${column}`), `${column} has a secret to be found: ${there}`);
});

test('it reads no more relations than it is meant to', async () => {
    const tables = [...(await readable(bi)).keys()].filter(name => /^onefin/.test(name) && !/^onefin_kpi\./.test(name));
    for (const table of tables)
        assert.ok(!/message|version|session|seal|job|setting|upload|logo|journal/.test(table), `${table} is not for analysts`);
});

test('it writes nothing, and calls nothing', async () => {
    const { rows } = await bi.query(`
        SELECT c.oid::regclass || ' ' || p AS what FROM pg_class c, unnest('{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p
        WHERE c.relkind = ANY ('{r,v,m,p,f}') AND c.relnamespace::regnamespace::text LIKE 'onefin%' AND has_table_privilege(c.oid, p)
        UNION ALL SELECT c.oid::regclass || ' ' || p FROM pg_class c, unnest('{USAGE,UPDATE,SELECT}'::text[]) p
        WHERE c.relkind = 'S' AND c.relnamespace::regnamespace::text LIKE 'onefin%' AND has_sequence_privilege(c.oid, p)
        UNION ALL SELECT nspname || ' CREATE' FROM pg_namespace WHERE nspname LIKE 'onefin%' AND has_schema_privilege(oid, 'CREATE')
        UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace::regnamespace::text LIKE 'onefin%'
            AND p.provolatile = 'v' AND has_schema_privilege(p.pronamespace, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')`);
    assert.deepEqual(rows.map(row => row.what), []);
    for (const statement of ['DELETE FROM onefin_kpi.waits', 'UPDATE onefin_kpi.staff_day SET messages = 1', 'INSERT INTO onefin_kpi.ratings DEFAULT VALUES',
        'SELECT onefin_api.topics()', 'SELECT onefin.call(NULL, NULL, NULL)', 'SELECT onefin.kpi_rebuild()', 'SELECT text FROM onefin.message'])
        await assert.rejects(bi.query(statement), error => ['42501', '55000'].includes(error.code), statement);
});

test('every view and column says what it is, times and shares with their unit', async () => {
    const { rows } = await bi.query(`
        SELECT c.relname AS view, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
            obj_description(c.oid, 'pg_class') AS about, col_description(c.oid, a.attnum) AS comment
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'onefin_kpi'::regnamespace AND c.relkind = 'v' AND a.attnum > 0`);
    for (const { view, column, type, about, comment } of rows) {
        assert.ok(about?.length > 10, `${view} has a comment`);
        assert.ok(comment?.length > 3, `${view}.${column} has a comment`);
        if (type === 'double precision')
            assert.match(comment, /second|share|mean|0 to 1|1 to 5/i, `${view}.${column} has a unit`);
    }
});

// --- through the driver

/** Rows of one line that isql is given, as {column: text}. */
function isql(line) {
    const file = `${world.cluster.folder.path}/odbc.ini`;
    writeFileSync(file, `[firm]\nDriver = PostgreSQL Unicode\nServername = 127.0.0.1\nPort = ${world.cluster.port}\nDatabase = firm\nReadOnly = 1\n`);
    const said = execFileSync('isql', ['firm', 'bi', password, '-b', '-c', '-d|'], { input: `${line}\n`, encoding: 'utf8', env: { ...process.env, ODBCINI: file } });
    const [names, ...rows] = said.trimEnd().split('\n').map(row => row.split('|'));
    return rows.map(row => Object.fromEntries(names.map((name, i) => [name, row[i]])));
}

test('ODBC lists the views, and the columns of each with their types', async () => {
    const tables = isql('help null onefin_kpi null null');
    assert.deepEqual(tables.map(row => [row.TABLE_OWNER, row.TABLE_NAME, row.TABLE_TYPE]), views.map(view => ['onefin_kpi', view, 'VIEW']));
    for (const view of views) {
        const { rows } = await bi.query(`SELECT a.attname AS name, t.typname AS type, col_description(a.attrelid, a.attnum) AS comment FROM pg_attribute a
            JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = 'onefin_kpi.${view}'::regclass AND a.attnum > 0 ORDER BY a.attnum`);
        const columns = isql(`help ${view}`).filter(row => row.TABLE_NAME === view);
        assert.deepEqual(columns.map(row => [row.COLUMN_NAME, row.TYPE_NAME]), rows.map(row => [row.name, row.type]), view);
        // Debian 12's driver has no comments; where one has, they are ours.
        assert.ok(columns.every((row, i) => ['', rows[i].comment].includes(row.REMARKS)), `${view}: remarks`);
    }
});

test('ODBC gives the figures', async () => {
    const columns = 'account, messages, documents_processed, documents_returned, ratings, rating_mean, first_count, first_median, first_p90, response_mean';
    const { rows } = await bi.query(`SELECT ${columns} FROM staff_month ORDER BY account_id`);
    const given = isql(`SELECT ${columns} FROM staff_month ORDER BY account_id`);
    assert.ok(rows.some(row => row.first_count === 1 && row.first_median > 0), 'there is something to compare');
    assert.deepEqual(given.map(row => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, name === 'account' ? value : value === '' ? null : Number(value)]))),
        rows.map(row => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, name === 'account' || value === null ? value : Number(value)]))));
});
