-- Figures of people and companies, kept up by the worker from the sealed journal.
--
-- A sealed entry is turned into facts (kpi_facts), and facts are added to the row of their person and day,
-- and to that of their company, direction and day. Everything that an entry points at is unchangeable by
-- then, so a fact is the same whenever it is looked up, and how far the journal was taken in is one number,
-- moved in the transaction that adds: each entry counts once. Of every day the durations are kept one by
-- one, so that median and p90 of any days together are exact. They stand in parts: what is added to a part
-- writes that part anew.
--
-- A day is one of the firm's zone (setting time_zone) as it was when the figures were made; with another
-- zone the worker makes all of them anew.

CREATE TABLE onefin.kpi_state (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    seal bigint NOT NULL,
    time_zone text NOT NULL
);
COMMENT ON TABLE onefin.kpi_state IS 'How far the figures are';
COMMENT ON COLUMN onefin.kpi_state.seal IS 'The last seal whose entries are in them';
COMMENT ON COLUMN onefin.kpi_state.time_zone IS 'The zone of their days';

CREATE TABLE onefin.kpi_staff_day (
    account_id bigint NOT NULL,
    day date NOT NULL,
    month date NOT NULL GENERATED ALWAYS AS (day - extract(day FROM day)::integer + 1) STORED,
    messages integer NOT NULL,
    notes integer NOT NULL,
    tickets_closed integer NOT NULL,
    documents_processed integer NOT NULL,
    documents_returned integer NOT NULL,
    downloads integer NOT NULL,
    ratings integer NOT NULL,
    rating_sum integer NOT NULL,
    ratings_positive integer NOT NULL,
    unanswered integer NOT NULL,
    dismissed integer NOT NULL,
    missed integer NOT NULL,
    first_count integer NOT NULL,
    first_sum bigint NOT NULL,
    first_targets integer NOT NULL,
    first_kept integer NOT NULL,
    next_count integer NOT NULL,
    next_sum bigint NOT NULL,
    next_targets integer NOT NULL,
    next_kept integer NOT NULL,
    resolution_count integer NOT NULL,
    resolution_sum bigint NOT NULL,
    resolution_targets integer NOT NULL,
    resolution_kept integer NOT NULL,
    PRIMARY KEY (account_id, day)
) WITH (fillfactor = 50);
CREATE INDEX kpi_staff_day_month ON onefin.kpi_staff_day (month);
COMMENT ON TABLE onefin.kpi_staff_day IS
    'What a person did on a day. Clients are here, too, for what they downloaded: the journal does not say who was one';

CREATE TABLE onefin.kpi_staff_duration (
    account_id bigint NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    part integer NOT NULL,
    durations bigint[] NOT NULL,
    PRIMARY KEY (account_id, day, kind, part)
);
ALTER TABLE onefin.kpi_staff_duration ALTER COLUMN durations SET STORAGE EXTERNAL;
COMMENT ON TABLE onefin.kpi_staff_duration IS 'The waits that a person ended on a day: how long each was, in microseconds';

CREATE TABLE onefin.kpi_org_day (
    org_id bigint NOT NULL,
    kind_id smallint NOT NULL,
    day date NOT NULL,
    month date NOT NULL GENERATED ALWAYS AS (day - extract(day FROM day)::integer + 1) STORED,
    messages_client integer NOT NULL,
    messages integer NOT NULL,
    notes integer NOT NULL,
    tickets_opened integer NOT NULL,
    tickets_closed integer NOT NULL,
    documents_processed integer NOT NULL,
    documents_returned integer NOT NULL,
    downloads integer NOT NULL,
    ratings integer NOT NULL,
    rating_sum integer NOT NULL,
    ratings_positive integer NOT NULL,
    unanswered integer NOT NULL,
    dismissed integer NOT NULL,
    missed integer NOT NULL,
    first_count integer NOT NULL,
    first_sum bigint NOT NULL,
    first_targets integer NOT NULL,
    first_kept integer NOT NULL,
    next_count integer NOT NULL,
    next_sum bigint NOT NULL,
    next_targets integer NOT NULL,
    next_kept integer NOT NULL,
    resolution_count integer NOT NULL,
    resolution_sum bigint NOT NULL,
    resolution_targets integer NOT NULL,
    resolution_kept integer NOT NULL,
    PRIMARY KEY (org_id, kind_id, day)
) WITH (fillfactor = 50);
CREATE INDEX kpi_org_day_month ON onefin.kpi_org_day (month, kind_id);
COMMENT ON TABLE onefin.kpi_org_day IS 'What was done in a direction of a company on a day';

