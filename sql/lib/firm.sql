\set ECHO none
-- A firm to test with, made anew. Every file of sql/ begins with it; nothing of it is echoed.
--
--   boss  admin                     sup1, sup2  supervisors of departments 1 and 2
--   acc1  accountant of Alfa        acc2        accountant of Beta
--   ali   client of Alfa            bek         client of Beta
--
-- Alfa is company 1 of department 1, with topics 1 to 5; Beta is company 2 of department 2, with
-- topics 6 to 10. Accounts are numbered from boss (1) to bek (7). Everybody has one session, whose
-- token is the login, and a database user, regress_ and the login. Nobody has a password.
--
-- Helpers are in schema t. Times, tokens and hashes vary, and so are shown as T, positions as N.

\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'Asia/Tashkent';

DROP SCHEMA IF EXISTS t CASCADE;
DROP EXTENSION IF EXISTS onefin CASCADE;
CREATE EXTENSION onefin;
CREATE SCHEMA t;
GRANT USAGE, CREATE ON SCHEMA t TO PUBLIC;

CREATE PROCEDURE t.leave() LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'regress\_%' LOOP
        EXECUTE format('DROP OWNED BY %I; DROP ROLE %I', r.rolname, r.rolname);
    END LOOP;
END
$$;
COMMENT ON PROCEDURE t.leave() IS 'Removes the database users again';
CALL t.leave();

CREATE PROCEDURE t.join(login text, role text, org bigint, department bigint) LANGUAGE plpgsql AS $$
DECLARE
    made bigint;
BEGIN
    EXECUTE format('CREATE ROLE %I IN ROLE %I', 'regress_' || login, 'onefin_' || role);
    INSERT INTO onefin.account (login, name, role, org_id, department_id, db_role)
    VALUES (login, initcap(login), role, org, department, 'regress_' || login) RETURNING id INTO made;
    INSERT INTO onefin.session (account_id, token_hash, expires_at)
    VALUES (made, sha256(login::bytea), now() + interval '1 day');
END
$$;
COMMENT ON PROCEDURE t.join(text, text, bigint, bigint) IS 'Makes an account with a session and a database user';

INSERT INTO onefin.department (name) VALUES ('One'), ('Two');
INSERT INTO onefin.org (name, department_id) VALUES ('Alfa', 1), ('Beta', 2);
CALL t.join('boss', 'admin', NULL, NULL);
CALL t.join('sup1', 'supervisor', NULL, 1);
CALL t.join('sup2', 'supervisor', NULL, 2);
CALL t.join('acc1', 'accountant', NULL, 1);
CALL t.join('acc2', 'accountant', NULL, 2);
CALL t.join('ali', 'client', 1, NULL);
CALL t.join('bek', 'client', 2, NULL);
INSERT INTO onefin.assignment (org_id, account_id) VALUES (1, 4), (2, 5);

CREATE FUNCTION t.shown(value text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN regexp_replace(regexp_replace(regexp_replace(value, '"\d{4}-\d\d-\d\d[T ][^"]*"', '"T"', 'g'),
    '"[0-9a-f]{64}"', '"T"', 'g'), '"seal": \d+', '"seal": "N"', 'g');
COMMENT ON FUNCTION t.shown(text) IS 'Without what varies';

CREATE FUNCTION t.answer(answer jsonb, path text[]) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN answer ? 'error'
    THEN format('%s %s %s', answer #>> '{error,code}', answer #>> '{error,data,sqlstate}',
        answer #>> '{error,message}')
    ELSE t.shown((jsonb_strip_nulls(answer -> 'result') #> path)::text) END;
COMMENT ON FUNCTION t.answer(jsonb,
    text[]) IS 'A result or a part of it, without its nulls; or an error as "code sqlstate message"';

CREATE FUNCTION t.call(who text, method text, params jsonb DEFAULT '{}', path text[] DEFAULT '{}') RETURNS text
LANGUAGE sql RETURN t.answer(onefin.call(who, method, params), path);
COMMENT ON FUNCTION t.call(text, text, jsonb, text[]) IS 'onefin.call with the session of this person';

CREATE FUNCTION t.key(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid;
COMMENT ON FUNCTION t.key(integer) IS 'The nth client_key';

CREATE FUNCTION t.file(who text, topic bigint, name text, type text DEFAULT 'application/pdf') RETURNS jsonb LANGUAGE sql AS $$
    SELECT onefin.file_end(who, (r -> 'document')::bigint, r ->> 'key', topic, name, type, 5, sha256(name::bytea))
    FROM (SELECT onefin.file_begin(who, topic, name) -> 'result' AS r) reserved
$$;
COMMENT ON FUNCTION t.file(text, bigint, text, text) IS 'Uploads a file of 5 bytes: what file_end answers';

CREATE PROCEDURE t.work() LANGUAGE plpgsql AS $$
DECLARE
    j jsonb;
BEGIN
    FOR j IN SELECT jsonb_array_elements(onefin.jobs_take('gate', 100, '{}') -> 'jobs') LOOP
        PERFORM onefin.job_done((j ->> 'job')::bigint, (j ->> 'attempt')::integer, jsonb_build_object('type', j -> 'type',
            'extension', NULL, 'size', 7, 'sha256', encode(sha256('stamped'), 'hex'), 'signed', false, 'preview', jsonb '{"size": 3}'));
    END LOOP;
END
$$;
COMMENT ON PROCEDURE t.work() IS 'Does what gateways have to do: stamps and previews';

CREATE FUNCTION t.upload(who text, topic bigint, name text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    made bigint := t.file(who, topic, name) #> '{result,id}';
BEGIN
    CALL t.work();
    RETURN made;
END
$$;
COMMENT ON FUNCTION t.upload(text, bigint, text) IS 'Uploads a file, which is ready then: its id';

CREATE PROCEDURE t.sealed() LANGUAGE plpgsql AS $$
DECLARE
    give_up constant timestamptz := clock_timestamp() + interval '60 seconds';
BEGIN
    WHILE EXISTS (SELECT id FROM onefin.journal EXCEPT SELECT unnest(entries) FROM onefin.seal) LOOP
        IF clock_timestamp() > give_up THEN
            RAISE 'the journal is not sealed';
        END IF;
        PERFORM pg_sleep(0.01);
        COMMIT;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE t.sealed() IS 'Waits until every entry is sealed';

CREATE FUNCTION t.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
    state text;
    message text;
BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n || ' rows';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    RETURN state || ' ' || message;
END
$$;
COMMENT ON FUNCTION t.attempt(text) IS 'Runs a statement: how many rows it touched, or the error';

RESET client_min_messages;
\set ECHO all
