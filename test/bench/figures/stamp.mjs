// Stamping of the real documents, by the worker as the gateway has it (worker.c, a forked child for each,
// the sandbox and all), beside what a service of Node would do.
//
// The worker is as it ships: two at once. Pictures: the scans, as PNG and as JPEG of quality 85; sharp, two at
// once, composites an SVG with the same text and logo, and writes the same format, and quality 85. PDF: all of
// the files; pdf-lib loads one, embeds the font and the logo, draws a plate, the logo and the text on each
// page, and saves. Its own fonts have no letters of Uzbek or Russian, so it gets the font that the worker has.
//
// In the lines, too: `each`, the ratio for each format; `two_threads`, the ratio beside two threads with
// pdf-lib, which a service would have to make; `long`, the ratio for a file of 99 pages.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Worker as Thread } from 'node:worker_threads';
import { PDFDocument } from 'pdf-lib';
import sharp from 'sharp';
import { built } from '../../lib/gateway.mjs';
import { documents, missing } from '../../lib/real.mjs';
import { scratchFolder } from '../../lib/scratch.mjs';
import { median, ratios, rounded, SECONDS, takeTurns } from '../lib.mjs';

const AT_ONCE = 2;
const QUALITY = 85;
const FONT = '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf';
const text = { name: 'Gʻulom Ҳамидов', uploader: 12, at: '2026-11-26 14:03 +05', document: 345 };
const shown = `${text.name} (${text.uploader}) · ${text.at} · № ${text.document}`;
const logo = '<svg xmlns="http://www.w3.org/2000/svg" width="240" height="80"><circle cx="40" cy="40" r="36" fill="#0f766e"/></svg>';

export const figures = {
  'stamp.image_vs_sharp': { unit: 'ratio', goal: 1 },
  'stamp.pdf_vs_pdf_lib': { unit: 'ratio', goal: 5 },
};

/** The worker, behind worker.c. */
class Worker {
  constructor(atOnce) {
    this.process = spawn(built('gateway/drive-worker'), [`jobs_at_once = ${atOnce}`], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface(this.process.stdout)[Symbol.asyncIterator]();
  }

  /** Does all tasks, and sees that each is done. */
  async run(tasks) {
    this.process.stdin.write(tasks.map(task => `${JSON.stringify(task)}\n`).join(''));
    for (const _ of tasks) {
      const { answer } = JSON.parse((await this.lines.next()).value);
      if (!answer.ok)
        throw new Error(answer.message);
    }
  }

  async end() {
    this.process.stdin.end();
    await once(this.process, 'exit');
  }
}

const stampTask = (input, type, logoPath) => ({ name: input, kind: 'stamp', input, output: '-', logo: logoPath,
  request: { type, document: text.document, uploader: text.uploader, uploader_name: text.name, at: text.at } });

/** Rounds of the work until the time is over; documents a second. */
async function rate(count, seconds, round) {
  const begin = performance.now();
  let done = 0;
  do {
    await round();
    done += count;
  } while (performance.now() - begin < seconds * 1000);
  return done * 1000 / (performance.now() - begin);
}

async function bySharp({ input, format }) {
  const picture = sharp(input).keepMetadata();
  const { width, height } = await picture.metadata();
  const size = Math.round(Math.min(width, height) / 76), wide = Math.round(size * 34), high = Math.round(size * 1.9);
  const mark = `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${high}"><rect x="1" y="1" width="${wide - 2}" height="${high - 2}"
    rx="${size / 3}" fill="#fff" fill-opacity=".84" stroke="#406" stroke-opacity=".7"/><g transform="scale(${high / 80})">${logo}</g>
    <text x="${high * 1.2}" y="${size * 1.3}" font-family="DejaVu Sans" font-size="${size}">${shown}</text></svg>`;
  const stamped = picture.composite([{ input: Buffer.from(mark), left: width - wide - size, top: height - high - size }]);
  return (format === 'png' ? stamped.png() : stamped.jpeg({ quality: QUALITY })).toBuffer();
}

async function bySharpAll(pictures) {
  const left = [...pictures];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left.length)
      await bySharp(left.shift());
  }));
}

/** pdf-lib in some threads. */
class PdfLib {
  constructor(logoPath, threads) {
    this.threads = Array.from({ length: threads }, () => new Thread(new URL('../peers/pdflib.mjs', import.meta.url),
      { workerData: { font: FONT, logo: logoPath, text: shown } }));
  }

