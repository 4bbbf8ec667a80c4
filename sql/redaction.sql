-- Redaction: the text goes from every version and from every place that shows it; the rest of the record stays.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- 1: acc1's with a secret, edited twice; 2: acc1's note, edited; 3: ali's, edited and deleted; 4: ali's with a key.
SELECT t.call('acc1', 'send', '{"topic": 1, "text": "password secret1"}', '{message,id}'),
    t.call('acc1', 'edit', '{"message": 1, "version": 1, "text": "password secret2"}', '{message,version}'),
    t.call('acc1', 'edit', '{"message": 1, "version": 2, "text": "password secret3"}', '{message,version}');
SELECT t.call('acc1', 'send', '{"topic": 1, "text": "note secret1", "visibility": "staff"}', '{message,id}'),
    t.call('acc1', 'edit', '{"message": 2, "version": 1, "text": "note secret2"}', '{message,version}');
SELECT t.call('ali', 'send', '{"topic": 1, "text": "ali secret1"}', '{message,id}'),
    t.call('ali', 'edit', '{"message": 3, "version": 1, "text": "ali secret2"}', '{message,version}'),
    t.call('ali', 'delete', '{"message": 3, "version": 2}', '{message,version}');
SELECT t.call('ali', 'send', jsonb_build_object('topic', 2, 'text', 'key secret', 'client_key', t.key(1)), '{message,id}'),
    t.call('ali', 'send', '{"topic": 2, "text": "stays"}', '{message,id}');
SELECT clock_timestamp() AS before \gset

-- Only an admin redacts, with a reason, what is there, at the version that was seen.
SELECT who, t.call(who, 'redact', '{"message": 1, "reason": "law"}') FROM unnest('{sup1,acc1,ali,bek}'::text[]) who;
SELECT t.call('boss', 'redact', '{"message": 1}'), t.call('boss', 'redact', '{"message": 1, "reason": " \n"}'),
    t.call('boss', 'redact', '{"message": 99, "reason": "law"}');
SELECT t.call('boss', 'redact', '{"message": 1, "reason": "law", "version": 2}'),
    t.call('boss', 'redact', '{"message": 1, "reason": "law", "version": 4}');
SELECT count(*) AS texts FROM onefin.message_version WHERE text LIKE '%secret%';
SET SESSION AUTHORIZATION regress_sup1;
SELECT onefin_api.redact(1, 'law');
RESET SESSION AUTHORIZATION;

-- The answer is the message without its text. Repeating changes nothing, whatever the version.
SELECT t.call('boss', 'redact', '{"message": 1, "reason": "a password in it", "version": 3}');
SELECT t.call('boss', 'redact', '{"message": 1, "reason": "again", "version": 1}', '{message}') ~ '"redacted_at": "T"' AS redacted;
SET SESSION AUTHORIZATION regress_boss;
SELECT onefin_api.redact(2, 'by hand') #> '{message,text}';
RESET SESSION AUTHORIZATION;
SELECT t.call('boss', 'redact', jsonb_build_object('message', m, 'reason', 'law'), '{message,text}') FROM unnest('{3,4}'::bigint[]) m;

