// The system under test: a cluster, a gateway, and the ways in. A superuser's connection knows the
// facts (ids, the order of the journal) and nothing of the rules.

import { Connection } from '../lib/client.mjs';
import { Cluster } from '../lib/cluster.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { until } from '../lib/scratch.mjs';
import { uploading } from './uploading.mjs';

// What is tried and taken back, in one go each; a function that would tell of any row that it is given.
const helpers = `
CREATE SCHEMA oracle;
GRANT USAGE ON SCHEMA oracle TO PUBLIC;
CREATE FUNCTION oracle.attempt(statement text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RAISE 'undo' USING ERRCODE = 'UNDO0', DETAIL = n;
EXCEPTION
    WHEN SQLSTATE 'UNDO0' THEN
        GET STACKED DIAGNOSTICS n = PG_EXCEPTION_DETAIL;
        RETURN jsonb_build_object('rows', n);
    WHEN OTHERS THEN
        RETURN jsonb_build_object('code', SQLSTATE, 'message', SQLERRM);
END $$;
${uploading('oracle')}
-- The gateway that is there is to leave the jobs alone: they are done when the oracle says so.
CREATE FUNCTION oracle.later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.due_at := now() + interval '1 year';
    RETURN NEW;
END $$;
CREATE TRIGGER oracle_later BEFORE INSERT ON onefin.job FOR EACH ROW EXECUTE FUNCTION oracle.later();
CREATE FUNCTION oracle.work(token text) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    r jsonb := onefin.call(token, 'me');
    j jsonb;
BEGIN
    IF r ? 'error' THEN
        RETURN r;
    END IF;
    UPDATE onefin.job SET due_at = now();
    FOR j IN SELECT jsonb_array_elements(onefin.jobs_take('oracle', 1000, '{}') -> 'jobs') LOOP
        PERFORM onefin.job_done((j -> 'job')::bigint, (j -> 'attempt')::integer, jsonb_build_object('type', j -> 'type', 'extension', NULL,
            'size', 1, 'sha256', encode(sha256('x'), 'hex'), 'signed', false, 'preview', jsonb '{"size": 1}'));
    END LOOP;
    RETURN jsonb_build_object('result', true);
END $$;
CREATE FUNCTION oracle.answer(statement text, VARIADIC params text[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    r text;
BEGIN
    EXECUTE statement INTO r USING params[1], params[2], params[3];
    RAISE 'undo' USING ERRCODE = 'UNDO0', DETAIL = r;
EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
    GET STACKED DIAGNOSTICS r = PG_EXCEPTION_DETAIL;
    RETURN r::jsonb;
END $$;
CREATE FUNCTION oracle.nosy(relation text, given text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
    RAISE NOTICE '% %', relation, given;
    RETURN true;
END $$;
`;

async function outcome(connection, text, what = () => ({})) {
    try {
        const { rows, rowCount } = await connection.query(text);
        return { code: 'ok', rows: rowCount, ...what(rows) };
    } catch (error) {
        return { code: error.code, message: error.message };
    }
}

const answered = ({ result, error }) => error ? { code: error.data.sqlstate, message: error.message } : { code: 'ok', result };

export class System {
    static async start() {
        const system = new System();
        system.cluster = await Cluster.start('max_connections=120', 'jit=off');
        system.root = await system.cluster.connect();
        await system.root.query(helpers);
        system.gate = await system.cluster.connect('onefin_gateway');
        system.as = await system.cluster.connect();
        system.gateway = await Gateway.start(system.cluster);
        return system;
    }

    async end() {
        await Promise.allSettled([this.root.end(), this.gate.end(), this.as.end()]);
        this.gateway.remove();
        this.cluster.remove();
    }

    /** Rows of a query by the superuser. */
    async facts(text, values = []) {
        return (await this.root.query({ text, values })).rows;
    }

    /** Now, exactly. */
    async instant() {
        const [{ now }] = await this.facts("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS now");
        return now;
    }

    // --- by call

    async call(token, { method, params }) {
        const { rows } = await this.gate.query({ name: 'call', text: 'SELECT onefin.call($1, $2, $3) AS answer', values: [token, method, params] });
        return answered(rows[0].answer);
    }

    async file(question) {
        return answered((await this.gate.query(question)).rows[0].answer);
    }

