-- The journal: what is in it, how it is sealed, what is told of it, and that it stands.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm
CALL t.sealed();
SELECT max(number) AS start FROM onefin.seal \gset

-- What people do, in order: kind, who, of what company and topic, about what, told to whom.
SELECT t.call('ali', 'send', '{"topic": 1, "text": "birinchi"}', '{message,id}');
SELECT t.call('acc1', 'send', '{"topic": 1, "text": "eslatma", "visibility": "staff"}', '{message,id}');
SELECT t.call('ali', 'edit', '{"message": 1, "version": 1, "text": "ikkinchi"}', '{message,version}');
SELECT t.call('acc1', 'read', '{"topic": 1, "message": 1}');
SELECT t.call('sup1', 'watch', '{"topic": 1}'), t.call('sup1', 'watch', '{"topic": 1}'),
    t.call('sup1', 'read', '{"topic": 1, "message": 1}');
SELECT t.call('sup1', 'versions', '{"message": 1}', '{message}');
SELECT t.call('ali', 'delete', '{"message": 1, "version": 2}', '{message,version}');
SELECT t.call('acc1', 'close', '{"topic": 1}', '{state}');
SELECT t.call('sup1', 'unwatch', '{"topic": 1}'), t.call('sup1', 'unwatch');
SELECT t.call('bek', 'send', '{"topic": 6, "text": "uchinchi"}', '{message,id}');
SELECT t.call('acc2', 'logout');
SELECT t.call('boss', 'assign', '{"org": 2, "account": 4}', '{assignment,account}');
SELECT t.call('boss', 'settings', '{"name": "client_sees_versions", "value": true}',
    '{settings,client_sees_versions}');
UPDATE onefin.account SET name = 'Ali aka' WHERE id = 6;
SELECT id AS since FROM onefin.journal WHERE kind = 'ticket.opened' ORDER BY id LIMIT 1 \gset
SELECT kind, actor_id, session_id IS NOT NULL AS session, org_id, topic_id, subject_id, account_id, version,
    audience, digest IN (sha256('birinchi'), sha256('ikkinchi'), sha256('eslatma'), sha256('uchinchi')) AS digest
FROM onefin.journal WHERE id >= :since ORDER BY id;
-- No text of a message is in it.
SELECT count(*) FROM onefin.journal j WHERE j::text ~ 'birinchi|ikkinchi|eslatma|uchinchi';
-- The address is the one that the gateway tells; the time is of the entry, not of its transaction.
SELECT onefin.call('ali', 'send', '{"topic": 1, "text": "from afar"}', '192.0.2.7') ? 'result';
SELECT address, db_user = current_user FROM onefin.journal WHERE kind = 'message.sent' ORDER BY id DESC LIMIT 1;
BEGIN;
SELECT t.call('ali', 'send', '{"topic": 1, "text": "a"}', '{message,version}') FROM pg_sleep(0.001);
SELECT at > now(), xact = pg_current_xact_id() FROM onefin.journal WHERE kind = 'message.sent'
    ORDER BY id DESC LIMIT 1;
ROLLBACK;

-- Sealed: every entry once, seals without a gap; in one transaction's order.
CALL t.sealed();
SELECT count(*) = count(DISTINCT e) AS once, count(*) = (SELECT count(*) FROM onefin.journal) AS "every one"
    FROM onefin.seal, unnest(entries) e;
SELECT min(number), max(number) = count(*) AS gapless,
    onefin.position() = max(number) AS position FROM onefin.seal;
SELECT r - 'hash' - 'seals' - 'entries', (r ->> 'entries')::bigint = (SELECT count(*) FROM onefin.journal)
    FROM onefin.journal_verify() r;
-- The chain can be recomputed from what src/canon.c says of it, without the extension.
CREATE FUNCTION t.field(value bytea) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN CASE WHEN value IS NULL THEN '\xffffffff' ELSE int4send(octet_length(value)) || value END;
WITH RECURSIVE chain (number, hash) AS (
    SELECT 0::bigint, decode(repeat('00', 32), 'hex')
    UNION ALL
    SELECT s.number, sha256(c.hash || int8send(s.number) || t.field(timestamptz_send(s.at))
        || t.field(int8send(s.cluster)) || t.field(int8send(s.base_id)) || t.field(s.snapshot::text::bytea) || (
        SELECT string_agg(sha256(t.field(int8send(j.id)) || t.field(int8send(j.xact::text::bigint))
            || t.field(timestamptz_send(j.at)) || t.field(int8send(j.actor_id))
            || t.field(int8send(j.session_id)) || t.field(int8send(j.org_id)) || t.field(int8send(j.topic_id))
            || t.field(int8send(j.subject_id)) || t.field(int8send(j.account_id)) || t.field(int4send(j.version))
            || t.field(j.kind::bytea) || t.field(j.audience::bytea) || t.field(j.db_user::bytea)
            || t.field(convert_to(j.application, 'UTF8'))
            || t.field(convert_to(nullif(format('%s', j.address), ''), 'UTF8')) || t.field(j.digest)
            || t.field(j.record) || t.field(convert_to(j.detail::text, 'UTF8'))), '' ORDER BY e.place)
        FROM unnest(s.entries) WITH ORDINALITY e (id, place) JOIN onefin.journal j USING (id)))
    FROM chain c JOIN onefin.seal s ON s.number = c.number + 1)
