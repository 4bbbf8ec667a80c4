// What one address, account or connection may take up, what becomes of one that is silent, and that
// each refusal says so, is counted, and leaves the others alone.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { Connection } from '../lib/client.mjs';
import { World, password } from '../lib/firm.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { until } from '../lib/scratch.mjs';

let world, topic;

before(async () => {
    world = await World.start();
    topic = world.firm.orgs.Anor.topics.contract;
});
after(() => world.end());

const refused = async (gateway, reason) => (await gateway.metrics()).samples[`onefin_gateway_refused{reason="${reason}"}`];

/** A gateway of its own with these settings, while the function runs. */
async function withGateway(settings, run) {
    const gateway = await Gateway.start(world.cluster, { store: world.gateway.store, ...settings });
    try {
        await run(gateway);
    } finally {
        gateway.remove();
    }
}

async function enter(gateway, login, headers) {
    const connection = await Connection.open(gateway.url, undefined, headers);
    Object.assign(connection, await connection.call('login', { login, password }));
    return connection;
}

test('a silent client is pinged and stays; one that does not answer is cut', () => withGateway({ ping_interval: 2 }, async gateway => {
    const quiet = await enter(gateway, 'kim');
    let pings = 0;
    quiet.socket.on('ping', () => pings++);
    const deaf = await enter(gateway, 'lee');
    const cut = once(deaf.socket._socket, 'close');
    deaf.socket._socket.pause();
    await until(() => pings >= 2, 'pings', 60);
    await until(async () => await refused(gateway, 'silent') === 1, 'the deaf one to be cut', 60);
    deaf.socket._socket.resume();
    await cut;
    assert.equal((await quiet.call('me')).account.login, 'kim');
    await quiet.close();
}));

test('connections of one address are limited, those of a proxy by the clients behind it', () => withGateway({ connections_per_address: 2 }, async gateway => {
    const from = address => ({ 'X-Forwarded-For': address });
    const one = await enter(gateway, 'kim', from('192.0.2.1'));
    const two = await enter(gateway, 'kim', from('192.0.2.1'));
    await assert.rejects(Connection.open(gateway.url, undefined, from('192.0.2.1')));
    assert.equal(await refused(gateway, 'address'), 1);
    const other = await enter(gateway, 'kim', from('192.0.2.2'));
    await two.close();
    await until(async () => (await gateway.metrics()).samples.onefin_gateway_connections === 2, 'the second to be gone');
    const again = await enter(gateway, 'kim', from('192.0.2.1'));
    for (const connection of [one, other, again])
        await connection.close();
}));

test('an address that is no proxy is limited before it has said anything', () => withGateway({ proxies: '192.0.2.9', connections_per_address: 3 }, async gateway => {
    const sockets = [];
    for (let i = 0; i < 3; i++) {
        const socket = connect(gateway.port, '127.0.0.1').on('error', () => {});
        await once(socket, 'connect');
        sockets.push(socket);
    }
    const fourth = connect(gateway.port, '127.0.0.1').on('error', () => {});
    await once(fourth, 'close');
    sockets.pop().destroy();
    await until(async () => {
        try {
            return (await fetch(`${gateway.http}/healthz`)).status === 200;
        } catch {
            return false; // refused: the third is not gone yet
        }
    }, 'room for another');
    for (const socket of sockets)
        socket.destroy();
}));

test('connections of one account are limited: the newest goes, with 4004', () => withGateway({ connections_per_account: 2 }, async gateway => {
    const first = await enter(gateway, 'kim');
    const second = await enter(gateway, 'kim');
    const third = await Connection.open(gateway.url);
    await third.call('resume', { token: first.token });
    assert.equal((await third.closedByGateway()).code, 4004);
    assert.equal(await refused(gateway, 'account'), 1);
    const lee = await enter(gateway, 'lee');
    for (const connection of [first, second, lee])
        assert.ok((await connection.call('me')).account);
    await second.close();
    await until(async () => (await gateway.metrics()).samples.onefin_gateway_live === 2, 'the second to be gone');
    const fourth = await enter(gateway, 'kim');
    assert.ok((await fourth.call('me')).account);
    for (const connection of [first, fourth, lee])
        await connection.close();
}));

