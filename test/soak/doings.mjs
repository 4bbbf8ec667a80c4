// What people do, at random, and the record of what was acknowledged of it.

import { sleep } from '../lib/scratch.mjs';

// What may be refused to who has lost the company meanwhile: not allowed, not there, in conflict.
const refusals = [-32002, -32003, -32005];

/** One person's writing. `firm` is {orgs: [{id, topics: [ids]}], pace}. */
export class Writer {
    sent = []; // {key, topic, visibility, texts, deleted, id, state: done, refused or unsure}
    refused = {}; // 'method code' -> how often
    #reading;

    constructor(person, firm, random) {
        Object.assign(this, { person, firm, random });
        this.weights = { send: 10, edit: 3, delete: 1, read: 2, typing: 1, note: person.account.role === 'client' ? 0 : 2 };
        person.onEvent = event => this.#look(event);
    }

    /** Until told to stop, and nothing is under way any more. */
    async work(isOver) {
        while (!isOver()) {
            await sleep(this.random.below(2 * this.firm.pace));
            await this.person.unread.load(this.person);
            const doing = this.random.weighted(this.weights);
            await this.#refusable(() => this[doing]());
        }
        this.person.onEvent = undefined;
        await this.#reading;
    }

    async #refusable(act) {
        try {
            await act();
        } catch (error) {
            if (!refusals.includes(error.code))
                return this.person.broken.push(`${this.person.login}: ${error.method} ${JSON.stringify(error.params)}: ${error.stack}`);
            const what = `${error.method} ${error.code}`;
            this.refused[what] = (this.refused[what] ?? 0) + 1;
        }
    }

    /** Most is said in two topics of a company, so that people meet. */
    #topic() {
        const org = this.random.of(this.person.unread.orgs.values());
        return org && org[this.random.chance(0.8) ? this.random.below(2) : this.random.below(org.length)];
    }

    #text(what) {
        return `${this.person.login} ${what} ${this.random.below(1e9)} ${'ў'.repeat(this.random.below(60))}`;
    }

    async send(visibility = 'all') {
        const topic = this.#topic();
        const message = { key: this.random.uuid(), topic, visibility, texts: [this.#text('says')], deleted: false };
        if (!topic)
            return;
        this.sent.push(message);
        await this.#record(message, async () => {
            const reply = await this.person.call('send', { topic, text: message.texts[0], client_key: message.key, visibility });
            message.id = reply.message.id;
        });
    }

    note() {
        return this.send('staff');
    }

    /** A refusal leaves it open whether it was done when an earlier try was not answered. */
    async #record(message, write) {
        try {
            await write();
            message.state = 'done';
        } catch (error) {
            message.state = error.unsure ? 'unsure' : message.id ? 'done' : 'refused';
            throw error;
        }
    }

    #own() {
        return this.random.of(this.sent.slice(-30).filter(one => one.state === 'done' && !one.deleted));
    }

    async edit() {
        const message = this.#own();
        const text = this.#text('means');
        if (!message)
            return;
        message.wanted = text;
        await this.#record(message, () => this.person.call('edit', { message: message.id, version: message.texts.length, text }));
        message.texts.push(text);
    }

    async delete() {
        const message = this.#own();
        if (!message)
            return;
        message.wanted = null;
        await this.#record(message, () => this.person.call('delete', { message: message.id, version: message.texts.length }));
        message.deleted = true;
    }

    async read() {
        const topic = this.#topic();
        const ids = [...this.person.unread.topics.get(topic)?.unread ?? []];
        if (ids.length)
            await this.person.unread.read(this.person, topic, this.random.chance(0.7) ? Math.max(...ids) : this.random.of(ids));
    }

    async typing() {
        const topic = this.#topic();
        if (topic)
            await this.person.call('typing', { topic });
    }

    /** Who has the topic open has read a message when it comes. */
    #look({ kind, topic, message }) {
        if (kind !== 'message.sent' || this.#reading || message.author === this.person.id || message.id % 3)
            return;
        this.#reading = this.#refusable(() => this.person.unread.read(this.person, topic, message.id))
            .finally(() => { this.#reading = undefined; });
    }
}

/** The admin's own work: rights given and taken, and after a while, at the end at the latest, given back. */
export class Ruler {
    done = {}; // what -> how often
    changes = []; // when each was asked for and acknowledged: {from, to}
    #undo = [];

    constructor(admin, firm, people, random) {
        Object.assign(this, { admin, firm, people, random });
    }

    async work(isOver) {
        while (!isOver()) {
            await sleep(this.random.below(4 * this.firm.pace));
            if (this.#undo.length > this.random.below(6))
                await this.#undo.splice(this.random.below(this.#undo.length), 1)[0]();
            else
                await this[this.random.weighted({ assign: 4, move: 2, archive: 2, disable: 2 })]();
        }
        while (this.#undo.length)
            await this.#undo.pop()();
    }

    async #call(what, method, params) {
        const from = Date.now();
        await this.admin.call(method, params);
        this.changes.push({ from, to: Date.now() });
        this.done[what] = (this.done[what] ?? 0) + 1;
    }

    #some(role) {
        return this.random.of(this.people.filter(person => person.account.role === role && !person.away));
    }

    /** Begins an assignment, or ends one. */
    async assign() {
        const params = { org: this.random.of(this.firm.restless).id, account: this.#some('accountant').id };
        const { assignments } = this.firm;
        const key = `${params.org} ${params.account}`;
        const ended = assignments.has(key);
        await this.#call(ended ? 'unassigned' : 'assigned', 'assign', { ...params, ended });
        ended ? assignments.delete(key) : assignments.add(key);
    }

    async move() {
        await this.#call('moved', 'orgs', { id: this.random.of(this.firm.restless).id, department: this.random.of(this.firm.departments).id });
    }

    async archive() {
        const { id } = this.random.of(this.firm.restless);
        await this.#call('archived', 'orgs', { id, archived: true });
        this.#undo.push(() => this.#call('taken back', 'orgs', { id, archived: false }));
    }

    async disable() {
        const person = this.#some(this.random.of(['client', 'accountant', 'supervisor']));
        if (this.firm.steady.has(person.account.org))
            return;
        person.away = true;
        await this.#call('disabled', 'accounts', { id: person.id, disabled: true });
        this.#undo.push(async () => {
            await this.#call('enabled', 'accounts', { id: person.id, disabled: false });
            person.away = false;
        });
    }
}
