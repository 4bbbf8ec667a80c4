// Documents while everything dies: people upload and send, staff's are stamped, and at random times a gateway, its
// worker or the S3 server is killed. In the end each document that was acknowledged is ready, or failed with a
// reason; nobody ever got an original of staff's; and the store holds what is on record, and nothing else.
//
//   UPLOADS=500 KILLS=60 SEED=... node --test test/gateway/documents-kill.test.mjs     a long run; a run again

import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { png } from '../lib/made.mjs';
import { documents, missing } from '../lib/real.mjs';
import { sleep, until } from '../lib/scratch.mjs';
import { Random } from '../oracle/random.mjs';

const uploads = Number(process.env.UPLOADS ?? 40);
const kills = Number(process.env.KILLS ?? 8);
const seed = Number(process.env.SEED ?? Date.now() % 1000000);
const random = new Random(seed);
const hash = bytes => createHash('sha256').update(bytes).digest('hex');
let world, gateways, topic;
const originals = new Set(); // hashes of what staff uploaded
const acknowledged = new Map(); // document -> {bytes, byStaff, good}

/** A file, and whether it can be stamped. */
function paper() {
    const kind = random.weighted({ picture: 40, real: missing ? 0 : 45, broken: 15 });
    if (kind === 'picture')
        return { bytes: png(), good: true };
    if (kind === 'broken')
        return { bytes: Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(2000)]), good: false };
    return { bytes: Buffer.concat([random.of(documents()).bytes, Buffer.from(`\n% ${randomUUID()}\n`)]), good: true };
}

before(async () => {
    world = await World.start({ store: 's3', pg: ['fsync=on'], settings: { s3_timeout: 3, call_timeout: 5 } });
    gateways = [world.gateway, await Gateway.start(world.cluster, world.s3.settings, world.s3.credentials)];
    topic = world.firm.orgs.Anor.topics.invoice;
});
after(async () => {
    gateways[1].remove();
    await world.end();
});

/** Until it is done: through whatever gateway is there. */
async function persist(attempt) {
    for (;;) {
        try {
            return await attempt(random.of(gateways));
        } catch (error) {
            if (error instanceof assert.AssertionError)
                throw error;
            await sleep(100);
        }
    }
}

async function ask(gateway, token, path, init = {}) {
    const answer = await fetch(`${gateway.http}${path}`, { ...init, headers: { Authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(20000) });
    if (answer.status >= 500)
        throw new Error(`${answer.status}`);
    return answer;
}

/** What is sent is seen by others: only what a message carries counts as acknowledged. */
async function upload(person, byStaff) {
    const { bytes, good } = paper();
    if (byStaff)
        originals.add(hash(bytes));
    const { result } = await persist(async gateway => {
        const answer = await ask(gateway, person.token, `/files?topic=${topic}&name=paper`, { method: 'POST', body: bytes });
        const body = await answer.text();
        assert.equal(answer.status, 201, body);
        return JSON.parse(body);
    });
    await person.call('send', { topic, text: 'a paper', client_key: randomUUID(), documents: [result.id] });
    acknowledged.set(result.id, { bytes, byStaff, good });
}

const killed = { gateway: 0, worker: 0, store: 0 };
const children = pid => readdirSync('/proc').filter(name => /^\d+$/.test(name)).filter(name => {
    try {
        return readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1].split(' ')[1] === String(pid);
    } catch {
        return false; // it is gone
    }
}).map(Number);

async function kill() {
    const what = random.weighted({ gateway: 40, worker: 35, store: 25 });
    killed[what]++;
    const gateway = random.of(gateways);
    if (what === 'worker') {
        for (const pid of children(gateway.process.pid)) {
            try {
                process.kill(pid, 'SIGKILL');
            } catch (error) {
                assert.equal(error.code, 'ESRCH'); // it has ended by itself
            }
        }
    } else if (what === 'gateway') {
        await gateway.kill();
        await sleep(random.below(1000));
        await gateway.run();
    } else {
        await world.s3.kill();
        await sleep(random.below(1500));
        await world.s3.run();
    }
}

/** A client who asks for everything, all the time: whatever comes is no original of staff's. */
async function nosy(client, goOn) {
    let got = 0;
    while (goOn()) {
        const id = random.of([...acknowledged.keys()]);
        if (id) {
            const bytes = await ask(random.of(gateways), client.token, `/files/${id}`)
                .then(async answer => answer.status === 200 ? Buffer.from(await answer.arrayBuffer()) : undefined).catch(() => undefined);
            if (bytes) {
                assert.ok(!originals.has(hash(bytes)), `document ${id} unstamped`);
                got++;
            }
        }
        await sleep(30);
    }
    return got;
}

test(`${uploads} uploads, ${kills} kills, seed ${seed}`, async t => {
    const [client, ...staff] = await Promise.all(['kim', 'ann', 'nora', 'ada'].map(login => world.enter(login)));
    let left = uploads, done = false;
    const watching = nosy(client, () => !done);
    const killing = (async () => {
        for (let n = 0; n < kills && !done; n++) {
            await sleep(300 + random.below(700));
            await kill();
        }
    })();
    await Promise.all([client, ...staff].map(async person => {
        while (left-- > 0)
            await upload(person, person !== client);
    }));
    await killing;
    done = true;
    const got = await watching;
    await until(async () => await world.cluster.value("SELECT count(*) FROM onefin.document WHERE state = 'stamping'") === 0,
        'all documents to be stamped', 240);
    t.diagnostic(`killed: ${JSON.stringify(killed)}; ${got} downloads meanwhile; ${await world.cluster.value('SELECT max(attempt) FROM onefin.job') ?? 0} attempts at most of those that failed`);

    assert.equal(acknowledged.size, uploads);
    const states = new Map((await world.cluster.query('SELECT id, state, reason FROM onefin.document')).map(row => [row.id, row]));
    for (const [id, { bytes, byStaff, good }] of acknowledged) {
        const { state, reason } = states.get(id);
        assert.deepEqual([state, reason], !byStaff || good ? ['ready', null] : ['failed', 'broken'], `document ${id}`);
        const answer = await ask(gateways[0], world.admin.token, `/files/${id}/original`);
        assert.equal(hash(Buffer.from(await answer.arrayBuffer())), hash(bytes), `original of document ${id}`);
        const shown = await ask(gateways[1], client.token, `/files/${id}`);
        assert.equal(shown.status, state === 'ready' ? 200 : 409);
        const shownHash = hash(Buffer.from(await shown.arrayBuffer()));
        assert.equal(shownHash === hash(bytes), state === 'ready' && !byStaff, `document ${id} as a client gets it`);
    }

    // Time passes; the gateways sweep when they start. Previews of clients' files may still be on their way.
    await until(async () => await world.cluster.value("SELECT count(*) FROM onefin.job WHERE state <> 'failed'") === 0, 'all jobs to be done', 120);
    await world.cluster.query('UPDATE onefin.store_key SET remove_at = now()');
    for (const gateway of gateways) {
        await gateway.stop();
        await gateway.run();
    }
    await until(async () => await world.cluster.value('SELECT count(*) FROM onefin.store_key') === 0, 'the sweep', 60);
    const keys = await world.cluster.query('SELECT unnest(ARRAY[store_key, stamped_key, preview_key]) AS key FROM onefin.document');
    assert.deepEqual((await world.stored()).sort(), keys.map(({ key }) => key).filter(Boolean).sort());
});
