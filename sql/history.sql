-- History as it stood at a past instant.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- A morning in Alfa's first topic, loaded as a restore would, so that all instants are fixed:
--    1  ali   9:00                             said, never changed
--    2  ali   9:01, edited 9:10, 9:20
--    3  acc1  9:02, edited 9:12, deleted 9:22
--    4  acc1  9:03, edited 9:13                a note
--    5  ali   9:04, deleted 9:14               with a document
--    6  acc1  said on the day before, imported at 9:05
--    7  ali   9:30
SET session_replication_role = replica;
INSERT INTO onefin.message (id, org_id, topic_id, ticket_id, author_id, at, edited_at, deleted_at, version, imported,
    author_role, author_name, visibility, document_ids, digest, text)
SELECT id, 1, 1, 1, CASE WHEN who = 'ali' THEN 6 ELSE 4 END, at::timestamptz, edited_at::timestamptz,
    deleted_at::timestamptz, version, id = 6, CASE WHEN who = 'ali' THEN 'client' ELSE 'accountant' END, who, visibility,
    documents::bigint[], sha256(text::bytea), text
FROM (VALUES (1, 'ali', '2025-11-03 09:00', NULL, NULL, 1, 'all', NULL, 'one'),
    (2, 'ali', '2025-11-03 09:01', '2025-11-03 09:20', NULL, 3, 'all', NULL, 'two, third'),
    (3, 'acc1', '2025-11-03 09:02', '2025-11-03 09:12', '2025-11-03 09:22', 3, 'all', NULL, NULL),
    (4, 'acc1', '2025-11-03 09:03', '2025-11-03 09:13', NULL, 2, 'staff', NULL, 'note, second'),
    (5, 'ali', '2025-11-03 09:04', NULL, '2025-11-03 09:14', 2, 'all', '{51}', NULL),
    (6, 'acc1', '2025-11-02 15:00', NULL, NULL, 1, 'all', NULL, 'imported'),
    (7, 'ali', '2025-11-03 09:30', NULL, NULL, 1, 'all', NULL, 'seven'))
    m (id, who, at, edited_at, deleted_at, version, visibility, documents, text);
INSERT INTO onefin.message_version (message_id, version, org_id, topic_id, author_id, at, replaced_at, operation,
    visibility, digest, text)
SELECT id, version, 1, 1, CASE WHEN id IN (3, 4) THEN 4 ELSE 6 END, at::timestamptz, replaced_at::timestamptz,
    CASE version WHEN 1 THEN 'send' ELSE 'edit' END, CASE id WHEN 4 THEN 'staff' ELSE 'all' END, sha256(text::bytea), text
FROM (VALUES (2, 1, '2025-11-03 09:01', '2025-11-03 09:10', 'two, first'),
    (2, 2, '2025-11-03 09:10', '2025-11-03 09:20', 'two, second'),
    (3, 1, '2025-11-03 09:02', '2025-11-03 09:12', 'three, first'),
    (3, 2, '2025-11-03 09:12', '2025-11-03 09:22', 'three, second'),
    (4, 1, '2025-11-03 09:03', '2025-11-03 09:13', 'note, first'),
    (5, 1, '2025-11-03 09:04', '2025-11-03 09:14', 'five')) v (id, version, at, replaced_at, text);
INSERT INTO onefin.document (id, org_id, topic_id, message_id, uploader_id, uploader_name, by_client, state, name, type, size, sha256, store_key,
    withdrawn_at)
VALUES (51, 1, 1, 5, 6, 'Ali', true, 'ready', 'five.pdf', 'application/pdf', 5, sha256('five'), 'k/51', '2025-11-03 09:14');
RESET session_replication_role;

