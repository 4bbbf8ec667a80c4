-- Watching unseen: what may be watched, by whom, and that each watch has a begin and an end on record.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm
SELECT max(id) AS since FROM onefin.journal \gset
CREATE VIEW t.ghost AS
    SELECT j.id, j.kind, (SELECT login FROM onefin.account a WHERE a.id = j.actor_id) AS actor, j.org_id, j.topic_id,
        dense_rank() OVER (ORDER BY j.subject_id) AS watch, j.audience, j.detail
    FROM onefin.journal j WHERE j.kind LIKE 'ghost.%';

-- A topic, a company, a department: those that the watcher sees, and one at a time.
SELECT who, params, t.call(who, 'watch', params::jsonb)
FROM unnest(ARRAY['boss', 'sup1', 'acc1', 'ali']) WITH ORDINALITY w (who, place), (VALUES (1, '{"topic": 1}'),
    (2, '{"org": 1}'), (3, '{"department": 1}'), (4, '{"topic": 6}'), (5, '{"org": 2}'), (6, '{"department": 2}'),
    (7, '{"org": 999}'), (8, '{"department": 999}'), (9, '{}'), (10, '{"org": 1, "topic": 1}'),
    (11, '{"topic": 1, "connection": "x"}')) p (n, params) ORDER BY place, n;
SELECT kind, actor, org_id, topic_id, watch, audience, detail FROM t.ghost WHERE id > :since ORDER BY id;
-- Ends: what is named and nothing wider or narrower, then the rest; what does not stand is no error.
SELECT max(id) AS since FROM onefin.journal \gset
SELECT t.call('sup1', 'unwatch', '{"org": 1}'), t.call('sup1', 'unwatch', '{"org": 1}'), t.call('boss', 'unwatch', '{"department": 2}'),
    t.call('sup1', 'unwatch'), t.call('boss', 'unwatch');
SELECT kind, actor, org_id, topic_id, watch, audience, detail FROM t.ghost WHERE id > :since ORDER BY id;

-- Connections of one session watch each for itself; a second request of one is the first.
SELECT max(id) AS since FROM onefin.journal \gset
SELECT t.call('sup1', 'watch', jsonb_build_object('topic', 1, 'connection', c)) FROM unnest(ARRAY[
    '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000001',
    '00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000003']) c;
SELECT t.call('sup1', 'unwatch', '{"topic": 1}');
SELECT onefin.watches_end('00000000-0000-4000-8000-000000000002');
SELECT right(connection::text, 1) AS open FROM onefin.watch WHERE ended_at IS NULL ORDER BY 1;
SELECT kind, actor, watch, detail ->> 'why' AS why FROM t.ghost WHERE id > :since ORDER BY id;

-- A gateway that dies says no more that its connections are there: the sealer ends what was watched
-- through them, and what somebody watched by SQL who is gone. The rest goes on.
SELECT max(id) AS since FROM onefin.journal \gset
SELECT t.call('boss', 'watch', '{"topic": 1}');
INSERT INTO onefin.watch (account_id, backend, org_id, topic_id) VALUES (1, 0, 1, 2), (1, pg_backend_pid(), 1, 3);
UPDATE onefin.watch SET kept_at = now() - interval '31 s' WHERE connection IS NOT NULL AND ended_at IS NULL;
SELECT onefin.watches_keep(ARRAY['00000000-0000-4000-8000-000000000003'::uuid]);
CREATE PROCEDURE t.await(wanted bigint) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..600 LOOP
        EXIT WHEN (SELECT count(*) FROM onefin.watch WHERE ended_at IS NULL) = wanted;
        PERFORM pg_sleep(0.1);
        COMMIT;
    END LOOP;
END
$$;
CALL t.await(3);
SELECT connection IS NOT NULL AS by_gateway, backend IS NOT NULL AS by_sql, topic_id FROM onefin.watch
    WHERE ended_at IS NULL ORDER BY topic_id, 1;
SELECT kind, actor, topic_id, detail FROM t.ghost WHERE id > :since ORDER BY id;
-- Only gateways say so.
SELECT r, has_function_privilege(r, 'onefin.watches_keep(uuid[])', 'EXECUTE') AS keep,
    has_function_privilege(r, 'onefin.watches_end(uuid)', 'EXECUTE') AS "end"
FROM unnest(ARRAY['onefin_admin', 'onefin_supervisor', 'onefin_accountant', 'onefin_client', 'onefin_analyst', 'onefin_gateway']) r;

-- Presence: who is told of whom. acc1 serves Alfa, where ali is.
CREATE FUNCTION t.pairs() RETURNS TABLE (account text, viewers text) LANGUAGE sql AS $$
    SELECT a.login, string_agg(v.login, ' ' ORDER BY v.id)
    FROM onefin.presence_audience(ARRAY(SELECT id FROM onefin.account)) p
        JOIN onefin.account a ON a.id = p.account JOIN onefin.account v ON v.id = p.viewer GROUP BY a.id ORDER BY a.id
$$;
SELECT * FROM t.pairs();
SELECT who, t.call(who, 'presence', '{"org": 1}') FROM unnest(ARRAY['boss', 'sup1', 'acc1', 'ali', 'bek', 'sup2']) who;
SELECT t.call('boss', 'settings', '{"name": "client_sees_presence", "value": true}', '{settings,client_sees_presence}');
SELECT * FROM t.pairs();
SELECT t.call('ali', 'presence', '{"org": 1}');
-- Nothing of those who watch is told to anybody: not even that one of them came.
\o | sed 's/PID [0-9]*/PID N/'
LISTEN onefin_presence;
DO $$ BEGIN PERFORM onefin.presence_tell('g', ARRAY(SELECT id FROM onefin.account), '{1,4}', true); END $$;
UNLISTEN onefin_presence;
\o
SELECT string_agg(login, ' ' ORDER BY id) AS "ids told of at most" FROM onefin.account WHERE role IN ('accountant', 'client');
SELECT onefin.presence_tell('', '{}', '{}', false);
SELECT onefin.presence_tell('a b', '{}', '{}', false);

-- How far back a client may be is a setting; nonsense counts as 0.
CALL t.sealed();
SELECT t.call('ali', 'resume', jsonb_build_object('after', 0), '{reset}');
SELECT t.call('boss', 'settings', '{"name": "resume_seals", "value": -5}', '{settings,resume_seals}');
SELECT t.call('ali', 'resume', jsonb_build_object('after', 0), '{reset}');
SELECT t.call('boss', 'settings', '{"name": "resume_seals", "value": 1000000}', '{settings,resume_seals}'),
    t.call('boss', 'settings', '{"name": "resume_events", "value": 1}', '{settings,resume_events}');
SELECT t.call('ali', 'resume', jsonb_build_object('after', 0), '{reset}');
