// The journal as a file: what is in it, who gets it, that it is proved without a database, and that
// whatever was done to it is found, with its line.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { cells, columnsOf, entryDigest, formats, header, noHash, parse, rechain, risky, sealHash, split, verify,
    verifyRaw, write, writeAll } from '../lib/extract.mjs';
import { World, password } from '../lib/firm.mjs';
import { built } from '../lib/gateway.mjs';
import { sleep, until } from '../lib/scratch.mjs';

const names = ['=HYPERLINK("http://evil.example","click")', '+1+1', '-2', '@SUM(1)', '\'quoted', '\ttab',
    'line\nfeed, "quoted"', '＝wide', 'o\'zbek ҳисоб'];
let world, members, folder, last, texts;

const bearer = token => token ? { Authorization: `Bearer ${token}` } : {};
const request = (format, params = {}, token = world.admin.token) =>
    fetch(`${world.gateway.http}/export/journal.${format}?${new URLSearchParams(params)}`, { headers: bearer(token) });

async function download(format, params) {
    const answer = await request(format, params);
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    return text;
}

let files = 0;
/** The path of a new file of this content. */
function file(text) {
    const path = `${folder}/${++files}`;
    writeFileSync(path, text);
    return path;
}

/** A superuser of this name makes a department; an application of the same name does it. */
async function act(name, n) {
    await world.cluster.query(`CREATE ROLE "${name.replaceAll('"', '""')}" SUPERUSER LOGIN`);
    const client = await world.cluster.connect(name);
    await client.query("SELECT set_config('application_name', $1, false)", [name]);
    await client.query("INSERT INTO onefin.department (name) VALUES ($1)", [`${name} ${n}`]);
    await client.end();
}

before(async () => {
    world = await World.start();
    folder = world.cluster.folder.path;
    const [kim, ann] = await Promise.all([world.enter('kim'), world.enter('ann')]);
    members = [kim, ann, world.admin];
    const topic = world.firm.orgs.Anor.topics.contract;
    const { message } = await kim.call('send', { topic, text: '=cmd|\' /C calc\'!A0', client_key: randomUUID() });
    await kim.call('edit', { message: message.id, version: 1, text: 'better' });
    await ann.call('send', { topic, text: 'note', visibility: 'staff', client_key: randomUUID() });
    await world.admin.call('orgs', { name: names[0], department: world.firm.departments.North.id });
    for (const [n, name] of names.entries())
        await act(name, n);
    last = await world.cluster.sealed();
    texts = Object.fromEntries(await Promise.all(formats.map(async format => [format, await download(format, { to: last })])));
});
after(() => world.end());

// ---- what is in it ----

test('both formats of a firm\'s journal are proved, and say the same', async () => {
    const [csv, jsonl] = formats.map(format => parse(format, texts[format]));
    assert.deepEqual(csv, jsonl);
    const entries = await world.cluster.value('SELECT sum(cardinality(entries)) FROM onefin.seal WHERE number <= $1', [last]);
    const hash = await world.cluster.value("SELECT encode(hash, 'hex') FROM onefin.seal WHERE number = $1", [last]);
    for (const format of formats) {
        const path = file(texts[format]);
        const report = verify(path);
        const counts = { from: 1, to: last, seals: last, entries: Number(entries), shown: Number(entries) };
        assert.deepEqual(report, { status: 0, stderr: '', ...counts, ok: true, before: noHash, hash,
            files: [{ file: path, ...counts }], broken: null });
    }
    assert.equal(verifyRaw(['-'], texts.csv).stdout, `-: seals 1 to ${last}, ${entries} entries, ${entries} shown\n`
        + `proved: up to seal ${last}, where the hash is ${hash}\n`);
});

