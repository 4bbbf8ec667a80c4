// `make soak`: KILLS=100 SEED=... node test/soak/run.mjs. Fails when anything is wrong, says what, and
// keeps the logs.

import { Soak } from './soak.mjs';

const seed = Number(process.env.SEED || Date.now() % 1000000);
const kills = Number(process.env.KILLS || 100);
console.log(`SEED=${seed} KILLS=${kills}`);
const soak = await Soak.start({ seed, kills });
try {
    const wrong = await soak.run();
    console.log(soak.summary);
    wrong.slice(0, 50).forEach(one => console.log(`WRONG ${one}`));
    console.log(wrong.length ? `${wrong.length} wrong; the logs are in ${soak.keepLogs()}` : 'all is well');
    process.exitCode = wrong.length ? 1 : 0;
} catch (error) {
    console.log(error);
    console.log(`the logs are in ${soak.keepLogs()}`);
    process.exitCode = 1;
} finally {
    await soak.end();
}
process.exit(); // whatever a connection's other end still holds
