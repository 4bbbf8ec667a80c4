// What strangers and their pages may try: headers that keep browsers from helping them, origins,
// paths out of the page's folder, requests that two servers could read in two ways, and clients that
// take their time.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { Raw, frame, TEXT, handshake, head } from '../lib/raw.mjs';
import { scratchFolder, sleep, until } from '../lib/scratch.mjs';

let world, gateway, kim, token, topic;
const secret = `a file beside the page ${randomUUID()}`;

before(async () => {
    const { path } = scratchFolder();
    mkdirSync(`${path}/page/deep`, { recursive: true });
    writeFileSync(`${path}/page/index.html`, '<!doctype html><title>page</title>');
    writeFileSync(`${path}/page/deep/script.js`, 'true');
    writeFileSync(`${path}/secret.txt`, secret);
    world = await World.start({ settings: { page: `${path}/page` } });
    gateway = world.gateway;
    kim = await world.connect('kim');
    token = kim.token;
    topic = world.firm.orgs.Anor.topics.bank_payment;
});
after(() => world.end());

const bearer = () => ({ Authorization: `Bearer ${token}` });
const upload = (name, headers = bearer()) =>
    fetch(`${gateway.http}/files?topic=${topic}&name=${name}`, { method: 'POST', headers, body: 'some bytes' });

async function lives() {
    const answer = await fetch(`${gateway.http}/healthz`);
    assert.equal(answer.status, 200, `${await answer.text()} ${gateway.log().slice(-2000)}`);
    assert.equal((await kim.call('me')).account.login, 'kim');
}

/** Everything that comes back for bytes, as text, until the connection is gone. */
async function said(...sent) {
    const raw = await Raw.connect(gateway);
    raw.send(...sent);
    await raw.gone();
    return raw.received.toString('latin1');
}

