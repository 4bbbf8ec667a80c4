// The S3 store when things go wrong: credentials, clock, bucket, line, server, gateway. Nothing is ever half
// there, the log says what to do, and it never has a secret.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { download, upload } from '../lib/files.mjs';
import { World } from '../lib/firm.mjs';
import { error, Front } from '../lib/front.mjs';
import { built, Gateway } from '../lib/gateway.mjs';
import { head, Raw } from '../lib/raw.mjs';
import { S3 } from '../lib/s3.mjs';
import { scratchFolder, until } from '../lib/scratch.mjs';
import { Toxic } from '../lib/toxic.mjs';

const MiB = 1 << 20; // what has more than 8 of them goes up in parts
let world, s3, kim, ann, topic;

before(async () => {
    world = await World.start({ store: 's3' });
    s3 = world.s3;
    topic = world.firm.orgs.Anor.topics.contract;
    [kim, ann] = await Promise.all(['kim', 'ann'].map(login => world.connect(login)));
});
after(() => world.end());

/** A gateway on the store, with other settings, for as long as `use` takes; its log at last. */
async function during(settings, use, credentials = s3.credentials) {
    const gateway = await Gateway.start(world.cluster, { ...s3.settings, s3_timeout: 2, ...settings }, credentials);
    try {
        await use(gateway);
        return gateway.log();
    } finally {
        const { status } = await gateway.stop();
        gateway.remove();
        assert.equal(status, 0);
    }
}

/** Up and down through the gateway, byte for byte. */
async function roundTrip(gateway, bytes, way = gateway) {
    const { status, body } = await upload(gateway, kim, topic, 'a.bin', bytes);
    assert.equal(status, 201, JSON.stringify(body));
    await kim.call('send', { topic, text: 'here', client_key: randomUUID(), documents: [body.result.id] });
    const answer = await download(way, ann, body.result.id);
    assert.equal(answer.status, 200);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes), 'byte for byte');
    return body.result;
}

/** The upload fails as a failure of the store does. */
async function fails(gateway, size = 10, hint = /operator/) {
    const { status, body } = await upload(gateway, kim, topic, 'fails.bin', randomBytes(size));
    assert.equal(status, 500, JSON.stringify(body));
    assert.equal(body.error.code, -32603);
    assert.match(body.error.data.hint, hint);
    assert.equal((await fetch(`${gateway.http}/healthz`)).status, 200, 'it lives on');
}

/** What is in the store, for comparing. */
const stored = async () => JSON.stringify((await world.stored()).sort());
const comesBackTo = before => until(async () => await stored() === before, 'nothing to be left in the store');

const keyOf = document => world.cluster.value('SELECT store_key FROM onefin.document WHERE id = $1', [document.id]);
const says = (gateway, pattern) => until(() => pattern.test(gateway.log()), `the log to say ${pattern}`);

test('at start the log says that the bucket answers', () => says(world.gateway, /level=info msg="store: s3: bucket files answers"/));

/** What a transfer has cost in tries. */
const retries = async gateway => (await gateway.metrics()).samples.onefin_gateway_store_retries;

test('a wrong key, an unknown key id, a bucket that is not there: the log says which', async () => {
    const before = await stored();
    const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = s3.credentials;
    for (const [settings, credentials, pattern] of [
        [{}, { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: `x${secret}` }, /SignatureDoesNotMatch: .*mend the credentials/],
        [{}, { AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: secret }, /SignatureDoesNotMatch: .*the access key id.* is wrong/], // so says Swift
        [{ s3_bucket: 'elsewhere' }, s3.credentials, /NoSuchBucket: there is no such bucket; make it/],
    ]) {
        const log = await during(settings, async gateway => {
            await says(gateway, pattern);
            await fails(gateway);
            await fails(gateway, 9 * MiB);
        }, credentials);
        assert.match(log, /try 1: 40[34]/, 'it does not help to try again');
        assert.ok(!log.includes(credentials.AWS_SECRET_ACCESS_KEY));
    }
    assert.equal(await stored(), before);
});

