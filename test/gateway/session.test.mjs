// Logging in, coming back, and being let in no more.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Connection } from '../lib/client.mjs';
import { World, password } from '../lib/firm.mjs';

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

test('who opens a connection and says nothing is closed with 4003', async () => {
    const connection = await open();
    assert.equal((await connection.closedByGateway()).code, 4003);
});
