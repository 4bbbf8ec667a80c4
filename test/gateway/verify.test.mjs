// onefin-verify: whatever was done to an export, or to the journal before it, is found, with its line.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { ExportingFirm } from '../lib/exporting.mjs';
import { columnsOf, formats, noHash, parse, rechain, split, verify, verifyRaw, write, writeAll } from '../lib/extract.mjs';
import { built } from '../lib/gateway.mjs';

let firm;

/** The list with some of it taken out at a place, and others put there. */
function spliced(list, at, ...change) {
    const copy = [...list];
    copy.splice(at, ...change);
    return copy;
}

before(async () => { firm = await ExportingFirm.start(); });
after(() => firm.world.end());

// ---- one file goes on where another ended ----

test('exports are joined, in whichever format; a gap, an overlap and another history are told', async () => {
    const one = firm.file(await firm.download('csv', { to: 4 }));
    const two = firm.file(await firm.download('jsonl', { from: 5, to: 9, kind: 'x' }));
    const three = firm.file(await firm.download('csv', { from: 10, to: firm.last }));
    const whole = verify(one, two, three);
    assert.deepEqual([whole.status, whole.from, whole.to, whole.seals], [0, 1, firm.last, firm.last]);
    assert.equal(whole.hash, verify(firm.file(firm.texts.csv)).hash);

    const told = (paths, at, what) => {
        const { status, broken } = verify(...paths);
        assert.equal(status, 1);
        assert.equal(broken.file, paths[at]);
        assert.match(broken.what, what);
    };
    told([one, three], 1, /seals 5 to 9 are missing/);
    told([one, two, two], 2, /begins with seal 5, but .* goes up to seal 9/);
    told([two, one], 1, /begins with seal 1, but .* goes up to seal 9/);
    const forged = parse('jsonl', readFileSync(two, 'utf8'));
    forged[0].before = forged.at(-1).before = 'ab'.repeat(32);
    told([one, firm.file(writeAll('jsonl', rechain(forged)))], 1, /does not go on from the hash/);

    // Alone it is proved from the hash that it begins with, and says so.
    assert.match(verifyRaw([two]).stdout, /^taken as given: at seal 4 the hash was [0-9a-f]{64}$/m);
    assert.equal(verify(two).before, verify(one).hash);
});

test('what came after the newest seal is nothing, until something comes', async () => {
    const position = await firm.world.cluster.sealed();
    const whole = firm.file(await firm.download('csv', { to: position }));
    const nothing = await firm.download('jsonl', { from: position + 1, to: position + 1, kind: 'x' }).catch(() => null);
    const answer = await firm.request('jsonl', { from: position + 1 });
    // The exports themselves are entries: by now there may be more.
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    for (const next of [text, nothing].filter(Boolean))
        assert.equal(verify(whole, firm.file(next)).status, 0);
    const empty = [{ line: 'begin', from: 1, to: 0, filter: '{}', before: noHash },
        { line: 'end', from: 1, to: 0, seals: 0, entries: 0, shown: 0, before: noHash }];
    for (const format of formats)
        assert.deepEqual(verify(firm.file(writeAll(format, rechain(empty)))).seals, 0);
});

// ---- anchors ----

