// The oracle: who sees and does what, compared with a plain model of the rules (model.mjs) on three ways
// in: plain SQL as a database user, onefin.call with a session, and events delivered by a gateway.
//
//   ORACLE_CASES=1000000   how many (account, operation, object) cases; 100,000 without it
//   ORACLE_SEED=...        the firm and the doings of a run that failed, again

import { after, before, test } from 'node:test';
import { Oracle } from './oracle.mjs';

const wanted = Number(process.env.ORACLE_CASES ?? 100000);
const seed = Number(process.env.ORACLE_SEED ?? Date.now() % 1000000);
let oracle;

before(async () => {
    oracle = await Oracle.start(seed);
});
after(() => oracle?.end());

test(`${wanted} cases, seed ${seed}: the system does what the model says`, async t => {
    while (oracle.total < wanted)
        await oracle.round();
    t.diagnostic(`${oracle.total} cases: ${JSON.stringify(oracle.cases)}; ${oracle.firm.entries.length} entries in the journal`);
});
