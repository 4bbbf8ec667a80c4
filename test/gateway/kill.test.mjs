// Everything is killed at random times while 70 people write: a short run of `make soak`, with each kind
// of kill at least once. SEED=... does a run again that failed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Soak } from '../soak/soak.mjs';

const seed = Number(process.env.SEED || Date.now() % 1000000);

test(`whatever is killed, nothing is lost, doubled or out of order: SEED=${seed}`, async t => {
    const soak = await Soak.start({ seed, kills: 8, pace: 200, pause: 400 });
    try {
        const wrong = await soak.run();
        t.diagnostic(soak.summary);
        if (wrong.length)
            assert.fail([...wrong.slice(0, 20), `${wrong.length} wrong; the logs are in ${soak.keepLogs()}`].join('\n'));
    } finally {
        await soak.end();
    }
});
