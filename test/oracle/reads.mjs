// What can be looked at, one entry a table or a call: what is there, who sees it, and what of it is
// shown. To add something to be looked at, add an entry.

import { ordered } from './compare.mjs';
import { topicKinds } from './model.mjs';

const everybody = ['admin', 'supervisor', 'accountant', 'client'];
const staff = ['admin', 'supervisor', 'accountant'];
const nowhere = 987654321;
const list = map => [...map.values()];
/** Whether it will be warned of and be due. */
const isTimed = wait => !wait.ended && wait.target !== null && !wait.imported && !wait.paused;
/** The rating of a round, where one is to be seen. */
const shownRating = (firm, me, ticket) => {
    const rating = firm.ratingOf(ticket.id);
    return rating && firm.seesRating(me, rating) ? rating : undefined;
};
const sorted = ids => [...ids].sort((a, b) => a - b);

/**
 * Tables and views by plain SQL: `who` may ask at all (their group has the grant); `rows` are all that
 * there are; `key` and `columns` pairs of an SQL expression over t and the model's value of it. Where there
 * is `analyst`, the analyst reads every row, and of those columns so many.
 */
export const relations = {
    setting_default: { who: ['admin'], rows: firm => [...firm.defaults], sees: (firm, me) => firm.isAdmin(me),
        key: ['t.name', ([name]) => name, 'text'], columns: [['t.value', ([, value]) => value]] },
    setting: { who: ['admin'], rows: firm => [...firm.settings], sees: (firm, me) => firm.isAdmin(me),
        key: ['t.name', ([name]) => name, 'text'], columns: [['t.value', ([, value]) => value]] },
    setting_now: { who: ['admin'], rows: firm => [...firm.defaults.keys()], sees: (firm, me) => firm.isAdmin(me),
        key: ['t.name', name => name, 'text'], columns: [['t.value', (name, firm) => firm.setting(name)]] },
    department: { who: ['admin', 'supervisor'], rows: firm => list(firm.departments),
        sees: (firm, me, row) => firm.seesDepartment(me, row), key: ['t.id', d => d.id], columns: [['t.name', d => d.name]] },
    org: { analyst: 1, who: everybody, rows: firm => list(firm.orgs), sees: (firm, me, row) => firm.sees(me, row), key: ['t.id', o => o.id],
        columns: [['t.name', o => o.name], ['t.department_id', o => o.department], ['t.archived_at IS NOT NULL', o => o.archived]] },
    account: { analyst: 2, who: everybody, rows: firm => list(firm.accounts), sees: (firm, me, row) => firm.seesAccount(me, row), key: ['t.id', a => a.id],
        columns: [['t.name', a => a.name], ['t.role', a => a.role], ['t.org_id', a => a.org], ['t.department_id', a => a.department],
            ['t.disabled_at IS NOT NULL', a => a.disabled]] },
    account_body: { who: everybody, rows: firm => list(firm.accounts), sees: (firm, me, row) => firm.seesAccount(me, row), key: ['t.id', a => a.id],
        columns: [['t.body', (a, firm) => accountJson(a)]] },
    session: { who: everybody, rows: firm => list(firm.sessions), sees: (firm, me, row) => firm.seesSession(me, row), key: ['t.id', s => s.id],
        columns: [['t.account_id', s => s.account], ['t.ended_at IS NOT NULL', s => s.ended]] },
    assignment: { analyst: 2, who: ['admin', 'supervisor', 'accountant'], rows: firm => list(firm.assignments),
        sees: (firm, me, row) => firm.seesAssignment(me, row), key: ['t.id', a => a.id],
        columns: [['t.org_id', a => a.org], ['t.account_id', a => a.account], ['t.until_at IS NOT NULL', a => a.ended]] },
    topic_kind: { analyst: 0, who: everybody, rows: () => [1, 2, 3, 4, 5], sees: (firm, me) => firm.active(me), key: ['t.id', id => id, 'smallint'], columns: [] },
    topic: { analyst: 0, who: everybody, rows: firm => list(firm.topics), sees: (firm, me, row) => firm.seesTopic(me, row), key: ['t.id', t => t.id],
        columns: [['t.org_id', t => t.org]] },
    ...Object.fromEntries([['calendar', 't.id'], ['calendar_hours', 't.calendar_id'], ['calendar_exception', 't.calendar_id'], ['calendar_use', 't.id']].map(
        ([name, key]) => [name, { analyst: 0, who: staff, rows: () => [], sees: () => false, key: [key, n => n], columns: [] }])),
    ticket: { analyst: 4, who: everybody, rows: firm => list(firm.tickets), sees: (firm, me, row) => firm.sees(me, firm.orgs.get(row.org)),
        key: ['t.id', t => t.id], columns: [['t.topic_id', t => t.topic], ['t.state', t => t.state], ['t.previous_id', t => t.previous],
            ['t.opened_by', t => t.openedBy], ['t.last_staff_id', t => t.lastStaff], ['t.closed_by', t => t.closedBy], ['t.closed_how', t => t.closedHow],
            ['t.accountable_id', t => t.accountable]] },
    wait: { analyst: 16, who: staff, rows: firm => list(firm.waits), sees: (firm, me, row) => firm.seesWait(me, row), key: ['t.id', w => w.id],
        columns: [['t.org_id', w => w.org], ['t.topic_id', w => w.topic], ['t.kind_id', w => topicKinds.indexOf(w.topicKind) + 1], ['t.ticket_id', w => w.ticket],
            ['t.message_id', w => w.message], ['t.kind', w => w.kind], ['t.policy_id', w => w.policy], ['t.calendar_id', () => null],
            ['t.target', w => w.target && w.target * 1e6], ['t.imported', w => w.imported], ['t.outcome', w => w.outcome], ['t.responder_id', w => w.responder],
            ['t.answer_id', w => w.answer], ['t.ended_at IS NOT NULL', w => w.ended], ['t.paused_at IS NOT NULL', w => w.paused],
            // Without a calendar it is the wall clock that is measured by.
            ['t.duration = extract(epoch FROM t.ended_at - t.started_at) * 1e6 - t.paused', w => w.measured || null],
            ['t.ended_at IS NULL AND t.due_at IS NOT NULL', w => isTimed(w)], ['t.ended_at IS NULL AND t.warn_at IS NOT NULL', w => isTimed(w)],
            ['t.warned_at IS NOT NULL', w => w.warned], ['t.breached_at IS NOT NULL', w => w.breached]] },
    wait_body: { who: staff, rows: firm => list(firm.waits), sees: (firm, me, row) => firm.seesWait(me, row) && firm.sees(me, firm.orgs.get(row.org)),
        key: ['t.id', w => w.id], columns: [[`t.body -> 'target'`, w => w.target], [`t.body ->> 'outcome'`, w => w.outcome],
            [`t.body ->> 'topic_kind'`, w => w.topicKind], [`t.body ->> 'org_name'`, (w, firm) => firm.orgs.get(w.org).name]] },
    policy: { who: staff, rows: firm => list(firm.policies), sees: (firm, me, row) => firm.seesPolicy(me, row), key: ['t.id', p => p.id],
        columns: [['t.org_id', p => p.org], ['t.kind_id', p => topicKinds.indexOf(p.kind) + 1 || null], ['t.first_target', p => p.first && p.first * 1e6],
            ['t.next_target', p => p.next && p.next * 1e6], ['t.resolution_target', p => p.resolution && p.resolution * 1e6]] },
    policy_body: { who: staff, rows: firm => list(firm.policies), sees: (firm, me, row) => firm.seesPolicy(me, row), key: ['t.id', p => p.id],
        columns: [[`t.body -> 'kind'`, p => p.kind], [`t.body -> 'org'`, p => p.org], [`t.body -> 'first'`, p => p.first],
            [`t.body -> 'warn_share'`, p => p.warnShare]] },
    rating: { analyst: 0, who: everybody, rows: firm => list(firm.ratings), sees: (firm, me, row) => firm.seesRating(me, row), key: ['t.id', r => r.id],
        columns: [['t.ticket_id', r => r.ticket], ['t.org_id', r => r.org], ['t.accountable_id', r => r.accountable], ['t.account_id', r => r.account],
            ['t.score', r => r.score], ['t.comment', r => r.comment]] },
    rating_now: { who: everybody, rows: firm => list(firm.ratings).filter(r => firm.ratingOf(r.ticket) === r), sees: (firm, me, row) => firm.seesRating(me, row),
        key: ['t.ticket_id', r => r.ticket], columns: [['t.id', r => r.id], ['t.score', r => r.score]] },
    rated_body: { who: everybody, rows: firm => list(firm.tickets).filter(t => t.closedHow === 'person'),
        sees: (firm, me, row) => firm.sees(me, firm.orgs.get(row.org)), key: ['t.id', t => t.id],
        columns: [[`t.body -> 'accountable'`, t => t.accountable], [`t.body -> 'score'`, (t, firm, me) => shownRating(firm, me, t)?.score ?? null]] },
    message: { who: everybody, rows: firm => list(firm.messages), sees: (firm, me, row) => firm.seesMessage(me, row), key: ['t.id', m => m.id],
        columns: [['t.org_id', m => m.org], ['t.topic_id', m => m.topic], ['t.author_id', m => m.author], ['t.author_name', m => m.authorName],
            ['t.version', (m, firm) => firm.version(m)], ['t.visibility', m => m.visibility], ['t.text', (m, firm) => firm.text(m)],
            ['t.deleted_at IS NOT NULL', m => m.deleted], ['t.reply_to', m => m.replyTo], ['t.imported', m => m.imported]] },
    message_body: { who: everybody, rows: firm => list(firm.messages), sees: (firm, me, row) => firm.seesMessage(me, row), key: ['t.id', m => m.id],
        columns: [[`t.body ->> 'text'`, (m, firm) => firm.text(m)],
            [`jsonb_path_query_array(t.body, '$.documents[*].id')`, m => m.deleted ? [] : m.documents]] },
    message_version: { who: everybody,
        rows: firm => list(firm.messages).flatMap(m => m.versions.slice(0, -1).map((v, i) => ({ message: m, version: i + 1, ...v }))),
        sees: (firm, me, row) => firm.seesVersions(me, row.message), key: [`t.message_id || '.' || t.version`, v => `${v.message.id}.${v.version}`, 'text'],
        columns: [['t.text', v => v.message.redacted ? null : v.text], ['t.operation', v => v.operation]] },
    document: { analyst: 0, who: everybody, rows: firm => list(firm.documents), sees: (firm, me, row) => firm.seesDocument(me, row), key: ['t.id', d => d.id],
        columns: [['t.name', d => d.name], ['t.message_id', d => d.message], ['t.withdrawn_at IS NOT NULL', d => d.withdrawn],
            ['t.state', d => d.past.at(-1).state], ['t.revision', d => d.past.length - 1]] },
    document_body: { who: everybody, rows: firm => list(firm.documents), sees: (firm, me, row) => firm.seesDocument(me, row), key: ['t.id', d => d.id],
        columns: [[`t.body ->> 'name'`, d => d.name], [`jsonb_path_query_array(t.body, '$.marks[*].mark')`, d => d.marks.map(m => m.mark)]] },
    document_mark: { analyst: 0, who: everybody, rows: firm => list(firm.documents).flatMap(d => d.marks.map(m => ({ ...m, document: d }))),
        sees: (firm, me, m) => firm.sees(me, firm.orgs.get(m.document.org)),
        key: [`concat_ws('.', t.document_id, t.account_id, t.mark)`, m => `${m.document.id}.${m.account}.${m.mark}`, 'text'], columns: [['t.org_id', m => m.document.org]] },
    job: { who: ['admin'], rows: firm => list(firm.documents).filter(d => d.working), sees: (firm, me) => firm.isAdmin(me), key: ['t.document_id', d => d.id],
        columns: [['t.kind', d => d.byClient ? 'preview' : 'stamp'], ['t.state', () => 'waiting']] },
    job_body: { who: ['admin'], rows: firm => list(firm.documents).filter(d => d.working), sees: (firm, me) => firm.isAdmin(me),
        key: [`(t.body ->> 'document')::bigint`, d => d.id], columns: [[`t.body ->> 'document_name'`, d => d.name]] },
    logo: { who: ['admin'], rows: () => [], sees: () => false, key: ['t.id', n => n], columns: [] },
    // Months that have not ended are not closed: their lines are proved by sql/rules.sql.
    bonus_rule: { who: staff, rows: () => [], sees: () => false, key: ['t.id', n => n], columns: [] },
    payroll: { who: ['admin'], rows: () => [], sees: () => false, key: ['t.month::text', month => month, 'text'], columns: [] },
    payroll_line: { who: staff, rows: () => [], sees: () => false, key: ['t.account_id', n => n], columns: [] },
    payroll_item: { who: staff, rows: () => [], sees: () => false, key: ['t.source_id', n => n], columns: [] },
    payroll_correction: { who: staff, rows: () => [], sees: () => false, key: ['t.id', n => n], columns: [] },
    read_mark: { who: everybody, rows: firm => [...firm.marks.entries()], sees: (firm, me, [, mark]) => firm.seesMark(me, mark),
        key: [`concat_ws('.', t.account_id, t.topic_id, t.visibility)`, ([key]) => key, 'text'],
        columns: [['t.message_id', ([, mark]) => mark.message], ['t.ghost', ([, mark]) => mark.ghost]] },
    watch: { who: ['admin', 'supervisor'], rows: firm => list(firm.watches), sees: (firm, me, row) => firm.seesWatch(me, row), key: ['t.id', w => w.id],
        columns: [['t.topic_id', w => w.topic], ['t.ended_at IS NOT NULL', w => w.ended]] },
    journal: { who: ['admin'], rows: firm => firm.entries, sees: (firm, me) => firm.isAdmin(me), key: ['t.id', e => e.id],
        columns: [['t.kind', e => e.kind], ['t.org_id', e => e.org ?? null]] },
    seal: { who: ['admin'], rows: firm => firm.seals, sees: (firm, me) => firm.isAdmin(me), key: ['t.number', n => n], columns: [] },
    session_policy_default: { who: ['admin'], rows: () => everybody, sees: (firm, me) => firm.isAdmin(me), key: ['t.role', role => role, 'text'], columns: [] },
    session_policy: { who: ['admin'], rows: firm => [...firm.sessionPolicies], sees: (firm, me) => firm.isAdmin(me), key: ['t.role', ([role]) => role, 'text'],
        columns: [['t.max_sessions', ([, most]) => most]] },
    session_policy_now: { who: ['admin'], rows: () => everybody, sees: (firm, me) => firm.isAdmin(me), key: ['t.role', role => role, 'text'], columns: [] },
    // What figures say is a fact here: the oracle asks who sees it, sql/kpi.sql and the tests beside this one what it is
    // to be.
    kpi_state: { analyst: 1, who: staff, rows: () => ['Asia/Tashkent'], sees: (firm, me) => firm.active(me) && me.role !== 'client', key: ['t.only_row::text', () => 'true', 'text'],
        columns: [['t.time_zone', zone => zone]] },
    kpi_staff_day: { analyst: 1, who: staff, rows: firm => firm.figures.staffDays, sees: (firm, me, row) => firm.seesFiguresOf(me, row.account),
        key: [`t.account_id || '.' || to_char(t.day, 'YYYYMMDD')`, r => `${r.account}.${r.day}`, 'text'], columns: [['t.messages', r => r.messages]] },
    kpi_staff_duration: { analyst: 0, who: staff, rows: firm => firm.figures.staffDurations, sees: (firm, me, row) => firm.seesFiguresOf(me, row.account),
        key: [`concat_ws('.', t.account_id, to_char(t.day, 'YYYYMMDD'), t.kind, t.part)`, r => r.key, 'text'], columns: [] },
    kpi_org_day: { analyst: 1, who: staff, rows: firm => firm.figures.orgDays, sees: (firm, me, row) => firm.seesFiguresOfOrg(me, row.org),
        key: [`concat_ws('.', t.org_id, t.kind_id, to_char(t.day, 'YYYYMMDD'))`, r => r.key, 'text'], columns: [['t.messages', r => r.messages]] },
    kpi_org_duration: { analyst: 0, who: staff, rows: firm => firm.figures.orgDurations, sees: (firm, me, row) => firm.seesFiguresOfOrg(me, row.org),
        key: [`concat_ws('.', t.org_id, t.kind_id, to_char(t.day, 'YYYYMMDD'), t.kind, t.part)`, r => r.key, 'text'], columns: [] },
    kpi_download: { analyst: 1, who: staff, rows: firm => firm.figures.downloads,
        sees: (firm, me, row) => firm.seesFiguresOf(me, row.account) || firm.seesFiguresOfOrg(me, row.org),
        key: ['t.entry_id', r => r.id], columns: [['t.account_id', r => r.account]] },
    // These are the C code's and the gateway's alone.
    store_key: { who: [], rows: () => [], sees: () => false, key: ['t.key', key => key, 'text'], columns: [] },
    upload: { who: [], rows: () => [], sees: () => false, key: ['t.name', key => key, 'text'], columns: [] },
    upload_part: { who: [], rows: () => [], sees: () => false, key: ['t.key', key => key, 'text'], columns: [] },
    login_failure: { who: [], rows: () => [], sees: () => false, key: ['t.key', key => key, 'text'], columns: [] },
    org_access: { who: [], rows: () => [], sees: () => false, key: ['t.org_id', n => n], columns: [] },
    access_change: { who: [], rows: () => [], sees: () => false, key: ['t.entry_id', n => n], columns: [] },
    event_body: { who: [], rows: () => [], sees: () => false, key: ['t.id', n => n], columns: [] },
};