test('digests and hashes are what the README makes of the bytes', () => {
    const records = parse('jsonl', texts.jsonl);
    let hash = noHash, digests = [], seals = 0;
    for (const record of records) {
        if (record.line === 'entry') {
            digests.push(entryDigest(record));
            assert.equal(record.check, digests.at(-1).toString('hex', 0, 8));
        } else if (record.line === 'seal') {
            hash = sealHash(hash, record, digests);
            assert.equal(record.hash, hash);
            digests = [];
            seals++;
        }
    }
    assert.equal(seals, last);
    assert.deepEqual(rechain(records), records);
});

test('each record has its columns; CSV is RFC 4180 with a header', () => {
    for (const line of split('jsonl', texts.jsonl)) {
        const record = JSON.parse(line);
        assert.deepEqual(Object.keys(record).sort(), [...columnsOf[record.line]].sort());
    }
    const lines = split('csv', texts.csv);
    assert.equal(lines[0], `${header.join(',')}\r\n`);
    for (const line of lines) {
        assert.ok(line.endsWith('\r\n'));
        assert.equal(cells(line).length, header.length);
    }
    for (const format of formats)
        assert.equal(texts[format], writeAll(format, parse(format, texts[format])), 'as we would write it');
});

test('no cell is a formula, and every name comes back', () => {
    const raw = split('csv', texts.csv).slice(1).flatMap(cells).filter(cell => cell !== null);
    for (const cell of raw)
        assert.ok(!risky.test(cell) || /^'[=+\-@\t\r\n'＝＋－＠]/.test(cell), cell);
    assert.ok(raw.filter(cell => cell.startsWith('\'')).length >= 7 + 5, 'of names of users, and of applications');
    const records = parse('csv', texts.csv);
    for (const name of names)
        assert.ok(records.some(({ db_user }) => db_user === name), name);
    assert.ok(records.some(({ detail }) => detail && JSON.parse(detail).after?.name === names[0]));
    assert.ok(!texts.csv.includes('calc'), 'no text of a message');
});

test('SQL gives the same lines, also through psql', async () => {
    for (const [format, end] of [['csv', '\r\n'], ['jsonl', '\n']]) {
        const rows = await world.cluster.query('SELECT onefin.journal_export($1, "to" => $2) AS line', [format, last]);
        assert.equal(rows.map(({ line }) => line + end).join(''), texts[format]);
    }
    const psql = execFileSync('psql', ['-XAt', '-v', 'FETCH_COUNT=10', '-d', world.cluster.conninfo('postgres'),
        '-c', `SELECT * FROM onefin.journal_export('csv', "to" => ${last})`], { encoding: 'utf8' });
    assert.equal(psql, texts.csv.replaceAll('\r\n', '\n'));
    assert.equal(verify(file(psql)).status, 0);
});

const shown = text => parse('jsonl', text).filter(({ line }) => line === 'entry').map(({ id }) => id).sort((a, b) => a - b);

test('filters choose entries; what is left out leaves its digest, and all is proved', async () => {
    const { ann } = world.firm.accounts, { Anor } = world.firm.orgs;
    const [{ middle }] = await world.cluster.query('SELECT to_char(at, $1) AS middle FROM onefin.journal WHERE id = 20',
        ['YYYY-MM-DD"T"HH24:MI:SS.USTZH:TZM']);
    const tries = [[{ kind: 'message.sent' }, "kind = 'message.sent'"], [{ kind: 'message.*' }, "kind LIKE 'message.%'"],
        [{ kind: '*' }, 'true'], [{ kind: 'message' }, 'false'], [{ actor: ann.id }, `actor_id = ${ann.id}`],
        [{ org: Anor.id }, `org_id = ${Anor.id}`], [{ since: middle }, `at >= '${middle}'`], [{ until: middle }, `at < '${middle}'`],
        [{ org: Anor.id, kind: 'message.*', since: middle }, `org_id = ${Anor.id} AND kind LIKE 'message.%' AND at >= '${middle}'`],
        [{ from: 3, to: 5 }, 'true'], [{ from: last, kind: 'x' }, 'false']];
    for (const [filter, where] of tries) {
        const { from = 1, to = last } = filter;
        const wanted = (await world.cluster.query(`SELECT id FROM onefin.journal WHERE (${where}) AND id IN
            (SELECT unnest(entries) FROM onefin.seal WHERE number BETWEEN $1 AND $2) ORDER BY id`, [from, to])).map(({ id }) => id);
        const text = await download('jsonl', { to: last, ...filter });
        assert.deepEqual(shown(text), wanted, JSON.stringify(filter));
        for (const report of [verify(file(text)), verify(file(await download('csv', { to: last, ...filter })))])
            assert.deepEqual([report.status, report.from, report.to, report.shown], [0, from, to, wanted.length], JSON.stringify(report));
    }
});

