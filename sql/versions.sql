-- Earlier versions: who sees them, by calls and by plain SQL.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- Four messages of Alfa: ali's, edited; acc1's, edited twice and deleted; acc1's note, edited; acc1's, as it was sent.
SELECT t.call('ali', 'send', '{"topic": 1, "text": "ali 1"}', '{message,id}'),
    t.call('ali', 'edit', '{"message": 1, "version": 1, "text": "ali 2"}', '{message,version}');
SELECT t.call('acc1', 'send', '{"topic": 1, "text": "acc1 1"}', '{message,id}'),
    t.call('acc1', 'edit', '{"message": 2, "version": 1, "text": "acc1 2"}', '{message,version}'),
    t.call('acc1', 'edit', '{"message": 2, "version": 2, "text": "acc1 3"}', '{message,version}'),
        t.call('acc1', 'delete', '{"message": 2, "version": 3}', '{message,version}');
SELECT t.call('acc1', 'send', '{"topic": 1, "text": "note 1", "visibility": "staff"}', '{message,id}'),
    t.call('acc1', 'edit', '{"message": 3, "version": 1, "text": "note 2"}', '{message,version}');
SELECT t.call('acc1', 'send', '{"topic": 1, "text": "plain"}', '{message,id}');

-- All of them, oldest first, what was done each time and the digest of each text.
SELECT regexp_replace(t.call('sup1', 'versions', '{"message": 2}'), '}, {"at"', E'},\n{"at"', 'g');
SELECT v ->> 'version' AS version, v ->> 'digest' IS NOT DISTINCT
    FROM encode(sha256((v ->> 'text')::bytea), 'hex') AS digest
