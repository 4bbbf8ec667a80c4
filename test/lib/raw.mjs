// One TCP connection, with nothing between the test and the bytes: HTTP and WebSocket frames as the
// test writes them, right or wrong, and what comes back read frame by frame.

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';

const patience = 60000; // milliseconds, for anything

export const CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

/** The bytes of a frame. `long` is how many bytes its length takes, 0, 2 or 8: by default the fewest. */
export function frame(opcode, payload = '', { fin = true, rsv = 0, mask = randomBytes(4), long, length } = {}) {
    const bytes = Buffer.from(payload);
    const size = BigInt(length ?? bytes.length);
    const wide = long ?? (size < 126n ? 0 : size < 65536n ? 2 : 8);
    const head = Buffer.alloc(10);
    head[0] = (fin ? 0x80 : 0) | rsv << 4 | opcode;
    head[1] = (mask ? 0x80 : 0) | { 0: Number(size & 127n), 2: 126, 8: 127 }[wide];
    if (wide === 2)
        head.writeUInt16BE(Number(size), 2);
    if (wide === 8)
        head.writeBigUInt64BE(size, 2);
    return Buffer.concat([head.subarray(0, 2 + wide), mask || Buffer.alloc(0),
        mask ? bytes.map((byte, i) => byte ^ mask[i % 4]) : bytes]);
}

/** A close frame with a code and a reason; of neither when there is no code. */
export const closing = (code, reason = '') =>
    frame(CLOSE, code === undefined ? '' : Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));

/** The headers of a handshake that is as it should be. */
export const handshake = gateway => ({
    Host: `127.0.0.1:${gateway.port}`,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Protocol': 'onefin.v1',
});

/** What the server has to answer to a key. */
export const acceptance = key =>
    createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** A request's head; a header of undefined is left out, one that is a list comes several times. */
export function head(line, headers) {
    const lines = Object.entries(headers).filter(([, value]) => value !== undefined)
        .flatMap(([name, value]) => [value].flat().map(one => `${name}: ${one}\r\n`));
    return `${line}\r\n${lines.join('')}\r\n`;
}

export class Raw {
    #wake = () => {};

    static async connect(gateway) {
        const raw = new Raw();
        raw.socket = connect({ port: gateway.port, host: '127.0.0.1', noDelay: true });
        raw.received = Buffer.alloc(0);
        raw.socket.on('data', bytes => {
            raw.received = Buffer.concat([raw.received, bytes]);
            raw.#wake();
        });
        raw.socket.on('error', () => {}); // `close` follows
        raw.socket.on('close', () => {
            raw.isClosed = true;
            raw.#wake();
        });
        await once(raw.socket, 'connect');
        return raw;
    }

    /** A WebSocket: after the handshake; `more` is sent together with it. */
    static async open(gateway, more = '') {
        const raw = await Raw.connect(gateway);
        raw.send(head('GET /ws HTTP/1.1', handshake(gateway)), more);
        const { status } = await raw.answer();
        if (status !== 101)
            throw new Error(`the handshake got ${status}`);
        return raw;
    }

    send(...pieces) {
        this.socket.write(Buffer.concat(pieces.map(piece => Buffer.from(piece))));
    }

    /** The head of an HTTP answer, {status, headers}, which is taken; undefined when there is none. */
    async answer() {
        const end = () => this.received.indexOf('\r\n\r\n');
        await this.#until(() => end() >= 0 || this.isClosed, 'an answer');
        if (end() < 0)
            return undefined;
        const [line, ...lines] = this.received.subarray(0, end()).toString().split('\r\n');
        this.received = this.received.subarray(end() + 4);
        const headers = {};
        for (const [, name, value] of lines.map(text => /^([^:]+): *(.*)$/.exec(text)))
            headers[name.toLowerCase()] = value;
        return { status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(line)[1]), headers };
    }

    /** The next frame, {fin, rsv, opcode, payload}; undefined when the connection is gone instead. */
    async frame() {
        let found;
        await this.#until(() => (found = this.#take()) || this.isClosed, 'a frame');
        return found;
    }

    /** The answer to a call: in the next frame that is no notification, which has to be one of text. */
    async json() {
        for (;;) {
            const { opcode, payload } = await this.frame() ?? {};
            if (opcode !== TEXT)
                throw new Error(`frame ${opcode} instead of an answer: ${payload?.toString('hex')}`);
            const answer = JSON.parse(payload);
            if (!answer.method)
                return answer;
        }
    }

    /** How the server closes: the code, 'none' of a close frame without one, 'cut' when none comes. */
    async closed() {
        for (;;) {
            const { opcode, payload } = await this.frame() ?? {};
            if (opcode === undefined)
                return 'cut';
            if (opcode === CLOSE)
                return payload.length ? payload.readUInt16BE() : 'none';
        }
    }

    /** Until the TCP connection is gone. */
    async gone() {
        await this.#until(() => this.isClosed, 'the server to hang up');
    }

    end() {
        this.socket.destroy();
    }

    /** Looks whenever something came. */
    async #until(check, what) {
        let late = false;
        const timer = setTimeout(() => {
            late = true;
            this.#wake();
        }, patience);
        while (!check()) {
            if (late)
                throw new Error(`waited in vain for ${what}`);
            await new Promise(resolve => { this.#wake = resolve; });
        }
        clearTimeout(timer);
    }

    #take() {
        const bytes = this.received;
        const long = bytes[1] & 127;
        const start = 2 + (long === 126 ? 2 : long === 127 ? 8 : 0);
        if (bytes.length < start)
            return undefined;
        const size = long === 126 ? bytes.readUInt16BE(2) : long === 127 ? Number(bytes.readBigUInt64BE(2)) : long;
        if (bytes[1] & 128)
            throw new Error('a masked frame from the server');
        if (bytes.length < start + size)
            return undefined;
        this.received = bytes.subarray(start + size);
        return { fin: bytes[0] >> 7 === 1, rsv: bytes[0] >> 4 & 7, opcode: bytes[0] & 15,
            payload: bytes.subarray(start, start + size) };
    }
}
