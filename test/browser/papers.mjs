// Documents for tests, and a worker that waits.

import { readdirSync, readFileSync } from 'node:fs';
import { pdf as madePdf } from '../lib/made.mjs';
import { documents, missing } from '../lib/real.mjs';

const real = (name) => documents().find((each) => each.name === name).bytes;

export const pdf = missing ? madePdf('hisob') : real('AmazonWebServices.pdf');

export const brokenPdf = Buffer.from(`%PDF-1.4\n${'garbage '.repeat(500)}`);

/** One red pixel, or a scanned bill. */
export const picture = missing
  ? Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
      'base64',
    )
  : real('oyo-scan.png');

export const logo = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="240" height="80" viewBox="0 0 240 80">' +
    '<rect x="4" y="4" width="72" height="72" rx="16" fill="#0c6b58"/>' +
    '<path d="M28 44l10 10 18-24" fill="none" stroke="#fff" stroke-width="7"/>' +
    '<path d="M96 28h120M96 52h84" stroke="#0c6b58" stroke-width="12"/></svg>',
);

/** Stops the gateway's worker, so that nothing is stamped until the returned function is called. */
export function pause({ process: { pid } }) {
  const workers = childrenOf(pid);
  if (workers.length === 0) throw new Error('the gateway has no worker');
  for (const worker of workers) process.kill(worker, 'SIGSTOP');
  return () => workers.forEach((worker) => process.kill(worker, 'SIGCONT'));
}

function childrenOf(pid) {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const lists = tasks.map((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8'));
  return lists.join(' ').split(' ').filter(Boolean).map(Number);
}