FROM jsonb_array_elements(onefin.call('sup1', 'versions', '{"message": 2}') #> '{result,versions}') v;
-- The difference from the version before, word by word; none from nothing, and none of what is deleted.
SELECT v -> 'version' AS version, v -> 'diff' AS diff
FROM jsonb_array_elements(onefin.call('sup1', 'versions', '{"message": 2}') #> '{result,versions}') v;
-- The digests are those of the journal.
SELECT v.version, v.digest = j.digest FROM onefin.message_version v
    JOIN onefin.journal j ON j.subject_id = v.message_id AND j.version = v.version AND j.kind LIKE 'message.%'
    ORDER BY v.message_id, v.version;

-- Who sees what: admins and the department's supervisor all, the accountant their own, a client none.
CREATE FUNCTION t.seen(who text, message bigint) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN r ? 'error' THEN t.answer(r, '{}')
        ELSE jsonb_path_query_array(r, '$.result.versions[*].text')::text END
    FROM onefin.call(who, 'versions', jsonb_build_object('message', message)) r
$$;
CREATE VIEW t.table AS
    SELECT what, who, t.seen(who, id) FROM (VALUES ('1 ali''s, edited', 1), ('2 acc1''s, deleted', 2),
        ('3 note, edited', 3), ('4 as sent', 4), ('9 not there', 9)) m (what, id),
        unnest(ARRAY['boss', 'sup1', 'acc1', 'ali', 'sup2', 'acc2', 'bek']) WITH ORDINALITY w (who, place)
            ORDER BY what, place;
SELECT * FROM t.table;
-- By plain SQL the same.
CREATE FUNCTION t.versions_seen() RETURNS text LANGUAGE sql AS $$
    SELECT format('%s: %s', session_user, string_agg(text, ', ' ORDER BY message_id, version))
        FROM onefin.message_version
$$;
SELECT format('SET SESSION AUTHORIZATION regress_%s; SELECT t.versions_seen()', who)
    FROM unnest(ARRAY['boss', 'sup1', 'acc1', 'ali', 'sup2', 'acc2', 'bek']) who \gexec
RESET SESSION AUTHORIZATION;

-- When the firm lets clients see them: their company's, never of notes.
SELECT t.call('boss', 'settings', '{"name": "client_sees_versions", "value": true}',
    '{settings,client_sees_versions}'), t.call('ali', 'me', '{}', '{settings}');
SELECT * FROM t.table WHERE who IN ('ali', 'bek');
SET SESSION AUTHORIZATION regress_ali;
SELECT t.versions_seen();
SET SESSION AUTHORIZATION regress_bek;
SELECT t.versions_seen();
RESET SESSION AUTHORIZATION;
SELECT t.call('boss', 'settings', '{"name": "client_sees_versions", "value": false}',
    '{settings,client_sees_versions}'), t.seen('ali', 1);

-- Everybody sees that a message was edited or deleted, and when; the text that was, nobody.
SELECT who, m ->> 'id' AS id, m ->> 'text' AS text, m ->> 'version' AS version, m ? 'edited_at' AS edited,
    m ? 'deleted_at' AS deleted
FROM unnest(ARRAY['boss', 'ali']) WITH ORDINALITY w (who, place),
    jsonb_array_elements(t.call(who, 'history', '{"topic": 1}', '{messages}')::jsonb) m ORDER BY place, m -> 'id';

-- Documents stay as the texts do: those of a deleted message are with its versions for who may see them, to be
-- downloaded too; and again for nobody else.
SELECT t.call('acc1', 'send', jsonb_build_object('topic', 1, 'text', 'with', 'documents',
    ARRAY[t.upload('acc1', 1, 'gone.pdf')]), '{message,documents,0,id}'),
    t.call('acc1', 'delete', '{"message": 5, "version": 1}', '{message,documents}');
SELECT t.call('acc1', 'send', jsonb_build_object('topic', 1, 'text', 'note', 'visibility', 'staff', 'documents',
    ARRAY[t.upload('acc1', 1, 'memo.pdf')]), '{message,documents,0,id}'),
    t.call('acc1', 'delete', '{"message": 6, "version": 1}', '{message,documents}');
CREATE VIEW t.files AS
    SELECT who, message, CASE WHEN r ? 'error' THEN t.answer(r, '{}')
            ELSE jsonb_path_query_array(r, '$.result.documents[*].name')::text END AS versions,
        t.answer(onefin.file_get(who, message - 4), '{name}') AS download
    FROM unnest(ARRAY['boss', 'sup1', 'acc1', 'ali', 'sup2', 'bek']) WITH ORDINALITY w (who, place),
        generate_series(5, 6) message,
        CAST(onefin.call(who, 'versions', jsonb_build_object('message', message)) AS jsonb) r
    ORDER BY place, message;
SELECT * FROM t.files;
SELECT t.call('boss', 'settings', '{"name": "client_sees_versions", "value": true}', '{settings,client_sees_versions}');
SELECT * FROM t.files WHERE who IN ('ali', 'bek');
SELECT t.call('boss', 'settings', '{"name": "client_sees_versions", "value": false}', '{settings,client_sees_versions}');
-- Another accountant of the company sees neither text nor document.
SELECT t.call('boss', 'assign', '{"org": 1, "account": 5}', '{assignment,account}');
SELECT t.seen('acc2', 5), t.answer(onefin.file_get('acc2', 1), '{name}');
SELECT t.call('boss', 'assign', '{"org": 1, "account": 5, "ended": true}', '{assignment,account}');

-- The one who is no more assigned sees no version of their own messages either.
SELECT t.call('boss', 'assign', '{"org": 1, "account": 4, "ended": true}',
    '{assignment,account}'), t.seen('acc1', 2);
SET SESSION AUTHORIZATION regress_acc1;
SELECT t.versions_seen();
RESET SESSION AUTHORIZATION;

-- Each look through the calls is journaled, for admins; a refused one is not a look.
SELECT actor_id, subject_id, audience, count(*) FROM onefin.journal WHERE kind = 'versions.read'
    GROUP BY 1, 2, 3 ORDER BY 1, 2;

-- The record stands against everybody.
UPDATE onefin.message_version SET text = 'never said';
DELETE FROM onefin.message_version;
TRUNCATE onefin.message_version;
SET ROLE onefin_owner;
UPDATE onefin.message_version SET text = 'never said';
DELETE FROM onefin.message_version;
TRUNCATE onefin.message_version;
RESET ROLE;
SET session_replication_role = replica;
UPDATE onefin.message_version SET text = 'never said';
DELETE FROM onefin.message_version;
TRUNCATE onefin.message_version;
TRUNCATE onefin.message;
RESET session_replication_role;
SELECT role, privilege FROM unnest(ARRAY['onefin_admin', 'onefin_supervisor', 'onefin_accountant',
    'onefin_client', 'onefin_analyst', 'onefin_gateway']) role,
    unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) privilege
WHERE has_table_privilege(role, 'onefin.message_version', privilege) OR privilege IN ('INSERT', 'UPDATE')
    AND has_any_column_privilege(role, 'onefin.message_version', privilege);

CALL t.leave();