CREATE TABLE onefin.kpi_org_duration (
    org_id bigint NOT NULL,
    kind_id smallint NOT NULL,
    day date NOT NULL,
    month date NOT NULL GENERATED ALWAYS AS (day - extract(day FROM day)::integer + 1) STORED,
    kind text NOT NULL,
    part integer NOT NULL,
    durations bigint[] NOT NULL,
    PRIMARY KEY (org_id, day, kind_id, kind, part)
);
CREATE INDEX kpi_org_duration_month ON onefin.kpi_org_duration (month, kind_id);
ALTER TABLE onefin.kpi_org_duration ALTER COLUMN durations SET STORAGE EXTERNAL;
COMMENT ON TABLE onefin.kpi_org_duration IS
    'The waits of a direction of a company that ended on a day: how long each was, in microseconds';

CREATE TABLE onefin.kpi_download (
    entry_id bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    account_id bigint,
    org_id bigint NOT NULL,
    kind_id smallint NOT NULL,
    document_id bigint NOT NULL
);
CREATE INDEX kpi_download_account ON onefin.kpi_download (account_id, at);
COMMENT ON TABLE onefin.kpi_download IS 'Documents that were handed out: a copy for those who do not read the journal, which says it';

DO $$
DECLARE
    t regclass;
    c text;
BEGIN
    FOREACH t IN ARRAY '{onefin.kpi_staff_day,onefin.kpi_org_day}'::regclass[] LOOP
        FOREACH c IN ARRAY '{first,next,resolution}'::text[] LOOP
            EXECUTE format('COMMENT ON COLUMN %s.%s_sum IS %L', t, c, 'Microseconds of business time in all');
            EXECUTE format('COMMENT ON COLUMN %s.%s_targets IS %L', t, c, 'How many of these had a target');
            EXECUTE format('COMMENT ON COLUMN %s.%s_kept IS %L', t, c, 'How many of those were within it');
        END LOOP;
    END LOOP;
END
$$;