test('the file has a name with the date, and is not to be kept by others', async () => {
    for (const [format, type] of [['csv', 'text/csv; charset=utf-8; header=present'], ['jsonl', 'application/jsonl; charset=utf-8']]) {
        const answer = await request(format, { to: 1 });
        assert.equal(answer.headers.get('content-type'), type);
        assert.match(answer.headers.get('content-disposition'), new RegExp(`^attachment; filename="onefin-journal-\\d{4}-\\d\\d-\\d\\d.${format}"$`));
        assert.equal(answer.headers.get('cache-control'), 'private, no-store');
        assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
        await answer.text();
    }
});

// ---- who gets it ----

async function refused(answer, status, code) {
    const { error } = await answer.json();
    assert.equal(answer.status, status, JSON.stringify(error));
    assert.equal(error.code, code, JSON.stringify(error));
    assert.ok(error.message.length > 5 && error.data.hint.length > 5, JSON.stringify(error));
}

const exportsJournaled = () => world.cluster.value("SELECT count(*) FROM onefin.journal WHERE kind = 'journal.exported'");

test('only admins get it', async () => {
    const journaled = await exportsJournaled();
    for (const login of ['nora', 'ann', 'kim']) {
        const { token } = await world.connect(login);
        await refused(await request('csv', {}, token), 403, -32002);
    }
    await refused(await request('csv', {}, null), 401, -32001);
    await refused(await request('jsonl', {}, 'A'.repeat(43)), 401, -32001);
    assert.equal(await exportsJournaled(), journaled);
});

test('what makes no sense is refused', async () => {
    for (const [query, status, code] of [['from=x', 400, -32602], ['from=0', 400, -32602], ['to=2&from=3', 400, -32602],
        ['from=1000000', 404, -32003], ['since=then', 400, -32602], ['since=', 400, -32602], ['org=1.5', 400, -32602],
        ['kind=a*b', 400, -32602], ['colour=red', 400, -32602], ['from', 400, -32602], ['from=1&from=2', 400, -32602],
        ['format=csv', 400, -32602], ['kind=%ff', 400, -32602]])
        await refused(await fetch(`${world.gateway.http}/export/journal.csv?${query}`, { headers: bearer(world.admin.token) }), status, code);
    await refused(await fetch(`${world.gateway.http}/export/journal.xml`, { headers: bearer(world.admin.token) }), 404, -32003);
    await refused(await fetch(`${world.gateway.http}/export/journal.csv`, { method: 'POST', headers: bearer(world.admin.token), body: 'x' }), 405, -32601);
});

test('an export is in the journal, once: who, what, from where', async () => {
    const journaled = await exportsJournaled();
    const org = world.firm.orgs.Anor.id;
    await download('csv', { to: last, org, kind: 'message.*', since: '2026-01-01T05:00:00+05:00' });
    assert.equal(await exportsJournaled(), journaled + 1);
    const [{ login, ...row }] = await world.cluster.query(`SELECT a.login, j.session_id IS NOT NULL AS session, host(j.address) AS address,
        j.audience, j.detail FROM onefin.journal j JOIN onefin.account a ON a.id = j.actor_id
        WHERE kind = 'journal.exported' ORDER BY j.id DESC LIMIT 1`);
    assert.equal(login, 'ada');
    assert.deepEqual(row, { session: true, address: '127.0.0.1', audience: 'admin',
        detail: { format: 'csv', from: 1, to: last, org, kind: 'message.*', since: '2026-01-01T00:00:00.000000Z' } });
});