const shapes = [
    (name, key, shown) => `SELECT ${shown} AS row FROM onefin.${name} t WHERE ${key} = ANY (%)`,
    (name, key, shown) => `SELECT ${shown} AS row FROM onefin.${name} t JOIN unnest(%) k ON k = ${key}`,
    (name, key, shown) => `SELECT x.row FROM unnest(%) k JOIN LATERAL (SELECT ${shown} AS row FROM onefin.${name} t WHERE k = ${key} LIMIT 1) x ON true`,
    (name, key, shown) => `SELECT w.row FROM (SELECT ${key} AS k, ${shown} AS row FROM onefin.${name} t ORDER BY 1 DESC OFFSET 0) w WHERE w.k = ANY (%)`,
    (name, key, shown) => `SELECT ${shown} AS row FROM onefin.${name} t WHERE EXISTS (SELECT FROM unnest(%) k WHERE k = ${key})`,
    (name, key, shown) => `SELECT ${shown} AS row FROM onefin.${name} t WHERE ${key} IN (SELECT unnest(%)) ${
        nosy.has(name) ? `AND oracle.nosy('${name}', t::text)` : ''}`,
    (name, key, shown) => `SELECT ${shown} AS row FROM onefin.${name} t`, // all that there are
];

/** Tables whose whole rows may be given to a function that tells of them; their first column is the key. */
export const nosy = new Set(['department', 'org', 'account_body', 'assignment', 'topic', 'ticket', 'wait', 'policy', 'rating', 'message', 'message_body', 'document_body', 'watch', 'journal']);

