// Documents while gateways, workers and the S3 server are killed at random: DOCUMENTS=500 for as many.
// What was acknowledged is ready in the end, its original is as it was sent, no client got anything
// unstamped meanwhile, and nothing is in the store that nobody knows of.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { after, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { pdf, png } from '../lib/made.mjs';
import { sleep, until } from '../lib/scratch.mjs';
import { Tus, sha256 } from '../lib/tus.mjs';

const count = Number(process.env.DOCUMENTS ?? 60);
const random = n => Math.floor(Math.random() * n);
let world, gateways, topic, over = false;

/** Of a process all that came of it, by what the kernel says. */
function descendants(pid) {
    const parents = readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap(name => {
        try {
            return [[Number(name), Number(readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')[1])]];
        } catch {
            return []; // it ended meanwhile
        }
    });
    const below = of => parents.filter(([, parent]) => parent === of).flatMap(([child]) => [child, ...below(child)]);
    return below(pid);
}

async function trouble() {
    const gateway = gateways[random(2)], kind = random(4);
    if (kind === 0) {
        await world.s3.kill();
        await sleep(random(500));
        await world.s3.run();
    } else if (kind === 1) {
        await gateway.kill();
        await gateway.run();
    } else {
        for (const pid of descendants(gateway.process.pid))
            try {
                process.kill(pid, 'SIGKILL');
            } catch {
                // it ended meanwhile
            }
    }
}

async function troubles() {
    let n = 0;
    for (; !over; n++) {
        await trouble();
        await sleep(300 + random(900));
    }
    return n;
}

/** Until it works; what the last try gave. */
async function insist(step) {
    for (;;) {
        const result = await step(gateways[random(2)]).catch(() => undefined);
        if (result)
            return result;
        await sleep(50 + random(200));
    }
}

async function post(token, name, bytes) {
    return insist(async gateway => {
        const answer = await fetch(`${gateway.http}/files?topic=${topic}&name=${name}`,
            { method: 'POST', headers: { Authorization: `Bearer ${token}` }, body: bytes });
        return answer.status === 201 && (await answer.json()).result;
    });
}

async function resume(token, name, bytes) {
    const place = await insist(gateway => new Tus(gateway, token).begin(bytes.length, name, topic));
    return insist(async gateway => {
        const tus = new Tus(gateway, token), offset = await tus.offset(place);
        const end = random(2) ? bytes.length : Math.min(bytes.length, offset + 1 + random(bytes.length));
        const { status, body } = await tus.patch(place, offset, bytes.subarray(offset, end));
        return status === 200 && body.result;
    });
}

const acknowledged = []; // {id, sha256, staff}

async function person(token, staff, share) {
    for (let i = 0; i < share; i++) {
        const bytes = random(2) ? png(400 + random(200), 300 + random(100)) : pdf(`page ${randomUUID()} of`, 1 + random(3));
        const { id, sha256: told } = await (random(2) ? post : resume)(token, `${staff ? 'staff' : 'client'} ${i}.bin`.replace(' ', '-'), bytes);
        acknowledged.push({ id, sha256: sha256(bytes), staff });
        if (!staff)
            assert.equal(told, sha256(bytes));
    }
}

/** A client who looks at everything all the time; how often there was something. */
async function watch(token, get) {
    let seen = 0;
    while (!over) {
        const one = acknowledged[random(acknowledged.length)];
        const bytes = one?.staff && await get(token, one.id).catch(() => undefined);
        if (bytes) {
            seen++;
            assert.notEqual(sha256(bytes), one.sha256, `document ${one.id} was there unstamped`);
        }
        await sleep(20);
    }
    return seen;
}

async function get(token, id, variant = '') {
    const answer = await fetch(`${gateways[random(2)].http}/files/${id}${variant}`, { headers: { Authorization: `Bearer ${token}` } });
    const bytes = Buffer.from(await answer.arrayBuffer());
    return answer.status === 200 && bytes;
}

const jobs = which => world.cluster.value(`SELECT count(*) FROM onefin.job WHERE ${which}`);

test(`${count} uploads`, async () => {
    const settings = { s3_timeout: 2 };
    world = await World.start({ store: 's3', settings });
    const second = await Gateway.start(world.cluster, { ...world.s3.settings, ...settings }, world.s3.credentials);
    gateways = [world.gateway, second];
    topic = world.firm.orgs.Anor.topics.contract;
    const [ann, kim, ada] = (await Promise.all(['ann', 'kim', 'ada'].map(login => world.connect(login)))).map(one => one.token);
    // So that the client may look: each document is sent as soon as it is there.
    await world.cluster.query(`CREATE FUNCTION send() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.message_id := 1; RETURN NEW; END $$;
        CREATE TRIGGER send BEFORE INSERT ON onefin.document FOR EACH ROW EXECUTE FUNCTION send()`);
    const troubled = troubles(), watched = watch(kim, get);
    await Promise.all([person(ann, true, count / 4), person(ann, true, count / 4), person(ann, true, count / 4), person(kim, false, count / 4)]);
    await sleep(2000);
    over = true;
    const [n, seen] = await Promise.all([troubled, watched]);
    assert.equal(acknowledged.length, count);

    // All are back. What was tried eight times meanwhile has failed, with a reason, and an admin has it tried again.
    const failed = await until(async () => {
        await world.cluster.query("UPDATE onefin.job SET due_at = now() WHERE state = 'waiting'");
        await sleep(2000);
        return await jobs("state <> 'failed'") === 0 && world.cluster.query("SELECT id, reason FROM onefin.job");
    }, 'no job to be left', 300);
    const again = await world.connect('ada');
    for (const { id, reason } of failed) {
        assert.ok(['died', 'store', 'time'].includes(reason), reason);
        await again.call('retry_job', { job: id });
    }
    await until(async () => await jobs('true') === 0, 'what had failed to be done', 120);
    const states = new Map((await world.cluster.query('SELECT id, state FROM onefin.document')).map(row => [row.id, row.state]));
    for (const { id, sha256: hash, staff } of acknowledged) {
        assert.equal(states.get(id), 'ready', `document ${id}`);
        assert.equal(sha256(await get(ada, id, '/original')), hash);
        const bytes = await get(kim, id);
        assert.equal(sha256(bytes) === hash, !staff, `document ${id}`);
    }
    assert.deepEqual([...states.values()].filter(state => state !== 'ready'), [], 'what was not acknowledged, too');

    // What nobody knows of goes when its time is over.
    await world.cluster.query('UPDATE onefin.store_key SET remove_at = now()');
    await world.gateway.kill();
    await world.gateway.run();
    await until(async () => {
        const keys = await world.cluster.query('SELECT k FROM onefin.document, unnest(ARRAY[store_key, stamped_key, preview_key]) k WHERE k IS NOT NULL');
        assert.deepEqual((await world.s3.objects()).sort(), keys.map(row => row.k).sort());
        return (await world.s3.uploads()).length === 0;
    }, 'the store to have what is on record, and nothing else', 120);
    console.log(`# ${n} troubles, ${failed.length} failed on the way, ${states.size} documents on record, ${seen} looks at one that was there`);
    assert.ok(seen > 0);
});

after(async () => {
    over = true;
    gateways?.[1].remove();
    await world?.end();
});