// ---- one file goes on where another ended ----

test('exports are joined, in whichever format; a gap, an overlap and another history are told', async () => {
    const one = file(await download('csv', { to: 4 })), two = file(await download('jsonl', { from: 5, to: 9, kind: 'x' }));
    const three = file(await download('csv', { from: 10, to: last }));
    const whole = verify(one, two, three);
    assert.deepEqual([whole.status, whole.from, whole.to, whole.seals], [0, 1, last, last]);
    assert.equal(whole.hash, verify(file(texts.csv)).hash);

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
    told([one, file(writeAll('jsonl', rechain(forged)))], 1, /does not go on from the hash/);

    // Alone it is proved from the hash that it begins with, and says so.
    assert.match(verifyRaw([two]).stdout, /^taken as given: at seal 4 the hash was [0-9a-f]{64}$/m);
    assert.equal(verify(two).before, verify(one).hash);
});

test('what came after the newest seal is nothing, until something comes', async () => {
    const position = await world.cluster.sealed();
    const whole = file(await download('csv', { to: position }));
    const nothing = await download('jsonl', { from: position + 1, to: position + 1, kind: 'x' }).catch(() => null);
    const answer = await request('jsonl', { from: position + 1 });
    // The exports themselves are entries: by now there may be more.
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    for (const next of [text, nothing].filter(Boolean))
        assert.equal(verify(whole, file(next)).status, 0);
    const empty = [{ line: 'begin', from: 1, to: 0, filter: '{}', before: noHash },
        { line: 'end', from: 1, to: 0, seals: 0, entries: 0, shown: 0, before: noHash }];
    for (const format of formats)
        assert.deepEqual(verify(file(writeAll(format, rechain(empty)))).seals, 0);
});

// ---- anchors ----

test('an anchor finds a history that was made anew as a whole', () => {
    const records = parse('jsonl', texts.jsonl);
    const hashes = Object.fromEntries(records.filter(({ line }) => line === 'seal').map(({ seal, hash }) => [seal, hash]));
    const good = file(texts.jsonl);
    const anchors = Object.entries(hashes).map(([seal, hash]) => `--anchor=${seal}:${hash}`);
    assert.equal(verify(...anchors, good).status, 0);
    assert.equal(verify('--anchor', `3:${hashes[3].toUpperCase()}`, good).status, 0);

    const changed = records.findIndex(({ line, seal }) => line === 'entry' && seal === 6);
    records[changed] = { ...records[changed], actor: 4711 };
    for (const format of formats) {
        const forged = file(writeAll(format, rechain(records)));
        assert.equal(verify(forged).status, 0, 'the chain alone cannot know');
        assert.equal(verify(`--anchor=5:${hashes[5]}`, forged).status, 0, 'before it all is well');
        const { status, broken } = verify(`--anchor=${last}:${hashes[last]}`, forged);
        assert.deepEqual([status, broken.file, broken.seal], [1, forged, last]);
        assert.match(broken.what, /another hash at seal \d+ than the anchor/);
    }
    const beyond = verify(`--anchor=${last + 1}:${hashes[1]}`, good);
    assert.deepEqual([beyond.status, beyond.broken.seal], [1, last + 1]);
});

