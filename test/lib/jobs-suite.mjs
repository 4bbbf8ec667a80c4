// Jobs: what staff upload is stamped, and everybody's files get previews, whatever is killed meanwhile.
// The same for every store: jobsSuite({ store: 'dir' }) has the tests run over it.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { World } from './firm.mjs';
import { Gateway } from './gateway.mjs';
import { pdf, png } from './made.mjs';
import { scratchFolder, sleep, until } from './scratch.mjs';
import { sha256 } from './tus.mjs';

let world, other, kim, ann, ada, topic, spool;

async function upload(who, name, bytes, gateway = world.gateway) {
    const answer = await fetch(`${gateway.http}/files?topic=${topic}&name=${encodeURIComponent(name)}`,
        { method: 'POST', headers: { Authorization: `Bearer ${who.token}` }, body: bytes });
    const { result, error } = await answer.json();
    assert.equal(answer.status, 201, JSON.stringify(error));
    return result;
}

/** {status, type, bytes} of what somebody gets of a document. */
async function get(who, id, variant = '') {
    const answer = await fetch(`${world.gateway.http}/files/${id}${variant}`, { headers: { Authorization: `Bearer ${who.token}` } });
    return { status: answer.status, type: answer.headers.get('content-type'), bytes: Buffer.from(await answer.arrayBuffer()) };
}

const send = documents => ann.call('send', { topic, text: 'see', client_key: randomUUID(), documents });
const state = async id => (await world.cluster.query(
    'SELECT state, reason, preview_key IS NOT NULL AS preview FROM onefin.document WHERE id = $1', [id]))[0];
const becomes = (id, wanted) => until(async () => (await state(id)).state === wanted, `document ${id} to be ${wanted}`);
const jobs = () => world.cluster.value('SELECT count(*) FROM onefin.job');
const idle = () => until(async () => await jobs() === 0, 'no job to be left');

/** No gateway takes a job that is made from now on, until release() has them all due. */
const hold = () => world.cluster.query(`CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.due_at := now() + interval '1 day'; RETURN NEW; END $$;
    CREATE TRIGGER later BEFORE INSERT ON onefin.job FOR EACH ROW EXECUTE FUNCTION later()`);
const release = () => world.cluster.query('DROP TRIGGER later ON onefin.job; DROP FUNCTION later; UPDATE onefin.job SET due_at = now()');

/** Attempts that gateways have no more: as when each had been dead for 30 s. */
const expire = () => world.cluster.query("UPDATE onefin.job SET lease_until = now() WHERE state = 'running'");
/** What failed is tried again at once. */
const hurry = () => world.cluster.query("UPDATE onefin.job SET due_at = now() WHERE state = 'waiting'");

/** Of all gateways, ended jobs of this outcome. */
async function ended(outcome, kind = 'stamp') {
    const counts = await Promise.all([world.gateway, other].map(async gateway =>
        (await gateway.metrics()).samples[`onefin_gateway_jobs{kind="${kind}",outcome="${outcome}"}`]));
    return counts;
}

const sum = counts => counts.reduce((a, b) => a + b);

/** Nothing is in the store but what is on record, once all that is nobody's was looked for. */
async function isClean() {
    await world.cluster.query('UPDATE onefin.store_key SET remove_at = now()');
    await world.gateway.kill();
    await world.gateway.run();
    await until(async () => {
        const keys = await world.cluster.query('SELECT k FROM onefin.document, unnest(ARRAY[store_key, stamped_key, preview_key]) k WHERE k IS NOT NULL');
        const stored = (await world.stored()).filter(name => /-/.test(name)); // a killed gateway's are swept later
        assert.deepEqual(stored.map(name => name.split('/').at(-1)).sort(), keys.map(row => row.k.split('/').at(-1)).sort());
        return true;
    }, 'the store to have what is on record, and nothing else');
    await connect();
}

async function connect() {
    [kim, ann, ada] = await Promise.all(['kim', 'ann', 'ada'].map(login => world.connect(login)));
}

