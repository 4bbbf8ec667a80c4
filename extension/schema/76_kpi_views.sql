-- The figures as BI tools and people read them: schema onefin_kpi. Who sees which rows is in 70_rules.sql, of
-- the tables below. Names of people and companies are here; nothing that anybody wrote is: no text of a
-- message, no name of a document, no comment on a rating.
--
-- Durations are seconds of business time, so that no tool has to understand intervals; what there is none of
-- is NULL, never 0.

CREATE SCHEMA onefin_kpi AUTHORIZATION onefin_owner;
COMMENT ON SCHEMA onefin_kpi IS 'Figures of people, companies and directions, and the rows behind them; durations in seconds';
GRANT USAGE ON SCHEMA onefin_kpi TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_analyst;

CREATE VIEW onefin_kpi.waits WITH (security_invoker) AS
    SELECT w.id, w.kind, w.outcome, w.org_id, o.name AS org, w.topic_id, k.code AS topic_kind, w.ticket_id, w.message_id,
        w.answer_id, w.responder_id, a.name AS responder, w.imported, w.started_at, w.ended_at,
        (w.ended_at AT TIME ZONE s.time_zone)::date AS day,
        w.duration / 1e6::double precision AS duration, w.target / 1e6::double precision AS target,
        w.duration <= w.target AS within, w.paused / 1e6::double precision AS paused,
        w.due_at, w.warned_at, w.breached_at
    FROM onefin.wait w LEFT JOIN onefin.kpi_state s ON true
        LEFT JOIN onefin.topic_kind k ON k.id = w.kind_id
        LEFT JOIN onefin.org o ON o.id = w.org_id
        LEFT JOIN onefin.account a ON a.id = w.responder_id;
COMMENT ON VIEW onefin_kpi.waits IS 'Clients'' waits for a response or for the end of a round, ended or not: one row a wait';

CREATE VIEW onefin_kpi.tickets WITH (security_invoker) AS
    SELECT t.id, t.org_id, o.name AS org, t.topic_id, k.code AS topic_kind, t.previous_id, t.state, t.opened_at, t.opened_by,
        t.closed_at, t.closed_by, t.closed_how, t.accountable_id, a.name AS accountable
    FROM onefin.ticket t
        LEFT JOIN onefin.topic p ON p.id = t.topic_id
        LEFT JOIN onefin.topic_kind k ON k.id = p.kind_id
        LEFT JOIN onefin.org o ON o.id = t.org_id
        LEFT JOIN onefin.account a ON a.id = t.accountable_id;
COMMENT ON VIEW onefin_kpi.tickets IS 'Rounds of topics: one row a ticket';

CREATE VIEW onefin_kpi.ratings WITH (security_invoker) AS
    SELECT r.ticket_id, r.org_id, o.name AS org, r.topic_id, k.code AS topic_kind, r.accountable_id, a.name AS accountable,
        r.score, r.first_at, r.at
    FROM (SELECT DISTINCT ON (x.ticket_id) x.ticket_id, x.org_id, x.topic_id, x.accountable_id, x.score, x.first_at, x.at
        FROM onefin.rating x ORDER BY x.ticket_id, x.id DESC) r
        LEFT JOIN onefin.topic p ON p.id = r.topic_id
        LEFT JOIN onefin.topic_kind k ON k.id = p.kind_id
        LEFT JOIN onefin.org o ON o.id = r.org_id
        LEFT JOIN onefin.account a ON a.id = r.accountable_id;
COMMENT ON VIEW onefin_kpi.ratings IS 'Ratings by clients, as they hold: one row a rated ticket';

CREATE VIEW onefin_kpi.documents WITH (security_invoker) AS
    SELECT d.id, d.org_id, o.name AS org, d.topic_id, k.code AS topic_kind, d.uploader_id, d.by_client, d.type, d.size, d.at, d.state,
        m.mark, m.at AS marked_at, m.account_id AS marked_by, a.name AS marked_by_name
    FROM onefin.document d
        LEFT JOIN onefin.topic p ON p.id = d.topic_id
        LEFT JOIN onefin.topic_kind k ON k.id = p.kind_id
        LEFT JOIN onefin.org o ON o.id = d.org_id
        LEFT JOIN LATERAL (SELECT x.mark, x.at, x.account_id FROM onefin.document_mark x WHERE x.document_id = d.id
            ORDER BY x.id DESC LIMIT 1) m ON true
        LEFT JOIN onefin.account a ON a.id = m.account_id;