// Keys that name no row.
const absent = { bigint: [765432101, 765432102], smallint: [77], text: ['none', '7654321.1'] };

/** A statement that asks one table for some rows: {name, keys, whole, expected: key -> row, text}. */
export function tableQuestion(chance, firm, me, name, most, analyst) {
    const { key: [key, keyOf, type = 'bigint'], columns: all, rows, sees: mine } = relations[name];
    const columns = analyst ? all.slice(0, relations[name].analyst) : all;
    const sees = analyst ? () => true : me ? mine : () => false;
    const whole = chance.chance(0.15);
    // A function that tells of whole rows is not for who may not read all of them.
    const shape = shapes[whole ? shapes.length - 1 : chance.below(shapes.length - (analyst ? 2 : 1))];
    const asked = whole ? rows(firm) : chance.sample(rows(firm), most);
    const keys = asked.map(keyOf).concat(absent[type]);
    const shown = `jsonb_build_array(${[key, ...columns.map(([sql]) => sql)].join(', ')})`;
    const expected = new Map(asked.filter(row => sees(firm, me, row))
        .map(row => [String(keyOf(row)), [keyOf(row), ...columns.map(([, value]) => value(row, firm, me))]]));
    return { name, keys: keys.map(String), whole, expected, text: shape(name, key, shown).replace('%', `'{${keys.join(',')}}'::${type}[]`) };
}

