// Logging in, coming back, and being let in no more.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Connection } from '../lib/client.mjs';
import { World, password } from '../lib/firm.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { until } from '../lib/scratch.mjs';

let world;
before(async () => { world = await World.start({ settings: { login_timeout: 5 } }); });
after(() => world.end());

const open = () => Connection.open(world.gateway.url);
const code = expected => fault => {
    assert.equal(fault.code, expected, fault.message);
    assert.ok(fault.text, 'a message');
    return true;
};

test('login tells token, session, position and account', async () => {
    const connection = await open();
    const reply = await connection.call('login', { login: 'kim', password, device: 'a test' });
    assert.match(reply.token, /^\S{32,}$/);
    assert.equal(reply.account.login, 'kim');
    assert.equal(reply.account.role, 'client');
    assert.equal(reply.account.org, world.firm.orgs.Anor.id);
    assert.ok(reply.seal > 0 && reply.session > 0);
    const { sessions } = await connection.call('sessions');
    const own = sessions.find(session => session.current);
    assert.equal(own.id, reply.session);
    assert.equal(own.device, 'a test');
    assert.match(own.address, /^127\.0\.0\.1/);
    await connection.close();
});

test('a wrong password and an unknown login are answered alike', async () => {
    const connection = await open();
    const answers = [];
    for (const [login, secret] of [['kim', 'not the password'], ['nobody', password], ['', ''], ['kim', '']])
        await connection.call('login', { login, password: secret }).catch(fault => answers.push(fault));
    assert.equal(answers.length, 4);
    for (const fault of answers) {
        assert.equal(fault.code, -32001);
        assert.equal(fault.text, answers[0].text);
        assert.deepEqual(fault.data, answers[0].data);
    }
    // and the right one still goes, on the same connection
    assert.ok((await connection.call('login', { login: 'kim', password })).token);
    await connection.close();
});

test('nothing is answered before login, and the database is not asked', async () => {
    const calls = async () => (await world.gateway.metrics()).samples.onefin_gateway_calls;
    const connection = await open();
    const before = await calls();
    for (const method of ['me', 'topics', 'send', 'accounts', 'logout'])
        await assert.rejects(connection.call(method), code(-32001));
    assert.equal(await calls(), before);
    await connection.close();
});

test('resume by token: the same session, and no second one', async () => {
    const first = await world.connect('kim');
    const second = await open();
    const reply = await second.call('resume', { token: first.token });
    assert.equal(reply.session, first.session);
    assert.equal(reply.account.login, 'kim');
    assert.deepEqual(reply.events, []);
    assert.equal((await second.call('me')).account.login, 'kim');
    await first.close();
    await second.close();
});

test('logout answers, closes with 1000, and the token is worth nothing', async () => {
    const connection = await world.connect('kim');
    const other = await open();
    await other.call('resume', { token: connection.token });
    await connection.call('logout');
    assert.equal((await connection.closedByGateway()).code, 1000);
    assert.equal((await other.closedByGateway()).code, 4001, 'the same session elsewhere ends, too');
    const again = await open();
    await assert.rejects(again.call('resume', { token: connection.token }), code(-32001));
    await again.close();
});

test('a revoked session is told so and closed with 4001; others of the person stay', async () => {
    const lost = await world.connect('ann');
    const kept = await world.connect('ann');
    await kept.call('revoke_session', { session: lost.session });
    assert.equal((await lost.closedByGateway()).code, 4001);
    assert.ok(lost.events.some(event => event.kind === 'session.revoked' && event.session === lost.session));
    await kept.notified('event', event => event.kind === 'session.revoked' && event.session === lost.session);
    assert.equal((await kept.call('me')).account.login, 'ann');
    const again = await open();
    await assert.rejects(again.call('resume', { token: lost.token }), code(-32001));
    await again.close();
    await kept.close();
});

test('nobody revokes the session of somebody else', async () => {
    const kim = await world.connect('kim');
    const lee = await world.connect('lee');
    await assert.rejects(lee.call('revoke_session', { session: kim.session }), code(-32003));
    assert.equal((await kim.call('me')).account.login, 'kim');
    await kim.close();
    await lee.close();
});

test('an expired token is refused on the connection that has it, and on a new one', async () => {
    const connection = await world.connect('lee');
    await world.cluster.query("UPDATE onefin.session SET expires_at = now() - interval '1 second' WHERE id = $1",
        [connection.session]);
    await assert.rejects(connection.call('me'), code(-32001));
    const again = await open();
    await assert.rejects(again.call('resume', { token: connection.token }), code(-32001));
    await again.close();
    await connection.close();
});

test('a disabled account is out at once, and cannot come back', async () => {
    const { admin } = world;
    const { account } = await admin.call('accounts', { login: 'tim', password, name: 'Tim', role: 'accountant' });
    const tim = await world.connect('tim');
    await admin.call('accounts', { id: account.id, disabled: true });
    assert.equal((await tim.closedByGateway()).code, 4001);
    const again = await open();
    await assert.rejects(again.call('resume', { token: tim.token }), code(-32001));
    await assert.rejects(again.call('login', { login: 'tim', password }), code(-32001));
    await again.close();
});

