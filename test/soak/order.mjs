// The order of everything, and who was to be told of what in it: computed from the journal alone. The
// changes of accounts, companies and assignments are played again in a plain model of who sees what,
// written from the design; it asks nothing of the extension's own answers to that.

const entries = `SELECT s.number AS seal, x.place - 1 AS index, j.kind, j.audience, j.org_id AS org, j.topic_id AS topic,
        j.subject_id AS subject, j.account_id AS account, j.version, j.at,
        CASE WHEN j.kind ~ '^(org|account|assignment)\\.' THEN j.detail END AS detail
    FROM onefin.seal s, unnest(s.entries) WITH ORDINALITY x (id, place) JOIN onefin.journal j ON j.id = x.id
    ORDER BY s.number, x.place`;

/** An address as a number; without an index, of the whole seal. */
export const address = (seal, index = 999999) => seal * 1e6 + index;
export const shown = key => `(${Math.floor(key / 1e6)},${key % 1e6})`;

class Rights {
    org = new Map();
    account = new Map();
    assignment = new Map();
    audiences = new Map(); // company -> Set of accounts; of those asked for since the last change

    sees(account, org) {
        if (account.disabled_at !== null)
            return false;
        switch (account.role) {
        case 'admin':
            return true;
        case 'supervisor':
            return org.archived_at === null && org.department_id === account.department_id;
        case 'accountant':
            return org.archived_at === null && [...this.assignment.values()].some(one =>
                one.account_id === account.id && one.org_id === org.id && one.until_at === null);
        case 'client':
            return org.archived_at === null && org.id === account.org_id;
        }
    }

    audience(id) {
        const org = this.org.get(id);
        if (!this.audiences.has(id))
            this.audiences.set(id, new Set(org ? [...this.account.values()].filter(one => this.sees(one, org)).map(one => one.id) : []));
        return this.audiences.get(id);
    }

    change(entry) {
        const { kind, subject, detail } = entry;
        const [table, what] = kind.split('.');
        const { before, after } = detail;
        // Whether another may see its company now.
        entry.reaches = table === 'assignment' || table === 'org'
            && (before?.archived_at !== after?.archived_at || before?.department_id !== after?.department_id);
        const rows = this[table];
        if (what === 'deleted')
            rows.delete(subject);
        else
            rows.set(subject, after);
        this.audiences = new Map();
    }

    get admins() {
        return [...this.account.values()].filter(one => one.role === 'admin' && one.disabled_at === null).map(one => one.id);
    }
}

export class Order {
    /** Reads all that is sealed. */
    static async read(cluster) {
        const order = new Order();
        order.entries = await cluster.query(entries);
        order.last = order.entries.at(-1).seal;
        order.#replay();
        return order;
    }

    /** account -> its entries, in order: what a connection is told that is never lost. */
    told = new Map();
    /** Who saw what from an entry on: {key, at, audiences, roles}. */
    stands = [{ key: 0, at: 0, audiences: new Map(), roles: new Map() }];

    #replay() {
        const rights = new Rights();
        for (const entry of this.entries) {
            entry.key = address(entry.seal, entry.index);
            const before = entry.org === null ? [] : rights.audience(entry.org);
            if (entry.detail) {
                rights.change(entry);
                this.#stand(entry, rights);
            }
            const after = entry.org === null ? [] : rights.audience(entry.org);
            entry.told = this.#receivers(entry, new Set([...before, ...after]), rights);
            for (const account of entry.told)
                this.of(account).push(entry);
        }
        this.accounts = rights.account;
        this.rights = rights;
    }

    #stand({ key, at }, rights) {
        const audiences = new Map([...rights.org.keys()].map(org => [org, rights.audience(org)]));
        const roles = new Map([...rights.account.values()].filter(one => one.disabled_at === null).map(one => [one.id, one.role]));
        this.stands.push({ key, at: at.getTime(), audiences, roles });
    }

    /** What is told of an entry while it happens. */
    #receivers({ audience, account }, seeing, rights) {
        const receivers = new Set();
        if (audience === 'none')
            return receivers;
        if (account !== null)
            receivers.add(account);
        const also = audience === 'org' ? seeing
            : audience === 'staff' ? [...seeing].filter(id => rights.account.get(id).role !== 'client')
                : audience === 'admin' ? rights.admins : [];
        also.forEach(id => receivers.add(id));
        return receivers;
    }

    of(account) {
        if (!this.told.has(account))
            this.told.set(account, []);
        return this.told.get(account);
    }

    /** What a resume shows of the entries after a place, to whom has the rights of a stand. */
    resumed(account, after, to, stand) {
        const role = stand.roles.get(account);
        return this.entries.slice(this.#firstAfter(after), this.#firstAfter(to)).filter(entry => {
            if (entry.audience === 'none')
                return false;
            if (entry.account === account || entry.reaches && entry.told.has(account))
                return true;
            if (role === 'admin')
                return entry.audience !== 'account';
            return stand.audiences.get(entry.org)?.has(account)
                && (entry.audience === 'org' || entry.audience === 'staff' && role !== 'client');
        });
    }

    #firstAfter(key) {
        let [from, to] = [0, this.entries.length];
        while (from < to) {
            const middle = (from + to) >> 1;
            if (this.entries[middle].key > key)
                to = middle;
            else
                from = middle + 1;
        }
        return from;
    }

    /**
     * The stands that may have been there for who asked and was answered with this seal at these times:
     * the newest that is sealed, those that were not yet, and those before whose change was not
     * acknowledged: sessions are told of it between its commit, which may be sealed, and that.
     * `changes` tells when that was.
     */
    standsAt(seal, { asked, answered }, changes) {
        const key = address(seal);
        const acknowledged = time => changes.find(({ from, to }) => from <= time && time <= to)?.to ?? time;
        return this.stands.filter((stand, i) => {
            const next = this.stands[i + 1];
            const isOver = next && next.key <= key && acknowledged(next.at) < asked;
            return !isOver && (stand.key <= key || stand.at <= answered);
        });
    }
}
