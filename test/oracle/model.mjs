// The rules as a plain model: a firm of plain objects, who sees which of them, and what is told to
// whom. Written from section 4 of the design; it asks nothing of the extension, and knows nothing of
// how that comes to its answers. Ids are facts that the model is told.

export const roles = ['admin', 'supervisor', 'accountant', 'client'];
export const topicKinds = ['bank_payment', 'contract', 'invoice', 'power_of_attorney', 'waybill'];

export class Firm {
    departments = new Map(); // {id, name}
    orgs = new Map(); // {id, name, department, archived}
    topics = new Map(); // {id, org, kind}
    tickets = new Map(); // {id, topic, org, state, previous, openedBy, lastStaff, closedBy, closedHow, accountable}
    waits = new Map(); // {id, kind, org, topic, topicKind, ticket, message, policy, target, imported, started, paused, ended,
    //                     outcome, responder, answer, measured, warned, breached}
    ratings = new Map(); // {id, ticket, org, accountable, account, score, comment}; the last of a ticket holds
    policies = new Map(); // {id, org, kind, from, first, next, resolution, warnShare}
    accounts = new Map(); // {id, login, name, role, org, department, language, machine, disabled}
    sessions = new Map(); // {id, account, token, ended}
    assignments = new Map(); // {id, org, account, ended}
    messages = new Map(); // {id, org, topic, ticket, author, authorRole, authorName, visibility, replyTo, key,
    //                        documents, imported, deleted, redacted: the entry that did it,
    //                        versions: [{text, operation, made}]}; made counts the instants before it
    documents = new Map(); // {id, org, topic, message, uploader, name, visibility, withdrawn, byClient, working: a job is not done yet,
    //                         marks: [{account, mark}], past: its {state, marks} at each revision}
    marks = new Map(); // 'account.topic.visibility' -> {account, topic, org, visibility, message, ghost}
    watches = new Map(); // {id, account, session, org, topic, ended}
    settings = new Map(); // name -> value, as an admin has set it
    defaults = new Map(); // name -> value, where none has
    sessionPolicies = new Map(); // role -> the most sessions, as an admin has set it
    instants = []; // times between doings, as text
    seals = []; // their numbers
    figures = {}; // rows of the figures' tables, each with its account or org
    entries = []; // the journal: {kind, audience, actor, org, topic, subject, account, version, detail, told}

    /** May an account that acts now do and see anything at all? */
    active(account) {
        return account !== undefined && !account.disabled;
    }

    /** The first lines of the table of section 4: which companies an account sees now. */
    sees(account, org) {
        if (!this.active(account) || !org)
            return false;
        if (account.role === 'admin')
            return true;
        if (org.archived)
            return false;
        switch (account.role) {
        case 'supervisor':
            return org.department !== null && org.department === account.department;
        case 'accountant':
            return [...this.assignments.values()].some(a => !a.ended && a.account === account.id && a.org === org.id);
        case 'client':
            return account.org === org.id;
        }
    }

    seesTopic(account, topic) {
        return topic !== undefined && this.sees(account, this.orgs.get(topic.org));
    }

    /** A note is never a client's. */
    seesMessage(account, message) {
        return message !== undefined && this.sees(account, this.orgs.get(message.org))
            && (message.visibility === 'all' || account.role !== 'client');
    }

    /** Versions that were replaced, the deleted text among them. */
    seesVersions(account, message) {
        if (!this.seesMessage(account, message))
            return false;
        switch (account.role) {
        case 'accountant':
            return message.author === account.id;
        case 'client':
            return this.setting('client_sees_versions');
        default:
            return true;
        }
    }

    /** A document is its message's; one of no message yet is its uploader's; of a deleted one, as its text. */
    seesDocument(account, document) {
        if (!document || !this.sees(account, this.orgs.get(document.org)))
            return false;
        const own = document.uploader === account.id;
        const shown = document.message !== null && !document.withdrawn;
        switch (account.role) {
        case 'accountant':
            return own || shown;
        case 'client':
            return document.visibility === 'all' && (own || document.message !== null)
                && (!document.withdrawn || this.setting('client_sees_versions'));
        default:
            return true;
        }
    }

