// Folders and processes of a test, that go away with it: at dispose(), and at the latest when the
// process exits, however it does.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const undone = [];

/** Runs at exit, newest first, unless the returned function ran it before. Must be synchronous. */
export function atExit(undo) {
    const entry = { undo };
    undone.push(entry);
    return () => {
        const at = undone.indexOf(entry);
        if (at >= 0) {
            undone.splice(at, 1);
            undo();
        }
    };
}

process.on('exit', () => {
    while (undone.length)
        undone.pop().undo();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => process.exit(1));

/** A new folder of short name (a socket has to fit), readable to the cluster's user. */
export function scratchFolder() {
    const path = mkdtempSync(join(tmpdir(), 'onefin-'));
    const remove = atExit(() => rmSync(path, { recursive: true, force: true }));
    return { path, remove };
}

export const sleep = milliseconds => new Promise(done => setTimeout(done, milliseconds));

/** Waits until check() gives something truthy, which is returned; what it throws is thrown last. */
export async function until(check, what, seconds = 60) {
    const end = Date.now() + seconds * 1000;
    let problem;
    for (;;) {
        try {
            const found = await check();
            if (found)
                return found;
            problem = undefined;
        } catch (error) {
            problem = error;
        }
        if (Date.now() > end)
            throw new Error(`waited ${seconds} s in vain for ${what}`, { cause: problem });
        await sleep(20);
    }
}
