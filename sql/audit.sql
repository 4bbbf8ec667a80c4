-- Every change of the configuration is in the journal with before and after and who made it, by
-- whatever hand.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- Tables whose changes are not audited, other than these: none. A new table belongs to one of the two kinds.
--   journal, seal, message_version        the record itself, which does not change
--   message, document, ticket             journaled by their own triggers and calls, version by version
--   access_change                         names entries of the journal, no more
--   session, read_mark, watch             what people do, journaled by the calls that do it
--   login_failure                         counts of what is journaled as session.refused
--   document_mark                         never changed, journaled with its document
--   wait, rating                          journaled by what begins, ends and gives them
--   kpi_*                                 made of the journal, again at any time
--   payroll, payroll_line, payroll_item   never changed, journaled as payroll.closed
--   job, logo, upload, upload_part,       work on its way, journaled by what becomes of it
--   store_key
SELECT c.oid::regclass AS "not audited" FROM pg_class c
WHERE relnamespace::regnamespace::text ~ '^onefin' AND relkind IN ('r', 'p')
    AND relname NOT IN ('journal', 'seal', 'message_version', 'message', 'document', 'ticket', 'access_change', 'session', 'read_mark', 'watch', 'login_failure',
        'document_mark', 'wait', 'rating', 'payroll', 'payroll_line', 'payroll_item', 'job', 'logo', 'upload', 'upload_part', 'store_key')
    AND relname NOT LIKE 'kpi\_%'
    AND (NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND tgfoid = 'onefin.audit()'::regprocedure
            AND tgname = 'z_audit' AND tgenabled = 'O' AND tgqual IS NULL AND tgattr = '' AND tgtype & 1 = 1 AND tgtype & 24 = 24)
        OR NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND tgfoid = 'onefin.audit()'::regprocedure
            AND tgtype & 4 = 4 AND tgtype & 1 = 1)
        OR NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND tgfoid = 'onefin.audit()'::regprocedure
            AND tgenabled = 'A' AND tgtype & 32 = 32));
-- Columns of audited tables that sound secret and are not kept so: none.
SELECT a.attrelid::regclass, a.attname FROM pg_trigger t JOIN pg_attribute a ON a.attrelid = t.tgrelid
WHERE tgfoid = 'onefin.audit()'::regprocedure AND tgname = 'z_audit' AND a.attnum > 0
    AND a.attname ~ 'password|token|secret|hash|key' AND a.attname NOT IN
        (SELECT unnest(string_to_array(encode(tgargs, 'escape'), '\000')));

-- What was written since the last look.
CREATE TABLE t.seen AS SELECT max(id) AS id FROM onefin.journal;
CREATE PROCEDURE t.look() LANGUAGE sql AS 'UPDATE t.seen SET id = (SELECT max(id) FROM onefin.journal)';
CREATE VIEW t.new AS SELECT * FROM onefin.journal WHERE id > (SELECT id FROM t.seen);
GRANT SELECT ON t.new TO PUBLIC;
CREATE VIEW t.shown AS SELECT kind, org_id, subject_id, account_id, audience,
    t.shown((SELECT jsonb_object_agg(key, value) FROM jsonb_each(detail -> 'before')
        WHERE key = ANY (ARRAY['name', 'value', 'role', 'org_id', 'account_id', 'department_id', 'code', 'kind_id']))::text) AS before,
    t.shown((SELECT jsonb_object_agg(key, value) FROM jsonb_each(detail -> 'after')
        WHERE key = ANY (ARRAY['name', 'value', 'role', 'org_id', 'account_id', 'department_id', 'code', 'kind_id']))::text) AS after,
    detail -> 'changed' AS changed FROM t.new ORDER BY id;