export const accountJson = a => ({ id: a.id, org: a.org, name: a.name, role: a.role, login: a.login, disabled: a.disabled, language: a.language, email: null,
    department: a.department, machine: a.machine });

/** A message as its viewer sees it; `then` is another version than the newest, or what differs from now. */
export function messageJson(firm, m, { version = firm.version(m), redacted = m.redacted !== undefined } = {}) {
    const { text, operation } = m.versions[version - 1];
    const deleted = operation === 'delete';
    return { id: m.id, org: m.org, text: redacted ? null : text, topic: m.topic, author: m.author, ticket: m.ticket, version, imported: m.imported,
        reply_to: m.replyTo, documents: deleted ? [] : m.documents, client_key: m.key, visibility: m.visibility, author_name: m.authorName,
        author_role: m.authorRole, edited: m.versions.slice(0, version).some(v => v.operation === 'edit'), deleted, redacted };
}

/** A message as it came, to be compared with the model's. */
export function messageShown(m) {
    return m && { id: m.id, org: m.org, text: m.text, topic: m.topic, author: m.author, ticket: m.ticket, version: m.version, imported: m.imported,
        reply_to: m.reply_to, documents: m.documents.map(d => d.id), client_key: m.client_key, visibility: m.visibility, author_name: m.author_name,
        author_role: m.author_role, edited: m.edited_at !== null, deleted: m.deleted_at !== null, redacted: m.redacted_at !== null };
}

