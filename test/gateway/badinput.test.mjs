// Bad input: each kind has its code, a message and (where there is a next step) a hint; and after
// each the gateway answers a good call on the same connection, or on a new one where the protocol
// has the old one closed.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { connect } from 'node:net';
import WebSocket from 'ws';
import { Connection } from '../lib/client.mjs';
import { World } from '../lib/firm.mjs';

let world, kim, lee, topic;

before(async () => {
    world = await World.start();
    topic = world.firm.orgs.Anor.topics.bank_payment;
    kim = await world.connect('kim');
    lee = await world.connect('lee');
});
after(() => world.end());

async function lives(connection) {
    assert.equal((await connection.call('me')).account.role, 'client');
    const healthz = await fetch(`${world.gateway.http}/healthz`);
    assert.equal(healthz.status, 200);
    assert.equal((await healthz.json()).status, 'ok');
}

const request = (method, params, more = {}) => ({ jsonrpc: '2.0', id: 900, method, params, ...more });

// What is sent, the code, and whether the answer can name the request (else its id is null).
const frames = [
    ['no JSON', '{"jsonrpc":', -32700, null],
    ['no JSON at all', 'hello', -32700, null],
    ['nothing', '', -32700, null],
    ['a NUL, which no text can hold', '{"jsonrpc":"2.0","id":900,"method":"me","params":{"x":"a\\u0000b"}}', -32700, null],
    ['nested without end', '['.repeat(20000), -32700, null],
    ['a batch', [request('me', {})], -32600, null],
    ['an empty batch', [], -32600, null],
    ['a number', 5, -32600, null],
    ['an empty object', {}, -32600, null],
    ['another version of JSON-RPC', { ...request('me', {}), jsonrpc: '1.0' }, -32600, 900],
    ['no method', request(undefined, {}), -32600, 900],
    ['a method that is a number', request(7, {}), -32600, 900],
    ['an id that is an object', { ...request('me', {}), id: {} }, -32600, null],
    ['positional params', request('me', [1]), -32602, 900],
    ['params that are a string', request('me', 'x'), -32602, 900],
    ['an unknown method', request('no_such_method', {}), -32601, 900],
    ['a method of SQL, not of ours', request('pg_sleep', { seconds: 1 }), -32601, 900],
    ['a method with a schema', request('onefin_api.me', {}), -32601, 900],
    ['a method that is an injection', request("me'; DROP TABLE onefin.message; --", {}), -32601, 900],
    ['an empty method', request('', {}), -32601, 900],
    ['a number beyond 64 bits', '{"jsonrpc":"2.0","id":900,"method":"history","params":{"topic":100000000000000000000}}', -32602, 900],
];

for (const [name, frame, code, id] of frames)
    test(`frame: ${name}`, async () => {
        kim.send(frame);
        const answer = await kim.unexpected();
        assert.equal(answer.jsonrpc, '2.0');
        assert.equal(answer.id, id);
        assert.equal(answer.error.code, code, JSON.stringify(answer));
        assert.ok(answer.error.message.length > 5);
        await lives(kim);
    });

const key = () => randomUUID();
const calls = [
    ['a missing parameter', 'send', () => ({ text: 'x', client_key: key() }), -32602],
    ['an unknown parameter', 'send', () => ({ topic, text: 'x', client_key: key(), colour: 'red' }), -32602],
    ['a topic that is a string', 'send', () => ({ topic: 'mine', text: 'x', client_key: key() }), -32602],
    ['a topic that is an object', 'send', () => ({ topic: {}, text: 'x', client_key: key() }), -32602],
    ['a topic beyond all numbers', 'send', () => ({ topic: 1e30, text: 'x', client_key: key() }), -32602],
    ['a text that is a list', 'send', () => ({ topic, text: ['x'], client_key: key(), documents: 'x' }), -32602],
    ['a client_key that is no uuid', 'send', () => ({ topic, text: 'x', client_key: 'twelve' }), -32602],
    ['an empty message', 'send', () => ({ topic, text: '', client_key: key() }), -32602],
    ['a message of blanks', 'send', () => ({ topic, text: ' \n\t ', client_key: key() }), -32602],
    ['an unknown visibility', 'send', () => ({ topic, text: 'x', client_key: key(), visibility: 'nobody' }), -32602],
    ['a message too long', 'send', () => ({ topic, text: 'x'.repeat(20000), client_key: key() }), -32602],
    ['a client\'s note for staff', 'send', () => ({ topic, text: 'x', client_key: key(), visibility: 'staff' }), -32002],
    ['a topic of somebody else', 'send', () => ({ topic: world.firm.orgs.Bahor.topics.contract, text: 'x', client_key: key() }), -32003],
    ['a topic that nobody has', 'send', () => ({ topic: 987654321, text: 'x', client_key: key() }), -32003],
    ['history of somebody else', 'history', () => ({ topic: world.firm.orgs.Bahor.topics.contract }), -32003],
    ['members of somebody else', 'members', () => ({ org: world.firm.orgs.Bahor.id }), -32003],
    ['a document of nobody', 'send', () => ({ topic, text: 'x', client_key: key(), documents: [123456] }), -32003],
    ['an edit of no message', 'edit', () => ({ message: 987654321, version: 1, text: 'x' }), -32003],
    ['closing, by a client', 'close', () => ({ topic }), -32002],
    ['watching, by a client', 'watch', () => ({ topic }), -32002],
    ['the accounts, by a client', 'accounts', () => ({ login: 'x', name: 'x', role: 'admin', password: 'long enough' }), -32002],
    ['the journal, by a client', 'journal', () => ({}), -32002],
];

