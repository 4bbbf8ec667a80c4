// Who watches unseen leaves no trace with those who are watched, and one in the journal; who is there
// is told to those who may know.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Connection } from '../lib/client.mjs';
import { World, password } from '../lib/firm.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { sleep, until } from '../lib/scratch.mjs';

let world, anor, topic, north, nora;

before(async () => {
    world = await World.start();
    anor = world.firm.orgs.Anor;
    topic = anor.topics.waybill;
    north = world.firm.departments.North;
    nora = world.firm.accounts.nora;
});
after(() => world.end());

const say = (who, text, more = {}) => who.call('send', { topic, text, client_key: randomUUID(), ...more });

const varying = new Set(['seal', 'index', 'id', 'message', 'ticket', 'wait', 'at', 'edited_at', 'deleted_at', 'session', 'client_key', 'token']);

/** What differs from one run to the next by itself, numbers of what is new and times, is left out. */
const normal = frames => frames.map(frame => JSON.parse(frame, (key, value) =>
    varying.has(key) && ['number', 'string'].includes(typeof value) ? '#' : value));

/** Everything that kim and ann receive while they go through the same doings. */
async function record(meanwhile) {
    const received = {};
    const people = {};
    for (const login of ['kim', 'ann']) {
        people[login] = await Connection.open(world.gateway.url);
        received[login] = [];
        people[login].socket.on('message', data => received[login].push(data.toString()));
        people[login].socket.on('ping', data => received[login].push(JSON.stringify({ ping: data.toString() })));
        await people[login].call('login', { login, password });
    }
    const { kim, ann } = people;
    await until(() => received.ann.some(frame => frame.includes('"presence"')), 'ann to be told that kim is there');
    const during = meanwhile();
    // Told of before the next is done: an event shows its message only until that is changed again.
    const told = async what => until(() => ['kim', 'ann'].every(login =>
        received[login].some(frame => frame.includes('"event"') && frame.includes(what))), `both to be told of ${what}`);
    const { message } = await say(kim, 'hello');
    await told(`"hello"`);
    await ann.call('read', { topic, message: message.id });
    const answer = await say(ann, 'good day');
    await told('good day');
    await kim.call('edit', { message: message.id, version: 1, text: 'hello there' });
    await told('hello there');
    await kim.call('read', { topic, message: answer.message.id });
    await during;
    for (const one of [kim, ann]) {
        await one.call('members', { org: anor.id });
        await one.call('presence', { org: anor.id });
        await one.call('topics');
    }
    const last = await say(kim, 'bye');
    await told('"bye"');
    await kim.call('delete', { message: last.message.id, version: 1 });
    await told('message.deleted');
    await sleep(7000); // what is told late, of who went, would come by now
    for (const one of [kim, ann])
        await one.close();
    await sleep(6500); // until it is told that they went, so that both runs begin alike
    // Where the order is, is told now and then, by the clock; what is read of a ping has no content of ours.
    const plain = frames => normal(frames.filter(frame => !/"method":"position"|"ping"/.test(frame)));
    // An answer and an event of the same doing come in either order.
    const kinds = frames => ['answer', 'event', 'typing', 'presence', 'other'].map(kind => frames.filter(({ method }) =>
        kind === (['event', 'typing', 'presence'].includes(method) ? method : method ? 'other' : 'answer')));
    return { kim: kinds(plain(received.kim)), ann: kinds(plain(received.ann)) };
}

test('what a client and an accountant receive is the same with a ghost and without', async () => {
    for (const login of ['kim', 'ann']) { // devices are known, and a round is open
        const connection = await world.connect(login);
        await say(connection, 'first of all');
        await connection.close();
    }
    await sleep(6500);
    const alone = await record(async () => {});
    const watched = await record(async () => {
        const ghosts = [await world.connect('nora'), await world.connect('ada')];
        for (const ghost of ghosts) {
            await ghost.call('watch', { topic });
            await ghost.call('watch', { org: anor.id });
            await ghost.call('watch', { department: north.id });
            const { messages } = await ghost.call('history', { topic });
            await ghost.call('versions', { message: messages[0].id });
            await ghost.call('read', { topic, message: messages.at(-1).id });
            await ghost.call('typing', { topic });
            await ghost.call('members', { org: anor.id });
            await ghost.call('presence', { org: anor.id });
            await ghost.call('unwatch', { topic });
        }
        for (const ghost of ghosts)
            await ghost.close();
    });
    for (const login of ['kim', 'ann'])
        assert.deepEqual(watched[login], alone[login], login);
});

const open = () => world.cluster.query(`SELECT topic_id AS topic, org_id AS org, department_id AS department FROM onefin.watch
    WHERE ended_at IS NULL ORDER BY id`);
