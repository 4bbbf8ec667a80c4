-- rpc.discover: what is in it for whom, where it comes from, and what it makes of what it does not know.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- Each role finds the methods that it may call, and login. `discover` is none.
CREATE VIEW t.found AS
    SELECT w.who, w.place, m ->> 'name' AS method, m AS body
    FROM unnest(ARRAY['boss', 'sup1', 'acc1', 'ali']) WITH ORDINALITY w (who, place),
        jsonb_array_elements(onefin.call(w.who, 'rpc.discover') -> 'result' -> 'methods') m;
SELECT who, string_agg(method, ' ' ORDER BY method) FROM t.found GROUP BY place, who ORDER BY place;
SELECT t.call('ali', 'discover'), t.call('nobody', 'rpc.discover'), t.call('ali', 'rpc.discover', '{"x": 1}');
-- By SQL it is the same; who is no account finds nothing.
SET SESSION AUTHORIZATION regress_ali;
SELECT jsonb_array_length(d -> 'methods') FROM onefin_api."rpc.discover"() d;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM onefin_api."rpc.discover"();

-- Parameters, with types, bounds and defaults; what the gateway sets is none.
SELECT method, p ->> 'name' AS param, (p -> 'required')::boolean AS required, p -> 'schema' AS schema
FROM t.found, jsonb_array_elements(body -> 'params') WITH ORDINALITY a (p, n)
WHERE who = 'boss' AND method IN ('login', 'resume', 'send', 'history', 'assign', 'settings', 'watch') ORDER BY method, n;
SELECT body - 'params' - 'description' FROM t.found WHERE who = 'ali' AND method = 'edit';
SELECT body -> 'description' FROM t.found WHERE who = 'ali' AND method = 'login';

-- The lists name nothing that is not there: methods, parameters, words of shapes. All nothing.
SELECT d.name FROM onefin.rpc_methods() d EXCEPT SELECT method FROM t.found;
SELECT method FROM t.found EXCEPT SELECT d.name FROM onefin.rpc_methods() d;
SELECT d.name, m FROM onefin.rpc_params() d, unnest(coalesce(d.methods, '{any}')) m
WHERE NOT EXISTS (SELECT FROM t.found f, jsonb_array_elements(f.body -> 'params') p
    WHERE p ->> 'name' = d.name AND (m = 'any' OR f.method = m));
SELECT DISTINCT method, p ->> 'name' AS undescribed FROM t.found, jsonb_array_elements(body -> 'params') p WHERE NOT p ? 'description';
SELECT word FROM (SELECT shape FROM onefin.json_shapes() UNION ALL SELECT result FROM onefin.rpc_methods()
    UNION ALL SELECT members FROM onefin.event_kinds() UNION ALL SELECT params FROM onefin.notifications()) s (shape),
    jsonb_path_query(shape, '$.** ? (@.type() == "string")') w, LATERAL (SELECT w #>> '{}') v (word)
WHERE NOT onefin.json_words() ? word;
-- A result is listed with the names that the comment of its method shows: nothing.
SELECT p.proname, s.shown, d.listed FROM pg_proc p JOIN onefin.rpc_methods() m ON m.name = p.proname,
    LATERAL (SELECT array_agg(k ORDER BY k) FROM jsonb_array_elements(onefin.comment_shapes(obj_description(p.oid, 'pg_proc'))) c,
        jsonb_object_keys(c) k) s (shown),
    LATERAL (SELECT array_agg(k ORDER BY k) FROM jsonb_path_query(m.result, 'lax $[*]') r, jsonb_object_keys(r) k) d (listed)
WHERE p.pronamespace = 'onefin_api'::regnamespace AND s.shown <> d.listed;

-- A method that the lists do not know: its result is what the comment shows, and any error may come.
CREATE FUNCTION onefin_api.extra(word text DEFAULT 'it''s', n integer DEFAULT -7, list bigint[] DEFAULT '{1}', at timestamptz DEFAULT now())
    RETURNS jsonb LANGUAGE sql RETURN '{}'::jsonb;
CREATE FUNCTION onefin_api.bare() RETURNS jsonb LANGUAGE sql RETURN '{}'::jsonb;
COMMENT ON FUNCTION onefin_api.extra(text, integer, bigint[], timestamptz) IS 'Something else: {seal, rows: [{id, names: [first..last]}], x-y} or {none}; {really}';
GRANT EXECUTE ON FUNCTION onefin_api.extra(text, integer, bigint[], timestamptz), onefin_api.bare() TO onefin_client;
SELECT who, method, body -> 'result' -> 'schema' AS result, jsonb_array_length(body -> 'errors') AS errors, body -> 'x-roles' AS roles,
    jsonb_path_query_array(body, '$.params[*].schema') AS params FROM t.found WHERE method IN ('extra', 'bare');
COMMENT ON FUNCTION onefin_api.extra(text, integer, bigint[], timestamptz) IS 'Something else: {seal, rows: [{id, names: [first..last]}]} or {none}';
SELECT body -> 'result' -> 'schema' FROM t.found WHERE method = 'extra';
DROP FUNCTION onefin_api.extra(text, integer, bigint[], timestamptz), onefin_api.bare();

-- Events: each kind that a trigger of the configuration makes is described, and none that is told to nobody.
SELECT concat(c.relname, '.', change) FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid, unnest('{created,changed,deleted}'::text[]) change
WHERE g.tgfoid = 'onefin.audit()'::regprocedure EXCEPT SELECT kind FROM onefin.event_kinds();
SELECT kind, audience FROM onefin.event_kinds() ORDER BY kind COLLATE "C";
CALL t.leave();
