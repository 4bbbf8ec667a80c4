// Who is told what, live and after a loss.
//
// That somebody was told nothing is proved by a later event that all are told: events come in the
// order of their seals, so what came not before it comes never.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Connection } from '../lib/client.mjs';
import { World, password } from '../lib/firm.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { until } from '../lib/scratch.mjs';

const everybody = ['ada', 'nora', 'sue', 'ann', 'ben', 'kim', 'lee', 'moe'];
let world, people, topics;

before(async () => {
    world = await World.start();
    people = { ada: world.admin };
    for (const login of everybody.slice(1))
        people[login] = await world.enter(login);
    topics = Object.fromEntries(Object.entries(world.firm.orgs).map(([name, org]) => [name, org.topics]));
});
after(() => world.end());

const say = (who, topic, text, more = {}) =>
    people[who].call('send', { topic, text, client_key: randomUUID(), ...more });

/** Each person is told of something at the end; until then, whatever was before has come. */
async function settled() {
    const marks = {};
    for (const name of Object.keys(world.firm.orgs))
        marks[name] = (await say('ada', topics[name].waybill, 'mark')).message.id;
    const { ben } = world.firm.accounts;
    const marked = (person, id) => people[person].events.some(event => event.message?.id === id);
    const own = { ada: 'Anor', nora: 'Anor', sue: 'Chinor', ann: 'Anor', kim: 'Anor', lee: 'Bahor', moe: 'Chinor' };
    const sessions = people.ben.events.length;
    await (await world.connect('ben')).call('logout');
    await until(() => Object.entries(own).every(([person, org]) => marked(person, marks[org]))
        && people.ben.events.length > sessions, `all to be told of the mark, ben (${ben.id}) of his session`);
}

/** Logins of those who were told of the message. */
const told = id => everybody.filter(login => people[login].events.some(event => event.message?.id === id));

test('a message is told to the company, its accountant, supervisor and admin, and to nobody else', async () => {
    const { message } = await say('kim', topics.Anor.bank_payment, 'to all of Anor');
    const reply = await say('ann', topics.Anor.bank_payment, 'and back');
    const elsewhere = await say('moe', topics.Chinor.contract, 'to all of Chinor');
    await settled();
    assert.deepEqual(told(message.id), ['ada', 'nora', 'ann', 'kim']);
    assert.deepEqual(told(reply.message.id), ['ada', 'nora', 'ann', 'kim']);
    assert.deepEqual(told(elsewhere.message.id), ['ada', 'sue', 'moe']);
    const event = people.kim.events.find(one => one.message?.id === reply.message.id);
    assert.deepEqual({ ...event, seal: 0, index: 0, at: '' }, {
        seal: 0, index: 0, at: '', kind: 'message.sent', org: world.firm.orgs.Anor.id,
        topic: topics.Anor.bank_payment, actor: world.firm.accounts.ann.id, message: reply.message });
});

test('edits and deletions are told to the same', async () => {
    const { message } = await say('kim', topics.Anor.invoice, 'first');
    const edited = await people.kim.call('edit', { message: message.id, version: 1, text: 'second' });
    assert.equal(edited.message.version, 2);
    await people.kim.call('delete', { message: message.id, version: 2 });
    await settled();
    for (const login of everybody) {
        const kinds = people[login].events.filter(event => event.message?.id === message.id).map(event => event.kind);
        const expected = ['ada', 'nora', 'ann', 'kim'].includes(login)
            ? ['message.sent', 'message.edited', 'message.deleted'] : [];
        assert.deepEqual(kinds, expected, login);
    }
});

test('a note of the staff is not told to the client', async () => {
    const { message } = await say('ann', topics.Anor.bank_payment, 'a note', { visibility: 'staff' });
    await settled();
    assert.deepEqual(told(message.id), ['ada', 'nora', 'ann']);
});