    /** Many calls whose effects are taken back, in one statement: {token, method, params}, or {file}. */
    async calls(asked) {
        const rows = asked.map(({ token, method, params, file }) => file ? { statement: file.text, args: file.values.map(String) }
            : { statement: 'SELECT onefin.call($1, $2, $3::jsonb)', args: [token, method, JSON.stringify(params)] });
        const result = await this.gate.query({ name: 'calls', text: `SELECT oracle.answer(statement, VARIADIC args) AS answer
            FROM ROWS FROM (jsonb_to_recordset($1) AS (statement text, args text[])) WITH ORDINALITY AS c (statement, args, n) ORDER BY n`,
        values: [JSON.stringify(rows)] });
        return result.rows.map(row => answered(row.answer));
    }

    // --- by SQL

    /** Does something as a database user: as a superuser becomes one, or by a connection of its own. */
    async by(user, work, own = false) {
        if (own) {
            const connection = await this.cluster.connect(user);
            return work(connection).finally(() => connection.end());
        }
        await this.as.query(`SET SESSION AUTHORIZATION ${user}`);
        return work(this.as).finally(() => this.as.query('RESET SESSION AUTHORIZATION'));
    }

    /** The rows of some queries, asked in one statement, and the notices that came. */
    async look(user, texts, own) {
        const notices = [];
        const listen = notice => notices.push(notice.message);
        const lists = texts.map(text => `(SELECT coalesce(jsonb_agg(q.row), '[]') FROM (${text}) q)`);
        const tables = await this.by(user, async connection => {
            connection.on('notice', listen);
            const { rows } = await connection.query(`SELECT jsonb_build_array(${lists.join(', ')}) AS tables`);
            connection.off('notice', listen);
            return rows[0].tables;
        }, own);
        return [tables, notices];
    }

    async statement(user, text) {
        return this.by(user, connection => outcome(connection, text));
    }

    /** The first value that a statement of a database user gives; what it did besides is taken back. */
    async value(user, text) {
        return this.by(user, async connection => {
            await connection.query('BEGIN');
            return outcome(connection, text, rows => ({ result: Object.values(rows[0])[0] })).finally(() => connection.query('ROLLBACK'));
        });
    }

    /** A superuser's hand in psql. */
    byHand(text) {
        return outcome(this.root, text);
    }

    /** The same in a transaction that stays open until commit(). */
    async hold(text) {
        const connection = await this.cluster.connect();
        await connection.query('BEGIN');
        const held = await outcome(connection, text);
        const { rows: [{ xact }] } = await connection.query('SELECT pg_current_xact_id()::text AS xact');
        return { ...held, xact, commit: () => connection.query('COMMIT').then(() => connection.end()) };
    }

    /** Many statements that are taken back. */
    async statements(user, texts, own) {
        return this.by(user, async connection => {
            const { rows } = await connection.query({ text: 'SELECT oracle.attempt(s) AS answer FROM unnest($1::text[]) WITH ORDINALITY u (s, n) ORDER BY n',
                values: [texts] });
            return rows.map(({ answer }) => ({ code: 'ok', ...answer }));
        }, own);
    }

    // --- by events

    /** A WebSocket that came in with the session's token; after an entry of the journal, with what it missed. */
    async enter(session, after) {
        const client = { session, events: [], typed: [] };
        client.connection = await Connection.open(this.gateway.url, (method, params) => {
            if (method === 'event')
                client.events.push(params);
            else if (method === 'typing')
                client.typed.push(params);
        });
        const reply = await client.connection.call('resume', { token: session.token, after: after?.seal, index: after?.index });
        client.missed = reply.events;
        return client;
    }

    /** Waits until an entry is there that the worker writes. */
    async journaled({ kind, subject }) {
        await until(async () => (await this.facts('SELECT FROM onefin.journal WHERE kind = $1 AND subject_id = $2', [kind, subject])).length, `${kind} ${subject}`);
    }

    /** Waits until all that was done is sealed; the newest seal. */
    async sealed() {
        return until(async () => {
            const [fact] = await this.facts(`SELECT onefin.position() AS seal, (SELECT coalesce(sum(cardinality(entries)), 0) FROM onefin.seal)
                = (SELECT count(*) FROM onefin.journal) AS all`);
            return fact.all && fact.seal;
        }, 'the journal to be sealed');
    }

    /** Waits until all that was done is told as well. */
    async settled() {
        const seal = await this.sealed();
        await until(async () => (await (await fetch(`${this.gateway.http}/healthz`)).json()).seal >= seal, 'the gateway to have told all');
    }
}