test('an anchor finds a history that was made anew as a whole', () => {
    const records = parse('jsonl', firm.texts.jsonl);
    const hashes = Object.fromEntries(records.filter(({ line }) => line === 'seal').map(({ seal, hash }) => [seal, hash]));
    const good = firm.file(firm.texts.jsonl);
    const anchors = Object.entries(hashes).map(([seal, hash]) => `--anchor=${seal}:${hash}`);
    assert.equal(verify(...anchors, good).status, 0);
    assert.equal(verify('--anchor', `3:${hashes[3].toUpperCase()}`, good).status, 0);

    const changed = records.findIndex(({ line, seal }) => line === 'entry' && seal === 6);
    records[changed] = { ...records[changed], actor: 4711 };
    for (const format of formats) {
        const forged = firm.file(writeAll(format, rechain(records)));
        assert.equal(verify(forged).status, 0, 'the chain alone cannot know');
        assert.equal(verify(`--anchor=5:${hashes[5]}`, forged).status, 0, 'before it all is well');
        const { status, broken } = verify(`--anchor=${firm.last}:${hashes[firm.last]}`, forged);
        assert.deepEqual([status, broken.file, broken.seal], [1, forged, firm.last]);
        assert.match(broken.what, /another hash at seal \d+ than the anchor/);
    }
    const beyond = verify(`--anchor=${firm.last + 1}:${hashes[1]}`, good);
    assert.deepEqual([beyond.status, beyond.broken.seal], [1, firm.last + 1]);
});

test('an anchor for the hash that a file begins with closes its gap', async () => {
    const rest = firm.file(await firm.download('csv', { from: 4, to: firm.last }));
    const hash = await firm.world.cluster.value("SELECT encode(hash, 'hex') FROM onefin.seal WHERE number = 3");
    assert.equal(verify(`--anchor=3:${hash}`, rest).status, 0);
    assert.equal(verify(`--anchor=3:${noHash}`, rest).status, 1);
});

// ---- whatever was done to it is found ----

/** Line on which each record begins. */
function starts(records) {
    let line = 1;
    return records.map(record => {
        const start = line;
        line += record.match(/\n/g)?.length ?? 0;
        return start;
    });
}

/** Another good value of the column; none where there is none that its format would take. */
function another(column, old) {
    if (column === 'line')
        return old === 'seal' ? 'entry' : 'seal';
    if (typeof old === 'number')
        return old + 1;
    if (old === undefined)
        return { address: '::1', digest: 'ab', record: 'ab', application: 'x', detail: '{}' }[column];
    if (column === 'at')
        return old.replace(/.Z$/, digit => `${(Number(digit[0]) + 1) % 10}Z`);
    return /^[0-9a-f]+$/.test(old) ? old.replace(/.$/, c => c === '1' ? '2' : '1') : `${old}x`;
}

/** Not proved, and the first broken place is one of these lines; header and first line may be "no export". */
function found(text, lines, what) {
    const { status, broken, stderr } = verify(firm.file(text));
    if (status === 2 && lines.includes(1))
        return assert.match(stderr, /no export|is empty/, what);
    assert.equal(status, 1, what);
    assert.ok(lines.includes(broken.line), `${what}: line ${broken.line} instead of ${lines}: ${broken.what}`);
}

/** Small numbers of a fixed order, so that a failure can be had again. */
function lottery(seed) {
    return below => {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        return Math.floor(seed / 2147483648 * below);
    };
}

// A filter leaves all kinds of lines.
const extracts = async format => [firm.texts[format], await firm.download(format, { to: firm.last, kind: 'message.*' })];

