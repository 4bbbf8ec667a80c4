// What a client knows of its companies and of what it has not read there: loaded by `topics` and
// `history`, kept up by events, as gateway/README.md says under "State and events".
//
// A message is unread from its event until an event says that I have read up to it, or that it is
// deleted. It is the order of the events that counts: a message that comes after I have read is unread,
// whatever its id.

export class Unread {
    orgs = new Map(); // id -> ids of its topics, as listed
    topics = new Map(); // id -> {versions: message -> version, unread: Set of messages}
    marks = new Map(); // topic -> the newest message that I know I have read; outlives a reset
    stale = new Set(); // companies to be loaded anew; 0: all
    era = 0; // how often all was forgotten

    constructor(me) {
        this.me = me;
        this.forget();
    }

    /** All of it is to be loaded (anew). */
    forget() {
        this.era++;
        this.orgs.clear();
        this.topics.clear();
        this.stale.clear();
        this.stale.add(0);
    }

    apply(event) {
        if (/^(org|assignment)\./.test(event.kind))
            this.stale.add(event.org);
        else if (event.kind === 'topic.read' && event.account === this.me)
            this.#read(event.topic, event.message);
        else if (event.kind.startsWith('message.'))
            this.#message(this.topic(event.topic), event);
    }

    #message({ versions, unread }, { kind, message: { id, version, author } }) {
        const known = versions.get(id) ?? 0;
        // An edit of what I was never told of changes no count: `history` shows it, being under way.
        if (version <= known || !known && kind === 'message.edited')
            return;
        versions.set(id, version);
        if (kind === 'message.deleted')
            unread.delete(id);
        else if (kind === 'message.sent' && author !== this.me)
            unread.add(id);
    }

    #read(topic, message) {
        const { unread } = this.topic(topic);
        this.#mark(topic, message);
        for (const id of unread)
            if (id <= message)
                unread.delete(id);
    }

    #mark(topic, message) {
        this.marks.set(topic, Math.max(message, this.marks.get(topic) ?? 0));
    }

    /**
     * A person reads a topic up to a message. The event tells when that was; who had to load all anew
     * meanwhile may have missed it, and does so again.
     */
    async read(person, topic, message) {
        const { era } = this;
        await person.call('read', { topic, message });
        this.#mark(topic, message);
        if (this.era !== era)
            this.forget();
    }

    topic(id) {
        if (!this.topics.has(id))
            this.topics.set(id, { versions: new Map(), unread: new Set() });
        return this.topics.get(id);
    }

    /** Loads what is stale, by the calls of a person; again, when events say so meanwhile. */
    async load(person) {
        while (this.stale.size) {
            const [org] = this.stale;
            if (org)
                this.stale.delete(org);
            else
                this.stale.clear();
            const { orgs } = await person.call('topics', org ? { org } : {});
            this.#list(org, orgs);
            for (const { topics } of orgs)
                for (const { id, last } of topics)
                    if (last)
                        await this.#page(person, id);
        }
    }

    #list(asked, orgs) {
        for (const [id, topics] of asked ? [[asked, this.orgs.get(asked) ?? []]] : this.orgs)
            if (!orgs.some(org => org.id === id)) {
                this.orgs.delete(id);
                topics.forEach(topic => this.topics.delete(topic));
            }
        for (const { id, topics } of orgs)
            this.orgs.set(id, topics.map(topic => topic.id));
    }

    /** Pages of history back to what I have read. */
    async #page(person, topic) {
        const mark = this.marks.get(topic) ?? 0;
        for (let before, more = true; more && !(before <= mark);) {
            const page = await this.#ask(person, topic, before);
            page.messages.forEach(message => this.#shown(topic, message));
            [before, more] = [page.messages[0]?.id, page.more];
        }
    }

    /** A company that was lost since it was listed has no more pages; an event tells, or has told. */
    async #ask(person, topic, before) {
        try {
            return await person.call('history', { topic, before, limit: 200 });
        } catch (error) {
            if (error.code === -32003)
                return { messages: [], more: false };
            throw error;
        }
    }

    #shown(topic, { id, version, author, deleted_at }) {
        const { versions, unread } = this.topic(topic);
        const known = versions.get(id) ?? 0;
        if (version <= known)
            return;
        versions.set(id, version);
        if (deleted_at)
            unread.delete(id);
        else if (!known && author !== this.me && id > (this.marks.get(topic) ?? 0))
            unread.add(id);
    }
}