const accountShown = a => accountJson({ ...a, org: a.org, department: a.department });
const seenMessages = (firm, me, topic) => list(firm.messages).filter(m => m.topic === topic && firm.seesMessage(me, m)).sort((a, b) => a.id - b.id);

/** A message as it stood at an instant: undefined when it was not said, hidden when that version is not theirs to see. */
function messageThen(firm, me, m, instant) {
    const made = m.versions.filter((v, i) => v.made <= instant || i === 0 && m.imported).length;
    if (made === 0)
        return undefined;
    if (made < firm.version(m) && !firm.seesVersions(me, m))
        return { id: m.id, text: null, version: null, hidden: true, deleted: false };
    const { text, version, deleted } = messageJson(firm, m, { version: made });
    return { id: m.id, text, version, hidden: false, deleted };
}

function topicShown(firm, me, topic) {
    const messages = seenMessages(firm, me, topic.id);
    const mark = Math.max(0, ...list(firm.marks).filter(m => m.account === me.id && m.topic === topic.id && firm.seesMark(me, m)).map(m => m.message));
    return { id: topic.id, kind: topic.kind, state: list(firm.tickets).filter(t => t.topic === topic.id).sort((a, b) => b.id - a.id)[0]?.state ?? null,
        unread: messages.filter(m => !m.deleted && m.author !== me.id && m.id > mark).length,
        last: messages.length ? messageJson(firm, messages.at(-1)) : null };
}