for (const [name, method, params, code] of calls)
    test(`call: ${name}`, async () => {
        await assert.rejects(kim.call(method, params()), fault => {
            assert.equal(fault.code, code, fault.message);
            assert.ok(fault.text.length > 5);
            assert.match(fault.data.sqlstate, /^[0-9A-Z]{5}$/);
            assert.ok(fault.data.hint?.length > 5, `a hint: ${JSON.stringify(fault)}`);
            return true;
        });
        await lives(kim);
    });

test('what is not yours and what is not there are answered alike', async () => {
    const answer = params => kim.call('history', params).catch(({ code, text, data }) => ({ code, text, data }));
    const { Bahor } = world.firm.orgs;
    const hide = fault => JSON.stringify(fault).replace(/\b\d+\b/g, 'N');
    assert.equal(hide(await answer({ topic: Bahor.topics.contract })), hide(await answer({ topic: 987654321 })));
});

test('a stale edit is refused, and says which version there is', async () => {
    const { message } = await kim.call('send', { topic, text: 'one', client_key: key() });
    await kim.call('edit', { message: message.id, version: 1, text: 'two' });
    await assert.rejects(kim.call('edit', { message: message.id, version: 1, text: 'lost' }), fault => {
        assert.equal(fault.code, -32004);
        assert.equal(fault.data.sqlstate, '40OF1');
        assert.ok(fault.data.hint);
        return true;
    });
    const { messages } = await kim.call('history', { topic });
    assert.equal(messages.at(-1).text, 'two');
});

test('a frame too large closes the connection with 1009', async () => {
    const big = await world.connect('lee');
    big.send(JSON.stringify(request('send', { text: 'x'.repeat(300000) })));
    assert.equal((await big.closedByGateway()).code, 1009);
    await lives(lee);
});

test('a frame larger by far is not waited for', async () => {
    const huge = await world.connect('lee');
    huge.send(JSON.stringify(request('send', { text: 'x'.repeat(64 << 20) })));
    // Who is still sending when the connection goes may not see the close frame.
    assert.ok([1009, 1006].includes((await huge.closedByGateway()).code));
    await lives(lee);
});

test('bytes that are no UTF-8 close the connection with 1007', async () => {
    const bad = await world.connect('lee');
    bad.send(Buffer.from('{"jsonrpc":"2.0","id":1,"method":"me","params":{"x":"\xc3\x28"}}', 'latin1'));
    assert.equal((await bad.closedByGateway()).code, 1007);
    await lives(lee);
});

test('a binary frame is refused', async () => {
    const bad = await world.connect('lee');
    bad.socket.send(Buffer.from(JSON.stringify(request('me', {}))), { binary: true });
    const { code } = await bad.closedByGateway();
    assert.equal(code, 1003);
    await lives(lee);
});

test('a flood of requests is held back or answered, one by one, in order', async () => {
    const flood = await world.connect('kim');
    const answers = await Promise.all(Array.from({ length: 500 }, () => flood.call('me')));
    assert.equal(answers.length, 500);
    await flood.close();
});

test('bytes that are no HTTP are refused', async () => {
    const { port } = new URL(world.gateway.http);
    const said = await new Promise((resolve, reject) => {
        const socket = connect(Number(port), '127.0.0.1', () => socket.write('\x16\x03\x01 what is this\r\n\r\n'));
        let text = '';
        socket.on('data', data => { text += data; });
        socket.on('close', () => resolve(text));
        socket.on('error', reject);
        socket.setTimeout(30000, () => socket.destroy());
    });
    assert.ok(said === '' || /^HTTP\/1\.[01] 4/.test(said), said);
    await lives(kim);
});

/** HTTP status that answers the handshake; 101 when it is taken. */
const handshake = (url, protocols, options) => new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocols, options);
    socket.on('open', () => { socket.terminate(); resolve(101); });
    socket.on('unexpected-response', (request, response) => { response.destroy(); resolve(response.statusCode); });
    socket.on('error', reject);
});

test('handshakes: another place, no subprotocol, another, and pages of strangers', async () => {
    const { url, http } = world.gateway;
    assert.equal(await handshake(url, 'onefin.v1'), 101);
    assert.equal(await handshake(url, ['other', 'onefin.v1']), 101);
    assert.equal(await handshake(url, 'onefin.v1', { origin: http }), 101);
    assert.equal(await handshake(url.replace('/ws', '/elsewhere'), 'onefin.v1'), 404);
    assert.equal(await handshake(url, []), 400);
    assert.equal(await handshake(url, 'onefin.v99'), 400);
    for (const origin of ['http://evil.example', `${http}.evil.example`, 'null', 'http://127.0.0.1:1'])
        assert.equal(await handshake(url, 'onefin.v1', { origin }), 403, origin);
    await lives(kim);
});
