-- Figures: every column against a firm whose times are known, days in any zone, who sees what, exactly once,
-- and made anew from the journal.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm
CREATE ROLE regress_analyst IN ROLE onefin_analyst;
CREATE PROCEDURE t.kept() LANGUAGE plpgsql AS $$
DECLARE
    give_up constant timestamptz := clock_timestamp() + interval '60 seconds';
BEGIN
    CALL t.sealed();
    WHILE NOT EXISTS (SELECT FROM onefin.kpi_state WHERE seal = onefin.position()
        AND time_zone = (SELECT value #>> '{}' FROM onefin.setting_now WHERE name = 'time_zone')) LOOP
        IF clock_timestamp() > give_up THEN
            RAISE 'the figures are not kept up';
        END IF;
        PERFORM pg_sleep(0.01);
        COMMIT;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE t.kept() IS 'Waits until every entry is in the figures';

-- The past, written by hand as the calls write it: what was said, who waited how long, what was marked.
-- Times are Tashkent's. Tickets 1 and 2 are of Alfa, 3 is of Beta.
SET session_replication_role = replica;
CREATE FUNCTION t.tell(kind text, at timestamptz, actor bigint, topic bigint, subject bigint, detail jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO onefin.journal (id, xact, at, actor_id, org_id, topic_id, subject_id, kind, audience, db_user, detail)
    SELECT nextval('onefin.journal_id_seq'), pg_current_xact_id(), at, actor, t.org_id, topic, subject, kind, 'org', 'x', detail
    FROM onefin.topic t WHERE t.id = topic;
    SELECT onefin.wake_sealer()
$$;
CREATE FUNCTION t.say(at timestamptz, author bigint, topic bigint, visibility text, detail jsonb DEFAULT NULL, kind text DEFAULT 'message.sent')
    RETURNS void LANGUAGE sql AS $$
    WITH m AS (
        INSERT INTO onefin.message (id, org_id, topic_id, ticket_id, author_id, at, version, imported, author_role, author_name, visibility, text)
        SELECT nextval('onefin.message_id_seq'), t.org_id, t.id, 1, a.id, at, 1, false, a.role, a.name, visibility, 'secret'
        FROM onefin.topic t, onefin.account a WHERE t.id = topic AND a.id = author RETURNING id)
    SELECT t.tell(kind, at, author, topic, id, detail) FROM m
$$;
CREATE FUNCTION t.wait(topic bigint, kind text, outcome text, responder bigint, ended timestamptz, seconds integer, target integer,
    missed boolean DEFAULT false, imported boolean DEFAULT false) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO onefin.wait (id, org_id, topic_id, ticket_id, message_id, responder_id, started_at, ended_at, target, duration, paused,
        breached_at, kind_id, imported, kind, outcome)
    SELECT nextval('onefin.wait_id_seq'), t.org_id, t.id, 1, 1, responder, coalesce(ended, now()) - interval '1 day', ended, target * 1000000::bigint,
        seconds * 1000000::bigint, 0, CASE WHEN missed THEN ended END, t.kind_id, imported, kind, outcome
    FROM onefin.topic t WHERE t.id = topic RETURNING id
$$;
CREATE FUNCTION t.answer(at timestamptz, author bigint, topic bigint, kind text, seconds integer, target integer DEFAULT NULL,
    missed boolean DEFAULT false, imported boolean DEFAULT false) RETURNS void LANGUAGE sql AS $$
    SELECT t.say(at, author, topic, 'all', jsonb_build_object('answered',
        t.wait(topic, kind, 'answered', author, at, seconds, target, missed, imported)),
        CASE WHEN imported THEN 'message.imported' ELSE 'message.sent' END)
$$;
INSERT INTO onefin.ticket (org_id, topic_id, state, opened_at, opened_by, closed_at, closed_how, closed_by, accountable_id) VALUES
    (1, 1, 'closed', '2026-09-30 23:00+05', 6, '2026-10-01 12:00+05', 'person', 4, 4),
    (1, 2, 'closed', '2026-10-01 09:00+05', 4, '2026-10-03 12:00+05', 'silence', NULL, 4),
    (2, 6, 'open', '2026-10-01 10:00+05', 7, NULL, NULL, NULL, NULL);
SELECT t.tell('ticket.opened', now(), opened_by, topic_id, id, '{"state": "open"}') FROM onefin.ticket;
SELECT t.say('2026-09-30 23:00+05', 6, 1, 'all', '{"started": 1}'), t.say('2026-10-01 08:00+05', 6, 1, 'all'),
    t.say('2026-10-01 08:30+05', 4, 1, 'staff'), t.say('2026-10-01 09:00+05', 4, 2, 'all'), t.say('2026-10-01 10:00+05', 7, 6, 'all');
-- acc1 on the last evening of September and on October 1: first responses, with and without a target, later ones.
SELECT t.answer('2026-09-30 23:59:59+05', 4, 1, 'first', 50, 600);
SELECT t.answer('2026-10-01 00:00+05', 4, 1, 'first', 60, 600), t.answer('2026-10-01 10:00+05', 4, 1, 'first', 120, 600),
    t.answer('2026-10-01 10:01+05', 4, 2, 'first', 600, 600), t.answer('2026-10-01 10:02+05', 4, 2, 'first', 1200, 600, true),
    t.answer('2026-10-01 10:03+05', 4, 2, 'first', 30, NULL, false, true),
    t.answer('2026-10-01 10:04+05', 4, 1, 'next', 10), t.answer('2026-10-01 10:05+05', 4, 1, 'next', 20);
SELECT t.answer('2026-10-02 10:00+05', 4, 1, 'next', 300);
-- Rounds that ended: by acc1, who leaves one question unanswered; by silence.
SELECT t.tell('ticket.changed', '2026-10-01 11:00+05', 4, 1, 1, '{"state": "waiting_client"}'),
    t.tell('ticket.changed', '2026-10-01 11:30+05', 4, 1, 1, '{"state": "open"}'),
    t.tell('ticket.changed', '2026-10-01 12:00+05', 4, 1, 1, jsonb_build_object('state', 'closed', 'how', 'person', 'accountable', 4,
        'resolution', t.wait(1, 'resolution', 'closed', 4, '2026-10-01 12:00+05', 9000, 7200, true),
        'unanswered', t.wait(1, 'next', 'closed', 4, '2026-10-01 12:00+05', NULL, 600))),
    t.tell('ticket.changed', '2026-10-03 12:00+05', NULL, 2, 2, jsonb_build_object('state', 'closed', 'how', 'silence', 'accountable', 4,
        'resolution', t.wait(2, 'resolution', 'silence', 4, '2026-10-02 12:00+05', 3600, 7200)));
-- What needed no answer, one of them a miss by then; what the client took back; what gave way; what is open.
SELECT t.tell('wait.dismissed', now(), 4, 1, t.wait(1, 'next', 'dismissed', NULL, '2026-10-02 13:00+05', NULL, 600), '{"why": "dismissed"}'),
    t.tell('wait.dismissed', now(), 1, 1, t.wait(1, 'next', 'dismissed', NULL, '2026-10-02 13:00+05', NULL, 600, true), '{"why": "dismissed"}'),
    t.tell('wait.dismissed', now(), 6, 1, t.wait(1, 'next', 'deleted', NULL, '2026-10-02 14:00+05', NULL, 600), '{"why": "deleted"}'),
    t.say('2026-10-02 15:00+05', 6, 1, 'all', jsonb_build_object('started', 2,
        'replaced', t.wait(1, 'next', 'replaced', NULL, '2026-10-02 15:00+05', NULL, NULL, false, true)));
SELECT t.wait(1, 'next', NULL, NULL, NULL, NULL, 600) > 0, t.wait(1, 'resolution', NULL, NULL, NULL, NULL, 600) > 0, t.wait(6, 'first', NULL, NULL, NULL, NULL, 600) > 0;
-- Documents: one processed; one returned, then processed by another; one processed, then returned the next month.
INSERT INTO onefin.document (id, org_id, topic_id, uploader_id, uploader_name, by_client, name, type, size, sha256, store_key, at, state)
SELECT nextval('onefin.document_id_seq'), 1, 1, 6, 'Ali', true, 'secret.pdf', 'application/pdf', 7, sha256('x'), 'key' || n, '2026-10-01 09:00+05', 'ready' FROM generate_series(1, 3) n;
CREATE FUNCTION t.mark(document bigint, mark text, account bigint, at timestamptz) RETURNS void LANGUAGE sql AS $$
    WITH m AS (INSERT INTO onefin.document_mark (document_id, org_id, at, account_id, account_name, mark) VALUES (document, 1, at, account, 'x', mark) RETURNING id)
    SELECT t.tell('document.' || mark, at, account, 1, document, jsonb_build_object('mark', id)) FROM m
$$;
SELECT t.mark(1, 'processed', 4, '2026-10-01 10:00+05'), t.mark(2, 'returned', 4, '2026-10-01 10:00+05');
SELECT t.mark(2, 'processed', 2, '2026-10-02 10:00+05'), t.mark(3, 'processed', 4, '2026-10-01 10:00+05');
CALL t.kept();
SELECT t.mark(3, 'returned', 4, '2026-11-01 10:00+05');
-- Downloads: the file twice, once by an address of the store; previews and refusals are none.
SELECT t.tell('document.downloaded', '2026-10-01 10:00+05', 4, 1, 1, '{"variant": "file"}'), t.tell('document.presigned', '2026-10-01 10:00+05', 4, 1, 1, '{"variant": "file"}'),
    t.tell('document.presigned', '2026-10-01 10:00+05', 4, 1, 1, '{"variant": "preview"}'), t.tell('document.previewed', '2026-10-01 10:00+05', 4, 1, 1, '{"variant": "preview"}'),
    t.tell('document.refused', '2026-10-01 10:00+05', 4, 1, 1, '{"variant": "file"}'), t.tell('document.downloaded', '2026-10-01 10:00+05', 6, 1, 1, '{"variant": "file"}');
-- Ratings: changed twice, in the end positive and on the day of the first; another.
CREATE FUNCTION t.rate(ticket bigint, topic bigint, score integer, previous integer, first_at timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO onefin.rating (ticket_id, org_id, topic_id, accountable_id, account_id, at, first_at, score, comment) VALUES (ticket, 1, topic, 4, 6, now(), first_at, score, 'secret');
    SELECT t.tell('rating.given', now(), 6, topic, ticket, jsonb_build_object('score', score, 'previous', previous, 'accountable', 4))
$$;
SELECT t.rate(1, 1, 5, NULL, '2026-10-01 13:00+05'), t.rate(1, 1, 2, 5, '2026-10-01 13:00+05'), t.rate(2, 2, 2, NULL, '2026-10-03 13:00+05');
CALL t.kept();
SELECT t.rate(1, 1, 4, 2, '2026-10-01 13:00+05');
RESET session_replication_role;
CALL t.kept();

-- Every column. 30, 60, 120, 600, 1200 s; 10, 20, 300 s; all of them; 3600, 9000 s.
\x on
SELECT * FROM onefin_kpi.staff_month WHERE month = '2026-10-01' AND account_id = 4;
SELECT * FROM onefin_kpi.staff_day WHERE day = '2026-10-01' AND account_id = 4;
SELECT * FROM onefin_kpi.org_month WHERE month = '2026-10-01' AND org_id = 1;
SELECT * FROM onefin_kpi.kind_month WHERE month = '2026-10-01' AND kind = 'contract';
\x off
-- The others: what there is none of is null (stripped here), not 0.
CREATE FUNCTION t.brief(r jsonb) RETURNS jsonb LANGUAGE sql
RETURN (SELECT jsonb_object_agg(key, value) FROM jsonb_each(jsonb_strip_nulls(r)) WHERE value <> '0');
SELECT t.brief(to_jsonb(v)) FROM onefin_kpi.staff_month v WHERE (month, account_id) <> ('2026-10-01', 4) ORDER BY month, account_id;
SELECT t.brief(to_jsonb(v)) FROM onefin_kpi.staff_day v WHERE (day, account_id) <> ('2026-10-01', 4) ORDER BY day, account_id;
SELECT t.brief(to_jsonb(v)) FROM onefin_kpi.org_month v WHERE (month, org_id) <> ('2026-10-01', 1) ORDER BY month, org_id;
SELECT t.brief(to_jsonb(v)) FROM onefin_kpi.kind_month v WHERE (month, kind) <> ('2026-10-01', 'contract') ORDER BY month, kind;
-- The rows behind them.
SELECT t.shown(jsonb_strip_nulls(to_jsonb(v))::text) FROM onefin_kpi.waits v WHERE id IN (1, 5, 11, 13, 16, 17) ORDER BY id;
SELECT t.shown(jsonb_strip_nulls(to_jsonb(v))::text) FROM onefin_kpi.tickets v ORDER BY id;
SELECT t.shown(jsonb_strip_nulls(to_jsonb(v))::text) FROM onefin_kpi.ratings v ORDER BY ticket_id;
SELECT t.shown(jsonb_strip_nulls(to_jsonb(v))::text) FROM onefin_kpi.documents v ORDER BY id;
SELECT t.shown(jsonb_strip_nulls(to_jsonb(v) - 'id')::text) FROM onefin_kpi.downloads v ORDER BY id;

-- The same by plain statements over the rows themselves: no difference.
CREATE VIEW t.plain AS
    SELECT date_trunc('month', w.ended_at AT TIME ZONE s.time_zone)::date AS month, w.responder_id,
        count(w.duration), round((avg(w.duration) / 1e6)::numeric, 6) AS mean,
        round((percentile_cont(0.5) WITHIN GROUP (ORDER BY w.duration) / 1e6)::numeric, 6) AS median,
        round((percentile_cont(0.9) WITHIN GROUP (ORDER BY w.duration) / 1e6)::numeric, 6) AS p90,
        round(count(*) FILTER (WHERE w.duration <= w.target)::numeric / nullif(count(w.target), 0), 6) AS within
    FROM onefin.wait w, onefin.kpi_state s WHERE w.kind <> 'resolution' AND w.duration IS NOT NULL GROUP BY 1, 2;
CREATE VIEW t.figures AS
    SELECT month, account_id, response_count, round(response_mean::numeric, 6) AS mean, round(response_median::numeric, 6) AS median,
        round(response_p90::numeric, 6) AS p90, round(response_within::numeric, 6) AS within FROM onefin_kpi.staff_month WHERE response_count > 0;
SELECT count(*) FROM t.figures;
TABLE t.figures EXCEPT TABLE t.plain;
TABLE t.plain EXCEPT TABLE t.figures;
-- Many durations of a day stand in parts; median and p90 go over all of them.
SET session_replication_role = replica;
DO $$
BEGIN
    FOR i IN 1..9 LOOP
        PERFORM t.answer('2026-10-05 10:00+05', 5, 6, 'first', i * 100 + n) FROM generate_series(1, 60) n;
        COMMIT;
        CALL t.kept();
    END LOOP;
END
$$;
RESET session_replication_role;
SELECT count(DISTINCT part) > 1, sum(cardinality(durations)) FROM onefin.kpi_staff_duration WHERE account_id = 5;
TABLE t.figures EXCEPT TABLE t.plain;
TABLE t.plain EXCEPT TABLE t.figures;
SELECT onefin.percentiles(v, '{0,0.5,0.9,1}') FROM (VALUES ('{3,1}'::bigint[]), ('{}'), (NULL), ('{2,10}')) x (v);
SELECT onefin.percentiles(v, '{0.5}') FROM (VALUES ('{}'::bigint[]), (NULL)) x (v);
SELECT onefin.percentiles('{1}', '{1.5}');

-- In another zone another day; the worker makes all anew.
SELECT t.call('boss', 'settings', '{"name": "time_zone", "value": "UTC"}', '{settings,time_zone}');
CALL t.kept();
SELECT day, first_count, messages FROM onefin_kpi.staff_day WHERE account_id = 4 ORDER BY day;
TABLE t.figures EXCEPT TABLE t.plain;
TABLE t.plain EXCEPT TABLE t.figures;
SELECT onefin.kpi_rebuild() - 'seal';
SELECT t.call('boss', 'settings', '{"name": "time_zone", "value": "Pacific/Kiritimati"}', '{settings,time_zone}');
CALL t.kept();
SELECT day, first_count, messages FROM onefin_kpi.staff_day WHERE account_id = 4 ORDER BY day;
SELECT t.call('boss', 'settings', '{"name": "time_zone", "value": "Asia/Tashkent"}', '{settings,time_zone}');
CALL t.kept();

-- By the calls: a question, an answer, a document.
SELECT t.call('bek', 'send', '{"topic": 7, "text": "?"}', '{message,org}'), t.call('acc2', 'send', '{"topic": 7, "text": "!"}', '{message,org}');
SELECT t.upload('bek', 7, 'a.pdf') AS document \gset
SELECT t.call('bek', 'send', jsonb_build_object('topic', 7, 'documents', ARRAY[:document]::bigint[]), '{message,org}'),
    t.call('acc2', 'process', jsonb_build_object('document', :document, 'mark', 'processed'), '{document,state}'),
    t.answer(onefin.file_get('acc2', :document), '{type}'), t.call('acc2', 'close', '{"topic": 7}', '{state}');
CALL t.kept();
SELECT t.brief(to_jsonb(v) - '{month,first_mean,first_median,first_p90,response_mean,response_median,response_p90,resolution_mean,resolution_median,resolution_p90}'::text[])
    FROM onefin_kpi.staff_month v WHERE month > '2026-10-31' AND account_id = 5;

-- Made anew: nothing differs. What somebody spoils is found and put right.
SELECT onefin.kpi_rebuild() - 'seal' - 'rows';
CREATE TABLE t.right AS SELECT 1 AS n, to_jsonb(k) AS r FROM onefin.kpi_staff_day k UNION ALL SELECT 2, to_jsonb(k) FROM onefin.kpi_org_day k
    UNION ALL SELECT 3, to_jsonb(k) FROM onefin.kpi_download k
    UNION ALL SELECT 4, jsonb_agg(d ORDER BY d) FROM onefin.kpi_staff_duration, unnest(durations) d GROUP BY account_id, day, kind
    UNION ALL SELECT 5, jsonb_agg(d ORDER BY d) FROM onefin.kpi_org_duration, unnest(durations) d GROUP BY org_id, kind_id, day, kind;
UPDATE onefin.kpi_staff_day SET messages = messages + 1 WHERE (account_id, day) = (4, '2026-10-01');
DELETE FROM onefin.kpi_org_day WHERE (org_id, kind_id, day) = (1, 2, '2026-10-01');
INSERT INTO onefin.kpi_staff_duration VALUES (4, '2026-12-31', 'first', 0, '{1}');
INSERT INTO onefin.kpi_staff_duration SELECT account_id, day, kind, 7, '{1}' FROM onefin.kpi_staff_duration WHERE (account_id, day) = (5, '2026-10-05');
UPDATE onefin.kpi_org_duration SET durations = durations[2:] WHERE (org_id, kind_id, day) = (2, 1, '2026-10-05');
DELETE FROM onefin.kpi_org_duration WHERE (org_id, kind_id, day) = (1, 2, '2026-10-01');
DELETE FROM onefin.kpi_download WHERE account_id = 6;
INSERT INTO onefin.kpi_download VALUES (0, now(), 4, 1, 1, 1);
SELECT onefin.kpi_rebuild() - 'seal' - 'rows' #- '{first,0,entry_id}' #- '{first,1,entry_id}' #- '{first,2,entry_id}';
SELECT onefin.kpi_rebuild() - 'seal' - 'rows';
SELECT count(*) > 20 FROM t.right;
TABLE t.right EXCEPT (SELECT 1 AS n, to_jsonb(k) AS r FROM onefin.kpi_staff_day k UNION ALL SELECT 2, to_jsonb(k) FROM onefin.kpi_org_day k
    UNION ALL SELECT 3, to_jsonb(k) FROM onefin.kpi_download k
    UNION ALL SELECT 4, jsonb_agg(d ORDER BY d) FROM onefin.kpi_staff_duration, unnest(durations) d GROUP BY account_id, day, kind
    UNION ALL SELECT 5, jsonb_agg(d ORDER BY d) FROM onefin.kpi_org_duration, unnest(durations) d GROUP BY org_id, kind_id, day, kind);
-- By an admin, and by nobody else.
SET SESSION AUTHORIZATION regress_boss;
SELECT onefin.kpi_rebuild() - 'seal' - 'rows';
SET SESSION AUTHORIZATION regress_sup1;
SELECT onefin.kpi_rebuild();
RESET SESSION AUTHORIZATION;

-- What goes wrong in the figures does not hurt sealing, and is made up for.
CREATE FUNCTION t.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no figures today'; END $$;
CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON onefin.kpi_org_day FOR EACH ROW EXECUTE FUNCTION t.fail();
SELECT t.call('bek', 'send', '{"topic": 8, "text": "?"}', '{message,org}');
CALL t.sealed();
DROP TRIGGER fail ON onefin.kpi_org_day;
CALL t.kept();
SELECT messages_client FROM onefin.kpi_org_day WHERE (org_id, kind_id) = (2, 3);
-- Seals that somebody takes away: what they sealed is sealed again, and counted again; made anew, it counts once.
SELECT t.call('bek', 'send', '{"topic": 8, "text": "?"}', '{message,org}');
CALL t.kept();
SELECT t.answer(onefin.file_get('acc2', :document), '{type}');
CALL t.kept();
BEGIN;
ALTER TABLE onefin.seal DISABLE TRIGGER refuse;
DELETE FROM onefin.seal WHERE number >= (SELECT max(number) - 1 FROM onefin.seal);
ALTER TABLE onefin.seal ENABLE ALWAYS TRIGGER refuse;
COMMIT;
SELECT t.call('bek', 'send', '{"topic": 8, "text": "?"}', '{message,org}');
CALL t.kept();
SELECT messages_client FROM onefin.kpi_org_day WHERE (org_id, kind_id) = (2, 3);
SELECT (onefin.kpi_rebuild() ->> 'wrong')::integer > 0;
SELECT messages_client FROM onefin.kpi_org_day WHERE (org_id, kind_id) = (2, 3);

-- Who sees which rows: of each view how many, or that it is not theirs.
CREATE FUNCTION t.count(view text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM onefin_kpi.%I', view) INTO n;
    RETURN n;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN 'no';
END
$$;
CREATE TABLE t.view AS SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'onefin_kpi'::regnamespace AND relkind = 'v';
GRANT SELECT ON t.view TO PUBLIC;
SELECT format('SET SESSION AUTHORIZATION regress_%s; SELECT %L, string_agg(name || '' '' || t.count(name), '', '' ORDER BY name) FROM t.view', who, who)
    FROM unnest('{boss,sup1,sup2,acc1,acc2,ali,analyst}'::text[]) who \gexec
RESET SESSION AUTHORIZATION;
-- An accountant sees figures and waits of their own, a supervisor the department's; not those of a former company.
SET SESSION AUTHORIZATION regress_acc1;
SELECT DISTINCT account_id, account FROM onefin_kpi.staff_day;
SET SESSION AUTHORIZATION regress_sup1;
SELECT DISTINCT account_id, account FROM onefin_kpi.staff_month ORDER BY 1;
SELECT DISTINCT org_id, org FROM onefin_kpi.waits;
RESET SESSION AUTHORIZATION;
-- No word that anybody wrote is in a view, whoever looks.
SET SESSION AUTHORIZATION regress_analyst;
SELECT format('SELECT count(*) FROM onefin_kpi.%I v WHERE v::text LIKE ''%%secret%%''', name) FROM t.view ORDER BY name \gexec
RESET SESSION AUTHORIZATION;
-- Every view and column says what it is.
SELECT c.relname, a.attname FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'onefin_kpi'::regnamespace AND c.relkind = 'v'
    AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL);

-- The call.
SELECT who, r ->> 'month', r ->> 'time_zone', jsonb_path_query_array(r, '$.staff[*].account') AS staff, jsonb_path_query_array(r, '$.orgs[*].org') AS orgs,
    jsonb_path_query_array(r, '$.kinds[*].kind') AS kinds, jsonb_path_query_array(r, '$.days[*].day') AS days
FROM unnest('{boss,sup1,acc1,acc2}'::text[]) WITH ORDINALITY w (who, place), LATERAL (SELECT onefin.call(who, 'kpi', '{"month": "2026-10-09"}') -> 'result' AS r) r ORDER BY place;
SELECT who, account, jsonb_path_query_array(onefin.call(who, 'kpi', jsonb_build_object('month', '2026-10-01', 'account', account)), '$.result.days[*].account') AS days
FROM (VALUES ('boss', 4), ('sup1', 4), ('sup2', 4), ('acc2', 4)) v (who, account);
SELECT t.call('ali', 'kpi');
SELECT r ->> 'month' = to_char(now() AT TIME ZONE 'Asia/Tashkent', 'YYYY-MM-01') AND (r -> 'seal')::bigint = onefin.position()
FROM (SELECT onefin.call('boss', 'kpi') -> 'result' AS r) r;
SELECT r #> '{staff,0}' = to_jsonb(v) FROM (SELECT onefin.call('acc1', 'kpi', '{"month": "2026-10-01"}') -> 'result' AS r) r,
    onefin_kpi.staff_month v WHERE v.month = '2026-10-01' AND v.account_id = 4;

-- Who is disabled sees nothing.
UPDATE onefin.account SET disabled_at = now() WHERE id IN (1, 2, 4);
SELECT format('SET SESSION AUTHORIZATION regress_%s; SELECT %L, string_agg(name || '' '' || t.count(name), '', '' ORDER BY name) FROM t.view', who, who)
    FROM unnest('{boss,sup1,acc1}'::text[]) who \gexec
RESET SESSION AUTHORIZATION;
CALL t.leave();
