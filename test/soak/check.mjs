// What must be true after all: of messages, of what each was told, of what is unread, of the journal.
// Each check gives a list of what is wrong, in words that name who, where and what was expected.

import { address, shown } from './order.mjs';

const at = step => `(${step.seal},${step.index})`;

/** Every acknowledged message once, with every acknowledged text, and no other. */
export async function checkMessages(cluster, writers) {
    const wrong = [];
    const rows = await cluster.query(`SELECT m.id, m.author_id AS author, m.client_key AS key, m.topic_id AS topic, m.visibility,
            m.deleted_at IS NOT NULL AS deleted, (SELECT coalesce(array_agg(v.text ORDER BY v.version), '{}')
                FROM onefin.message_version v WHERE v.message_id = m.id) || CASE WHEN m.deleted_at IS NULL THEN m.text END AS texts
        FROM onefin.message m`);
    const found = new Map();
    for (const row of rows) {
        const key = `${row.author} ${row.key}`;
        found.set(key, [...found.get(key) ?? [], { ...row, texts: row.deleted ? row.texts.slice(0, -1) : row.texts }]);
    }
    for (const { person, sent } of writers)
        for (const message of sent) {
            const key = `${person.id} ${message.key}`;
            wrong.push(...checkMessage(person, message, found.get(key) ?? []));
            found.delete(key);
        }
    for (const key of found.keys())
        wrong.push(`the message of account and key ${key} was sent by nobody`);
    return wrong;
}

function checkMessage(person, message, rows) {
    const { id, state, texts, deleted, topic, visibility, wanted } = message;
    const what = `${person.login}'s message ${id ?? ''} of key ${message.key} (${state})`;
    if (!id)
        return state === 'unsure' && rows.length <= 1 || rows.length === 0 ? [] : [`${what} is there ${rows.length} times`];
    if (rows.length !== 1)
        return [`${what} is there ${rows.length} times`];
    const [row] = rows;
    const more = state === 'unsure' && wanted !== null ? [[...texts, wanted]] : [];
    const wrong = [];
    if (![texts, ...more].some(one => JSON.stringify(one) === JSON.stringify(row.texts)))
        wrong.push(`${what} has the versions ${JSON.stringify(row.texts)}, acknowledged were ${JSON.stringify(texts)}`);
    if (row.deleted !== deleted && !(state === 'unsure' && wanted === null))
        wrong.push(`${what} is ${row.deleted ? '' : 'not '}deleted`);
    if (row.id !== id || row.topic !== topic || row.visibility !== visibility)
        wrong.push(`${what} is ${JSON.stringify({ ...row, texts: undefined })}, to be ${JSON.stringify({ id, topic, visibility })}`);
    return wrong;
}

/** In the order of the system the messages of a topic have ascending ids: else what was read and what was not is a guess. */
export function checkIds(order) {
    const newest = new Map();
    const wrong = [];
    for (const { kind, topic, subject, key } of order.entries) {
        if (kind !== 'message.sent')
            continue;
        if (subject < (newest.get(topic) ?? 0))
            wrong.push(`message ${subject} of topic ${topic} comes at ${shown(key)}, after message ${newest.get(topic)}`);
        newest.set(topic, Math.max(subject, newest.get(topic) ?? 0));
    }
    return wrong;
}

/**
 * Everybody was told exactly what was to be told; to reload, when it was more than so many events.
 * `changes` of rights, as the Ruler has them.
 */
export function checkEvents(order, people, { texts, resumeEvents, changes }) {
    return people.flatMap(person => new Walk(order, person, { texts, resumeEvents, changes }).walk());
}

/** Goes through what one person was told, beside what was to be told. */
class Walk {
    wrong = [];
    next = 0; // of mine
    cursor = 0;

    constructor(order, person, facts) {
        Object.assign(this, { order, person, ...facts, mine: order.of(person.id) });
    }

    walk() {
        for (const step of this.person.steps)
            this[step.what](step);
        this.#missing(Infinity, 'at the end');
        return this.wrong;
    }

