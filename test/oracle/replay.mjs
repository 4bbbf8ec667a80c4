// The waits that a record gives: a plain replay of the journal in the order of its seals, by the definitions
// alone (DESIGN, section 9), compared with those that are in the table. Times are microseconds since 1970.

import { Calendar } from './sla.mjs';

const moment = column => `(extract(epoch FROM ${column}) * 1000000)::bigint`;

const questions = {
    entries: `SELECT j.kind, j.subject_id AS subject, ${moment('j.at')} AS at, j.detail
        FROM onefin.seal s CROSS JOIN unnest(s.entries) WITH ORDINALITY e (id, place) JOIN onefin.journal j ON j.id = e.id
        WHERE j.kind ~ '^(ticket|message|wait|sla|policy)\\.' ORDER BY s.number, e.place`,
    messages: `SELECT m.id, m.org_id AS org, t.kind_id AS topic_kind, m.ticket_id AS ticket, m.author_id AS author, m.author_role = 'client' AS client,
        a.machine, m.visibility = 'staff' AS note, m.imported, ${moment('m.at')} AS at
        FROM onefin.message m JOIN onefin.account a ON a.id = m.author_id JOIN onefin.topic t ON t.id = m.topic_id`,
    tickets: 'SELECT id, state, closed_by, closed_how, accountable_id AS accountable FROM onefin.ticket',
    policies: `SELECT id, org_id AS org, kind_id AS kind, ${moment('from_at')} AS "from", ${moment('made_at')} AS made,
        first_target AS first, next_target AS next, resolution_target AS resolution FROM onefin.policy`,
    waits: `SELECT id, kind, org_id AS org, ticket_id AS ticket, message_id AS message, policy_id AS policy, calendar_id AS calendar,
        responder_id AS responder, answer_id AS answer, ${moment('started_at')} AS start, ${moment('ended_at')} AS end, target, duration, paused,
        paused_at IS NOT NULL AS stands, warned_at IS NOT NULL AS warned, breached_at IS NOT NULL AS missed, imported, outcome FROM onefin.wait ORDER BY id`,
};

const moments = 5e6; // microseconds between what a transaction noted of one thing, at most
const isPublic = message => !message.note && !message.machine;

export class Replay {
    waits = [];
    known = []; // policies
    rounds = new Map(); // ticket -> {spoken, asked, last, response, resolution}
    told = new Map(); // wait -> {warned, breached}

    /** `plans` are the calendars by their id, as sla.mjs has them; the record must be sealed and at rest. */
    static async of(cluster, plans = {}) {
        const replay = new Replay();
        for (const [name, text] of Object.entries(questions))
            replay[`${name === 'waits' ? 'found' : name}`] = await cluster.query(text);
        for (const name of ['messages', 'tickets', 'policies'])
            replay[name] = new Map(replay[name].map(row => [row.id, row]));
        replay.questions = new Map(replay.found.map(wait => [wait.id, wait.message]));
        replay.calendars = new Map(Object.entries(plans).map(([id, plan]) => [Number(id), new Calendar(plan)]));
        for (const entry of replay.entries)
            if (entry.kind.startsWith('policy.'))
                replay.known.push(replay.policies.get(entry.subject));
            else
                replay[entry.kind]?.(entry);
        return replay;
    }

    // --- what each entry does

    'ticket.opened'({ subject }) {
        this.rounds.set(subject, { spoken: false, asked: [] });
    }

    'ticket.changed'(entry) {
        const round = this.rounds.get(entry.subject);
        const { state } = entry.detail;
        if (state === 'closed')
            return this.#closed(entry, round);
        const open = [round.response, round.resolution].filter(Boolean);
        for (const wait of open)
            if (state === 'waiting_client')
                wait.pauses.push([entry.at, null]);
            else if (wait.pauses.at(-1)?.[1] === null)
                wait.pauses.at(-1)[1] = entry.at;
        return undefined;
    }

