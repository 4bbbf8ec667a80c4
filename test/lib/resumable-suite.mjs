// Uploads that go on where a line broke: by the protocol's text, by a client library that others wrote,
// over lines that are cut anywhere, and with gateways that are killed. The same for every store:
// resumableSuite({ store: 'dir' }) has the tests run over it.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Upload } from 'tus-js-client';
import { World } from './firm.mjs';
import { Gateway } from './gateway.mjs';
import { sleep, until } from './scratch.mjs';
import { Toxic } from './toxic.mjs';
import { Tus, base64, sha256 } from './tus.mjs';

const mega = 1 << 20;
const limit = 40 * mega;
const part = 16 * mega; // what is the most that a killed gateway loses
let world, other, kim, lee, ann, topic, mine, there;

async function refused({ status, headers, body }, wanted, code) {
    assert.equal(status, wanted, JSON.stringify(body));
    assert.equal(body.error.code, code, JSON.stringify(body));
    assert.ok(body.error.message.length > 5);
    assert.ok(body.error.data?.hint?.length > 5, `a hint: ${JSON.stringify(body)}`);
    assert.equal(headers.get('tus-resumable'), '1.0.0');
}

/** The document is what was sent, for others too, and there is one of it. */
async function isWhole(document, name, bytes) {
    assert.equal(document.name, name);
    assert.equal(document.size, bytes.length);
    assert.equal(document.sha256, sha256(bytes));
    await kim.call('send', { topic, text: name, client_key: randomUUID(), documents: [document.id] });
    const answer = await fetch(`${world.gateway.http}/files/${document.id}`, { headers: { Authorization: `Bearer ${ann.token}` } });
    assert.equal(answer.status, 200);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes), 'byte for byte');
    assert.equal(await world.cluster.value('SELECT count(*) FROM onefin.document WHERE name = $1', [name]), 1);
}

/** What an upload has become, as whoever looks is told. */
async function documentOf(place) {
    const { status, body } = await mine.ask('GET', place);
    assert.equal(status, 200, JSON.stringify(body));
    return body.result.document;
}

/** How many objects there are, when those that are nobody's have gone. */
async function stored() {
    await until(() => world.cluster.value('SELECT NOT EXISTS (SELECT FROM onefin.store_key WHERE remove_at <= now())'), 'the store to be swept');
    return (await world.stored()).length;
}

/** What a killed gateway left in its directory is taken for somebody's while it is young. */
function age() {
    const parts = join(world.gateway.store, '.part');
    if (!world.s3)
        readdirSync(parts).forEach(name => utimesSync(join(parts, name), 0, 0));
}

/** Nothing is in the store but what documents have, once all that is nobody's was looked for. */
async function isClean() {
    await world.cluster.query('UPDATE onefin.store_key SET remove_at = now()');
    await world.gateway.kill();
    age();
    await world.gateway.run(); // looks at its start
    const keys = async () => (await world.cluster.query('SELECT store_key FROM onefin.document UNION ALL'
        + ' SELECT preview_key FROM onefin.document WHERE preview_key IS NOT NULL')).map(row => row.store_key.split('/').at(-1)).sort();
    await until(async () => assert.deepEqual((await world.stored()).map(name => name.split('/').at(-1)).sort(), await keys()) ?? true,
        'the store to have what is on record, and nothing else');
}

async function connect() {
    [kim, lee, ann] = await Promise.all(['kim', 'lee', 'ann'].map(login => world.connect(login)));
    mine = new Tus(world.gateway, kim.token);
    there = new Tus(other, kim.token);
}

/** Bytes of uploads that the gateway has read. */
const read = async (gateway = world.gateway) => (await gateway.metrics()).samples.onefin_gateway_upload_bytes;

async function restart() {
    await world.gateway.kill();
    await world.gateway.run();
    await connect();
}