    /** Who is told what becomes of a document: who sees it, and of a deleted one nobody who might not. */
    audienceOfDocument(document) {
        if (document.message === null)
            return { audience: 'account', account: document.uploader };
        return { audience: document.withdrawn || document.visibility === 'staff' ? 'staff' : 'org' };
    }

    /** Whether an account gets the bytes of a document that it sees: of staff's stamped, or as an admin the original. */
    refusesFile(account, document, variant) {
        if (variant === 'original')
            return document.byClient || account.role === 'admin' ? undefined : '42501';
        return document.past.at(-1).state === 'ready' ? undefined : '55000';
    }

    /** A document changes: its state, or by one mark more. */
    changes(document, kind, actor, state, mark) {
        if (mark)
            document.marks.push(mark);
        document.past.push({ state, marks: document.marks.length });
        this.happens({ kind, ...this.audienceOfDocument(document), actor, org: document.org, topic: document.topic, subject: document.id,
            version: document.past.length - 1 });
    }

    /** Who watches unseen is shown to nobody below; nor is a client that somebody read a note. */
    seesMark(account, mark) {
        if (!this.sees(account, this.orgs.get(mark.org)))
            return false;
        switch (account.role) {
        case 'admin':
            return true;
        case 'supervisor':
            return !mark.ghost || mark.account === account.id;
        case 'accountant':
            return !mark.ghost;
        case 'client':
            return !mark.ghost && mark.visibility === 'all';
        }
    }

    /** Staff's own matter; who was credited for one keeps it in sight when they have lost the company. */
    seesWait(account, wait) {
        if (!this.active(account) || account.role === 'client')
            return false;
        return this.sees(account, this.orgs.get(wait.org)) || account.role === 'accountant' && wait.responder === account.id;
    }

    seesPolicy(account, policy) {
        if (!this.active(account) || account.role === 'client')
            return false;
        return account.role === 'admin' || policy.org === null || this.sees(account, this.orgs.get(policy.org));
    }

    /** An accountant sees how they were rated, wherever; and of others' nothing. */
    seesRating(account, rating) {
        if (!this.active(account))
            return false;
        return account.role === 'accountant' ? rating.accountable === account.id : this.sees(account, this.orgs.get(rating.org));
    }

    seesAccount(account, other) {
        if (!this.active(account))
            return false;
        switch (account.role) {
        case 'admin':
            return true;
        case 'supervisor':
            return other.department === account.department
                || other.org !== null && this.sees(account, this.orgs.get(other.org));
        default:
            return other.id === account.id;
        }
    }

    seesSession(account, session) {
        return this.active(account) && (account.role === 'admin' || session.account === account.id);
    }

    seesAssignment(account, assignment) {
        if (!this.active(account))
            return false;
        switch (account.role) {
        case 'admin':
            return true;
        case 'supervisor':
            return this.sees(account, this.orgs.get(assignment.org));
        case 'accountant':
            return assignment.account === account.id;
        default:
            return false;
        }
    }

    seesWatch(account, watch) {
        return this.active(account)
            && (account.role === 'admin' || account.role === 'supervisor' && watch.account === account.id);
    }

    seesDepartment(account, department) {
        return this.active(account) && (account.role === 'admin'
            || account.role === 'supervisor' && account.department === department.id);
    }

    /** A person's figures: one's own, the department's, or all. */
    seesFiguresOf(account, id) {
        if (!this.active(account))
            return false;
        switch (account.role) {
        case 'admin':
            return true;
        case 'supervisor':
            return this.accounts.get(id)?.department === account.department;
        default:
            return account.role === 'accountant' && id === account.id;
        }
    }

    seesFiguresOfOrg(account, org) {
        return ['admin', 'supervisor'].includes(account.role) && this.sees(account, this.orgs.get(org));
    }

    /** Settings, policies, the journal. */
    isAdmin(account) {
        return this.active(account) && account.role === 'admin';
    }

