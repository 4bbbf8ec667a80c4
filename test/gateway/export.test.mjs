// The journal as a file, by the gateway: what is in it, who gets it, and how it is sent.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { ExportingFirm, bearer, names } from '../lib/exporting.mjs';
import { cells, columnsOf, entryDigest, formats, header, noHash, parse, rechain, risky, sealHash, split, verify,
    verifyRaw, writeAll } from '../lib/extract.mjs';
import { password } from '../lib/firm.mjs';
import { sleep, until } from '../lib/scratch.mjs';

let firm;

before(async () => { firm = await ExportingFirm.start(); });
after(() => firm.world.end());

// ---- what is in it ----

test('both formats of a firm\'s journal are proved, and say the same', async () => {
    const [csv, jsonl] = formats.map(format => parse(format, firm.texts[format]));
    assert.deepEqual(csv, jsonl);
    const entries = await firm.world.cluster.value(
        'SELECT sum(cardinality(entries)) FROM onefin.seal WHERE number <= $1', [firm.last]);
    const hash = await firm.world.cluster.value(
        "SELECT encode(hash, 'hex') FROM onefin.seal WHERE number = $1", [firm.last]);
    for (const format of formats) {
        const path = firm.file(firm.texts[format]);
        const report = verify(path);
        const counts = { from: 1, to: firm.last, seals: firm.last, entries: Number(entries), shown: Number(entries) };
        assert.deepEqual(report, { status: 0, stderr: '', ...counts, ok: true, before: noHash, hash,
            files: [{ file: path, ...counts }], broken: null });
    }
    assert.equal(verifyRaw(['-'], firm.texts.csv).stdout, `-: seals 1 to ${firm.last}, ${entries} entries, ${entries} shown\n`
        + `proved: up to seal ${firm.last}, where the hash is ${hash}\n`);
});

test('digests and hashes are what the README makes of the bytes', () => {
    const records = parse('jsonl', firm.texts.jsonl);
    let hash = noHash, digests = [], seals = 0;
    for (const record of records) {
        if (record.line === 'entry') {
            digests.push(entryDigest(record));
            assert.equal(record.check, digests.at(-1).toString('hex', 0, 8));
        } else if (record.line === 'seal') {
            hash = sealHash(hash, record, digests);
            assert.equal(record.hash, hash);
            digests = [];
            seals++;
        }
    }
    assert.equal(seals, firm.last);
    assert.deepEqual(rechain(records), records);
});

test('each record has its columns; CSV is RFC 4180 with a header', () => {
    for (const line of split('jsonl', firm.texts.jsonl)) {
        const record = JSON.parse(line);
        assert.deepEqual(Object.keys(record).sort(), [...columnsOf[record.line]].sort());
    }
    const lines = split('csv', firm.texts.csv);
    assert.equal(lines[0], `${header.join(',')}\r\n`);
    for (const line of lines) {
        assert.ok(line.endsWith('\r\n'));
        assert.equal(cells(line).length, header.length);
    }
    for (const format of formats)
        assert.equal(firm.texts[format], writeAll(format, parse(format, firm.texts[format])), 'as we would write it');
});

test('no cell is a formula, and every name comes back', () => {
    const raw = split('csv', firm.texts.csv).slice(1).flatMap(cells).filter(cell => cell !== null);
    for (const cell of raw)
        assert.ok(!risky.test(cell) || /^'[=+\-@\t\r\n'＝＋－＠]/.test(cell), cell);
    assert.ok(raw.filter(cell => cell.startsWith('\'')).length >= 7 + 5, 'of names of users, and of applications');
    const records = parse('csv', firm.texts.csv);
    for (const name of names)
        assert.ok(records.some(({ db_user }) => db_user === name), name);
    assert.ok(records.some(({ detail }) => detail && JSON.parse(detail).after?.name === names[0]));
    assert.ok(!firm.texts.csv.includes('calc'), 'no text of a message');
});

