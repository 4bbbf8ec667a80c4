// onefin-import as a process.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { atExit } from './scratch.mjs';
import { built } from './gateway.mjs';
import { password } from './firm.mjs';

/** Starts it as the admin `ada`; ends with {status, stdout, stderr}. */
export function startImport(gateway, file, args = [], env = {}) {
    const child = spawn(built('gateway/onefin-import'),
        ['--url', gateway.url, '--admin', 'ada', ...args, file],
        { env: { ...process.env, ONEFIN_PASSWORD: password, ONEFIN_MEMBER_PASSWORD: password, ...env },
            stdio: ['ignore', 'pipe', 'pipe'] });
    const finish = atExit(() => child.kill('SIGKILL'));
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'])
        child[name].on('data', data => { output[name] += data; });
    return once(child, 'close').then(([status, signal]) => {
        finish();
        return { status, signal, ...output };
    });
}
