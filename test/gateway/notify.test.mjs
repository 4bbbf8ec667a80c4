// Who is away is told of unread messages: by mail, to a real mail server, and by a signed webhook, to a
// receiver that checks the signature with the library that others use.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { Webhook } from 'standardwebhooks';
import { World } from '../lib/firm.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { scratchFolder, sleep, until } from '../lib/scratch.mjs';

const secrets = [`whsec_${randomBytes(24).toString('base64')}`, 'an older secret, as it is'];
const user = 'onefin', password = 'a:password with a colon';
let world, other, folder, smtp, receiver, ann, topic;

/** Takes mails; `refuse` {mail|rcpt|data: [code, text]} has it refuse; `greedy` lets the line die after the last byte. */
class Mailbox {
    mails = [];
    refuse = {};
    auths = [];

    async start() {
        const refusal = stage => {
            const [code, text] = this.refuse[stage] ?? [];
            return code && Object.assign(new Error(text), { responseCode: code });
        };
        this.server = new SMTPServer({
            authMethods: ['PLAIN', 'LOGIN'], authOptional: true, allowInsecureAuth: false, logger: false,
            onAuth: (auth, session, done) => {
                this.auths.push(auth);
                done(auth.username === user && auth.password === password ? null : new Error('wrong password'), { user });
            },
            onMailFrom: (address, session, done) => done(refusal('mail')),
            onRcptTo: (address, session, done) => done(refusal('rcpt')),
            onData: async (stream, session, done) => {
                const chunks = [];
                for await (const chunk of stream)
                    chunks.push(chunk);
                if (refusal('data'))
                    return done(refusal('data'));
                const { envelope, secure } = session;
                this.mails.push({ ...read(Buffer.concat(chunks).toString()), secure,
                    from: envelope.mailFrom.address, to: envelope.rcptTo.map(one => one.address) });
                if (this.silent)
                    return; // taken, but the gateway is not told
                done();
            },
        });
        this.server.on('error', () => {});
        this.server.listen(0, '127.0.0.1');
        await once(this.server.server, 'listening');
        this.port = this.server.server.address().port;
        return this;
    }

    /** Mails to a person, newest last. */
    of(login) {
        return this.mails.filter(mail => mail.to[0] === `${login}@example.uz`);
    }
}

/** {raw, head: {name: [values]}, text} of a message. */
function read(raw) {
    const at = raw.indexOf('\r\n\r\n'), head = {};
    for (const line of raw.slice(0, at).replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
        const [, name, value] = /^([!-9;-~]+): ?(.*)$/.exec(line) ?? assert.fail(`no header: ${line}`);
        (head[name.toLowerCase()] ??= []).push(value);
    }
    return { raw, head, text: Buffer.from(raw.slice(at + 4), 'base64').toString() };
}

/** RFC 2047. */
const words = value => value.replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?utf-8\?b\?([^?]*)\?=/g, (_, base64) => Buffer.from(base64, 'base64').toString());

/** Takes webhooks; `answers` are the statuses to come, then 204. */
class Receiver {
    got = [];
    answers = [];

    async start() {
        this.server = createServer(async (request, response) => {
            const chunks = [];
            for await (const chunk of request)
                chunks.push(chunk);
            const status = this.answers.shift() ?? 204;
            this.got.push({ method: request.method, headers: request.headers, body: Buffer.concat(chunks).toString(), status });
            response.writeHead(status, status < 400 && status >= 300 ? { Location: '/elsewhere' } : {}).end();
        });
        this.server.listen(0, '127.0.0.1');
        await once(this.server, 'listening');
        return this;
    }

    get url() {
        return `http://127.0.0.1:${this.server.address().port}/onefin?key=1`;
    }

    of(login) {
        return this.got.filter(one => JSON.parse(one.body).data.login === login);
    }
}

const say = (text = 'a secret of the firm') => ann.call('send', { topic, text, client_key: randomUUID() });
const setting = (name, value) => world.admin.call('settings', { name, value });
const jobs = () => world.cluster.query('SELECT kind, state, reason, message, attempt, due_at > now() AS later FROM onefin.job ORDER BY id');
const idle = () => until(async () => (await jobs()).length === 0, 'no job to be left');
const hurry = () => world.cluster.query("UPDATE onefin.job SET due_at = now(), lease_until = CASE WHEN state = 'running' THEN now() END");
const clear = () => world.cluster.query('DELETE FROM onefin.job');