test('without bucket or credentials the gateway does not start, and says why', async () => {
    for (const [settings, credentials, pattern] of [
        [{ s3_bucket: '' }, s3.credentials, /no bucket; set s3_bucket/],
        [{}, { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: '' }, /no credentials; set AWS_ACCESS_KEY_ID/],
        [{ s3_credentials: '/nowhere' }, {}, /cannot read \/nowhere: No such file/],
    ])
        assert.match(startsNot(settings, credentials), pattern);
});

/** What a gateway says that does not start. */
function startsNot(settings, credentials) {
    const folder = scratchFolder();
    const config = join(folder.path, 'gateway.conf');
    const all = { ...s3.settings, port: 0, ...settings };
    writeFileSync(config, Object.entries(all).map(([name, value]) => `${name} = ${value}\n`).join(''));
    const { status, stderr } = spawnSync(built('gateway/onefin-gateway'), ['-c', config],
        { env: { ...process.env, ...credentials }, encoding: 'utf8' });
    folder.remove();
    assert.equal(status, 1);
    return stderr;
}

test('credentials from a file, and the bucket in the name of the host', async () => {
    const folder = scratchFolder();
    const file = join(folder.path, 'credentials');
    writeFileSync(file, `[other]\naws_access_key_id = wrong\n[default]\n# a comment\naws_access_key_id = ${s3.key}\n`
        + `aws_secret_access_key=${s3.secret}\n`, { mode: 0o600 });
    const settings = { s3_credentials: file, s3_style: 'host', s3_endpoint: `http://localhost:${s3.port}/` };
    await during(settings, gateway => roundTrip(gateway, randomBytes(9 * MiB)), {});
    folder.remove();
});