test('an anchor for the hash that a file begins with closes its gap', async () => {
    const rest = file(await download('csv', { from: 4, to: last }));
    const hash = await world.cluster.value("SELECT encode(hash, 'hex') FROM onefin.seal WHERE number = 3");
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

/** Not proved, and the first broken place is one of these lines; header and first line may be "no export". */
function found(text, lines, what) {
    const { status, broken, stderr } = verify(file(text));
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
const extracts = async format => [texts[format], await download(format, { to: last, kind: 'message.*' })];

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
                    const value = column === 'line' ? (old === 'seal' ? 'entry' : 'seal')
                        : typeof old === 'number' ? old + 1
                        : old === undefined ? (column === 'address' ? '::1' : column === 'digest' || column === 'record' ? 'ab' : format === 'csv' ? '5' : undefined)
                        : column === 'at' ? old.replace(/.Z$/, z => `${(Number(z[0]) + 1) % 10}Z`)
                        : /^[0-9a-f]+$/.test(old) ? old.replace(/.$/, c => c === '1' ? '2' : '1')
                        : `${old}x`;
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
            const end = raw.length - 1;
            const spoil = (what, at, here, ...line) => found(here.join(''), line, `${what} ${at}: ${raw[at].slice(0, 60)}`);
            for (let at = first; at <= end; at++) {
                const length = raw[at].match(/\n/g).length;
                spoil('removed', at, raw.toSpliced(at, 1), at === end ? lines[end] - 1 : lines[at]);
                spoil('doubled', at, raw.toSpliced(at, 0, raw[at]), lines[at] + length);
                if (at < end)
                    spoil('swapped', at, raw.toSpliced(at, 2, raw[at + 1], raw[at]), lines[at]);
                if (at > first) {
                    // One that makes itself out to be next: what was there shows that it is too many.
                    const records = parse(format, (format === 'csv' ? raw[0] : '') + raw[at]);
                    const [forged] = rechain([{ line: 'entry', seal: 1, index: 0, id: 99999, xact: 99999, at: '2026-01-01T00:00:00.000000Z',
                        kind: 'message.sent', audience: 'org', db_user: 'forger', ...records[0].seal && { seal: records[0].seal },
                        ...records[0].index && { index: records[0].index } }]);
                    spoil('added', at, raw.toSpliced(at, 0, write(format, forged)), lines[at], lines[at] + 1);
                    spoil('blank', at, raw.toSpliced(at, 0, raw[at].endsWith('\r\n') ? '\r\n' : '\n'), lines[at]);
                }
            }
            const records = parse(format, text);
            for (let seal = 1; seal <= last; seal++) {
                const at = records.findIndex(record => record.seal === seal) + first;
                const rest = raw.filter((_, i) => records[i - first]?.seal !== seal);
                found(rest.join(''), [lines[at]], `the whole of seal ${seal} removed`);
            }
            found(`${text}${raw[end]}`, [lines[end] + 1], 'a second end');
            found(`${text}\n`, [lines[end] + 1], 'a line more');
        }
    });

    test(`${format}: an entry changed together with its check is found on its seal's line`, () => {
        const records = parse(format, texts[format]);
        const lines = starts(split(format, texts[format])), first = format === 'csv' ? 1 : 0;
        for (const [at, record] of records.entries()) {
            if (record.line !== 'entry')
                continue;
            const [forged] = rechain([{ ...record, actor: 4711 }]);
            const seal = records.findIndex((other, i) => i > at && other.line === 'seal');
            found(writeAll(format, records.with(at, forged)), [lines[seal + first]], `entry ${record.id}`);
        }
    });

    test(`${format}: broken off anywhere, it is no whole export`, () => {
        const draw = lottery(3);
        const bytes = Buffer.from(texts[format]);
        const cuts = [0, 1, bytes.length - 1, ...Array.from({ length: 100 }, () => draw(bytes.length))];
        for (let at = bytes.indexOf(10); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(10, at + 1))
            cuts.push(at + 1);
        for (const cut of cuts) {
            const { status, broken, stderr } = verify(file(bytes.subarray(0, cut)));
            assert.match(status === 2 ? stderr : broken?.what, status === 2 ? /is empty|no export/ : /broken off/, `cut at ${cut}`);
        }
    });

    test(`${format}: rubbish neither proves anything nor breaks the program`, () => {
        const draw = lottery(11);
        const bytes = Buffer.from(texts[format]);
        for (let i = 0; i < 200; i++) {
            const at = draw(bytes.length), size = draw(40), more = Buffer.from(Array.from({ length: draw(40) }, () => draw(256)));
            const spoiled = Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at + size)]);
            if (!spoiled.equals(bytes))
                assert.notEqual(verify(file(spoiled)).status, 0, `at ${at}: ${size} bytes by ${more.toString('hex')}`);
        }
    });
}