function protocol() {
    test('what can be done is told to whoever asks', async () => {
        for (const path of ['/uploads', `/uploads/${randomUUID()}`]) {
            const answer = await fetch(`${world.gateway.http}${path}`, { method: 'OPTIONS' });
            assert.equal(answer.status, 204);
            assert.equal(await answer.text(), '');
            assert.equal(answer.headers.get('tus-version'), '1.0.0');
            assert.equal(answer.headers.get('tus-resumable'), '1.0.0');
            assert.deepEqual(answer.headers.get('tus-extension').split(',').sort(), ['creation', 'termination']);
            assert.equal(Number(answer.headers.get('tus-max-size')), limit);
        }
    });

    for (const size of [0, 1, 5 * mega - 1, 5 * mega, 5 * mega + 1])
        test(`${size} bytes, at once`, async () => {
            const bytes = randomBytes(size), name = `at once ${size}.bin`;
            const created = await mine.create(size, name, topic);
            assert.equal(created.status, 201);
            const place = created.headers.get('location');
            if (size > 0) {
                const { status, headers, body } = await mine.patch(place, 0, bytes);
                assert.equal(status, 200, JSON.stringify(body));
                assert.equal(Number(headers.get('upload-offset')), size);
                assert.equal(headers.get('tus-resumable'), '1.0.0');
                assert.deepEqual(body.result, await documentOf(place));
            } else {
                assert.deepEqual(created.body.result.document, await documentOf(place));
            }
            await isWhole(await documentOf(place), name, bytes);
        });

    test('piece by piece, through two gateways, with what is told on the way', async () => {
        const bytes = randomBytes(3 * mega + 17), name = 'ҳисоб «№5».bin';
        const place = await mine.begin(bytes.length, name, topic);
        const marks = [0, 1, 70000, 70001, mega, 3 * mega, bytes.length];
        for (let i = 0; i + 1 < marks.length; i++) {
            const who = i % 2 ? there : mine;
            const { status, headers, body } = await who.head(place);
            assert.deepEqual([status, body], [200, undefined]);
            assert.equal(Number(headers.get('upload-offset')), marks[i]);
            assert.equal(Number(headers.get('upload-length')), bytes.length);
            assert.equal(headers.get('upload-metadata'), mine.metadata(name, topic));
            assert.equal(headers.get('cache-control'), 'no-store');
            const told = (await who.ask('GET', place)).body.result;
            assert.deepEqual(told, { upload: place.split('/').at(-1), topic, name, length: bytes.length, offset: marks[i], document: null });
            const sent = await who.patch(place, marks[i], bytes.subarray(marks[i], marks[i + 1]), { Prefer: 'return=minimal' });
            assert.deepEqual([sent.status, sent.body], [204, undefined]);
            assert.equal(Number(sent.headers.get('upload-offset')), marks[i + 1]);
        }
        await isWhole(await documentOf(place), name, bytes);
        const again = await there.patch(place, bytes.length, '');
        assert.deepEqual([again.status, again.body.result.id], [200, (await documentOf(place)).id]);
    });

    test('what a PATCH in the middle answers has no body, and an empty one does nothing', async () => {
        const place = await mine.begin(10, 'ten.bin', topic);
        for (const bytes of ['', '01234', '']) {
            const { status, headers, body } = await mine.patch(place, await mine.offset(place), bytes);
            assert.deepEqual([status, body], [204, undefined]);
            assert.equal(Number(headers.get('upload-offset')), await mine.offset(place));
        }
        assert.equal(await mine.offset(place), 5);
    });

    test('methods by another name, for who can do GET and POST only', async () => {
        const as = method => ({ 'X-HTTP-Method-Override': method });
        const place = await mine.begin(4, 'four.txt', topic);
        assert.equal((await mine.ask('POST', place, mine.patchHeaders(0, as('PATCH')), 'ab')).status, 204);
        const looked = await mine.ask('POST', place, as('HEAD'));
        assert.equal(Number(looked.headers.get('upload-offset')), 2);
        assert.equal((await mine.ask('POST', place, as('DELETE'))).status, 204);
        assert.equal((await mine.head(place)).status, 404);
        assert.equal((await mine.ask('POST', place, as('PUT'))).status, 405);
        assert.equal((await mine.ask('POST', place)).status, 405);
    });

    test('given up: it is gone, and its bytes are', async () => {
        const before = await stored();
        const place = await mine.begin(10, 'gone.bin', topic);
        await mine.patch(place, 0, '01234');
        assert.equal(await stored(), before + 1);
        assert.equal((await mine.ask('DELETE', place)).status, 204);
        for (const method of ['HEAD', 'GET', 'DELETE'])
            assert.equal((await mine.ask(method, place)).status, 404);
        await refused(await mine.patch(place, 5, '56789'), 404, -32003);
        assert.equal(await stored(), before);
    });
}

