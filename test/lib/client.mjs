// JSON-RPC over WebSocket, by the npm library `ws`: one connection as it is (Connection), and a
// person with a login who comes back by itself, as a good client does (Member).

import WebSocket from 'ws';
import { sleep, until } from './scratch.mjs';

const patience = 60000; // milliseconds, for one answer

/** What the gateway answered a call with, instead of a result. */
export class Fault extends Error {
    constructor({ code, message, data }) {
        super(`${code} ${message}`);
        Object.assign(this, { code, text: message, data });
    }
}

/** The connection went before the answer came. */
export class Gone extends Error {}

export class Connection {
    #id = 0;
    #waiting = new Map();

    /** Resolves when the WebSocket is open. `onNotification(method, params)` sees each in order. */
    static async open(url, onNotification, headers = {}) {
        const connection = new Connection();
        connection.notifications = [];
        connection.unasked = []; // responses to no request of ours
        connection.onNotification = onNotification ?? ((method, params) => {
            connection.notifications.push({ method, params });
        });
        connection.socket = new WebSocket(url, 'onefin.v1', { perMessageDeflate: false, headers });
        connection.socket.on('message', data => connection.#frame(data));
        connection.closed = new Promise(resolve => {
            connection.socket.on('close', (code, reason) => {
                for (const { reject, timer } of connection.#waiting.values()) {
                    clearTimeout(timer);
                    reject(new Gone(`closed with ${code}`));
                }
                connection.#waiting.clear();
                connection.isClosed = true;
                resolve({ code, reason: reason.toString() });
            });
        });
        connection.socket.on('error', () => {}); // `close` follows
        await Promise.race([new Promise(resolve => connection.socket.once('open', resolve)),
            connection.closed.then(() => Promise.reject(new Gone('not opened')))]);
        return connection;
    }

    /**
     * The result; throws a Fault or Gone. `taken` sees the result before anything that comes behind
     * it: frames that arrive together are handed out together, ahead of whoever awaits the first.
     */
    call(method, params = {}, taken = undefined) {
        const id = ++this.#id;
        return new Promise((resolve, reject) => {
            if (this.isClosed)
                return reject(new Gone('closed'));
            const timer = setTimeout(() => reject(new Error(`no answer to ${method}`)), patience);
            this.#waiting.set(id, { resolve, reject, taken, timer });
            this.send({ jsonrpc: '2.0', id, method, params });
        });
    }

    /** An object as JSON; a string or bytes as they are. */
    send(frame) {
        const raw = typeof frame === 'string' || Buffer.isBuffer(frame);
        this.socket.send(raw ? frame : JSON.stringify(frame), { binary: false });
    }

    /** The next response that no call waits for. */
    async unexpected() {
        return until(() => this.unasked.shift(), 'a response', 20);
    }

    /** Waits for a notification, of the past too, that the check takes. */
    async notified(method, check = () => true) {
        const found = await until(() => this.isClosed
            || this.notifications.find(n => n.method === method && check(n.params)), `the notification ${method}`);
        if (found === true)
            throw new Gone('closed');
        return found.params;
    }

    get events() {
        return this.notifications.filter(n => n.method === 'event').map(n => n.params);
    }

    close() {
        this.socket.close();
        return this.closed;
    }

    /** Waits for the gateway to close it; {code, reason}. */
    async closedByGateway() {
        return until(() => this.isClosed && this.closed, 'the gateway to close the connection');
    }

    #frame(data) {
        const frame = JSON.parse(data.toString());
        if (frame.method)
            return this.onNotification(frame.method, frame.params);
        const waiting = this.#waiting.get(frame.id);
        if (!waiting)
            return this.unasked.push(frame);
        this.#waiting.delete(frame.id);
        clearTimeout(waiting.timer);
        if (frame.error)
            return waiting.reject(new Fault(frame.error));
        waiting.taken?.(frame.result);
        waiting.resolve(frame.result);
    }
}

/**
 * Keeps a connection, resumes from its cursor after each loss, and records every event once it is
 * sure that it is the next: an event at or before the cursor is an error at once.
 */
export class Member {
    events = [];
    stalls = [];
    resumes = 0;
    cursor = { seal: 0, index: undefined };

    constructor(url, login, password) {
        Object.assign(this, { url, login, password });
    }

    /** Logs in; from then on it is there until leave(). */
    async enter() {
        await this.#connect();
        this.keeping = this.#keep();
        return this;
    }

    /** The result, over losses and absences; so only for what is safe to repeat. */
    async call(method, params = {}) {
        for (;;) {
            try {
                await until(() => this.live, `${this.login} to be connected`, 120);
                return await this.connection.call(method, params);
            } catch (error) {
                if (!(error instanceof Gone || error.code === -32007))
                    throw error;
                await sleep(100);
            }
        }
    }

    /** Throws what went wrong with the order of events, if anything did. */
    async leave() {
        this.leaving = true;
        this.connection?.socket.terminate();
        await this.keeping;
        if (this.broken)
            throw this.broken;
    }

    /** Cuts the connection without a word. */
    cut() {
        this.connection.socket.terminate();
    }

    async #connect() {
        this.connection = await Connection.open(this.url, (method, params) => this.#notified(method, params));
        const { token, cursor } = this;
        if (token)
            await this.connection.call('resume', { token, after: cursor.seal, index: cursor.index }, reply => this.#resumed(reply));
        else
            await this.connection.call('login', { login: this.login, password: this.password }, reply => this.#entered(reply));
    }

    #entered({ token, seal, account }) {
        Object.assign(this, { token, account, live: true });
        this.cursor = { seal, index: undefined };
    }

    #resumed({ seal, reset, events }) {
        if (reset)
            this.broken = new Error(`${this.login} was told to reload`);
        for (const event of events)
            this.#event(event);
        if (seal < this.cursor.seal)
            this.broken = new Error(`${this.login} went back from ${this.cursor.seal} to ${seal}`);
        this.cursor = { seal, index: undefined };
        this.resumes++;
        this.live = true;
    }

    async #keep() {
        while (!this.leaving) {
            await this.connection.closed;
            this.live = false;
            while (!this.leaving && !this.live) {
                try {
                    await this.#connect();
                } catch (error) {
                    this.connection?.socket.terminate();
                    if (!(error instanceof Gone || error.code === -32007))
                        this.broken = error;
                    await sleep(50 + Math.random() * 100);
                }
            }
        }
    }

    #notified(method, params) {
        if (method === 'event')
            this.#event(params);
        else if (method === 'position')
            this.#advance(params.seal, undefined);
        else if (method === 'stalled')
            this.stalls.push(params.stalled);
    }

    #event(event) {
        this.#advance(event.seal, event.index);
        this.events.push(event);
    }

    /** An index of undefined stands for the whole seal. */
    #advance(seal, index) {
        const { cursor } = this;
        const after = seal > cursor.seal
            || (seal === cursor.seal && cursor.index !== undefined && (index === undefined || index > cursor.index));
        if (!after)
            this.broken = new Error(`${this.login} got (${seal},${index}) after (${cursor.seal},${cursor.index})`);
        this.cursor = { seal, index };
    }
}
