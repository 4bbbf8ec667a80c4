// What people do, one entry an operation: how it is made up, how it is asked for on each way in, what
// the model says of it, and what it changes. To add an operation, add an entry.
//
//   make(chance, firm, who)      random parameters, or undefined where there is nothing to do it with
//   call(params)                 {method, params} for onefin.call; or `file` for the gateway's functions
//   sql(params)                  the statement for a database user; without it, call()'s as a function
//   dml, rows(firm, params)      that statement is an insert or update, and how many rows it touches
//   byHand                       a superuser may do it in psql, too
//   triedOnly                    it is tried and taken back, never done
//   expect(firm, who, params)    'ok', or the SQLSTATEs of which one must come; unless the caller is
//                                refused before, which refusal() tells
//   refused(firm, who, params)   what is journaled of one that `expect` refused
//   later(params)                {kind, subject} of the entry by which the worker tells that it has seen to it
//   apply(firm, who, params, f)  changes the model as the doing changed the firm; f are facts, below
//
// who is {account, session, groups}: the account of the model, its session by call, and the groups of
// its database user by SQL. Facts are what only the database knows: ids that it gave (f.id, f.wait,
// f.rating), and in which order it took rows that have none (f.order).

import { same } from './compare.mjs';
import { topicKinds } from './model.mjs';

const everybody = ['admin', 'supervisor', 'accountant', 'client'];
const staff = ['admin', 'supervisor', 'accountant'];
const ghosts = ['admin', 'supervisor'];
const admins = ['admin'];
const nowhere = 987654321;

/**
 * Why the caller may not ask at all: SQLSTATEs, or [] where it is done to no row; undefined when the
 * operation itself decides. A database user's grants come first; then the role of the account counts.
 */
export function refusal(operation, firm, who, way) {
    if (way === 'call')
        return !firm.openSession(who.session) ? ['28000']
            : operation.who.includes(who.account.role) ? undefined : ['42501'];
    if (!operation.who.some(role => who.groups.includes(role)))
        return ['42501'];
    const entitled = firm.active(who.account) && operation.who.includes(who.account.role);
    switch (operation.dml) {
    case 'update':
        return entitled ? undefined : [];
    case 'insert':
        return entitled ? undefined : ['42501', 'P0002'];
    default:
        return !firm.active(who.account) ? ['28000'] : entitled ? undefined : ['42501'];
    }
}

// Objects to do something with: mostly one's own, sometimes another's, sometimes none.
const topicFor = (chance, firm, who) => {
    const kind = chance.weighted({ seen: 70, any: 25, none: 5 });
    const seen = kind === 'seen' && chance.of([...firm.topics.values()].filter(t => firm.seesTopic(who.account, t)));
    return kind === 'none' ? nowhere : (seen || chance.of(firm.topics.values())).id;
};
const messageFor = (chance, firm, who) => {
    const kind = chance.weighted({ own: 45, seen: 30, any: 20, none: 5 });
    const all = [...firm.messages.values()];
    const some = { own: m => m.author === who.account?.id, seen: m => firm.seesMessage(who.account, m), any: () => true };
    return kind === 'none' ? undefined : chance.of(all.filter(some[kind])) ?? chance.of(all);
};
const orgFor = (chance, firm) => chance.chance(0.95) ? chance.of(firm.orgs.values()).id : nowhere;
const quoted = value => value === null || value === undefined ? 'NULL'
    : Array.isArray(value) ? `'{${value.join(',')}}'::bigint[]` : `'${String(value).replaceAll("'", "''")}'`;

/** SELECT onefin_api.method(name => value, ...) */
export const asFunction = ({ method, params }) => `SELECT onefin_api.${method}(${
    Object.entries(params).map(([name, value]) => `"${name}" => ${quoted(value)}`).join(', ')})`;

const given = params => Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
const firstOf = (...codes) => { const left = codes.filter(Boolean); return left.length ? left : 'ok'; };
const audienceOf = message => message.visibility === 'staff' ? 'staff' : 'org';
const actorOf = who => who.account?.id;

// --- messages

function sendIsRefused(firm, who, { topic, text, visibility, reply_to, documents }) {
    const place = firm.topics.get(topic);
    if (!firm.seesTopic(who.account, place))
        return ['P0002'];
    const answered = firm.messages.get(reply_to);
    const papers = (documents ?? []).map(id => firm.documents.get(id));
    return firstOf(
        firm.orgs.get(place.org).archived && '55000',
        visibility === 'staff' && who.account.role === 'client' && '42501',
        text.trim() === '' && !documents && '22023',
        reply_to !== undefined && !(answered?.topic === topic && (answered.visibility === 'all' || visibility === 'staff')) && 'P0002',
        papers.some(d => !d || d.topic !== topic || d.uploader !== who.account.id || d.message !== null) && 'P0002');
}

function say(firm, who, params, f, author, kind) {
    const { topic, text, visibility, reply_to, documents, client_key } = params;
    const { org } = firm.topics.get(topic);
    const by = { actor: actorOf(who), org, topic };
    const ticket = firm.openTicket({ id: topic }) ?? openTicket(firm, { ...by, account: author.id }, f);
    const imported = kind === 'message.imported';
    const heard = (visibility ?? 'all') === 'all' && !author.machine;
    if (heard && author.role !== 'client')
        ticket.lastStaff = author.id;
    else if (heard && !imported && ticket.state === 'waiting_client')
        goOn(firm, ticket, by.actor);
    const message = { id: f.id(kind), org, topic, ticket: ticket.id, author: author.id, authorRole: author.role, authorName: author.name,
        visibility: visibility ?? 'all', replyTo: reply_to ?? null, key: client_key ?? null, documents: documents ?? [],
        imported, deleted: false, redacted: undefined,
        versions: [{ text, operation: 'send', made: firm.instants.length }] };
    firm.messages.set(message.id, message);
    for (const id of message.documents)
        Object.assign(firm.documents.get(id), { message: message.id, visibility: message.visibility });
    const detail = heard ? hear(firm, ticket, message, Date.parse(params.at ?? new Date().toISOString()), f) : {};
    firm.happens({ ...by, kind, audience: audienceOf(message), subject: message.id, version: 1, detail });
}

