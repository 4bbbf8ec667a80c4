// The figures of onefin_kpi counted anew from the rows that they are about, by SQL that knows nothing of how
// they are kept: one row a person (or company, or kind of topic) and day or month.

const facts = `
WITH zone AS (SELECT value #>> '{}' AS name FROM onefin.setting_now WHERE name = 'time_zone'),
kind_of AS (SELECT id AS topic_id, kind_id FROM onefin.topic),
fact (at, account_id, org_id, kind_id, what, score, duration, target) AS (
    SELECT m.at, CASE WHEN m.author_role <> 'client' THEN m.author_id END, m.org_id, k.kind_id,
        CASE WHEN m.visibility = 'staff' THEN 'note' WHEN m.author_role = 'client' THEN 'client' ELSE 'message' END, NULL::integer, NULL::bigint, NULL::bigint
    FROM onefin.message m JOIN kind_of k USING (topic_id)
    UNION ALL SELECT w.ended_at, w.responder_id, w.org_id, w.kind_id, w.kind, NULL, w.duration, w.target FROM onefin.wait w WHERE w.duration IS NOT NULL
    UNION ALL SELECT w.ended_at, w.responder_id, w.org_id, w.kind_id, 'unanswered', NULL, NULL, NULL
    FROM onefin.wait w WHERE w.outcome = 'closed' AND w.kind <> 'resolution'
    UNION ALL SELECT w.ended_at, j.actor_id, w.org_id, w.kind_id, 'dismissed', NULL, NULL, NULL
    FROM onefin.wait w JOIN onefin.journal j ON j.kind = 'wait.dismissed' AND j.subject_id = w.id WHERE w.outcome = 'dismissed'
    UNION ALL SELECT w.ended_at, w.responder_id, w.org_id, w.kind_id, 'missed', NULL, NULL, NULL FROM onefin.wait w
    WHERE w.breached_at IS NOT NULL AND w.ended_at IS NOT NULL
    UNION ALL SELECT t.opened_at, NULL, t.org_id, k.kind_id, 'opened', NULL, NULL, NULL FROM onefin.ticket t JOIN kind_of k USING (topic_id)
    UNION ALL SELECT t.closed_at, t.accountable_id, t.org_id, k.kind_id, 'closed', NULL, NULL, NULL
    FROM onefin.ticket t JOIN kind_of k USING (topic_id) WHERE t.state = 'closed'
    UNION ALL SELECT m.at, m.account_id, m.org_id, k.kind_id, m.mark, NULL, NULL, NULL
    FROM (SELECT DISTINCT ON (document_id) * FROM onefin.document_mark ORDER BY document_id, id DESC) m
        JOIN onefin.document d ON d.id = m.document_id JOIN kind_of k USING (topic_id)
    UNION ALL SELECT j.at, j.actor_id, j.org_id, k.kind_id, 'download', NULL, NULL, NULL FROM onefin.journal j JOIN kind_of k USING (topic_id)
    WHERE j.kind = 'document.downloaded' OR j.kind = 'document.presigned' AND j.detail ->> 'variant' <> 'preview'
    UNION ALL SELECT r.first_at, r.accountable_id, r.org_id, k.kind_id, 'rating', r.score, NULL, NULL
    FROM (SELECT DISTINCT ON (ticket_id) * FROM onefin.rating ORDER BY ticket_id, id DESC) r JOIN kind_of k USING (topic_id)),
dated AS (SELECT f.*, (f.at AT TIME ZONE zone.name)::date AS day, date_trunc('month', f.at AT TIME ZONE zone.name)::date AS month FROM fact f, zone)`;