-- What is a fact of what day: a message of when it was said, an ended wait of its end, a mark of when it was
-- set, a rating of when the round was first rated. A mark takes the one before it back, a rating too: the
-- last one holds. A message counts though it was deleted later.
CREATE FUNCTION onefin.kpi_facts("after" bigint, "to" bigint, zone text)
    RETURNS TABLE (day date, account_id bigint, org_id bigint, kind_id smallint, what text, n integer, duration bigint, target bigint,
                   entry_id bigint, at timestamptz, document_id bigint)
    LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH entry AS MATERIALIZED (
        SELECT j.id, j.kind, j.at, j.actor_id, j.org_id, j.topic_id, j.subject_id, j.detail
        FROM onefin.seal s CROSS JOIN unnest(s.entries) e (id) JOIN onefin.journal j ON j.id = e.id
        WHERE s.number > kpi_facts."after" AND s.number <= kpi_facts."to"),
    ended AS MATERIALIZED (
        SELECT w.*, e.actor_id
        FROM entry e
            CROSS JOIN LATERAL (VALUES ((e.detail ->> 'answered')::bigint), ((e.detail ->> 'resolution')::bigint),
                ((e.detail ->> 'unanswered')::bigint), (CASE e.kind WHEN 'wait.dismissed' THEN e.subject_id END)) v (wait_id)
            JOIN onefin.wait w ON w.id = v.wait_id
        WHERE e.detail IS NOT NULL AND e.kind = ANY ('{message.sent,message.imported,ticket.changed,wait.dismissed}')),
    rare AS MATERIALIZED (
        SELECT * FROM entry e WHERE e.kind NOT LIKE 'message.%')
    SELECT m.day, m.account_id, m.org_id, t.kind_id, m.what, m.n, NULL::bigint, NULL::bigint, NULL::bigint, NULL::timestamptz, NULL::bigint
    FROM (
        SELECT (m.at AT TIME ZONE kpi_facts.zone)::date AS day, CASE WHEN m.author_role <> 'client' THEN m.author_id END AS account_id,
            m.org_id, m.topic_id, CASE WHEN m.visibility = 'staff' THEN 'notes' WHEN m.author_role = 'client' THEN 'messages_client'
                ELSE 'messages' END AS what, count(*)::integer AS n
        FROM entry e JOIN onefin.message m ON m.id = e.subject_id
        WHERE e.kind = ANY ('{message.sent,message.imported}')
        GROUP BY 1, 2, 3, 4, 5) m
        JOIN onefin.topic t ON t.id = m.topic_id
    UNION ALL
    SELECT (f.at AT TIME ZONE kpi_facts.zone)::date, f.account_id, f.org_id, f.kind_id, f.what, f.n, f.duration, f.target,
        f.entry_id, f.at, f.document_id
    FROM (
        SELECT w.ended_at AS at, w.responder_id AS account_id, w.org_id, w.kind_id, w.kind AS what, 1 AS n, w.duration, w.target,
            NULL::bigint AS entry_id, NULL::bigint AS document_id
        FROM ended w WHERE w.duration IS NOT NULL
        UNION ALL
        SELECT w.ended_at, w.responder_id, w.org_id, w.kind_id, 'unanswered', 1, NULL, NULL, NULL, NULL
        FROM ended w WHERE w.outcome = 'closed' AND w.kind <> 'resolution'
        UNION ALL
        SELECT w.ended_at, w.actor_id, w.org_id, w.kind_id, 'dismissed', 1, NULL, NULL, NULL, NULL
        FROM ended w WHERE w.outcome = 'dismissed'
        UNION ALL
        SELECT w.ended_at, w.responder_id, w.org_id, w.kind_id, 'missed', 1, NULL, NULL, NULL, NULL
        FROM ended w WHERE w.breached_at IS NOT NULL
        UNION ALL
        SELECT r.opened_at, NULL, r.org_id, t.kind_id, 'tickets_opened', 1, NULL, NULL, NULL, NULL
        FROM rare e JOIN onefin.ticket r ON r.id = e.subject_id JOIN onefin.topic t ON t.id = r.topic_id
        WHERE e.kind = 'ticket.opened'
        UNION ALL
        SELECT r.closed_at, r.accountable_id, r.org_id, t.kind_id, 'tickets_closed', 1, NULL, NULL, NULL, NULL
        FROM rare e JOIN onefin.ticket r ON r.id = e.subject_id JOIN onefin.topic t ON t.id = r.topic_id
        WHERE e.kind = 'ticket.changed' AND e.detail ->> 'state' = 'closed'
        UNION ALL
        SELECT m.at, m.account_id, m.org_id, t.kind_id, 'documents_' || m.mark, m.n, NULL, NULL, NULL, NULL
        FROM rare e
            CROSS JOIN LATERAL (
                SELECT x.at, x.account_id, x.org_id, x.mark, 1 AS n FROM onefin.document_mark x WHERE x.id = (e.detail ->> 'mark')::bigint
                UNION ALL
                (SELECT x.at, x.account_id, x.org_id, x.mark, -1 FROM onefin.document_mark x
                WHERE x.document_id = e.subject_id AND x.id < (e.detail ->> 'mark')::bigint ORDER BY x.id DESC LIMIT 1)) m
            JOIN onefin.topic t ON t.id = e.topic_id
        WHERE e.kind = ANY ('{document.processed,document.returned}')
        UNION ALL
        SELECT r.first_at, r.accountable_id, r.org_id, t.kind_id, v.what, v.n, NULL, NULL, NULL, NULL
        FROM rare e
            CROSS JOIN LATERAL (SELECT * FROM onefin.rating r WHERE r.ticket_id = e.subject_id ORDER BY r.id LIMIT 1) r
            CROSS JOIN LATERAL (SELECT (e.detail ->> 'score')::integer AS score, (e.detail ->> 'previous')::integer AS previous) s
            CROSS JOIN LATERAL (VALUES ('ratings', CASE WHEN s.previous IS NULL THEN 1 ELSE 0 END),
                ('rating_sum', s.score - coalesce(s.previous, 0)),
                ('ratings_positive', (s.score >= 4)::integer - (coalesce(s.previous, 0) >= 4)::integer)) v (what, n)
            JOIN onefin.topic t ON t.id = r.topic_id
        WHERE e.kind = 'rating.given'
        UNION ALL
        SELECT e.at, e.actor_id, e.org_id, t.kind_id, 'downloads', 1, NULL, NULL, e.id, e.subject_id
        FROM rare e JOIN onefin.topic t ON t.id = e.topic_id
        WHERE e.kind = 'document.downloaded' OR e.kind = 'document.presigned' AND e.detail ->> 'variant' <> 'preview') f;
END;
COMMENT ON FUNCTION onefin.kpi_facts(bigint, bigint, text) IS
    'What the entries of the seals after..to say for the figures: n of what, of a person (NULL: of none), a company and a direction, on a day of the zone; of an ended wait how long it was, in microseconds';