function openTicket(firm, { actor, org, topic, account }, f, how) {
    const previous = firm.ticketsOf(topic).at(-1)?.id;
    const ticket = { id: f.id('ticket.opened'), org, topic, state: 'open', previous: previous ?? null, openedBy: account, lastStaff: null,
        closedBy: null, closedHow: null, accountable: null };
    firm.tickets.set(ticket.id, ticket);
    firm.happens({ kind: 'ticket.opened', audience: 'org', actor, org, topic, subject: ticket.id, detail: given({ state: 'open', previous, how }) });
    return ticket;
}

function changeTicket(firm, ticket, actor, detail) {
    ticket.state = detail.state;
    firm.happens({ kind: 'ticket.changed', audience: 'org', actor, org: ticket.org, topic: ticket.topic, subject: ticket.id, detail });
}

/** What waited for the client is open again, and its clocks go. */
function goOn(firm, ticket, actor) {
    for (const wait of Object.values(firm.openWaits(ticket.id)).filter(Boolean))
        wait.paused = false;
    changeTicket(firm, ticket, actor, { state: 'open' });
}

/** A person says something that all of the topic see: which waits began and ended by it. */
function hear(firm, ticket, message, at, f) {
    const { response, resolution } = firm.openWaits(ticket.id);
    if (message.authorRole === 'client')
        return ask(firm, ticket, message, at, response, resolution, f);
    if (!response || message.imported && !(response.imported && response.started <= at))
        return {};
    firm.endWait(response, 'answered', { responder: message.author, answer: message.id, measured: true });
    return { answered: response.id };
}

function ask(firm, ticket, message, at, response, resolution, f) {
    const begin = kind => {
        const { kind: topicKind } = firm.topics.get(message.topic);
        const policy = firm.policyFor(message.org, topicKind, at);
        const wait = { id: f.wait(kind), kind, org: message.org, topic: message.topic, topicKind, ticket: ticket.id, message: message.id,
            policy: policy?.id ?? null, target: policy?.[kind] ?? null, imported: message.imported, started: at, paused: false, ended: false,
            outcome: null, responder: null, answer: null, measured: false, warned: false, breached: false };
        firm.waits.set(wait.id, wait);
        return wait.id;
    };
    const replaced = response?.imported && !message.imported ? response : undefined;
    firm.endWait(replaced, 'replaced');
    const started = !response || replaced ? begin(ticket.lastStaff === null ? 'first' : 'next') : undefined;
    if (!resolution)
        begin('resolution');
    return given({ started, replaced: replaced?.id });
}

/** Of what a client asked nothing is left: nobody waits for an answer to it. */
function takeBack(firm, message, actor) {
    const { response, resolution } = firm.openWaits(message.ticket);
    for (const wait of [response, resolution].filter(Boolean)) {
        const asked = [...firm.messages.values()].some(m => m.ticket === wait.ticket && m.id >= wait.message && !m.deleted
            && m.authorRole === 'client' && m.visibility === 'all' && !firm.accounts.get(m.author).machine);
        if (!asked)
            dismissed(firm, wait, 'deleted', actor, { why: 'deleted' });
    }
}

function dismissed(firm, wait, outcome, actor, detail) {
    firm.endWait(wait, outcome);
    firm.happens({ kind: 'wait.dismissed', audience: 'staff', actor, org: wait.org, topic: wait.topic, subject: wait.id, detail });
}

/** A change that was made already, and whose answer was lost, is made once. */
function isRepeated(firm, message, version, text) {
    const newest = firm.version(message);
    return text === null ? message.deleted && version + 1 === newest
        : !message.redacted && text === firm.text(message) && (version === newest || version + 1 === newest);
}

function changeIsRefused(firm, who, { message: id, version, text = null }) {
    const message = firm.messages.get(id);
    if (!firm.seesMessage(who.account, message))
        return ['P0002'];
    if (message.author !== who.account.id)
        return ['42501'];
    if (!message.deleted && version === firm.version(message))
        return firstOf((firm.orgs.get(message.org).archived || text !== null && message.redacted) && '55000',
            text !== null && text !== firm.text(message) && text.trim() === '' && message.documents.length === 0 && '22023');
    return isRepeated(firm, message, version, text) ? 'ok' : message.deleted ? ['55000'] : ['40OF1'];
}

/** Whether a wait ended with a deletion is a fact. */
function change(firm, who, id, text, f) {
    const message = firm.messages.get(id);
    if (message.deleted || text !== null && text === firm.text(message))
        return;
    message.versions.push({ text, operation: text === null ? 'delete' : 'edit', made: firm.instants.length });
    message.deleted = text === null;
    if (message.deleted)
        message.documents.forEach(document => { firm.documents.get(document).withdrawn = true; });
    firm.happens({ kind: message.deleted ? 'message.deleted' : 'message.edited', audience: audienceOf(message), actor: actorOf(who),
        org: message.org, topic: message.topic, subject: id, version: firm.version(message) });
    if (message.deleted && message.authorRole === 'client')
        takeBack(firm, message, actorOf(who));
}

let said = 0;
const words = chance => chance.chance(0.04) ? '  ' : `said ${++said} ${chance.of(['salom', 'hisobot', "to'lov", 'ҳужжат', 'счёт'])}`;

const send = {
    who: everybody,
    make(chance, firm, who) {
        const topic = topicFor(chance, firm, who);
        const here = [...firm.messages.values()].filter(m => m.topic === topic);
        const papers = [...firm.documents.values()].filter(d => chance.chance(0.7)
            ? d.topic === topic && d.message === null && d.uploader === who.account?.id : d.topic === topic);
        return given({ topic, text: words(chance),
            visibility: chance.weighted({ all: 60, staff: who.account?.role === 'client' ? 10 : 25, '': 15 }) || undefined,
            reply_to: chance.chance(0.2) ? chance.chance(0.8) ? chance.of(here)?.id : chance.of(firm.messages.values())?.id : undefined,
            documents: chance.chance(0.2) && papers.length ? [chance.of(papers).id] : undefined,
            client_key: chance.chance(0.3) ? chance.uuid() : undefined });
    },
    call: params => ({ method: 'send', params }),
    expect: sendIsRefused,
    apply: (firm, who, params, f) => say(firm, who, params, f, who.account, 'message.sent'),
};

const edit = {
    who: everybody,
    make(chance, firm, who) {
        const message = messageFor(chance, firm, who);
        const stale = chance.chance(0.15);
        return { message: message?.id ?? nowhere, version: message ? firm.version(message) + (stale ? -1 : 0) : 1,
            text: chance.chance(0.15) && message && firm.text(message) !== null ? firm.text(message) : words(chance) };
    },
    call: params => ({ method: 'edit', params }),
    expect: changeIsRefused,
    apply: (firm, who, { message, text }, f) => change(firm, who, message, text, f),
};