test('an assignment opens the company at its place in the order, its end closes it', async () => {
    const { ben } = world.firm.accounts;
    const { Bahor } = world.firm.orgs;
    const said = [];
    for (const assigned of [true, false, true, false]) {
        await world.firm.assign(ben, Bahor, !assigned);
        const { message } = await say('lee', topics.Bahor.contract, `assigned: ${assigned}`);
        said.push({ id: message.id, assigned });
        // The gateway asks who sees the company now: what follows may not be ahead of it.
        await until(() => told(message.id).includes(assigned ? 'ben' : 'lee'), 'the message to be told');
    }
    await settled();
    const seen = people.ben.events.filter(event => event.org === Bahor.id && event.message).map(event => event.message.id);
    assert.deepEqual(seen, said.filter(one => one.assigned).map(one => one.id));
    assert.equal(people.ben.events.filter(event => event.kind.startsWith('assignment.')).length, 4,
        'he is told of each change of his own');
    await assert.rejects(people.ben.call('history', { topic: topics.Bahor.contract }), { code: -32003 });
});

test('a ghost is told all and seen by none', async () => {
    const topic = topics.Anor.waybill;
    const since = Object.fromEntries(everybody.map(login => [login, people[login].events.length]));
    await people.nora.call('watch', { topic });
    const { message } = await say('kim', topic, 'is somebody there?');
    await people.nora.call('read', { topic, message: message.id });
    await people.nora.call('unwatch', { topic });
    await settled();
    const fresh = login => people[login].events.slice(since[login]);
    for (const login of ['ann', 'ben', 'kim', 'lee', 'moe', 'sue']) {
        const traces = fresh(login).filter(event => event.kind.startsWith('ghost.') || event.kind === 'topic.read');
        assert.deepEqual(traces, [], login);
    }
    assert.deepEqual(fresh('ada').map(event => event.kind).filter(kind => kind.startsWith('ghost.')),
        ['ghost.started', 'ghost.ended']);
    const { members } = await people.kim.call('members', { org: world.firm.orgs.Anor.id });
    assert.deepEqual(members.map(member => member.name).sort(), ['ann', 'kim']);
});

test('typing is told to the others of the topic, and stored nowhere', async () => {
    const entries = await world.cluster.value('SELECT count(*) FROM onefin.journal');
    const watching = Object.fromEntries(await Promise.all(['ann', 'lee', 'kim', 'nora']
        .map(async login => [login, await world.connect(login)])));
    await world.cluster.sealed();
    const sessions = await world.cluster.value('SELECT count(*) FROM onefin.journal');
    await watching.kim.call('typing', { topic: topics.Anor.bank_payment });
    const typing = await watching.ann.notified('typing');
    assert.deepEqual(typing, { org: world.firm.orgs.Anor.id, topic: topics.Anor.bank_payment,
        account: world.firm.accounts.kim.id });
    assert.equal(await world.cluster.value('SELECT count(*) FROM onefin.journal'), sessions);
    assert.equal(sessions - entries, 4, 'four logins');
    await watching.nora.call('typing', { topic: topics.Anor.bank_payment });
    await settled();
    const heard = login => watching[login].notifications.filter(n => n.method === 'typing').length;
    assert.equal(heard('ann'), 1, 'none of the ghost');
    assert.equal(heard('kim'), 0, 'none of oneself');
    assert.equal(heard('lee'), 0, 'none of another company');
    for (const connection of Object.values(watching))
        await connection.close();
});

test('what happened while a connection was away comes with resume: once each, in order', async () => {
    const sent = [];
    const before = people.kim.events.length;
    const { resumes } = people.kim;
    for (let round = 0; round < 6; round++) {
        await until(() => people.kim.resumes === resumes + round, 'kim to be back');
        people.kim.cut();
        for (let i = 0; i < 5; i++)
            sent.push((await say('ann', topics.Anor.contract, `${round}.${i}`)).message.id);
    }
    await settled();
    const got = people.kim.events.slice(before).filter(event => event.topic === topics.Anor.contract && event.message)
        .map(event => event.message.id);
    assert.deepEqual(got, sent);
});

test('resume from any place repeats nothing and leaves nothing out', async () => {
    const { token } = people.ann;
    const seen = people.ann.events.filter(event => event.org === world.firm.orgs.Anor.id);
    for (let at = seen.length - 8; at < seen.length; at++) {
        const { seal, index } = seen[at];
        const { connection, reply } = await world.resume(token, seal, index);
        assert.equal(reply.reset, false);
        assert.deepEqual(reply.events.filter(event => event.org === world.firm.orgs.Anor.id), seen.slice(at + 1));
        await connection.close();
    }
});