for (const format of formats) {
    test(`${format}: a flipped bit is found on its line`, async () => {
        const draw = lottery(7);
        for (const text of await extracts(format)) {
            const bytes = Buffer.from(text);
            const records = split(format, text), lines = starts(records);
            const ends = records.map((sum => record => sum += Buffer.byteLength(record))(0));
            for (let i = 0; i < 200; i++) {
                const at = draw(bytes.length), bit = 1 << draw(8);
                const spoiled = Buffer.from(bytes);
                spoiled[at] ^= bit;
                found(spoiled, [lines[ends.findIndex(end => at < end)]], `byte ${at}, bit ${bit}`);
            }
        }
    });

    test(`${format}: a changed cell is found on its line, of every column and kind of line`, async () => {
        for (const text of await extracts(format)) {
            const records = parse(format, text);
            const raw = split(format, text), first = format === 'csv' ? 1 : 0, lines = starts(raw);
            for (const kind of ['begin', 'entry', 'withheld', 'seal', 'end']) {
                const at = records.findLastIndex(({ line }) => line === kind);
                for (const column of at < 0 ? [] : columnsOf[kind]) {
                    const old = records[at][column];
                    const value = another(column, old) ?? (format === 'csv' ? '5' : undefined);
                    const changed = { ...records[at], [column]: value };
                    const spoiled = [...raw];
                    spoiled[at + first] = write(format, changed);
                    if (spoiled[at + first] !== raw[at + first])
                        found(spoiled.join(''), [lines[at + first]], `${kind}.${column}: ${old} -> ${value}`);
                    if (old !== undefined && column !== 'line') {
                        spoiled[at + first] = write(format, { ...records[at], [column]: undefined });
                        found(spoiled.join(''), [lines[at + first]], `${kind}.${column}: none`);
                    }
                }
            }
        }
    });

    test(`${format}: a removed, doubled, swapped or added line is found there`, async () => {
        for (const text of await extracts(format)) {
            const raw = split(format, text), lines = starts(raw), first = format === 'csv' ? 1 : 0;
            const records = parse(format, text), end = raw.length - 1;
            const spoil = (what, at, here, ...line) => found(here.join(''), line, `${what} ${at}: ${raw[at].slice(0, 60)}`);
            for (let at = first; at <= end; at++) {
                const length = raw[at].match(/\n/g).length;
                spoil('removed', at, spliced(raw, at, 1), at === end ? lines[end] - 1 : lines[at]);
                spoil('doubled', at, spliced(raw, at, 0, raw[at]), lines[at] + length);
                if (at < end)
                    spoil('swapped', at, spliced(raw, at, 2, raw[at + 1], raw[at]), lines[at]);
                if (at > first) {
                    // One that makes itself out to be next: what was there shows that it is too many.
                    const { seal = 1, index = 0 } = records[at - first];
                    const [forged] = rechain([{ line: 'entry', seal, index, id: 99999, xact: 99999,
                        at: '2026-01-01T00:00:00.000000Z', kind: 'message.sent', audience: 'org', db_user: 'forger' }]);
                    spoil('added', at, spliced(raw, at, 0, write(format, forged)), lines[at], lines[at] + 1);
                    spoil('blank', at, spliced(raw, at, 0, raw[at].endsWith('\r\n') ? '\r\n' : '\n'), lines[at]);
                }
            }
            for (let seal = 1; seal <= firm.last; seal++) {
                const at = records.findIndex(record => record.seal === seal) + first;
                const rest = raw.filter((_, i) => records[i - first]?.seal !== seal);
                found(rest.join(''), [lines[at]], `the whole of seal ${seal} removed`);
            }
            found(`${text}${raw[end]}`, [lines[end] + 1], 'a second end');
            found(`${text}\n`, [lines[end] + 1], 'a line more');
        }
    });

    test(`${format}: an entry changed together with its check is found on its seal's line`, () => {
        const records = parse(format, firm.texts[format]);
        const lines = starts(split(format, firm.texts[format])), first = format === 'csv' ? 1 : 0;
        for (const [at, record] of records.entries()) {
            if (record.line !== 'entry')
                continue;
            const [forged] = rechain([{ ...record, actor: 4711 }]);
            const seal = records.findIndex((other, i) => i > at && other.line === 'seal');
            found(writeAll(format, spliced(records, at, 1, forged)), [lines[seal + first]], `entry ${record.id}`);
        }
    });

    test(`${format}: broken off anywhere, it is no whole export`, () => {
        const draw = lottery(3);
        const bytes = Buffer.from(firm.texts[format]);
        const cuts = [0, 1, bytes.length - 1, ...Array.from({ length: 100 }, () => draw(bytes.length))];
        for (let at = bytes.indexOf(10); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(10, at + 1))
            cuts.push(at + 1);
        for (const cut of cuts) {
            const { status, broken, stderr } = verify(firm.file(bytes.subarray(0, cut)));
            if (status === 2)
                assert.match(stderr, /is empty|no export/, `cut at ${cut}`);
            else
                assert.match(broken?.what, /broken off/, `cut at ${cut}`);
        }
    });

    test(`${format}: rubbish neither proves anything nor breaks the program`, () => {
        const draw = lottery(11);
        const bytes = Buffer.from(firm.texts[format]);
        for (let i = 0; i < 200; i++) {
            const at = draw(bytes.length), size = draw(40);
            const more = Buffer.from(Array.from({ length: draw(40) }, () => draw(256)));
            const spoiled = Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at + size)]);
            if (!spoiled.equals(bytes))
                assert.notEqual(verify(firm.file(spoiled)).status, 0, `at ${at}: ${size} bytes by ${more.toString('hex')}`);
        }
    });
}

