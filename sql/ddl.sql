-- Changes of onefin's own schemas are journaled, whoever makes them; DDL elsewhere is nobody's affair.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm
CREATE TABLE t.seen AS SELECT max(id) AS id FROM onefin.journal;
CREATE PROCEDURE t.look() LANGUAGE sql AS 'UPDATE t.seen SET id = (SELECT max(id) FROM onefin.journal)';
CREATE VIEW t.new AS SELECT * FROM onefin.journal WHERE id > (SELECT id FROM t.seen) AND kind = 'schema.changed';
CREATE VIEW t.told AS SELECT detail ->> 'command' AS command, detail ->> 'type' AS type, detail ->> 'identity' AS identity FROM t.new
    WHERE detail ->> 'identity' NOT LIKE '"_RETURN" on %' ORDER BY id; -- a view's own rule: PostgreSQL 17 does not tell of it

-- The objects of a schema of ours: made, changed, commented, granted, dropped.
CREATE TABLE onefin.extra (id bigint PRIMARY KEY, name text DEFAULT 'x');
CREATE SEQUENCE onefin.extra_seq;
CREATE INDEX extra_name ON onefin.extra (name);
CREATE VIEW onefin.extra_view AS SELECT * FROM onefin.extra;
CREATE FUNCTION onefin_api.extra() RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
CREATE TYPE onefin.extra_type AS ENUM ('a');
ALTER TYPE onefin.extra_type ADD VALUE 'b';
ALTER TABLE onefin.extra ADD COLUMN more integer;
ALTER TABLE onefin.extra RENAME COLUMN more TO less;
ALTER TABLE onefin.extra DROP COLUMN less;
ALTER TABLE onefin.extra ALTER name DROP DEFAULT;
ALTER TABLE onefin.extra OWNER TO onefin_owner;
ALTER FUNCTION onefin_api.extra() SECURITY DEFINER;
COMMENT ON TABLE onefin.extra IS 'Extra';
COMMENT ON COLUMN onefin.extra.name IS 'Extra name';
ALTER TABLE onefin.extra RENAME TO extra2;
DROP VIEW onefin.extra_view;
DROP TABLE onefin.extra2;
DROP FUNCTION onefin_api.extra();
DROP TYPE onefin.extra_type;
DROP SEQUENCE onefin.extra_seq;
SELECT * FROM t.told;
SELECT DISTINCT audience, actor_id, org_id, subject_id, db_user = session_user AS db_user, application FROM t.new;

-- What stands on a table of ours, or says who may: triggers, policies, rules, rights.
CALL t.look();
ALTER TABLE onefin.message_version DISABLE TRIGGER refuse;
ALTER TABLE onefin.message_version ENABLE ALWAYS TRIGGER refuse;
ALTER TABLE onefin.setting DISABLE ROW LEVEL SECURITY;
ALTER TABLE onefin.setting ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION t.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION t.yes() RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE TRIGGER theirs BEFORE INSERT ON onefin.setting FOR EACH ROW EXECUTE FUNCTION t.nothing();
ALTER TRIGGER theirs ON onefin.setting RENAME TO mine;
COMMENT ON TRIGGER mine ON onefin.setting IS 'mine';
CREATE POLICY theirs ON onefin.setting FOR SELECT TO onefin_client USING (t.yes());
ALTER POLICY theirs ON onefin.setting TO onefin_accountant;
CREATE RULE theirs AS ON DELETE TO onefin.setting DO INSTEAD NOTHING;
DROP RULE theirs ON onefin.setting;
ALTER TABLE onefin.setting ADD CONSTRAINT theirs CHECK (t.yes());
GRANT SELECT, INSERT ON onefin.setting, t.seen TO onefin_client WITH GRANT OPTION;
REVOKE ALL ON onefin.setting FROM onefin_client CASCADE;
GRANT UPDATE (value) ON onefin.setting TO onefin_client;
GRANT USAGE ON SEQUENCE onefin.org_id_seq TO onefin_client;
GRANT EXECUTE ON FUNCTION onefin.wake_sealer(), t.yes() TO onefin_client;
GRANT USAGE ON SCHEMA onefin, t TO onefin_analyst;
ALTER DEFAULT PRIVILEGES IN SCHEMA onefin GRANT SELECT ON TABLES TO onefin_client;
ALTER DEFAULT PRIVILEGES FOR ROLE onefin_owner GRANT SELECT ON TABLES TO onefin_client;
ALTER DEFAULT PRIVILEGES IN SCHEMA t GRANT SELECT ON TABLES TO onefin_client;
COMMENT ON SCHEMA onefin IS 'Ours';
CREATE SCHEMA onefin_more CREATE TABLE inside (id bigint);
DROP SCHEMA onefin_more CASCADE;
-- Gone along with something elsewhere.
SET client_min_messages = warning;
DROP FUNCTION t.nothing() CASCADE;
DROP FUNCTION t.yes() CASCADE;
RESET client_min_messages;
SELECT * FROM t.told;

