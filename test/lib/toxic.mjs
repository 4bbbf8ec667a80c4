// A TCP proxy that is as bad as networks are: it delays and throttles all connections, cuts one in the
// middle of what it says, or swallows what is said on it from now on, in one direction or both, without
// telling anybody. That takes turns by chance while it misbehaves; in peace it passes everything.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { sleep } from './scratch.mjs';

// Milliseconds after which a connection that swallows is reset: a network that gives no sign for longer
// is what the timeouts of both sides are for, and those would only make a test long.
const longestSilence = 6000;

class Link {
    swallows = new Set(); // directions: up, down

    constructor(proxy, near, far) {
        Object.assign(this, { proxy, near, far, cutAfter: proxy.cutAfter }); // bytes that are still passed on
        this.ended = Promise.all([near, far].map(socket => new Promise(done => socket.once('close', done))));
        this.#pass('up', near, far);
        this.#pass('down', far, near);
    }

    /** Nothing is said any more in these directions; the other side is not told. */
    swallow(directions) {
        directions.forEach(direction => this.swallows.add(direction));
        this.silence ??= setTimeout(() => this.reset(), longestSilence);
    }

    reset() {
        clearTimeout(this.silence);
        for (const socket of [this.near, this.far])
            if (socket.remotePort && !socket.writableEnded) // only TCP knows how; Node hangs at its end after a shutdown
                socket.resetAndDestroy();
            else
                socket.destroy();
    }

    #pass(direction, from, to) {
        from.on('data', async bytes => {
            from.pause();
            await this.proxy.hinder(bytes.length);
            if (!this.swallows.has(direction))
                await this.#forward(from, to, bytes);
            from.resume();
        });
        from.on('end', () => this.swallows.size || to.end());
        from.on('error', () => {}); // `close` follows
        from.on('close', () => this.swallows.size || to.destroy());
    }

    async #forward(from, to, bytes) {
        const whole = bytes.length <= this.cutAfter;
        const room = to.destroyed || to.write(whole ? bytes : bytes.subarray(0, this.cutAfter));
        this.cutAfter -= bytes.length;
        if (!whole)
            this.reset();
        else if (!room)
            await Promise.race([once(to, 'drain'), this.ended]).catch(() => {});
    }
}

export class Toxic {
    links = new Set();
    cuts = 0;
    swallowed = 0;
    cutAfter = Infinity; // bytes that a new connection passes on before it is cut
    #latency = 0; // milliseconds of each piece
    #rate = Infinity; // bytes a millisecond

    /** `target` as net.connect() takes it: {port, host} or {path}. */
    static async start(target) {
        const toxic = new Toxic();
        toxic.server = createServer({ allowHalfOpen: true }, near => {
            const link = new Link(toxic, near, connect({ ...target, allowHalfOpen: true }));
            toxic.links.add(link);
            link.ended.then(() => toxic.links.delete(link));
        });
        toxic.server.listen(0, '127.0.0.1');
        await once(toxic.server, 'listening');
        toxic.port = toxic.server.address().port;
        return toxic;
    }

    /** For Link: what each piece is held up by. */
    async hinder(size) {
        const wait = this.#latency + size / this.#rate;
        if (wait >= 1)
            await sleep(wait);
    }

    /** Misbehaves until the promise is settled: something every `pause` milliseconds or so. */
    async misbehave(random, pause, over) {
        let going = true;
        over.then(() => { going = false; });
        while (going) {
            this.#trouble(random);
            await Promise.race([sleep(random.below(2 * pause)), over]);
        }
        this.#latency = 0;
        this.#rate = Infinity;
    }

    #trouble(random) {
        const link = random.of(this.links);
        const kind = random.weighted({ cut: 5, swallow: 2, delay: 2, throttle: 1, nothing: 5 });
        this.#latency = kind === 'delay' ? 5 + random.below(60) : 0;
        this.#rate = kind === 'throttle' ? 20 + random.below(80) : Infinity;
        if (kind === 'cut' && link) {
            link.cutAfter = random.below(1500);
            this.cuts++;
        } else if (kind === 'swallow' && link) {
            link.swallow(random.of([['up'], ['down'], ['up', 'down']]));
            this.swallowed++;
        }
    }

    /** Ends all connections, and itself. */
    async close() {
        this.server.close();
        for (const link of this.links)
            link.reset();
    }
}