test('clocks that differ: the log says by how much', async () => {
    const skewed = await S3.start();
    await skewed.kill();
    await skewed.run('+1h');
    const log = await during(skewed.settings, gateway => fails(gateway), skewed.credentials);
    assert.match(log, /RequestTimeTooSkewed: the clocks differ; set this machine's by NTP \(by -3\d\d\d s\)/);
    skewed.remove();
});

test('nothing listens: an error in time, and all is well once something does', async () => {
    const before = await stored();
    await s3.kill();
    await during({}, async gateway => {
        await says(gateway, /nothing answers there/);
        await fails(gateway);
        await fails(gateway, 9 * MiB);
        await s3.run();
        await comesBackTo(before);
        await says(gateway, /bucket files answers/);
        await roundTrip(gateway, randomBytes(9 * MiB));
    });
});

test('a server that is killed and comes back is waited for', async () => {
    await during({ s3_timeout: 60 }, async gateway => {
        const bytes = randomBytes(17 * MiB);
        const done = roundTrip(gateway, bytes);
        await until(async () => (await s3.uploads()).length, 'the upload to be under way').catch(() => {});
        await s3.kill();
        await s3.run();
        await done;
    });
});

test('a silent store: an error in time', async () => {
    const sockets = [];
    const silent = createServer(socket => sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const log = await during({ s3_endpoint: `http://127.0.0.1:${silent.address().port}` }, gateway => fails(gateway));
    assert.match(log, /it is silent, or too slow/);
    sockets.forEach(socket => socket.destroy());
    silent.close();
});

test('a slow line is no failure', async () => {
    const toxic = await Toxic.start({ port: s3.port, host: '127.0.0.1' });
    toxic.hinder = size => new Promise(done => setTimeout(done, size / 2000)); // 2 MB a second
    await during({ s3_endpoint: `http://127.0.0.1:${toxic.port}` }, async gateway => {
        await roundTrip(gateway, randomBytes(9 * MiB));
        assert.equal(await retries(gateway), 0);
    });
    await toxic.close();
});

test('a line cut in the middle of parts, going up and coming down', async () => {
    const toxic = await Toxic.start({ port: s3.port, host: '127.0.0.1' });
    toxic.cutAfter = 20 * MiB;
    await during({ s3_endpoint: `http://127.0.0.1:${toxic.port}` }, async gateway => {
        await roundTrip(gateway, randomBytes(42 * MiB));
        assert.ok(await retries(gateway) > 2, `${await retries(gateway)} tries more`);
    });
    await toxic.close();
});

/** A gateway behind an HTTP proxy before the store. */
async function behindFront(trouble, use, settings = {}) {
    const front = await Front.start(s3);
    front.trouble = trouble;
    try {
        return await during({ s3_endpoint: front.endpoint, ...settings }, gateway => use(gateway, front));
    } finally {
        front.close();
    }
}

test('"slow down" and failures of the server: what passes is tried again, what lasts is an error', async () => {
    let count = 0;
    const now = [error(503, 'SlowDown'), error(500, 'InternalError'), error(429, 'Strange'), { status: 502, headers: {}, body: '' }];
    await behindFront(() => count++ % 2 ? undefined : now[count % 8 >> 1], gateway => roundTrip(gateway, randomBytes(17 * MiB)),
        { s3_timeout: 60 });
    const before = await stored();
    const log = await behindFront(() => error(503, 'SlowDown'), gateway => fails(gateway, 9 * MiB));
    assert.match(log, /try [2-9]: 503 SlowDown: the store is overloaded/);
    await comesBackTo(before);
});

test('no right, a full store, a quota: an error at once, told as what it is', async () => {
    const before = await stored();
    for (const [answer, hint, pattern] of [
        [error(403, 'AccessDenied'), /operator/, /AccessDenied: the credentials lack a right/],
        [error(403, 'InvalidAccessKeyId'), /operator/, /InvalidAccessKeyId: the store does not know the access key id/],
        [error(507, 'XMinioStorageFull'), /full/, /the store is full/],
        [error(403, 'QuotaExceeded'), /full/, /its quota is used up/],
    ]) {
        const log = await behindFront(what => what.startsWith('PUT') ? answer : undefined, async (gateway, front) => {
            await fails(gateway, 10, hint);
            assert.equal(front.requests.filter(what => what.startsWith('PUT')).length, 1, 'one try');
            await fails(gateway, 12 * MiB, hint);
        });
        assert.match(log, pattern);
        await comesBackTo(before);
    }
});

test('what the line spoils is found by the store, and sent again', async () => {
    const spoiled = new Set();
    const once = what => what.startsWith('PUT') && !spoiled.has(what) && spoiled.add(what) ? 'spoil' : undefined;
    await behindFront(once, async gateway => {
        await roundTrip(gateway, randomBytes(1000));
        await roundTrip(gateway, randomBytes(17 * MiB));
        assert.equal(spoiled.size, 4, 'one object, and three parts');
        assert.equal(await retries(gateway), 4);
    });
});

test('an answer that was lost: the object is there once, and known', async () => {
    const forgotten = new Set();
    const once = what => /^(PUT|POST|DELETE)/.test(what) && !forgotten.has(what) && forgotten.add(what) ? 'forget' : undefined;
    await behindFront(once, async gateway => {
        await roundTrip(gateway, randomBytes(1000));
        await roundTrip(gateway, randomBytes(12 * MiB));
    });
    assert.ok([...forgotten].some(what => /^POST .*uploadId=/.test(what)), 'the completion among them');
    await until(async () => (await s3.uploads()).length === 0, 'the upload of the first answer to be ended');
});

/** Begins an upload of `size` bytes, and sends only some of them. */
async function beginUpload(gateway, size, sent) {
    const raw = await Raw.connect(gateway);
    raw.send(head(`POST /files?topic=${topic}&name=half.bin HTTP/1.1`,
        { Host: 'x', Authorization: `Bearer ${kim.token}`, 'Content-Length': size }), randomBytes(sent));
    return raw;
}

test('a client who leaves in the middle leaves nothing', async () => {
    const before = await stored();
    const raw = await beginUpload(world.gateway, 17 * MiB, 12 * MiB);
    await until(async () => await stored() !== before, 'the upload to begin');
    raw.end();
    await comesBackTo(before);
});

test('a gateway killed in the middle: no object; what it left goes with its key', async () => {
    const objects = (await s3.objects()).length;
    const gateway = await Gateway.start(world.cluster, s3.settings, s3.credentials);
    const raw = await beginUpload(gateway, 17 * MiB, 12 * MiB);
    const [left] = await until(async () => (await s3.uploads()).length && s3.uploads(), 'the upload to begin');
    await gateway.kill();
    raw.end();
    gateway.remove();
    assert.equal((await s3.objects()).length, objects);
    assert.deepEqual(await s3.uploads(), [left]);
    await s3.ask('DELETE', `/${left}?uploadId=${await s3.uploadId(left)}`);

    const org = await world.firm.org('Left', world.firm.departments.North);
    await world.firm.account('pat', 'client', { org: org.id });
    const pat = await world.connect('pat');
    const { body } = await upload(world.gateway, pat, org.topics.contract, 'a.bin', randomBytes(12 * MiB));
    const key = await keyOf(body.result);
    for (let i = 0; i < 3; i++)
        await s3.ask('POST', `/${key}?uploads=`);
    assert.equal((await s3.uploads()).length, 3);
    await world.admin.call('settings', { name: 'retention_days', value: 0 });
    await world.admin.call('orgs', { id: org.id, archived: true });
    await world.admin.call('erase', { org: org.id, reason: 'left' });
    await until(async () => !(await s3.objects()).includes(key), 'the object to go');
    assert.deepEqual(await s3.uploads(), []);
});

test('many uploads at once wait for memory, and none for ever', async () => {
    await during({ s3_memory: '16m', s3_timeout: 60 }, async gateway => {
        let most = 0, all = false;
        const done = Promise.all(Array.from({ length: 8 }, () => roundTrip(gateway, randomBytes(19 * MiB))));
        const watching = until(async () => {
            most = Math.max(most, (await gateway.metrics()).samples.onefin_gateway_store_memory);
            return all;
        }, 'the uploads', 300);
        await done.finally(() => { all = true; });
        await watching;
        assert.ok(most <= 24 * MiB, `${most} bytes: the limit, and one part more`);
        assert.ok(most > 10 * MiB, `${most} bytes: so many were under way`);
        assert.equal((await gateway.metrics()).samples.onefin_gateway_store_memory, 0);
    });
});

test('TLS: a certificate that is not trusted is refused, one of the authority in s3_ca is not', async () => {
    const folder = scratchFolder();
    const [key, cert] = ['key', 'cert'].map(name => join(folder.path, name));
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
        '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const front = await Front.start(s3, { key: readFileSync(key), cert: readFileSync(cert) });
    const log = await during({ s3_endpoint: front.endpoint }, gateway => fails(gateway));
    assert.match(log, /try 1: its certificate is not trusted; mend it, or s3_ca/);
    await during({ s3_endpoint: front.endpoint, s3_ca: cert }, gateway => roundTrip(gateway, randomBytes(9 * MiB)));
    front.close();
    folder.remove();
});

test('no secret in the log, however talkative, in metrics, or in errors', async () => {
    const telltale = error(400, 'Strange', `of ${s3.key}, whose secret is ${s3.secret}`);
    const said = [];
    const log = await behindFront(() => telltale, async gateway => {
        const { body } = await upload(gateway, kim, topic, 'a.bin', 'x');
        said.push(JSON.stringify(body), (await gateway.metrics()).text);
        await says(gateway, /the store does not accept it/);
    }, { log_level: 'debug' });
    for (const text of [log, ...said])
        for (const word of [s3.key, s3.secret])
            assert.ok(!text.includes(word), text);
});

test('a presigned address is good for its object and its time', async t => {
    await during({ presign_seconds: 3 }, async gateway => {
        const bytes = randomBytes(9 * MiB);
        const document = await roundTrip(gateway, bytes);
        const link = await fetch(`${gateway.http}/files/${document.id}/link`, { headers: { Authorization: `Bearer ${ann.token}` } });
        if (link.status === 404)
            return t.skip('there is no GET /files/ID/link yet');
        const { result: { url, expires_in: seconds } } = await link.json();
        assert.equal(seconds, 3);
        const answer = await fetch(url);
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get('content-type'), document.type);
        assert.equal(answer.headers.get('content-disposition'), "attachment; filename*=UTF-8''a.bin");
        assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes));
        const other = await keyOf(await roundTrip(gateway, randomBytes(10)));
        assert.equal((await fetch(url.replace(await keyOf(document), other))).status, 403, 'another object');
        assert.equal((await fetch(url.replace('X-Amz-Expires=3', 'X-Amz-Expires=30'))).status, 403, 'a longer time');
        assert.equal((await fetch(url.replace('attachment', 'inline'))).status, 403, 'another disposition');
        await until(async () => (await fetch(url)).status === 403, 'its time to end');
    });
});