function refusals() {
    test('refused: what it is not allowed, or not as the protocol has it', async () => {
        const place = await mine.begin(10, 'refused.bin', topic);
        const uploads = await world.cluster.value('SELECT count(*) FROM onefin.upload');
        const metadata = value => ({ 'Upload-Metadata': value });
        await refused(await mine.create(10, 'a', topic, { 'Tus-Resumable': undefined }), 412, -32602);
        await refused(await mine.patch(place, 0, 'x', { 'Tus-Resumable': '0.2.2' }), 412, -32602);
        await refused(await mine.create(10, 'a', topic, { Authorization: undefined }), 401, -32001);
        await refused(await mine.patch(place, 0, 'x', { Authorization: `Bearer ${'A'.repeat(43)}` }), 401, -32001);
        await refused(await mine.create(limit + 1, 'a', topic), 413, -32602);
        await refused(await mine.create(-1, 'a', topic), 400, -32602);
        await refused(await mine.create('many', 'a', topic), 400, -32602);
        await refused(await mine.create(10, 'a', topic, { 'Upload-Length': undefined, 'Upload-Defer-Length': '1' }), 400, -32602);
        for (const value of [undefined, '', 'filename', `filename ${base64('a')}`, `topic ${base64(topic)}`, `filename ,topic ${base64(topic)}`,
            `filename %%%%,topic ${base64(topic)}`, `filename ${base64(Buffer.from([0xff, 0xfe]))},topic ${base64(topic)}`,
            `filename ${base64('a\0b')},topic ${base64(topic)}`, `filename ${base64('a')},topic ${base64('1; DROP')}`])
            await refused(await mine.create(10, 'a', topic, metadata(value)), 400, -32602);
        await refused(await mine.create(10, '../up', topic), 400, -32602);
        await refused(await mine.create(10, 'a', 987654321), 404, -32003);
        await refused(await new Tus(world.gateway, lee.token).create(10, 'a', topic), 404, -32003);
        await refused(await mine.patch(place, 0, 'x', { 'Content-Type': 'application/octet-stream' }), 415, -32602);
        await refused(await mine.patch(place, 0, 'x', { 'Upload-Offset': undefined }), 400, -32602);
        await refused(await mine.patch(place, '0x0', 'x'), 400, -32602);
        await refused(await mine.patch(place, 3, 'x'), 409, -32005);
        await refused(await mine.patch(place, 0, 'x'.repeat(11)), 400, -32602);
        for (const id of [randomUUID(), '1', `${randomUUID()}0`, randomUUID().replace('-', 'x')])
            await refused(await mine.patch(`/uploads/${id}`, 0, 'x'), 404, -32003);
        const raw = await mine.rawPatch(place, 0, undefined, '');
        assert.equal((await raw.answer()).status, 411);
        assert.equal(await mine.offset(place), 0);
        assert.equal(await world.cluster.value('SELECT count(*) FROM onefin.upload'), uploads);
    });

    test("another's upload is not there", async () => {
        const place = await mine.begin(10, 'mine.bin', topic);
        for (const who of [lee, ann]) {
            const theirs = new Tus(world.gateway, who.token);
            await refused(await theirs.patch(place, 0, 'x'), 404, -32003);
            await refused(await theirs.ask('GET', place), 404, -32003);
            await refused(await theirs.ask('DELETE', place), 404, -32003);
            assert.equal((await theirs.head(place)).status, 404);
        }
        assert.equal(await mine.offset(place), 0);
    });

    test('a kind of file that the firm does not take is refused at the end, and leaves nothing', async () => {
        const before = await stored();
        const { settings } = await world.admin.call('settings');
        await world.admin.call('settings', { name: 'upload_types', value: 'application/pdf' });
        const place = await mine.begin(20, 'a.pdf', topic);
        await refused(await mine.patch(place, 0, 'this is no PDF, is it'.slice(0, 20)), 400, -32602);
        assert.equal((await mine.head(place)).status, 400);
        await world.admin.call('settings', { name: 'upload_types', value: settings.upload_types.value ?? settings.upload_types });
        await mine.ask('DELETE', place);
        assert.equal(await stored(), before);
    });
}