function ordinary() {
    test('what staff upload is nobody\'s before it is stamped; then everybody gets the stamped one', async () => {
        await hold();
        const bytes = pdf('invoice', 2);
        const { id, state: first } = await upload(ann, 'invoice.pdf', bytes);
        assert.equal(first, 'stamping');
        await send([id]);
        for (const who of [kim, ann])
            for (const variant of ['', '/preview', '/original'])
                assert.equal((await get(who, id, variant)).status, variant === '/original' ? 403 : 409);
        assert.ok((await get(ada, id, '/original')).bytes.equals(bytes));
        await release();
        const { document } = await kim.notified('event', event => event.kind === 'document.ready' && event.document.id === id);
        assert.deepEqual([document.state, document.stamped, document.preview, document.type], ['ready', true, true, 'application/pdf']);
        assert.equal(document.original.sha256, sha256(bytes));
        const stamped = await get(kim, id);
        assert.equal(stamped.status, 200);
        assert.equal(sha256(stamped.bytes), document.sha256);
        assert.equal(stamped.bytes.length, document.size);
        assert.notEqual(document.sha256, sha256(bytes));
        const preview = await get(kim, id, '/preview');
        assert.deepEqual([preview.status, preview.type, preview.bytes.subarray(8, 12).toString()], [200, 'image/webp', 'WEBP']);
        assert.ok((await get(ada, id, '/original')).bytes.equals(bytes));
        assert.equal((await get(kim, id, '/original')).status, 403);
    });

    test('what a client uploads is there at once, as it is, and gets a preview', async () => {
        const bytes = png(), { id, state: first } = await upload(kim, 'photo.png', bytes);
        assert.equal(first, 'ready');
        await until(async () => (await state(id)).preview, 'its preview');
        assert.ok((await get(kim, id)).bytes.equals(bytes));
        assert.equal((await get(kim, id, '/preview')).type, 'image/webp');
    });

    test('what cannot be stamped has failed, with a reason that all see; an admin has it tried again', async () => {
        const bytes = Buffer.concat([pdf('x').subarray(0, 40), Buffer.alloc(3000, 'rubbish ')]);
        const { id } = await upload(ann, 'broken.pdf', bytes);
        await send([id]);
        const { document } = await kim.notified('event', event => event.kind === 'document.failed' && event.document.id === id);
        assert.deepEqual([document.state, document.reason, document.stamped], ['failed', 'broken', false]);
        assert.equal((await get(kim, id)).status, 409);
        assert.ok((await get(ada, id, '/original')).bytes.equals(bytes));
        const job = async () => (await ada.call('jobs', { state: 'failed' })).jobs.find(one => one.document === id);
        const failed = await until(job, 'the job to be set aside');
        assert.deepEqual([failed.kind, failed.reason, failed.attempts], ['stamp', 'broken', 1]);
        assert.ok(failed.message.length > 5);
        await ada.notified('event', event => event.kind === 'job.failed' && event.subject === failed.id);
        await ada.call('retry_job', { job: failed.id });
        await until(async () => (await state(id)).state === 'failed' && await job(), 'it to fail again');
        assert.equal(sum(await ended('given_up')), 2);
        await world.cluster.query('DELETE FROM onefin.job');
    });

    test('a logo: checked, drawn, and on the stamps from then on', async () => {
        const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40"><rect width="80" height="40" fill="red"/></svg>';
        for (const [image, type] of [[Buffer.from(svg), 'image/svg+xml'], [png(200, 100), 'image/png']]) {
            const { logo } = await ada.call('logo', { image: image.toString('base64'), type });
            await until(async () => (await ada.call('logo')).logo.state === 'ready', 'the logo to be drawn');
            const { current } = await ada.call('logo');
            assert.equal(current.id, logo.id);
            assert.equal(Buffer.from(current.image, 'base64').subarray(1, 4).toString(), 'PNG');
        }
        await ada.call('logo', { image: Buffer.from('<svg').toString('base64'), type: 'image/svg+xml' });
        await until(async () => (await ada.call('logo')).logo.state === 'failed', 'a bad one to be refused');
        const { id } = await upload(ann, 'with logo.png', png());
        await becomes(id, 'ready');
        await world.cluster.query('DELETE FROM onefin.job');
    });

    test('two gateways share, and each document is done once', async () => {
        const before = await ended('done');
        await hold();
        const ids = [];
        for (let i = 0; i < 24; i++)
            ids.push((await upload(ann, `shared ${i}.png`, png(), i % 2 ? other : world.gateway)).id);
        await release();
        await idle();
        for (const id of ids)
            assert.equal((await state(id)).state, 'ready');
        const done = (await ended('done')).map((count, i) => count - before[i]);
        assert.equal(done[0] + done[1], 24);
        assert.ok(done.every(count => count > 0), JSON.stringify(done));
        assert.equal(await world.cluster.value("SELECT count(*) FROM onefin.journal WHERE kind = 'document.ready' AND subject_id = ANY ($1)", [ids]), 24);
    });
}