-- What event triggers do not see: themselves, and roles. No password is told.
CALL t.look();
ALTER EVENT TRIGGER onefin_ddl_end DISABLE;
COMMENT ON TABLE onefin.setting IS 'Settings';
ALTER EVENT TRIGGER onefin_ddl_end ENABLE;
ALTER ROLE onefin_gateway LOGIN PASSWORD 'gateway-secret';
ALTER ROLE onefin_gateway NOLOGIN PASSWORD NULL;
ALTER ROLE onefin_analyst SET work_mem = '5MB';
ALTER ROLE onefin_analyst RESET ALL;
CREATE ROLE onefin_regress PASSWORD 'other-secret';
GRANT onefin_gateway TO onefin_regress, regress_ali;
REVOKE onefin_gateway FROM regress_ali;
GRANT pg_read_all_data TO onefin_regress;
ALTER ROLE onefin_regress RENAME TO onefin_regress2;
DROP ROLE onefin_regress2;
CREATE ROLE regress_other;
ALTER ROLE regress_other SET work_mem = '5MB';
GRANT pg_read_all_data TO regress_other;
DROP ROLE regress_other;
SELECT detail ->> 'command' AS command, detail ->> 'type' AS type, detail ->> 'identity' AS identity, detail ->> 'statement' AS statement
    FROM t.new ORDER BY id;

-- The statement is told: it alone of several, cut where it is long; also from within a function.
CALL t.look();
SELECT 'a password' AS secret \; COMMENT ON TABLE onefin.setting IS 'one of several' \; SELECT 'another' AS secret;
DO $$
BEGIN
    PERFORM 'a password';
    COMMENT ON TABLE onefin.setting IS 'by a block';
    EXECUTE 'COMMENT ON TABLE onefin.setting IS ''by a string''';
END
$$;
DO $$ BEGIN EXECUTE format('COMMENT ON TABLE onefin.setting IS %L', repeat('ў', 3000)); END $$;
SELECT left(detail ->> 'statement', 60) AS statement, octet_length(detail ->> 'statement') AS bytes FROM t.new ORDER BY id;

-- What is taken back is not told, what fails neither, and nothing at all in a restore.
CALL t.look();
BEGIN;
COMMENT ON TABLE onefin.setting IS 'never';
ROLLBACK;
DROP TABLE onefin.setting;
ALTER TABLE onefin.setting ADD name text;
SET session_replication_role = replica;
COMMENT ON TABLE onefin.setting IS 'in a restore';
ALTER ROLE onefin_analyst RESET ALL;
RESET session_replication_role;
SELECT * FROM t.told;
-- What cannot be told is refused.
ALTER TABLE onefin.journal RENAME TO hidden;
ALTER SCHEMA onefin RENAME TO hidden;
ALTER TABLE onefin.journal SET SCHEMA public;
DROP EVENT TRIGGER onefin_ddl_drop;
SELECT * FROM t.told;
-- What is taken elsewhere is told of all the same.
ALTER TABLE onefin.setting SET SCHEMA t;
ALTER TABLE t.setting DISABLE TRIGGER ALL;
ALTER TABLE t.setting SET SCHEMA onefin;
ALTER TABLE onefin.setting ENABLE TRIGGER z_audit;
ALTER EXTENSION onefin DROP TABLE onefin.setting;
ALTER EXTENSION onefin ADD TABLE onefin.setting;
SELECT * FROM t.told;

-- Without a snapshot of their own; in several transactions.
CALL t.look();
CREATE INDEX CONCURRENTLY extra ON onefin.setting (name);
DROP INDEX CONCURRENTLY onefin.extra;
SELECT * FROM t.told;

-- Elsewhere nothing is told, and nothing is asked of who does it; temporary tables neither.
CALL t.look();
SET SESSION AUTHORIZATION regress_ali;
CREATE TABLE t.alis (id bigint PRIMARY KEY, name text);
ALTER TABLE t.alis ADD more text;
COMMENT ON TABLE t.alis IS 'Ali''s';
GRANT SELECT ON t.alis TO PUBLIC;
CREATE TEMP TABLE onefin (id bigint);
DROP TABLE onefin;
CREATE VIEW t.onefin AS SELECT * FROM t.alis;
SET client_min_messages = warning;
DROP TABLE t.alis CASCADE;
RESET client_min_messages;
CREATE TABLE onefin.alis (id bigint);
RESET SESSION AUTHORIZATION;
SET ROLE onefin_client;
CREATE TABLE t.clients (id bigint);
DROP TABLE t.clients;
RESET ROLE;
SELECT * FROM t.told;

-- Admins are told that there was one, by events and in the journal.
CALL t.sealed();
SELECT onefin.position() AS before \gset
COMMENT ON TABLE onefin.setting IS 'Settings of the firm that an admin has set';
CALL t.sealed();
SELECT kind, audience, t.shown(event) FROM onefin.events(:before);
SELECT who, jsonb_path_query_array(onefin.call(who, 'resume', jsonb_build_object('after', :before)), '$.result.events[*].kind')
    FROM unnest(ARRAY['boss', 'sup1', 'acc1', 'ali']) who;
SELECT jsonb_path_query(onefin.call('boss', 'journal', '{"kind": "schema.changed", "limit": 1}'), '$.result.entries[*].detail');

-- The functions are event triggers and nothing else.
SELECT t.attempt('SELECT onefin.ddl_end()'), t.attempt('SELECT onefin.ddl_drop()');
CREATE EVENT TRIGGER wrong ON ddl_command_start EXECUTE FUNCTION onefin.ddl_end();
SELECT t.attempt('CREATE TABLE t.x (id bigint)');
DROP EVENT TRIGGER wrong;

-- The extension comes and goes with them.
DROP EXTENSION onefin CASCADE;
SELECT count(*) FROM pg_event_trigger WHERE evtname ~ '^onefin';
CREATE TABLE t.y (id bigint);
ALTER ROLE onefin_analyst SET work_mem = '5MB';
ALTER ROLE onefin_analyst RESET ALL;
CREATE EXTENSION onefin;
SELECT detail ->> 'command' FROM onefin.journal;
CREATE TABLE onefin.x (id bigint);
SELECT detail ->> 'identity' FROM onefin.journal;

CALL t.leave();