const remove = {
    who: everybody,
    make(chance, firm, who) {
        const message = messageFor(chance, firm, who);
        return { message: message?.id ?? nowhere, version: message ? firm.version(message) + chance.of([0, 0, 0, 0, 1, -1]) : 1 };
    },
    call: params => ({ method: 'delete', params }),
    expect: changeIsRefused,
    apply: (firm, who, { message }, f) => change(firm, who, message, null, f),
};

const bring = {
    who: admins,
    make(chance, firm, who) {
        const topic = topicFor(chance, firm, who);
        return { topic, author: chance.chance(0.95) ? chance.of(firm.accounts.values()).id : nowhere, text: `brought ${++said}`,
            at: chance.of(['2019-09-04T22:45:20Z', '2019-09-04T22:50:20Z']), client_key: chance.uuid() };
    },
    call: params => ({ method: 'import', params }),
    expect(firm, who, { topic, author }) {
        const place = firm.topics.get(topic);
        const speaker = firm.accounts.get(author);
        if (!place || !speaker || speaker.role === 'client' && speaker.org !== place.org)
            return ['P0002'];
        return firstOf(firm.orgs.get(place.org).archived && '55000');
    },
    apply: (firm, who, params, f) => say(firm, who, params, f, firm.accounts.get(params.author), 'message.imported'),
};

const versions = {
    who: everybody,
    make: (chance, firm, who) => ({ message: messageFor(chance, firm, who)?.id ?? nowhere }),
    call: params => ({ method: 'versions', params }),
    expect(firm, who, { message: id }) {
        const message = firm.messages.get(id);
        if (!firm.seesMessage(who.account, message))
            return ['P0002'];
        return firstOf(firm.version(message) > 1 && !firm.seesVersions(who.account, message) && '42501');
    },
    check(firm, who, { message: id }, { versions: told, documents }) {
        const message = firm.messages.get(id);
        return same(told.map(v => [v.version, v.text, v.operation]),
            message.versions.map((v, i) => [i + 1, message.redacted ? null : v.text, v.operation]))
            && same(documents.map(d => d.id), message.documents.filter(d => firm.seesDocument(who.account, firm.documents.get(d))));
    },
    apply(firm, who, { message: id }) {
        const { org, topic } = firm.messages.get(id);
        firm.happens({ kind: 'versions.read', audience: 'admin', actor: actorOf(who), org, topic, subject: id });
    },
};

const redact = {
    who: admins,
    make(chance, firm, who) {
        const message = messageFor(chance, firm, who);
        return given({ message: message?.id ?? nowhere, reason: chance.chance(0.9) ? 'the law' : ' ',
            version: message && chance.chance(0.4) ? firm.version(message) - (chance.chance(0.2) ? 1 : 0) || undefined : undefined });
    },
    call: params => ({ method: 'redact', params }),
    expect(firm, who, { message: id, reason, version }) {
        const message = firm.messages.get(id);
        if (reason.trim() === '')
            return ['22023'];
        return !message ? ['P0002'] : firstOf(!message.redacted && version !== undefined && version !== firm.version(message) && '40OF1');
    },
    apply(firm, who, { message: id }) {
        const message = firm.messages.get(id);
        if (message.redacted)
            return;
        message.redacted = firm.entries.length;
        firm.happens({ kind: 'message.redacted', audience: audienceOf(message), actor: actorOf(who), org: message.org, topic: message.topic,
            subject: id, version: firm.version(message) });
    },
};

// --- topics

const read = {
    who: everybody,
    make(chance, firm, who) {
        const message = messageFor(chance, firm, who);
        return { topic: message && chance.chance(0.95) ? message.topic : topicFor(chance, firm, who), message: message?.id ?? nowhere };
    },
    call: params => ({ method: 'read', params }),
    expect(firm, who, { topic, message: id }) {
        const message = firm.messages.get(id);
        return firm.seesTopic(who.account, firm.topics.get(topic)) && message?.topic === topic
            && firm.seesMessage(who.account, message) ? 'ok' : ['P0002'];
    },
    apply(firm, who, { topic, message: id }) {
        const account = who.account.id;
        const { org, visibility } = firm.messages.get(id);
        const ghost = firm.isGhost(who.account);
        const move = (to, kind, audience) => {
            const key = `${account}.${topic}.${kind}`;
            if ((firm.marks.get(key)?.message ?? 0) >= to)
                return;
            firm.marks.set(key, { account, topic, org, visibility: kind, message: to, ghost });
            firm.happens({ kind: 'topic.read', audience: ghost ? 'account' : audience, actor: account, org, topic, subject: to, account });
        };
        if (visibility === 'all')
            return move(id, 'all', 'org');
        const open = Math.max(0, ...[...firm.messages.values()].filter(m => m.topic === topic && m.id < id && m.visibility === 'all').map(m => m.id));
        if (open)
            move(open, 'all', 'org');
        move(id, 'staff', 'staff');
    },
};

// --- rounds and what clients wait for

/** Why a round cannot be changed: `there` says that there is one to be changed. */
function roundIsRefused(firm, who, topic, there) {
    const place = firm.topics.get(topic);
    return !firm.seesTopic(who.account, place) ? ['P0002'] : firstOf((firm.orgs.get(place.org).archived || !there(place)) && '55000');
}

const close = {
    who: staff,
    make: (chance, firm, who) => ({ topic: topicFor(chance, firm, who) }),
    call: params => ({ method: 'close', params }),
    expect: (firm, who, { topic }) => roundIsRefused(firm, who, topic,
        place => firm.openTicket(place) || firm.ticketsOf(topic).at(-1)?.closedBy === who.account.id),
    check: (firm, who, { topic }, answer) => answer.state === 'closed' && answer.ticket === firm.ticketsOf(topic).at(-1).id,
    apply(firm, who, { topic }) {
        const ticket = firm.openTicket({ id: topic });
        if (!ticket)
            return; // answered as the first time
        const closer = who.account.id;
        const accountable = firm.accountable(ticket, closer);
        const { response, resolution } = firm.openWaits(ticket.id);
        firm.endWait(resolution, 'closed', { responder: accountable, measured: true });
        firm.endWait(response, 'closed', { responder: closer });
        Object.assign(ticket, { closedBy: closer, closedHow: 'person', accountable });
        changeTicket(firm, ticket, closer, given({ state: 'closed', how: 'person', accountable, resolution: resolution?.id, unanswered: response?.id }));
    },
};

