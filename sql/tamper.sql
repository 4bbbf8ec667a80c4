-- A superuser who takes the triggers off and changes the record is found out, and the place named.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- Alfa's record: a message as it was sent, one edited twice, one deleted after an edit, a note, a client's with a
-- document and an answer to it.
CREATE FUNCTION t.say(who text, more jsonb) RETURNS bigint LANGUAGE sql
RETURN (t.call(who, 'send', '{"topic": 1, "text": "salom"}'::jsonb || more, '{message,id}'))::bigint;
CALL t.sealed();
SELECT t.say('acc1', '{}') AS plain, t.say('acc1', '{"text": "first"}') AS edited, t.say('ali', '{}') AS gone,
    t.say('acc1', '{"visibility": "staff", "client_key": "00000000-0000-4000-8000-000000000001"}') AS note \gset
SELECT t.say('acc1', jsonb_build_object('reply_to', :gone)) AS answer \gset
CALL t.sealed();
SELECT t.call('acc1', 'edit', jsonb_build_object('message', :edited, 'version', 1, 'text', 'second'), '{message,version}');
CALL t.sealed();
SELECT t.call('acc1', 'edit', jsonb_build_object('message', :edited, 'version', 2, 'text', 'third'), '{message,version}');
CALL t.sealed();
SELECT t.call('ali', 'edit', jsonb_build_object('message', :gone, 'version', 1, 'text', 'x'), '{message,version}'),
    t.call('ali', 'delete', jsonb_build_object('message', :gone, 'version', 2), '{message,version}');
CALL t.sealed();
SELECT onefin.journal_verify() -> 'broken' AS broken;

-- By itself nobody changes a record: not the owner of the tables, not a superuser, not by any of the four ways.
SELECT t.attempt(statement), statement FROM (VALUES ('journal'), ('seal'), ('message_version')) r (name),
    LATERAL (VALUES (format('INSERT INTO onefin.%I SELECT * FROM onefin.%1$I LIMIT 1', name)),
        (format('UPDATE onefin.%I SET at = at', name)), (format('DELETE FROM onefin.%I', name)),
        (format('TRUNCATE onefin.%I', name))) s (statement);
SELECT t.attempt(statement), statement FROM (VALUES ('UPDATE onefin.message SET author_id = 1'),
    ('UPDATE onefin.message SET version = 7'), ('UPDATE onefin.message SET digest = sha256(''x'')'),
    ('UPDATE onefin.message SET redacted_at = now()'), ('TRUNCATE onefin.message'),
    ('INSERT INTO onefin.message SELECT * FROM onefin.message LIMIT 1')) s (statement);
SET ROLE onefin_owner;
SELECT t.attempt(statement), statement FROM (VALUES ('journal'), ('seal'), ('message_version'), ('message')) r (name),
    LATERAL (VALUES (format('UPDATE onefin.%I SET at = at', name)), (format('DELETE FROM onefin.%I', name)),
        (format('TRUNCATE onefin.%I', name))) s (statement);
RESET ROLE;
SELECT onefin.journal_verify() -> 'broken' AS broken;

-- Runs a statement with all triggers off, and tells what verification says then. Nothing of it stays.
CREATE FUNCTION t.tamper(statement text, OUT broken jsonb) LANGUAGE plpgsql AS $$
DECLARE
    r regclass;
BEGIN
    BEGIN
        FOREACH r IN ARRAY ARRAY['onefin.journal', 'onefin.seal', 'onefin.message', 'onefin.message_version'] LOOP
            EXECUTE format('ALTER TABLE %s DISABLE TRIGGER ALL', r);
        END LOOP;
        EXECUTE statement;
        broken := onefin.journal_verify() -> 'broken';
        RAISE EXCEPTION SQLSTATE 'TTTTT';
    EXCEPTION WHEN SQLSTATE 'TTTTT' THEN
        NULL;
    END;
END
$$;

