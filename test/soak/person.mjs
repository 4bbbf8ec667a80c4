// Somebody who stays, whatever is killed: connects through either gateway in turn, resumes, logs in
// anew when the session is over, repeats what was not answered, and writes down all that it was told,
// for check.mjs. Unlike the Member of test/lib it may be told to reload, and may be disabled.

import { Connection, Fault, Gone } from '../lib/client.mjs';
import { password } from '../lib/firm.mjs';
import { sleep, until } from '../lib/scratch.mjs';
import { Unread } from './unread.mjs';

const patience = 5000; // milliseconds for an answer; then the connection is given up
const unavailable = -32007, notLoggedIn = -32001, limited = -32006;

export class Person {
    steps = []; // {what: login, resume, event, position, ...}
    counts = { logins: 0, resumes: 0, resets: 0, stalls: 0, tooSlow: 0 };
    closes = {}; // code -> how often
    cursor = { seal: 0, index: undefined };
    away = false; // disabled: there is no use in trying to log in
    broken = []; // what is wrong already without a look at the database
    #turn = 0;

    /** `account` as the calls give it; `urls` of the gateways. */
    constructor(account, urls, random) {
        Object.assign(this, { account, login: account.login, id: account.id, urls, random, unread: new Unread(account.id) });
        this.#turn = account.id;
        this.headers = { 'X-Forwarded-For': `10.0.${account.id >> 8}.${account.id & 255}` };
    }

    start() {
        this.keeping = this.#keep();
    }

    /** For good. */
    async leave() {
        this.leaving = true;
        this.connection?.socket.terminate();
        await this.keeping;
    }

    /**
     * The result, however often it has to be asked for. A refusal is thrown as a Fault whose `unsure`
     * tells how many tries before it were not answered, any of which may have been done.
     */
    async call(method, params = {}) {
        for (let unsure = 0;;) {
            try {
                return await this.#ask(method, params);
            } catch (error) {
                if (error instanceof Fault && ![unavailable, notLoggedIn, limited].includes(error.code))
                    throw Object.assign(error, { unsure, method, params });
                if (!(error instanceof Fault || error instanceof Gone))
                    throw error;
                unsure += error.code !== limited;
                await sleep(50 + this.random.below(200));
            }
        }
    }

    async #ask(method, params) {
        await until(() => this.live, `${this.login} to be connected`, 120);
        const { connection } = this;
        const giveUp = setTimeout(() => this.#drop(connection), patience);
        try {
            return await connection.call(method, params);
        } catch (error) {
            if (error.code === notLoggedIn)
                this.#drop(connection);
            throw error;
        } finally {
            clearTimeout(giveUp);
        }
    }

    /** Nothing that this connection still says counts. */
    #drop(connection) {
        if (this.connection === connection)
            this.live = false;
        connection.isDropped = true;
        connection.socket.terminate();
    }

    async #keep() {
        while (!this.leaving) {
            try {
                await this.#connect();
                const { code } = await this.connection.closed;
                this.closes[code] = (this.closes[code] ?? 0) + 1;
            } catch (error) {
                await this.#failed(error);
            }
            this.live = false;
            await sleep(30 + this.random.below(150));
        }
    }

    async #failed(error) {
        if (this.connection)
            this.#drop(this.connection);
        if (error.code === notLoggedIn) {
            this.token = undefined;
            await until(() => !this.away || this.leaving, `${this.login} to be enabled`, 300);
            await sleep(this.random.below(500));
        } else if (error.code === limited) {
            await sleep(1000);
        } else if (!(error instanceof Gone || error.code === unavailable)) {
            this.broken.push(`${this.login} could not come back: ${error.stack}`);
        }
    }

    async #connect() {
        const url = this.urls[this.#turn++ % this.urls.length];
        const connection = this.connection = await Connection.open(url,
            (method, params) => connection.isDropped || this.#notified(method, params), this.headers);
        if (this.leaving)
            return this.#drop(connection);
        const giveUp = setTimeout(() => this.#drop(connection), patience);
        try {
            await this.#enter(connection);
        } finally {
            clearTimeout(giveUp);
        }
    }

    #enter(connection) {
        const { token, cursor: { seal, index }, login } = this;
        const asked = Date.now();
        if (token)
            return connection.call('resume', { token, after: seal, index },
                reply => connection.isDropped || this.#resumed({ after: seal, index, asked }, reply));
        return connection.call('login', { login, password, device: 'soak' },
            reply => connection.isDropped || this.#loggedIn(reply));
    }

    #loggedIn({ token, seal }) {
        this.token = token;
        this.counts.logins++;
        this.#step({ what: 'login', seal });
        this.unread.forget();
    }

    #resumed(from, { seal, reset, events }) {
        this.counts.resumes++;
        if (reset) {
            this.counts.resets++;
            this.unread.forget();
        }
        this.steps.push({ what: 'resume', ...from, seal, reset, events: events.map(told), answered: Date.now() });
        events.forEach(event => this.unread.apply(event));
        this.#step({ what: 'resumed', seal });
    }

    /** Whole seals: the connection is live from here on. */
    #step(step) {
        this.steps.push(step);
        this.cursor = { seal: step.seal, index: undefined };
        this.live = true;
    }

    #notified(method, params) {
        if (method === 'event')
            this.#event(params);
        else if (method === 'position')
            this.#position(params.seal);
        else if (method === 'stalled' && params.stalled)
            this.counts.stalls++;
    }

    #event(event) {
        this.steps.push({ what: 'event', ...told(event) });
        this.cursor = { seal: event.seal, index: event.index };
        this.unread.apply(event);
        this.onEvent?.(event);
    }

    #position(seal) {
        this.steps.push({ what: 'position', seal });
        this.cursor = { seal, index: undefined };
    }
}

/** What check.mjs looks at. */
const told = ({ seal, index, kind, org, topic, message, account }) => ({ seal, index, kind, org, topic, account,
    message: typeof message === 'object' ? { id: message.id, version: message.version, text: message.text } : message });
