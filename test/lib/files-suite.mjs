// Files: up, attached, and down again, byte for byte; and every way of refusing one. The same for every
// store: filesSuite({ store: 'dir' }) has the tests run over it.
//
// A client's files stay as they are, so it is a client who uploads, and staff who download.

import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import * as files from './files.mjs';
import { World } from './firm.mjs';
import { documents, missing } from './real.mjs';
import { until } from './scratch.mjs';

const least = 5 << 20, part = 8 << 20; // of parts in S3: the least there may be, and ours
const limit = 17 << 20;
let world, kim, ann, lee, topic;

const upload = (who, name, bytes, into = topic) => files.upload(world.gateway, who, into, name, bytes);
const download = (who, id) => files.download(world.gateway, who, id);

async function refused(answer, status, code) {
    const body = answer.body ?? {};
    const { error } = typeof answer.json === 'function' ? await answer.json() : body;
    assert.equal(answer.status, status, JSON.stringify(error));
    assert.equal(error.code, code, JSON.stringify(error));
    assert.ok(error.message.length > 5);
    assert.ok(error.data?.hint?.length > 5, `a hint: ${JSON.stringify(error)}`);
}

/** Up by kim, attached to a message, down by ann; the document. */
async function roundTrip(name, bytes) {
    const { status, body } = await upload(kim, name, bytes);
    assert.equal(status, 201, JSON.stringify(body));
    const document = body.result;
    assert.equal(document.name, name);
    assert.equal(document.size, bytes.length);
    assert.equal(document.sha256, createHash('sha256').update(bytes).digest('hex'));
    const { message } = await kim.call('send',
        { topic, text: `see ${name}`, client_key: randomUUID(), documents: [document.id] });
    assert.deepEqual(message.documents.map(one => one.id), [document.id]);
    const answer = await download(ann, document.id);
    assert.equal(answer.status, 200);
    assert.equal(Number(answer.headers.get('content-length')), bytes.length);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(answer.headers.get('content-type'), document.type);
    const disposition = answer.headers.get('content-disposition');
    assert.ok(disposition.startsWith('attachment'), disposition);
    assert.equal(decodeURIComponent(disposition.match(/filename\*=UTF-8''([^;]+)/)[1]), name);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes), 'byte for byte');
    return document;
}

function raw(port, request, cut = false) {
    return new Promise(resolve => {
        let text = '';
        const socket = connect(Number(port), '127.0.0.1', () => {
            socket.write(request, () => cut && setTimeout(() => socket.destroy(), 100));
        });
        socket.on('data', data => { text += data; });
        socket.on('close', () => resolve(text));
        socket.on('error', () => {});
        socket.setTimeout(30000, () => socket.destroy());
        socket.on('data', () => text.includes('\r\n\r\n') && setTimeout(() => socket.destroy(), 200));
    });
}