test('forms that exports do not have are refused', () => {
    const line = split('jsonl', texts.jsonl).findIndex(one => one.includes('"entry"'));
    const raw = split('jsonl', texts.jsonl);
    const spoil = change => found(raw.with(line, change(raw[line])).join(''), [line + 1], String(change));
    for (const change of [one => one.replace('"seal":1', '"seal":01'), one => one.replace('"seal":1', '"seal":+1'),
        one => one.replace('"seal":1', '"seal":1.0'), one => one.replace('"seal":1', '"seal":1e0'), one => one.replace('"seal":1', '"seal":"1"'),
        one => one.replace('"index":0', '"index":-0'), one => one.replace('"index":0', '"index":18446744073709551616'),
        one => one.replace(/"check":"(.*?)"/, (all, check) => `"check":"${check.toUpperCase()}x"`), one => one.replace('"id":', '"id":0,"id":'),
        one => one.replace('Z"', '+00:00"'), one => one.replace(/\d\dT/, '32T'), one => one.replace('"kind":"', '"kind":"\\u0000'),
        one => one.replace('"kind":"', '"kind":"\\ud800'), one => one.replace('"kind":"', '"kind":"\\x'), one => one.replace('{', '['),
        one => one.replace('}\n', '}}\n'), one => one.replace('}\n', '\n'), one => one.replace('"audience":', '"Audience":'),
        one => one.replace('"audience":', '"colour":1,"audience":'), one => one.replace('"kind":"', '"kind":"\t')])
        spoil(change);
    // What JSON allows besides is the same record.
    const same = raw.map(one => `${JSON.stringify(JSON.parse(one), null, 1).replaceAll('\n', '')} \r\n`).join('')
        .replaceAll('message', '\\u006dess\\u0061ge');
    assert.equal(verify(file(same)).status, 0);
    // Entries withheld that are none.
    const [nothing] = rechain([{ line: 'withheld', seal: 1, index: 0, entries: 0, digests: '' }]);
    found(raw.toSpliced(1, 0, write('jsonl', nothing)).join(''), [2], 'nothing withheld');
    // A beginning that cannot be, with all hashes made to fit it.
    const records = parse('jsonl', texts.jsonl);
    for (const change of [{ from: 0 }, { from: 5, to: 3 }, { before: 'ab'.repeat(32) }]) {
        const { status, broken } = verify(file(writeAll('jsonl', rechain(records.with(0, { ...records[0], ...change })))));
        assert.deepEqual([status, broken.line], [1, 1], JSON.stringify(change));
        assert.match(broken.what, /no range of seals|no hash before the first seal/);
    }
    // A guard taken from a name is no change of the name, but of what a spreadsheet does with it.
    for (const guard of [text => text.replace(',\'-2,', ',-2,'), text => text.replace(',department.created,', ',\'department.created,')]) {
        assert.notEqual(guard(texts.csv), texts.csv);
        assert.match(verify(file(guard(texts.csv))).broken.what, /not written as an export does/);
    }
});

// ---- no verdict ----

test('onefin-verify without a verdict: status 2, and why', () => {
    const good = file(texts.csv);
    for (const [args, says] of [[[], /FILE/], [['/no/such/file'], /no\/such\/file.*No such file/], [[folder], /directory/i],
        [[file('')], /is empty/], [[file('{"error":{}}x')], /no export/], [[file('a,b,c\n')], /no export/], [['--colour', good], /--help/],
        [['--anchor', '3', good], /--anchor wants/], [['--anchor', '0:' + noHash, good], /--anchor wants/], [['--anchor', '3:xyz', good], /--anchor wants/],
        [['--anchor', `3:${noHash}0`, good], /--anchor wants/]]) {
        const { status, stdout, stderr } = verifyRaw(args);
        assert.equal(status, 2, `${args}: ${stdout}`);
        assert.equal(stdout, '');
        assert.match(stderr, says);
    }
    assert.match(verifyRaw(['--help']).stdout, /Usage: onefin-verify/);
    assert.match(verifyRaw(['--version']).stdout, /^onefin-verify \d/);
});