    #closed({ subject, at }, round) {
        const ticket = this.tickets.get(subject);
        const silent = ticket.closed_how === 'silence';
        if (round.resolution)
            this.#end(round, 'resolution', { about: silent ? Math.max(round.last, round.resolution.start) : at, outcome: silent ? 'silence' : 'closed',
                responder: ticket.accountable, measured: true });
        if (round.response)
            this.#end(round, 'response', { about: at, outcome: 'closed', responder: ticket.closed_by });
    }

    'message.sent'({ subject, at }) {
        const message = this.messages.get(subject);
        const round = this.rounds.get(message.ticket);
        round.last = message.at;
        if (!isPublic(message))
            return;
        if (message.client)
            this.#asked(message, round, at);
        else
            this.#answered(message, round);
    }

    'message.imported'(entry) {
        this['message.sent'](entry);
    }

    #asked(message, round, now) {
        round.asked.push(message.id);
        if (round.response?.imported && !message.imported)
            this.#end(round, 'response', { at: message.at, outcome: 'replaced' });
        round.response ??= this.#begin(round.spoken ? 'next' : 'first', message, now);
        round.resolution ??= this.#begin('resolution', message, now);
    }

    #answered(message, round) {
        const wait = round.response;
        round.spoken = true;
        if (wait && !(message.imported && message.at < wait.start))
            this.#end(round, 'response', { at: Math.max(message.at, wait.start), outcome: 'answered', responder: message.author, answer: message.id, measured: true });
    }

    'message.deleted'({ subject, at }) {
        const message = this.messages.get(subject);
        const round = this.rounds.get(message.ticket);
        if (!message.client || !isPublic(message))
            return;
        round.asked = round.asked.filter(id => id !== subject);
        for (const which of ['response', 'resolution'])
            if (round[which] && !round.asked.some(id => id >= round[which].message))
                this.#end(round, which, { about: at, outcome: 'deleted' });
    }

    'wait.dismissed'({ subject, detail, at }) {
        const round = this.rounds.get(this.messages.get(this.questions.get(subject)).ticket);
        if (detail.why === 'dismissed')
            this.#end(round, 'response', { about: at, outcome: 'dismissed' });
    }

    'sla.warned'({ subject }) {
        this.#tell(subject, 'warned');
    }

    'sla.breached'({ subject }) {
        this.#tell(subject, 'breached');
    }

    #tell(wait, what) {
        const told = this.told.get(wait) ?? { warned: 0, breached: 0 };
        told[what]++;
        this.told.set(wait, told);
    }

    #begin(kind, message, now) {
        const wait = { kind, org: message.org, ticket: message.ticket, message: message.id, start: message.at, imported: message.imported,
            policies: this.#policiesFor(message, now), pauses: [], outcome: null, responder: null, answer: null };
        this.waits.push(wait);
        return wait;
    }

    #end(round, which, how) {
        Object.assign(round[which], how);
        round[which] = undefined;
    }

    /** Those that it may be under: one that was made at that very time may have been known or not. */
    #policiesFor({ org, topic_kind: kind, at }, now) {
        const choose = some => some.filter(one => (one.org ?? org) === org && (one.kind ?? kind) === kind && one.from <= at)
            .sort((a, b) => (a.org === null) - (b.org === null) || (a.kind === null) - (b.kind === null) || b.from - a.from || b.id - a.id)[0]?.id ?? null;
        const recent = this.known.findIndex(one => one.made > now - moments);
        const from = recent < 0 ? this.known.length : recent;
        return Array.from({ length: this.known.length - from + 1 }, (_, more) => choose(this.known.slice(0, from + more)));
    }

    // --- what is wrong

    differences() {
        const key = wait => `${wait.message} ${wait.kind}`;
        const found = new Map(this.found.map(wait => [key(wait), wait]));
        const wrong = this.waits.flatMap(wait => {
            const row = found.get(key(wait));
            found.delete(key(wait));
            return row ? this.#compare(wait, row).map(what => `wait ${row.id} (${key(wait)}): ${what}`) : [`no ${wait.kind} wait of message ${wait.message}`];
        });
        return [...wrong, ...[...found.values()].map(row => `wait ${row.id} (${key(row)}) is too much`)];
    }

    #compare(wait, row) {
        const wrong = [];
        const expect = (what, is, expected) => is === expected || wrong.push(`${what} is ${is}, not ${expected}`);
        for (const what of ['org', 'ticket', 'start', 'imported', 'outcome', 'responder', 'answer'])
            expect(what, row[what], wait[what]);
        if (!wait.policies.includes(row.policy))
            wrong.push(`policy is ${row.policy}, not ${wait.policies}`);
        const policy = this.policies.get(row.policy);
        expect('target', row.target, policy?.[wait.kind] ?? null);
        if (wait.at !== undefined)
            expect('end', row.end, wait.at);
        else if (Math.abs((row.end ?? Infinity) - (wait.about ?? Infinity)) > moments)
            wrong.push(`end is ${row.end}, not about ${wait.about}`);
        this.#compareTimes(wait, row, wrong, expect);
        const told = this.told.get(row.id) ?? { warned: 0, breached: 0 };
        expect('times warned', told.warned, row.warned ? 1 : 0);
        expect('times told of a miss', told.breached, row.missed ? 1 : 0);
        return wrong;
    }

    /** Exactly by what was paused; that by the journal, which notes the times of pauses near enough. */
    #compareTimes(wait, row, wrong, expect) {
        const calendar = this.calendars.get(row.calendar);
        const business = (from, until) => until <= from ? 0 : calendar ? calendar.duration(from, until) : until - from;
        const elapsed = Math.max(0, business(row.start, row.end ?? row.start) - row.paused);
        expect('duration', row.duration, wait.measured ? elapsed : null);
        const closed = wait.pauses.filter(([, until]) => until !== null || row.end !== null);
        const paused = closed.reduce((sum, [from, until]) => sum + business(from, Math.min(until ?? row.end, row.end ?? Infinity)), 0);
        if (Math.abs(paused - row.paused) > moments * (closed.length + 1))
            wrong.push(`paused is ${row.paused}, not about ${paused}`);
        expect('stands', row.stands, row.end === null && wait.pauses.at(-1)?.[1] === null);
        const missed = row.target !== null && !row.imported && row.end !== null && elapsed > row.target;
        if (missed && !row.missed || row.missed && (row.imported || row.target === null || row.end !== null && elapsed < row.target - moments))
            wrong.push(`is ${row.missed ? '' : 'not '}a miss: ${elapsed} of ${row.target}`);
    }
}