const awaitClient = {
    who: staff,
    make: close.make,
    call: params => ({ method: 'await_client', params }),
    expect: (firm, who, { topic }) => roundIsRefused(firm, who, topic, place => firm.openTicket(place)),
    check: (firm, who, { topic }, answer) => answer.state === 'waiting_client' && answer.ticket === firm.openTicket({ id: topic }).id,
    apply(firm, who, { topic }) {
        const ticket = firm.openTicket({ id: topic });
        if (ticket.state === 'waiting_client')
            return;
        for (const wait of Object.values(firm.openWaits(ticket.id)).filter(Boolean))
            wait.paused = true;
        changeTicket(firm, ticket, who.account.id, { state: 'waiting_client' });
    },
};

const reopen = {
    who: everybody,
    make: close.make,
    call: params => ({ method: 'reopen', params }),
    expect: (firm, who, { topic }) => roundIsRefused(firm, who, topic, () => firm.ticketsOf(topic).length),
    check: (firm, who, params, { state }) => state === 'open',
    apply(firm, who, { topic }, f) {
        const ticket = firm.openTicket({ id: topic });
        if (!ticket)
            openTicket(firm, { actor: who.account.id, org: firm.topics.get(topic).org, topic, account: who.account.id }, f, 'reopened');
        else if (ticket.state === 'waiting_client')
            goOn(firm, ticket, who.account.id);
    },
};

const dismissWait = {
    who: ['admin', 'accountant'],
    make(chance, firm, who) {
        const open = chance.chance(0.8);
        const mine = chance.chance(0.7);
        const some = [...firm.waits.values()].filter(w => (!open || !w.ended && w.kind !== 'resolution')
            && (!mine || firm.seesWait(who.account, w) || w.outcome === 'dismissed'));
        return given({ wait: chance.chance(0.95) ? chance.of(some)?.id ?? nowhere : nowhere, reason: chance.chance(0.5) ? 'thanks' : undefined });
    },
    call: params => ({ method: 'dismiss_wait', params }),
    expect(firm, who, { wait: id }) {
        const wait = firm.waits.get(id);
        const org = firm.orgs.get(wait?.org);
        return !firm.sees(who.account, org) ? ['P0002']
            : firstOf((org.archived || wait.outcome !== 'dismissed' && (wait.ended || wait.kind === 'resolution')) && '55000');
    },
    check: (firm, who, { wait }, answer) => answer.wait.id === wait && answer.wait.outcome === 'dismissed',
    apply(firm, who, { wait: id, reason }) {
        const wait = firm.waits.get(id);
        if (!wait.ended)
            dismissed(firm, wait, 'dismissed', who.account.id, given({ why: 'dismissed', reason }));
    },
};

const rate = {
    who: ['client'],
    make(chance, firm, who) {
        const kind = chance.weighted({ own: 70, any: 25, none: 5 });
        const own = [...firm.tickets.values()].filter(t => t.closedHow === 'person' && t.org === who.account?.org);
        const ticket = kind === 'none' ? nowhere : (kind === 'own' && chance.of(own) || chance.of(firm.tickets.values()))?.id ?? nowhere;
        return given({ ticket, score: chance.chance(0.95) ? 1 + chance.below(5) : chance.of([0, 6]), comment: chance.of([undefined, ' ', 'Rahmat', 'Yomon']) });
    },
    call: params => ({ method: 'rate', params }),
    expect(firm, who, { ticket: id, score }) {
        const ticket = firm.tickets.get(id);
        return !ticket || !firm.sees(who.account, firm.orgs.get(ticket.org)) ? ['P0002']
            : score < 1 || score > 5 ? ['22023'] : firstOf(ticket.closedHow !== 'person' && '55000');
    },
    check: (firm, who, { ticket, score }, { rating }) => rating.ticket === ticket && rating.score === score,
    apply(firm, who, { ticket: id, score, comment }, f) {
        const { org, topic, accountable } = firm.tickets.get(id);
        const before = firm.ratingOf(id);
        const said = comment?.trim() ? comment : null;
        if (before?.score === score && before.comment === said)
            return;
        const rating = { id: f.rating(), ticket: id, org, accountable, account: who.account.id, score, comment: said };
        firm.ratings.set(rating.id, rating);
        firm.happens({ kind: 'rating.given', audience: 'org', actor: who.account.id, org, topic, subject: id,
            detail: given({ score, previous: before?.score, accountable }) });
    },
};

/** The worker warns of a wait, or finds a miss, when its time has come: a superuser's hand makes it come. */
const due = {
    who: [],
    byHand: true,
    make(chance, firm) {
        const what = chance.of(['warn', 'due']);
        const wait = chance.of([...firm.waits.values()].filter(w => !w.ended && w.target !== null && !w.imported && !w.paused
            && !firm.orgs.get(w.org).archived && !(what === 'warn' ? w.warned : w.breached)));
        return wait && { wait: wait.id, what };
    },
    sql: ({ wait, what }) => `UPDATE onefin.wait SET ${what}_at = now() - interval '1 s' WHERE id = ${wait}`,
    later: ({ wait, what }) => ({ kind: what === 'warn' ? 'sla.warned' : 'sla.breached', subject: wait }),
    rows: () => 1,
    expect: () => 'ok',
    apply(firm, who, { wait: id, what }) {
        const wait = firm.waits.get(id);
        wait[what === 'warn' ? 'warned' : 'breached'] = true;
        firm.happens({ kind: due.later({ what }).kind, audience: 'staff', org: wait.org, topic: wait.topic, subject: id, detail: {} });
    },
};