test('forms that exports do not have are refused', () => {
    const line = split('jsonl', firm.texts.jsonl).findIndex(one => one.includes('"entry"'));
    const raw = split('jsonl', firm.texts.jsonl);
    const spoil = change => found(spliced(raw, line, 1, change(raw[line])).join(''), [line + 1], change(raw[line]));
    const replace = (...pair) => one => one.replace(...pair);
    for (const change of [replace('"seal":1', '"seal":01'), replace('"seal":1', '"seal":+1'),
        replace('"seal":1', '"seal":1.0'),
        replace('"seal":1', '"seal":1e0'), replace('"seal":1', '"seal":"1"'),
        replace('"index":0', '"index":18446744073709551616'),
        replace(/"check":"(.*?)"/, (all, check) => all.replace(check, `${check}00`)),
        replace(/"check":".*?"/, all => all.replace(/[a-f]/g, digit => digit.toUpperCase()).replace('CHECK', 'check')),
        replace('"id":', '"id":0,"id":'), replace('Z"', '+00:00"'), replace(/\d\dT/, '32T'),
        replace('"kind":"', '"kind":"\\u0000'),
        replace('"kind":"', '"kind":"\\ud800'), replace('"kind":"', '"kind":"\\x'), replace('"kind":"', '"kind":"\t'),
        replace('{', '['), replace('}\n', '}}\n'), replace('}\n', '\n'), replace('"audience":', '"Audience":'),
        replace('"audience":', '"colour":1,"audience":')])
        spoil(change);
    // What JSON allows besides is the same record.
    const same = raw.map(one => `${JSON.stringify(JSON.parse(one), null, 1).replaceAll('\n', '')} \r\n`).join('')
        .replaceAll('message', '\\u006dess\\u0061ge');
    assert.equal(verify(firm.file(same)).status, 0);
    // A cell too many or too few, quotes that do not close, or stand within.
    const lines = split('csv', firm.texts.csv);
    const made = lines.findIndex(one => one.includes(',department.created,'));
    for (const change of [replace('\r\n', ',\r\n'), replace('\r\n', ',""\r\n'), replace(',\r\n', '\r\n'),
        replace('department.created', 'department"".created'), replace('department.created', '"department".created'),
        replace('department.created', '"department.created')])
        found(spliced(lines, made, 1, change(lines[made])).join(''), [made + 1], change(lines[made]));
    // Entries withheld that are none.
    const [nothing] = rechain([{ line: 'withheld', seal: 1, index: 0, entries: 0, digests: '' }]);
    found(spliced(raw, 1, 0, write('jsonl', nothing)).join(''), [2], 'nothing withheld');
    // A beginning that cannot be, with all hashes made to fit it.
    const records = parse('jsonl', firm.texts.jsonl);
    for (const change of [{ from: 0 }, { from: 5, to: 3 }, { before: 'ab'.repeat(32) }]) {
        const forged = rechain(spliced(records, 0, 1, { ...records[0], ...change }));
        const { status, broken } = verify(firm.file(writeAll('jsonl', forged)));
        assert.deepEqual([status, broken.line], [1, 1], JSON.stringify(change));
        assert.match(broken.what, /no range of seals|no hash before the first seal/);
    }
    // A guard taken from a name is no change of the name, but of what a spreadsheet does with it.
    for (const change of [replace(',\'-2,', ',-2,'), replace(',department.created,', ',\'department.created,')]) {
        assert.notEqual(change(firm.texts.csv), firm.texts.csv);
        assert.match(verify(firm.file(change(firm.texts.csv))).broken.what, /not written as an export does/);
    }
});

