// Exports of the journal, taken apart, hashed and put together anew as extension/README.md says
// ("Export", "The bytes under the hash"); and onefin-verify, which is to find the same.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { built } from './gateway.mjs';

export const formats = ['csv', 'jsonl'];
const numbers = ['seal', 'index', 'id', 'xact', 'actor', 'session', 'org', 'topic', 'subject', 'account', 'version',
    'entries', 'base_id', 'from', 'to', 'seals', 'shown'];
const entryColumns = ['id', 'xact', 'at', 'actor', 'session', 'org', 'topic', 'subject', 'account', 'version', 'kind',
    'audience', 'db_user', 'application', 'address', 'digest', 'record', 'detail'];
export const header = ['line', 'seal', 'index', 'check', ...entryColumns, 'entries', 'digests', 'cluster', 'base_id',
    'snapshot', 'hash', 'from', 'to', 'filter', 'seals', 'shown', 'before'];
export const columnsOf = {
    begin: ['line', 'check', 'from', 'to', 'filter', 'before'],
    entry: ['line', 'seal', 'index', 'check', ...entryColumns],
    withheld: ['line', 'seal', 'index', 'check', 'entries', 'digests'],
    missing: ['line', 'seal', 'index', 'check', 'id'],
    seal: ['line', 'seal', 'at', 'entries', 'cluster', 'base_id', 'snapshot', 'hash'],
    end: ['line', 'entries', 'hash', 'from', 'to', 'seals', 'shown', 'before'],
};

/** What a spreadsheet may take for a formula. */
export const risky = /^[=+\-@\t\r\n'＝＋－＠]/;

// ---- taking apart ----

/** Raw texts of the records, each with its line's end; the first of CSV is its header. */
export function split(format, text) {
    const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
    if (format === 'jsonl')
        return lines;
    const records = [];
    let open = false;
    for (const line of lines) {
        if (open)
            records.push(records.pop() + line);
        else
            records.push(line);
        if ((line.match(/"/g) ?? []).length % 2)
            open = !open;
    }
    return records;
}

/** Cells of a record of CSV as they stand there; null for nothing. */
export function cells(text) {
    const found = [];
    const cell = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n$|$)/y;
    for (;;) {
        const [, raw, end] = cell.exec(text);
        found.push(raw === '' ? null : raw[0] === '"' ? raw.slice(1, -1).replaceAll('""', '"') : raw);
        if (end !== ',')
            return found;
    }
}

/** Records as objects: what is null left out, numbers as numbers, the rest as strings. */
export function parse(format, text) {
    const raw = split(format, text);
    if (format === 'jsonl')
        return raw.map(line => Object.fromEntries(Object.entries(JSON.parse(line)).filter(([, value]) => value !== null)));
    const names = cells(raw[0]);
    return raw.slice(1).map(line => Object.fromEntries(cells(line)
        .map((value, i) => [names[i], value?.replace(/^'/, '')]).filter(([, value]) => value !== undefined)
        .map(([name, value]) => [name, numbers.includes(name) ? Number(value) : value])));
}

// ---- putting together ----

const quoted = text => text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
const guarded = text => risky.test(text) ? `'${text}` : text;

export function write(format, record) {
    if (format === 'jsonl')
        return `${JSON.stringify(Object.fromEntries(columnsOf[record.line].map(name => [name, record[name] ?? null])))}\n`;
    return `${header.map(name => record[name] === undefined ? '' : quoted(guarded(String(record[name])))).join(',')}\r\n`;
}

export const writeAll = (format, records) =>
    (format === 'csv' ? `${header.join(',')}\r\n` : '') + records.map(record => write(format, record)).join('');

// ---- hashing ----

const sha256 = bytes => createHash('sha256').update(bytes).digest();
export const noHash = '0'.repeat(64);

function field(bytes) {
    if (bytes === undefined)
        return Buffer.from('ffffffff', 'hex');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
}

function number(value) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)));
    return bytes;
}

function time(text) {
    const [, seconds, micros] = /^(.*)\.(\d{6})Z$/.exec(text);
    return number(BigInt(Date.parse(`${seconds}Z`) - Date.UTC(2000)) * 1000n + BigInt(micros));
}

function canonical(name, value) {
    if (value === undefined)
        return undefined;
    if (name === 'at')
        return time(value);
    if (name === 'version') {
        const bytes = Buffer.alloc(4);
        bytes.writeInt32BE(value);
        return bytes;
    }
    if (numbers.includes(name))
        return number(value);
    return Buffer.from(value, name === 'digest' || name === 'record' ? 'hex' : 'utf8');
}

export const entryDigest = entry => sha256(Buffer.concat(entryColumns.map(name => field(canonical(name, entry[name])))));

export const sealHash = (before, seal, digests) => sha256(Buffer.concat([Buffer.from(before, 'hex'), number(seal.seal),
    field(time(seal.at)), field(number(seal.cluster)), field(number(seal.base_id)), field(Buffer.from(seal.snapshot)),
    ...digests])).toString('hex');

const checkOf = bytes => bytes.subarray(0, 8).toString('hex');

/** The same records with each check and hash made anew, as one would who rewrites history. */
export function rechain(records) {
    let digests = [], hash;
    return records.map(old => {
        const record = { ...old };
        if (record.line === 'begin') {
            hash = record.before;
            record.check = checkOf(sha256(Buffer.concat([field(number(record.from)), field(number(record.to)),
                field(Buffer.from(record.filter)), field(Buffer.from(record.before, 'hex'))])));
        } else if (record.line === 'entry') {
            digests.push(entryDigest(record));
            record.check = checkOf(digests.at(-1));
        } else if (record.line === 'withheld') {
            digests.push(Buffer.from(record.digests, 'hex'));
            record.check = checkOf(sha256(digests.at(-1)));
        } else if (record.line === 'seal') {
            record.hash = hash = sealHash(hash, record, digests);
            digests = [];
        } else if (record.line === 'end') {
            record.hash = hash;
        }
        return record;
    });
}

// ---- the program ----

/** {status, stdout, stderr} of onefin-verify. */
export function verifyRaw(args, input) {
    const run = spawnSync(built('gateway/onefin-verify'), args, { input, encoding: 'utf8', maxBuffer: 64 << 20 });
    if (run.signal || run.error)
        throw new Error(`onefin-verify ended by ${run.signal ?? run.error}`);
    return run;
}

/** Its report, with the status. */
export function verify(...args) {
    const { status, stdout, stderr } = verifyRaw(['--json', ...args]);
    return { status, stderr, ...(stdout ? JSON.parse(stdout) : {}) };
}