const orgShown = (firm, me, org) => ({ id: org.id, name: org.name, department: org.department, archived: org.archived,
    topics: list(firm.topics).filter(t => t.org === org.id).sort((a, b) => a.id - b.id).map(t => topicShown(firm, me, t)) });

const messageNow = (firm, e) => firm.version(firm.messages.get(e.subject)) === e.version ? messageJson(firm, firm.messages.get(e.subject)) : namedOnly(firm, e);

/** Of a message that was changed again, an event has the name only. */
export const namedOnly = (firm, e) => ({ id: e.subject, org: e.org, topic: e.topic, version: e.version,
    author: firm.messages.get(e.subject).author, visibility: firm.messages.get(e.subject).visibility });

/** An entry of the journal as it is told, without place and time; `message` is how a message is shown in it. */
export function eventTold(firm, e, message = messageNow, document = documentNow) {
    const told = { kind: e.kind, org: e.org ?? null, topic: e.topic ?? null };
    const actor = e.actor ?? null;
    if (e.kind.startsWith('message.'))
        return { ...told, actor, message: message(firm, e) };
    if (e.kind === 'topic.read')
        return { ...told, actor, account: actor, message: e.subject };
    if (e.kind.startsWith('ticket.'))
        return { ...told, actor, ticket: e.subject, state: e.detail.state, how: e.detail.how ?? null };
    if (e.kind.startsWith('rating.'))
        return { ...told, actor, ticket: e.subject };
    if (/^(wait|sla)\./.test(e.kind))
        return { ...told, actor, wait: e.subject };
    if (e.kind.startsWith('document.') && e.version !== undefined)
        return { ...told, actor, document: document(firm, e) };
    if (e.kind.startsWith('document.'))
        return { ...told, actor, document: e.subject };
    if (e.kind.startsWith('session.'))
        return { ...told, account: e.account, session: e.subject, why: e.why };
    if (e.audience === 'admin' && e.account === undefined)
        return { ...told, actor, subject: e.subject ?? null };
    return { ...told, account: e.account ?? null };
}

/** A document as it was at a revision; of one that was changed again, an event has the name only. */
export const documentJson = (document, revision) => ({ id: document.id, org: document.org, topic: document.topic, revision, name: document.name,
    state: document.past[revision].state, marks: document.past[revision].marks });
export const documentNamed = e => ({ id: e.subject, org: e.org, topic: e.topic, revision: e.version });
const documentNow = (firm, e) => {
    const document = firm.documents.get(e.subject);
    return document.past.length - 1 === e.version ? documentJson(document, e.version) : documentNamed(e);
};
const documentShown = d => 'name' in d ? { id: d.id, org: d.org, topic: d.topic, revision: d.revision, name: d.name, state: d.state, marks: d.marks.length } : d;

/** The same of an event that came. */
export function eventShown({ seal, index, at, message, document, ...rest }) {
    return ordered({ ...rest, ...(document === undefined ? {} : { document: document && typeof document === 'object' ? documentShown(document) : document }),
        ...(message === undefined ? {}
        : { message: message && typeof message === 'object' && 'documents' in message ? messageShown(message) : message }) });
}

/** Of all companies, or of one. */
const whose = (chance, firm) => chance.chance(0.6) ? {} : { org: chance.chance(0.95) ? chance.of(firm.orgs.values()).id : nowhere };

/** Mostly one that is seen, sometimes any, sometimes none. */
const oneOf = (chance, some, seen) => {
    const all = [...some];
    return chance.chance(0.03) ? undefined : chance.of(chance.chance(0.6) ? all.filter(seen) : all);
};

/**
 * Calls that change nothing: `ask` makes up parameters; `expect` is the model's answer to compare with
 * `shown` of the result, or SQLSTATEs; `cases` are how many objects the answer decides on.
 */