/** Waits until it is closed as a session that is over, and was told why. */
async function over(connection, kind, why) {
    assert.equal((await connection.closedByGateway()).code, 4001);
    const event = connection.events.find(event => event.kind === kind && event.session === connection.session);
    assert.equal(event?.why, why);
    const again = await open();
    await assert.rejects(again.call('resume', { token: connection.token }), code(-32001));
    await again.close();
}

const goesOn = async (connection, login) => assert.equal((await connection.call('me')).account.login, login);

test('a login is told to the other sessions of the person, and a new device as such', async () => {
    const first = await world.connect('ben', 'old phone');
    const lee = await world.connect('lee');
    const second = await world.connect('ben', 'new phone');
    const told = session => event => event.kind === 'session.started' && event.session === session;
    const event = await first.notified('event', told(second.session));
    assert.deepEqual({ ...event, seal: 0, index: 0, at: '' }, { seal: 0, index: 0, at: '', kind: 'session.started',
        org: null, topic: null, account: second.account.id, session: second.session, device: 'new phone',
        address: '127.0.0.1', new_device: true });
    const third = await world.connect('ben', 'new phone');
    assert.equal((await first.notified('event', told(third.session))).new_device, false);
    await goesOn(lee, 'lee');
    assert.ok(![...lee.events, ...world.admin.events].some(told(second.session)), 'nobody else is told');
    await Promise.all([first, second, third, lee].map(connection => connection.close()));
});

test('all other sessions are revoked at once, by the person', async () => {
    const [kept, ...lost] = [await world.connect('moe'), await world.connect('moe'), await world.connect('moe')];
    const { ended } = await kept.call('revoke_sessions');
    assert.ok(ended >= 2);
    for (const connection of lost)
        await over(connection, 'session.revoked', 'revoked');
    await goesOn(kept, 'moe');
    assert.deepEqual((await kept.call('sessions')).sessions.map(({ id, current }) => ({ id, current })),
        [{ id: kept.session, current: true }]);
    await kept.close();
});

test('an admin lists and revokes the sessions of anybody, nobody else does', async () => {
    const moe = await world.connect('moe');
    const sue = await world.connect('sue');
    const account = moe.account.id;
    const { sessions } = await world.admin.call('sessions', { account });
    assert.ok(sessions.some(session => session.id === moe.session && !session.current));
    await assert.rejects(sue.call('sessions', { account }), code(-32003));
    await assert.rejects(sue.call('revoke_sessions', { account }), code(-32003));
    await world.admin.call('revoke_sessions', { account });
    await over(moe, 'session.revoked', 'revoked');
    await sue.close();
});

test('a new password ends the other sessions, and the old password is over', async () => {
    const kept = await world.connect('sue');
    const lost = await world.connect('sue');
    await assert.rejects(kept.call('change_password', { old: 'not the password', new: 'another password' }), code(-32602));
    assert.deepEqual(await kept.call('change_password', { old: password, new: 'another password' }), {});
    await over(lost, 'session.revoked', 'password');
    await goesOn(kept, 'sue');
    const again = await open();
    await assert.rejects(again.call('login', { login: 'sue', password }), code(-32001));
    await again.call('login', { login: 'sue', password: 'another password' });
    await again.close();
    await world.admin.call('accounts', { id: kept.account.id, password });
    await over(kept, 'session.revoked', 'password');
});

