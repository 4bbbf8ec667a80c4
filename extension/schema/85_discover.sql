-- rpc.discover: the methods as OpenRPC, made from the catalog, the comments and the lists of
-- 84_described.sql, and the notifications as AsyncAPI. What a caller may not call is not in it.
--
-- References are "#/components/schemas/NAME", and both documents have the same schemas there: each
-- may be taken out of the other.

CREATE FUNCTION onefin.json_words() RETURNS jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_object_agg(w.word, w.schema) FROM (
        SELECT t.name AS word, t.schema FROM onefin.json_types() t
        UNION ALL
        SELECT t.name || '?', t.schema || jsonb_build_object('type', jsonb_build_array(t.schema -> 'type', 'null'))
            || CASE WHEN t.schema ? 'enum' THEN jsonb_build_object('enum', (t.schema -> 'enum') || 'null') ELSE '{}' END
        FROM onefin.json_types() t WHERE t.schema ? 'type'
        UNION ALL
        SELECT s.name || n.mark, CASE n.mark WHEN '' THEN r.ref ELSE jsonb_build_object('anyOf', jsonb_build_array(r.ref, '{"type": "null"}'::jsonb)) END
        FROM onefin.json_shapes() s, (VALUES (''), ('?')) n (mark),
            LATERAL (SELECT jsonb_build_object('$ref', '#/components/schemas/' || s.name)) r (ref)) w;
END;
COMMENT ON FUNCTION onefin.json_words() IS 'The words that a shape may have, each with its JSON Schema';