-- No row of any table has it any more.
CREATE FUNCTION t.places(word text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    r record;
    n bigint;
BEGIN
    FOR r IN SELECT a.attrelid::regclass AS relation, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'onefin'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2
    LOOP
        EXECUTE format('SELECT count(*) FROM %s WHERE %I::text LIKE %L', r.relation, r.attname, '%' || word || '%') INTO n;
        IF n > 0 THEN
            RETURN NEXT format('%s.%s: %s', r.relation, r.attname, n);
        END IF;
    END LOOP;
END
$$;
SELECT * FROM t.places('secret');
SELECT * FROM t.places('stays');
-- Digests stay in message, message_version and journal, one the other's.
SELECT m.id, m.version, m.digest = j.digest, m.text IS NULL, m.redacted_at IS NOT NULL FROM onefin.message m
    LEFT JOIN onefin.journal j ON j.subject_id = m.id AND j.version = m.version AND j.record IS NOT NULL WHERE m.id < 5 ORDER BY 1;
SELECT message_id, version, digest = sha256(replace(CASE message_id WHEN 1 THEN 'password' WHEN 2 THEN 'note' ELSE 'ali' END
    || ' secret%', '%', version::text)::bytea) AS digest, text IS NULL AS gone FROM onefin.message_version ORDER BY 1, 2;

-- Wherever messages are shown there is a NULL and when it was redacted: history, also of the past, the list, versions.
SELECT who, jsonb_path_query_array(onefin.call(who, 'history', '{"topic": 1}'), '$.result.messages[*] ? (@.redacted_at != null).id')
FROM unnest('{boss,sup1,acc1,ali}'::text[]) WITH ORDINALITY w (who, place) ORDER BY place;
SELECT m -> 'id' AS id, m -> 'text' AS text, m -> 'hidden' AS hidden, m -> 'deleted_at' = 'null' AS standing,
    m ->> 'redacted_at' IS NOT NULL AS redacted
FROM jsonb_array_elements(onefin.call('boss', 'history', jsonb_build_object('topic', 1, 'as_of', :'before'::timestamptz))
    #> '{result,messages}') m;
SELECT v -> 'version' AS version, v -> 'operation' AS operation, v -> 'text' AS text, v -> 'diff' AS diff, v ->> 'digest' IS NOT NULL AS digest
FROM unnest('{1,3}'::bigint[]) message,
    jsonb_array_elements(onefin.call('boss', 'versions', jsonb_build_object('message', message)) #> '{result,versions}') v;
SELECT count(*) AS shown FROM unnest('{boss,sup1,acc1,ali}'::text[]) who, (VALUES ('topics', '{}'), ('history', '{"topic": 1}'),
    ('history', '{"topic": 2}'), ('history', '{"topic": 1, "as_of": "2999-01-01"}'), ('versions', '{"message": 1}'),
    ('resume', '{"after": 0}'), ('documents', '{"topic": 1}')) c (method, params)
WHERE onefin.call(who, method, params::jsonb)::text LIKE '%secret%';
SELECT t.call('ali', 'send', jsonb_build_object('topic', 2, 'text', 'key secret', 'client_key', t.key(1)), '{repeated}'),
    t.call('ali', 'send', jsonb_build_object('topic', 2, 'text', 'key secret', 'client_key', t.key(1)), '{message,text}');

-- The event goes to whom the message goes, and shows it as it is.
CALL t.sealed();
SELECT kind, org, topic, audience, t.shown(event) ~ '"text": null' AS no_text, event ~ 'redacted_at": "2' AS redacted
    FROM onefin.events(0) WHERE kind = 'message.redacted';
SELECT count(*) FROM onefin.events(0) WHERE event LIKE '%secret%';
SELECT actor_id, session_id IS NOT NULL AS by_call, org_id, topic_id, subject_id, version, audience, detail
    FROM onefin.journal WHERE kind = 'message.redacted' ORDER BY id;

-- It is edited no more, by call and by hand; from an older version it is stale as ever. It may be deleted.
SELECT t.call('acc1', 'edit', '{"message": 1, "version": 3, "text": "new"}'), t.call('acc1', 'edit', '{"message": 1, "version": 2, "text": "new"}');
SET SESSION AUTHORIZATION regress_acc1;
UPDATE onefin.message SET text = 'new' WHERE id = 1;
UPDATE onefin.message SET redacted_at = NULL WHERE id = 1;
RESET SESSION AUTHORIZATION;
SELECT t.call('acc1', 'delete', '{"message": 1, "version": 3}', '{message,version}');
SELECT message_id, version, operation, digest = sha256('password secret3'), text FROM onefin.message_version WHERE message_id = 1 AND version = 3;
SELECT t.call('boss', 'redact', '{"message": 1, "reason": "again"}', '{message,version}');

-- The record holds, and stands against everybody else: also after a redaction, and after one that failed halfway.
CALL t.sealed();
SELECT onefin.journal_verify() - 'hash' - 'entries' - 'seals';
UPDATE onefin.message_version SET text = 'never said';
CREATE FUNCTION t.fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''stopped halfway''; END';
CREATE TRIGGER z_fail BEFORE UPDATE ON onefin.message_version FOR EACH ROW EXECUTE FUNCTION t.fail();
SELECT t.call('ali', 'edit', '{"message": 5, "version": 1, "text": "stays on"}', '{message,version}');
SELECT t.attempt($$SELECT onefin.call('boss', 'redact', '{"message": 5, "reason": "law"}')$$);
DROP TRIGGER z_fail ON onefin.message_version;
UPDATE onefin.message_version SET text = 'never said';
UPDATE onefin.message SET version = 9 WHERE id = 5;
SELECT text, redacted_at FROM onefin.message WHERE id = 5;

CALL t.leave();
