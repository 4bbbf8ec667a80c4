// Addresses of the store itself: who gets one, for how long, and for what.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { pdf, png } from '../lib/made.mjs';
import { until } from '../lib/scratch.mjs';

let world, kim, ann, lee, ada, topic;

async function upload(who, name, bytes) {
    const answer = await fetch(`${world.gateway.http}/files?topic=${topic}&name=${encodeURIComponent(name)}`,
        { method: 'POST', headers: { Authorization: `Bearer ${who.token}` }, body: bytes });
    const { id } = (await answer.json()).result;
    await who.call('send', { topic, text: name, client_key: randomUUID(), documents: [id] });
    return id;
}

async function link(who, id, path = 'link') {
    const answer = await fetch(`${world.gateway.http}/files/${id}/${path}`, { headers: who ? { Authorization: `Bearer ${who.token}` } : {} });
    const { result, error } = await answer.json();
    return { status: answer.status, ...result, code: error?.code };
}

const presigned = id => world.cluster.query("SELECT actor_id, detail FROM onefin.journal WHERE kind = 'document.presigned' AND subject_id = $1 ORDER BY id", [id]);
const ready = id => until(() => world.cluster.value("SELECT state = 'ready' FROM onefin.document WHERE id = $1", [id]), 'it to be stamped');

before(async () => {
    world = await World.start({ store: 's3', settings: { presign_seconds: 3 } });
    topic = world.firm.orgs.Anor.topics.contract;
    [kim, ann, lee, ada] = await Promise.all(['kim', 'ann', 'lee', 'ada'].map(login => world.connect(login)));
});
after(() => world.end());

test('who may have the file gets an address that anybody can use, as long as the setting says, whatever is asked', async () => {
    const bytes = png(), name = 'ҳисоб "№5".png', id = await upload(kim, name, bytes);
    const { status, url, expires_in: seconds } = await link(ann, id, 'link?expires_in=3600&X-Amz-Expires=3600');
    assert.deepEqual([status, seconds, new URL(url).searchParams.get('X-Amz-Expires')], [200, 3, '3']);
    const answer = await fetch(url);
    assert.equal(answer.status, 200);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes));
    assert.equal(answer.headers.get('content-type'), 'image/png');
    const disposition = answer.headers.get('content-disposition');
    assert.match(disposition, /^attachment/);
    assert.equal(decodeURIComponent(disposition.match(/filename\*=UTF-8''([^;]+)/)[1]), name);
    for (const [field, value] of [['X-Amz-Expires', '3600'], ['response-content-disposition', 'inline'], ['response-content-type', 'text/html']]) {
        const other = new URL(url);
        other.searchParams.set(field, value);
        assert.equal((await fetch(other)).status, 403, field);
    }
    assert.deepEqual((await presigned(id)).map(row => row.actor_id), [world.firm.accounts.ann.id]);
    await until(async () => (await fetch(url)).status === 403, 'it to be good no more');
});

test('of what staff uploaded it is the stamped one; the original is for admins', async () => {
    const bytes = pdf('invoice'), id = await upload(ann, 'invoice.pdf', bytes);
    await ready(id);
    const stamped = Buffer.from(await (await fetch((await link(kim, id)).url)).arrayBuffer());
    assert.ok(!stamped.equals(bytes) && stamped.subarray(0, 5).toString() === '%PDF-');
    for (const who of [kim, ann])
        assert.deepEqual(await link(who, id, 'original/link'), { status: 403, code: -32002 });
    const original = Buffer.from(await (await fetch((await link(ada, id, 'original/link')).url)).arrayBuffer());
    assert.ok(original.equals(bytes));
    assert.equal((await presigned(id)).length, 2, 'what was refused was not given out');
});

test('refused: before it is stamped, of another company, without a token, of nothing', async () => {
    await world.cluster.query("CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.due_at := now() + interval '1 day'; RETURN NEW; END $$;"
        + 'CREATE TRIGGER later BEFORE INSERT ON onefin.job FOR EACH ROW EXECUTE FUNCTION later()');
    const id = await upload(ann, 'soon.png', png());
    assert.deepEqual(await link(kim, id), { status: 409, code: -32005 });
    assert.deepEqual(await link(lee, id), { status: 404, code: -32003 });
    assert.deepEqual(await link(undefined, id), { status: 401, code: -32001 });
    assert.deepEqual(await link(kim, 987654321), { status: 404, code: -32003 });
    assert.equal((await link(kim, `${id}/preview`)).status, 404);
    assert.deepEqual(await presigned(id), []);
});

test('a store that gives out none, and a gateway that may not, say so, and journal nothing', async () => {
    const dir = await World.start();
    const one = await dir.connect('kim');
    const { id } = (await (await fetch(`${dir.gateway.http}/files?topic=${dir.firm.orgs.Anor.topics.contract}&name=a.png`,
        { method: 'POST', headers: { Authorization: `Bearer ${one.token}` }, body: png() })).json()).result;
    const answer = await fetch(`${dir.gateway.http}/files/${id}/link`, { headers: { Authorization: `Bearer ${one.token}` } });
    assert.deepEqual([answer.status, await answer.json()], [200, { result: { url: null, expires_in: null } }]);
    assert.equal(await dir.cluster.value("SELECT count(*) FROM onefin.journal WHERE kind = 'document.presigned'"), 0);
    await dir.end();
});