// ---- no verdict ----

test('onefin-verify without a verdict: status 2, and why', () => {
    const good = firm.file(firm.texts.csv);
    for (const [args, says] of [
        [[], /FILE/],
        [['/no/such/file'], /no\/such\/file.*No such file/],
        [[firm.world.cluster.folder.path], /directory/i],
        [[firm.file('')], /is empty/],
        [[firm.file('{"error":{}}x')], /no export/],
        [[firm.file('a,b,c\n')], /no export/],
        [['--colour', good], /--help/],
        [['--anchor', '3', good], /--anchor wants/],
        [['--anchor', `0:${noHash}`, good], /--anchor wants/],
        [['--anchor', '3:xyz', good], /--anchor wants/],
        [['--anchor', `3:${noHash}0`, good], /--anchor wants/],
    ]) {
        const { status, stdout, stderr } = verifyRaw(args);
        assert.equal(status, 2, `${args}: ${stdout}`);
        assert.equal(stdout, '');
        assert.match(stderr, says);
    }
    assert.match(verifyRaw(['--help']).stdout, /Usage: onefin-verify/);
    assert.match(verifyRaw(['--version']).stdout, /^onefin-verify \d/);
});

test('onefin-verify tells people the place', () => {
    const spoiled = firm.file(firm.texts.csv.replace(',message.edited,', ',message.EDITED,'));
    const { status, stdout } = verifyRaw([spoiled]);
    assert.equal(status, 1);
    assert.match(stdout.replace(spoiled, 'FILE'),
        /^FILE:\d+: seal \d+: entry \d+: the entry is not as it was sealed\nnot proved\n$/);
});

test('onefin-verify needs neither libpq nor libwebsockets', () => {
    const linked = execFileSync('ldd', [built('gateway/onefin-verify')], { encoding: 'utf8' });
    assert.match(linked, /libcrypto/);
    assert.doesNotMatch(linked, /libpq|libwebsockets/);
});

test('what a superuser did to the tables is found in what is exported then', async () => {
    const [changed, gone] = await firm.world.cluster.query(
        "SELECT id FROM onefin.journal WHERE kind = 'message.sent' ORDER BY id");
    await firm.world.cluster.query('ALTER TABLE onefin.journal DISABLE TRIGGER ALL');
    const place = id => firm.world.cluster.value('SELECT number FROM onefin.seal WHERE $1 = ANY (entries)', [id]);
    await firm.world.cluster.query('UPDATE onefin.journal SET actor_id = actor_id + 1 WHERE id = $1', [changed.id]);
    for (const params of [{}, { kind: 'x' }]) {
        const { status, broken } = verify(firm.file(await firm.download('csv', { to: firm.last, ...params })));
        assert.deepEqual([status, broken.seal, broken.entry], [1, await place(changed.id), params.kind ? null : changed.id]);
        assert.match(broken.what, /not as it was sealed/);
    }
    await firm.world.cluster.query('UPDATE onefin.journal SET actor_id = actor_id - 1 WHERE id = $1', [changed.id]);
    await firm.world.cluster.query('DELETE FROM onefin.journal WHERE id = $1', [gone.id]);
    const { status, broken } = verify(firm.file(await firm.download('jsonl', { to: firm.last, kind: 'x' })));
    assert.deepEqual([status, broken.seal, broken.entry], [1, await place(gone.id), gone.id]);
    assert.match(broken.what, /lost the entry/);
});
