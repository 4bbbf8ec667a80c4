-- Roles and schemas.
--
-- Roles belong to the cluster, not to a database: a second database finds them made. Nothing here
-- may log in; an operator gives LOGIN to onefin_gateway and makes people members of the rest.
-- onefin_owner owns every table and is what the C code acts as for its own bookkeeping. Row-level
-- security is forced on it too, and no policy names it: SET ROLE onefin_owner shows nothing.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['onefin_owner', 'onefin_admin', 'onefin_supervisor',
        'onefin_accountant', 'onefin_client', 'onefin_analyst', 'onefin_gateway']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
    END LOOP;
END
$$;

-- What the gateway sends are tokens, passwords and people's words: none of it belongs in a log.
ALTER ROLE onefin_gateway SET log_parameter_max_length = 0;
ALTER ROLE onefin_gateway SET log_parameter_max_length_on_error = 0;
-- Nor does the line of JSON that could not be read, which PostgreSQL tells as an error's context.
ALTER ROLE onefin_gateway SET log_error_verbosity = 'terse';
-- Each statement inside a call sees what others have committed: who counts sessions or failed logins
-- under a lock would count what was there before it.
ALTER ROLE onefin_gateway SET default_transaction_isolation = 'read committed';
-- Nor plans, in which parameters stand as constants, whoever has them printed: the server, auto_explain
-- or pgaudit. (Of what is not loaded these are names only.)
ALTER ROLE onefin_gateway SET debug_print_parse = off;
ALTER ROLE onefin_gateway SET debug_print_rewritten = off;
ALTER ROLE onefin_gateway SET debug_print_plan = off;
ALTER ROLE onefin_gateway SET auto_explain.log_min_duration = -1;
ALTER ROLE onefin_gateway SET pgaudit.log_parameter = off;

-- The path that our own statements are run under: nothing is to be set and set back for each.
ALTER ROLE onefin_gateway SET search_path = 'pg_catalog', 'pg_temp';

CREATE SCHEMA onefin AUTHORIZATION onefin_owner;
CREATE SCHEMA onefin_api AUTHORIZATION onefin_owner;
COMMENT ON SCHEMA onefin IS 'Tables and rules of the firm''s conversation with its clients';
COMMENT ON SCHEMA onefin_api IS 'The calls: every function here, and nothing else, is a method of onefin.call';

GRANT USAGE ON SCHEMA onefin TO
    onefin_admin, onefin_supervisor, onefin_accountant, onefin_client, onefin_analyst, onefin_gateway;
GRANT USAGE ON SCHEMA onefin_api TO
    onefin_admin, onefin_supervisor, onefin_accountant, onefin_client;
