-- How waits are timed: policies, clocks that stand, warnings and misses, calendars, imports, silence, and ratings.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm
CREATE FUNCTION t.say(who text, topic bigint, visibility text DEFAULT 'all') RETURNS bigint LANGUAGE sql
RETURN (onefin.call(who, 'send', jsonb_build_object('topic', topic, 'text', who, 'visibility', visibility)) #>> '{result,message,id}')::bigint;
\pset tuples_only off
\pset footer off

INSERT INTO onefin.policy (kind_id, org_id, from_at, first_target, next_target, resolution_target, warn_share) VALUES (NULL, NULL, '2000-01-01', 3600e6, 1800e6, 86400e6, 0.8),
    (2, NULL, '2000-01-01', 60e6, NULL, NULL, 0.8), (NULL, 1, '2000-01-01', 120e6, NULL, NULL, 0.8), (2, 1, '2000-01-01', 30e6, NULL, NULL, 0.5),
    (NULL, 2, '2020-01-01', 240e6, NULL, NULL, 0.8), (NULL, 2, '2019-01-01', 480e6, NULL, NULL, 0.8), (3, NULL, '2090-01-01', 1, 1, 1, 0.8);
SELECT t.say('ali', 1), t.say('ali', 2), t.say('bek', 6), t.say('bek', 7), t.say('bek', 8);
SELECT topic_id AS topic, w.kind, policy_id AS policy, target / 1000000 AS target, due_at - started_at AS due, warn_at - started_at AS warn FROM onefin.wait w ORDER BY id;
INSERT INTO onefin.policy (kind_id, org_id, first_target) VALUES (2, 1, 1);
SELECT policy_id AS policy, target / 1000000 AS target FROM onefin.wait WHERE topic_id = 2 AND kind = 'first';

-- The clock stands while the round waits for the client, and the wait is due so much later.
UPDATE onefin.wait SET started_at = started_at - interval '20 s';
SELECT t.call('acc1', 'await_client', '{"topic": 1}', '{state}');
SELECT kind, warn_at, due_at, paused_at IS NOT NULL AS paused FROM onefin.wait WHERE topic_id = 1 ORDER BY id;
UPDATE onefin.wait SET paused_at = paused_at - interval '10 s' WHERE topic_id = 1;
SELECT t.say('ali', 1);
SELECT kind, round(extract(epoch FROM due_at - started_at)) AS due, round(extract(epoch FROM warn_at - started_at)) AS warn, round(paused / 1e6) AS paused FROM onefin.wait WHERE topic_id = 1 ORDER BY id;
SELECT t.say('acc1', 1);
SELECT kind, outcome, round(duration / 1e6) AS duration FROM onefin.wait WHERE topic_id = 1 AND kind = 'first';

-- Open waits by urgency, for those who see the company.
SELECT who, (SELECT string_agg(concat_ws(' ', w ->> 'org_name', w ->> 'topic_kind', w ->> 'kind', round((w -> 'left')::numeric, -1), round((w -> 'waited')::numeric, -1), w ->> 'assigned'), '; ')
    FROM jsonb_array_elements(onefin.call(who, 'waits') #> '{result,waits}') w) AS waits FROM unnest('{boss,sup1,acc1,acc2}'::text[]) who;
SELECT t.call('ali', 'waits'), t.call('acc1', 'waits', '{"ended": true}', '{waits,0,outcome}'), t.call('boss', 'waits', '{"org": 2, "limit": 1}', '{waits,0,topic}');

-- Warned of before, and found to be a miss when it is due, once each, and told to staff; what ends between two looks is a miss, too.
SELECT count(*) FROM onefin.wait WHERE breached_at IS NOT NULL;
UPDATE onefin.wait SET started_at = started_at - interval '15 s', warn_at = now() - interval '1 s', due_at = now() + interval '1 hour' WHERE topic_id = 2 AND kind = 'first';
UPDATE onefin.wait SET started_at = started_at - interval '1 day', warn_at = now() - interval '1 s', due_at = now() - interval '1 s' WHERE topic_id = 6 AND kind = 'first';
CREATE PROCEDURE t.wait_for(what text, n bigint) LANGUAGE plpgsql AS $$
DECLARE
    found bigint;
BEGIN
    LOOP
        EXECUTE what INTO found;
        EXIT WHEN found >= n;
        COMMIT;
        PERFORM pg_sleep(0.05);
    END LOOP;
END
$$;
CALL t.wait_for($$SELECT count(*) FROM onefin.journal WHERE kind LIKE 'sla.%'$$, 3);
SELECT j.kind, j.audience, j.actor_id, j.account_id, w.topic_id AS topic, w.kind, j.at >= w.warn_at AS "not before" FROM onefin.journal j JOIN onefin.wait w ON w.id = j.subject_id WHERE j.kind LIKE 'sla.%' ORDER BY j.id;
UPDATE onefin.wait SET started_at = started_at - interval '1 day' WHERE topic_id = 7 AND kind = 'first';
SELECT t.say('acc2', 6), t.say('acc2', 7);
SELECT topic_id AS topic, outcome, warned_at IS NOT NULL AS warned, breached_at IS NOT NULL AS missed, duration > target AS over FROM onefin.wait WHERE kind = 'first' ORDER BY id;
SELECT kind, count(*), count(DISTINCT subject_id) FROM onefin.journal WHERE kind LIKE 'sla.%' GROUP BY 1 ORDER BY 1;
-- One that is dismissed keeps its miss.
UPDATE onefin.wait SET due_at = now() - interval '1 s' WHERE topic_id = 2 AND kind = 'first';
CALL t.wait_for($$SELECT count(*) FROM onefin.journal WHERE kind = 'sla.breached'$$, 3);
SELECT t.call('acc1', 'dismiss_wait', jsonb_build_object('wait', id), '{wait,outcome}') FROM onefin.wait WHERE topic_id = 2 AND kind = 'first';
SELECT outcome, breached_at IS NOT NULL AS missed, duration FROM onefin.wait WHERE topic_id = 2 AND kind = 'first';
-- An archived company is served no more: nobody is told.
SELECT t.say('ali', 3);
UPDATE onefin.org SET archived_at = now() WHERE id = 1;
UPDATE onefin.wait SET warn_at = now() - interval '1 s', due_at = now() - interval '1 s' WHERE topic_id = 3;
UPDATE onefin.wait SET warn_at = now() - interval '1 s' WHERE topic_id = 8 AND kind = 'first';
CALL t.wait_for($$SELECT count(*) FROM onefin.journal j JOIN onefin.wait w ON w.id = j.subject_id WHERE j.kind = 'sla.warned' AND w.topic_id = 8$$, 1);
SELECT count(*) FROM onefin.wait WHERE topic_id = 3 AND warned_at IS NOT NULL;
UPDATE onefin.org SET archived_at = NULL WHERE id = 1;

-- Under a calendar: measured and due in its time; when it changes, open waits are due anew. One without hours is never due.
INSERT INTO onefin.calendar (name, time_zone) VALUES ('Office', 'Asia/Tashkent'), ('Never', 'Asia/Tashkent');
INSERT INTO onefin.calendar_hours (calendar_id, weekday, hours) SELECT 1, d, '{00:00,24:00}' FROM generate_series(1, 7) d;
INSERT INTO onefin.calendar_use (calendar_id, org_id) VALUES (1, 2);
INSERT INTO onefin.calendar_use (calendar_id, org_id, kind_id) VALUES (2, 2, 5);
SELECT t.say('bek', 9), t.say('bek', 10);
SELECT topic_id AS topic, kind, calendar_id AS calendar, due_at - started_at AS due FROM onefin.wait WHERE topic_id IN (9, 10) ORDER BY id;
DELETE FROM onefin.calendar_hours WHERE weekday = extract(isodow FROM now() AT TIME ZONE 'Asia/Tashkent' + interval '2 min')::int;
SELECT due_at - started_at > interval '4 min' AS later FROM onefin.wait WHERE topic_id = 9 AND kind = 'first';
DELETE FROM onefin.calendar_hours;
SELECT due_at, warn_at FROM onefin.wait WHERE topic_id = 9 AND kind = 'first';
-- One that began while its calendar was changed, and is noted as due before that, is no miss.
UPDATE onefin.wait SET due_at = now() - interval '1 s' WHERE topic_id IN (8, 9) AND kind = 'first';
CALL t.wait_for($$SELECT count(*) FROM onefin.wait WHERE topic_id = 8 AND breached_at IS NOT NULL$$, 1);
SELECT count(*) FROM onefin.wait WHERE topic_id = 9 AND breached_at IS NOT NULL;
SELECT t.say('acc2', 9);
SELECT outcome, duration, breached_at FROM onefin.wait WHERE topic_id = 9 AND kind = 'first';

-- Imported words count at their time, raise nothing, and give way to what is said here. An answer from before the question is none.
CREATE FUNCTION t.import(author bigint, topic bigint, at timestamptz) RETURNS text LANGUAGE sql
RETURN t.call('boss', 'import', jsonb_build_object('topic', topic, 'author', author, 'text', 'x', 'at', at, 'client_key', gen_random_uuid()), '{message,id}');
SELECT count(t.import(author, 4, at)) FROM (VALUES (6, '2024-01-01 10:00+5'::timestamptz), (6, '2024-01-01 10:05+5'), (4, '2024-01-01 09:59+5'), (4, '2024-01-01 10:10+5'),
    (6, '2024-01-01 11:00+5')) i (author, at);
SELECT kind, outcome, imported, policy_id, target / 1000000 AS target, duration / 1000000 AS duration, due_at, breached_at FROM onefin.wait WHERE topic_id = 4 ORDER BY id;
SELECT t.say('ali', 4);
SELECT kind, outcome, imported, due_at IS NOT NULL AS due FROM onefin.wait WHERE topic_id = 4 ORDER BY id;
SELECT detail FROM onefin.journal WHERE topic_id = 4 AND kind LIKE 'message.%' ORDER BY id;

-- A round closes by itself after silence, when the client waits for nothing; it was resolved when the last word was said, and is not to be rated.
SELECT t.say('acc1', 4), t.say('ali', 5);
SELECT t.call('boss', 'settings', '{"name": "close_after_hours", "value": -1}'), t.call('boss', 'settings', '{"name": "close_after_hours", "value": 24}', '{settings,close_after_hours}');
ALTER TABLE onefin.message DISABLE TRIGGER USER;
UPDATE onefin.message SET at = at - interval '30 hours' WHERE topic_id IN (4, 5, 6);
ALTER TABLE onefin.message ENABLE TRIGGER USER;
UPDATE onefin.ticket SET opened_at = opened_at - interval '40 hours' WHERE topic_id IN (4, 5, 6);
UPDATE onefin.wait SET started_at = started_at - interval '31 hours' WHERE topic_id = 6;
-- A sealer that starts looks at once.
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'onefin sealer' AND datname = current_database();
CALL t.wait_for($$SELECT count(*) FROM onefin.ticket WHERE state = 'closed'$$, 2);
SELECT topic_id AS topic, state, closed_how AS how, closed_by, accountable_id AS accountable FROM onefin.ticket WHERE topic_id IN (4, 5, 6, 7) ORDER BY 1;
SELECT topic_id AS topic, outcome, responder_id AS responder, ended_at < now() - interval '29 hours' AS "when said", CASE WHEN imported THEN 'years' ELSE round(duration / 3600e6, 1)::text END AS hours FROM onefin.wait WHERE outcome = 'silence' ORDER BY 1;
SELECT subject_id AS ticket, actor_id, detail FROM onefin.journal WHERE kind = 'ticket.changed' AND detail ->> 'how' = 'silence' ORDER BY 1;
DELETE FROM onefin.setting;

-- Rated by clients of the company, where a person closed; again changes it; the same again is harmless. Every rating stays on the record.
SELECT t.call('acc1', 'close', '{"topic": 1}', '{ticket}') AS r, (SELECT max(id) FROM onefin.ticket WHERE topic_id = 6) AS silent, (SELECT max(id) FROM onefin.ticket WHERE topic_id = 5) AS open \gset
SELECT t.call('ali', 'ratings', '{}', '{ratings}');
SELECT who, t.call(who, 'rate', jsonb_build_object('ticket', :r, 'score', 5)) FROM unnest('{boss,sup1,acc1,bek}'::text[]) who;
SELECT t.call('ali', 'rate', jsonb_build_object('ticket', ticket, 'score', score, 'comment', comment)) FROM (VALUES (:r, 0, NULL), (:r, 6, NULL), (:silent, 3, NULL), (:open, 3, NULL), (999, 3, NULL), (:r, 3, repeat('x', 2001))) v (ticket, score, comment);
SELECT t.call('ali', 'rate', jsonb_build_object('ticket', :r, 'score', 3), '{rating,score}'), t.call('ali', 'rate', jsonb_build_object('ticket', :r, 'score', 3, 'comment', ' '), '{rating,score}') AS same,
    t.call('ali', 'rate', jsonb_build_object('ticket', :r, 'score', 5, 'comment', 'Rahmat!'), '{rating,comment}');
SELECT ticket_id = :r AS ticket, account_id, accountable_id, score, comment, first_at = min(first_at) OVER () AS first FROM onefin.rating ORDER BY id;
SELECT kind, audience, subject_id = :r AS ticket, detail FROM onefin.journal WHERE kind LIKE 'rating.%' ORDER BY id;
SELECT who, t.call(who, 'ratings', '{}', '{ratings,0}') FROM unnest('{boss,sup1,sup2,acc1,acc2,ali,bek}'::text[]) who;
UPDATE onefin.rating SET score = 1;
DELETE FROM onefin.rating;
-- Who has not rated is reminded, once.
SELECT t.say('ali', 1), t.call('boss', 'close', '{"topic": 1}', '{state}');
UPDATE onefin.ticket SET closed_at = now() - interval '25 hours' WHERE closed_how = 'person';
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'onefin sealer' AND datname = current_database();
CALL t.wait_for($$SELECT count(*) FROM onefin.ticket WHERE reminded_at IS NOT NULL$$, 1);
SELECT j.audience, j.actor_id, t.topic_id, r.score FROM onefin.journal j JOIN onefin.ticket t ON t.id = j.subject_id LEFT JOIN onefin.rating r ON r.ticket_id = t.id
    WHERE j.kind = 'rating.reminded' ORDER BY j.id;
CALL t.leave();
