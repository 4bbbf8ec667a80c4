// onefin-import on small histories: what it makes, says and refuses. The real one is in play.test.mjs.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { World, password } from '../lib/firm.mjs';
import { built, Gateway } from '../lib/gateway.mjs';
import { startImport } from '../lib/importer.mjs';

let world, file;

before(async () => {
    world = await World.start({ empty: true });
    file = `${world.cluster.folder.path}/history.jsonl`;
});
after(() => world.end());

const line = (client, from, text, more = {}) =>
    ({ at: '2024-03-01T09:00:00Z', client, from, role: from === client ? 'client' : 'staff', text, ...more });

function write(lines) {
    writeFileSync(file, Buffer.concat(lines.flatMap(one =>
        [Buffer.isBuffer(one) ? one : Buffer.from(typeof one === 'string' ? one : JSON.stringify(one)), Buffer.from('\n')])));
}

/** Plays the lines; {status, report}. */
async function play(lines, args = [], env = {}) {
    write(lines);
    const { status, stdout, stderr } = await startImport(world.gateway, file, ['--json', ...args], env);
    assert.equal(stderr, '');
    return { status, report: JSON.parse(stdout) };
}

/** [author, text] of the client's topic, in order. */
const said = async (client, kind = 'bank_payment') => (await world.cluster.query(
    `SELECT m.author_name, m.text, m.at, m.imported FROM onefin.message m
        JOIN onefin.topic t ON t.id = m.topic_id JOIN onefin.topic_kind k ON k.id = t.kind_id
        JOIN onefin.org o ON o.id = m.org_id WHERE o.name = $1 AND k.code = $2 ORDER BY m.id`, [client, kind]));
const words = async (...args) => (await said(...args)).map(row => [row.author_name, row.text]);

test('it makes what is missing, sends in order, and a second run finds all of it', async () => {
    const lines = [line('Olma', 'Olma', 'one'), line('Olma', 'dilnoza', 'two'), line('Nok', 'Nok', 'three'),
        line('Olma', 'Olma', 'four'), line('Nok', 'dilnoza', 'five'), line('Nok', 'dilnoza', 'five'), line('Nok', 'rustam', 'six')];
    const first = await play(lines);
    assert.equal(first.status, 0);
    assert.deepEqual(first.report, { lines: 7, sent: 7, already_there: 0, refused: 0, not_sent: 0,
        made: { departments: 1, orgs: 2, accounts: 4 }, assignments: 3, refusals: [] });
    const olma = [['Olma', 'one'], ['dilnoza', 'two'], ['Olma', 'four']];
    const nok = [['Nok', 'three'], ['dilnoza', 'five'], ['dilnoza', 'five'], ['rustam', 'six']];
    assert.deepEqual(await words('Olma'), olma);
    assert.deepEqual(await words('Nok'), nok, 'a line said twice is there twice');

    const second = await play([...lines, line('Nok', 'Nok', 'and a new one')]);
    assert.equal(second.status, 0);
    assert.deepEqual(second.report, { lines: 8, sent: 1, already_there: 7, refused: 0, not_sent: 0,
        made: { departments: 0, orgs: 0, accounts: 0 }, assignments: 3, refusals: [] });
    assert.deepEqual(await words('Olma'), olma);
    assert.deepEqual(await words('Nok'), [...nok, ['Nok', 'and a new one']]);

    const { accounts } = await world.admin.call('accounts');
    const roles = Object.fromEntries(accounts.map(account => [account.login, account.role]));
    assert.deepEqual(roles, { ada: 'admin', Olma: 'client', Nok: 'client', dilnoza: 'accountant', rustam: 'accountant' });
});

test('a gateway that limits calls is waited for', async () => {
    const gateway = await Gateway.start(world.cluster, { store: world.gateway.store, calls_per_second: 2 });
    const lines = Array.from({ length: 24 }, (_, i) => line('Behi', 'Behi', `said ${i}`));
    write(lines);
    const { status, stdout } = await startImport(gateway, file, ['--json']);
    assert.equal(status, 0, stdout);
    assert.deepEqual(await words('Behi'), lines.map(({ text }) => ['Behi', text]));
    const { samples } = await gateway.metrics();
    assert.ok(samples['onefin_gateway_refused{reason="calls"}'] > 0, 'it was limited');
    gateway.remove();
    await world.admin.call('revoke_sessions'); // the admin's may be so many only
});

test('each refused line has its number, code and reason; the others go', async () => {
    const good = line('Anjir', 'Anjir', 'the only good one');
    const { status, report } = await play(['', 'no json', '[1]', { ...good, role: 'boss' }, { ...good, text: 5 },
        { ...good, text: '' }, { ...good, at: 'yesterday' }, line('Anjir', 'Anjir', 'x'.repeat(500000)),
        { ...good, from: 'Olma' }, { at: good.at }, good, '{"at": "\\u0000"}', line('Anjir', 'dilnoza', 'who is staff', { role: 'client' }),
        { ...good, role: 'ў'.repeat(3001) }, `{"at": ${'ў'.repeat(3001)}`, Buffer.from('{"at": "\xff"}', 'latin1')]);
    assert.equal(status, 1);
    assert.deepEqual(report.refusals.map(({ line: number, code }) => [number, code]), [[2, -32700], [3, -32602], [4, -32602],
        [5, -32602], [6, -32602], [7, -32602], [8, -32602], [9, -32005], [10, -32602], [12, -32700], [13, -32005],
        [14, -32602], [15, -32700], [16, -32700]]);
    assert.ok(report.refusals.every(({ message }) => message.length > 10));
    assert.deepEqual([report.lines, report.sent, report.refused, report.not_sent], [15, 1, 14, 0]);
    assert.deepEqual(await words('Anjir'), [['Anjir', 'the only good one']]);
});