export const questions = {
    me: { who: everybody, ask: () => ({}), expect: (firm, me) => ({ account: accountJson(me), settings: { client_sees_versions: firm.setting('client_sees_versions'), upload_bytes: firm.setting('upload_bytes') } }),
        shown: r => ({ account: accountShown(r.account), settings: r.settings }) },
    topics: { who: everybody, ask: (chance, firm) => chance.chance(0.5) ? {} : { org: chance.of(firm.orgs.values()).id },
        expect: (firm, me, { org }) => list(firm.orgs).filter(o => firm.sees(me, o) && (org === undefined || o.id === org))
            .sort((a, b) => a.id - b.id).map(o => orgShown(firm, me, o)),
        shown: r => r.orgs.sort((a, b) => a.id - b.id).map(o => ({ id: o.id, name: o.name, department: o.department, archived: o.archived,
            topics: o.topics.sort((a, b) => a.id - b.id).map(t => ({ id: t.id, kind: t.kind, state: t.state, unread: t.unread, last: messageShown(t.last) })) })),
        cases: (firm, { org }) => org === undefined ? firm.orgs.size + firm.topics.size : 6 },
    members: { who: everybody, ask: (chance, firm, me) => ({ org: oneOf(chance, firm.orgs.values(), o => firm.sees(me, o))?.id ?? nowhere }),
        expect(firm, me, { org: id }) {
            const org = firm.orgs.get(id);
            if (!firm.sees(me, org))
                return ['P0002'];
            const marks = new Map();
            for (const mark of firm.marks.values()) {
                if (mark.org === id && !mark.ghost && firm.seesMark(me, mark)) {
                    const key = `${mark.topic}.${mark.account}`;
                    marks.set(key, Math.max(mark.message, marks.get(key) ?? 0));
                }
            }
            return { members: firm.members(org).map(a => [a.id, a.name, a.role]).sort((a, b) => a[0] - b[0]), marks: [...marks].sort() };
        },
        shown: r => ({ members: r.members.map(a => [a.id, a.name, a.role]).sort((a, b) => a[0] - b[0]),
            marks: r.marks.map(m => [`${m.topic}.${m.account}`, m.message]).sort() }),
        cases: firm => 1 + Math.round(firm.accounts.size / 4) },
    history: { who: everybody,
        ask: (chance, firm, me) => ({ topic: oneOf(chance, firm.messages.values(), m => firm.seesMessage(me, m))?.topic ?? nowhere, limit: 200 }),
        expect: (firm, me, { topic }) => !firm.seesTopic(me, firm.topics.get(topic)) ? ['P0002']
            : seenMessages(firm, me, topic).slice(-200).map(m => messageJson(firm, m)),
        shown: r => r.messages.map(messageShown), cases: (firm, { topic }) => Math.max(1, list(firm.messages).filter(m => m.topic === topic).length) },
    history_at: { method: 'history', who: everybody, ask: (chance, firm, me) => ({ ...questions.history.ask(chance, firm, me), as_of: chance.of(firm.instants) }),
        expect: (firm, me, { topic, as_of }) => !firm.seesTopic(me, firm.topics.get(topic)) ? ['P0002']
            : seenMessages(firm, me, topic).map(m => messageThen(firm, me, m, firm.instants.indexOf(as_of))).filter(Boolean).slice(-200),
        shown: r => r.messages.map(m => ({ id: m.id, text: m.text, version: m.version, hidden: m.hidden, deleted: m.deleted_at !== null })),
        cases: (firm, params) => questions.history.cases(firm, params) },
    documents: { who: everybody, ask: (chance, firm, me) => ({ topic: oneOf(chance, firm.documents.values(), d => firm.seesDocument(me, d))?.topic ?? nowhere }),
        expect: (firm, me, { topic }) => !firm.seesTopic(me, firm.topics.get(topic)) ? ['P0002']
            : list(firm.documents).filter(d => d.topic === topic && firm.seesDocument(me, d)).sort((a, b) => a.id - b.id).map(d => [d.id, d.name, d.message]),
        shown: r => r.documents.map(d => [d.id, d.name, d.message]),
        cases: (firm, { topic }) => Math.max(1, list(firm.documents).filter(d => d.topic === topic).length) },
    waits: { who: staff, ask: (chance, firm) => ({ limit: 200, ...whose(chance, firm), ...chance.chance(0.4) ? { ended: true } : {} }),
        expect: (firm, me, { org, ended = false }) => list(firm.waits)
            .filter(w => w.kind !== 'resolution' && w.ended === ended && firm.sees(me, firm.orgs.get(w.org)) && (org === undefined || w.org === org))
            .sort((a, b) => b.id - a.id).slice(0, 200).map(w => [w.id, w.org, w.topicKind, w.ticket, w.message, w.outcome, w.responder, list(firm.assignments)
                .filter(a => !a.ended && a.org === w.org && firm.seesAssignment(me, a)).map(a => a.account)]),
        shown: r => r.waits.sort((a, b) => b.id - a.id).map(w => [w.id, w.org, w.topic_kind, w.ticket, w.message, w.outcome, w.responder, w.assigned]),
        cases: firm => 1 + Math.round(firm.waits.size / 4) },
    ratings: { who: everybody, ask: (chance, firm) => ({ limit: 200, ...whose(chance, firm), ...chance.chance(0.2) ? { before: chance.of(firm.tickets.keys()) ?? 1 } : {} }),
        expect: (firm, me, { org, before = Infinity }) => list(firm.tickets)
            .filter(t => t.closedHow === 'person' && t.id < before && firm.sees(me, firm.orgs.get(t.org)) && (org === undefined || t.org === org)
                && (me.role !== 'accountant' || t.accountable === me.id))
            .sort((a, b) => b.id - a.id).slice(0, 200).map(t => {
                const rating = shownRating(firm, me, t);
                return [t.id, t.org, t.accountable, rating?.score ?? null, rating?.comment ?? null, rating?.account ?? null];
            }),
        shown: r => r.ratings.map(t => [t.ticket, t.org, t.accountable, t.score, t.comment, t.account]), cases: firm => 1 + Math.round(firm.tickets.size / 4) },
    policies: { who: staff, ask: (chance, firm) => ({ ...whose(chance, firm), ...chance.chance(0.2) ? { kind: chance.of(topicKinds) } : {} }),
        expect: (firm, me, { org, kind }) => list(firm.policies)
            .filter(p => firm.seesPolicy(me, p) && (org === undefined || p.org === org) && (kind === undefined || p.kind === kind))
            .sort((a, b) => b.from - a.from || b.id - a.id).map(p => [p.id, p.org, p.kind, p.first, p.next, p.resolution]),
        shown: r => r.policies.map(p => [p.id, p.org, p.kind, p.first, p.next, p.resolution]), cases: firm => 1 + firm.policies.size },
    sessions: { who: everybody, ask: (chance, firm) => chance.chance(0.5) ? {} : { account: chance.chance(0.95) ? chance.of(firm.accounts.values()).id : nowhere },
        expect: (firm, me, { account = me.id }) => account !== me.id && !(firm.isAdmin(me) && firm.accounts.has(account)) ? ['P0002']
            : sorted(list(firm.sessions).filter(s => s.account === account && !s.ended).map(s => s.id)), shown: r => r.sessions.map(s => s.id) },
    session_policies: { who: ['admin'], ask: () => ({}), expect: firm => everybody.map(role => firm.sessionPolicies.get(role) ?? 10),
        shown: r => everybody.map(role => r.policies[role].max_sessions) },
    accounts: { who: everybody, ask: () => ({}), expect: (firm, me) => list(firm.accounts).filter(a => firm.seesAccount(me, a)).sort((a, b) => a.id - b.id).map(accountJson),
        shown: r => r.accounts.sort((a, b) => a.id - b.id).map(accountShown), cases: firm => firm.accounts.size },
    orgs: { who: ['admin', 'supervisor'], ask: () => ({}), expect: (firm, me) => sorted(list(firm.orgs).filter(o => firm.sees(me, o)).map(o => o.id)),
        shown: r => sorted(r.orgs.map(o => o.id)), cases: firm => firm.orgs.size },
    departments: { who: ['admin', 'supervisor'], ask: () => ({}),
        expect: (firm, me) => sorted(list(firm.departments).filter(d => firm.seesDepartment(me, d)).map(d => d.id)),
        shown: r => sorted(r.departments.map(d => d.id)), cases: firm => firm.departments.size },
    settings: { who: ['admin'], ask: () => ({}), expect: firm => [...firm.defaults.keys()].sort().map(name => [name, firm.setting(name)]),
        shown: r => Object.entries(r.settings).sort() },
    journal: { who: ['admin'], ask: (chance, firm) => ({ after: chance.of(firm.entries).id, limit: 50 }),
        expect: (firm, me, { after }) => firm.entries.filter(e => e.id > after).sort((a, b) => a.id - b.id).slice(0, 50).map(e => [e.id, e.kind, e.actor ?? null, e.subject ?? null]),
        shown: r => r.entries.map(e => [e.id, e.kind, e.actor, e.subject]), cases: () => 50 },
    journal_verify: { who: ['admin'], ask: (chance, firm) => ({ from: Math.max(1, firm.seals.length - 5) }), expect: () => true, shown: r => r.ok },
    resume: { who: everybody, ask(chance, firm) {
        const from = chance.of(firm.entries.slice(-60));
        return { after: from.seal, index: from.index };
    },
    expect: (firm, me, { after, index }) => firm.entries.filter(e => (e.seal > after || e.seal === after && e.index > index) && firm.resumes(me, e))
        .map(e => ordered(eventTold(firm, e))),
    shown: r => r.events.map(eventShown), cases: (firm, { after, index }) => firm.entries.filter(e => e.seal > after || e.seal === after && e.index > index).length },
};