/** Targets that nothing here reaches. */
const policies = {
    who: admins,
    make(chance, firm, who) {
        const entitled = who.account?.role === 'admin'; // who is not is to be refused for that
        const target = () => chance.chance(0.7) ? 86400 * (1 + chance.below(9)) : undefined;
        return given({ set: true, kind: chance.chance(0.4) ? entitled && chance.chance(0.05) ? 'tax' : chance.of(topicKinds) : undefined,
            org: entitled && chance.chance(0.4) ? orgFor(chance, firm) : undefined,
            from: chance.chance(0.4) ? chance.of(['2015-01-01T00:00:00Z', '2016-01-01T00:00:00Z', '2090-01-01T00:00:00Z']) : undefined,
            first: entitled && chance.chance(0.05) ? 0 : target(), next: target(), resolution: target(),
            warn_share: chance.chance(0.3) ? 0.5 : undefined });
    },
    call: params => ({ method: 'policies', params }),
    expect: (firm, who, { kind, org, first }) => kind === 'tax' || first === 0 ? ['22023'] : firstOf(org !== undefined && !firm.orgs.has(org) && 'P0002'),
    apply(firm, who, { kind = null, org = null, from, first = null, next = null, resolution = null, warn_share = 0.8 }, f) {
        const id = f.id('policy.created');
        firm.policies.set(id, { id, kind, org, from: from ? Date.parse(from) : Date.now(), first, next, resolution, warnShare: warn_share });
        firm.happens({ kind: 'policy.created', audience: 'admin', actor: actorOf(who), subject: id });
    },
};

const typing = {
    who: everybody,
    make: (chance, firm, who) => ({ topic: topicFor(chance, firm, who) }),
    call: params => ({ method: 'typing', params }),
    expect: (firm, who, { topic }) => firm.seesTopic(who.account, firm.topics.get(topic)) ? 'ok' : ['P0002'],
    apply(firm, who, { topic }) {
        const { org } = firm.topics.get(topic);
        if (!firm.isGhost(who.account))
            firm.typed?.({ org, topic, account: who.account.id });
    },
};

const openWatch = (firm, who) => [...firm.watches.values()]
    .find(w => !w.ended && w.account === who.account?.id && w.session === (who.session?.id ?? null));

function endWatches(firm, account, session, actor, f) {
    const open = [...firm.watches.values()].filter(w => !w.ended && w.account === account && w.session === session);
    for (const watch of f.order('ghost.ended', open)) {
        watch.ended = true;
        firm.happens({ kind: 'ghost.ended', audience: 'admin', actor, org: watch.org, topic: watch.topic, subject: watch.id });
    }
}

const watch = {
    who: ghosts,
    make: (chance, firm, who) => openWatch(firm, who) ? undefined : { topic: topicFor(chance, firm, who) },
    call: params => ({ method: 'watch', params }),
    expect: (firm, who, { topic }) => firm.seesTopic(who.account, firm.topics.get(topic)) ? 'ok' : ['P0002'],
    apply(firm, who, { topic }, f) {
        const { org } = firm.topics.get(topic);
        const id = f.id('ghost.started');
        firm.watches.set(id, { id, account: who.account.id, session: who.session?.id ?? null, org, topic, ended: false });
        firm.happens({ kind: 'ghost.started', audience: 'admin', actor: actorOf(who), org, topic, subject: id });
    },
};

const unwatch = {
    who: ghosts,
    make: (chance, firm, who) => given({ topic: chance.chance(0.5) ? openWatch(firm, who)?.topic : undefined }),
    call: params => ({ method: 'unwatch', params }),
    expect: () => 'ok',
    apply: (firm, who, params, f) => endWatches(firm, who.account.id, who.session?.id ?? null, actorOf(who), f),
};

// --- files: the gateway's functions

const upload = {
    who: everybody,
    make: (chance, firm, who) => ({ topic: topicFor(chance, firm, who), name: `paper ${++said}.pdf` }),
    file: (token, { topic, name }) => ({ text: 'SELECT oracle.upload($1, $2::bigint, $3) AS answer', values: [token, topic, name] }),
    expect(firm, who, { topic }) {
        const place = firm.topics.get(topic);
        return !firm.seesTopic(who.account, place) ? ['P0002'] : firstOf(firm.orgs.get(place.org).archived && '55000');
    },
    apply(firm, who, { topic, name }, f) {
        const { org } = firm.topics.get(topic);
        const id = f.id('document.uploaded');
        const byClient = who.account.role === 'client';
        firm.documents.set(id, { id, org, topic, message: null, uploader: who.account.id, name, visibility: 'all', withdrawn: false,
            byClient, working: true, marks: [], past: [{ state: byClient ? 'ready' : 'stamping', marks: 0 }] });
        firm.happens({ kind: 'document.uploaded', audience: 'admin', actor: actorOf(who), org, topic, subject: id });
    },
};

const download = {
    who: everybody,
    make: (chance, firm) => ({ document: chance.of(firm.documents.values())?.id ?? nowhere, variant: chance.chance(0.7) ? 'file' : 'original' }),
    file: (token, { document, variant }) => ({ text: 'SELECT onefin.file_get($1, $2::bigint, $3) AS answer', values: [token, document, variant] }),
    expect(firm, who, { document: id, variant }) {
        const document = firm.documents.get(id);
        return firm.seesDocument(who.account, document) ? firstOf(firm.refusesFile(who.account, document, variant)) : ['P0002'];
    },
    refused(firm, who, { document: id }) {
        const { org, topic } = firm.documents.get(id) ?? {};
        firm.happens({ kind: 'document.refused', audience: 'admin', actor: actorOf(who), org, topic, subject: id });
    },
    check: (firm, who, { document }, { name }) => name === firm.documents.get(document).name,
    apply(firm, who, { document: id }) {
        const { org, topic } = firm.documents.get(id);
        firm.happens({ kind: 'document.downloaded', audience: 'admin', actor: actorOf(who), org, topic, subject: id });
    },
};

/** Everything that gateways have yet to do, by one of them; who asks for it is there to be somebody. */
const work = {
    who: everybody,
    make: (chance, firm) => [...firm.documents.values()].some(d => d.working) ? {} : undefined,
    file: token => ({ text: 'SELECT oracle.work($1) AS answer', values: [token] }),
    expect: () => 'ok',
    apply(firm, who, params, f) {
        for (const document of f.order('document.ready', [...firm.documents.values()].filter(d => d.working))) {
            document.working = false;
            firm.changes(document, 'document.ready', undefined, 'ready');
        }
    },
};

