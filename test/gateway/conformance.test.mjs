// RFC 6455, by the bytes: the handshake, frames, fragments, UTF-8, and closing. Sections named here
// are the RFC's. Where libwebsockets does otherwise and lets nobody change it, the test says what is
// done instead, and that it is.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { World, password } from '../lib/firm.mjs';
import { BINARY, CLOSE, CONTINUATION, PING, PONG, Raw, TEXT, acceptance, closing, frame, handshake, head }
    from '../lib/raw.mjs';
import { until } from '../lib/scratch.mjs';

const maxFrame = 65536;
const bytes = (...list) => Buffer.from(list);

let world, gateway;
before(async () => {
    world = await World.start({ empty: true, settings: { login_timeout: 600, max_frame: maxFrame } });
    gateway = world.gateway;
});
after(() => world.end());

/** A call that whoever is not logged in gets refused, with its id: an echo of the id, in effect. */
const call = id => JSON.stringify({ jsonrpc: '2.0', id, method: 'me' });

/** Whether the connection still does what it is for. */
async function lives(raw) {
    raw.send(frame(TEXT, call('alive')));
    assert.equal((await raw.json()).id, 'alive');
    raw.end();
}

/** That a connection is failed with a code by what it is sent, and that there is no answer to it. */
async function fails(code, ...sent) {
    const raw = await Raw.open(gateway);
    raw.send(...sent);
    const { opcode, payload } = await raw.frame() ?? {};
    if (code === 'cut') {
        assert.equal(opcode, undefined);
    } else {
        assert.equal(opcode, CLOSE, `frame ${opcode}: ${payload}`);
        assert.equal(payload.readUInt16BE(), code, `${payload.subarray(2)}`);
    }
    raw.socket.end(frame(CLOSE, payload ?? ''));
    await raw.gone();
}

async function loggedIn() {
    const raw = await Raw.open(gateway);
    raw.send(frame(TEXT, JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'login', params: { login: 'ada', password } })));
    assert.ok((await raw.json()).result.token);
    return raw;
}

// The handshake (4.2).

async function shake(change, line = 'GET /ws HTTP/1.1') {
    const raw = await Raw.connect(gateway);
    const headers = { ...handshake(gateway), ...change };
    raw.send(head(line, headers));
    const answer = await raw.answer();
    if (answer?.status === 101)
        await lives(raw);
    else
        await raw.gone();
    return { ...answer, key: headers['Sec-WebSocket-Key'] };
}