SELECT count(*) > 0 AS some, bool_and(c.hash = s.hash) AS same FROM chain c JOIN onefin.seal s USING (number);

-- Events: whole seals in order, their audience, the rendered event; last the position.
CREATE VIEW t.event AS SELECT row_number() OVER (ORDER BY e.seal, e.index) AS n, e.* FROM onefin.events(0) e;
SELECT kind, org, topic, audience, account, session IS NOT NULL AS session,
    t.shown(((event::jsonb - 'seal' - 'index' - 'message')
        || jsonb_strip_nulls(jsonb_build_object('message',
        coalesce(event::jsonb #> '{message,text}', event::jsonb #> '{message,id}',
        event::jsonb -> 'message'))))::text)
FROM onefin.events(:start) ORDER BY seal, index;
SELECT bool_and(event::jsonb ->> 'seal' = seal::text AND event::jsonb ->> 'index' = index::text)
    FROM onefin.events(0) WHERE kind <> 'position';
SELECT kind, audience, seal = onefin.position(), index IS NULL, event IS NULL
    FROM onefin.events(onefin.position());
SELECT kind, seal FROM onefin.events(999999);
-- In pieces the same, and each piece says how far it went.
CREATE FUNCTION t.in_pieces(size integer) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    after bigint := 0;
    e record;
BEGIN
    WHILE after < onefin.position() LOOP
        FOR e IN SELECT * FROM onefin.events(after, size) LOOP
            IF e.kind <> 'position' THEN
                RETURN NEXT e.event;
            ELSE
                ASSERT e.seal = least(after + size, onefin.position());
                after := e.seal;
            END IF;
        END LOOP;
    END LOOP;
END
$$;
SELECT size, (SELECT array_agg(e) FROM t.in_pieces(size) e) = (SELECT array_agg(event ORDER BY seal, index)
    FROM onefin.events(0) WHERE kind <> 'position') FROM unnest(ARRAY[1, 2, 7]) size;
SELECT onefin.events(0, 0);
SELECT onefin.events(NULL);

-- Audience: who may see a company now.
SELECT org, (SELECT jsonb_object_agg(a.login, u.role) FROM onefin.audience(org) u
    JOIN onefin.account a ON a.id = u.account) FROM unnest(ARRAY[1, 2, 99]) org;