-- By hand, as a superuser, in every table.
UPDATE onefin.setting_default SET value = '14' WHERE name = 'retention_days';
INSERT INTO onefin.setting VALUES ('retention_days', '7');
UPDATE onefin.setting SET value = '8';
DELETE FROM onefin.setting;
INSERT INTO onefin.department (name) VALUES ('Three');
UPDATE onefin.department SET name = 'Third' WHERE name = 'Three';
DELETE FROM onefin.department WHERE name = 'Third';
INSERT INTO onefin.org (name, department_id) VALUES ('Gamma', 1);
UPDATE onefin.org SET name = 'Gamma 2', archived_at = now() WHERE name = 'Gamma';
INSERT INTO onefin.account (login, name, role) VALUES ('new', 'New', 'admin');
UPDATE onefin.account SET role = 'accountant' WHERE login = 'new';
DELETE FROM onefin.account WHERE login = 'new';
INSERT INTO onefin.assignment (org_id, account_id) VALUES (1, 5);
UPDATE onefin.assignment SET until_at = now() WHERE id = 3;
DELETE FROM onefin.assignment WHERE id = 3;
INSERT INTO onefin.topic_kind VALUES (9, 'other', '{}');
UPDATE onefin.topic_kind SET code = 'others' WHERE id = 9;
INSERT INTO onefin.topic (org_id, kind_id) VALUES (3, 9);
UPDATE onefin.topic SET kind_id = 9 WHERE false;
DELETE FROM onefin.topic WHERE kind_id = 9;
DELETE FROM onefin.topic_kind WHERE id = 9;
INSERT INTO onefin.policy (kind_id, org_id, first_target) VALUES (1, 2, 60e6);
INSERT INTO onefin.calendar (name, time_zone) VALUES ('Office', 'Asia/Tashkent');
UPDATE onefin.calendar SET name = 'Home';
INSERT INTO onefin.calendar_hours VALUES (1, 1, '{09:00,18:00}');
UPDATE onefin.calendar_hours SET hours = '{09:00,17:00}';
DELETE FROM onefin.calendar_hours;
INSERT INTO onefin.calendar_exception VALUES (1, '2026-12-08', 'Constitution');
UPDATE onefin.calendar_exception SET active = false;
DELETE FROM onefin.calendar_exception;
INSERT INTO onefin.calendar_use (org_id, calendar_id) VALUES (1, 1);
UPDATE onefin.calendar_use SET org_id = 2;
DELETE FROM onefin.calendar_use;
DELETE FROM onefin.calendar;
SELECT * FROM t.shown;
SELECT DISTINCT actor_id, session_id, db_user = session_user AS db_user, application,
    address IS NOT DISTINCT FROM inet_client_addr() AS address FROM t.new;

-- With a role of one's own; from over there; by a call.
CALL t.look();
SET SESSION AUTHORIZATION regress_boss;
SET application_name = 'pgAdmin';
UPDATE onefin.department SET name = 'Uno' WHERE id = 1;
RESET application_name;
RESET SESSION AUTHORIZATION;
SELECT onefin.call('boss', 'departments', '{"id": 1, "name": "One"}', '192.0.2.7') ? 'result';
SELECT kind, actor_id, session_id IS NOT NULL AS session, db_user = 'regress_boss' AS own_user, application,
    address IS NOT DISTINCT FROM inet_client_addr() AS "of the connection", address = '192.0.2.7' AS "of the device", detail FROM t.new ORDER BY id;

-- What changes nothing is no change; a NULL that goes from one column to the next is one.
CALL t.look();
UPDATE onefin.account SET name = name, language = 'uz';
UPDATE onefin.account SET department_id = NULL, db_role = NULL, org_id = org_id WHERE id = 7;
CREATE TABLE onefin.pair (id bigint, a bigint, b bigint);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON onefin.pair FOR EACH ROW EXECUTE FUNCTION onefin.audit();
INSERT INTO onefin.pair VALUES (1, 5, NULL);
UPDATE onefin.pair SET a = NULL, b = 5;
-- Columns come and go; a long value; an id of another width.
ALTER TABLE onefin.pair ADD c text DEFAULT 'c';
UPDATE onefin.pair SET c = repeat('long', 10000), a = 1;
ALTER TABLE onefin.pair DROP c;
UPDATE onefin.pair SET a = 2;
ALTER TABLE onefin.pair ALTER id TYPE integer;
UPDATE onefin.pair SET a = 3;
ALTER TABLE onefin.pair ALTER id TYPE smallint;
UPDATE onefin.pair SET a = 4;
ALTER TABLE onefin.pair ALTER id TYPE text;
UPDATE onefin.pair SET a = NULL;
ALTER TABLE onefin.pair DROP id;
DELETE FROM onefin.pair;
DROP TABLE onefin.pair;
SELECT kind, subject_id, t.shown(jsonb_strip_nulls(regexp_replace(detail::text, '(long)+', 'long', 'g')::jsonb)::text) FROM t.new WHERE kind ~ '^(pair|account)' ORDER BY id;

