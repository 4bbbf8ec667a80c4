-- onefin.call itself: results, each class of error in full, and what reaches neither answer nor log.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- A result, and an error of each class: code, message, SQLSTATE and a hint that says what to do.
SELECT onefin.call('ali', 'typing', '{"topic": 1}');
CREATE TEMP TABLE wrong (place serial, what text, who text, method text, params jsonb);
INSERT INTO wrong (what, who, method, params) VALUES
    ('no such method', 'ali', 'nosuch', '{}'),
    ('a wrong parameter', 'ali', 'history', '{"topic": "1"}'),
    ('not logged in', 'nobody', 'me', '{}'),
    ('not allowed', 'ali', 'watch', '{"topic": 1}'),
    ('not there', 'ali', 'history', '{"topic": 99}'),
    ('a stale edit', 'ali', 'edit', '{"message": 1, "version": 7, "text": "x"}'),
    ('a conflict', 'boss', 'orgs', '{"name": "Alfa"}'),
    ('not in a state for it', 'acc1', 'close', '{"topic": 2}'),
    ('something unknown to refer to', 'boss', 'orgs', '{"name": "New", "department": 99}'),
    ('a rule of the table', 'boss', 'accounts', '{"login": "x", "name": "x", "role": "client"}');
SELECT t.call('ali', 'send', '{"topic": 1, "text": "x"}', '{message,id}');
SELECT what || ': ' || jsonb_pretty(onefin.call(who, method, params) -> 'error') FROM wrong ORDER BY place;
-- A conflict that passes by itself (40001) asks to try again.
CREATE FUNCTION onefin_api.unlucky() RETURNS jsonb LANGUAGE plpgsql AS 'BEGIN RAISE serialization_failure; END';
GRANT EXECUTE ON FUNCTION onefin_api.unlucky() TO onefin_client;
SELECT t.call('ali', 'unlucky');
-- An error that is nobody's input is raised.
CREATE FUNCTION onefin_api.broken() RETURNS jsonb LANGUAGE plpgsql AS 'BEGIN RAISE internal_error; END';
CREATE FUNCTION onefin_api.full() RETURNS jsonb LANGUAGE plpgsql AS 'BEGIN RAISE out_of_memory; END';
GRANT EXECUTE ON FUNCTION onefin_api.broken(), onefin_api.full() TO onefin_client;
SELECT t.call('ali', 'broken');
SELECT t.call('ali', 'full');
DROP FUNCTION onefin_api.broken(), onefin_api.full();

-- The methods are the functions of onefin_api and nothing else, by name alone.
SELECT m, t.call('boss', m)
    FROM unnest(ARRAY['', ' me', 'ME', 'me()', 'onefin.create_admin', 'create_admin', 'login', 'call', 'events',
    'pg_sleep', 'me; DROP TABLE onefin.message', repeat('x', 64), NULL]) m;
-- A new function is a method at once, a changed one is the new one, a dropped one is none.
CREATE FUNCTION onefin_api.echo(word text) RETURNS jsonb LANGUAGE sql RETURN to_jsonb(word);
GRANT EXECUTE ON FUNCTION onefin_api.echo(text) TO onefin_client;
SELECT t.call('ali', 'echo', '{"word": "o''zbekcha \"salom\""}');
DROP FUNCTION onefin_api.echo(text);
SELECT t.call('ali', 'echo', '{"word": "gone"}');
CREATE FUNCTION onefin_api.echo(number bigint, word text DEFAULT 'none') RETURNS jsonb LANGUAGE sql
    RETURN jsonb_build_array(number, word);
GRANT EXECUTE ON FUNCTION onefin_api.echo(bigint, text) TO onefin_client;
SELECT t.call('ali', 'echo', '{"word": "x"}'), t.call('ali', 'echo', '{"number": 7}'),
    t.call('ali', 'echo', '{"word": "x", "number": 7}'), t.call('ali', 'echo', '{"word": null, "number": 7}');
DROP FUNCTION onefin_api.echo(bigint, text);

-- Parameters: by name, each of its type as JSON has it, none unknown, none missing that is needed.
SELECT params, t.call('ali', 'history', params, '{more}')
    FROM unnest(ARRAY['{}', '{"topic": null}', '{"topic": 1, "topik": 2}', '{"Topic": 1}', '{"topic": 1, "": 2}',
    '[1]', '[]', '"topic"', '1', 'null', 'true',
    '{"topic": 1.5}', '{"topic": 1.0}', '{"topic": 1e0}', '{"topic": 1e30}', '{"topic": 9223372036854775808}',
        '{"topic": -1}', '{"topic": true}', '{"topic": [1]}', '{"topic": {"id": 1}}', '{"topic": "1"}',
    '{"topic": 1, "limit": 2147483648}', '{"topic": 1, "limit": "5"}',
        '{"topic": 1, "before": null, "limit": null}']::jsonb[]) WITH ORDINALITY p (params, place) ORDER BY place;
SELECT t.call('ali', 'history', NULL), t.call('ali', 'me', NULL, '{account,login}');
SELECT params, t.call('ali', 'send', '{"topic": 1, "text": "x"}' || params, '{message,text}')
    FROM unnest(ARRAY['{"text": 5}', '{"text": ["x"]}', '{"client_key": "not a uuid"}', '{"client_key": 5}',
    '{"documents": 5}', '{"documents": ["1"]}',
    '{"documents": {}}', '{"documents": [1.5]}', '{"documents": [null]}', '{"reply_to": "1"}',
        '{"visibility": true}', '{"visibility": null}']::jsonb[]) WITH ORDINALITY p (params, place) ORDER BY place;