-- Resume: what one may see since a position; a part of a seal by its index; nothing without a position.
CREATE FUNCTION t.resumed(who text, params jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT format('reset %s: %s', r -> 'reset',
        (SELECT string_agg(concat_ws(' ', e ->> 'kind', e #>> '{message,text}'), ', ' ORDER BY place)
        FROM jsonb_array_elements(r -> 'events') WITH ORDINALITY x (e, place)))
    FROM CAST(onefin.call(who, 'resume', params) -> 'result' AS jsonb) r
$$;
SELECT who, t.resumed(who, jsonb_build_object('after', :start))
    FROM unnest(ARRAY['boss', 'sup1', 'acc1', 'ali', 'bek']) who;
SELECT t.resumed('ali', '{}'), t.resumed('ali', jsonb_build_object('after', onefin.position())),
    t.resumed('ali', jsonb_build_object('after', onefin.position() + 1));
SELECT t.call('ali', 'resume', jsonb_build_object('after', onefin.position()));
SELECT t.call('ali', 'resume', '{"after": -1}');
-- After each event seen, what follows it is the rest, nothing twice.
SELECT bool_and(t.resumed('boss', jsonb_build_object('after', seen.seal, 'index',
    seen.index)) = format('reset false: %s', rest.rest)) AS "the rest"
FROM t.event seen, LATERAL (SELECT string_agg(concat_ws(' ', e.kind, e.event::jsonb #>> '{message,text}'), ', '
    ORDER BY e.n) AS rest
    FROM t.event e WHERE e.n > seen.n AND e.kind <> 'position'
        AND (e.audience IN ('org', 'staff', 'admin') OR e.account = 1)) rest
WHERE seen.kind <> 'position';
-- Further back than 2000 events: read the state anew.
SELECT count(t.call('bek', 'send', jsonb_build_object('topic', 7, 'text', n::text)))
    FROM generate_series(1, 2001) n;
CALL t.sealed();
SELECT t.resumed('bek', jsonb_build_object('after', :start)),
    length(t.resumed('ali', jsonb_build_object('after', :start))) > 30 AS "ali's are few";

-- The record stands: no UPDATE, DELETE or TRUNCATE by the owner, a superuser, or with triggers at rest.
CREATE TABLE t.attempt AS SELECT format(c, r) AS command
FROM (VALUES ('onefin.journal'), ('onefin.seal')) v (r),
    unnest(ARRAY['UPDATE %s SET at = at', 'DELETE FROM %s', 'TRUNCATE %s']) c;
GRANT SELECT ON t.attempt TO PUBLIC;
SELECT command, t.attempt(command) FROM t.attempt ORDER BY 1;
SET ROLE onefin_owner;
SELECT DISTINCT t.attempt(command) FROM t.attempt ORDER BY 1;
RESET ROLE;
SET session_replication_role = replica;
SELECT DISTINCT t.attempt(command) FROM t.attempt ORDER BY 1;
RESET session_replication_role;
SET SESSION AUTHORIZATION regress_boss;
SELECT command, t.attempt(command) FROM t.attempt ORDER BY 1;
SELECT t.attempt('INSERT INTO onefin.journal (kind, audience, db_user) VALUES (''message.sent'', ''org'', ''ali'')');
RESET SESSION AUTHORIZATION;

-- An admin's view of it: after an id, of a kind, of a company, at most so many.
SELECT jsonb_path_query_array(r, '$.entries[*].kind'), r #>> '{entries,0,actor_name}',
    r #>> '{entries,0,id}' = (:since + 1)::text
    FROM CAST(t.call('boss', 'journal', jsonb_build_object('after', :since, 'limit', 3)) AS jsonb) r;
SELECT jsonb_path_query_array(r, '$.entries[*].kind')
    FROM CAST(t.call('boss', 'journal', '{"kind": "ghost.started"}') AS jsonb) r;
SELECT jsonb_path_query_array(r, '$.entries[*].org')
    FROM CAST(t.call('boss', 'journal', '{"org": 2, "limit": 4}') AS jsonb) r;
SELECT jsonb_array_length(t.call('boss', 'journal', jsonb_build_object('limit', n), '{entries}')::jsonb)
    FROM unnest(ARRAY[0, 1, 5000]) n;
SELECT who, t.call(who, 'journal'), t.call(who, 'journal_verify') FROM unnest(ARRAY['sup1', 'acc1', 'ali']) who;
SELECT (t.call('boss', 'journal_verify')::jsonb) - 'seals' - 'entries',
    t.call('boss', 'journal_verify', '{"from": 2, "to": 3}')::jsonb -> 'seals';
SELECT onefin.journal_verify(1000000);

-- The audience at a place in the order: as it was there, whatever changed since, sealed or not. An
-- entry that changes it is for those of before and of after.
SELECT onefin.position() AS place \gset
SELECT t.call('boss', 'assign', '{"org": 1, "account": 5}', '{assignment,org}'),
    t.call('ali', 'send', '{"topic": 2, "text": "to both"}', '{message,text}'),
    t.call('boss', 'assign', '{"org": 1, "account": 5, "ended": true}', '{assignment,org}'),
    t.call('ali', 'send', '{"topic": 2, "text": "to one"}', '{message,text}'),
    t.call('boss', 'orgs', '{"id": 1, "department": 2}', '{org,department}'),
    t.call('ali', 'send', '{"topic": 2, "text": "to another"}', '{message,text}'),
    t.call('boss', 'accounts', '{"id": 6, "disabled": true}', '{account,disabled}'),
    t.call('acc1', 'send', '{"topic": 2, "text": "to none"}', '{message,text}'),
    t.call('boss', 'orgs', '{"id": 1, "archived": true}', '{org,archived}'),
    t.call('boss', 'orgs', '{"id": 1, "archived": false}', '{org,archived}'),
    t.call('boss', 'orgs', '{"id": 1, "name": "Alfa!", "department": 1}', '{org,name}'),
    t.call('boss', 'accounts', '{"id": 6, "disabled": false, "name": "Ali"}', '{account,disabled}');
CALL t.sealed();
CREATE VIEW t.told AS SELECT e.seal, e.index, e.kind, e.access, e.event::jsonb #>> '{message,text}' AS text,
    (SELECT string_agg(a.login, ' ' ORDER BY a.id) FROM onefin.audience(e.org, e.seal, e.index) u
        JOIN onefin.account a ON a.id = u.account) AS told
    FROM onefin.events(:place) e WHERE e.audience = 'org';
SELECT kind, access, text, told FROM t.told ORDER BY seal, index;
BEGIN;
UPDATE onefin.assignment SET until_at = now() WHERE until_at IS NULL;
SELECT told FROM t.told ORDER BY seal DESC, index DESC LIMIT 1;
SELECT string_agg(a.login, ' ' ORDER BY a.id) AS now FROM onefin.audience(1) u JOIN onefin.account a ON a.id = u.account;
ROLLBACK;

CALL t.leave();