const process = {
    who: staff,
    make(chance, firm, who) {
        const mark = chance.of(['processed', 'returned']);
        // The same by the same again, after another's, would be a row with the same key (reads.mjs).
        const document = chance.of([...firm.documents.values()].filter(d => (chance.chance(0.3) || d.byClient && d.message !== null)
            && !d.marks.slice(0, -1).some(m => m.account === who.account?.id && m.mark === mark)));
        return given({ document: document?.id ?? nowhere, mark: chance.chance(0.95) ? mark : 'seen', reason: chance.chance(0.9) ? 'no seal' : undefined });
    },
    call: params => ({ method: 'process', params }),
    expect(firm, who, { document: id, mark, reason }) {
        const document = firm.documents.get(id);
        const last = document?.marks.at(-1);
        return mark === 'seen' || mark === 'returned' && !reason ? ['22023'] : !firm.seesDocument(who.account, document) ? ['P0002']
            : firstOf((!document.byClient || document.message === null || document.withdrawn || firm.orgs.get(document.org).archived
                || last?.mark === mark && last.account !== who.account.id) && '55000');
    },
    check: (firm, who, { document: id, mark }, { document }) => document.id === id && (document.marks.at(-1).mark === mark),
    apply(firm, who, { document: id, mark }) {
        const document = firm.documents.get(id);
        if (document.marks.at(-1)?.mark !== mark)
            firm.changes(document, `document.${mark}`, actorOf(who), 'ready', { account: who.account.id, mark });
    },
};

/** An admin's file of the journal. Tried only: what is in it is for tests of its own. */
const exported = {
    who: admins,
    triedOnly: true,
    make: () => ({}),
    file: token => ({ text: "SELECT onefin.export_begin($1, '{\"format\": \"csv\"}') AS answer", values: [token] }),
    expect: () => 'ok',
};

/** Tried only, and while the law keeps it: the gateway would begin to remove files. */
const erase = {
    who: admins,
    triedOnly: true,
    make: (chance, firm) => ({ org: orgFor(chance, firm), reason: chance.chance(0.9) ? 'they left' : '' }),
    call: params => ({ method: 'erase', params }),
    expect: (firm, who, { org, reason }) => reason === '' ? ['22023'] : firm.orgs.has(org) ? ['55000'] : ['P0002'],
};

// --- the configuration

const assign = {
    who: admins,
    make(chance, firm) {
        const open = chance.of([...firm.assignments.values()].filter(a => !a.ended));
        const ended = chance.chance(0.45) || undefined;
        const account = chance.chance(0.9) ? chance.of([...firm.accounts.values()].filter(a => a.role === 'accountant')) : chance.of(firm.accounts.values());
        return given(ended && open && chance.chance(0.8) ? { org: open.org, account: open.account, ended }
            : { org: orgFor(chance, firm), account: account?.id ?? nowhere, ended });
    },
    call: params => ({ method: 'assign', params }),
    expect(firm, who, { org, account, ended }) {
        if (ended)
            return [...firm.assignments.values()].some(a => a.org === org && a.account === account) ? 'ok' : ['P0002'];
        return firm.orgs.has(org) && firm.accounts.get(account)?.role === 'accountant' ? 'ok' : ['P0002'];
    },
    apply: (firm, who, params, f) => (params.ended ? endAssignment : startAssignment)(firm, actorOf(who), params, f),
};

const openAssignment = (firm, org, account) => [...firm.assignments.values()].find(a => !a.ended && a.org === org && a.account === account);

function startAssignment(firm, actor, { org, account }, f) {
    if (openAssignment(firm, org, account))
        return;
    const id = f.id('assignment.created');
    firm.happens({ kind: 'assignment.created', audience: 'org', reaches: true, actor, org, account, subject: id },
        () => firm.assignments.set(id, { id, org, account, ended: false }));
}

function endAssignment(firm, actor, { org, account }) {
    const open = openAssignment(firm, org, account);
    if (open)
        firm.happens({ kind: 'assignment.changed', audience: 'org', reaches: true, actor, org, account, subject: open.id },
            () => { open.ended = true; });
}

/** The same by an admin's own INSERT. */
const assignByHand = {
    who: admins,
    dml: 'insert',
    make(chance, firm) {
        const params = assign.make(chance, firm);
        return params.ended ? undefined : params;
    },
    sql: ({ org, account }) => `INSERT INTO onefin.assignment (org_id, account_id) VALUES (${org}, ${account})`,
    expect: (firm, who, { org, account }) => firstOf(firm.accounts.get(account)?.role !== 'accountant' && 'P0002', !firm.orgs.has(org) && '23503',
        openAssignment(firm, org, account) && '23505'),
    apply: (firm, who, params, f) => startAssignment(firm, actorOf(who), params, f),
};

const unassignByHand = {
    who: admins,
    dml: 'update',
    make(chance, firm) {
        const open = chance.of([...firm.assignments.values()].filter(a => !a.ended));
        return open && { org: open.org, account: open.account };
    },
    sql: ({ org, account }) => `UPDATE onefin.assignment SET until_at = now() WHERE until_at IS NULL AND org_id = ${org} AND account_id = ${account}`,
    rows: () => 1,
    expect: () => 'ok',
    apply: (firm, who, params) => endAssignment(firm, actorOf(who), params),
};

const orgs = {
    who: admins,
    make(chance, firm) {
        const org = firm.orgs.get(orgFor(chance, firm));
        const id = org?.id ?? nowhere;
        switch (chance.weighted({ archive: 25, unarchive: 35, move: 30, rename: 8, make: 2 })) {
        case 'archive':
            return { id, archived: true };
        case 'unarchive':
            return { id: chance.of([...firm.orgs.values()].filter(o => o.archived))?.id ?? id, archived: false };
        case 'move':
            return { id, department: chance.chance(0.95) ? chance.of(firm.departments.values()).id : nowhere };
        case 'rename':
            return { id, name: chance.chance(0.2) ? chance.of(firm.orgs.values()).name : `Company ${++said}` };
        case 'make':
            return firm.orgs.size < 16 ? given({ name: `Company ${++said}`, department: chance.chance(0.8) ? chance.of(firm.departments.values()).id : undefined }) : undefined;
        }
    },
    call: params => ({ method: 'orgs', params }),
    expect(firm, who, { id, name, department }) {
        if (id !== undefined && !firm.orgs.has(id))
            return ['P0002'];
        return firstOf(department !== undefined && !firm.departments.has(department) && '23503',
            name !== undefined && [...firm.orgs.values()].some(o => o.name === name && o.id !== id) && '23505');
    },
    apply(firm, who, params, f) {
        if (params.id === undefined)
            return makeOrg(firm, actorOf(who), params, f);
        changeOrg(firm, actorOf(who), params);
    },
};