const waited = (name, kinds) => {
    const of = `what = ANY ('{${kinds}}')`;
    return `count(*) FILTER (WHERE ${of}) AS ${name}_count,
        avg(duration) FILTER (WHERE ${of})::double precision / 1e6 AS ${name}_mean,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY duration) FILTER (WHERE ${of}) / 1e6 AS ${name}_median,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY duration) FILTER (WHERE ${of}) / 1e6 AS ${name}_p90,
        avg((duration <= target)::integer) FILTER (WHERE ${of} AND target IS NOT NULL)::double precision AS ${name}_within`;
};
const counted = {
    notes: 'note', tickets_closed: 'closed', documents_processed: 'processed', documents_returned: 'returned',
    downloads: 'download', ratings: 'rating', unanswered: 'unanswered', dismissed: 'dismissed', missed: 'missed',
};
const counts = names => Object.entries(names).map(([name, what]) => `count(*) FILTER (WHERE what = '${what}') AS ${name}`).join(', ');
const shared = `${counts(counted)}, avg(score)::double precision AS rating_mean, count(*) FILTER (WHERE score >= 4) AS ratings_positive,
    ${waited('first', 'first')}, ${waited('next', 'next')}, ${waited('response', 'first,next')}, ${waited('resolution', 'resolution')}`;
const byStaff = `${counts({ messages: 'message' })}, ${shared}`;
const byTopic = `${counts({ messages_client: 'client', messages_staff: 'message', tickets_opened: 'opened' })}, ${shared}`;

// What is open now, whatever the day or month of a row.
const served = 'JOIN onefin.assignment s ON s.org_id = x.org_id AND s.until_at IS NULL';
const open = (whom, join = '') => `(SELECT count(*) FROM onefin.wait x ${join} WHERE x.ended_at IS NULL AND x.kind <> 'resolution' AND ${whom}) AS backlog,
    (SELECT count(*) FROM onefin.ticket x ${join} JOIN kind_of k USING (topic_id) WHERE x.state <> 'closed' AND ${whom.replace('x.kind_id', 'k.kind_id')}) AS workload`;

const byPerson = period => ({ key: ['account_id', period], text: `${facts}
    SELECT d.account_id, d.${period}::text, ${byStaff}, ${open('s.account_id = d.account_id', served)}
    FROM dated d JOIN onefin.account a ON a.id = d.account_id AND a.role <> 'client' AND NOT a.machine GROUP BY 1, d.${period}` });

/** view -> its key, and the query that counts it anew. */
export const recounts = {
    staff_day: byPerson('day'),
    staff_month: byPerson('month'),
    org_month: { key: ['org_id', 'month'], text: `${facts} SELECT d.org_id, d.month::text, ${byTopic}, ${open('x.org_id = d.org_id')} FROM dated d GROUP BY 1, d.month` },
    kind_month: { key: ['kind', 'month'], text: `${facts} SELECT t.code AS kind, d.month::text, ${byTopic}, ${open('x.kind_id = d.kind_id')}
        FROM dated d JOIN onefin.topic_kind t ON t.id = d.kind_id GROUP BY 1, d.kind_id, d.month` },
};

const near = (a, b) => a === b || a !== null && b !== null && Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b));

/** What two lists of rows differ in, by their keys; a row that is not there is one of nothing. */
export function differences(view, key, found, expected) {
    const keyOf = row => key.map(name => row[name]).join(' ');
    const rows = new Map(found.map(row => [keyOf(row), row]));
    const wanted = new Map(expected.map(row => [keyOf(row), row]));
    const names = Object.keys(found[0] ?? expected[0] ?? {}).filter(name => !key.includes(name));
    const value = (row, name) => row?.[name] ?? (/mean|median|p90|within/.test(name) ? null : 0);
    return [...new Set([...rows.keys(), ...wanted.keys()])].flatMap(one => names.map(name => [name, value(rows.get(one), name), value(wanted.get(one), name)])
        .filter(([, is, expects]) => !near(is, expects)).map(([name, is, expects]) => `${view} ${one}: ${name} is ${is}, not ${expects}`));
}

/** What is wrong with the views. */
export async function checkViews(cluster) {
    const wrong = [];
    for (const [view, { key, text }] of Object.entries(recounts)) {
        const expected = await cluster.query(text);
        const columns = expected.length ? Object.keys(expected[0]) : key;
        const found = await cluster.query(`SELECT ${columns.map(name => ['day', 'month'].includes(name) ? `${name}::text` : name).join(', ')} FROM onefin_kpi.${view}`);
        wrong.push(...differences(view, key, found, expected));
    }
    return wrong;
}