    #say(what) {
        this.wrong.push(`${this.person.login} (account ${this.person.id}): ${what}`);
    }

    #pass(key) {
        this.cursor = key;
        while (this.next < this.mine.length && this.mine[this.next].key <= key)
            this.next++;
    }

    #missing(before, where) {
        const { mine } = this;
        for (; this.next < mine.length && mine[this.next].key < before; this.next++)
            this.#say(`was not told of ${mine[this.next].kind} at ${shown(mine[this.next].key)}, found missing ${where}`);
    }

    login({ seal }) {
        this.#pass(address(seal));
    }

    resumed({ seal }) {
        this.#pass(address(seal));
    }

    position({ seal }) {
        this.#missing(address(seal) + 1, `at position ${seal}`);
        this.#pass(address(seal));
    }

    event(step) {
        const key = address(step.seal, step.index);
        if (key <= this.cursor)
            return this.#say(`was told of ${step.kind} at ${at(step)} after ${shown(this.cursor)}`);
        this.#missing(key, `at ${at(step)}`);
        if (this.mine[this.next]?.key !== key)
            this.#say(`was told of ${step.kind} at ${at(step)}, which was not to be told`);
        else
            this.#same(step, this.mine[this.next]);
        this.#pass(key);
    }

    #same(step, entry) {
        for (const name of ['kind', 'org', 'topic'])
            if (step[name] !== entry[name])
                this.#say(`${at(step)} has ${name} ${step[name]}, not ${entry[name]}`);
        if (!entry.kind.startsWith('message.'))
            return;
        const { id, version, text } = step.message;
        if (id !== entry.subject || version !== entry.version)
            this.#say(`${at(step)} tells of version ${version} of message ${id}, not ${entry.version} of ${entry.subject}`);
        if (text !== undefined && text !== (this.texts.get(`${id} ${version}`) ?? null))
            this.#say(`${at(step)} shows message ${id}, version ${version} as ${text}`);
    }

    /** As somebody who has the rights of one moment about that of the answer. */
    resume({ after, index, seal, reset, events, ...times }) {
        const from = address(after, index);
        if (from !== this.cursor)
            this.#say(`resumed from ${shown(from)}, having ${shown(this.cursor)}`);
        if (seal < after)
            this.#say(`resumed from ${after}, and was answered with ${seal}`);
        const expected = this.order.standsAt(seal, times, this.changes).map(stand => this.order.resumed(this.person.id, from, address(seal), stand));
        if (reset)
            return expected.some(one => one.length > this.resumeEvents) || this.#say(`was told to reload after ${shown(from)} without need`);
        const keys = events.map(event => address(event.seal, event.index));
        const match = expected.find(one => one.length === keys.length && one.every((entry, i) => entry.key === keys[i]));
        if (match)
            match.forEach((entry, i) => this.#same(events[i], entry));
        else
            this.#say(`resumed from ${shown(from)} to ${seal}: ${expected.map(one => difference(events, one)).join('; or: ')}`);
    }
}

/** Between events that were told and entries that were to be. */
function difference(events, expected) {
    const keys = events.map(event => address(event.seal, event.index));
    const list = some => some.map(({ kind, seal, index }) => `${kind} (${seal},${index})`).join(' ') || 'nothing';
    const ordered = keys.every((key, i) => i === 0 || key > keys[i - 1]);
    return `missing ${list(expected.filter(entry => !keys.includes(entry.key)))}, too much ${
        list(events.filter((_, i) => !expected.some(entry => entry.key === keys[i])))}${ordered ? '' : ', doubled or out of order'}`;
}

/** What a client has counted, what `topics` says and what SQL says of each topic are one. */
export async function checkUnread(cluster, order, people) {
    const wrong = [];
    for (const person of people) {
        const { orgs } = await person.call('topics');
        const counted = await unreadBySql(cluster, order, person);
        const listed = orgs.map(org => org.id).sort((a, b) => a - b);
        for (const [who, ids] of [['the client knows', [...person.unread.orgs.keys()]], ['the rules give', [...counted.keys()]]])
            if (JSON.stringify(ids.sort((a, b) => a - b)) !== JSON.stringify(listed))
                wrong.push(`${person.login}: topics lists the companies ${listed}, ${who} ${ids}`);
        for (const { id: org, topics } of orgs)
            for (const { id, unread } of topics) {
                const client = person.unread.topics.get(id)?.unread ?? new Set();
                const sql = counted.get(org)?.get(id) ?? [];
                if (unread !== Math.min(client.size, 1000) || unread !== Math.min(sql.length, 1000))
                    wrong.push(`${person.login}, topic ${id}: topics says ${unread} unread, by SQL ${sql.length}, the client counted ${client.size}: ${
                        [...client].filter(one => !sql.includes(one)).join(' ') || 'nothing'} too many, ${
                        sql.filter(one => !client.has(one)).join(' ') || 'nothing'} missing`);
            }
    }
    return wrong;
}

/** company -> topic -> unread messages, for who has the rights at the end. */
async function unreadBySql(cluster, { rights }, { id, account: { role } }) {
    const orgs = [...rights.org.keys()].filter(org => rights.audience(org).has(id));
    const rows = await cluster.query(`SELECT m.org_id AS org, m.topic_id AS topic, array_agg(m.id ORDER BY m.id) AS ids FROM onefin.message m
        LEFT JOIN (SELECT topic_id, max(message_id) AS upto FROM onefin.read_mark WHERE account_id = $1 GROUP BY 1) r USING (topic_id)
        WHERE m.author_id <> $1 AND m.deleted_at IS NULL AND m.id > coalesce(r.upto, 0) AND m.org_id = ANY ($2)
            AND (m.visibility = 'all' OR $3 <> 'client') GROUP BY 1, 2`, [id, orgs, role]);
    const counted = new Map(orgs.map(org => [org, new Map()]));
    rows.forEach(({ org, topic, ids }) => counted.get(org).set(topic, ids.map(Number)));
    return counted;
}

/** Whole and unbroken, and each entry sealed once. */
export async function checkJournal(cluster) {
    const [{ verified, sealed, distinct, journal }] = await cluster.query(`SELECT onefin.journal_verify() AS verified,
        (SELECT sum(cardinality(entries))::bigint FROM onefin.seal) AS sealed,
        (SELECT count(DISTINCT id) FROM onefin.seal, unnest(entries) id) AS distinct,
        (SELECT count(*) FROM onefin.journal) AS journal`);
    if (verified.ok && verified.entries === journal && sealed === journal && distinct === journal)
        return [];
    return [`the journal: ${JSON.stringify({ verified, sealed, distinct, journal })}`];
}