const ends = () => world.cluster.query(`SELECT j.detail ->> 'why' AS why, w.ended_at - w.started_at < interval '5 min' AS near
    FROM onefin.journal j JOIN onefin.watch w ON w.id = j.subject_id WHERE j.kind = 'ghost.ended' ORDER BY j.id`);

test('a watch ends with its connection, and that of another tab goes on', async () => {
    const tab = await world.connect('nora');
    const { connection: other } = await world.resume(tab.token);
    await tab.call('watch', { topic });
    await other.call('watch', { topic, connection: '00000000-0000-4000-8000-000000000000' });
    assert.equal((await open()).length, 2);
    tab.socket.terminate();
    await until(async () => (await open()).length === 1, 'the watch of the first to end');
    assert.equal((await ends()).at(-1).why, 'connection closed');
    await other.call('unwatch');
    assert.deepEqual(await open(), []);
    assert.equal((await ends()).at(-1).why, null);
    await other.close();
});

const there = connection => connection.notifications.filter(n => n.method === 'presence').map(n => n.params);

test('presence: staff is told of clients, clients of staff only where the firm wants it, nobody of ghosts', async () => {
    const { ann, kim } = world.firm.accounts;
    const watcher = await world.connect('nora');
    const first = await world.connect('ann');
    const client = await world.connect('kim');
    const stranger = await world.connect('moe');
    const theirs = online => ({ account: kim.id, online });
    await first.notified('presence', p => p.account === kim.id && p.online);
    await watcher.notified('presence', p => p.account === kim.id && p.online);
    assert.deepEqual((await first.call('presence', { org: anor.id })).accounts, [kim.id]);
    assert.deepEqual((await client.call('presence', { org: anor.id })).accounts, []);
    await world.admin.call('settings', { name: 'client_sees_presence', value: true });
    assert.deepEqual((await client.call('presence', { org: anor.id })).accounts, [ann.id]);
    await first.close();
    await client.notified('presence', p => p.account === ann.id && !p.online);
    assert.deepEqual((await client.call('presence', { org: anor.id })).accounts, []);
    const again = await world.connect('ann');
    await client.notified('presence', p => p.account === ann.id && p.online);
    await client.close();
    await again.notified('presence', p => p.account === kim.id && !p.online);
    for (const { account } of [...there(watcher), ...there(client), ...there(again), ...there(stranger)])
        assert.notEqual(account, nora.id);
    assert.deepEqual(there(stranger).filter(p => [ann.id, kim.id].includes(p.account)), []);
    assert.deepEqual(there(again), [theirs(true), theirs(false)].slice(-there(again).length));
    await world.admin.call('settings', { name: 'client_sees_presence', value: false });
    for (const one of [watcher, again, stranger])
        await one.close();
});

test('presence over gateways: who is at another is there, and who comes back soon never went', async () => {
    const { kim } = world.firm.accounts;
    const second = await Gateway.start(world.cluster, { store: world.gateway.store });
    const ann = await world.connect('ann');
    const client = await Connection.open(second.url);
    const { token } = await client.call('login', { login: 'kim', password });
    await ann.notified('presence', p => p.account === kim.id && p.online);
    const before = there(ann).length;
    await client.close();
    const { connection: back } = await world.resume(token);
    await sleep(8000);
    assert.equal(there(ann).length, before, 'nobody is told of a change of gateways');
    assert.deepEqual((await ann.call('presence', { org: anor.id })).accounts, [kim.id]);
    await back.close();
    await ann.close();
    second.remove();
});

test('a gateway that is killed takes its people along, and what was watched through it ends', async () => {
    const { kim } = world.firm.accounts;
    const second = await Gateway.start(world.cluster, { store: world.gateway.store });
    const at = async login => {
        const connection = await Connection.open(second.url);
        await connection.call('login', { login, password });
        return connection;
    };
    const ann = await world.connect('ann');
    const ghost = await at('nora');
    await ghost.call('watch', { org: anor.id });
    const staying = await world.connect('sue');
    await staying.call('watch', { department: world.firm.departments.South.id });
    await at('kim');
    await until(async () => (await ann.call('presence', { org: anor.id })).accounts.includes(kim.id), 'kim to be there');
    assert.equal((await open()).length, 2);
    await second.kill();
    await ann.notified('presence', p => p.account === kim.id && !p.online);
    await until(async () => (await open()).length === 1, 'the watch to end', 120);
    assert.deepEqual((await ends()).at(-1), { why: 'connection lost', near: true });
    assert.equal((await open())[0].department, world.firm.departments.South.id, 'one that is kept stays');
    await ann.close();
    await staying.close();
    second.remove();
});