COMMENT ON VIEW onefin_kpi.documents IS 'Documents and what staff made of them: one row a document';

CREATE VIEW onefin_kpi.downloads WITH (security_invoker) AS
    SELECT d.entry_id AS id, d.at, (d.at AT TIME ZONE s.time_zone)::date AS day, d.account_id, a.name AS account, a.role,
        d.document_id, d.org_id, o.name AS org, k.code AS topic_kind
    FROM onefin.kpi_download d LEFT JOIN onefin.kpi_state s ON true
        LEFT JOIN onefin.topic_kind k ON k.id = d.kind_id
        LEFT JOIN onefin.org o ON o.id = d.org_id
        LEFT JOIN onefin.account a ON a.id = d.account_id;
COMMENT ON VIEW onefin_kpi.downloads IS 'Documents handed out, previews not: one row each time';

-- People by day and month, companies and directions by month: views of one make. Sums come from the rows of
-- days; median and p90 from their durations, looked up by the key of what is shown; what is open now from the
-- open waits and tickets, which partial indexes have.
DO $make$
DECLARE
    shape record;
    sums constant text := $sums$
            sum(notes) AS notes, sum(tickets_closed) AS tickets_closed,
            sum(documents_processed) AS documents_processed, sum(documents_returned) AS documents_returned,
            sum(downloads) AS downloads, sum(ratings) AS ratings,
            sum(rating_sum)::double precision / nullif(sum(ratings), 0) AS rating_mean, sum(ratings_positive) AS ratings_positive,
            sum(unanswered) AS unanswered, sum(dismissed) AS dismissed, sum(missed) AS missed$sums$;
    counts constant text := 'v.notes, v.tickets_closed, v.documents_processed, v.documents_returned, v.downloads, v.ratings, v.rating_mean, v.ratings_positive';
    waits text;
    waited text;
    spread text;
