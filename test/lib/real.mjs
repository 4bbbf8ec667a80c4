// The real input that lies beside the checkout, when it does.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../../shared/real/', import.meta.url));
export const chatFile = `${folder}chat/support.jsonl`;

/** For the `skip` of a test: false, or why. */
export const missing = existsSync(folder) ? false : `needs the real input in ${folder}, which is not here`;

/** [{at, client, from, role, text}] */
export const chat = () => readFileSync(chatFile, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line));

/** [{name, bytes}] */
export const documents = () => readdirSync(`${folder}documents`).sort()
    .map(name => ({ name, bytes: readFileSync(`${folder}documents/${name}`) }));