    isGhost(account) {
        return account.role === 'admin' || account.role === 'supervisor';
    }

    /** Who takes part in a company's chat. */
    members(org) {
        return [...this.accounts.values()].filter(a => ['accountant', 'client'].includes(a.role) && this.sees(a, org));
    }

    setting(name) {
        return this.settings.has(name) ? this.settings.get(name) : this.defaults.get(name);
    }

    /** What a message says; nothing when it is deleted or redacted. */
    text(message) {
        return message.redacted ? null : message.versions.at(-1).text;
    }

    version(message) {
        return message.versions.length;
    }

    openTicket(topic) {
        return [...this.tickets.values()].find(t => t.topic === topic.id && t.state !== 'closed');
    }

    ticketsOf(topic) {
        return [...this.tickets.values()].filter(t => t.topic === topic);
    }

    /** What the client of a round waits for: {response, resolution}, undefined where for nothing. */
    openWaits(ticket) {
        const open = [...this.waits.values()].filter(w => w.ticket === ticket && !w.ended);
        return { response: open.find(w => w.kind !== 'resolution'), resolution: open.find(w => w.kind === 'resolution') };
    }

    /** The policy for a wait that starts at a time: the nearer to the topic, then the later one. */
    policyFor(org, kind, at) {
        const near = p => (p.org === null ? 0 : 2) + (p.kind === null ? 0 : 1);
        return [...this.policies.values()].filter(p => (p.org === null || p.org === org) && (p.kind === null || p.kind === kind) && p.from <= at)
            .sort((a, b) => near(b) - near(a) || b.from - a.from || b.id - a.id)[0];
    }

    endWait(wait, outcome, { responder = null, answer = null, measured = false } = {}) {
        if (wait)
            Object.assign(wait, { ended: true, paused: false, outcome, responder, answer, measured });
    }

    /** Whom a closed round is about. */
    accountable(ticket, closer) {
        return ticket.lastStaff ?? [...this.assignments.values()].filter(a => !a.ended && a.org === ticket.org)
            .sort((a, b) => a.id - b.id)[0]?.account ?? closer;
    }

    ratingOf(ticket) {
        return [...this.ratings.values()].filter(r => r.ticket === ticket).at(-1);
    }

    openSession(session) {
        return session !== undefined && !session.ended && this.active(this.accounts.get(session.account));
    }

    /** Ids of the accounts that see a company now. */
    audience(org) {
        return new Set([...this.accounts.values()].filter(a => this.sees(a, org)).map(a => a.id));
    }

    /**
     * Something happens: an entry of the journal. `change` is what it does to who sees what; of such an
     * entry both are told, who saw the company before and who sees it after. `reaches` says that it may
     * change who sees its company.
     */
    happens(entry, change = () => {}) {
        const org = entry.org === undefined ? undefined : this.orgs.get(entry.org);
        const before = org ? this.audience(org) : new Set();
        change();
        const after = entry.org === undefined ? new Set() : this.audience(this.orgs.get(entry.org));
        const told = new Set();
        for (const account of this.accounts.values()) {
            const sees = before.has(account.id) || after.has(account.id);
            if (entry.audience !== 'none' && (account.id === entry.account || entry.audience === 'org' && sees
                || entry.audience === 'staff' && sees && account.role !== 'client'
                || entry.audience === 'admin' && this.isAdmin(account)))
                told.add(account.id);
        }
        this.entries.push({ ...entry, told });
    }

    /** Whether an account that comes back now is shown an entry that it missed. */
    resumes(account, entry) {
        if (entry.audience === 'none')
            return false;
        if (entry.account === account.id)
            return true;
        if (account.role === 'admin' && entry.audience !== 'account')
            return true;
        if (entry.reaches && entry.told.has(account.id))
            return true; // it is how one learns that one lost it
        return entry.org !== undefined && this.sees(account, this.orgs.get(entry.org))
            && (entry.audience === 'org' || entry.audience === 'staff' && account.role !== 'client');
    }
}