function makeOrg(firm, actor, { name, department = null }, f) {
    const id = f.id('org.created');
    firm.happens({ kind: 'org.created', audience: 'org', reaches: true, actor, org: id, subject: id },
        () => firm.orgs.set(id, { id, name, department, archived: false }));
    f.topics(id).forEach(topic => firm.topics.set(topic.id, topic));
}

function changeOrg(firm, actor, { id, name, department, archived }) {
    const org = firm.orgs.get(id);
    const after = { name: name ?? org.name, department: department ?? org.department, archived: archived ?? org.archived };
    if (Object.entries(after).every(([key, value]) => org[key] === value))
        return;
    const reaches = after.department !== org.department || after.archived !== org.archived;
    firm.happens({ kind: 'org.changed', audience: 'org', reaches, actor, org: id, subject: id }, () => Object.assign(org, after));
}

/** By an admin's own UPDATE, or a superuser's. */
const orgsByHand = {
    who: admins,
    dml: 'update',
    byHand: true,
    make(chance, firm) {
        const params = orgs.make(chance, firm);
        return params?.id && params.name === undefined ? params : undefined;
    },
    sql: ({ id, department, archived }) => `UPDATE onefin.org SET ${department !== undefined ? `department_id = ${department}`
        : `archived_at = ${archived ? 'coalesce(archived_at, now())' : 'NULL'}`} WHERE id = ${id}`,
    rows: (firm, { id }) => firm.orgs.has(id) ? 1 : 0,
    expect: (firm, who, { id, department }) => firstOf(firm.orgs.has(id) && department !== undefined && !firm.departments.has(department) && '23503'),
    apply: (firm, who, params) => firm.orgs.has(params.id) && changeOrg(firm, actorOf(who), params),
};

/** What an account is after a change, by the words of the call. */
function accountAfter(account, { role, org, department, name, machine, disabled }) {
    return {
        role: role ?? account.role,
        org: role !== undefined && role !== 'client' ? org ?? null : org ?? account.org,
        department: role === 'client' ? department ?? null : department ?? account.department,
        name: name ?? account.name,
        machine: machine ?? account.machine,
        disabled: disabled ?? account.disabled,
    };
}

const fits = ({ role, org, department }) => (role === 'client') === (org !== null) && (role !== 'client' || department === null)
    && (role !== 'supervisor' || department !== null);

function changeAccount(firm, who, params, f) {
    const account = firm.accounts.get(params.id);
    const before = { ...account };
    const after = accountAfter(account, params);
    const actor = actorOf(who);
    if (Object.entries(after).every(([key, value]) => account[key] === value))
        return;
    // Assignments and sessions end with the rights; the change itself is told last.
    if (before.role === 'accountant' && after.role !== 'accountant')
        for (const open of f.order('assignment.changed', [...firm.assignments.values()].filter(a => !a.ended && a.account === account.id)))
            endAssignment(firm, actor, open);
    // The session that made the change stays, where the account keeps its role.
    const out = after.disabled && !before.disabled;
    const kept = out || before.role !== after.role ? undefined : who.session;
    if (['role', 'org', 'department'].some(key => before[key] !== after[key]) || out)
        endSessions(firm, actor, [...firm.sessions.values()].filter(s => !s.ended && s.account === account.id && s !== kept), f,
            out ? 'disabled' : 'rights');
    firm.happens({ kind: 'account.changed', audience: 'admin', actor, subject: account.id, account: account.id }, () => Object.assign(account, after));
}

function endSessions(firm, actor, sessions, f, why) {
    const kind = why === 'logout' ? 'session.ended' : 'session.revoked';
    for (const session of f.order(kind, sessions)) {
        session.ended = true;
        endWatches(firm, session.account, session.id, actor, f);
        firm.happens({ kind, audience: 'account', actor, subject: session.id, account: session.account, why });
    }
}

const accounts = {
    who: admins,
    make(chance, firm, who) {
        const account = chance.of(firm.accounts.values());
        if (account.stays)
            return undefined;
        const { id } = chance.chance(0.97) ? account : { id: nowhere };
        const department = chance.of(firm.departments.values()).id;
        switch (chance.weighted({ disable: 25, enable: 30, move: 20, role: 15, rename: 10, machine: 8 })) {
        case 'disable':
            return { id, disabled: true };
        case 'enable':
            return { id: chance.of([...firm.accounts.values()].filter(a => a.disabled))?.id ?? id, disabled: false };
        case 'move':
            return account.role === 'client' ? { id, org: orgFor(chance, firm) } : { id, department };
        case 'role': {
            const role = chance.of(everybody);
            const right = role === 'client' ? { org: chance.of(firm.orgs.values()).id } : { department };
            return { id, role, ...(chance.chance(0.9) ? right : {}) };
        }
        case 'rename':
            return { id, name: `Name ${++said}` };
        case 'machine':
            return { id, machine: !account.machine };
        }
    },
    call: params => ({ method: 'accounts', params }),
    expect(firm, who, params) {
        const account = firm.accounts.get(params.id);
        if (!account)
            return ['P0002'];
        return firstOf(!fits(accountAfter(account, params)) && '23514',
            (params.org !== undefined && !firm.orgs.has(params.org) || params.department !== undefined && !firm.departments.has(params.department)) && '23503');
    },
    apply: changeAccount,
};

const accountsByHand = {
    who: admins,
    dml: 'update',
    byHand: true,
    make(chance, firm, who) {
        const params = accounts.make(chance, firm, who);
        return params?.disabled === undefined ? undefined : params;
    },
    sql: ({ id, disabled }) => `UPDATE onefin.account SET disabled_at = ${disabled ? 'coalesce(disabled_at, now())' : 'NULL'} WHERE id = ${id}`,
    rows: (firm, { id }) => firm.accounts.has(id) ? 1 : 0,
    expect: () => 'ok',
    apply: (firm, who, params, f) => firm.accounts.has(params.id) && changeAccount(firm, who, params, f),
};

const departments = {
    who: admins,
    make: (chance, firm) => given({ id: chance.chance(0.9) ? chance.of(firm.departments.values()).id : chance.chance(0.5) ? nowhere : undefined,
        name: `Renamed ${++said}` }),
    call: params => ({ method: 'departments', params }),
    expect: (firm, who, { id }) => id === undefined || firm.departments.has(id) ? 'ok' : ['P0002'],
    apply(firm, who, { id, name }, f) {
        const made = id === undefined;
        const key = made ? f.id('department.created') : id;
        firm.departments.set(key, { id: key, name });
        firm.happens({ kind: made ? 'department.created' : 'department.changed', audience: 'admin', actor: actorOf(who), subject: key });
    },
};