function troubles() {
    test('a store that does not answer, or has lost the file: tried again, and done once it is there', async () => {
        await hold();
        const ids = [(await upload(ann, 'lost.png', png())).id, (await upload(kim, 'lost too.png', png())).id];
        await lose();
        await release();
        await until(async () => (await world.cluster.value("SELECT count(*) FROM onefin.job WHERE reason IS NOT NULL AND state = 'waiting'")) === 2, 'both to fail');
        for (const job of (await ada.call('jobs', { state: 'waiting' })).jobs) {
            assert.equal(job.reason, world.s3 ? 'store' : 'lost');
            assert.ok(job.message.length > 5);
        }
        assert.equal((await state(ids[0])).state, 'stamping');
        await find();
        await hurry();
        await becomes(ids[0], 'ready');
        await idle();
    });

    test('a store that has another file than was uploaded: nothing is made of it', async () => {
        await hold();
        const { id } = await upload(ann, 'changed.png', png());
        const key = await world.cluster.value('SELECT store_key FROM onefin.document WHERE id = $1', [id]);
        if (world.s3)
            await world.s3.ask('PUT', `/${key}`);
        else
            writeFileSync(`${world.gateway.store}/${key}`, png());
        await release();
        const job = await until(async () => (await ada.call('jobs', { state: 'waiting' })).jobs.find(one => one.reason), 'it to fail');
        assert.deepEqual([job.document, job.reason, (await state(id)).state], [id, 'lost', 'stamping']);
        await world.cluster.query('DELETE FROM onefin.job');
    });

    test('no room for temporary files: tried again, and done once there is', async () => {
        renameSync(spool.path, `${spool.path}.away`);
        const { id } = await upload(ann, 'roomless.png', png());
        await until(() => world.cluster.value("SELECT count(*) = 1 FROM onefin.job WHERE reason = 'store'"), 'it to fail');
        renameSync(`${spool.path}.away`, spool.path);
        await hurry();
        await becomes(id, 'ready');
        assert.deepEqual(readdirSync(spool.path), []);
    });

    test('a gateway that was away, and comes back to a job that another did: its work counts for nothing', async () => {
        const refusedBefore = sum(await ended('refused'));
        await hold();
        const { id } = await upload(ann, 'late.png', png());
        await send([id]);
        await Promise.all([world.gateway, other].map(freeze));
        await release();
        const busy = await until(atWork, 'a gateway to take it'), free = busy === other ? world.gateway : other;
        busy.process.kill('SIGSTOP');
        await thaw(free);
        await expire();
        await becomes(id, 'ready');
        const key = () => world.cluster.value('SELECT stamped_key FROM onefin.document WHERE id = $1', [id]);
        const first = await key();
        busy.process.kill('SIGCONT');
        await thaw(busy);
        await until(async () => sum(await ended('refused')) > refusedBefore, 'its word to be refused');
        assert.equal(await key(), first);
        await connect();
        assert.equal((await get(kim, id)).status, 200);
        await isClean();
    });

    test('work that takes long is said to be under way', async () => {
        await hold();
        const { id } = await upload(ann, 'long.png', png());
        await Promise.all([world.gateway, other].map(freeze));
        await release();
        const lease = () => world.cluster.value("SELECT lease_until::text FROM onefin.job WHERE state = 'running'");
        const first = await until(() => lease().catch(() => undefined), 'a gateway to take it');
        await until(async () => await lease() > first, 'the lease to be made longer');
        assert.equal(await world.cluster.value('SELECT attempt FROM onefin.job'), 1);
        await Promise.all([world.gateway, other].map(thaw));
        await becomes(id, 'ready');
    });

    /** One that may have ended by itself meanwhile. */
    const killed = pid => {
        try {
            process.kill(pid, 'SIGKILL');
        } catch (error) {
            assert.equal(error.code, 'ESRCH');
        }
    };

    test('workers and a gateway killed again and again: each is stamped in the end, once, and nothing is left over', async () => {
        const ids = [];
        for (let i = 0; i < 20; i++)
            ids.push((await upload(i % 3 ? ann : kim, `killed ${i}.pdf`, pdf(`killed ${i}`, 3), other)).id);
        for (let i = 0; i < 12 && await jobs() > 0; i++) {
            await sleep(Math.random() * 150);
            if (i % 3 === 0) {
                await world.gateway.kill();
                await world.gateway.run();
            } else {
                for (const pid of workersOf(i % 3 === 1 ? other : world.gateway))
                    killed(pid);
            }
            await expire();
            await hurry();
        }
        await until(async () => {
            await expire();
            await hurry();
            await sleep(2000);
            return await jobs() === 0;
        }, 'no job to be left', 120);
        assert.deepEqual(await world.cluster.query('SELECT state, count(*) FROM onefin.document WHERE id = ANY ($1) GROUP BY state', [ids]),
            [{ state: 'ready', count: 20 }]);
        const told = await world.cluster.query("SELECT subject_id, count(*) FROM onefin.journal WHERE kind = 'document.ready' AND subject_id = ANY ($1) GROUP BY 1 HAVING count(*) > 1", [ids]);
        assert.deepEqual(told, []);
        await connect();
        await isClean();
    });

    test('a gateway that is stopped takes no more jobs, and ends those it has', async () => {
        await world.gateway.stop();
        await hold();
        const ids = [];
        for (let i = 0; i < 6; i++)
            ids.push((await upload(ann, `stopped ${i}.png`, png(), other)).id);
        await release();
        await until(async () => await jobs() < 6, 'the first to be done');
        const { status, signal } = await other.stop();
        assert.deepEqual([status, signal], [0, null]);
        assert.equal(await world.cluster.value("SELECT count(*) FROM onefin.job WHERE state = 'running'"), 0, 'none is left half done');
        await world.gateway.run();
        await other.run();
        await idle();
        for (const id of ids)
            assert.equal((await state(id)).state, 'ready');
        await connect();
    });
}

