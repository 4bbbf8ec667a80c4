// What an operator relies on: health, figures, settings, an orderly end, and a database that goes
// and comes back.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { built } from '../lib/gateway.mjs';
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