before(async () => {
    folder = scratchFolder();
    smtp = await new Mailbox().start();
    receiver = await new Receiver().start();
    writeFileSync(`${folder.path}/mail`, `${user}:${password}\n`);
    writeFileSync(`${folder.path}/hook`, `${secrets.join('\n')}\n`);
    const settings = { smtp_url: `smtp://127.0.0.1:${smtp.port}`, smtp_from: 'chat@example.uz', public_url: 'https://chat.example.uz/',
        webhook_url: receiver.url, webhook_secret: `${folder.path}/hook` };
    world = await World.start({ settings });
    other = await Gateway.start(world.cluster, { store: world.gateway.store, ...settings });
    topic = world.firm.orgs.Anor.topics.contract;
    for (const login of ['kim', 'ann', 'lee', 'moe'])
        await world.admin.call('accounts', { id: world.firm.accounts[login].id, email: `${login}@example.uz` });
    await setting('notify_after_seconds', 1);
    ann = await world.enter('ann');
});
after(async () => {
    other.remove();
    await world.end();
    smtp.server.close();
    receiver.server.close();
    folder.remove();
});

test('nobody is told anything while the firm does not want it', async () => {
    await say();
    await sleep(2500);
    assert.deepEqual(await jobs(), []);
    assert.deepEqual([smtp.mails, receiver.got], [[], []]);
});

test('a mail in the language of who gets it, which says nothing of what was said', async () => {
    await setting('notify_by_mail', true);
    const subjects = { uz: /^(\d+) ta oʻqilmagan xabar: Anor, /, ru: /^(\d+) непрочитанн\S+ сообщени\S+: Anor, /, en: /^(\d+) unread messages?: Anor, / };
    for (const [language, subject] of Object.entries(subjects)) {
        await world.cluster.query("UPDATE onefin.account SET language = $1, name = 'Ким Ҳамидова'  WHERE login = 'kim'", [language]);
        await say();
        const mail = await until(() => smtp.of('kim').find(one => subject.test(words(one.head.subject[0]))), `a mail in ${language}`);
        assert.deepEqual([mail.from, mail.to], ['chat@example.uz', ['kim@example.uz']]);
        assert.deepEqual(mail.head.from, ['<chat@example.uz>']);
        assert.equal(words(mail.head.to[0]), 'Ким Ҳамидова <kim@example.uz>');
        assert.equal(mail.head['auto-submitted'][0], 'auto-generated');
        assert.match(mail.head['message-id'][0], /^<onefin-\d+-[0-9a-f]{16}@example\.uz>$/);
        assert.ok(Math.abs(Date.parse(mail.head.date[0]) - Date.now()) < 3600e3, mail.head.date[0]);
        assert.equal(mail.head['mime-version'][0], '1.0');
        assert.equal(mail.head['content-type'][0], 'text/plain; charset=utf-8');
        assert.ok(mail.text.includes(`https://chat.example.uz/#/t/${topic}`), mail.text);
        assert.ok(mail.text.includes('Ким Ҳамидова') && mail.text.includes('Anor'));
        assert.ok(!mail.text.includes('secret') && !mail.raw.includes('secret'));
        assert.ok(mail.raw.split('\r\n').every(line => line.length <= 78 && /^[\x20-\x7e\t]*$/.test(line)));
        for (const name of ['from', 'to', 'subject', 'date', 'message-id', 'content-type'])
            assert.equal(mail.head[name].length, 1, name);
    }
    await idle();
});

