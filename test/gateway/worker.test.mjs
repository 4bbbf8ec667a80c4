// The gateway's side of the worker: tasks and answers, a worker that dies, tasks that are given up. By
// test/worker/drive.c, which has worker.c as the gateway does.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import sharp from 'sharp';
import { Cluster } from '../lib/cluster.mjs';
import { built, Gateway } from '../lib/gateway.mjs';
import { pdfOf } from '../lib/pdf.mjs';
import { until } from '../lib/scratch.mjs';
import { newFile, newPath } from '../lib/worker.mjs';

const request = { type: 'application/pdf', document: 1, uploader: 2, uploader_name: 'Kim', at: 'now', office: false };
const onePage = newFile(pdfOf([{}]));
const noise = { create: { width: 9000, height: 9000, channels: 3, background: '#888', noise: { type: 'gaussian', mean: 128, sigma: 60 } } };
const slow = newFile(await sharp(noise).png({ compressionLevel: 0 }).toBuffer()); // seconds of work
const running = new Set();
after(() => running.forEach(driver => driver.process.kill('SIGKILL')));

class Driver {
    constructor(settings = [], env = {}) {
        this.process = spawn(built('gateway/drive-worker'), settings, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
        this.answers = new Map();
        this.log = '';
        this.process.stderr.on('data', text => { this.log += text; });
        createInterface(this.process.stdout).on('line', line => {
            const { name, ...rest } = JSON.parse(line);
            this.answers.set(name, rest);
        });
        running.add(this);
    }

    send(line) {
        this.process.stdin.write(`${JSON.stringify(line)}\n`);
    }

    stamp(name, input = onePage, more = {}) {
        const output = newPath();
        this.send({ name, kind: 'stamp', request: { ...request, ...more }, input, output });
        return output;
    }

    slow(name) {
        return this.stamp(name, slow, { type: 'image/png' });
    }

    answer(name) {
        return until(() => this.answers.get(name)?.answer, `the answer to ${name}: ${this.log}`, 120);
    }

    worker() {
        return until(() => children(this.process.pid)[0], 'the worker');
    }

    async end() {
        this.process.stdin.end();
        const [status] = await once(this.process, 'exit');
        running.delete(this);
        return status;
    }
}

const children = pid => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
const gone = pid => until(() => !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z '), `${pid} to be gone`);

test('stamps, previews and logos; what is wrong is told, and harms no other', async () => {
    const driver = new Driver();
    const stamped = driver.stamp('stamp');
    driver.stamp('broken', newFile('no PDF'));
    driver.stamp('office', onePage, { type: 'application/vnd.oasis.opendocument.text' });
    driver.send({ name: 'preview', kind: 'preview', request: { type: 'application/pdf' }, input: onePage, preview: newPath() });
    driver.send({ name: 'logo', kind: 'logo', request: { type: 'image/svg+xml' }, output: newPath(),
        input: newFile('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>') });
    assert.deepEqual(await driver.answer('stamp'), { ok: true, type: 'application/pdf', extension: null, signed: false, pages: 1,
        preview: false, id: 1 });
    assert.ok(statSync(stamped).size > 1000);
    assert.equal((await driver.answer('broken')).reason, 'broken');
    assert.equal((await driver.answer('office')).reason, 'office_off');
    assert.equal((await driver.answer('preview')).preview, true);
    assert.equal((await driver.answer('logo')).type, 'image/png');
    assert.equal(await driver.end(), 0);
});

test('no more than jobs_at_once are under way, and all come in turn', async () => {
    const driver = new Driver(['jobs_at_once = 2']);
    for (let i = 0; i < 6; i++)
        driver.slow(`slow ${i}`);
    const worker = await driver.worker();
    let most = 0;
    await until(() => {
        most = Math.max(most, children(worker).length);
        return driver.answers.size === 6;
    }, 'all answers', 300);
    assert.equal(most, 2);
    await driver.end();
});

test('a worker that dies is started again: what it had has failed for now, what waited is done', async () => {
    const driver = new Driver(['jobs_at_once = 1']);
    driver.slow('had');
    driver.stamp('waited');
    const worker = await driver.worker();
    await until(() => children(worker).length, 'the child');
    const [child] = children(worker);
    process.kill(worker, 'SIGKILL');
    const { ok, reason, final } = await driver.answer('had');
    assert.deepEqual({ ok, reason, final }, { ok: false, reason: 'died', final: false });
    assert.equal((await driver.answer('waited')).ok, true);
    await gone(child);
    assert.notEqual(await driver.worker(), worker);
    await driver.end();
    assert.match(driver.log, /restarts: 1/);
});

test('a child that is killed is one task that failed', async () => {
    const driver = new Driver(['jobs_at_once = 1']);
    driver.slow('killed');
    const worker = await driver.worker();
    await until(() => children(worker).length, 'the child');
    process.kill(children(worker)[0], 'SIGKILL');
    const { reason, final } = await driver.answer('killed');
    assert.deepEqual({ reason, final }, { reason: 'died', final: false });
    driver.stamp('next');
    assert.equal((await driver.answer('next')).ok, true);
    assert.equal(await driver.worker(), worker);
    await driver.end();
});

test('a task that is given up, waiting or under way, makes room and is not answered', async () => {
    const driver = new Driver(['jobs_at_once = 1']);
    driver.slow('under way');
    driver.stamp('waiting');
    driver.stamp('next');
    const worker = await driver.worker();
    await until(() => children(worker).length, 'the child');
    const [child] = children(worker);
    driver.send({ abandon: 'waiting' });
    driver.send({ abandon: 'under way' });
    assert.equal((await driver.answer('next')).ok, true);
    await gone(child);
    assert.equal(await driver.end(), 0);
    assert.deepEqual([...driver.answers.keys()], ['next']);
});

test('a task that takes longer than worker_seconds is ended', async () => {
    const driver = new Driver(['worker_seconds = 1', 'worker_memory = 8g']); // so that time is what it lacks
    driver.slow('slow');
    driver.slow('slow, too');
    const { reason } = await driver.answer('slow');
    assert.equal(reason, 'time');
    await driver.end();
});

test('the worker goes with the gateway, however that ends', async () => {
    const driver = new Driver();
    driver.slow('slow');
    const worker = await driver.worker();
    await until(() => children(worker).length, 'the child');
    const [child] = children(worker);
    driver.process.kill('SIGKILL');
    await Promise.all([gone(worker), gone(child)]);
});

test('the worker has nothing of the gateway: neither descriptors nor environment', async () => {
    const driver = new Driver([], { AWS_SECRET_ACCESS_KEY: 'secret', PGPASSWORD: 'secret' });
    driver.stamp('first');
    await driver.answer('first');
    const worker = await driver.worker();
    const environment = readFileSync(`/proc/${worker}/environ`, 'latin1');
    assert.doesNotMatch(environment, /secret|PGPASSWORD|PATH/);
    const open = readdirSync(`/proc/${worker}/fd`).filter(file => file > 2).map(file => readlinkSync(`/proc/${worker}/fd/${file}`));
    assert.deepEqual(open.map(file => file.replace(/\[\d+\]/, '')), ['socket:', 'anon_inode:[landlock-ruleset]']);
    await driver.end();
});

test('what has the wrong program does not start, and says why', async () => {
    const driver = new Driver(['worker = /nowhere/onefin-worker']);
    const [status] = await once(driver.process, 'exit');
    assert.equal(status, 1);
    assert.match(driver.log, /\/nowhere\/onefin-worker: No such file/);
    running.delete(driver);
});

test('the gateway starts it, outlives it, counts it, and ends it', async () => {
    const cluster = await Cluster.start();
    const gateway = await Gateway.start(cluster);
    try {
        const worker = await until(() => children(gateway.process.pid)[0], 'the worker');
        process.kill(worker, 'SIGTERM'); // as systemd does to all of a service
        process.kill(worker, 'SIGKILL');
        const next = await until(() => children(gateway.process.pid).find(pid => pid !== worker), 'another');
        const metrics = await (await fetch(`${gateway.http}/metrics`)).text();
        assert.match(metrics, /^onefin_gateway_worker_restarts 1$/m);
        assert.match(metrics, /^onefin_gateway_worker_done\{outcome="died"\} 0$/m);
        gateway.process.kill('SIGTERM');
        assert.deepEqual(await gateway.ended, { status: 0, signal: null });
        await gone(next);
    } finally {
        gateway.remove();
        cluster.remove();
    }
});