test('onefin-verify tells people the place', () => {
    const spoiled = file(texts.csv.replace(',message.edited,', ',message.EDITED,'));
    const { status, stdout } = verifyRaw([spoiled]);
    assert.equal(status, 1);
    assert.match(stdout, new RegExp(`^${spoiled}:\\d+: seal \\d+: entry \\d+: the entry is not as it was sealed\nnot proved\n$`));
});

test('onefin-verify needs neither libpq nor libwebsockets', () => {
    const linked = execFileSync('ldd', [built('gateway/onefin-verify')], { encoding: 'utf8' });
    assert.match(linked, /libcrypto/);
    assert.doesNotMatch(linked, /libpq|libwebsockets/);
});

// ---- large ones ----

const many = 100000;

/** An export under way that is read when one says so: {response, text, next(), rest()}. */
function slowly(format, params, token = world.admin.token) {
    return new Promise((resolve, reject) => {
        get(`${world.gateway.http}/export/journal.${format}?${new URLSearchParams(params)}`, { headers: bearer(token), agent: false }, response => {
            const chunks = response[Symbol.asyncIterator]();
            const reader = { response, size: 0, parts: [],
                /** The next bytes; false at the end, throws when it was cut. */
                async next() {
                    const { value, done } = await chunks.next();
                    if (!done)
                        this.parts.push(value), this.size += value.length;
                    return !done;
                },
                async rest() {
                    while (await this.next());
                },
                get bytes() {
                    return Buffer.concat(this.parts);
                } };
            resolve(reader);
        }).on('error', reject);
    });
}