-- Adding facts, and comparing what was kept with what they add up to, is the same for people and for
-- companies: both functions are made here of the columns of the two tables.
--
-- Parts: 200 durations, before what is added at a time, so that of a busy day little is written anew.
DO $make$
DECLARE
    scope record;
    adding text := '';
    comparing text := '';
    counted text := '';
    found text := '';
BEGIN
    FOR scope IN SELECT s.name, s.keys, s.counted, c.* FROM (VALUES
            ('staff', 'account_id', 'account_id IS NOT NULL'), ('org', 'org_id, kind_id', 'true')) s (name, keys, counted),
        LATERAL (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) AS columns,
            string_agg('k.' || a.attname, ', ' ORDER BY a.attnum) AS kept,
            string_agg('f.' || a.attname, ', ' ORDER BY a.attnum) AS fresh,
            string_agg(format('%1$s = k.%1$s + excluded.%1$s', a.attname), ', ' ORDER BY a.attnum) AS add,
            string_agg(format('%1$s = excluded.%1$s', a.attname), ', ' ORDER BY a.attnum) AS put,
            string_agg(format(CASE
                WHEN a.attname ~ '^(first|next|resolution)_sum$' THEN 'coalesce(sum(duration) FILTER (WHERE what = %L), 0)::bigint AS %s'
                WHEN a.attname LIKE '%\_targets' THEN '(count(target) FILTER (WHERE what = %L))::integer AS %s'
                WHEN a.attname LIKE '%\_kept' THEN '(count(*) FILTER (WHERE what = %L AND duration <= target))::integer AS %s'
                ELSE 'coalesce(sum(n) FILTER (WHERE what = %L), 0)::integer AS %s' END,
                regexp_replace(a.attname, '^(first|next|resolution)_.*', '\1'), a.attname), ', ' ORDER BY a.attnum) AS tally
            FROM pg_attribute a WHERE a.attrelid = format('onefin.kpi_%s_day', s.name)::regclass AND a.attnum > 0 AND NOT a.attisdropped
                AND a.attname <> ALL (string_to_array(s.keys, ', ') || '{day,month}'::text[])) c
    LOOP
        adding := adding || replace(format($sql$,
            %1$s_day AS (
                INSERT INTO onefin.kpi_%1$s_day AS k (%2$s, day, %3$s)
                SELECT %2$s, day, %4$s FROM fact WHERE %5$s GROUP BY %2$s, day
                ON CONFLICT (%2$s, day) DO UPDATE SET %6$s),
            %1$s_duration AS (
                INSERT INTO onefin.kpi_%1$s_duration AS k (%2$s, day, kind, part, durations)
                SELECT %2$s, day, f.what, coalesce((
                    SELECT CASE f.what WHEN 'first' THEN d.first_count WHEN 'next' THEN d.next_count ELSE d.resolution_count END / 200
                    FROM onefin.kpi_%1$s_day d WHERE SAME(d, f) AND d.day = f.day), 0), f.durations
                FROM (SELECT %2$s, day, what, array_agg(duration) AS durations FROM fact
                    WHERE duration IS NOT NULL AND %5$s GROUP BY %2$s, day, what) f
                ON CONFLICT (%2$s, day, kind, part) DO UPDATE SET durations = k.durations || excluded.durations)$sql$,
            scope.name, scope.keys, scope.columns, scope.tally, scope.counted, scope.add),
            'SAME(d, f)', (SELECT string_agg(format('d.%1$s = f.%1$s', c), ' AND ') FROM unnest(string_to_array(scope.keys, ', ')) c));
        comparing := comparing || format($sql$,
            %1$s_day AS MATERIALIZED (
                SELECT %2$s, day, %4$s FROM fact WHERE %5$s GROUP BY %2$s, day),
            %1$s_day_wrong AS MATERIALIZED (
                SELECT %2$s, day, f.day IS NULL AS alien FROM onefin.kpi_%1$s_day k FULL JOIN %1$s_day f USING (%2$s, day)
                WHERE (%6$s) IS DISTINCT FROM (%7$s)),
            %1$s_day_gone AS (
                DELETE FROM onefin.kpi_%1$s_day WHERE (%2$s, day) IN (SELECT %2$s, day FROM %1$s_day_wrong WHERE alien)),
            %1$s_day_put AS (
                INSERT INTO onefin.kpi_%1$s_day (%2$s, day, %3$s)
                SELECT %2$s, day, %7$s FROM %1$s_day f JOIN %1$s_day_wrong USING (%2$s, day)
                ON CONFLICT (%2$s, day) DO UPDATE SET %8$s),
            %1$s_duration AS MATERIALIZED (
                SELECT %2$s, day, what AS kind, array_agg(duration ORDER BY duration) AS durations FROM fact
                WHERE duration IS NOT NULL AND %5$s GROUP BY %2$s, day, what),
            %1$s_duration_wrong AS MATERIALIZED (
                SELECT %2$s, day, kind, f.day IS NULL AS alien
                FROM (SELECT %2$s, day, kind, array_agg(d ORDER BY d) AS durations FROM onefin.kpi_%1$s_duration, unnest(durations) d
                    GROUP BY %2$s, day, kind) k FULL JOIN %1$s_duration f USING (%2$s, day, kind)
                WHERE k.durations IS DISTINCT FROM f.durations),
            %1$s_duration_gone AS (
                DELETE FROM onefin.kpi_%1$s_duration WHERE (%2$s, day, kind) IN (SELECT %2$s, day, kind FROM %1$s_duration_wrong WHERE alien)
                    OR part > 0 AND (%2$s, day, kind) IN (SELECT %2$s, day, kind FROM %1$s_duration_wrong)),
            %1$s_duration_put AS (
                INSERT INTO onefin.kpi_%1$s_duration (%2$s, day, kind, part, durations)
                SELECT %2$s, day, kind, 0, f.durations FROM %1$s_duration f JOIN %1$s_duration_wrong USING (%2$s, day, kind)
                ON CONFLICT (%2$s, day, kind, part) DO UPDATE SET durations = excluded.durations)$sql$,
            scope.name, scope.keys, scope.columns, scope.tally, scope.counted, scope.kept, scope.fresh, scope.put);
        counted := counted || format(' + (SELECT count(*) FROM %1$s_day) + (SELECT count(*) FROM %1$s_duration)', scope.name);
        found := found || format($sql$
            UNION ALL SELECT jsonb_build_object('table', 'kpi_%1$s_day') || to_jsonb(w) - 'alien' FROM %1$s_day_wrong w
            UNION ALL SELECT jsonb_build_object('table', 'kpi_%1$s_duration') || to_jsonb(w) - 'alien' FROM %1$s_duration_wrong w$sql$, scope.name);
    END LOOP;
    EXECUTE format($sql$
        CREATE FUNCTION onefin.kpi_add("after" bigint, "to" bigint, zone text) RETURNS void LANGUAGE plpgsql
        SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET jit = off
        SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_memoize = off SET enable_sort = off AS $$
        #variable_conflict use_column
        BEGIN
            WITH fact AS MATERIALIZED (SELECT * FROM onefin.kpi_facts(kpi_add."after", kpi_add."to", kpi_add.zone))%s
            INSERT INTO onefin.kpi_download (entry_id, at, account_id, org_id, kind_id, document_id)
            SELECT entry_id, at, account_id, org_id, kind_id, document_id FROM fact WHERE what = 'downloads'
            ON CONFLICT DO NOTHING; -- of an entry that is sealed twice, since somebody took its seal away
        END
        $$$sql$, adding);
    EXECUTE format($sql$
        CREATE FUNCTION onefin.kpi_compare("to" bigint, zone text) RETURNS jsonb LANGUAGE plpgsql
        SET search_path = pg_catalog, pg_temp AS $$
        #variable_conflict use_column
        DECLARE
            verdict jsonb;
        BEGIN
            WITH fact AS MATERIALIZED (SELECT * FROM onefin.kpi_facts(0, kpi_compare."to", kpi_compare.zone))%s,
            download AS MATERIALIZED (SELECT entry_id, at, account_id, org_id, kind_id, document_id FROM fact WHERE what = 'downloads'),
            download_wrong AS MATERIALIZED (
                SELECT entry_id, f.entry_id IS NULL AS alien FROM onefin.kpi_download k FULL JOIN download f USING (entry_id)
                WHERE (k.at, k.account_id, k.org_id, k.kind_id, k.document_id)
                    IS DISTINCT FROM (f.at, f.account_id, f.org_id, f.kind_id, f.document_id)),
            download_gone AS (
                DELETE FROM onefin.kpi_download WHERE entry_id IN (SELECT entry_id FROM download_wrong WHERE alien)),
            download_put AS (
                INSERT INTO onefin.kpi_download (entry_id, at, account_id, org_id, kind_id, document_id)
                SELECT entry_id, f.at, f.account_id, f.org_id, f.kind_id, f.document_id FROM download f JOIN download_wrong USING (entry_id)
                ON CONFLICT (entry_id) DO UPDATE SET at = excluded.at, account_id = excluded.account_id, org_id = excluded.org_id,
                    kind_id = excluded.kind_id, document_id = excluded.document_id),
            wrong (place) AS (
                SELECT jsonb_build_object('table', 'kpi_download') || to_jsonb(w) - 'alien' FROM download_wrong w%s)
            SELECT jsonb_build_object('seal', kpi_compare."to", 'rows', (SELECT count(*) FROM download)%s,
                'wrong', (SELECT count(*) FROM wrong),
                'first', (SELECT coalesce(jsonb_agg(place), '[]') FROM (SELECT place FROM wrong ORDER BY place LIMIT 10) w))
            INTO verdict;
            RETURN verdict;
        END
        $$$sql$, comparing, found, counted);