/** Processes of the worker of a gateway, its children as well. */
function workersOf(gateway) {
    const parents = new Map(readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap(pid => {
        try {
            return [[Number(pid), Number(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')[1])]];
        } catch {
            return []; // it ended meanwhile
        }
    }));
    const below = pid => [...parents].filter(([, parent]) => parent === pid).flatMap(([child]) => [child, ...below(child)]);
    return below(gateway.process.pid);
}

const freeze = async gateway => {
    for (const pid of await until(() => workersOf(gateway).length && workersOf(gateway), 'a worker'))
        process.kill(pid, 'SIGSTOP');
};
const thaw = async gateway => workersOf(gateway).forEach(pid => process.kill(pid, 'SIGCONT'));

/** The gateway that has a job under way. */
async function atWork() {
    for (const gateway of [world.gateway, other])
        if ((await gateway.metrics()).samples.onefin_gateway_jobs_running > 0)
            return gateway;
    return undefined;
}

/** The store's objects are out of reach, and back. */
async function lose() {
    if (world.s3)
        await world.s3.kill();
    else
        for (const name of readdirSync(world.gateway.store).filter(one => /^\d/.test(one)))
            renameSync(`${world.gateway.store}/${name}`, `${world.gateway.store}/.${name}`);
}
async function find() {
    if (world.s3)
        await world.s3.run();
    else
        for (const name of readdirSync(world.gateway.store).filter(one => /^\.\d/.test(one)))
            renameSync(`${world.gateway.store}/${name}`, `${world.gateway.store}/${name.slice(1)}`);
}

export function jobsSuite({ store }) {
    before(async () => {
        spool = scratchFolder();
        const settings = { spool: spool.path, s3_timeout: 2 };
        world = await World.start({ store, settings });
        other = await Gateway.start(world.cluster, { store: world.gateway.store, ...world.s3?.settings, ...settings }, world.s3?.credentials);
        topic = world.firm.orgs.Anor.topics.contract;
        await connect();
    });
    after(async () => {
        other.remove();
        await world.end();
        spool.remove();
    });
    ordinary();
    troubles();
}