-- One line per message and viewer: its text; <hidden>, where an earlier text is not theirs; <deleted>, a tombstone.
CREATE FUNCTION t.at(who text, as_of text, more jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat(m -> 'id', ' ', CASE WHEN (m -> 'hidden')::boolean THEN '<hidden>'
        WHEN m ->> 'deleted_at' IS NOT NULL THEN '<deleted>' ELSE m ->> 'text' END), E'\n' ORDER BY place)
    FROM jsonb_array_elements(onefin.call(who, 'history', jsonb_build_object('topic', 1, 'as_of', as_of) || more)
        #> '{result,messages}') WITH ORDINALITY d (m, place)
$$;
\pset format aligned
\pset tuples_only off
SELECT as_of, t.at('boss', as_of) AS boss, t.at('acc1', as_of) AS acc1, t.at('ali', as_of) AS ali
FROM unnest(ARRAY['2025-11-02 14:59+05', '2025-11-03 08:59:59+05', '2025-11-03 09:05+05', '2025-11-03 09:11+05',
    '2025-11-03 09:15+05', '2025-11-03 09:21+05', '2025-11-03 09:25+05', '2025-11-03 09:30+05']) as_of ORDER BY as_of;
-- A supervisor sees what an admin does; a client too when the firm lets clients see versions, but for notes.
SELECT t.at('sup1', '2025-11-03 09:11+05') = t.at('boss', '2025-11-03 09:11+05') AS supervisor,
    t.call('boss', 'settings', '{"name": "client_sees_versions", "value": true}', '{settings,client_sees_versions}');
SELECT t.at('ali', '2025-11-03 09:11+05') AS ali;
SELECT t.call('boss', 'settings', '{"name": "client_sees_versions", "value": false}', '{settings,client_sees_versions}');
\pset format unaligned
\pset tuples_only on
-- On the very moment: what was said, edited or deleted then is as it was made.
SELECT t.at('boss', '2025-11-03 09:10:00+05', '{"before": 3, "limit": 1}'),
    t.at('boss', '2025-11-03 09:09:59.999999+05', '{"before": 3, "limit": 1}'),
    t.at('boss', '2025-11-03 09:22:00+05', '{"before": 4, "limit": 1}');
-- At infinity, and with as_of null, it stands as now.
SELECT as_of, jsonb_path_query_array(onefin.call('boss', 'history', jsonb_build_object('topic', 1, 'as_of', as_of)),
    '$.result.messages[*].text') FROM unnest(ARRAY['infinity', NULL]) as_of;

-- A message in full: the version that held, when that was made, its documents; one that is hidden tells none of it.
SELECT t.shown(jsonb_strip_nulls(m)::text) FROM jsonb_array_elements(onefin.call('boss', 'history',
    '{"topic": 1, "as_of": "2025-11-03 09:13:30+05"}') #> '{result,messages}') m WHERE (m -> 'id')::int IN (3, 5);
SELECT t.shown((m - '{author_role,imported,visibility,ticket,topic,org,client_key}'::text[])::text)
FROM jsonb_array_elements(onefin.call('ali', 'history', '{"topic": 1, "as_of": "2025-11-03 09:13:30+05"}')
    #> '{result,messages}') m WHERE (m -> 'id')::int IN (3, 5);
SELECT onefin.call('boss', 'history', '{"topic": 1, "as_of": "2025-11-03 09:11+05"}') #> '{result,as_of}';

-- Pages: of what was there then, the newest first.
SELECT place, r -> 'more' AS more, jsonb_path_query_array(r, '$.messages[*].id') AS ids
FROM unnest('{null,6,3,2}'::text[]) WITH ORDINALITY p (before, place), CAST(onefin.call('boss', 'history',
    jsonb_build_object('topic', 1, 'as_of', '2025-11-03 09:11+05', 'limit', 2, 'before', before::int)) -> 'result' AS jsonb) r
ORDER BY place;

-- Each such look is journaled, for admins; one that is refused is none, and neither is a usual one.
SELECT t.call('boss', 'history', '{"topic": 1}', '{more}'), t.call('bek', 'history', '{"topic": 1, "as_of": "2025-11-03"}'),
    t.call('ali', 'history', '{"topic": 99, "as_of": "2025-11-03"}'), t.call('ali', 'history', '{"topic": 1, "as_of": "soon"}');
SELECT actor_id, org_id, topic_id, audience, detail ->> 'as_of', count(*) FROM onefin.journal WHERE kind = 'history.read'
    AND (detail ->> 'as_of' LIKE '%09:11%' OR actor_id <> 1) GROUP BY 1, 2, 3, 4, 5 ORDER BY 5, 1;

-- By plain SQL the same call; it cannot go unjournaled.
SET SESSION AUTHORIZATION regress_acc1;
SELECT jsonb_path_query_array(onefin_api.history(1, as_of => '2025-11-03 09:11+05'), '$.messages[*].text');
SELECT jsonb_path_query_array(r, '$.messages[*].text') FROM onefin_api.history(1, as_of => '2025-11-03 09:11+05') r;
BEGIN READ ONLY;
SELECT count(*) FROM onefin_api.history(1);
SELECT count(*) FROM onefin_api.history(1, as_of => '2025-11-03 09:11+05');
ROLLBACK;
SELECT onefin.history_at(6, NULL, 50, '2025-11-03 09:11+05');
SELECT onefin.history_at(1, NULL, 50, NULL);
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM onefin.journal WHERE kind = 'history.read' AND db_user = 'regress_acc1';
SELECT role FROM unnest(ARRAY['onefin_analyst', 'onefin_gateway', 'public']) role
WHERE has_function_privilege(role, 'onefin.history_at(bigint, bigint, integer, timestamptz)', 'EXECUTE');

CALL t.leave();