test('resume from the middle of a seal gives the rest of it', async () => {
    // One transaction, so one seal: two entries of the same company.
    const topic = topics.Anor.power_of_attorney;
    await people.kim.call('send', { topic, text: 'opens a ticket too', client_key: randomUUID() });
    await settled();
    const { seal } = people.kim.events.find(event => event.topic === topic && event.message);
    const all = people.kim.events.filter(event => event.seal === seal);
    assert.ok(all.length > 1, 'a seal of several events');
    for (let at = 0; at < all.length; at++) {
        const { connection, reply } = await world.resume(people.kim.token, seal, all[at].index);
        assert.deepEqual(reply.events.filter(event => event.seal === seal), all.slice(at + 1));
        await connection.close();
    }
});

test('a cursor of another database is told to reload', async () => {
    const { connection, reply } = await world.resume(people.ann.token, people.ann.cursor.seal + 1000000);
    assert.equal(reply.reset, true);
    assert.deepEqual(reply.events, []);
    await connection.close();
});

test('who missed more than an answer can hold is told to reload, and finds all of it', async () => {
    const topic = topics.Chinor.invoice;
    const away = await world.connect('moe');
    await away.close();
    const count = 2100;
    const { connection: sue } = await world.resume(people.sue.token);
    await Promise.all(Array.from({ length: count }, (_, i) =>
        sue.call('send', { topic, text: `missed ${i}`, client_key: randomUUID() })));
    await world.cluster.sealed();
    const { connection, reply } = await world.resume(away.token, away.seal);
    assert.equal(reply.reset, true);
    assert.deepEqual(reply.events, []);
    const texts = [];
    for (let before, more = true; more;) {
        const page = await connection.call('history', { topic, before, limit: 200 });
        texts.unshift(...page.messages.map(message => message.text));
        [before, more] = [page.messages[0]?.id, page.more];
    }
    assert.deepEqual(texts, Array.from({ length: count }, (_, i) => `missed ${i}`));
    await connection.close();
    await sue.close();
});

test('a company taken away is silent with resume, too, from its place in the order', async () => {
    const { ben } = world.firm.accounts;
    const { Bahor } = world.firm.orgs;
    const topic = topics.Bahor.contract;
    await world.firm.assign(ben, Bahor);
    const first = await world.connect('ben');
    const shown = await say('lee', topic, 'while ben is assigned');
    await first.notified('event', event => event.message?.id === shown.message.id);
    await first.close();
    await world.firm.assign(ben, Bahor, true);
    const hidden = await say('lee', topic, 'when he is no more');
    await settled();
    const { connection, reply } = await world.resume(first.token, first.seal);
    const messages = reply.events.filter(event => event.message).map(event => event.message.id);
    assert.ok(!messages.includes(hidden.message.id));
    assert.ok(reply.events.some(event => event.kind === 'assignment.changed'), 'and he is told why');
    await connection.close();
});

test('who loses a company while away is told so with resume', async () => {
    const { Bahor } = world.firm.orgs;
    const away = await Promise.all(['nora', 'lee'].map(login => world.connect(login)));
    for (const connection of away)
        await connection.close();
    await people.ada.call('orgs', { id: Bahor.id, department: world.firm.departments.South.id });
    await people.ada.call('orgs', { id: Bahor.id, archived: true });
    await world.cluster.sealed();
    const seen = await Promise.all(away.map(async ({ token, seal }) => {
        const { connection, reply } = await world.resume(token, seal);
        await connection.close();
        return reply.events.filter(event => event.kind === 'org.changed').map(event => event.org);
    }));
    assert.deepEqual(seen, [[Bahor.id], [Bahor.id, Bahor.id]], 'nora lost it by the first, lee by the second');
    await people.ada.call('orgs', { id: Bahor.id, archived: false });
    await people.ada.call('orgs', { id: Bahor.id, department: world.firm.departments.North.id });
});

test('two gateways on one database tell the same', async () => {
    const second = await Gateway.start(world.cluster, { store: world.gateway.store });
    try {
        const connection = await Connection.open(second.url);
        await connection.call('login', { login: 'kim', password });
        const there = await say('ann', topics.Anor.bank_payment, 'said at the first');
        await connection.notified('event', event => event.message?.id === there.message.id);
        const { message } = await connection.call('send',
            { topic: topics.Anor.bank_payment, text: 'said at the second', client_key: randomUUID() });
        await until(() => told(message.id).includes('ann'), 'the first to tell it');
        await connection.close();
    } finally {
        second.remove();
    }
});