function set(firm, actor, name, value) {
    const kind = firm.settings.has(name) ? 'setting.changed' : 'setting.created';
    if (firm.settings.get(name) === value)
        return;
    firm.settings.set(name, value);
    firm.happens({ kind, audience: 'admin', actor });
}

const settings = {
    who: admins,
    make: chance => chance.chance(0.9) ? { name: 'client_sees_versions', value: chance.chance(0.5) } : { name: 'no_such', value: true },
    call: params => ({ method: 'settings', params }),
    expect: (firm, who, { name }) => firm.defaults.has(name) ? 'ok' : ['22023'],
    apply: (firm, who, { name, value }) => set(firm, actorOf(who), name, value),
};

const settingsByHand = {
    who: admins,
    dml: 'insert',
    byHand: true,
    make: chance => ({ value: chance.chance(0.5) }),
    sql: ({ value }) => `INSERT INTO onefin.setting VALUES ('client_sees_versions', '${value}')
        ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    rows: () => 1,
    expect: () => 'ok',
    apply: (firm, who, { value }) => set(firm, actorOf(who), 'client_sees_versions', value),
};

const revoke = {
    who: everybody,
    make(chance, firm, who) {
        const kind = chance.weighted({ own: 40, any: 50, none: 10 });
        const mine = [...firm.sessions.values()].filter(s => kind === 'any' || s.account === who.account?.id);
        return { session: kind === 'none' ? nowhere : chance.of(mine)?.id ?? nowhere };
    },
    call: params => ({ method: 'revoke_session', params }),
    expect(firm, who, { session: id }) {
        const session = firm.sessions.get(id);
        return session && !session.ended && firm.seesSession(who.account, session) ? 'ok' : ['P0002'];
    },
    apply: (firm, who, { session }, f) => endSessions(firm, actorOf(who), [firm.sessions.get(session)], f, 'revoked'),
};

/** All but the session that asks; an admin, those of anybody. */
const revokeAll = {
    who: everybody,
    make: (chance, firm, who) => given({ account: chance.chance(0.5) ? undefined : chance.chance(0.9) ? chance.of(firm.accounts.values()).id : nowhere }),
    call: params => ({ method: 'revoke_sessions', params }),
    expect: (firm, who, { account }) => account === undefined || account === who.account.id || firm.isAdmin(who.account) && firm.accounts.has(account)
        ? 'ok' : ['P0002'],
    apply: (firm, who, { account = who.account.id }, f) => endSessions(firm, actorOf(who),
        [...firm.sessions.values()].filter(s => !s.ended && s.account === account && s !== who.session), f, 'revoked'),
};

/** Only what changes no session that is open. */
const sessionPolicies = {
    who: admins,
    make: chance => ({ role: chance.chance(0.9) ? chance.of(everybody) : 'owner', max_sessions: chance.chance(0.9) ? 5 + chance.below(20) : 0 }),
    call: params => ({ method: 'session_policies', params }),
    expect: (firm, who, { role, max_sessions }) => firstOf((!everybody.includes(role) || max_sessions < 1) && '22023'),
    apply(firm, who, { role, max_sessions }) {
        const kind = firm.sessionPolicies.has(role) ? 'session_policy.changed' : 'session_policy.created';
        if (firm.sessionPolicies.get(role) === max_sessions)
            return;
        firm.sessionPolicies.set(role, max_sessions);
        firm.happens({ kind, audience: 'admin', actor: actorOf(who) });
    },
};

const logout = {
    who: everybody,
    make: (chance, firm, who) => who.session && chance.chance(0.3) ? {} : undefined,
    call: params => ({ method: 'logout', params }),
    expect: () => 'ok',
    apply: (firm, who, params, f) => endSessions(firm, actorOf(who), [who.session], f, 'logout'),
};

// --- messages by plain SQL

const insert = {
    ...send,
    call: undefined,
    sql: ({ topic, text, visibility, reply_to, documents, client_key }) => `INSERT INTO onefin.message
        (topic_id, text, visibility, reply_to, document_ids, client_key) VALUES (${topic}, ${quoted(text)},
        ${visibility ? quoted(visibility) : 'DEFAULT'}, ${quoted(reply_to)}, ${quoted(documents)}, ${quoted(client_key)})`,
};

const ownStanding = (firm, who, message) => firm.seesMessage(who.account, message) && message.author === who.account.id && !message.deleted;

const update = {
    who: everybody,
    make: (chance, firm, who) => ({ message: messageFor(chance, firm, who)?.id ?? nowhere, text: words(chance) }),
    dml: 'update',
    sql: ({ message, text }) => `UPDATE onefin.message SET text = ${quoted(text)} WHERE id = ${message}`,
    rows: (firm, { message }, who) => ownStanding(firm, who, firm.messages.get(message)) ? 1 : 0,
    expect(firm, who, { message: id, text }) {
        const message = firm.messages.get(id);
        return !ownStanding(firm, who, message) ? 'ok' // no row
            : firstOf((firm.orgs.get(message.org).archived || text !== null && message.redacted) && '55000',
                text !== null && text.trim() === '' && message.documents.length === 0 && '22023');
    },
    apply(firm, who, { message, text }, f) {
        if (ownStanding(firm, who, firm.messages.get(message)))
            change(firm, who, message, text, f);
    },
};

const bury = {
    who: everybody,
    make: (chance, firm, who) => ({ message: messageFor(chance, firm, who)?.id ?? nowhere, text: null }),
    dml: 'update',
    sql: ({ message }) => `DELETE FROM onefin.message WHERE id = ${message}`,
    rows: () => 0, // a tombstone stays
    expect: update.expect,
    apply: update.apply,
};

export const operations = { send, edit, delete: remove, import: bring, versions, redact, export: exported, erase, read, close, await_client: awaitClient, reopen,
    dismiss_wait: dismissWait, rate, policies, due, typing, watch, unwatch, upload, download, work, process,
    assign, assignByHand, unassignByHand, orgs, orgsByHand, accounts, accountsByHand, departments, settings, settingsByHand,
    revoke_session: revoke, revoke_sessions: revokeAll, session_policies: sessionPolicies, logout, insert, update, bury };