test('SQL gives the same lines, also through psql', async () => {
    for (const [format, end] of [['csv', '\r\n'], ['jsonl', '\n']]) {
        const rows = await firm.world.cluster.query(
            'SELECT onefin.journal_export($1, "to" => $2) AS line', [format, firm.last]);
        assert.equal(rows.map(({ line }) => line + end).join(''), firm.texts[format]);
    }
    const psql = execFileSync('psql', ['-XAt', '-v', 'FETCH_COUNT=10', '-d', firm.world.cluster.conninfo('postgres'),
        '-c', `SELECT * FROM onefin.journal_export('csv', "to" => ${firm.last})`], { encoding: 'utf8' });
    assert.equal(psql, firm.texts.csv.replaceAll('\r\n', '\n'));
    assert.equal(verify(firm.file(psql)).status, 0);
});

const shown = text => parse('jsonl', text).filter(({ line }) => line === 'entry').map(({ id }) => id).sort((a, b) => a - b);

test('filters choose entries; what is left out leaves its digest, and all is proved', async () => {
    const { ann } = firm.world.firm.accounts, { Anor } = firm.world.firm.orgs;
    const [{ middle }] = await firm.world.cluster.query('SELECT to_char(at, $1) AS middle FROM onefin.journal WHERE id = 20',
        ['YYYY-MM-DD"T"HH24:MI:SS.USTZH:TZM']);
    const tries = [
        [{ kind: 'message.sent' }, "kind = 'message.sent'"],
        [{ kind: 'message.*' }, "kind LIKE 'message.%'"],
        [{ kind: '*' }, 'true'],
        [{ kind: 'message' }, 'false'],
        [{ actor: ann.id }, `actor_id = ${ann.id}`],
        [{ org: Anor.id }, `org_id = ${Anor.id}`],
        [{ since: middle }, `at >= '${middle}'`],
        [{ until: middle }, `at < '${middle}'`],
        [{ org: Anor.id, kind: 'message.*', since: middle },
            `org_id = ${Anor.id} AND kind LIKE 'message.%' AND at >= '${middle}'`],
        [{ from: 3, to: 5 }, 'true'],
        [{ from: firm.last, kind: 'x' }, 'false'],
    ];
    for (const [filter, where] of tries) {
        const { from = 1, to = firm.last } = filter;
        const wanted = await firm.world.cluster.query(`SELECT id FROM onefin.journal WHERE (${where}) AND id IN
            (SELECT unnest(entries) FROM onefin.seal WHERE number BETWEEN $1 AND $2) ORDER BY id`, [from, to]);
        const text = await firm.download('jsonl', { to: firm.last, ...filter });
        assert.deepEqual(shown(text), wanted.map(({ id }) => id), JSON.stringify(filter));
        for (const path of [firm.file(text), firm.file(await firm.download('csv', { to: firm.last, ...filter }))]) {
            const report = verify(path);
            assert.deepEqual([report.status, report.from, report.to, report.shown], [0, from, to, wanted.length], path);
        }
    }
});

test('the file has a name with the date, and is not to be kept by others', async () => {
    const types = { csv: 'text/csv; charset=utf-8; header=present', jsonl: 'application/jsonl; charset=utf-8' };
    for (const [format, type] of Object.entries(types)) {
        const answer = await firm.request(format, { to: 1 });
        assert.equal(answer.headers.get('content-type'), type);
        const disposition = answer.headers.get('content-disposition');
        assert.equal(/^attachment; filename="onefin-journal-\d{4}-\d\d-\d\d\.(.*)"$/.exec(disposition)?.[1], format);
        assert.equal(answer.headers.get('cache-control'), 'private, no-store');
        assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
        await answer.text();
    }
});

// ---- who gets it ----

async function refused(answer, status, code) {
    const { error } = await answer.json();
    assert.equal(answer.status, status, JSON.stringify(error));
    assert.equal(error.code, code, JSON.stringify(error));
    assert.ok(error.message.length > 5 && error.data.hint.length > 5, JSON.stringify(error));
}

const exportsJournaled = () =>
    firm.world.cluster.value("SELECT count(*) FROM onefin.journal WHERE kind = 'journal.exported'");