const taken = {
    'as it should be': {},
    'names and values in other cases': { Upgrade: 'WebSocket', Connection: 'uPGRADE' },
    'Connection with more in it': { Connection: 'keep-alive, Upgrade' },
    'several subprotocols': { 'Sec-WebSocket-Protocol': 'onefin.v0, onefin.v1, chat' },
    'several subprotocols without blanks': { 'Sec-WebSocket-Protocol': 'chat,onefin.v1' },
    'subprotocols in two headers': { 'Sec-WebSocket-Protocol': ['chat', 'onefin.v1'] },
    'extensions that the gateway does not have': { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits, x-webkit-deflate-frame' },
    'headers that nobody knows': { 'X-Something': 'else', 'Sec-WebSocket-Something': 'else' },
    'a page of this host': { Origin: 'OWN' },
};

for (const [name, change] of Object.entries(taken))
    test(`handshake: ${name} is taken`, async () => {
        if (change.Origin)
            change.Origin = gateway.http;
        const { status, headers, key } = await shake(change);
        assert.equal(status, 101);
        assert.equal(headers['sec-websocket-accept'], acceptance(key));
        assert.equal(headers.upgrade.toLowerCase(), 'websocket');
        assert.equal(headers.connection.toLowerCase(), 'upgrade');
        assert.equal(headers['sec-websocket-protocol'], 'onefin.v1');
        assert.equal(headers['sec-websocket-extensions'], undefined);
    });

const without = name => ({ [name]: undefined });
const refused = [
    ['without a key', 400, without('Sec-WebSocket-Key')],
    ['with an empty key', 400, { 'Sec-WebSocket-Key': '' }],
    ['with a key of 15 bytes', 400, { 'Sec-WebSocket-Key': Buffer.alloc(15).toString('base64') }],
    ['with a key of 17 bytes', 400, { 'Sec-WebSocket-Key': Buffer.alloc(17).toString('base64') }],
    ['with a key that is no base64', 400, { 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!==' }],
    ['with two keys', 400, { 'Sec-WebSocket-Key': [Buffer.alloc(16).toString('base64'), Buffer.alloc(16).toString('base64')] }],
    ['with a key without end', 400, { 'Sec-WebSocket-Key': 'A'.repeat(2000) }],
    ['without a version', 426, without('Sec-WebSocket-Version')],
    ['of version 8', 426, { 'Sec-WebSocket-Version': '8' }],
    ['of version 14', 426, { 'Sec-WebSocket-Version': '14' }],
    ['of a version that is no number', 426, { 'Sec-WebSocket-Version': 'newest' }],
    ['without Connection', 400, without('Connection')],
    ['with another Connection', 400, { Connection: 'keep-alive' }],
    ['with a Connection that only begins as it should', 400, { Connection: 'up' }],
    ['without a host', 400, without('Host')],
    ['by HTTP/1.0', 400, {}, 'GET /ws HTTP/1.0'],
    ['without a subprotocol', 400, without('Sec-WebSocket-Protocol')],
    ['with another subprotocol', 400, { 'Sec-WebSocket-Protocol': 'onefin.v11' }],
    ['with more subprotocols than are read', 400, { 'Sec-WebSocket-Protocol': `${'x, '.repeat(60)}onefin.v1` }],
    ['at another path', 404, {}, 'GET /socket HTTP/1.1'],
    ['by POST', 404, { 'Content-Length': '0' }, 'POST /ws HTTP/1.1'],
    ['for a page of a stranger', 403, { Origin: 'https://evil.example' }],
];

for (const [name, status, change, line] of refused)
    test(`handshake: ${name} gets ${status}`, async () => {
        const answer = await shake(change, line);
        assert.equal(answer.status, status);
        if (status === 426) {
            assert.equal(answer.headers['sec-websocket-version'], '13');
            assert.equal(answer.headers.upgrade, 'websocket');
        }
    });

test('handshake: without Upgrade it is a page that is not there', async () => {
    assert.equal((await shake(without('Upgrade'))).status, 404);
});

test('handshake: of another Upgrade, HTTP/2 too, is cut without an answer', async () => {
    for (const Upgrade of ['h2c', 'TLS/1.0']) {
        const { status } = await shake({ Upgrade, 'HTTP2-Settings': 'AAMAAABkAAQAAP__' });
        assert.notEqual(status, 101);
    }
});

test('handshake: frames may come with it, and it may come byte by byte', async () => {
    const together = await Raw.open(gateway, frame(TEXT, call('at once')));
    assert.equal((await together.json()).id, 'at once');
    together.end();
    const apart = await Raw.connect(gateway);
    for (const byte of Buffer.from(head('GET /ws HTTP/1.1', handshake(gateway))))
        apart.send(bytes(byte));
    assert.equal((await apart.answer()).status, 101);
    await lives(apart);
});

// Frames (5.2).

/** A call of exactly so many bytes. */
const callOf = size => {
    const text = call('').replace('"id":""', `"id":"${'x'.repeat(size - call('').length)}"`);
    assert.equal(Buffer.byteLength(text), size);
    return text;
};

for (const [size, long] of [[60, 0], [60, 2], [60, 8], [125, 0], [126, 2], [126, 8], [127, 2], [1023, 2], [1024, 2], [1025, 2], [8192, 2]])
    test(`frame: ${size} bytes, the length in ${long} more`, async () => {
        const raw = await Raw.open(gateway);
        raw.send(frame(TEXT, callOf(size), { long }));
        assert.equal((await raw.json()).id.length, size - call('').length);
        await lives(raw);
    });

for (const size of [65535, 65536])
    test(`frame: ${size} bytes, after login`, async () => {
        const raw = await loggedIn();
        raw.send(frame(TEXT, callOf(size)));
        assert.equal((await raw.json()).id.length, size - call('').length);
        raw.end();
    });

test('frame: the mask is of use only to the frame, and may be of zeroes', async () => {
    const raw = await Raw.open(gateway);
    for (const mask of [bytes(0, 0, 0, 0), bytes(1, 0, 0, 0), bytes(0, 0, 0, 1), bytes(255, 255, 255, 255)]) {
        raw.send(frame(TEXT, call('masked'), { mask }));
        assert.equal((await raw.json()).id, 'masked');
    }
    await lives(raw);
});

test('frame: byte by byte, and many at once', async () => {
    const raw = await Raw.open(gateway);
    for (const byte of frame(TEXT, call('slow'), { long: 8 }))
        raw.send(bytes(byte));
    assert.equal((await raw.json()).id, 'slow');
    raw.send(...Array.from({ length: 200 }, (_, i) => frame(TEXT, call(i))));
    for (let i = 0; i < 200; i++)
        assert.equal((await raw.json()).id, i);
    await lives(raw);
});

test('frame: an empty text is no JSON, and no reason to close', async () => {
    const raw = await Raw.open(gateway);
    raw.send(frame(TEXT, ''));
    assert.equal((await raw.json()).error.code, -32700);
    await lives(raw);
});

for (const rsv of [1, 2, 3, 4, 5, 6, 7])
    test(`frame: reserved bits ${rsv} get 1002`, async () => {
        await fails(1002, frame(TEXT, call('x'), { rsv }));
        await fails(1002, frame(PING, 'x', { rsv }));
    });

for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
    test(`frame: reserved opcode ${opcode} gets 1002`, () => fails(1002, frame(opcode, 'x')));

test('frame: binary gets 1003, in pieces too', async () => {
    await fails(1003, frame(BINARY, 'x'));
    await fails(1003, frame(BINARY, 'x', { fin: false }));
});

// Both can only be told from within libwebsockets. It takes frames without a mask, as it does those
// with one; a client that sends them harms nobody but itself.
test('frame: libwebsockets takes one without a mask', async () => {
    const raw = await Raw.open(gateway);
    raw.send(frame(TEXT, call('bare'), { mask: null }));
    assert.equal((await raw.json()).id, 'bare');
    await lives(raw);
});

test('frame: libwebsockets cuts without a word: lengths beyond 63 bits, and control frames that announce more than 125 bytes', async () => {
    await fails('cut', frame(TEXT, '', { long: 8, length: 1n << 63n }));
    await fails('cut', frame(TEXT, '', { long: 8, length: (1n << 64n) - 1n }));
    for (const opcode of [PING, PONG, CLOSE]) {
        await fails('cut', frame(opcode, 'x'.repeat(126)));
        await fails('cut', frame(opcode, 'x', { long: 2 }));
        await fails('cut', frame(opcode, 'x', { long: 8 }));
    }
});

test('frame: more than max_frame gets 1009 as soon as it is announced and begun, before login more than 8 KiB', async () => {
    await fails(1009, frame(TEXT, 'x', { length: 8193 }));
    await fails(1009, frame(TEXT, 'x', { length: (1n << 63n) - 1n }));
    const raw = await loggedIn();
    raw.send(frame(TEXT, 'x', { length: maxFrame + 1 }));
    assert.equal(await raw.closed(), 1009);
    raw.end();
});

// Fragments (5.4).

const fragments = pieces => pieces.map((piece, i) =>
    frame(i ? CONTINUATION : TEXT, piece, { fin: i === pieces.length - 1 }));

const whole = Buffer.from(call('Ҳисоб 🧾 «счёт»'));
const pieces = {
    'in two': [whole.subarray(0, 20), whole.subarray(20)],
    'of one byte each': [...whole].map(byte => bytes(byte)),
    'of one byte each, and empty ones between': [...whole].flatMap(byte => [bytes(byte), '']),
    'with an empty first': ['', whole],
    'with an empty last': [whole, ''],
    'with many empty ones': [...Array(1000).fill(''), whole, ...Array(1000).fill('')],
};

for (const [name, parts] of Object.entries(pieces))
    test(`fragments: ${name}`, async () => {
        const raw = await Raw.open(gateway);
        raw.send(...fragments(parts));
        assert.equal((await raw.json()).id, 'Ҳисоб 🧾 «счёт»');
        for (const part of fragments(parts))
            raw.send(part);
        assert.equal((await raw.json()).id, 'Ҳисоб 🧾 «счёт»');
        await lives(raw);
    });

test('fragments: all of them empty are an empty text', async () => {
    const raw = await Raw.open(gateway);
    raw.send(...fragments(['', '', '']));
    assert.equal((await raw.json()).error.code, -32700);
    await lives(raw);
});

test('fragments: together larger than max_frame get 1009', async () => {
    await fails(1009, frame(TEXT, 'x'.repeat(5000), { fin: false }), frame(CONTINUATION, 'x'.repeat(5000)));
    await fails(1009, ...fragments(Array(9).fill('x'.repeat(1000))));
});

test('fragments: a continuation of nothing gets 1002', async () => {
    await fails(1002, frame(CONTINUATION, call('x')));
    await fails(1002, frame(CONTINUATION, call('x'), { fin: false }));
    const raw = await Raw.open(gateway);
    raw.send(frame(TEXT, call(1)), frame(CONTINUATION, 'x'));
    assert.equal(await raw.closed(), 1002);
    raw.end();
});

test('fragments: a message within a message gets 1002', async () => {
    await fails(1002, frame(TEXT, '{', { fin: false }), frame(TEXT, call('x')));
    await fails(1002, frame(TEXT, '{', { fin: false }), frame(TEXT, call('x'), { fin: false }));
    await fails(1002, frame(TEXT, '{', { fin: false }), frame(BINARY, call('x')));
    await fails(1002, frame(TEXT, '', { fin: false }), frame(CONTINUATION, '', { fin: false }), frame(TEXT, ''));
});

// Control frames (5.5).

for (const payload of ['', 'x', bytes(0, 255, 192, 128), 'x'.repeat(125)])
    test(`control: a ping of ${payload.length} bytes is answered by the same`, async () => {
        const raw = await Raw.open(gateway);
        raw.send(frame(PING, payload));
        const pong = await raw.frame();
        assert.equal(pong.opcode, PONG);
        assert.deepEqual(pong.payload, Buffer.from(payload));
        await lives(raw);
    });

test('control: a ping within a message is answered before the message is whole', async () => {
    const raw = await Raw.open(gateway);
    const [first, second, third] = fragments([whole.subarray(0, 38), whole.subarray(38, 50), whole.subarray(50)]);
    for (const part of [first, second]) {
        raw.send(part, frame(PING, bytes(255, 254)));
        const pong = await raw.frame();
        assert.equal(pong.opcode, PONG);
        assert.deepEqual(pong.payload, bytes(255, 254));
    }
    raw.send(third);
    assert.equal((await raw.json()).id, 'Ҳисоб 🧾 «счёт»');
    await lives(raw);
});

for (const payload of ['', 'x', 'x'.repeat(125), bytes(0xff, 0xc3)])
    test(`control: a pong of ${payload.length} bytes that nobody asked for is ignored, within a message too`, async () => {
        const raw = await Raw.open(gateway);
        raw.send(frame(PONG, payload), frame(TEXT, call(1)), frame(PONG, payload));
        assert.equal((await raw.json()).id, 1);
        for (const part of fragments([whole.subarray(0, 38), whole.subarray(38)]))
            raw.send(part, frame(PONG, payload));
        assert.equal((await raw.json()).id, 'Ҳисоб 🧾 «счёт»');
        await lives(raw);
    });

test('control: fragmented ones get 1002', async () => {
    for (const opcode of [PING, PONG, CLOSE])
        await fails(1002, frame(opcode, '', { fin: false }));
});

test('control: pings one by one, each is answered', async () => {
    const raw = await Raw.open(gateway);
    for (let i = 0; i < 100; i++) {
        raw.send(frame(PING, `${i}`));
        const pong = await raw.frame();
        assert.equal(pong.opcode, PONG);
        assert.equal(pong.payload.toString(), `${i}`);
    }
    await lives(raw);
});

// One pong may stand for several pings, that of the last (5.5.3). libwebsockets sends that of the
// first: the others came while it was still to be sent.
test('control: of pings at once libwebsockets answers some, in order, and nothing else', async () => {
    const raw = await Raw.open(gateway);
    raw.send(...Array.from({ length: 1000 }, (_, i) => frame(PING, `${i}`)), frame(TEXT, call('after')));
    let last = -1, pongs = 0;
    for (;;) {
        const { opcode, payload } = await raw.frame();
        if (opcode === TEXT)
            break;
        assert.equal(opcode, PONG);
        assert.ok(Number(payload) > last);
        last = Number(payload);
        pongs++;
    }
    assert.ok(pongs > 0);
    await lives(raw);
});

// UTF-8 (8.1, 5.6).

const wrapped = middle => Buffer.concat([Buffer.from('{"jsonrpc":"2.0","method":"me","id":"'), middle, Buffer.from('"}')]);

const valid = {
    'the last of two bytes': '\u07ff', 'the first of three': '\u0800', 'before the surrogates': '\ud7ff',
    'after the surrogates': '\ue000', 'no character': '\uffff', 'the first of four bytes': '\u{10000}',
    'the last of all': '\u{10ffff}', 'all kinds': 'aé€𝄞Ў',
};

for (const [name, text] of Object.entries(valid))
    test(`UTF-8: ${name} is taken, however it is split`, async () => {
        const raw = await Raw.open(gateway);
        const message = wrapped(Buffer.from(text));
        for (let at = 37; at < 37 + Buffer.byteLength(text); at++) {
            raw.send(...fragments([message.subarray(0, at), message.subarray(at)]));
            assert.equal((await raw.json()).id, text);
        }
        const bare = frame(TEXT, message, { mask: bytes(0, 0, 0, 0) }); // split between reads, too
        for (const byte of bare)
            raw.send(bytes(byte));
        assert.equal((await raw.json()).id, text);
        await lives(raw);
    });

const invalid = {
    'a byte alone that continues': [0x80], 'two of them': [0xbf, 0xbf],
    'a beginning alone': [0xc3, 0x28], 'of three, broken off': [0xe2, 0x82, 0x28], 'of four, broken off': [0xf0, 0x9f, 0x92, 0x28],
    'overlong of two': [0xc0, 0xaf], 'overlong of two, the last': [0xc1, 0xbf], 'overlong of three': [0xe0, 0x80, 0xaf],
    'overlong of three, the last': [0xe0, 0x9f, 0xbf], 'overlong of four': [0xf0, 0x80, 0x80, 0xaf], 'overlong of four, the last': [0xf0, 0x8f, 0xbf, 0xbf],
    'overlong NUL': [0xc0, 0x80],
    'the first surrogate': [0xed, 0xa0, 0x80], 'the last surrogate': [0xed, 0xbf, 0xbf], 'a pair of surrogates': [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80],
    'beyond the last': [0xf4, 0x90, 0x80, 0x80], 'far beyond': [0xf5, 0x80, 0x80, 0x80], 'of five bytes': [0xf8, 0x88, 0x80, 0x80, 0x80],
    'of six bytes': [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80], '0xfe': [0xfe], '0xff': [0xff],
};

for (const [name, list] of Object.entries(invalid))
    test(`UTF-8: ${name} gets 1007, however it is split`, async () => {
        const message = wrapped(bytes(...list));
        await fails(1007, frame(TEXT, message));
        await fails(1007, ...fragments([message.subarray(0, 38), message.subarray(38)]));
        await fails(1007, ...fragments([...message].map(byte => bytes(byte))));
    });

test('UTF-8: what is wrong is found before the message is whole, also outside of JSON', async () => {
    await fails(1007, frame(TEXT, bytes(0x22, 0xff), { fin: false }));
    await fails(1007, frame(TEXT, bytes(0x22, 0xe2), { fin: false }), frame(CONTINUATION, bytes(0x28), { fin: false }));
    await fails(1007, frame(TEXT, bytes(0x22, 0xff), { length: 1000 }));
    await fails(1007, frame(TEXT, bytes(0x78, 0x20, 0xff)));
});

for (const list of [[0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x92], [0xf4, 0x8f, 0xbf]])
    test(`UTF-8: a message that ends within a character (${list.length} of its bytes) gets 1007`, async () => {
        await fails(1007, frame(TEXT, bytes(0x22, ...list)));
        await fails(1007, ...fragments([bytes(0x22), bytes(...list)]));
        await fails(1007, ...fragments([bytes(0x22, ...list), '']));
        await fails(1007, ...fragments([bytes(0x22, ...list.slice(0, 1)), bytes(...list.slice(1)), '', '']));
    });

test('UTF-8: one message says nothing about the next', async () => {
    const raw = await Raw.open(gateway);
    raw.send(...fragments([bytes(0x22, 0xe2), bytes(0x82, 0xac, 0x22)]), frame(TEXT, call('next')));
    assert.equal((await raw.json()).error.code, -32600);
    assert.equal((await raw.json()).id, 'next');
    await lives(raw);
});

// Closing (5.5.1, 7).

async function closes(sent) {
    const raw = await Raw.open(gateway);
    raw.send(sent, frame(TEXT, call('after the end')), frame(PING, 'x'));
    const answer = await raw.frame();
    assert.equal(answer.opcode, CLOSE);
    await raw.gone();
    assert.equal(raw.received.length, 0, 'nothing follows a close frame');
    return answer.payload;
}

for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
    test(`closing: ${code} is answered by the same, and what follows is ignored`, async () => {
        assert.equal((await closes(closing(code))).readUInt16BE(), code);
        assert.equal((await closes(closing(code, 'до свидания'))).readUInt16BE(), code);
        assert.equal((await closes(closing(code, 'x'.repeat(123)))).readUInt16BE(), code);
    });

test('closing: without a code is answered without one', async () => {
    assert.equal((await closes(closing())).length, 0);
});

for (const code of [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65535])
    test(`closing: ${code}, which nobody may send, is answered by 1002`, () => fails(1002, closing(code, 'x')));

// They came after the RFC. libwebsockets writes 1002 over them before anybody is asked.
for (const code of [1012, 1013, 1014])
    test(`closing: ${code} is answered by libwebsockets with 1002`, () => fails(1002, closing(code)));

test('closing: with one byte gets 1002', () => fails(1002, frame(CLOSE, 'x')));

test('closing: with a reason that is no UTF-8 gets 1007', async () => {
    for (const list of [...Object.values(invalid), [0xc3], [0xe2, 0x82]])
        await fails(1007, closing(1000, bytes(0x78, ...list)));
});

test('closing: within a message is answered at once', async () => {
    const raw = await Raw.open(gateway);
    raw.send(frame(TEXT, '{"jsonrpc"', { fin: false }), closing(1000));
    assert.equal(await raw.closed(), 1000);
    await raw.gone();
});

test('closing: after calls, which need not be answered any more', async () => {
    const raw = await Raw.open(gateway);
    raw.send(...Array.from({ length: 50 }, (_, i) => frame(TEXT, call(i))), closing(1001));
    assert.equal(await raw.closed(), 1001);
    await raw.gone();
});

test('closing: a client that is told to go and says nothing is cut', async () => {
    const raw = await Raw.open(gateway);
    raw.send(frame(BINARY, 'x'));
    assert.equal(await raw.closed(), 1003);
    await raw.gone();
});

test('closing: a client that goes without a word leaves nothing behind', async () => {
    const count = async () => (await gateway.metrics()).samples.onefin_gateway_connections;
    await until(async () => await count() === 1, 'others to be gone'); // the admin's stays
    const raws = await Promise.all(Array.from({ length: 20 }, () => Raw.open(gateway)));
    assert.equal(await count(), 21);
    raws.forEach((raw, i) => raw.send(frame(TEXT, 'half', { fin: i % 2 === 0 }).subarray(0, 8)));
    raws.forEach(raw => raw.end());
    await until(async () => await count() === 1, 'them to be gone');
});