-- A new password is told as such, and its hash is not.
CALL t.look();
UPDATE onefin.account SET password_hash = 'a hash' WHERE id = 4;
SELECT detail -> 'changed' AS changed, (detail -> 'before') ? 'password_hash' AS before, (detail -> 'after') ? 'password_hash' AS after,
    detail::text ~ 'a hash' AS told FROM t.new WHERE kind = 'account.changed';

-- Who is moved from one company to another is told to both.
CALL t.look();
UPDATE onefin.assignment SET org_id = 1 WHERE id = 2;
SELECT kind, org_id, audience FROM t.new ORDER BY id;

-- What is taken back is not told.
CALL t.look();
BEGIN;
SAVEPOINT s;
UPDATE onefin.department SET name = 'never' WHERE id = 1;
ROLLBACK TO s;
UPDATE onefin.department SET name = 'Once' WHERE id = 1;
COMMIT;
SELECT detail -> 'after' FROM t.new;

-- TRUNCATE is refused to everybody, at rest too.
SET ROLE onefin_owner;
SET client_min_messages = warning;
SELECT t.attempt(format('TRUNCATE onefin.%I CASCADE', name)) FROM unnest(ARRAY['setting_default', 'setting', 'department',
    'account', 'org', 'assignment', 'topic_kind', 'topic', 'policy', 'calendar', 'calendar_hours', 'calendar_exception', 'calendar_use']) name;
RESET client_min_messages;
RESET ROLE;
SET session_replication_role = replica;
SELECT t.attempt('TRUNCATE onefin.setting'), t.attempt('TRUNCATE onefin.setting, onefin.assignment');
RESET session_replication_role;

-- The trigger itself says what it is not for.
CREATE TABLE t.other (id bigint);
CREATE TRIGGER wrong BEFORE INSERT ON t.other FOR EACH ROW EXECUTE FUNCTION onefin.audit();
CREATE TRIGGER late AFTER DELETE ON t.other FOR EACH STATEMENT EXECUTE FUNCTION onefin.audit();
CREATE TRIGGER secret AFTER UPDATE ON t.other FOR EACH ROW EXECUTE FUNCTION onefin.audit('nosuch');
SELECT t.attempt('INSERT INTO t.other VALUES (1)'), t.attempt('DELETE FROM t.other');
DROP TRIGGER wrong ON t.other;
INSERT INTO t.other VALUES (1);
SELECT t.attempt('UPDATE t.other SET id = 2'), t.attempt('SELECT onefin.audit()');