test('only admins get it', async () => {
    const journaled = await exportsJournaled();
    for (const login of ['nora', 'ann', 'kim']) {
        const { token } = await firm.world.connect(login);
        await refused(await firm.request('csv', {}, token), 403, -32002);
    }
    await refused(await firm.request('csv', {}, null), 401, -32001);
    await refused(await firm.request('jsonl', {}, 'A'.repeat(43)), 401, -32001);
    assert.equal(await exportsJournaled(), journaled);
});

test('what makes no sense is refused', async () => {
    const headers = bearer(firm.world.admin.token);
    const { http } = firm.world.gateway;
    for (const [query, status, code] of [['from=x', 400, -32602], ['from=0', 400, -32602], ['to=2&from=3', 400, -32602],
        ['from=1000000', 404, -32003], ['since=then', 400, -32602], ['since=', 400, -32602], ['org=1.5', 400, -32602],
        ['kind=a*b', 400, -32602], ['colour=red', 400, -32602], ['from', 400, -32602], ['from=1&from=2', 400, -32602],
        ['format=csv', 400, -32602], ['kind=%ff', 400, -32602]])
        await refused(await fetch(`${http}/export/journal.csv?${query}`, { headers }), status, code);
    await refused(await fetch(`${http}/export/journal.xml`, { headers }), 404, -32003);
    await refused(await fetch(`${http}/export/journal.csv`, { method: 'POST', headers, body: 'x' }), 405, -32601);
});

test('an export is in the journal, once: who, what, from where', async () => {
    const journaled = await exportsJournaled();
    const org = firm.world.firm.orgs.Anor.id;
    await firm.download('csv', { to: firm.last, org, kind: 'message.*', since: '2026-01-01T05:00:00+05:00' });
    assert.equal(await exportsJournaled(), journaled + 1);
    const [{ login, ...row }] = await firm.world.cluster.query(`SELECT a.login, j.session_id IS NOT NULL AS session,
        host(j.address) AS address, j.audience, j.detail FROM onefin.journal j JOIN onefin.account a ON a.id = j.actor_id
        WHERE kind = 'journal.exported' ORDER BY j.id DESC LIMIT 1`);
    assert.equal(login, 'ada');
    assert.deepEqual(row, { session: true, address: '127.0.0.1', audience: 'admin',
        detail: { format: 'csv', from: 1, to: firm.last, org, kind: 'message.*', since: '2026-01-01T00:00:00.000000Z' } });
});

// ---- large ones ----

const many = 100000;

/** An export under way that is read when one says so: {response, text, next(), rest()}. */
function slowly(format, params, token = firm.world.admin.token) {
    return new Promise((resolve, reject) => {
        get(firm.url(format, params), { headers: bearer(token), agent: false }, response => {
            const chunks = response[Symbol.asyncIterator]();
            const reader = { response, size: 0, parts: [],
                /** The next bytes; false at the end, throws when it was cut. */
                async next() {
                    const { value, done } = await chunks.next();
                    if (!done)
                        this.parts.push(value), this.size += value.length;
                    return !done;
                },
                async rest() {
                    while (await this.next());
                },
                get bytes() {
                    return Buffer.concat(this.parts);
                } };
            resolve(reader);
        }).on('error', reject);
    });
}