test('no name makes a header, however long or odd', async () => {
    const names = ['Ҳ'.repeat(150), 'a\tb', 'kim" <evil@example.com>', 'x=?utf-8?b?QQ==?=', '名'.repeat(90)];
    for (const name of names) {
        await world.cluster.query("UPDATE onefin.account SET name = $1 WHERE login = 'kim'", [name]);
        await world.cluster.query('UPDATE onefin.org SET name = $1 WHERE id = $2', [`${name.slice(0, 100)} org`, world.firm.orgs.Anor.id]);
        const before = smtp.of('kim').length;
        await say();
        const mail = await until(() => smtp.of('kim')[before], 'the mail');
        assert.equal(words(mail.head.to[0]), `${name} <kim@example.uz>`);
        assert.ok(words(mail.head.subject[0]).includes(`${name.slice(0, 100)} org`));
        assert.deepEqual(Object.keys(mail.head).sort(), ['auto-submitted', 'content-transfer-encoding', 'content-type', 'date', 'from',
            'message-id', 'mime-version', 'subject', 'to']);
        assert.ok(mail.raw.split('\r\n').every(line => line.length <= 78));
    }
    await world.cluster.query("UPDATE onefin.account SET name = 'kim' WHERE login = 'kim'");
    await world.cluster.query("UPDATE onefin.org SET name = 'Anor' WHERE id = $1", [world.firm.orgs.Anor.id]);
    await idle();
});

test('who is there is told nothing, at whatever gateway; nor is who came and read meanwhile', async () => {
    const present = async gateway => (await gateway.metrics()).samples.onefin_gateway_present;
    const before = smtp.of('kim').length, others = await present(other);
    const kim = await world.connect('kim');
    await until(async () => await present(other) > others, 'the other gateway to know that kim is there');
    await say();
    await sleep(3000);
    await idle();
    assert.equal(smtp.of('kim').length, before);
    await setting('notify_after_seconds', 3600);
    const { message } = await say();
    await kim.call('read', { topic, message: message.id });
    await kim.close();
    await until(async () => await present(world.gateway) === others && await present(other) === others, 'kim to be gone');
    assert.deepEqual((await jobs()).map(job => job.kind), ['notify'], 'it is still to be found out whom to tell');
    await setting('notify_after_seconds', 1);
    await hurry();
    await idle();
    assert.equal(smtp.of('kim').length, before);
    assert.equal(smtp.of('ann').length, 0, 'nor is the author');
    assert.equal(smtp.of('lee').length, 0, 'nor are other companies');
});

test('a server that refuses for now, or dies under the mail: again, with the same Message-ID', async () => {
    for (const [stage, refusal, reason] of [['mail', [451, 'later'], 'smtp'], ['rcpt', [450, 'greylisted'], 'smtp'],
        ['data', [554, 'no room'], 'smtp'], ['mail', [550, 'who are you'], 'smtp']]) {
        smtp.refuse = { [stage]: refusal };
        const before = smtp.of('kim').length;
        await say();
        const [job] = await until(async () => {
            const failed = (await jobs()).filter(one => one.reason);
            return failed.length && failed;
        }, 'it to fail');
        assert.deepEqual([job.kind, job.state, job.reason, job.later], ['mail', 'waiting', reason, true]);
        assert.ok(job.message.includes(refusal[1]), job.message);
        smtp.refuse = {};
        await hurry();
        await until(() => smtp.of('kim').length > before, 'the mail');
        await idle();
    }
    const before = smtp.of('kim').length;
    smtp.silent = true;
    await say();
    await until(() => smtp.of('kim').length > before, 'the mail to be taken');
    await Promise.all([world.gateway.kill(), other.kill()]);
    smtp.silent = false;
    await Promise.all([world.gateway.run(), other.run()]);
    await hurry();
    await until(() => smtp.of('kim').length > before + 1, 'the mail to come again');
    await idle();
    const [first, second] = smtp.of('kim').slice(before);
    assert.deepEqual(second.head['message-id'], first.head['message-id']);
    assert.equal(new Set(smtp.mails.map(mail => mail.head['message-id'][0])).size, smtp.mails.length - 1);
});

test('an address that there is not is given up at once, visibly', async () => {
    smtp.refuse = { rcpt: [550, 'no such user here'] };
    await say();
    const [job] = await until(async () => {
        const failed = (await jobs()).filter(one => one.state === 'failed');
        return failed.length && failed;
    }, 'the job to be set aside');
    assert.deepEqual([job.reason, job.attempt], ['bad_address', 1]);
    assert.ok(job.message.includes('no such user here'));
    smtp.refuse = {};
    await clear();
});

