// What one client may take up, and what becomes of one that is silent.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { sleep, until } from '../lib/scratch.mjs';

let world;

before(async () => {
    world = await World.start({ settings: { ping_interval: 1 } });
});
after(() => world.end());

test('a silent client is pinged and stays; one that does not answer is cut', async () => {
    const quiet = await world.connect('kim');
    let pings = 0;
    quiet.socket.on('ping', () => pings++);
    const deaf = await world.connect('lee');
    deaf.socket.pause();
    deaf.socket._socket.pause();
    const cut = once(deaf.socket._socket, 'close');
    await until(() => pings >= 4, 'pings', 30);
    assert.ok(!quiet.isClosed);
    await until(async () => (await world.gateway.metrics()).samples.onefin_gateway_live <= 2, 'the deaf one to be cut');
    deaf.socket._socket.resume();
    await cut;
    await quiet.call('me');
    await quiet.close();
});