/** Its most memory so far, in KiB. */
function peak() {
    const status = readFileSync(`/proc/${firm.world.gateway.process.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)[1]);
}

test(`${many} entries, read slowly by several: the gateway holds a page of each, and serves others meanwhile`, async () => {
    await firm.leave();
    await firm.world.cluster.query(
        "INSERT INTO onefin.department (name) SELECT 'department ' || n FROM generate_series(1, $1::int) n", [many]);
    const to = await firm.world.cluster.sealed();
    const kim = await firm.world.connect('kim');
    await firm.download('jsonl', { to, from: to });
    const before = peak();
    const readers = await Promise.all([slowly('jsonl', { to }), slowly('csv', { to }),
        slowly('jsonl', { to, kind: 'message.*' })]);
    for (let i = 0; i < 20; i++) {
        await Promise.all(readers.map(reader => reader.next()));
        await sleep(20);
    }
    // What the sockets hold is asked for, and then no more.
    const calls = async () => (await firm.world.gateway.metrics()).samples.onefin_gateway_calls;
    await until(async () => await calls() === await sleep(1000).then(calls), 'the gateway to wait for its readers');
    assert.ok(readers.every(reader => !reader.response.complete));
    const start = Date.now();
    for (let i = 0; i < 50; i++)
        await kim.call('me');
    assert.ok(Date.now() - start < 5000, 'calls of others are answered');
    await Promise.all(readers.map(reader => reader.rest()));
    const grown = peak() - before;
    assert.ok(readers[0].size > 30 << 20, `${readers[0].size} bytes`);
    assert.ok(grown < 16 << 10, `the gateway grew by ${grown} KiB`);
    for (const reader of readers) {
        const report = verify(firm.file(reader.bytes));
        assert.equal(report.status, 0, JSON.stringify(report.broken));
        assert.equal(report.to, to);
        assert.ok(report.entries > many);
    }
    const exported = await firm.world.cluster.value(
        "SELECT count(*) FROM onefin.journal WHERE kind = 'journal.exported' AND detail @> $1", [{ from: 1, to }]);
    assert.equal(exported, 3, 'each is journaled once, whatever its pages');
});

test('HTTP/1.0 gets it until the connection is closed', async () => {
    const to = await firm.world.cluster.sealed();
    const answer = await new Promise((resolve, reject) => {
        const parts = [];
        const socket = connect(firm.world.gateway.port, '127.0.0.1', () =>
            socket.write(`GET /export/journal.csv?to=${to} HTTP/1.0\r\n`
                + `Authorization: Bearer ${firm.world.admin.token}\r\n\r\n`));
        socket.on('data', data => parts.push(data)).on('end', () => resolve(Buffer.concat(parts))).on('error', reject);
    });
    const body = answer.indexOf('\r\n\r\n') + 4;
    assert.doesNotMatch(answer.toString('latin1', 0, body), /transfer-encoding/i);
    assert.equal(verify(firm.file(answer.subarray(body))).status, 0);
});

/** What had come is no whole export, and seen as such by HTTP too. */
async function cut(reader) {
    await assert.rejects(reader.rest(), /aborted|ECONNRESET|terminated/);
    assert.equal(reader.response.complete, false);
    const { status, broken } = verify(firm.file(reader.bytes));
    assert.equal(status, 1);
    assert.match(broken.what, /broken off/);
}

test('a session revoked in the middle stops the export', async () => {
    const [ada, { token, session }] = await Promise.all([firm.world.connect('ada'), firm.world.connect('ada')]);
    const reader = await slowly('jsonl', {}, token);
    await reader.next();
    await ada.call('revoke_session', { session });
    await cut(reader);
    await refused(await firm.request('csv', {}, token), 401, -32001);
});

test('a database that goes away cuts it; nothing is lost but that', async () => {
    const reader = await slowly('csv', {});
    await reader.next();
    firm.world.cluster.run('stop');
    await cut(reader);
    await refused(await firm.request('csv'), 503, -32007);
    firm.world.cluster.run('start');
    await until(async () => (await firm.request('csv', { to: 1 })).status === 200, 'exports again');
});

test('a client that leaves in the middle is no trouble', async () => {
    for (let i = 0; i < 10; i++) {
        const reader = await slowly('jsonl', {});
        await reader.next();
        reader.response.destroy();
    }
    assert.equal((await fetch(`${firm.world.gateway.http}/healthz`)).status, 200);
    assert.equal(verify(firm.file(await firm.download('csv', { to: 3 }))).status, 0);
});

test('nothing secret is in the logs', () => {
    for (const log of [firm.world.gateway.log(), readFileSync(`${firm.world.cluster.dir}/log`, 'utf8')]) {
        assert.ok(!log.includes(firm.world.admin.token));
        assert.ok(!log.includes(password));
    }
});