END
$make$;
COMMENT ON FUNCTION onefin.kpi_add(bigint, bigint, text) IS 'Adds the facts of the seals after..to to the figures; for onefin.kpi_step() only';
COMMENT ON FUNCTION onefin.kpi_compare(bigint, text) IS
    'Makes the figures up to a seal anew from the facts, compares row by row, and puts right what differs; for onefin.kpi_rebuild() only';

-- The state's row is made by the first step, not by this script: a restore brings its own.
CREATE FUNCTION onefin.kpi_step(entries integer) RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    state onefin.kpi_state;
    zone constant text := onefin.firm_zone();
    upto bigint;
    more boolean;
BEGIN
    SELECT * INTO state FROM onefin.kpi_state FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        INSERT INTO onefin.kpi_state (seal, time_zone) VALUES (0, zone) ON CONFLICT DO NOTHING;
        RETURN CASE WHEN FOUND THEN true END;
    ELSIF state.time_zone <> zone THEN
        DELETE FROM onefin.kpi_staff_day;
        DELETE FROM onefin.kpi_staff_duration;
        DELETE FROM onefin.kpi_org_day;
        DELETE FROM onefin.kpi_org_duration;
        DELETE FROM onefin.kpi_download;
        state.seal := 0;
    END IF;
    SELECT max(number) FILTER (WHERE before < kpi_step.entries), coalesce(bool_or(before >= kpi_step.entries), false) OR count(*) = 100
    INTO upto, more
    FROM (SELECT number, sum(n) OVER (ORDER BY number) - n AS before
        FROM (SELECT number, cardinality(entries) AS n FROM onefin.seal WHERE number > state.seal ORDER BY number LIMIT 100) s) s;
    IF upto IS NOT NULL THEN
        PERFORM onefin.kpi_add(state.seal, upto, zone);
    END IF;
    UPDATE onefin.kpi_state SET seal = coalesce(upto, state.seal), time_zone = zone
    WHERE (seal, time_zone) IS DISTINCT FROM (coalesce(upto, state.seal), zone);
    RETURN more;
