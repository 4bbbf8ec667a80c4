// What a child of the worker can do, tried by one: test/worker/probe.c, within the worker's own parent
// and sandbox, in both of its forms: the one for files, and the one that LibreOffice runs in.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { built } from '../lib/gateway.mjs';
import { scratchFolder, until } from '../lib/scratch.mjs';

const run = promisify(execFile);
const program = built('gateway/probe-sandbox');
const sanitized = Boolean(process.env.ONEFIN_PROGRAMS); // there address space has no limit
const forms = [{ form: 'of files', options: [] }, { form: 'of LibreOffice', options: ['--office'] }];

async function probe(...words) {
    const { stdout } = await run(program, words.map(String));
    return JSON.parse(stdout);
}

/** {name: result} of a probe that came to its end. */
async function results(...words) {
    const { ok, type, message } = await probe(...words);
    assert.ok(ok, message);
    return Object.fromEntries(type.split(' ').map(found => found.split('=')));
}

for (const { form, options } of forms) {
    test(`the kernel refuses what is not on the list (sandbox ${form})`, async () => {
        const found = await results(...options, 'calls');
        assert.ok(Object.keys(found).length > 20);
        for (const [call, result] of Object.entries(found)) {
            const refusal = call === 'clone3' ? 'ENOSYS' : call === 'rename' ? /^(EPERM|ENOENT)$/ : 'EPERM';
            assert.match(result, new RegExp(refusal), call);
        }
    });

    test(`limits stay, and there is no new code (sandbox ${form})`, async () => {
        for (const [what, result] of Object.entries(await results(...options, 'limits')))
            assert.equal(result, 'EPERM', what);
    });

    test(`no file can be opened but fonts and the like (sandbox ${form})`, async t => {
        const folder = scratchFolder();
        t.after(() => folder.remove());
        writeFileSync(`${folder.path}/secret`, 'secret', { mode: 0o666 });
        const { font, null: nothing, ...others } = await results(...options, 'files', folder.path);
        assert.deepEqual({ font, nothing }, { font: 'done', nothing: 'done' });
        for (const [file, result] of Object.entries(others))
            assert.match(result, /^(EACCES|EPERM)$/, file);
        assert.deepEqual(readdirSync(folder.path), ['secret']);
    });
}

test('a child has its files and its answer, and nothing of the environment', async () => {
    const found = await results('things');
    assert.deepEqual(Object.keys(found).filter(name => !name.startsWith('open_')), []);
    assert.equal(Object.keys(found).length, 2, 'the input and the pipe of the answer');
    assert.deepEqual(await results('--office', 'things'), { nothing: undefined });
});

test('LibreOffice has a folder of its own, which is gone afterwards', async () => {
    assert.deepEqual(await results('--office', 'home'), { own_folder: 'done', own_mkdir: 'done', out_of_it: 'EACCES' });
    const { own_folder: own } = await results('home');
    assert.equal(own, 'EACCES');
});

test('a child has no rights of root, no dumps, and cannot get new ones', async () => {
    const child = spawn(program, ['--seconds', '600', 'wait'], { stdio: 'ignore' });
    try {
        const pid = await until(() => readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim(), 'the child');
        const status = await until(() => {
            const text = readFileSync(`/proc/${pid}/status`, 'utf8');
            return text.includes('Seccomp:\t2') && text;
        }, 'the sandbox');
        for (const line of ['CapEff:\t0000000000000000', 'CapPrm:\t0000000000000000', 'NoNewPrivs:\t1'])
            assert.ok(status.includes(line), line);
        assert.match(readFileSync(`/proc/${pid}/limits`, 'utf8'), /Max core file size +0 +0/);
    } finally {
        child.kill('SIGKILL');
    }
});

test('a child dies with its parent', async () => {
    const child = spawn(program, ['--seconds', '600', 'wait'], { stdio: 'ignore' });
    const pid = await until(() => readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim(), 'the child');
    await until(() => readFileSync(`/proc/${pid}/status`, 'utf8').includes('Seccomp:\t2'), 'the sandbox');
    child.kill('SIGKILL');
    await until(() => {
        try {
            return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
        } catch {
            return true; // gone altogether
        }
    }, 'the child to be gone');
});

test('who eats memory is told to be too large', { skip: sanitized && 'needs the limit of memory' }, async () => {
    const { ok, reason, final } = await probe('eat');
    assert.deepEqual({ ok, reason, final }, { ok: false, reason: 'too_large', final: true });
    assert.equal((await results('--memory', 400, 'eat_by_mmap')).mmap, 'ENOMEM');
    assert.deepEqual(await results('threads'), { bounded: 'done' });
});

test('who takes too long is ended', async () => {
    for (const kind of ['spin', 'wait']) {
        const { ok, reason, message } = await probe('--seconds', 1, kind);
        assert.deepEqual({ ok, reason }, { ok: false, reason: 'time' }, kind);
        assert.match(message, /too long/);
    }
});

test('who writes too much is ended', async () => {
    assert.equal((await probe('write')).reason, 'too_large');
});

test('a crash is an answer, and what makes no sense is no answer', async () => {
    for (const kind of ['crash', 'lie']) {
        const { ok, reason, final } = await probe(kind);
        assert.deepEqual({ ok, reason, final }, { ok: false, reason: 'died', final: true }, kind);
    }
    assert.equal((await probe('--seconds', 1, 'lie_much')).reason, 'time');
});
