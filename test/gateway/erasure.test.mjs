// A company that has left: its documents' bytes go from the store, whatever is killed meanwhile.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { until } from '../lib/scratch.mjs';

let world, other, kim, moe, orgs;

before(async () => {
    world = await World.start();
    other = await Gateway.start(world.cluster, { store: world.gateway.store });
    ({ orgs } = world.firm);
    [kim, moe] = await Promise.all(['kim', 'moe'].map(login => world.connect(login)));
    await world.admin.call('settings', { name: 'retention_days', value: 0 });
});
after(async () => {
    other.remove();
    await world.end();
});

async function upload(who, topic, name) {
    const answer = await fetch(`${world.gateway.http}/files?topic=${topic}&name=${name}`,
        { method: 'POST', headers: { Authorization: `Bearer ${who.token}` }, body: `the bytes of ${name}` });
    assert.equal(answer.status, 201);
    const { result } = await answer.json();
    const key = await world.cluster.value('SELECT store_key FROM onefin.document WHERE id = $1', [result.id]);
    return { id: result.id, path: join(world.gateway.store, key) };
}

async function download(id) {
    const token = (await world.connect('ada')).token;
    const answer = await fetch(`${world.gateway.http}/files/${id}`, { headers: { Authorization: `Bearer ${token}` } });
    return { status: answer.status, body: await answer.text() };
}

async function erase(org) {
    await world.admin.call('orgs', { id: org.id, archived: true });
    return world.admin.call('erase', { org: org.id, reason: 'left' });
}

const there = files => files.filter(file => existsSync(file.path)).length;
const waiting = () => world.cluster.value('SELECT count(*) FROM onefin.files_to_erase(1000)');
const erasedEntries = () => world.cluster.value("SELECT count(*) FROM onefin.journal WHERE kind = 'document.erased'");

test('the bytes go at once, through two gateways, and only those of the company', async () => {
    const topic = orgs.Anor.topics.contract;
    const files = [];
    for (let i = 0; i < 120; i++)
        files.push(await upload(kim, topic, `anor-${i}.txt`));
    const kept = await upload(moe, orgs.Chinor.topics.contract, 'chinor.txt');
    assert.equal((await download(files[0].id)).body, 'the bytes of anor-0.txt');
    assert.equal(there(files), 120);
    assert.equal((await erase(orgs.Anor)).documents, 120);
    await until(() => there(files) === 0, 'the bytes to go');
    await until(async () => await waiting() === 0, 'all of them to be told');
    assert.equal(await erasedEntries(), 120, 'one entry for each, whoever told first');
    assert.ok(existsSync(kept.path));
    assert.equal((await download(kept.id)).body, 'the bytes of chinor.txt');
});

test('who asks for an erased document is told so', async () => {
    const id = await world.cluster.value('SELECT min(id) FROM onefin.document WHERE erased_at IS NOT NULL');
    const { status, body } = await download(id);
    const { error } = JSON.parse(body);
    assert.deepEqual([status, error.code, error.message], [404, -32003, `document ${id} was erased`]);
    assert.ok(error.data.hint.length > 10);
});

test('what was left when gateways were killed is done at their next start, also what is half done', async () => {
    const topic = orgs.Bahor.topics.contract;
    const lee = await world.connect('lee');
    const files = [];
    for (let i = 0; i < 8; i++)
        files.push(await upload(lee, topic, `bahor-${i}.txt`));
    // An erasure while no gateway is there; of one document the bytes are gone, but nobody said so.
    await Promise.all([world.gateway.kill(), other.kill()]);
    const admin = 'SET SESSION AUTHORIZATION firm_boss';
    await world.cluster.query('CREATE ROLE firm_boss IN ROLE onefin_admin');
    await world.cluster.query("UPDATE onefin.account SET db_role = 'firm_boss' WHERE login = 'ada'");
    await world.cluster.query('UPDATE onefin.org SET archived_at = now() WHERE id = $1', [orgs.Bahor.id]);
    await world.cluster.query(`${admin}; SELECT onefin_api.erase(${orgs.Bahor.id}, 'left'); RESET SESSION AUTHORIZATION`);
    rmSync(files[0].path);
    assert.equal(await waiting(), 8);
    assert.equal(there(files), 7);
    await Promise.all([world.gateway.run(), other.run()]);
    await until(() => there(files) === 0, 'the bytes to go');
    await until(async () => await waiting() === 0, 'all of them to be told');
    assert.equal(await erasedEntries(), 128);
});

test('one that cannot be removed keeps no other, and is tried again', async () => {
    const topic = orgs.Chinor.topics.contract;
    const files = [];
    for (let i = 0; i < 3; i++)
        files.push(await upload(moe, topic, `chinor-${i}.txt`));
    rmSync(files[0].path);
    mkdirSync(files[0].path); // unlink refuses a directory, root or not
    assert.equal((await erase(orgs.Chinor)).documents, 4);
    await until(() => there(files) === 1, 'the others to go');
    await until(async () => await waiting() === 1, 'all but one to be told');
    assert.match(world.gateway.log() + other.log(), /store: removing [^ ]+: /);
    rmSync(files[0].path, { recursive: true });
    await Promise.all([world.gateway.kill(), other.kill()]);
    await world.gateway.run();
    await until(async () => await waiting() === 0, 'the last to be told');
});

test('nothing of it is left in the store, and the record holds', async () => {
    const stored = readdirSync(world.gateway.store, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
    assert.deepEqual(stored.map(entry => entry.name), []);
    await world.cluster.sealed();
    assert.equal((await world.admin.call('journal_verify')).ok, true);
});