-- Who reads the journal is journaled: what for, and which entries it gave, told to nobody.
CALL t.sealed();
CALL t.look();
SELECT jsonb_array_length(onefin.call('boss', 'journal', '{"limit": 3}', '192.0.2.7') #> '{result,entries}');
SELECT jsonb_array_length(onefin.call('boss', 'journal', '{"kind": "department.changed", "org": 77, "actor": 1, "after": 5,
    "since": "2020-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z"}') #> '{result,entries}');
SET SESSION AUTHORIZATION regress_boss;
SELECT jsonb_array_length(onefin_api.journal(kind => 'account.deleted') -> 'entries');
SELECT onefin_api.journal_verify(1, 1) -> 'ok';
RESET SESSION AUTHORIZATION;
SELECT kind, audience, actor_id, session_id IS NOT NULL AS session, address = '192.0.2.7' AS device, org_id,
    regexp_replace(detail::text, '"(first|last)": \d+', '"\1": "N"', 'g')
    FROM t.new WHERE kind <> 'journal.verified' ORDER BY id;
SELECT kind, audience, actor_id, detail - 'hash' - 'entries', detail -> 'hash' IS NOT NULL AS hash FROM t.new WHERE kind = 'journal.verified';
-- Nobody finds the look in what it shows; the next one does. Those who may not look leave no trace, and see none.
CALL t.look();
SELECT onefin.call('boss', 'journal', jsonb_build_object('after', id)) #> '{result,entries}' FROM t.seen;
SELECT jsonb_path_query_array(onefin.call('boss', 'journal', jsonb_build_object('after', id)), '$.result.entries[*].kind') FROM t.seen;
SELECT who, t.call(who, 'journal'), t.call(who, 'journal_verify') FROM unnest(ARRAY['sup1', 'acc2', 'ali']) who;
SELECT kind FROM t.new ORDER BY id;
-- Being a member of the group is not enough.
GRANT onefin_admin TO regress_acc2;
SET SESSION AUTHORIZATION regress_acc2;
SELECT t.attempt('SELECT onefin_api.journal()'), t.attempt('SELECT onefin_api.journal_verify()');
RESET SESSION AUTHORIZATION;
REVOKE onefin_admin FROM regress_acc2;
-- A superuser without an account is nobody here: the table is there for that.
SELECT t.attempt('SELECT onefin_api.journal()'), t.attempt('SELECT onefin_api.journal_verify()');

-- Its filters, one by one and together.
CREATE FUNCTION t.found(params jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', e ->> 'kind', e ->> 'actor_name', e ->> 'org'), ', ' ORDER BY place)
    FROM jsonb_array_elements(onefin.call('boss', 'journal', params) #> '{result,entries}') WITH ORDINALITY x (e, place)
$$;
SELECT t.call('boss', 'departments', '{"id": 2, "name": "Zwei"}') <> '', t.call('ali', 'read', '{"topic": 1, "message": 1}') <> '' FROM (
    SELECT t.call('ali', 'send', '{"topic": 1, "text": "salom"}'), t.call('bek', 'send', '{"topic": 6, "text": "salom"}')) sent;
SELECT max(id) AS after FROM onefin.journal WHERE kind IN ('journal.read', 'schema.changed') \gset
SELECT at AS since FROM onefin.journal WHERE kind = 'message.sent' AND actor_id = 7 \gset
SELECT params, t.found(params || jsonb_build_object('after', :after)) FROM unnest(ARRAY['{"kind": "message.sent"}',
    '{"kind": "message.*"}', '{"kind": "message"}', '{"kind": "mess*"}', '{"kind": ".*"}', '{"kind": "mess_ge.*"}',
    '{"org": 2, "kind": "ticket.*"}', '{"actor": 6, "org": 1}', '{"actor": 1, "kind": "department.*"}', '{"actor": 99}',
    '{"since": "2999-01-01"}', '{"until": "2001-01-01"}', '{"since": "-infinity", "until": "infinity", "org": 2}']::jsonb[])
    WITH ORDINALITY p (params, place) ORDER BY place;
SELECT t.found(jsonb_build_object('since', :'since', 'actor', 7)), t.found(jsonb_build_object('until', :'since', 'org', 2, 'after', :after)),
    t.found(jsonb_build_object('since', :'since', 'until', :'since'));
SELECT t.call('boss', 'journal', '{"since": "not a time"}'), t.call('boss', 'journal', '{"actor": "1"}');
SELECT jsonb_array_length(onefin.call('boss', 'journal', jsonb_build_object('limit', n)) #> '{result,entries}') FROM unnest(ARRAY[-5, 0, 2]) n;
-- All that an entry holds is shown, but the transaction's number.
SELECT attname FROM pg_attribute WHERE attrelid = 'onefin.journal'::regclass AND attnum > 0 AND attname <> 'xact'
    AND replace(attname, '_id', '') NOT IN (SELECT jsonb_object_keys(onefin.call('boss', 'journal', '{"limit": 1}') #> '{result,entries,0}'));

CALL t.leave();
