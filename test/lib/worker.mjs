// onefin-worker by hand, and what looks at its work: qpdf, poppler's programs, vips.

import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { built } from './gateway.mjs';
import { scratchFolder } from './scratch.mjs';

const run = promisify(execFile);
const folder = scratchFolder();
let files = 0;

/** A path for a new file. */
export const newPath = (ending = '') => `${folder.path}/${++files}${ending}`;

/** The path of a new file with these bytes. */
export function newFile(bytes, ending) {
    const path = newPath(ending);
    writeFileSync(path, bytes);
    return path;
}

/** Who and what the stamps of the tests name: with letters of Uzbek in both scripts. */
export const who = { name: 'Gʻulom Oʻktamov Ҳамидов Ўткир', uploader: 12, document: 345, at: '2026-11-26 14:03 +05' };
export const stampText = `${who.name} (${who.uploader})`;
const asOptions = options => Object.entries(options).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : value === undefined ? [] : [`--${name}`, String(value)]);

/** Runs `onefin-worker KIND IN OUT`; {answer, path}, the path of the output. `input` is bytes or a path. */
export async function work(kind, input, options = {}) {
    const path = newPath();
    const from = typeof input === 'string' ? input : newFile(input);
    const words = [kind, from, path, ...asOptions(kind === 'stamp' ? { ...who, ...options } : options)];
    const { stdout } = await run(built('gateway/onefin-worker'), words).catch(error => {
        if (error.code !== 1)
            throw error;
        return error;
    });
    return { answer: JSON.parse(stdout), path };
}

export const stamp = (input, options) => work('stamp', input, options);

/** What a program prints; its failure is thrown. */
export const output = (program, ...words) => execFileSync(program, words, { encoding: 'utf8', maxBuffer: 1 << 28 });

/** The text of each page in the order of its content. (As it would be read, a line more may move all others.) */
export const pageTexts = path => output('pdftotext', '-raw', '-enc', 'UTF-8', path, '-').split('\f').slice(0, -1);

/** Sizes, boxes and rotation of all pages, as poppler sees them. */
export const pageSizes = path => output('pdfinfo', '-box', '-f', '1', '-l', '100000', path).split('\n')
    .filter(line => /^Page +\d+ (size|rot|MediaBox|CropBox)/.test(line));

/** All objects of a PDF: qpdf's JSON. */
export const pdfObjects = path => JSON.parse(output('qpdf', '--json', '--json-stream-data=none', path));

/** Throws unless qpdf finds nothing wrong with it. */
export const checkPdf = path => output('qpdf', '--check', path);

/** A header of a picture, as vips has it. */
export const header = (path, field) => output('vipsheader', '-f', field, path).trim();