export function filesSuite(options) {
    before(async () => {
        world = await World.start({ settings: { max_upload: '17m' }, ...options });
        topic = world.firm.orgs.Anor.topics.contract;
        [kim, ann, lee] = await Promise.all(['kim', 'ann', 'lee'].map(login => world.connect(login)));
    });
    after(() => world.end());

    test('the real invoices and page pictures come back byte for byte', { skip: missing }, async () => {
        const all = documents();
        assert.equal(all.length, 11);
        for (const { name, bytes } of all) {
            const document = await roundTrip(name, bytes);
            assert.equal(document.type, name.endsWith('.pdf') ? 'application/pdf' : 'image/png');
        }
    });

    for (const size of [0, 1, 4095, 65536, least - 1, least, least + 1, part - 1, part, part + 1, 2 * part, limit])
        test(`${size} bytes`, () => roundTrip(`of ${size}.bin`, randomBytes(size)));

    test('names in every script, with quotes and blanks', async () => {
        for (const name of ['Hisob-faktura №5.pdf', 'ҳисоб "2024".txt', "o'zbek; nom=1.txt", '发票 100%.txt', 'a+b&c.txt'])
            await roundTrip(name, Buffer.from(name));
    });

    test('the type comes from the content, not from the name', async () => {
        const document = await roundTrip('invoice.pdf', Buffer.from('<script>alert(1)</script>'));
        assert.notEqual(document.type, 'application/pdf');
        assert.notEqual(document.type, 'text/html');
    });

    test('two uploads of one name are two documents', async () => {
        const one = await roundTrip('same.txt', Buffer.from('one'));
        const two = await roundTrip('same.txt', Buffer.from('two'));
        assert.notEqual(one.id, two.id);
    });

    test('until it is sent, only its uploader has it', async () => {
        const { body } = await upload(kim, 'draft.txt', Buffer.from('draft'));
        assert.equal((await download(kim, body.result.id)).status, 200);
        await refused(await download(ann, body.result.id), 404, -32003);
    });

    test('up and down are in the journal', async () => {
        const document = await roundTrip('journaled.txt', Buffer.from('x'));
        const { rows } = { rows: await world.cluster.query(
            "SELECT kind, actor_id FROM onefin.journal WHERE kind LIKE 'document.%' AND subject_id = $1 ORDER BY id", [document.id]) };
        assert.deepEqual(rows.map(row => [row.kind, row.actor_id]),
            [['document.uploaded', world.firm.accounts.kim.id], ['document.downloaded', world.firm.accounts.ann.id]]);
    });

    test('refused: no token, a wrong one, another company, an unknown id', async () => {
        const document = await roundTrip('secret.txt', Buffer.from('secret'));
        const wrong = { token: 'A'.repeat(43) };
        await refused(await download(undefined, document.id), 401, -32001);
        await refused(await download(wrong, document.id), 401, -32001);
        await refused(await download(lee, document.id), 404, -32003);
        await refused(await download(kim, 987654321), 404, -32003);
        await refused(await download(kim, '..%2f..%2fetc%2fpasswd'), 404, -32003);
        await refused(await download(kim, '1e3'), 404, -32003);
        await refused(await upload(undefined, 'a.txt', Buffer.from('x')), 401, -32001);
        await refused(await upload(wrong, 'a.txt', Buffer.from('x')), 401, -32001);
        await refused(await upload(lee, 'a.txt', Buffer.from('x')), 404, -32003);
        await refused(await upload(kim, 'a.txt', Buffer.from('x'), 987654321), 404, -32003);
    });

    test('refused: no topic, a bad topic, no name, a bad name', async () => {
        const post = query => fetch(`${world.gateway.http}/files${query}`, { method: 'POST', headers: files.bearer(kim), body: 'x' });
        await refused(await post(''), 400, -32602);
        await refused(await post('?name=a.txt'), 400, -32602);
        await refused(await post('?topic=abc&name=a.txt'), 400, -32602);
        await refused(await post(`?topic=${topic}`), 400, -32602);
        await refused(await post(`?topic=${topic}&name=`), 400, -32602);
        for (const name of ['../up.txt', 'a/b.txt', 'a\\b', 'a\x01b', 'a\tb', ' ', 'x'.repeat(2000)])
            await refused(await upload(kim, name, Buffer.from('x')), 400, -32602);
        await refused(await post(`?topic=${topic}&name=%ff%fe`), 400, -32602);
        // What is no URL never reaches the gateway: libwebsockets answers 403, or hangs up at a NUL. (At an
        // encoded line feed it ends the address; the name is then what came before.)
        for (const name of ['%zz', '%00'])
            assert.equal(await post(`?topic=${topic}&name=${name}`).then(answer => answer.status, () => 403), 403);
    });

    test('too large is refused with 413 as soon as it is announced, and leaves nothing behind', async () => {
        const before = (await world.stored()).length;
        const { port } = new URL(world.gateway.http);
        for (const length of [limit + 1, 99999999999]) {
            const said = await raw(port, `POST /files?topic=${topic}&name=big.bin HTTP/1.1\r\nHost: x\r\n`
                + `Authorization: Bearer ${kim.token}\r\nContent-Length: ${length}\r\n\r\n`);
            assert.match(said, /^HTTP\/1\.1 413 /);
            assert.match(said, /-32602/);
        }
        assert.equal((await world.stored()).length, before);
    });

    test('an upload cut off leaves no document and no bytes', async () => {
        const { port } = new URL(world.gateway.http);
        const before = (await world.stored()).length;
        const documents = await world.cluster.value('SELECT count(*) FROM onefin.document');
        for (const length of [2 << 20, 1000])
            await raw(port, `POST /files?topic=${topic}&name=cut.bin HTTP/1.1\r\nHost: x\r\n`
                + `Authorization: Bearer ${kim.token}\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(500)}`, true);
        await until(async () => (await world.stored()).length === before, 'the cut files to go');
        assert.equal(await world.cluster.value('SELECT count(*) FROM onefin.document'), documents);
        await roundTrip('after.txt', Buffer.from('the gateway lives on'));
    });

    test('methods and places that are not there', async () => {
        const get = (path, method = 'GET') => fetch(`${world.gateway.http}${path}`, { method, headers: files.bearer(kim) });
        assert.equal((await get('/nothing-here')).status, 404);
        assert.equal((await get('/files')).status, 405);
        assert.equal((await get('/../../etc/passwd')).status, 404);
        assert.equal((await get('/%2e%2e/%2e%2e/etc/passwd')).status, 404);
        assert.ok([404, 405].includes((await get('/healthz', 'DELETE')).status));
        await roundTrip('after.txt', Buffer.from('the gateway lives on'));
    });

    test('a download under way does not delay others, and a reader who leaves harms nobody', async () => {
        const document = await roundTrip('slow.bin', randomBytes(limit));
        const { port } = new URL(world.gateway.http);
        const slow = connect(Number(port), '127.0.0.1');
        slow.on('error', () => {});
        slow.pause();
        slow.write(`GET /files/${document.id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ann.token}\r\n\r\n`);
        await roundTrip('meanwhile.txt', Buffer.from('meanwhile'));
        slow.destroy();
        assert.equal((await kim.call('me')).account.login, 'kim');
    });
}