test('the report for people says the same', async () => {
    write([line('Anjir', 'Anjir', 'the only good one'), 'no json']);
    const { status, stdout } = await startImport(world.gateway, file);
    assert.equal(status, 1);
    assert.match(stdout, /^lines read: +2$/m);
    assert.match(stdout, /^sent: +0$/m);
    assert.match(stdout, /^already there: +1$/m);
    assert.match(stdout, /^refused: +1$/m);
    assert.match(stdout, /^line 2: -32700 /m);
});

test('--keep-times keeps them, by an admin\'s import, and the journal says so', async () => {
    const lines = [line('Uzum', 'Uzum', 'long ago', { at: '2019-09-04T22:45:20Z' }),
        line('Uzum', 'dilnoza', 'soon after', { at: '2019-09-05T03:45:21.5+05:00' })];
    const { status, report } = await play(lines, ['--keep-times', '--topic', 'contract'], { ONEFIN_MEMBER_PASSWORD: undefined });
    assert.equal(status, 0, JSON.stringify(report));
    assert.equal(report.sent, 2);
    const rows = await said('Uzum', 'contract');
    assert.deepEqual(rows.map(row => [row.author_name, row.text, row.at.toISOString(), row.imported]),
        [['Uzum', 'long ago', '2019-09-04T22:45:20.000Z', true], ['dilnoza', 'soon after', '2019-09-04T22:45:21.500Z', true]]);
    const kinds = await world.cluster.query(`SELECT j.kind, a.login FROM onefin.journal j JOIN onefin.account a ON a.id = j.actor_id
        JOIN onefin.message m ON m.id = j.subject_id JOIN onefin.org o ON o.id = m.org_id
        WHERE o.name = 'Uzum' AND j.kind LIKE 'message.%'`);
    assert.deepEqual(kinds, [{ kind: 'message.imported', login: 'ada' }, { kind: 'message.imported', login: 'ada' }]);
    assert.equal((await play(lines, ['--keep-times', '--topic', 'contract'])).report.already_there, 2);
});

test('--rhythm takes the time between the lines, by its factor', async () => {
    const lines = [0, 20, 40].map(second => line('Gilos', 'Gilos', `at ${second}`, { at: `2024-03-01T09:00:${String(second).padStart(2, '0')}Z` }));
    assert.equal((await play(lines, ['--rhythm', '20'])).report.sent, 3);
    const at = (await said('Gilos')).map(row => row.at.getTime());
    for (const gap of [at[1] - at[0], at[2] - at[1]])
        assert.ok(gap > 500, `a second between them: ${gap} ms`);
});

test('progress goes to a terminal only, in one line', () => {
    write([line('Anjir', 'Anjir', 'the only good one')]);
    const command = `${built('gateway/onefin-import')} --url ${world.gateway.url} --admin ada ${file}`;
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8',
        env: { ...process.env, ONEFIN_PASSWORD: password, ONEFIN_MEMBER_PASSWORD: password } });
    assert.match(stdout, /\r1 of 1 lines: 0 sent, 1 already there, 0 refused\x1b\[K\r?\n/);
});

test('it does not begin, with status 2 and a reason: bad options, no file, wrong password, no admin, no gateway', async () => {
    write([line('Anjir', 'Anjir', 'never')]);
    const tries = [
        [[], { ONEFIN_PASSWORD: 'a wrong one' }, /password|log/i],
        [['--admin', 'dilnoza'], {}, /allowed|admin|permission/i],
        [['--url', 'ws://127.0.0.1:1/ws'], {}, /127\.0\.0\.1:1/],
        [['--url', 'http://127.0.0.1/'], {}, /--url/],
        [['--parallel', '0'], {}, /--parallel/],
        [['--rhythm', 'fast'], {}, /--rhythm/],
        [['--rhythm', '2', '--keep-times'], {}, /rhythm/],
        [['--no-such-option'], {}, /--help/],
        [['--password-file', '/no/such/file'], {}, /no\/such\/file/],
        [[], { ONEFIN_MEMBER_PASSWORD: undefined }, /ONEFIN_MEMBER_PASSWORD/],
    ];
    for (const [args, env, says] of tries) {
        const { status, stderr, stdout } = await startImport(world.gateway, file, args, env);
        assert.equal(status, 2, `${args} ${JSON.stringify(env)}: ${stderr} ${stdout}`);
        assert.match(stderr, says);
    }
    const { status, stderr } = await startImport(world.gateway, '/no/such/history');
    assert.equal(status, 2);
    assert.match(stderr, /no\/such\/history/);
});

test('passwords from files', async () => {
    const secret = `${world.cluster.folder.path}/secret`;
    writeFileSync(secret, `${password}\n`);
    const { status, report } = await play([line('Anjir', 'Anjir', 'the only good one')],
        ['--password-file', secret, '--member-password-file', secret], { ONEFIN_PASSWORD: 'wrong', ONEFIN_MEMBER_PASSWORD: 'wrong' });
    assert.equal(status, 0);
    assert.equal(report.already_there, 1);
});