/** The statuses of the answers in it. */
const statuses = text => [...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map(([, status]) => Number(status));

// Headers.

const answers = {
    'the page': () => fetch(`${gateway.http}/`),
    'a file of the page': () => fetch(`${gateway.http}/deep/script.js`),
    'nothing there': () => fetch(`${gateway.http}/nothing`),
    'a method that is not there': () => fetch(`${gateway.http}/healthz`, { method: 'DELETE' }),
    '/healthz': () => fetch(`${gateway.http}/healthz`),
    '/metrics': () => fetch(`${gateway.http}/metrics`),
    'an upload': () => upload('headers.txt'),
    'an upload of nobody': () => upload('headers.txt', {}),
    'a download': async () => {
        const { result } = await (await upload('page.html')).json();
        return fetch(`${gateway.http}/files/${result.id}`, { headers: bearer() });
    },
    'a download of nobody': () => fetch(`${gateway.http}/files/1`),
    'an export that is not allowed': () => fetch(`${gateway.http}/export/journal.csv`, { headers: bearer() }),
    'an export': () => fetch(`${gateway.http}/export/journal.csv`, { headers: { Authorization: `Bearer ${world.admin.token}` } }),
    'a handshake that is refused': async () => {
        const raw = await Raw.connect(gateway);
        raw.send(head('GET /ws HTTP/1.1', { ...handshake(gateway), Origin: 'https://evil.example' }));
        const { headers } = await raw.answer();
        raw.end();
        return { headers: new Headers(headers), text: async () => '' };
    },
};

for (const [name, ask] of Object.entries(answers))
    test(`headers: ${name}`, async () => {
        const answer = await ask();
        const { headers } = answer;
        assert.equal(headers.get('x-content-type-options'), 'nosniff');
        assert.equal(headers.get('referrer-policy'), 'no-referrer');
        assert.equal(headers.get('x-frame-options'), 'DENY');
        assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin');
        assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin');
        const policy = new Map(headers.get('content-security-policy').split('; ').map(part => [part.split(' ')[0], part.split(' ').slice(1).join(' ')]));
        assert.equal(policy.get('default-src'), "'none'");
        assert.equal(policy.get('connect-src'), "'self'");
        for (const name of ['frame-ancestors', 'form-action', 'base-uri'])
            assert.equal(policy.get(name), "'none'", name);
        assert.doesNotMatch(headers.get('content-security-policy'), /unsafe|\*|https?:/);
        for (const [name] of headers)
            assert.doesNotMatch(name, /^(set-cookie|access-control-)/);
        await answer.text();
    });

test('headers: what is private is not kept by anybody, and a file is never shown as a page', async () => {
    for (const name of ['an upload', 'a download', 'a download of nobody', 'an export', '/healthz', 'the page'])
        assert.match((await answers[name]()).headers.get('cache-control') ?? '', /\bno-store\b/, name);
    const { headers } = await answers['a download']();
    assert.match(headers.get('content-disposition'), /^attachment;/);
    assert.doesNotMatch(headers.get('content-type'), /html|script|svg|xml/);
});

// Pages of strangers. A browser lets them send forms, and WebSocket handshakes; it adds cookies and
// the origin. There are no cookies, so all that counts is in the message, which they do not know.

test('a form of another page uploads nothing', async () => {
    const count = () => world.cluster.value('SELECT count(*) FROM onefin.document');
    const before = await count();
    const form = new FormData();
    form.set('file', new Blob(['<script>']), 'form.html');
    for (const headers of [{}, { Cookie: `token=${token}; Authorization=Bearer ${token}` }]) {
        const answer = await fetch(`${gateway.http}/files?topic=${topic}&name=form.html&token=${token}&authorization=Bearer%20${token}`,
            { method: 'POST', body: form, headers: { Origin: 'https://evil.example', ...headers } });
        assert.equal(answer.status, 401);
    }
    assert.equal(await count(), before);
});

test('another page may not ask what it may: no answer to a preflight allows anything', async () => {
    for (const path of ['/files?topic=1&name=x', '/files/1', '/export/journal.csv', '/', '/ws', '/healthz']) {
        const said = await fetch(gateway.http + path, { method: 'OPTIONS', headers: { Origin: 'https://evil.example',
            'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization' } });
        assert.ok(said.status >= 400, `${path}: ${said.status}`);
        assert.equal([...said.headers.keys()].filter(name => name.startsWith('access-control-')).length, 0);
    }
});

/** The status of a handshake from an origin, to a host. */
async function from(place, Origin, Host) {
    const raw = await Raw.connect(place);
    raw.send(head('GET /ws HTTP/1.1', { ...handshake(place), Origin, ...(Host && { Host }) }));
    const { status } = await raw.answer() ?? {};
    raw.end();
    return status;
}

test('origins: of the host that was asked for, and of nobody, are allowed, others are not', async () => {
    const { port } = gateway, own = `127.0.0.1:${port}`;
    for (const [origin, host] of [[undefined], [`http://${own}`], [`https://${own}`], [`http://LocalHost:${port}`, `localhost:${port}`],
        ['https://chat.example', 'chat.example'], ['https://CHAT.example', 'Chat.Example']])
        assert.equal(await from(gateway, origin, host), 101, `${origin} at ${host ?? own}`);
    for (const [origin, host] of [['null'], ['http://127.0.0.1'], [`http://127.0.0.1:${port + 1}`], [`http://127.0.0.1:${port}0`], [`http://localhost:${port}`],
        [`http://${own}.evil.example`], [`http://evil.example/${own}`], [`http://evil.example#${own}`], [`http://${own}@evil.example`], [`http://evil.example@${own}`],
        [own], [`//${own}`], [`http://${own}/`], [`http://${own},http://evil.example`], [[`http://${own}`, 'http://evil.example']], [`http://${'x'.repeat(300)}`],
        ['https://chat.example', 'chat.example:8443'], ['https://chat.example:8443', 'chat.example'], ['https://chat.example.', 'chat.example']])
        assert.equal(await from(gateway, origin, host), 403, `${origin} at ${host ?? own}`);
    await lives();
});

test('origins: with a list, those on it and no others', async () => {
    const listed = await Gateway.start(world.cluster, { origins: 'https://chat.example http://127.0.0.1:1' });
    for (const origin of [undefined, 'https://chat.example', 'HTTPS://Chat.example', 'http://127.0.0.1:1'])
        assert.equal(await from(listed, origin), 101, origin);
    for (const origin of ['null', listed.http, 'http://chat.example', 'https://chat.example:8443', 'https://chat.example https://evil.example',
        'https://chat.example, http://127.0.0.1:1', 'https://evil.example', 'chat.example', ','])
        assert.equal(await from(listed, origin), 403, origin);
    listed.remove();
});

// Paths.

const up = ['..', '%2e%2e', '%2E.', '.%2e', '..%2f', '..%5c', '..\\', '....//', '..;', '%252e%252e', '%c0%ae%c0%ae', '%00..', '..%00'];

test('paths: none leads out of the page\'s folder', async () => {
    const paths = up.flatMap(one => [1, 2, 3].flatMap(n => ['/', '//', '/deep/', '/./', '/%2f'].map(start => `${start}${`${one}/`.repeat(n)}secret.txt`)));
    paths.push('/deep/../../secret.txt', '/deep/%2e%2e/%2e%2e/secret.txt', '/index.html/../../secret.txt', '/secret.txt', '//secret.txt',
        '/..', '/../', '/deep/..', '/files/../../secret.txt', '/healthz/../../secret.txt', '/%', '/%2', '/%zz', '/%00', '/.', '/./.');
    for (const path of paths) {
        const text = await said(head(`GET ${path} HTTP/1.1`, { Host: 'x', Connection: 'close' }));
        assert.ok(!text.includes(secret), path);
        assert.ok(statuses(text).length <= 1, path);
    }
    for (const path of ['secret.txt', '../secret.txt', 'http://x/../secret.txt', '*', '\\..\\secret.txt'])
        assert.ok(!(await said(head(`GET ${path} HTTP/1.1`, { Host: 'x' }))).includes(secret), path);
    await lives();
});

// Requests that a proxy in front may read otherwise. Whatever it takes for a second request, there is
// none here: a connection has one answer, and what is behind the first request is not looked at.

const hidden = head('GET /metrics HTTP/1.1', { Host: 'x' });
const upTo = (extra, body = '') => Buffer.from(`POST /files?topic=1&name=x HTTP/1.1\r\nHost: x\r\n${extra}\r\n${body}`);
const smuggled = {
    'two lengths': [411, 'Content-Length: 5\r\nContent-Length: 0\r\n', 'abcde'],
    'one length twice': [411, 'Content-Length: 5\r\nContent-Length: 5\r\n', 'abcde'],
    'a list of lengths': [411, 'Content-Length: 5, 5\r\n', 'abcde'],
    'length and chunks': [411, 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'],
    'chunks and length': [411, 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'],
    'chunks': [411, 'Transfer-Encoding: chunked\r\n', '0\r\n\r\n'],
    'chunks by another name': [411, 'Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n', '0\r\n\r\n'],
    'chunks in capitals': [411, 'Content-Length: 5\r\nTRANSFER-ENCODING: CHUNKED\r\n', '0\r\n\r\n'],
    'a negative length': [411, 'Content-Length: -1\r\n', ''],
    'a length with a sign': [411, 'Content-Length: +5\r\n', 'abcde'],
    'a length in hexadecimal': [411, 'Content-Length: 0x5\r\n', 'abcde'],
    'a length beyond all numbers': [411, `Content-Length: ${'9'.repeat(40)}\r\n`, ''],
    'a length of 2^64': [411, 'Content-Length: 18446744073709551616\r\n', ''],
    'an empty length': [411, 'Content-Length:\r\n', ''],
    'a blank before the colon': [411, 'Content-Length : 5\r\n', 'abcde'],
    'no length': [411, '', ''],
    'a length that goes on in the next line': [null, 'Content-Length: 5\r\n 0\r\n', 'abcde'],
    'a header that goes on in the next line': [null, 'X-Something: a\r\n\tContent-Length: 5\r\nContent-Length: 0\r\n', ''],
    'lines that end without CR': [null, 'X-Something: a\nContent-Length: 0\n', ''],
    'lines that end without LF': [null, 'X-Something: a\rContent-Length: 5\r\nContent-Length: 0\r\n', ''],
    'a NUL in a header': [null, 'X-Something: a\0b\r\nContent-Length: 0\r\n', ''],
    'a header without a name': [null, ': a\r\nContent-Length: 0\r\n', ''],
    'a header without a colon': [null, 'Something\r\nContent-Length: 0\r\n', ''],
    'a right one': [401, 'Content-Length: 5\r\n', 'abcde'],
};

for (const [name, [status, headers, body]] of Object.entries(smuggled))
    test(`smuggling: ${name}`, async () => {
        // The last bytes are a body to whoever read the second head as a part of the first.
        const got = statuses(await said(upTo(headers, body), hidden, 'abcde'));
        if (status)
            assert.deepEqual(got, [status]);
        else
            assert.ok(got.length === 0 || (got.length === 1 && got[0] >= 400), `${got}`);
        await lives();
    });

test('smuggling: not behind a GET either, with or without a body', async () => {
    for (const extra of ['', 'Content-Length: 5\r\n', 'Content-Length: 0\r\n', 'Connection: keep-alive\r\n'])
        for (const path of ['/healthz', '/', '/nothing', '/files/1'])
            assert.equal(statuses(await said(`GET ${path} HTTP/1.1\r\nHost: x\r\n${extra}\r\n`, hidden)).length, 1, `${path} ${extra}`);
    assert.deepEqual(statuses(await said(hidden, hidden, hidden)), [200]);
});

test('smuggling: not by a handshake that is refused', async () => {
    const refused = head('GET /ws HTTP/1.1', { ...handshake(gateway), 'Sec-WebSocket-Version': '99' });
    assert.deepEqual(statuses(await said(refused, hidden)), [426]);
    const stranger = head('GET /ws HTTP/1.1', { ...handshake(gateway), Origin: 'http://evil.example' });
    assert.deepEqual(statuses(await said(stranger, hidden)), [403]);
});

// Too much, and too slow.

test('headers without end are not read to it', async () => {
    const lines = {
        'a long header': `X-Something: ${'x'.repeat(100000)}\r\n`,
        'a long name': `${'x'.repeat(100000)}: x\r\n`,
        'many headers': 'X-Something: x\r\n'.repeat(5000),
        'many headers that are known': 'Accept: x\r\n'.repeat(5000),
        'a long token': `Authorization: Bearer ${'x'.repeat(100000)}\r\n`,
    };
    for (const [name, line] of Object.entries(lines)) {
        const got = statuses(await said(`GET /healthz HTTP/1.1\r\nHost: x\r\n${line}\r\n`));
        assert.ok(got.length === 0 || got[0] >= 400, `${name}: ${got}`);
    }
    for (const path of [`/${'x'.repeat(100000)}`, `/?${'x'.repeat(100000)}`, `/?${'a=b&'.repeat(20000)}`]) {
        const got = statuses(await said(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`));
        assert.ok(got.length === 0 || got[0] >= 400, `${path.slice(0, 8)}: ${got}`);
    }
    await lives();
});

const beginnings = {
    'a line of a head': ['GET /healthz HTTP/1.1\r\n', ...Array(400).fill('X-A: b\r\n')],
    'a byte of a head': [...'GET /healthz HTTP/1.1\r\nX-A: ', ...Array(400).fill('b')],
    'a byte of a handshake': [...'GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ', ...Array(400).fill('A')],
    'a byte of a body that nobody wants': [upTo('Content-Length: 1000000\r\n'), ...Array(400).fill('b')],
    nothing: [],
};

test('clients that send something now and then, and never the end of it, are cut, and delay nobody', async () => {
    const slow = [];
    for (const [name, pieces] of Object.entries(beginnings))
        for (let i = 0; i < 100; i++)
            slow.push({ name, pieces, raw: await Raw.connect(gateway) });
    let turn = 0;
    const timer = setInterval(() => {
        for (const { pieces, raw } of slow)
            if (turn < pieces.length && !raw.isClosed)
                raw.send(pieces[turn]);
        turn++;
    }, 300);
    try {
        await sleep(1000);
        await lives();
        const raw = await Raw.open(gateway);
        raw.send(frame(TEXT, '{"jsonrpc":"2.0","id":1,"method":"me"}'));
        assert.equal((await raw.json()).error.code, -32001);
        raw.end();
        const left = () => new Set(slow.filter(({ raw }) => !raw.isClosed).map(({ name }) => name));
        await until(() => left().size === 0 || turn > 390, 'all of them to be cut', 180);
        assert.deepEqual([...left()], []);
    } finally {
        clearInterval(timer);
        slow.forEach(({ raw }) => raw.end());
    }
    await lives();
});