function badLines() {
    test('a line that is cut at forty places: nothing sent twice is needed, nothing is lost', async () => {
        const bytes = randomBytes(4 * mega), name = 'cut.bin';
        const place = await mine.begin(bytes.length, name, topic);
        let offset = 0, gained = 0;
        for (let cuts = 0; cuts < 40; cuts++) {
            const now = await (cuts % 3 ? mine : there).offset(place);
            assert.ok(now >= offset, `from ${offset} to ${now}`);
            gained += now > offset;
            offset = now;
            const size = Math.min(1 + Math.floor(Math.random() * bytes.length / 30), bytes.length - offset - 1);
            const raw = await (cuts % 2 ? mine : there).rawPatch(place, offset, bytes.length - offset, bytes.subarray(offset, offset + size));
            await sleep(Math.random() * 20);
            if (cuts % 2)
                raw.socket.resetAndDestroy();
            else
                raw.end();
        }
        assert.ok(gained > 20, `${gained} of 40 lines brought something`);
        // A gateway may still be about to record what came last.
        await until(async () => {
            offset = await mine.offset(place);
            return (await mine.patch(place, offset, bytes.subarray(offset))).status === 200;
        }, 'the rest to be taken');
        await isWhole(await documentOf(place), name, bytes);
    });

    test('a line that is dead, and nobody noticed: who comes back goes on from all that came', async () => {
        const bytes = randomBytes(2 * mega), name = 'dead.bin';
        const place = await mine.begin(bytes.length, name, topic);
        const before = await read();
        const dead = await mine.rawPatch(place, 0, bytes.length, bytes.subarray(0, mega));
        await until(async () => await read() === before + mega, 'its bytes to be read');
        assert.equal(await mine.offset(place), mega);
        await dead.gone();
        assert.equal((await mine.patch(place, mega, bytes.subarray(mega))).status, 200);
        await isWhole(await documentOf(place), name, bytes);
    });

    test('two at once: the bytes of one count', async () => {
        const bytes = randomBytes(6 * mega), name = 'twice.bin';
        const place = await mine.begin(bytes.length, name, topic);
        const answers = await Promise.all([mine, there].map(who => who.patch(place, 0, bytes.subarray(0, 2 * mega))));
        assert.deepEqual(answers.map(one => one.status).sort(), [204, 409]);
        assert.equal(await mine.offset(place), 2 * mega);
        // At one gateway the second has the first end early, and one of them has the bytes.
        const offsets = [];
        for (let i = 0; i < 10; i++) {
            const offset = await mine.offset(place), piece = bytes.subarray(offset, offset + 300000);
            await Promise.all([mine, mine].map(who => who.patch(place, offset, piece).catch(() => 'cut')));
            offsets.push(await mine.offset(place));
            assert.ok(offsets.at(-1) > offset && offsets.at(-1) <= offset + 300000, JSON.stringify(offsets));
        }
        await mine.patch(place, offsets.at(-1), bytes.subarray(offsets.at(-1)));
        await isWhole(await documentOf(place), name, bytes);
    });

    /** By the library that most pages use. It gives up after its retries only. */
    const libraryUpload = (port, name, bytes, options) => new Promise((resolve, reject) => {
        const upload = new Upload(bytes, {
            endpoint: `http://127.0.0.1:${port}/uploads`, metadata: { filename: name, topic: String(topic) },
            headers: { Authorization: `Bearer ${kim.token}` }, retryDelays: Array(200).fill(50), ...options,
            onSuccess: () => resolve(upload.url), onError: reject,
        });
        upload.start();
    });

    test('tus-js-client, in one piece and in pieces, over a line that is cut again and again', async () => {
        const toxic = await Toxic.start({ port: world.gateway.port, host: '127.0.0.1' });
        for (const chunkSize of [Infinity, mega]) {
            const bytes = randomBytes(12 * mega), name = `library ${chunkSize}.bin`;
            let over = false;
            const uploaded = libraryUpload(toxic.port, name, bytes, { chunkSize }).finally(() => { over = true; });
            let cuts = 0;
            for (; cuts < 15 && !over; cuts++) {
                await sleep(10 + Math.random() * 30);
                toxic.links.forEach(link => { link.cutAfter = Math.floor(Math.random() * 2 * mega); });
            }
            const place = new URL(await uploaded).pathname;
            assert.ok(cuts > 0);
            await isWhole(await documentOf(place), name, bytes);
        }
        await toxic.close();
    });

    test('tus-js-client: nothing, and one byte', async () => {
        for (const size of [0, 1]) {
            const bytes = randomBytes(size), name = `library of ${size}`;
            const place = new URL(await libraryUpload(world.gateway.port, name, bytes)).pathname;
            await isWhole(await documentOf(place), name, bytes);
        }
    });
}