test('a new password is as slow as a login, and holds up no call', async () => {
    const { cluster } = world;
    const narrow = await Gateway.start(cluster, { call_connections: 1 });
    const [nora, kim] = await Promise.all(['nora', 'kim'].map(async login => {
        const connection = await Connection.open(narrow.url);
        await connection.call('login', { login, password });
        return connection;
    }));
    const locked = cluster.query("SELECT FROM onefin.account WHERE login = 'nora' FOR UPDATE; SELECT pg_sleep(3)");
    await until(() => cluster.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 'the lock');
    let changed = false;
    const change = nora.call('change_password', { old: password, new: password }).then(() => { changed = true; });
    await until(() => cluster.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"), 'it to wait');
    await goesOn(kim, 'kim');
    assert.equal(changed, false);
    await Promise.all([locked, change]);
    await Promise.all([nora.close(), kim.close()]);
    narrow.remove();
});

test('a session that has expired is closed when the database notices', async () => {
    const connection = await world.connect('lee');
    const other = await world.connect('lee');
    await world.cluster.query('UPDATE onefin.session SET expires_at = now() WHERE id = $1', [connection.session]);
    await world.cluster.query('SELECT onefin.end_expired_sessions()');
    await over(connection, 'session.ended', 'expired');
    await goesOn(other, 'lee');
    await other.close();
});

test('at the most sessions there may be, the oldest goes, or nobody comes in', async () => {
    const { admin } = world;
    const policy = values => admin.call('session_policies', { role: 'supervisor', ...values });
    await policy({ max_sessions: 2 });
    const first = await world.connect('nora', 'first');
    await world.cluster.query("UPDATE onefin.session SET last_seen = now() - interval '1 second' WHERE id = $1",
        [first.session]);
    const second = await world.connect('nora', 'second');
    const third = await world.connect('nora', 'third');
    await over(first, 'session.revoked', 'evicted');
    await policy({ when_full: 'refuse' });
    await assert.rejects(world.connect('nora', 'fourth'), fault => {
        assert.match(fault.data.hint, /"second" at 127\.0\.0\.1/);
        return code(-32006)(fault);
    });
    await third.call('logout');
    const fourth = await world.connect('nora', 'fourth');
    await goesOn(second, 'nora');
    await policy({ when_full: 'evict', max_sessions: 10 });
    await second.close();
    await fourth.close();
});

test('a name of a device that is too long or no plain text is refused', async () => {
    const connection = await open();
    for (const device of ['x'.repeat(201), 'a\u0007b'])
        await assert.rejects(connection.call('login', { login: 'kim', password, device }), code(-32602));
    await connection.call('login', { login: 'kim', password, device: 'x'.repeat(200) });
    await connection.close();
});

/** A connection that came through a proxy, which says from where; url is of a gateway. */
const through = (forwarded, url = world.gateway.url) =>
    Connection.open(url, undefined, { 'X-Forwarded-For': forwarded });

test('who guesses has to wait; the owner elsewhere, and others beside, do not', async () => {
    const guess = async (forwarded, login = 'kim') => {
        const connection = await through(forwarded);
        const fault = await connection.call('login', { login, password: 'a guess' }).catch(fault => fault);
        await connection.close();
        return fault;
    };
    const hold = () => world.cluster.query("UPDATE onefin.login_failure SET at = at + interval '1 minute'");
    for (let i = 0; i < 5; i++)
        assert.equal((await guess('198.51.100.7')).code, -32001);
    await hold();
    const fault = await guess('198.51.100.7');
    assert.equal(fault.code, -32006);
    assert.equal(fault.data.sqlstate, '54000');
    assert.match(fault.data.hint, /\b1 second\b/);
    const early = await through('198.51.100.7');
    await assert.rejects(early.call('login', { login: 'kim', password }), code(-32006));
    // The connection is as good as before, for another login too.
    await early.call('login', { login: 'lee', password });
    await early.close();
    const owner = await through('198.51.100.8');
    await owner.call('login', { login: 'kim', password });
    await owner.close();
    // Nobody by that name: all the same.
    for (let i = 0; i < 5; i++)
        assert.equal((await guess('198.51.100.9', 'nobody at all')).code, -32001);
    await hold();
    const unknown = await guess('198.51.100.9', 'nobody at all');
    assert.deepEqual([unknown.code, unknown.text, unknown.data], [fault.code, fault.text, fault.data]);
    await world.cluster.query('DELETE FROM onefin.login_failure');
});

test('a client is where the last address of X-Forwarded-For says that is none of our proxies', async () => {
    const places = [
        ['198.51.100.7', '198.51.100.7'],
        ['10.0.0.1, 198.51.100.7', '198.51.100.7'],
        ['198.51.100.7,127.0.0.1 , ::1', '198.51.100.7'],
        ['::ffff:198.51.100.7', '198.51.100.7'],
        ['2001:db8::7', '2001:db8::7'],
        ['198.51.100.7, unknown', '127.0.0.1'],
        ['', '127.0.0.1'],
        [', ,', '127.0.0.1'],
        ["198.51.100.7'; --", '127.0.0.1'],
        ['127.0.0.1', '127.0.0.1'],
    ];
    for (const [forwarded, address] of places) {
        const connection = await through(forwarded);
        const { session } = await connection.call('login', { login: 'kim', password });
        const { sessions } = await connection.call('sessions');
        assert.equal(sessions.find(({ id }) => id === session).address, address, forwarded);
        await connection.call('logout');
    }
});

test('so it is for files, and a gateway believes no proxy but its own', async () => {
    const { cluster, firm } = world;
    const topic = firm.orgs.Anor.topics.contract;
    const kim = await world.connect('kim');
    const upload = await fetch(`${world.gateway.http}/files?topic=${topic}&name=a.txt`, { method: 'POST', body: 'a',
        headers: { Authorization: `Bearer ${kim.token}`, 'X-Forwarded-For': '198.51.100.10' } });
    assert.equal(upload.status, 201);
    const [{ address }] = await cluster.query("SELECT host(address) AS address FROM onefin.journal WHERE kind LIKE 'document.%' ORDER BY id DESC LIMIT 1");
    assert.equal(address, '198.51.100.10');
    await kim.close();
    const proud = await Gateway.start(cluster, { proxies: '198.51.100.1' });
    const connection = await through('198.51.100.7', proud.url);
    await connection.call('login', { login: 'kim', password });
    const { sessions } = await connection.call('sessions');
    assert.equal(sessions.find(session => session.current).address, '127.0.0.1');
    await connection.close();
    proud.remove();
});

test('who opens a connection and says nothing is closed with 4003', async () => {
    const connection = await open();
    assert.equal((await connection.closedByGateway()).code, 4003);
});