-- One bit of each column: of an entry (the edit), of its seal, of a message (edited), of an earlier version.
CREATE FUNCTION t.flipped(type regtype, column_name text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN format(CASE type::text
    WHEN 'bigint' THEN 'coalesce(%I # 1073741824, 1)' WHEN 'integer' THEN 'coalesce(%I # 1024, 1)'
    WHEN 'boolean' THEN 'NOT %I' WHEN 'timestamp with time zone' THEN 'coalesce(%I + interval ''1 microsecond'', now())'
    WHEN 'bytea' THEN 'coalesce(set_bit(%I, 0, 1 - get_bit(%1$I, 0)), ''\x00'')'
    WHEN 'text' THEN 'coalesce(chr(ascii(%I) # 1) || substr(%1$I, 2), ''x'')'
    WHEN 'uuid' THEN 'coalesce(uuid_in(overlay(%I::text PLACING ''f'' FROM 1)::cstring), gen_random_uuid())'
    WHEN 'xid8' THEN '((%I::text::bigint # 1)::text)::xid8' WHEN 'inet' THEN 'coalesce(%I + 1, ''10.0.0.1'')'
    WHEN 'jsonb' THEN 'coalesce(%I, ''{}'') || ''{"x": 1}''' WHEN 'bigint[]' THEN 'coalesce(%I, ''{}'') || 1::bigint'
    WHEN 'pg_snapshot' THEN '(pg_snapshot_xmin(%I)::text || '':'' || pg_snapshot_xmax(%1$I)::text::bigint + 1 || '':'')::pg_snapshot' END, column_name);
SELECT j.id AS entry, s.number AS seal FROM onefin.journal j JOIN onefin.seal s ON j.id = ANY (s.entries)
    WHERE j.subject_id = :edited AND j.version = 2 AND j.kind = 'message.edited' \gset
-- A seal by its place, since how many there are is the sealer's affair.
CREATE FUNCTION t.named(broken jsonb) RETURNS text LANGUAGE sql STABLE
RETURN CASE WHEN (SELECT (broken -> 'entry')::bigint = ANY (entries) FROM onefin.seal
        WHERE number = (broken ->> 'seal')::bigint AND broken ->> 'entry' IS NOT NULL) THEN 'that of the entry'
    ELSE CASE (broken ->> 'seal')::bigint WHEN current_setting('t.seal')::bigint THEN 'its own'
    WHEN current_setting('t.seal')::bigint - 1 THEN 'the one before' WHEN 1 THEN 'the first'
    WHEN (SELECT max(number) FROM onefin.seal) THEN 'the last' WHEN (SELECT max(number) + 1 FROM onefin.seal) THEN 'the next'
    ELSE CASE WHEN broken ->> 'seal' IS NOT NULL THEN 'another' END END END;
CREATE VIEW t.bit AS
    SELECT a.attrelid::regclass AS relation, a.attname AS column, a.attnum, t.tamper(format('UPDATE %s SET %I = %s WHERE %s',
        a.attrelid::regclass, a.attname, t.flipped(a.atttypid, a.attname), w.row_is)) AS broken
    FROM (VALUES ('onefin.journal'::regclass, 'id = current_setting(''t.entry'')::bigint'),
            ('onefin.seal', 'number = current_setting(''t.seal'')::bigint'),
            ('onefin.message', 'id = current_setting(''t.edited'')::bigint'),
            ('onefin.message_version', 'message_id = current_setting(''t.edited'')::bigint AND version = 2')) w (relation, row_is)
        JOIN pg_attribute a ON a.attrelid = w.relation AND a.attnum > 0 AND NOT a.attisdropped;
SELECT set_config('t.entry', :'entry', false) = :'entry', set_config('t.seal', :'seal', false) = :'seal',
    set_config('t.edited', :'edited', false) = :'edited';
SELECT relation, "column", broken ->> 'what' AS what, t.named(broken) AS seal,
    broken ->> 'entry' = :'entry' AS entry_named, broken ->> 'message' = :'edited' AS message_named,
    broken ->> 'version' AS version
FROM t.bit ORDER BY relation, attnum;

-- Removed, doubled, swapped, added rows; and what hides one change behind another.
CREATE VIEW t.act (n, what, statement) AS SELECT row_number() OVER (), what, format(statement,
        current_setting('t.entry'), current_setting('t.seal'), current_setting('t.edited')) FROM (VALUES
    ('journal: removed', 'DELETE FROM onefin.journal WHERE id = %1$s'),
    ('journal: first one removed', 'DELETE FROM onefin.journal WHERE id = (SELECT min(id) FROM onefin.journal)'),
    ('journal: last one removed', 'DELETE FROM onefin.journal WHERE id = (SELECT max(e) FROM onefin.seal, unnest(entries) e)'),
    ('journal: doubled under a new id', 'INSERT INTO onefin.journal SELECT (jsonb_populate_record(j, ''{"id": 999999}'')).* FROM onefin.journal j WHERE id = %1$s'),
    ('journal: doubled', 'ALTER TABLE onefin.journal DROP CONSTRAINT journal_pkey; INSERT INTO onefin.journal SELECT * FROM onefin.journal WHERE id = %1$s'),
    ('journal: swapped', 'UPDATE onefin.journal SET id = -id WHERE id IN (%1$s, %1$s + 1); UPDATE onefin.journal SET id = CASE id WHEN -%1$s THEN %1$s + 1 ELSE %1$s END WHERE id < 0'),
    ('journal: added to the past', 'INSERT INTO onefin.journal (id, xact, at, kind, audience, db_user) SELECT 999999, xact, at, ''made.up'', ''admin'', ''me'' FROM onefin.journal WHERE id = %1$s'),
    ('seal: removed', 'DELETE FROM onefin.seal WHERE number = %2$s'),
    ('seal: first removed', 'DELETE FROM onefin.seal WHERE number = 1'),
    ('seal: last removed', 'DELETE FROM onefin.seal WHERE number = (SELECT max(number) FROM onefin.seal)'),
    ('seal: all removed', 'DELETE FROM onefin.seal'),
    ('seal: doubled as the next', 'INSERT INTO onefin.seal SELECT (jsonb_populate_record(s, jsonb_build_object(''number'', number + 1))).* FROM onefin.seal s ORDER BY number DESC LIMIT 1'),
    ('seal: doubled', 'ALTER TABLE onefin.seal DROP CONSTRAINT seal_pkey; INSERT INTO onefin.seal SELECT * FROM onefin.seal WHERE number = %2$s'),
    ('seal: swapped', 'UPDATE onefin.seal SET number = -number WHERE number IN (%2$s, %2$s - 1); UPDATE onefin.seal SET number = CASE number WHEN -%2$s THEN %2$s - 1 ELSE %2$s END WHERE number < 0'),
    ('seal: empty one added', 'INSERT INTO onefin.seal SELECT number + 1, at, cluster, base_id, snapshot, sha256(hash), ''{}'', '''' FROM onefin.seal ORDER BY number DESC LIMIT 1'),
    ('seal: an entry added', 'UPDATE onefin.seal SET entries = entries || 1::bigint WHERE number = %2$s'),
    ('seal: an entry taken', 'UPDATE onefin.seal SET entries = entries[2:], checks = substr(checks, 9) WHERE number = %2$s'),
    ('seal: order of entries', 'UPDATE onefin.seal SET entries = ARRAY(SELECT e FROM unnest(entries) e ORDER BY e DESC) WHERE number = 1'),
    ('message: removed', 'DELETE FROM onefin.message WHERE id = %3$s'),
    ('message: doubled under a new id', 'INSERT INTO onefin.message SELECT (jsonb_populate_record(m, ''{"id": 999999, "client_key": null}'')).* FROM onefin.message m WHERE id = %3$s'),
    ('message: doubled', 'ALTER TABLE onefin.message DROP CONSTRAINT message_pkey; INSERT INTO onefin.message SELECT * FROM onefin.message WHERE id = %3$s'),
    ('message: swapped', 'UPDATE onefin.message SET id = -id WHERE id IN (%3$s, %3$s + 1); UPDATE onefin.message SET id = CASE id WHEN -%3$s THEN %3$s + 1 ELSE %3$s END WHERE id < 0'),
    ('message: texts swapped', 'UPDATE onefin.message m SET text = o.text FROM onefin.message o WHERE m.id = %3$s AND o.id = %3$s - 1'),
    ('message: text and digest changed', 'UPDATE onefin.message SET text = ''never'', digest = sha256(''never'') WHERE id = %3$s'),
    ('message: text, digest and entry changed', 'UPDATE onefin.message SET text = ''never'', digest = sha256(''never'') WHERE id = %3$s; UPDATE onefin.journal SET digest = sha256(''never'') WHERE subject_id = %3$s AND version = 3'),
    ('message: text taken away', 'UPDATE onefin.message SET text = NULL WHERE id = %3$s'),
    ('message: redacted without an entry', 'UPDATE onefin.message SET text = NULL, redacted_at = now() WHERE id = %3$s'),
    ('message: deleted without an entry', 'UPDATE onefin.message SET text = NULL, digest = NULL, deleted_at = now(), version = 4 WHERE id = %3$s'),
    ('message: deleted one brought back', 'UPDATE onefin.message SET text = ''salom'', digest = sha256(''salom''), deleted_at = NULL WHERE deleted_at IS NOT NULL'),
    ('message: added', 'INSERT INTO onefin.message (id, org_id, topic_id, ticket_id, author_id, at, version, imported, author_role, author_name, text) VALUES (777777, 1, 1, 1, 6, now(), 1, false, ''client'', ''Ali'', ''never said'')'),
    ('version: removed', 'DELETE FROM onefin.message_version WHERE message_id = %3$s AND version = 2'),
    ('version: original removed', 'DELETE FROM onefin.message_version WHERE message_id = %3$s AND version = 1'),
    ('version: doubled as another', 'INSERT INTO onefin.message_version SELECT (jsonb_populate_record(v, ''{"version": 9}'')).* FROM onefin.message_version v WHERE message_id = %3$s AND version = 2'),
    ('version: doubled', 'ALTER TABLE onefin.message_version DROP CONSTRAINT message_version_pkey; INSERT INTO onefin.message_version SELECT * FROM onefin.message_version WHERE message_id = %3$s AND version = 2'),
    ('version: swapped', 'UPDATE onefin.message_version SET version = -version WHERE message_id = %3$s; UPDATE onefin.message_version SET version = 3 + version WHERE version < 0'),
    ('version: texts swapped', 'UPDATE onefin.message_version SET text = CASE version WHEN 1 THEN ''text 2'' ELSE ''first'' END WHERE message_id = %3$s'),
    ('version: added', 'INSERT INTO onefin.message_version SELECT id, 1, org_id, topic_id, author_id, at, at, ''send'', visibility, digest, text FROM onefin.message WHERE id = %3$s - 1')
    ) a (what, statement);
SELECT what, broken ->> 'what' AS found, t.named(broken) AS seal,
    CASE WHEN what <> 'seal: order of entries' THEN broken ->> 'entry' END AS entry, broken ->> 'message' AS message,
    broken ->> 'version' AS version
FROM (SELECT n, what, t.tamper(statement) AS broken FROM t.act) act ORDER BY n;
SELECT onefin.journal_verify() -> 'broken' AS broken;

-- Several processes side by side name the same places.
CREATE TABLE t.alone AS SELECT what, t.tamper(statement) AS broken FROM t.act;
SET min_parallel_table_scan_size = 0;
SELECT what, a.broken, t.tamper(b.statement) FROM t.alone a JOIN t.act b USING (what) WHERE a.broken <> t.tamper(b.statement);
SELECT onefin.journal_verify() -> 'broken' AS broken;
RESET min_parallel_table_scan_size;

-- A range is verified by itself: what is wrong outside it does not count, what is wrong in it does.
SELECT r ->> 'ok' AS ok, (r ->> 'seals')::bigint = :seal - 1 AS seals FROM onefin.journal_verify("to" => :seal - 1) r;
SELECT r ->> 'ok' AS ok, r ->> 'seals' AS seals FROM onefin.journal_verify(:seal, :seal) r;
SELECT onefin.journal_verify(1000000);

-- The newest seal is taken away for good: the chain goes on behind the gap, and the gap is named.
ALTER TABLE onefin.seal DISABLE TRIGGER ALL;
CALL t.sealed();
SELECT max(number) AS cut FROM onefin.seal \gset
DELETE FROM onefin.seal WHERE number = :cut;
ALTER TABLE onefin.seal ENABLE ALWAYS TRIGGER refuse;
ALTER TABLE onefin.seal ENABLE TRIGGER refuse_new;
SELECT t.call('acc1', 'send', '{"topic": 2, "text": "after the cut"}', '{message,version}');
CALL t.sealed();
SELECT min(number) = :cut + 1 FROM onefin.seal WHERE number >= :cut;
SELECT broken ->> 'what' AS what, broken ->> 'seal' = :'cut' AS seal_named
    FROM CAST(onefin.journal_verify() -> 'broken' AS jsonb) broken;
SELECT count(*) - count(DISTINCT e) AS twice, count(*) - (SELECT count(*) FROM onefin.journal) AS missing
    FROM onefin.seal, unnest(entries) e;
-- What is behind the gap holds by itself, on the hash that was.
SELECT onefin.journal_verify(:cut + 2) -> 'ok';

CALL t.leave();