function killedGateways() {
    test('a gateway killed while it receives costs no more than its last part', async () => {
        const bytes = randomBytes(limit), name = 'killed.bin';
        const place = await mine.begin(bytes.length, name, topic);
        const before = await read();
        const raw = await mine.rawPatch(place, 0, bytes.length, bytes.subarray(0, 36 * mega));
        await until(async () => await read() === before + 36 * mega, 'the bytes to be read');
        await restart();
        raw.end();
        const offset = await mine.offset(place);
        assert.ok(offset >= 36 * mega - 2 * part && offset <= 36 * mega, String(offset));
        assert.ok(offset >= part, String(offset));
        assert.equal((await mine.patch(place, offset, bytes.subarray(offset))).status, 200);
        await isWhole(await documentOf(place), name, bytes);
    });

    test('a gateway killed while it puts the parts together: whoever looks has it done', async () => {
        let unfinished = 0;
        for (let i = 0; i < 8; i++) {
            const bytes = randomBytes(20 * mega + i), name = `halfway ${i}.bin`;
            const place = await mine.begin(bytes.length, name, topic);
            await mine.patch(place, 0, bytes.subarray(0, 19 * mega));
            const last = mine.patch(place, 19 * mega, bytes.subarray(19 * mega)).catch(() => 'cut');
            await until(() => world.cluster.value('SELECT coalesce(sum(size), 0) = $1 FROM onefin.upload_part WHERE upload_id = $2',
                [bytes.length, place.split('/').at(-1)]), 'all bytes to be on record');
            await sleep(i * 4);
            await restart();
            unfinished += await last === 'cut';
            const looked = i % 2 ? await there.head(place) : await mine.patch(place, bytes.length, '');
            assert.equal(looked.status, 200);
            await isWhole(await documentOf(place), name, bytes);
        }
        assert.ok(unfinished > 0, 'none was killed while putting together');
    });

    test('a gateway that is stopped lets what comes come to its end', async () => {
        const bytes = randomBytes(mega), name = 'drained.bin';
        const place = await there.begin(bytes.length, name, topic);
        const before = await read(other);
        const raw = await there.rawPatch(place, 0, bytes.length, bytes.subarray(0, 1000));
        await until(async () => await read(other) === before + 1000, 'the first bytes to be read');
        other.process.kill('SIGTERM');
        await until(() => /msg="stopping"/.test(other.log()), 'the gateway to stop');
        raw.send(bytes.subarray(1000));
        assert.equal((await raw.answer()).status, 200);
        await other.ended;
        await isWhole(await documentOf(place), name, bytes);
    });

    test('what took too long is gone, and so are its bytes', async () => {
        const place = await mine.begin(10, 'late.bin', topic);
        await mine.patch(place, 0, '01234');
        await world.cluster.query("UPDATE onefin.upload SET at = now() - interval '1 year'");
        await isClean();
        await connect();
        assert.equal((await mine.head(place)).status, 404);
    });
}

export function resumableSuite({ store }) {
    before(async () => {
        world = await World.start({ store, settings: { max_upload: limit } });
        other = await Gateway.start(world.cluster, { store: world.gateway.store, max_upload: limit, ...world.s3?.settings }, world.s3?.credentials);
        topic = world.firm.orgs.Anor.topics.contract;
        await connect();
    });
    after(async () => {
        other.remove();
        await world.end();
    });
    protocol();
    refusals();
    badLines();
    killedGateways();
}