test('with credentials never without TLS that is to be trusted', async () => {
    await Promise.all([world.gateway.kill(), other.kill()]);
    const strict = await Gateway.start(world.cluster, { store: world.gateway.store, smtp_url: `smtp://127.0.0.1:${smtp.port}`,
        smtp_from: 'chat@example.uz', smtp_credentials: `${folder.path}/mail` });
    try {
        await world.cluster.query(`INSERT INTO onefin.job (kind, org_id, topic_id, message_id, account_id, unread)
            SELECT 'mail', org_id, id, 1, $2, 1 FROM onefin.topic WHERE id = $1`, [topic, world.firm.accounts.kim.id]);
        const job = await until(async () => (await jobs()).find(one => one.reason), 'it to fail');
        assert.equal(job.reason, 'smtp');
        assert.match(job.message, /SSL|TLS|certificate/i); // the server's is nobody's
        assert.deepEqual(smtp.auths, []);
    } finally {
        await clear();
        strict.remove();
        await Promise.all([world.gateway.run(), other.run()]);
    }
});

test('a webhook, signed by each secret that there is', async () => {
    await setting('notify_by_mail', false);
    await setting('notify_by_webhook', true);
    await say();
    const hook = await until(() => receiver.of('kim')[0], 'the webhook');
    assert.equal(hook.method, 'POST');
    assert.equal(hook.headers['content-type'], 'application/json');
    assert.match(hook.headers['user-agent'], /^onefin\//);
    const { type, timestamp, data } = new Webhook(secrets[0]).verify(hook.body, hook.headers);
    assert.equal(type, 'messages.unread');
    assert.ok(!Number.isNaN(Date.parse(timestamp)));
    assert.deepEqual([data.login, data.org_name, data.topic], ['kim', 'Anor', topic]);
    assert.ok(data.unread >= 1);
    assert.ok(!hook.body.includes('secret'));
    new Webhook(secrets[1], { format: 'raw' }).verify(hook.body, hook.headers);
    assert.throws(() => new Webhook(`whsec_${randomBytes(24).toString('base64')}`).verify(hook.body, hook.headers));
    assert.throws(() => new Webhook(secrets[0]).verify(hook.body.replace('kim', 'lee'), hook.headers));
    await idle();
});

test('a receiver in trouble gets it again, under the same id; one that does not want it does not', async () => {
    for (const status of [500, 503, 429, 408, 302]) {
        const before = receiver.of('kim').length;
        receiver.answers = [status];
        await say();
        await until(async () => (await jobs()).some(one => one.reason === 'http' && one.state === 'waiting'), `${status} to be a failure`);
        await hurry();
        await until(() => receiver.of('kim').length >= before + 2, 'it to come again');
        await idle();
        const [first, second] = receiver.of('kim').slice(before);
        assert.equal(first.status, status);
        assert.equal(second.headers['webhook-id'], first.headers['webhook-id']);
        assert.equal(second.body, first.body);
        new Webhook(secrets[0]).verify(second.body, second.headers);
    }
    for (const status of [400, 404, 410]) {
        receiver.answers = [status];
        await say();
        const job = await until(async () => (await jobs()).find(one => one.state === 'failed'), `${status} to be the end of it`);
        assert.deepEqual([job.reason, job.attempt], ['http', 1]);
        assert.ok(job.message.includes(String(status)));
        await clear();
    }
    assert.equal(receiver.got.filter(one => one.headers.host.includes('elsewhere')).length, 0);
});

test('a receiver that is not there, or a secret: it fails, and says why', async () => {
    writeFileSync(`${folder.path}/hook`, '\n');
    await say();
    const job = await until(async () => (await jobs()).find(one => one.reason), 'it to fail');
    assert.match(job.message, /webhook_secret/);
    writeFileSync(`${folder.path}/hook`, `${secrets.join('\n')}\n`);
    await hurry();
    await idle();
});

test('each is told once, by two gateways', async () => {
    const ids = receiver.got.map(one => one.headers['webhook-id']), again = receiver.got.filter(one => one.status < 300);
    assert.equal(new Set(again.map(one => one.headers['webhook-id'])).size, again.length);
    assert.ok(ids.length > 0);
});