/** Its most memory so far, in KiB. */
const peak = () => Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${world.gateway.process.pid}/status`, 'utf8'))[1]);

test(`${many} entries, read slowly by several: the gateway holds a page of each, and serves others meanwhile`, async () => {
    // So many events are more than one who follows is given again.
    await Promise.all(members.map(member => member.leave()));
    await world.cluster.query('INSERT INTO onefin.department (name) SELECT format($1, n) FROM generate_series(1, $2::int) n', ['department %s', many]);
    const to = await world.cluster.sealed();
    const kim = await world.connect('kim');
    await download('jsonl', { to, from: to });
    const before = peak();
    const readers = await Promise.all([slowly('jsonl', { to }), slowly('csv', { to }), slowly('jsonl', { to, kind: 'message.*' })]);
    for (let i = 0; i < 20; i++) {
        await Promise.all(readers.map(reader => reader.next()));
        await sleep(20);
    }
    // What the sockets hold is asked for, and then no more.
    const calls = async () => (await world.gateway.metrics()).samples.onefin_gateway_calls;
    await until(async () => await calls() === await sleep(1000).then(calls), 'the gateway to wait for its readers');
    assert.ok(readers.every(reader => !reader.response.complete));
    const start = Date.now();
    for (let i = 0; i < 50; i++)
        await kim.call('me');
    assert.ok(Date.now() - start < 5000, 'calls of others are answered');
    await Promise.all(readers.map(reader => reader.rest()));
    const grown = peak() - before;
    assert.ok(readers[0].size > 30 << 20, `${readers[0].size} bytes`);
    assert.ok(grown < 16 << 10, `the gateway grew by ${grown} KiB`);
    for (const reader of readers) {
        const report = verify(file(reader.bytes));
        assert.equal(report.status, 0, JSON.stringify(report.broken));
        assert.equal(report.to, to);
        assert.ok(report.entries > many);
    }
    const exported = await world.cluster.query("SELECT count(*) FROM onefin.journal WHERE kind = 'journal.exported' AND detail @> $1", [{ from: 1, to }]);
    assert.deepEqual(exported, [{ count: 3 }], 'each is journaled once, whatever its pages');
});

test('HTTP/1.0 gets it until the connection is closed', async () => {
    const to = await world.cluster.sealed();
    const answer = await new Promise((resolve, reject) => {
        const parts = [];
        const socket = connect(world.gateway.port, '127.0.0.1', () =>
            socket.write(`GET /export/journal.csv?to=${to} HTTP/1.0\r\nAuthorization: Bearer ${world.admin.token}\r\n\r\n`));
        socket.on('data', data => parts.push(data)).on('end', () => resolve(Buffer.concat(parts))).on('error', reject);
    });
    const body = answer.indexOf('\r\n\r\n') + 4;
    assert.doesNotMatch(answer.toString('latin1', 0, body), /transfer-encoding/i);
    assert.equal(verify(file(answer.subarray(body))).status, 0);
});

/** What had come is no whole export, and seen as such by HTTP too. */
async function cut(reader) {
    await assert.rejects(reader.rest(), /aborted|ECONNRESET|terminated/);
    assert.equal(reader.response.complete, false);
    const { status, broken } = verify(file(reader.bytes));
    assert.equal(status, 1);
    assert.match(broken.what, /broken off/);
}

test('a session revoked in the middle stops the export', async () => {
    const [ada, { token, session }] = await Promise.all([world.connect('ada'), world.connect('ada')]);
    const reader = await slowly('jsonl', {}, token);
    await reader.next();
    await ada.call('revoke_session', { session });
    await cut(reader);
    await refused(await request('csv', {}, token), 401, -32001);
});

test('a database that goes away cuts it; nothing is lost but that', async () => {
    const reader = await slowly('csv', {});
    await reader.next();
    world.cluster.run('stop');
    await cut(reader);
    await refused(await request('csv'), 503, -32007);
    world.cluster.run('start');
    await until(async () => (await request('csv', { to: 1 })).status === 200, 'exports again');
});

test('a client that leaves in the middle is no trouble', async () => {
    for (let i = 0; i < 10; i++) {
        const reader = await slowly('jsonl', {});
        await reader.next();
        reader.response.destroy();
    }
    assert.equal((await fetch(`${world.gateway.http}/healthz`)).status, 200);
    assert.equal(verify(file(await download('csv', { to: 3 }))).status, 0);
});

test('what a superuser did to the tables is found in what is exported then', async () => {
    const [changed, gone] = await world.cluster.query("SELECT id FROM onefin.journal WHERE kind = 'message.sent' ORDER BY id");
    await world.cluster.query('ALTER TABLE onefin.journal DISABLE TRIGGER ALL');
    const place = id => world.cluster.value('SELECT number FROM onefin.seal WHERE $1 = ANY (entries)', [id]);
    await world.cluster.query('UPDATE onefin.journal SET actor_id = actor_id + 1 WHERE id = $1', [changed.id]);
    for (const params of [{}, { kind: 'x' }]) {
        const { status, broken } = verify(file(await download('csv', { to: last, ...params })));
        assert.deepEqual([status, broken.seal, broken.entry], [1, await place(changed.id), params.kind ? null : changed.id]);
        assert.match(broken.what, /not as it was sealed/);
    }
    await world.cluster.query('UPDATE onefin.journal SET actor_id = actor_id - 1 WHERE id = $1', [changed.id]);
    await world.cluster.query('DELETE FROM onefin.journal WHERE id = $1', [gone.id]);
    const { status, broken } = verify(file(await download('jsonl', { to: last, kind: 'x' })));
    assert.deepEqual([status, broken.seal, broken.entry], [1, await place(gone.id), gone.id]);
    assert.match(broken.what, /lost the entry/);
});

test('nothing secret is in the logs', () => {
    for (const log of [world.gateway.log(), readFileSync(`${world.cluster.dir}/log`, 'utf8')]) {
        assert.ok(!log.includes(world.admin.token));
        assert.ok(!log.includes(password));
    }
});
