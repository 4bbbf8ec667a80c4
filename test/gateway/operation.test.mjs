// What an operator relies on: health, figures, settings, an orderly end, and a database that goes
// and comes back.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { Connection } from '../lib/client.mjs';
import { World } from '../lib/firm.mjs';
import { built, Gateway } from '../lib/gateway.mjs';
import { sleep, until } from '../lib/scratch.mjs';

const program = built('gateway/onefin-gateway');
let world, topic;

before(async () => {
    world = await World.start();
    topic = world.firm.orgs.Anor.topics.bank_payment;
});
after(() => world.end());

const say = (member, text) => member.call('send', { topic, text, client_key: randomUUID() });
const health = async () => (await fetch(`${world.gateway.http}/healthz`)).status;

test('healthz tells the position', async () => {
    const seal = await world.cluster.sealed();
    const answer = await until(async () => {
        const healthz = await (await fetch(`${world.gateway.http}/healthz`)).json();
        return healthz.seal >= seal && healthz;
    }, 'the position in healthz');
    assert.equal(answer.status, 'ok');
});

test('metrics are Prometheus text, typed and described, and they count', async () => {
    const before = await world.gateway.metrics();
    assert.match(before.type, /^text\/plain/);
    for (const name of Object.keys(before.samples)) {
        const family = name.replace(/\{.*/, '').replace(/_(bucket|sum|count)$/, '');
        assert.match(before.text, new RegExp(`^# TYPE ${family}(_count|_sum)? `, 'm'), name);
        assert.match(before.text, new RegExp(`^# HELP ${family}(_count|_sum)? `, 'm'), name);
        assert.match(family, /^onefin_/);
    }
    const kim = await world.connect('kim');
    for (let i = 0; i < 5; i++)
        await kim.call('me');
    const after = await world.gateway.metrics();
    const grown = Object.keys(after.samples).filter(name => after.samples[name] >= (before.samples[name] ?? 0) + 5);
    assert.ok(grown.some(name => /call|request/.test(name)), `something that counts calls: ${after.text}`);
    await kim.close();
});

test('the page is served, and keeps to itself', async () => {
    const answer = await fetch(`${world.gateway.http}/`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type'), /^text\/html/);
    assert.match(answer.headers.get('content-security-policy'), /default-src/);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
});

test('each setting of --help is in the example and in the README, and nothing else is', () => {
    const help = execFileSync(program, ['--help'], { encoding: 'utf8' });
    const names = [...help.matchAll(/^ {2}([a-z][a-z_]+) /gm)].map(match => match[1]);
    assert.ok(names.length > 10, help);
    const folder = new URL('../../gateway/', import.meta.url);
    const example = readFileSync(new URL('gateway.conf.example', folder), 'utf8');
    const readme = readFileSync(new URL('README.md', folder), 'utf8');
    for (const name of names)
        assert.match(readme, new RegExp('`' + name + '`'), `${name} in README.md`);
    const shown = [...example.matchAll(/^[;#]?\s?([a-z][a-z_]+)\s*=/gm)].map(match => match[1]);
    assert.deepEqual([...new Set(shown)].sort(), [...names].sort());
});

test('a bad setting, a missing file and a port in use stop it with a message', () => {
    const tries = [
        ['no_such_setting = 1', /no_such_setting/],
        ['port = many', /port/],
        ['proxies = 127.0.0.1 localhost', /proxies/],
        [`port = ${world.gateway.port}\nstore = ${world.gateway.store}\ndatabase = ${world.cluster.conninfo('onefin_gateway')}`,
            new RegExp(`${world.gateway.port}`)],
    ];
    for (const [text, says] of tries) {
        const file = `${world.gateway.store}/../bad.conf`;
        writeFileSync(file, `${text}\n`);
        const run = spawnSync(program, ['-c', file], { encoding: 'utf8', timeout: 30000 });
        assert.ok(run.status > 0, `${text}: ${run.status} ${run.signal}`);
        assert.match(run.stderr, says);
    }
    const run = spawnSync(program, ['-c', '/no/such/file.conf'], { encoding: 'utf8', timeout: 30000 });
    assert.ok(run.status > 0);
    assert.match(run.stderr, /no\/such\/file\.conf/);
});

test('a slow reader is closed with 4002 and can resume; nobody else waits for it', async () => {
    const slow = await world.connect('kim');
    const quick = await world.enter('kim');
    const ann = await world.enter('ann');
    slow.socket.pause();
    const start = quick.events.length;
    const text = 'x'.repeat(16000);
    // Enough for the socket's own buffers and the outbox behind them.
    let sent = 0;
    await until(async () => {
        for (let i = 0; i < 20; i++, sent++)
            await say(ann, text);
        return (await world.gateway.metrics()).samples.onefin_gateway_too_slow === 1;
    }, 'the slow one to be cut', 120);
    slow.socket.resume();
    assert.equal((await slow.closedByGateway()).code, 4002);
    await until(() => quick.events.slice(start).filter(event => event.message).length === sent, 'the quick one to have all');
    const { connection, reply } = await world.resume(slow.token, slow.seal);
    const live = slow.events.filter(event => event.message).length;
    assert.ok(live < sent, 'it has not had all before');
    assert.equal(reply.events.filter(event => event.message).length, sent);
    assert.deepEqual([quick.resumes, ann.resumes], [0, 0]);
    await connection.close();
});

/** Calls go through, and everybody has everything once: members throw at their end if not. */
async function goesOn(kim, ann, texts) {
    await until(async () => await health() === 200, 'the gateway to be well');
    const last = await say(ann, 'all is well again');
    const told = await until(() => kim.events.some(event => event.message?.id === last.message.id)
        && kim.events.filter(event => texts.includes(event.message?.text)), 'kim to be told');
    assert.deepEqual(told.map(event => event.message.text), texts);
}

for (const [how, action] of [['an orderly restart', 'restart'], ['a power cut', 'kill']])
    test(`${how} of the database: calls get -32007, clients are told, and nothing is lost`, async () => {
        const kim = await world.enter('kim');
        const ann = await world.enter('ann');
        const { connection } = ann;
        const texts = [`before ${how}`];
        await say(ann, texts[0]);
        if (action === 'restart')
            world.cluster.run('stop');
        else
            world.cluster.kill();
        await assert.rejects(connection.call('me'), fault => {
            assert.equal(fault.code, -32007, fault.message);
            assert.ok(fault.data?.hint);
            return true;
        });
        await until(() => kim.stalls.at(-1) === true, 'kim to be told that it is stalled');
        assert.equal(await health(), 503);
        const meanwhile = say(ann, `during ${how}`);
        texts.push(`during ${how}`);
        await sleep(500);
        world.cluster.run('start');
        await meanwhile;
        await until(() => kim.stalls.at(-1) === false, 'kim to be told that it goes on');
        await goesOn(kim, ann, texts);
        assert.equal(connection.isClosed ?? false, false, 'the connection outlived it');
    });

test('backends that are terminated one by one are replaced', async () => {
    const kim = await world.enter('kim');
    const ann = await world.enter('ann');
    const texts = [];
    for (let round = 0; round < 3; round++) {
        await world.cluster.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'onefin_gateway'");
        texts.push(`round ${round}`);
        await say(ann, texts.at(-1));
    }
    await goesOn(kim, ann, texts);
});

test('a quiet connection is told how far the order is', async () => {
    const moe = await world.connect('moe');
    const ann = await world.enter('ann');
    await say(ann, 'nothing for moe');
    const seal = await world.cluster.sealed();
    await moe.notified('position', position => position.seal >= seal);
    await moe.close();
});

function assertLogfmt() {
    const lines = world.gateway.log().trimEnd().split('\n');
    assert.ok(lines.length > 3);
    for (const line of lines)
        assert.match(line, /^time=\S+Z level=(error|warning|info|debug) msg="([^"\\]|\\.)*"( [a-z_]+=[^\s"]*)*$/);
}

test('the log is logfmt: each line has its time, level and message', async () => {
    assertLogfmt();
});

test('metrics tell of calls, logins, deliveries, queues and the sealer', async () => {
    const kim = await world.connect('kim');
    const ann = await world.enter('ann');
    await say(ann, 'to be measured');
    await kim.notified('event', event => event.message?.text === 'to be measured');
    const { samples } = await world.gateway.metrics();
    const histogram = name => {
        const buckets = Object.keys(samples).filter(key => key.startsWith(`onefin_gateway_${name}_bucket`)).map(key => samples[key]);
        assert.ok(buckets.length > 5 && buckets.every((count, i) => i === 0 || count >= buckets[i - 1]), `${name} is cumulative`);
        assert.equal(buckets.at(-1), samples[`onefin_gateway_${name}_count`]);
        assert.ok(buckets.at(-1) > 0 && samples[`onefin_gateway_${name}_sum`] > 0, name);
    };
    for (const name of ['call_seconds', 'login_seconds', 'delivery_seconds'])
        histogram(name);
    assert.ok(samples.onefin_gateway_logins > 0);
    assert.equal(samples.onefin_gateway_seal_lag_seconds >= 0, true);
    await kim.close();
    const { connection } = await world.resume(kim.token, kim.seal);
    assert.ok((await world.gateway.metrics()).samples.onefin_gateway_resumes > samples.onefin_gateway_resumes);
    await connection.close();
});

test('the lag of the sealer is seen while it does not run', async () => {
    const holder = await world.cluster.connect('postgres');
    await holder.query('BEGIN; LOCK TABLE onefin.seal IN EXCLUSIVE MODE');
    const ann = await world.enter('ann');
    await say(ann, 'not sealed yet');
    await until(async () => (await world.gateway.metrics()).samples.onefin_gateway_seal_lag_seconds > 1, 'the lag to be seen', 60);
    await holder.query('COMMIT');
    await holder.end();
    await until(async () => (await world.gateway.metrics()).samples.onefin_gateway_seal_lag_seconds === 0, 'the lag to be over', 60);
});

test('SIGHUP takes over what may change while running, and nothing of a file with a mistake', async () => {
    const { gateway } = world;
    const text = readFileSync(gateway.config, 'utf8');
    const reload = async (settings, says) => {
        const before = gateway.log().length;
        writeFileSync(gateway.config, text + settings);
        gateway.process.kill('SIGHUP');
        await until(() => says.test(gateway.log().slice(before)), `the log to say ${says}`);
    };
    const kim = await world.connect('kim');
    await reload('max_frame = 1k\ncall_connections = 9\n', /were read anew/);
    assert.match(gateway.log(), /max_frame has changed/);
    assert.match(gateway.log(), /call_connections changes with a restart only/);
    const large = await world.connect('kim');
    large.send({ jsonrpc: '2.0', id: 1, method: 'me', params: { text: 'x'.repeat(2000) } });
    assert.equal((await large.closedByGateway()).code, 1009);
    await reload('max_frame = 1k\nping_interval = never\n', /stay as they were/);
    assert.match(gateway.log(), /ping_interval/);
    assertLogfmt();
    await reload('', /were read anew/);
    assert.ok((await kim.call('send', { topic, text: 'y'.repeat(3000), client_key: randomUUID() })).message);
    await kim.close();
});

test('systemd is told of readiness, life and end', async () => {
    // What systemd would have: a datagram socket. Node has none of that kind.
    const path = `${world.gateway.store}/../notify`;
    const listener = spawn('perl', ['-MSocket', '-MIO::Socket::UNIX', '-e', `$| = 1; my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die;
        print "listening\\n"; while (defined $s->recv(my $said, 4096)) { print "$said\\n" }`, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    listener.stdout.on('data', data => { said += data; });
    await until(() => said.includes('listening'), 'the listener');
    const config = `${world.gateway.store}/../notified.conf`;
    writeFileSync(config, `port = 0\nstore = ${world.gateway.store}\ndatabase = ${world.cluster.conninfo('onefin_gateway')}\n`);
    const gateway = spawn(program, ['-c', config], { stdio: 'ignore', env: { ...process.env, NOTIFY_SOCKET: path } });
    try {
        await until(() => said.includes('READY=1') && said.includes('WATCHDOG=1'), 'readiness');
        gateway.kill('SIGTERM');
        await until(() => said.includes('STOPPING=1'), 'the end');
        await until(() => gateway.exitCode !== null, 'the gateway to end');
        assert.equal(gateway.exitCode, 0);
    } finally {
        gateway.kill('SIGKILL');
        listener.kill('SIGKILL');
    }
});

test('SIGTERM drains: nobody new, calls are answered, downloads go on, health says so', async () => {
    const second = await Gateway.start(world.cluster, { store: world.gateway.store, drain_time: 60 });
    const kim = await Connection.open(second.url);
    const { token } = await kim.call('login', { login: 'kim', password: 'a password of tests' });
    const bytes = Buffer.alloc(3 << 20, 'x');
    const uploaded = await fetch(`${second.http}/files?topic=${topic}&name=large.bin`, { method: 'POST', body: bytes, headers: { Authorization: `Bearer ${token}` } });
    const { result } = await uploaded.json();
    const download = await new Promise((resolve, reject) => get(`${second.http}/files/${result.id}`,
        { headers: { Authorization: `Bearer ${token}` } }, resolve).on('error', reject));
    await once(download, 'readable'); // and nothing more is read for now
    const answer = kim.call('send', { topic, text: 'the last word', client_key: randomUUID() });
    second.process.kill('SIGTERM');
    assert.ok((await answer.catch(() => ({ message: true }))).message);
    assert.equal((await kim.closedByGateway()).code, 1001);
    const well = await fetch(`${second.http}/healthz`);
    assert.deepEqual([well.status, (await well.json()).status], [503, 'draining']);
    await assert.rejects(Connection.open(second.url));
    let size = 0;
    for await (const piece of download)
        size += piece.length;
    assert.equal(size, bytes.length, 'the download came whole');
    assert.deepEqual(await second.ended, { status: 0, signal: null });
    second.remove();
});

test('a second SIGTERM ends it at once', async () => {
    const second = await Gateway.start(world.cluster, { store: world.gateway.store, drain_time: 3600 });
    const socket = connect(second.port, '127.0.0.1').on('error', () => {});
    await once(socket, 'connect');
    socket.write('POST /files?topic=1&name=x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n'); // and no body
    await until(async () => (await second.metrics()).samples.onefin_gateway_http_connections >= 2, 'the request to be there');
    second.process.kill('SIGTERM');
    await until(async () => (await (await fetch(`${second.http}/healthz`)).json()).status === 'draining', 'it to drain');
    assert.deepEqual(await second.stop(), { status: 0, signal: null });
    socket.destroy();
    second.remove();
});

test('SIGTERM: clients are closed with 1001, the status is 0, and it starts again', async () => {
    const connection = await world.connect('kim');
    const { status, signal } = await world.gateway.stop();
    assert.deepEqual({ status, signal }, { status: 0, signal: null });
    assert.equal((await connection.closedByGateway()).code, 1001);
    await world.gateway.run();
    const { connection: again, reply } = await world.resume(connection.token);
    assert.equal(reply.account.login, 'kim');
    await again.close();
});

test('nothing secret is in the log', () => {
    assert.ok(!world.gateway.log().includes('a password of tests'));
    assert.ok(!readFileSync(`${world.cluster.dir}/log`, 'utf8').includes('a password of tests'));
});