SELECT params, t.call('boss', 'assign', '{"org": 1, "account": 4}' || params, '{assignment,org}')
    FROM unnest(ARRAY['{"ended": "true"}', '{"ended": 1}',
    '{"ended": false}']::jsonb[]) WITH ORDINALITY p (params, place) ORDER BY place;
SELECT t.call('boss', 'import',
    '{"topic": 1, "author": 6, "text": "x", "at": "yesterday-ish", "client_key": "00000000-0000-4000-8000-000000000001"}'),
    t.call('boss', 'import', '{"topic": 1, "author": 6, "text": "x", "at": 5, "client_key": "00000000-0000-4000-8000-000000000001"}');
SELECT t.call('boss', 'settings', '{"name": "client_sees_versions", "value": null}'),
    t.call('boss', 'settings', '{"value": true}');

-- A call that fails leaves nothing of what it did; the ones around it in the same transaction stand.
SELECT count(*) AS before FROM onefin.journal \gset
BEGIN;
SELECT t.call('ali', 'send', '{"topic": 2, "text": "stands"}', '{message,text}'),
    t.call('ali', 'send', '{"topic": 3, "text": "x", "documents": [99]}'),
    t.call('ali', 'send', '{"topic": 2, "text": "stands, too"}', '{message,text}');
COMMIT;
SELECT topic_id, text FROM onefin.message WHERE topic_id IN (2, 3) ORDER BY id;
SELECT kind, topic_id FROM onefin.journal ORDER BY id OFFSET :before;

-- No answer to an error holds a password or a token.
SELECT count(*) AS answers, count(*) FILTER (WHERE a::text ~ 'correct horse|argon2|s3cret-token') AS telling FROM (
    SELECT onefin.login('ali', 'correct horse') UNION ALL SELECT onefin.login('correct horse', 'correct horse')
    UNION ALL SELECT onefin.call('s3cret-token', 'me', '{}')
        UNION ALL SELECT onefin.call('s3cret-token', 's3cret-token', '{"s3cret-token": 1}')
    UNION ALL SELECT onefin.call('boss', 'accounts', p)
        FROM unnest(ARRAY['{"login": "ali", "name": "x", "role": "admin", "password": "correct horse"}',
        '{"login": "x", "name": " ", "role": "admin", "password": "correct horse"}',
        '{"login": "x", "name": "x", "role": "client", "password": "correct horse"}',
            '{"id": 99, "password": "correct horse"}', '{"id": "x", "password": "correct horse"}',
            '{"id": 6, "password": ["correct horse"]}',
        '{"login": "x", "name": "x", "role": "client", "org": 99, "password": "correct horse"}']::jsonb[]) p
    UNION ALL SELECT onefin.call('ali', 'accounts', '{"id": 1, "password": "correct horse"}')) x (a);

-- One connection, roles in turn: each call sees with its own role's eyes, whichever came before, and
-- so does the second round, whose plans are kept.
SELECT t.call('bek', 'send', '{"topic": 6, "text": "Beta"}', '{message,text}'),
    t.call('acc1', 'send', '{"topic": 1, "text": "note", "visibility": "staff"}', '{message,text}');
CREATE VIEW t.turns AS
    SELECT turn, who, jsonb_path_query_array(t.call(who, 'topics', '{}', '{orgs}')::jsonb, '$[*].name') AS orgs,
        jsonb_array_length(coalesce(t.call(who, 'topics', '{}', '{orgs,0,topics}')::jsonb, '[]')) AS topics,
        CASE WHEN t.call(who, 'history', '{"topic": 1}') LIKE '-%' THEN t.call(who, 'history', '{"topic": 1}')
            ELSE jsonb_array_length(t.call(who, 'history', '{"topic": 1}',
            '{messages}')::jsonb)::text END AS messages,
        jsonb_array_length(t.call(who, 'accounts', '{}', '{accounts}')::jsonb) AS accounts
    FROM unnest(ARRAY['bek', 'boss', 'ali', 'sup2', 'acc1', 'sup1', 'acc2']) WITH ORDINALITY w (who, place),
        generate_series(1, 12) turn ORDER BY turn, place;
SELECT who, orgs, topics, messages, accounts, count(*) FROM t.turns GROUP BY 1, 2, 3, 4, 5 ORDER BY 1;
-- The same in plain SQL: prepared once, run under each in turn.
PREPARE mine AS SELECT session_user, array_agg(DISTINCT org_id ORDER BY org_id) FROM onefin.topic;
PREPARE said AS SELECT session_user, count(*) FILTER (WHERE visibility = 'staff') AS notes,
    array_agg(DISTINCT org_id ORDER BY org_id) FROM onefin.message;
SELECT format('SET SESSION AUTHORIZATION %I; EXECUTE mine; EXECUTE said', 'regress_' || who)
FROM unnest(ARRAY['bek', 'boss', 'ali', 'sup2', 'acc1', 'sup1', 'acc2', 'boss', 'bek']) WITH ORDINALITY w (who,
    place) ORDER BY place \gexec
RESET SESSION AUTHORIZATION;

CALL t.leave();