END
$$;
COMMENT ON FUNCTION onefin.kpi_step(integer) IS
    'Takes the next seals into the figures, until so many entries are reached: whether there are more, NULL while somebody else is at it. Called by the worker';

CREATE FUNCTION onefin.kpi_rebuild() RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_kpi_rebuild';
COMMENT ON FUNCTION onefin.kpi_rebuild() IS
    'Makes the figures anew from the journal, compares row by row with those that are kept, and puts them right: {seal, rows, wrong, first: [{table, and the row''s key}]}, at most 10 of these; for admins and superusers';

CREATE FUNCTION onefin.percentiles_add(internal, bigint[], double precision[]) RETURNS internal
    LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'onefin_percentiles_add';
COMMENT ON FUNCTION onefin.percentiles_add(internal, bigint[], double precision[]) IS 'Takes values in, for percentiles()';
CREATE FUNCTION onefin.percentiles_end(internal) RETURNS double precision[]
    LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'onefin_percentiles_end';
COMMENT ON FUNCTION onefin.percentiles_end(internal) IS 'The answer of percentiles()';
CREATE AGGREGATE onefin.percentiles(bigint[], double precision[]) (
    SFUNC = onefin.percentiles_add, STYPE = internal, FINALFUNC = onefin.percentiles_end, PARALLEL = SAFE);
COMMENT ON AGGREGATE onefin.percentiles(bigint[], double precision[]) IS
    'percentile_cont() of the values of all arrays together, for each fraction; NULL when there are none';