test('calls of one account are limited over all its connections; nothing that was acknowledged is lost', () => withGateway({ calls_per_second: 5 }, async gateway => {
    const both = [await enter(gateway, 'kim'), await enter(gateway, 'kim')];
    const lee = await enter(gateway, 'lee');
    const texts = Array.from({ length: 60 }, (_, i) => `call ${i}`);
    const said = await Promise.allSettled(texts.map((text, i) =>
        both[i % 2].call('send', { topic, text, client_key: randomUUID() })));
    const faults = said.filter(one => one.status === 'rejected').map(one => one.reason);
    const done = said.filter(one => one.status === 'fulfilled').map(one => one.value.message.text);
    assert.ok(faults.length > 0 && done.length >= 20, `${done.length} done, ${faults.length} refused`);
    for (const fault of faults) {
        assert.equal(fault.code, -32006);
        assert.ok(fault.data.hint);
    }
    assert.equal(await refused(gateway, 'calls'), faults.length);
    assert.ok((await lee.call('me')).account, 'another account goes on');
    const history = await until(async () => {
        try {
            return await both[0].call('history', { topic, limit: 100 });
        } catch (error) {
            assert.equal(error.code, -32006);
            return false;
        }
    }, 'a call to be left again', 20);
    const there = history.messages.map(message => message.text).filter(text => texts.includes(text));
    assert.deepEqual(there.sort(), done.sort());
    for (const connection of [...both, lee])
        await connection.close();
}));

test('logins that wait are limited', () => withGateway({ logins_waiting: 2 }, async gateway => {
    await world.cluster.query("UPDATE onefin.account SET password_hash = onefin.password_hash($1) WHERE login = 'moe'", [password]);
    const strangers = await Promise.all(Array.from({ length: 12 }, () => Connection.open(gateway.url)));
    const tries = await Promise.allSettled(strangers.map(one => one.call('login', { login: 'moe', password })));
    const faults = tries.filter(one => one.status === 'rejected').map(one => one.reason.code);
    assert.ok(faults.length > 0 && faults.length < 12, `${faults.length} refused`);
    assert.deepEqual([...new Set(faults)], [-32006]);
    assert.equal(await refused(gateway, 'logins'), faults.length);
    for (const one of strangers)
        await one.close();
}));

test('read marks that wait behind one another go together, and each is answered in its place', async () => {
    const ann = await world.connect('ann');
    const sent = [];
    const kim = await world.connect('kim');
    for (let i = 0; i < 20; i++)
        sent.push((await kim.call('send', { topic, text: `to be read ${i}`, client_key: randomUUID() })).message.id);
    const other = world.firm.orgs.Anor.topics.invoice;
    const before = (await world.gateway.metrics()).samples.onefin_gateway_reads_merged;
    const order = [];
    const read = (name, message, of = topic) => ann.call('read', { topic: of, message }).then(
        () => order.push(name), fault => order.push(`${name} ${fault.code}`));
    await Promise.all([
        ...sent.slice(0, 18).map((id, i) => read(i, id)),
        read('elsewhere', 987654321, other),
        read(18, sent[18]), read('wrong', 987654321), read(19, sent[19]),
    ]);
    assert.deepEqual(order, [...Array(18).keys(), 'elsewhere -32003', 18, 'wrong -32003', 19]);
    assert.ok((await world.gateway.metrics()).samples.onefin_gateway_reads_merged >= before + 10);
    const { orgs } = await ann.call('topics');
    assert.equal(orgs[0].topics.find(one => one.id === topic).unread, 0);
    await ann.close();
    await kim.close();
});