CREATE FUNCTION onefin.shape_schema(shape jsonb, words jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN CASE jsonb_typeof(shape)
        WHEN 'object' THEN (
            SELECT jsonb_strip_nulls(jsonb_build_object('type', 'object', 'properties', jsonb_object_agg(key, CASE jsonb_typeof(value)
                WHEN 'string' THEN coalesce(words -> (value #>> '{}'), '{}') ELSE onefin.shape_schema(value, words) END),
                'required', jsonb_agg(key)))
            FROM jsonb_each(shape))
        WHEN 'array' THEN jsonb_build_object('type', 'array', 'items', onefin.shape_schema(shape -> 0, words))
        ELSE coalesce(words -> (shape #>> '{}'), '{}') END;
END
$$;
COMMENT ON FUNCTION onefin.shape_schema(jsonb, jsonb) IS 'The JSON Schema of a shape (84_described.sql)';

CREATE FUNCTION onefin.comment_shapes(comment text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- {a, b: [{c}]} or {d}, with its names quoted and each without a value given one.
    RETURN concat('[', replace(regexp_replace(regexp_replace(substring(comment FROM '\{.*\}'),
        '[a-z_.]+(?! or)', '"\&"', 'g'), '("[a-z_]+")(?=[,}])', '\1: true', 'g'), '} "or" {', '}, {'), ']')::jsonb;
EXCEPTION
    WHEN data_exception THEN
        RETURN '[]';
END
$$;
COMMENT ON FUNCTION onefin.comment_shapes(text) IS
    'The shapes of results that the comment of a method shows, {...} or {...}: a list, empty where it shows none';

-- A default is a literal, 50, false, 'all'::text, or else is not told: NULL is to leave it out.
CREATE FUNCTION onefin.default_schema(literal text, word text) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN word = 'text' AND literal ~ '^''.*''::text$' THEN jsonb_build_object('default', replace(substring(literal FROM '^''(.*)''::'), '''''', ''''))
    WHEN word = ANY ('{number,small}') AND literal ~ '^''?-?\d+\M' OR word = 'flag' AND literal ~ '^(true|false)$'
        THEN jsonb_build_object('default', substring(literal FROM '[a-z0-9-]+')::jsonb)
    ELSE '{}' END;
COMMENT ON FUNCTION onefin.default_schema(text, text) IS 'What the default of a parameter adds to its JSON Schema';

-- The gateway itself says through which connection somebody watches, and where a device is.
CREATE FUNCTION onefin.method_params(words jsonb) RETURNS TABLE (function oid, params jsonb) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT p.oid, jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', a.name, 'required', a.place <= p.pronargs - p.pronargdefaults,
        'description', d.description)) || jsonb_build_object('schema', coalesce(words -> a.word, '{}')
            || onefin.default_schema(pg_catalog.pg_get_function_arg_default(p.oid, a.place), a.word) || coalesce(d.schema, '{}')) ORDER BY a.place)
    FROM pg_catalog.pg_proc p
        CROSS JOIN LATERAL (
            SELECT p.proargnames[u.place] AS name, u.place::integer, CASE t.typname WHEN 'int8' THEN 'number' WHEN 'int4' THEN 'small'
                WHEN '_int8' THEN 'numbers' WHEN 'bool' THEN 'flag' WHEN 'timestamptz' THEN 'time' WHEN 'uuid' THEN 'uuid' WHEN 'date' THEN 'date'
                WHEN 'numeric' THEN 'decimal' WHEN 'jsonb' THEN 'anything' ELSE 'text' END AS word
            FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u (type, place) JOIN pg_catalog.pg_type t ON t.oid = u.type) a
        LEFT JOIN LATERAL (
            SELECT r.schema, r.description FROM onefin.rpc_params() r
            WHERE r.name = a.name AND (r.methods IS NULL OR p.proname::text = ANY (r.methods))
            ORDER BY r.methods LIMIT 1) d ON true -- NULL, all methods, sorts last
    WHERE (p.pronamespace = 'onefin_api'::regnamespace OR p.oid = 'onefin.login(text, text, text, inet)'::regprocedure)
        AND a.name <> ALL ('{connection,address}')
    GROUP BY p.oid;
END;
COMMENT ON FUNCTION onefin.method_params(jsonb) IS 'The parameters of each function as content descriptors of OpenRPC';

CREATE FUNCTION onefin.discover_methods(role text, words jsonb) RETURNS jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH method AS MATERIALIZED (
        SELECT p.oid AS function, p.proname::text AS name, r.roles, regexp_replace(coalesce(obj_description(p.oid, 'pg_proc'), p.proname),
            '\{"result": (.*)\} or \{"error": ...\}', '\1') AS comment -- login's, which is no method by itself
        FROM pg_catalog.pg_proc p CROSS JOIN LATERAL (
            SELECT array_agg(a.role ORDER BY a.place) FROM unnest('{admin,supervisor,accountant,client}'::text[]) WITH ORDINALITY a (role, place)
            WHERE has_function_privilege('onefin_' || a.role, p.oid, 'EXECUTE') OR p.proname = 'login') r (roles)
        WHERE p.pronamespace = 'onefin_api'::regnamespace OR p.oid = 'onefin.login(text, text, text, inet)'::regprocedure),
    taken AS MATERIALIZED (SELECT t.function, t.params FROM onefin.method_params(words) t)
    SELECT jsonb_agg(jsonb_build_object('name', m.name, 'summary', substring(m.comment FROM '^[^:;]*'), 'description', m.comment,
        'paramStructure', 'by-name', 'x-roles', m.roles,
        'params', CASE m.name WHEN 'resume'
            THEN '[{"name": "token", "required": true, "description": "The token of the login", "schema": {"type": "string"}}]' ELSE '[]' END::jsonb
            || coalesce(p.params, '[]'),
        'result', jsonb_build_object('name', 'result', 'schema', '{"type": "object"}' || CASE jsonb_array_length(s.shapes)
            WHEN 0 THEN '{}' WHEN 1 THEN onefin.shape_schema(s.shapes -> 0, words)
            ELSE jsonb_build_object('anyOf', (SELECT jsonb_agg(onefin.shape_schema(one, words)) FROM jsonb_array_elements(s.shapes) one)) END),
        'errors', (SELECT jsonb_agg(jsonb_build_object('$ref', '#/components/errors/' || e.name) ORDER BY e.code DESC) FROM onefin.rpc_errors() e
            WHERE e.code = ANY ('{-32001,-32007,-32602,-32603}' || d.errors) OR d.name IS NULL)) ORDER BY m.name)
    FROM method m LEFT JOIN taken p ON p.function = m.function LEFT JOIN onefin.rpc_methods() d ON d.name = m.name
        CROSS JOIN LATERAL (SELECT coalesce(CASE jsonb_typeof(d.result) WHEN 'object' THEN jsonb_build_array(d.result) ELSE d.result END,
            onefin.comment_shapes(m.comment))) s (shapes)
    WHERE discover_methods.role = ANY (m.roles);
END;
COMMENT ON FUNCTION onefin.discover_methods(text, jsonb) IS
    'The methods that a role may call, and login, as OpenRPC has them. Four of the errors every one may answer';

CREATE FUNCTION onefin.discover_schemas(words jsonb) RETURNS jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_object_agg(s.name, onefin.shape_schema(s.shape, words) || jsonb_build_object('description', s.description)) FROM onefin.json_shapes() s;
END;
COMMENT ON FUNCTION onefin.discover_schemas(jsonb) IS 'The schemas that both documents refer to';

CREATE FUNCTION onefin.notification_message(name text, method text, params jsonb, description text) RETURNS jsonb LANGUAGE sql STABLE
RETURN jsonb_build_object('name', name, 'title', name, 'summary', description, 'contentType', 'application/json',
    'payload', jsonb_build_object('type', 'object', 'required', '["jsonrpc", "method", "params"]'::jsonb, 'properties',
        jsonb_build_object('jsonrpc', '{"const": "2.0"}'::jsonb, 'method', jsonb_build_object('const', method), 'params', params)));
COMMENT ON FUNCTION onefin.notification_message(text, text, jsonb, text) IS 'A JSON-RPC notification as a message of AsyncAPI';

CREATE FUNCTION onefin.notification_messages(words jsonb) RETURNS TABLE (name text, body jsonb) LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH alike AS MATERIALIZED (
        SELECT m.members, onefin.shape_schema(s.shape || m.members, words) AS params
        FROM (SELECT DISTINCT e.members FROM onefin.event_kinds() e) m, onefin.json_shapes() s WHERE s.name = 'event')
    SELECT e.kind, onefin.notification_message(e.kind, 'event',
        jsonb_set(a.params, '{properties,kind}', jsonb_build_object('const', e.kind)),
        concat(e.description, '; told to ', CASE e.audience WHEN 'org' THEN 'who sees the company' WHEN 'admin' THEN 'admins' ELSE 'the account' END))
    FROM onefin.event_kinds() e JOIN alike a ON a.members = e.members
    UNION ALL
    SELECT n.method, onefin.notification_message(n.method, n.method, onefin.shape_schema(n.params, words), n.description)
    FROM onefin.notifications() n;
END;
COMMENT ON FUNCTION onefin.notification_messages(jsonb) IS 'The messages of the AsyncAPI document: one of each kind of event, and the other notifications';

CREATE FUNCTION onefin.discover_notifications(version text, schemas jsonb, words jsonb) RETURNS jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('asyncapi', '3.0.0', 'defaultContentType', 'application/json',
        'info', jsonb_build_object('title', 'onefin notifications', 'version', version, 'description',
            'What the gateway tells a connection that is logged in, unasked: events, in the order of (seal, index), and others. New kinds will come; ignore unknown ones.'),
        'channels', jsonb_build_object('notifications', jsonb_build_object('address', '/ws',
            'description', 'WebSocket with the subprotocol onefin.v1',
            'messages', jsonb_object_agg(m.name, jsonb_build_object('$ref', '#/components/messages/' || m.name)))),
        'operations', '{"tell": {"action": "send", "channel": {"$ref": "#/channels/notifications"}, "summary": "The gateway tells the client"}}'::jsonb,
        'components', jsonb_build_object('messages', jsonb_object_agg(m.name, m.body), 'schemas', schemas))
    FROM onefin.notification_messages(words) m;
END;
COMMENT ON FUNCTION onefin.discover_notifications(text, jsonb, jsonb) IS 'The notifications as an AsyncAPI document';

CREATE FUNCTION onefin_api."rpc.discover"() RETURNS SETOF jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH word AS MATERIALIZED (SELECT onefin.json_words() AS words),
    shared AS MATERIALIZED (SELECT w.words, onefin.discover_schemas(w.words) AS schemas FROM word w)
    SELECT jsonb_build_object('openrpc', '1.2.6',
        'info', jsonb_build_object('title', 'onefin', 'version', x.extversion, 'description',
            'The conversation of a bookkeeping firm with its clients: JSON-RPC 2.0 over a WebSocket at /ws, subprotocol onefin.v1. What this account may call; x-asyncapi describes what it is told unasked.'),
        'methods', onefin.discover_methods(a.role, s.words),
        'components', jsonb_build_object('schemas', s.schemas, 'errors', (
            SELECT jsonb_object_agg(e.name, jsonb_build_object('code', e.code, 'message', e.message, 'data', e.description)) FROM onefin.rpc_errors() e)),
        'x-asyncapi', onefin.discover_notifications(x.extversion, s.schemas, s.words))
    FROM pg_catalog.pg_extension x, shared s, unnest('{admin,supervisor,accountant,client}'::text[]) a (role)
    WHERE x.extname = 'onefin' AND onefin.acting_as(a.role);
END;
COMMENT ON FUNCTION onefin_api."rpc.discover"() IS
    'What I may call, as an OpenRPC document, and what I am told, as an AsyncAPI document in it: {openrpc, info, methods, components, x-asyncapi}';