  /** Stamps all files; each thread takes the next one. */
  async run(paths) {
    const left = [...paths];
    await Promise.all(this.threads.map(async thread => {
      while (left.length) {
        thread.postMessage(left.shift());
        await once(thread, 'message');
      }
    }));
  }

  async end() {
    await Promise.all(this.threads.map(thread => thread.terminate()));
  }
}

async function pictures(folder) {
  const scans = documents().filter(({ name }) => name.endsWith('.png'));
  return (await Promise.all(scans.map(async ({ name, bytes }) => {
    const [png, jpeg] = [`${folder.path}/${name}`, `${folder.path}/${name}.jpg`];
    writeFileSync(png, bytes);
    writeFileSync(jpeg, await sharp(bytes).jpeg({ quality: QUALITY }).toBuffer());
    return [{ input: png, format: 'png' }, { input: jpeg, format: 'jpeg' }];
  }))).flat();
}

async function measurePictures(folder, logoPath) {
  const all = await pictures(folder);
  const worker = new Worker(AT_ONCE);
  sharp.concurrency(AT_ONCE);
  sharp.cache(false);
  const contenders = list => ({
    onefin: seconds => rate(list.length, seconds, () => worker.run(list.map(({ input, format }) => stampTask(input, `image/${format}`, logoPath)))),
    sharp: seconds => rate(list.length, seconds, () => bySharpAll(list)),
  });
  const values = await takeTurns(contenders(all));
  const each = {};
  for (const format of ['png', 'jpeg']) {
    const turns = contenders(all.filter(picture => picture.format === format));
    each[format] = rounded(await turns.onefin(SECONDS / 3) / await turns.sharp(SECONDS / 3));
  }
  await worker.end();
  return { own: values.onefin, peer: { name: 'sharp', unit: 'pictures/s', values: values.sharp }, more: { each } };
}

/** All pages of all files, nine times over. */
async function longFile(paths, folder) {
  const long = await PDFDocument.create();
  for (let i = 0; i < 9; i++)
    for (const path of paths) {
      const file = await PDFDocument.load(readFileSync(path));
      (await long.copyPages(file, file.getPageIndices())).forEach(page => long.addPage(page));
    }
  const path = `${folder.path}/long.pdf`;
  writeFileSync(path, await long.save());
  return path;
}

async function measurePdf(folder, logoPath) {
  const paths = documents().filter(({ name }) => name.endsWith('.pdf')).map(({ name, bytes }) => {
    writeFileSync(`${folder.path}/${name}`, bytes);
    return `${folder.path}/${name}`;
  });
  const worker = new Worker(AT_ONCE), one = new PdfLib(logoPath, 1), two = new PdfLib(logoPath, AT_ONCE);
  const contenders = list => ({
    onefin: seconds => rate(list.length, seconds, () => worker.run(list.map(path => stampTask(path, 'application/pdf', logoPath)))),
    one: seconds => rate(list.length, seconds, () => one.run(list)),
    two: seconds => rate(list.length, seconds, () => two.run(list)),
  });
  const values = await takeTurns(contenders(paths));
  const long = await longFile(paths, folder);
  const longs = await takeTurns(contenders([long, long]), SECONDS / 3);
  await Promise.all([worker.end(), one.end(), two.end()]);
  const beside = ({ onefin }, theirs) => rounded(median(ratios(onefin, theirs)));
  return { own: values.onefin, peer: { name: 'pdf-lib', unit: 'files/s', values: values.one },
    more: { two_threads: beside(values, values.two), long: beside(longs, longs.one) } };
}

export async function measure(names) {
  if (missing)
    throw new Error(missing);
  const folder = scratchFolder();
  const logoPath = `${folder.path}/logo.png`;
  writeFileSync(logoPath, await sharp(Buffer.from(logo)).resize({ height: 96 }).png().toBuffer());
  const measured = {};
  if (names.includes('stamp.image_vs_sharp'))
    measured['stamp.image_vs_sharp'] = await measurePictures(folder, logoPath);
  if (names.includes('stamp.pdf_vs_pdf_lib'))
    measured['stamp.pdf_vs_pdf_lib'] = await measurePdf(folder, logoPath);
  folder.remove();
  return measured;
}