BEGIN
    SELECT string_agg(format($one$
            sum(%1$s) AS %2$s_count, (sum(%3$s) / nullif(sum(%1$s), 0) / 1e6)::double precision AS %2$s_mean,
            sum(%4$s)::double precision / nullif(sum(%5$s), 0) AS %2$s_within$one$,
            replace(c, '?', 'count'), w, replace(c, '?', 'sum'), replace(c, '?', 'kept'), replace(c, '?', 'targets')), ',' ORDER BY n),
        string_agg(format('v.%1$s_count, v.%1$s_mean, p.%1$s[1] / 1e6 AS %1$s_median, p.%1$s[2] / 1e6 AS %1$s_p90, v.%1$s_within', w), ', ' ORDER BY n),
        string_agg(format('onefin.percentiles(d.durations, ''{0.5,0.9}'')%s AS %s',
            CASE w WHEN 'response' THEN ' FILTER (WHERE d.kind <> ''resolution'')' ELSE format(' FILTER (WHERE d.kind = %L)', w) END, w), ', ' ORDER BY n)
    INTO waits, waited, spread
    FROM (VALUES (1, 'first', 'first_?'), (2, 'next', 'next_?'), (3, 'response', 'first_? + next_?'), (4, 'resolution', 'resolution_?')) v (n, w, c);

    FOR shape IN SELECT * FROM (VALUES
        ('staff_day', 'staff', 'account_id', 'day', 'v.day, v.account_id, a.name AS account, a.role, a.department_id',
            'sum(messages) AS messages', 'v.messages',
            'd.account_id = v.account_id AND d.day = v.day',
            'JOIN onefin.account a ON a.id = v.account_id AND a.role <> ''client'' AND NOT a.machine', 'account'),
        ('staff_month', 'staff', 'account_id', 'month', 'v.month, v.account_id, a.name AS account, a.role, a.department_id',
            '(month + interval ''1 month'' - interval ''1 day'')::date AS last, sum(messages) AS messages', 'v.messages',
            'd.account_id = v.account_id AND d.day >= v.month AND d.day <= v.last',
            'JOIN onefin.account a ON a.id = v.account_id AND a.role <> ''client'' AND NOT a.machine', 'account'),
        ('org_month', 'org', 'org_id', 'month', 'v.month, v.org_id, o.name AS org',
            '(month + interval ''1 month'' - interval ''1 day'')::date AS last, sum(messages_client) AS messages_client, sum(messages) AS messages_staff, sum(tickets_opened) AS tickets_opened',
            'v.messages_client, v.messages_staff, v.tickets_opened',
            'd.org_id = v.org_id AND d.day >= v.month AND d.day <= v.last',
            'LEFT JOIN onefin.org o ON o.id = v.org_id', 'org'),
        ('kind_month', 'org', 'kind_id', 'month', 'v.month, k.code AS kind',
            'sum(messages_client) AS messages_client, sum(messages) AS messages_staff, sum(tickets_opened) AS tickets_opened',
            'v.messages_client, v.messages_staff, v.tickets_opened',
            'd.kind_id = v.kind_id AND d.month = v.month',
            'JOIN onefin.topic_kind k ON k.id = v.kind_id', 'kind')) s (name, scope, key, period, keys, said, shown, same, joined, of_what)
    LOOP
        EXECUTE format($sql$
            CREATE VIEW onefin_kpi.%1$s WITH (security_invoker) AS
            SELECT %2$s, %3$s, %4$s, %5$s, v.unanswered, v.dismissed, v.missed,
                coalesce(b.backlog, 0) AS backlog, coalesce(l.workload, 0) AS workload
            FROM (SELECT %6$s, %7$s, %8$s, %9$s, %10$s FROM onefin.kpi_%11$s_day GROUP BY %6$s, %7$s) v
                %12$s
                CROSS JOIN LATERAL (SELECT %13$s FROM onefin.kpi_%11$s_duration d WHERE %14$s) p
                LEFT JOIN (%15$s) b ON b.of_whom = v.%7$s
                LEFT JOIN (%16$s) l ON l.of_whom = v.%7$s$sql$,
            shape.name, shape.keys, shape.shown, counts, waited, shape.period, shape.key, shape.said, sums, waits, shape.scope,
            shape.joined, spread, shape.same,
            CASE shape.of_what
                WHEN 'account' THEN 'SELECT s.account_id AS of_whom, count(*) AS backlog FROM onefin.assignment s JOIN onefin.wait w ON w.org_id = s.org_id
                    WHERE s.until_at IS NULL AND w.ended_at IS NULL AND w.kind <> ''resolution'' GROUP BY 1'
                ELSE format('SELECT w.%s_id AS of_whom, count(*) AS backlog FROM onefin.wait w
                    WHERE w.ended_at IS NULL AND w.kind <> ''resolution'' GROUP BY 1', shape.of_what) END,
            CASE shape.of_what
                WHEN 'account' THEN 'SELECT s.account_id AS of_whom, count(*) AS workload FROM onefin.assignment s JOIN onefin.ticket t ON t.org_id = s.org_id
                    WHERE s.until_at IS NULL AND t.state <> ''closed'' GROUP BY 1'
                WHEN 'org' THEN 'SELECT t.org_id AS of_whom, count(*) AS workload FROM onefin.ticket t WHERE t.state <> ''closed'' GROUP BY 1'
                ELSE 'SELECT p.kind_id AS of_whom, count(*) AS workload FROM onefin.ticket t JOIN onefin.topic p ON p.id = t.topic_id
                    WHERE t.state <> ''closed'' GROUP BY 1' END);
    END LOOP;
END
$make$;
COMMENT ON VIEW onefin_kpi.staff_day IS 'What each person of the firm did on each day; no row for a day without any doing';
COMMENT ON VIEW onefin_kpi.staff_month IS 'What each person of the firm did in each month; no row for a month without any doing';
COMMENT ON VIEW onefin_kpi.org_month IS 'What was done for each company in each month; no row for a month without any doing';
COMMENT ON VIEW onefin_kpi.kind_month IS 'What was done in each direction, of all companies, in each month; no row for a month without any doing';

-- What a column means: of one view where it is named, else of every view that has such a one.
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT DISTINCT ON (v.oid, a.attnum) v.oid::regclass AS view, a.attname, m.meaning
        FROM pg_class v JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0
            LEFT JOIN (VALUES
            (NULL, 'day', 'Day in the firm''s time zone'),
            ('waits', 'day', 'Day of the end in the firm''s time zone'),
            (NULL, 'month', 'First day of the month, in the firm''s time zone'),
            (NULL, 'account_id', 'The person''s account, a number'),
            (NULL, 'account', 'The person''s name'),
            (NULL, 'role', 'The person''s role now: admin, supervisor, accountant or client'),
            (NULL, 'department_id', 'The person''s department now, a number; NULL: none'),
            (NULL, 'org_id', 'The company, a number'),
            (NULL, 'org', 'The company''s name; NULL when it is not yours to see now'),
            (NULL, 'kind', 'The direction: bank_payment, contract, invoice, power_of_attorney, waybill'),
            (NULL, 'topic_id', 'The company''s direction, a number'),
            (NULL, 'topic_kind', 'The direction: bank_payment, contract, invoice, power_of_attorney, waybill'),
            (NULL, 'ticket_id', 'The round, a number'),
            (NULL, 'messages', 'Number of messages that the person sent for all to see'),
            (NULL, 'messages_client', 'Number of messages of the client'),
            (NULL, 'messages_staff', 'Number of messages of the firm, its machines'' too, that the client sees'),
            (NULL, 'notes', 'Number of notes, which clients do not see'),
            (NULL, 'tickets_opened', 'Number of rounds that began'),
            (NULL, 'tickets_closed', 'Number of rounds that were closed, by somebody or by themselves'),
            ('staff_day', 'tickets_closed', 'Number of rounds closed that the person was accountable for'),
            ('staff_month', 'tickets_closed', 'Number of rounds closed that the person was accountable for'),
            (NULL, 'documents_processed', 'Number of documents marked as processed; the last mark of a document counts'),
            (NULL, 'documents_returned', 'Number of documents marked as returned; the last mark of a document counts'),
            (NULL, 'downloads', 'Number of times that a document was handed out'),
            (NULL, 'ratings', 'Number of ratings'),
            (NULL, 'rating_mean', 'Mean of the ratings, 1 (bad) to 5 (very good)'),
            (NULL, 'ratings_positive', 'Number of ratings of 4 or 5'),
            (NULL, 'unanswered', 'Number of waits for a response that closing ended unanswered'),
            ('staff_day', 'unanswered', 'Number of waits for a response that the person ended by closing, unanswered'),
            ('staff_month', 'unanswered', 'Number of waits for a response that the person ended by closing, unanswered'),
            (NULL, 'dismissed', 'Number of waits that were said to need no answer'),
            ('staff_day', 'dismissed', 'Number of waits that the person said to need no answer'),
            ('staff_month', 'dismissed', 'Number of waits that the person said to need no answer'),
            (NULL, 'missed', 'Number of ended waits, for a response or for the end of a round, that passed their target'),
            (NULL, 'backlog', 'Number of waits for a response that are open now'),
            ('staff_day', 'backlog', 'Number of waits for a response that are open now, of the companies that the person serves'),
            ('staff_month', 'backlog', 'Number of waits for a response that are open now, of the companies that the person serves'),
            (NULL, 'workload', 'Number of rounds that are not closed now'),
            ('staff_day', 'workload', 'Number of rounds that are not closed now, of the companies that the person serves'),
            ('staff_month', 'workload', 'Number of rounds that are not closed now, of the companies that the person serves'),
            ('waits', 'id', 'The wait, a number'),
            ('waits', 'kind', 'first: for the first response of a round; next: for a later one; resolution: for the round''s end'),
            ('waits', 'outcome', 'answered, closed, silence (the round closed by itself), dismissed (it needed no answer), deleted (the client took it back), replaced; NULL while open'),
            ('waits', 'message_id', 'The client''s message that began it, a number'),
            ('waits', 'answer_id', 'The message that answered, a number; NULL when none did'),
            ('waits', 'responder_id', 'Who answered, or closed the round, or was accountable for it, a number; NULL: nobody'),
            ('waits', 'responder', 'Name of who answered, or closed the round, or was accountable for it'),
            ('waits', 'imported', 'Whether it is of an imported history'),
            ('waits', 'started_at', 'When the client began to wait'),
            ('waits', 'ended_at', 'When the wait ended; NULL while it is open'),
            ('waits', 'duration', 'Seconds of business time from start to end; NULL when it is open or was not answered'),
            ('waits', 'target', 'Seconds of business time that it was to take at most; NULL: no target'),
            ('waits', 'within', 'Whether it took no longer than its target; NULL without a duration or a target'),
            ('waits', 'paused', 'Seconds of business time in which the clock stood, not in the duration'),
            ('waits', 'due_at', 'When its target is reached; NULL without one'),
            ('waits', 'warned_at', 'When staff were warned; NULL: not'),
            ('waits', 'breached_at', 'When it was found to have passed its target; NULL: not'),
            ('tickets', 'id', 'The round, a number'),
            ('tickets', 'previous_id', 'The topic''s round before it, a number; NULL: none'),
            ('tickets', 'state', 'open, waiting_client or closed'),
            ('tickets', 'opened_at', 'When it began'),
            ('tickets', 'opened_by', 'Account of who began it, a number'),
            ('tickets', 'closed_at', 'When it was closed; NULL while it is not'),
            ('tickets', 'closed_by', 'Account of who closed it, a number; NULL when it closed by itself'),
            ('tickets', 'closed_how', 'person, or silence when it closed by itself'),
            (NULL, 'accountable_id', 'Account of who answers for the round, a number; NULL while it is open'),
            (NULL, 'accountable', 'Name of who answers for the round'),
            ('ratings', 'score', '1 (bad) to 5 (very good)'),
            ('ratings', 'first_at', 'When the round was first rated: the day that the rating counts for'),
            ('ratings', 'at', 'When it was given as it holds'),
            ('documents', 'id', 'The document, a number'),
            ('documents', 'uploader_id', 'Account of who uploaded it, a number'),
            ('documents', 'by_client', 'Whether a client uploaded it'),
            ('documents', 'type', 'Media type'),
            ('documents', 'size', 'Bytes'),
            ('documents', 'at', 'When it was uploaded'),
            ('documents', 'state', 'stamping, ready or failed'),
            ('documents', 'mark', 'processed or returned; NULL: neither yet'),
            ('documents', 'marked_at', 'When it was marked so'),
            ('documents', 'marked_by', 'Account of who marked it so, a number'),
            ('documents', 'marked_by_name', 'Name of who marked it so'),
            ('downloads', 'id', 'The entry of the journal, a number'),
            ('downloads', 'at', 'When it was handed out'),
            ('downloads', 'document_id', 'The document, a number')) m (view, name, meaning)
            ON m.name = a.attname AND (m.view IS NULL OR m.view = v.relname)
        WHERE v.relnamespace = 'onefin_kpi'::regnamespace AND v.relkind = 'v'
        ORDER BY v.oid, a.attnum, m.view NULLS LAST
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', c.view, c.attname, coalesce(c.meaning, (
            SELECT format(t.meaning, w.meaning)
            FROM (VALUES ('count', 'Number of %s'), ('mean', 'Mean of %s, in seconds of business time'),
                    ('median', 'Median of %s, in seconds of business time'),
                    ('p90', 'What nine of ten of %s did not pass, in seconds of business time'),
                    ('within', 'Share of %s that kept their target, of those that had one, 0 to 1')) t (name, meaning),
                (VALUES ('first', 'first responses of a round'), ('next', 'later responses'), ('response', 'responses, first and later'),
                    ('resolution', 'rounds from the client''s first message to their end')) w (name, meaning)
            WHERE c.attname = w.name || '_' || t.name)));
    END LOOP;
    FOR c IN SELECT v.oid::regclass AS view FROM pg_class v WHERE v.relnamespace = 'onefin_kpi'::regnamespace AND v.relkind = 'v' LOOP
        EXECUTE format('ALTER VIEW %s OWNER TO onefin_owner', c.view);
        EXECUTE format('GRANT SELECT ON %s TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_analyst', c.view);
    END LOOP;
END
$$;
