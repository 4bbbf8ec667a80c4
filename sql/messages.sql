-- Messages: sending, repeating, editing, deleting, by calls and by plain SQL; documents with them.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- A message in full, and the round of the topic that it opens.
SELECT t.call('ali', 'send',
    '{"topic": 1, "text": "Salom", "client_key": "00000000-0000-4000-8000-000000000001"}');
SELECT org_id, topic_id, state, opened_by FROM onefin.ticket;

-- The same key again gives the first message, whatever the text; another person's key is another's.
SELECT t.call('ali', 'send',
    '{"topic": 1, "text": "Salom", "client_key": "00000000-0000-4000-8000-000000000001"}', '{repeated}'),
    t.call('ali', 'send', '{"topic": 2, "text": "?", "client_key": "00000000-0000-4000-8000-000000000001"}',
        '{message,text}'),
    t.call('acc1', 'send', '{"topic": 1, "text": "Javob", "client_key": "00000000-0000-4000-8000-000000000001"}',
        '{repeated}');
SELECT id, text, author_name FROM onefin.message ORDER BY id;
-- So too where the repeated call would be refused by itself, and in plain SQL, where nothing is tried twice.
SELECT t.call('ali', 'send', '{"topic": 1, "text": "", "client_key": "00000000-0000-4000-8000-000000000001"}',
    '{message,text}'),
    t.call('ali', 'send', '{"topic": 999, "text": "?", "client_key": "00000000-0000-4000-8000-000000000001"}',
        '{message,text}');
SET SESSION AUTHORIZATION regress_ali;
SELECT onefin_api.send(1, 'Salom', '00000000-0000-4000-8000-000000000001') -> 'repeated';
RESET SESSION AUTHORIZATION;
-- Without a key each is another.
SELECT t.call('ali', 'send', '{"topic": 1, "text": "Salom"}', '{message,id}') <> t.call('ali', 'send',
    '{"topic": 1, "text": "Salom"}', '{message,id}');
-- A key whose message is out of one's sight by now is a key taken, not an internal error.
SELECT t.call('boss', 'assign', '{"org": 2, "account": 4}', '{assignment,org}'),
    t.call('acc1', 'send', '{"topic": 6, "text": "Beta", "client_key": "00000000-0000-4000-8000-000000000002"}',
    '{repeated}'),
    t.call('boss', 'assign', '{"org": 2, "account": 4, "ended": true}', '{assignment,org}');
SELECT t.call('acc1', 'send',
    '{"topic": 1, "text": "Alfa", "client_key": "00000000-0000-4000-8000-000000000002"}');
-- After a failed try the key is free.
SELECT t.call('ali', 'send', '{"topic": 1, "text": "", "client_key": "00000000-0000-4000-8000-000000000003"}'),
    t.call('ali', 'send', '{"topic": 1, "text": "now", "client_key": "00000000-0000-4000-8000-000000000003"}',
        '{repeated}');

-- What a message must be: not empty, at most 16384 characters (not bytes), to everybody or to staff.
SELECT t.call('ali', 'send', '{"topic": 1}');
SELECT t.call('ali', 'send', jsonb_build_object('topic', 1, 'text', E' \t\r\n'));
SELECT t.call('ali', 'send', jsonb_build_object('topic', 1, 'text', repeat('ў', 16385)));
SELECT length(t.call('ali', 'send', jsonb_build_object('topic', 1, 'text', repeat('ў', 16384)), '{message,text}'));
SELECT t.call('ali', 'send', '{"topic": 1, "text": "x", "visibility": "friends"}');
SELECT t.call('ali', 'send', '{"topic": 1, "text": "x", "visibility": "staff"}');
-- A topic that is not there and one that is somebody else's: one answer.
SELECT t.call('ali', 'send', '{"topic": 6, "text": "x"}'), t.call('ali', 'send', '{"topic": 99, "text": "x"}');

-- Rounds: closed by staff only, once; the next message opens the next.
SELECT t.call('ali', 'close', '{"topic": 1}');
SELECT t.call('acc1', 'close', '{"topic": 1}'), t.call('acc1', 'close', '{"topic": 1}'),
    t.call('acc1', 'close', '{"topic": 2}');
SELECT t.call('acc1', 'close', '{"topic": 6}'), t.call('acc1', 'close', '{"topic": 99}');
SELECT t.call('ali', 'send', '{"topic": 1, "text": "again"}', '{message,text}');
SELECT topic_id, state, opened_by, closed_by, closed_at IS NOT NULL FROM onefin.ticket ORDER BY id;

-- Editing names the version it was made from. A stale one is refused and changes nothing.
SELECT t.call('acc1', 'send', '{"topic": 1, "text": "Hisob 12"}', '{message,id}') AS m \gset
SELECT t.call('acc1', 'edit', jsonb_build_object('message', :m, 'version', 1, 'text', 'Hisob 13'),
    '{message,version}');
SELECT t.call('acc1', 'edit', jsonb_build_object('message', :m, 'version', 1, 'text',
    'Hisob 14')) LIKE '-32004 40OF1 message % is at version 2, not 1';
SELECT t.call('acc1', 'edit', jsonb_build_object('message', :m, 'version', 3, 'text',
    'Hisob 14')) LIKE '-32004 40OF1 %';
SELECT text, version, edited_at IS NOT NULL AS edited, deleted_at IS NOT NULL AS deleted
    FROM onefin.message WHERE id = :m;
-- The same text again is no edit; an empty one, one that is too long and none are refused.
SELECT t.call('acc1', 'edit', jsonb_build_object('message', :m, 'version', 2, 'text', 'Hisob 13'),
    '{message,version}');
SELECT t.call('acc1', 'edit', jsonb_build_object('message', :m, 'version', 2, 'text', ' '));
SELECT t.call('acc1', 'edit', jsonb_build_object('message', :m, 'version', 2, 'text', repeat('x', 16385)));
SELECT t.call('acc1', 'edit', jsonb_build_object('message', :m, 'version', 2));
-- A repeated edit, whose answer was lost, is answered as the first was; it makes no version. From another
-- version, with another text, or by another person, it is stale.
SELECT t.call('acc1', 'edit', jsonb_build_object('message', :m, 'version', 1, 'text', 'Hisob 13'), '{message,version}'),
    (SELECT version FROM onefin.message WHERE id = :m),
    (SELECT count(*) FROM onefin.message_version WHERE message_id = :m) AS earlier,
    (SELECT count(*) FROM onefin.journal WHERE kind = 'message.edited' AND subject_id = :m) AS entries;
SELECT t.call('acc1', 'edit', jsonb_build_object('message', :m, 'version', 0, 'text', 'Hisob 13')) LIKE '-32004 40OF1 %',
    t.call('acc1', 'edit', jsonb_build_object('message', :m, 'version', 1, 'text', 'Hisob 13 ')) LIKE '-32004 40OF1 %',
    t.call('acc1', 'edit', jsonb_build_object('message', :m, 'version', 2147483647, 'text', 'Hisob 13')) LIKE '-32004 40OF1 %',
    t.call('sup1', 'edit', jsonb_build_object('message', :m, 'version', 1, 'text', 'Hisob 13')) LIKE '-32002 42501 %';
-- Only its author changes a message, no supervisor and no admin; who does not see it is told so.
SELECT who, regexp_replace(t.call(who, 'edit', jsonb_build_object('message', :m, 'version', 2, 'text', 'x')),
    '\d+( is|$)', 'M\1'),
    regexp_replace(t.call(who, 'delete', jsonb_build_object('message', :m, 'version', 2)), '\d+( is|$)', 'M\1')
FROM unnest(ARRAY['boss', 'sup1', 'ali', 'bek']) who;
SELECT t.call('bek', 'edit', '{"message": 9999, "version": 2, "text": "x"}');

-- Deleting leaves a tombstone: the row stays, its text does not; it is not edited or deleted again.
SELECT t.call('acc1', 'delete', jsonb_build_object('message', :m, 'version', 1)) LIKE '-32004 40OF1 %';
SELECT t.call('acc1', 'delete', jsonb_build_object('message', :m, 'version', 2),
    '{message}') ~ '"version": 3.*"deleted_at": "T"' AS deleted;
SELECT text IS NULL, version, deleted_at IS NOT NULL FROM onefin.message WHERE id = :m;
-- Repeated, it is answered with the tombstone; by another, or from another version, it is refused.
SELECT t.call('acc1', 'delete', jsonb_build_object('message', :m, 'version', 2),
    '{message}') ~ '"version": 3.*"deleted_at": "T"' AS repeated, (SELECT version FROM onefin.message WHERE id = :m),
    (SELECT count(*) FROM onefin.journal WHERE kind = 'message.deleted' AND subject_id = :m) AS entries;
SELECT t.call('sup1', 'delete', jsonb_build_object('message', :m, 'version', 2)) LIKE '-32002 42501 %',
    t.call('acc1', 'delete', jsonb_build_object('message', :m, 'version', 1)) LIKE '-32005 55000 message % is deleted',
    t.call('acc1', 'delete', jsonb_build_object('message', :m, 'version', 3)) LIKE '-32005 55000 message % is deleted';
SELECT t.call('acc1', 'edit', jsonb_build_object('message', :m, 'version', 3, 'text',
    'back')) LIKE '-32005 55000 message % is deleted', t.call('acc1', 'edit', jsonb_build_object('message', :m, 'version', 1,
    'text', 'Hisob 13')) LIKE '-32005 55000 message % is deleted';
SELECT version, operation, text, digest = sha256(text::bytea) AS digest, at < replaced_at AS "before"
    FROM onefin.message_version WHERE message_id = :m ORDER BY 1;

-- By plain SQL, as a database user: one writes as oneself, and only topic, text, key, visibility,
-- reply_to and documents are the writer's to say.
SET SESSION AUTHORIZATION regress_ali;
INSERT INTO onefin.message (topic_id, text) VALUES (2, 'by hand') RETURNING id AS m \gset
SELECT org_id, topic_id, author_id, author_role, author_name, version, visibility, imported,
    at > now() - interval '1 minute' AS now FROM onefin.message WHERE id = :m;
INSERT INTO onefin.message (topic_id, text, author_id) VALUES (2, 'as boss', 1);
INSERT INTO onefin.message (topic_id, text, at) VALUES (2, 'last year', '2020-01-01');
INSERT INTO onefin.message (topic_id, text, org_id) VALUES (2, 'elsewhere', 2);
INSERT INTO onefin.message (topic_id, text) VALUES (6, 'to Beta');
INSERT INTO onefin.message (topic_id, text) VALUES (2, '');
INSERT INTO onefin.message (topic_id, text, visibility) VALUES (2, 'a note', 'staff');
UPDATE onefin.message SET text = 'by hand, better' WHERE id = :m;
UPDATE onefin.message SET author_id = 1 WHERE id = :m;
UPDATE onefin.message SET version = 1, edited_at = NULL WHERE id = :m;
UPDATE onefin.message SET text = 'not mine' WHERE author_id <> 6;
UPDATE onefin.message SET text = NULL WHERE id = :m;
SELECT version, text, edited_at IS NOT NULL, deleted_at IS NOT NULL FROM onefin.message WHERE id = :m;
UPDATE onefin.message SET text = 'back again' WHERE id = :m;
INSERT INTO onefin.message (topic_id, text) VALUES (2, 'soon gone') RETURNING id AS n \gset
DELETE FROM onefin.message WHERE id = :n;
DELETE FROM onefin.message;
SELECT count(*) FILTER (WHERE deleted_at IS NULL AND author_id = 6) AS "mine that stand",
    count(*) FILTER (WHERE deleted_at IS NULL) > 0 AS "others' that stand" FROM onefin.message;
TRUNCATE onefin.message;
RESET SESSION AUTHORIZATION;
SELECT version, operation, text FROM onefin.message_version WHERE message_id IN (:m, :n)
    ORDER BY message_id, version;

-- A superuser, too: of an UPDATE only the text counts, a DELETE is a tombstone, TRUNCATE is refused.
SELECT t.call('acc1', 'send', '{"topic": 3, "text": "mine"}', '{message,id}') AS m \gset
UPDATE onefin.message SET text = 'changed', author_id = 1, org_id = 2, at = '2020-01-01', version = 9,
    visibility = 'staff', client_key = t.key(9) WHERE id = :m;
UPDATE onefin.message SET text = 'changed' WHERE id = :m;
SELECT text, author_id, org_id, at > '2021-01-01', version, visibility, client_key
    FROM onefin.message WHERE id = :m;
UPDATE onefin.message SET author_id = 1 WHERE id = :m;
DELETE FROM onefin.message WHERE id = :m;
SELECT text, author_id, version, deleted_at IS NOT NULL FROM onefin.message WHERE id = :m;
DELETE FROM onefin.message WHERE id = :m;
UPDATE onefin.message SET text = 'back again', deleted_at = NULL WHERE id = :m;
TRUNCATE onefin.message;
-- Who has no account cannot write, not even a superuser.
INSERT INTO onefin.message (topic_id, text) VALUES (3, 'by nobody');
-- The journal has whoever did it: the account, if there is one, and the database user.
SELECT kind, version, actor_id, db_user = current_user AS superuser FROM onefin.journal
    WHERE kind LIKE 'message.%' AND subject_id = :m ORDER BY id;

-- Answers stay in their topic; a public one names a public one, which must be in sight.
SELECT t.call('acc1', 'send', '{"topic": 4, "text": "note", "visibility": "staff"}', '{message,id}') AS note,
    t.call('acc1', 'send', '{"topic": 4, "text": "said"}', '{message,id}') AS said,
        t.call('acc2', 'send', '{"topic": 6, "text": "Beta"}', '{message,id}') AS beta \gset
SELECT t.call('ali', 'send', jsonb_build_object('topic', 4, 'text', 'x', 'reply_to', :said),
    '{message,reply_to}')::bigint = :said,
    t.call('acc1', 'send', jsonb_build_object('topic', 4, 'text', 'x', 'reply_to', :note, 'visibility', 'staff'),
        '{message,reply_to}')::bigint = :note,
    t.call('acc1', 'send', jsonb_build_object('topic', 4, 'text', 'x', 'reply_to', :said, 'visibility', 'staff'),
        '{message,reply_to}')::bigint = :said;
SELECT what, replace(t.call(who, 'send', jsonb_build_object('topic', topic, 'text', 'x', 'reply_to',
    id)), id::text, 'M')
FROM (VALUES ('a note, by a client', 'ali', 4, :note), ('a note, in public', 'acc1', 4, :note),
    ('another topic', 'acc1', 5, :said),
    ('another company', 'acc1', 4, :beta), ('not there', 'acc1', 4, 9999)) v (what, who, topic, id);

-- Staff's notes: staff of the company see them, in history, among the unread and as the last one.
SELECT t.call('acc1', 'send', '{"topic": 5, "text": "public"}', '{message,text}'),
    t.call('sup1', 'send', '{"topic": 5, "text": "note", "visibility": "staff"}', '{message,text}');
SELECT who, jsonb_path_query_array(t.call(who, 'history', '{"topic": 5}', '{messages}')::jsonb, '$[*].text'),
    jsonb_path_query_first(t.call(who, 'topics', '{}', '{orgs,0,topics}')::jsonb,
        '$[*] ? (@.kind == "waybill")') - 'names' #- '{last}' AS topic,
    jsonb_path_query_first(t.call(who, 'topics', '{}', '{orgs,0,topics}')::jsonb,
        '$[*] ? (@.kind == "waybill").last.text') AS last
FROM unnest(ARRAY['boss', 'sup1', 'acc1', 'ali']) who;

-- History: pages of the newest, upwards.
SELECT count(t.call('bek', 'send', jsonb_build_object('topic', 7, 'text', n::text))) FROM generate_series(1, 7) n;
SELECT jsonb_path_query_array(page, '$.messages[*].text') AS texts, page -> 'more' AS more,
    page #> '{messages,0,id}' AS first
FROM CAST(t.call('bek', 'history', '{"topic": 7, "limit": 3}') AS jsonb) page \gset page_
SELECT :'page_texts', :'page_more';
SELECT jsonb_path_query_array(page, '$.messages[*].text'), page -> 'more'
    FROM CAST(t.call('bek', 'history', jsonb_build_object('topic', 7, 'limit', 3, 'before',
    :page_first)) AS jsonb) page;
SELECT jsonb_path_query_array(page, '$.messages[*].text'), page -> 'more'
    FROM CAST(t.call('bek', 'history', jsonb_build_object('topic', 7, 'limit', 4, 'before',
    :page_first)) AS jsonb) page;
SELECT jsonb_array_length(t.call('bek', 'history', jsonb_build_object('topic', 7, 'limit', n),
    '{messages}')::jsonb) FROM unnest(ARRAY[-1, 0, 1, 1000]) n;
SELECT count(t.call('bek', 'send', jsonb_build_object('topic', 7, 'text', n::text)))
    FROM generate_series(8, 210) n;
SELECT jsonb_array_length(t.call('bek', 'history', jsonb_build_object('topic', 7, 'limit', n),
    '{messages}')::jsonb) FROM unnest(ARRAY[200, 201]) n;
SELECT jsonb_array_length(t.call('bek', 'history', '{"topic": 7}', '{messages}')::jsonb);

-- Read marks go forward only, to messages that are there; what supervisors and admins read is theirs.
SELECT min(id) AS first, max(id) AS last FROM onefin.message WHERE topic_id = 7 \gset
SELECT jsonb_path_query_first(t.call('acc2', 'topics', '{}', '{orgs,0,topics}')::jsonb, '$[1].unread');
SELECT replace(t.call('acc2', 'read', jsonb_build_object('topic', 7, 'message', :last)), :'last', 'M'),
    replace(t.call('acc2', 'read', jsonb_build_object('topic', 7, 'message', :first)), :'first', 'M');
SELECT jsonb_path_query_first(t.call('acc2', 'topics', '{}', '{orgs,0,topics}')::jsonb, '$[1].unread');
SELECT t.call('acc2', 'read', '{"topic": 7, "message": 9999}'),
    t.call('acc2', 'read', '{"topic": 1, "message": 1}'), t.call('acc2', 'read', '{"topic": 99, "message": 1}');
SELECT replace(t.call('acc2', 'read', jsonb_build_object('topic', 8, 'message', :first)), :'first', 'M');
SELECT t.call(who, 'read', jsonb_build_object('topic', 7, 'message', :last)) IS NOT NULL
    FROM unnest(ARRAY['sup2', 'boss']) who;
SELECT account_id, message_id = :last, ghost FROM onefin.read_mark ORDER BY account_id;
SELECT who, replace(t.call(who, 'members', '{"org": 2}'), :'last', 'M')
    FROM unnest(ARRAY['bek', 'acc2', 'sup2', 'boss']) who;
SELECT kind, actor_id, account_id, audience FROM onefin.journal WHERE kind = 'topic.read' ORDER BY id;
-- Who reads a note has read what came before it; that there was a note, a client learns from neither.
SELECT t.call('bek', 'send', '{"topic": 7, "text": "before"}', '{message,id}') AS before,
    t.call('acc2', 'send', '{"topic": 7, "text": "note", "visibility": "staff"}', '{message,id}') AS note \gset
SELECT t.call('acc2', 'read', jsonb_build_object('topic', 7, 'message', :note)) IS NOT NULL;
SELECT who, replace(replace(t.call(who, 'members', '{"org": 2}', '{marks}'), :'before', 'B'), :'note', 'N'),
    replace(t.call(who, 'topics', '{}', '{orgs,0,topics,1,unread}'), :'note', 'N')
    FROM unnest(ARRAY['bek', 'acc2', 'sup2']) who;
SET SESSION AUTHORIZATION regress_bek;
SELECT account_id, visibility, message_id = :before FROM onefin.read_mark ORDER BY 1, 2;
RESET SESSION AUTHORIZATION;
SELECT actor_id, audience, CASE subject_id WHEN :before THEN 'B' WHEN :note THEN 'N' END FROM onefin.journal
    WHERE kind = 'topic.read' AND subject_id >= :before ORDER BY id;
SELECT t.call('acc2', 'send', '{"topic": 9, "text": "note", "visibility": "staff"}', '{message,id}') AS note \gset
SELECT t.call('acc2', 'read', jsonb_build_object('topic', 9, 'message', :note)) IS NOT NULL;
SELECT visibility, message_id = :note FROM onefin.read_mark WHERE topic_id = 9;

-- Documents: reserved, stored, listed to their uploader only until they are sent; sent once.
SELECT t.answer(onefin.file_begin('ali', 1, 'a/b.pdf'), '{}'), t.answer(onefin.file_begin('ali', 1, ' '), '{}'),
    t.answer(onefin.file_begin('ali', 1, repeat('x', 256)), '{}');
SELECT t.answer(onefin.file_begin('ali', 6, 'x.pdf'), '{}'),
    t.answer(onefin.file_begin('ali', 99, 'x.pdf'), '{}'), t.answer(onefin.file_begin('?', 1, 'x.pdf'), '{}');
SELECT t.upload('ali', 1, 'one.pdf') AS one, t.upload('ali', 1, 'two.pdf') AS two,
    t.upload('acc1', 1, 'note.pdf') AS note, t.upload('ali', 2, 'elsewhere.pdf') AS other \gset
SELECT onefin.file_begin('ali', 1,
    'x.pdf') #>> '{result,key}' ~ '^\d{4}/\d\d/\d+-[0-9a-f]{32}$' AS "key that cannot be guessed";
SELECT t.shown((SELECT body FROM onefin.document_body WHERE id = :one)::text);
SELECT who, jsonb_path_query_array(t.call(who, 'documents', '{"topic": 1}', '{documents}')::jsonb, '$[*].name')
    FROM unnest(ARRAY['ali', 'acc1', 'sup1', 'boss']) who;
SELECT t.answer(onefin.file_get('acc1', :one), '{}') = replace('-32003 P0002 no document N', 'N',
    :'one') AS "not yet sent", t.answer(onefin.file_get('ali', :one), '{name}') AS mine;
SELECT t.call('acc1', 'send', jsonb_build_object('topic', 1, 'documents', ARRAY[:one])) AS "another's",
    t.call('ali', 'send', jsonb_build_object('topic', 1, 'documents', ARRAY[:other])) AS "of another topic",
        t.call('ali', 'send', '{"topic": 1, "documents": []}') AS none;
SELECT t.call('ali', 'send', '{"topic": 1, "text": "none with it", "documents": []}',
    '{message,documents}') AS "an empty list is none";
SELECT t.call('ali', 'send', jsonb_build_object('topic', 1, 'documents', ARRAY[:one, :one])) AS twice;
SELECT t.call('ali', 'send', jsonb_build_object('topic', 1, 'documents', ARRAY[:one, :two]),
    '{message,id}') AS m \gset
SELECT jsonb_path_query_array(t.call('acc1', 'history', '{"topic": 1, "limit": 1}', '{messages,0}')::jsonb,
    '$.documents[*].name');
SELECT t.call('ali', 'send', jsonb_build_object('topic', 1, 'text', 'again', 'documents', ARRAY[:one]));
SELECT t.call('acc1', 'send', jsonb_build_object('topic', 1, 'text', 'for us', 'visibility', 'staff', 'documents',
    ARRAY[:note]), '{message,text}');
SELECT who, jsonb_path_query_array(t.call(who, 'documents', '{"topic": 1}', '{documents}')::jsonb, '$[*].name')
    FROM unnest(ARRAY['ali', 'acc1', 'sup1', 'boss']) who;
SELECT t.answer(onefin.file_get('acc1', :one),
    '{}') ~ '"key": "\d{4}/\d\d/\d+-[0-9a-f]{32}"' AS "now it is there",
    t.answer(onefin.file_get('ali', :note), '{}') ~ '^-32003 P0002 no document \d+$' AS "not a client's",
    t.answer(onefin.file_get('bek', :one), '{}') ~ '^-32003 P0002 no document \d+$' AS "not another's",
        t.answer(onefin.file_get('bek', 9999), '{}');
-- A message with documents may lose its text; deleted, it takes them along, except for those who see versions.
SELECT t.call('ali', 'edit', jsonb_build_object('message', :m, 'version', 1, 'text', ' '), '{message,version}');
SELECT t.call('ali', 'delete', jsonb_build_object('message', :m, 'version', 2), '{message,documents}');
SELECT who, jsonb_path_query_array(t.call(who, 'documents', '{"topic": 1}', '{documents}')::jsonb, '$[*].name'),
    t.answer(onefin.file_get(who, :one), '{name}') ~ '^-32003' AS gone
FROM unnest(ARRAY['ali', 'acc1', 'sup1', 'boss']) who;
-- Stored twice, or with a hash of another length: refused.
SELECT t.answer(onefin.file_end('ali', :one, 'k', 1, 'x.pdf', 'application/pdf', 5, sha256('x')), '{}');
SELECT t.answer(onefin.file_end('ali', 9999, 'k', 1, 'x.pdf', 'application/pdf', 5, 'x'), '{}');
SELECT t.answer(onefin.file_end('ali', 9999, 'k', 1, 'x.pdf', 'application/pdf', -5, sha256('x')), '{}');
SELECT t.answer(onefin.file_end('ali', 9999, 'k', 6, 'x.pdf', 'application/pdf', 5, sha256('x')), '{}');
SELECT kind, count(*), count(digest) FROM onefin.journal WHERE kind LIKE 'document.%' GROUP BY 1 ORDER BY 1;

-- Importing: an admin only, of people who may take part, of the past, once a key; journaled as such.
SELECT t.call('boss', 'import',
    '{"topic": 10, "author": 7, "text": "then", "at": "2020-02-03T04:05:06Z", "client_key": "00000000-0000-4000-8000-000000000007"}',
    '{message,at}'),
    t.call('boss', 'import', '{"topic": 10, "author": 7, "text": "then", "at": "2020-02-03T04:05:06Z", "client_key": "00000000-0000-4000-8000-000000000007"}',
        '{repeated}');
SELECT at AT TIME ZONE 'UTC', imported, author_id, author_name, author_role FROM onefin.message
    WHERE topic_id = 10;
SELECT kind, actor_id, audience FROM onefin.journal WHERE topic_id = 10 AND kind LIKE 'message.%';
SELECT t.call('boss', 'import',
    '{"topic": 10, "author": 6, "text": "x", "at": "2020-02-03T04:05:06Z", "client_key": "00000000-0000-4000-8000-000000000008"}') AS "a client of another company",
    t.call('boss', 'import', '{"topic": 10, "author": 99, "text": "x", "at": "2020-02-03T04:05:06Z", "client_key": "00000000-0000-4000-8000-000000000008"}') AS nobody;
SELECT t.call('boss', 'import',
    '{"topic": 10, "author": 7, "text": "x", "at": "2999-01-01T00:00:00Z", "client_key": "00000000-0000-4000-8000-000000000008"}') AS "of the future",
    t.call('boss', 'import', '{"topic": 10, "author": 7, "text": "x", "at": "infinity", "client_key": "00000000-0000-4000-8000-000000000008"}') AS never,
    t.call('boss', 'import', '{"topic": 10, "author": 7, "text": "x", "at": "2020-01-01T00:00:00Z"}') AS "without a key";
SELECT who, t.call(who, 'import',
    '{"topic": 10, "author": 7, "text": "x", "at": "2020-01-01T00:00:00Z", "client_key": "00000000-0000-4000-8000-000000000008"}')
    FROM unnest(ARRAY['sup2', 'acc2', 'bek']) who;

-- A long name is cut between two characters, not within one.
UPDATE onefin.account SET name = repeat('Ж', 200) WHERE login = 'ali';
SELECT t.call('ali', 'send', '{"topic": 1, "text": "long"}', '{message,author_name}') = to_json(repeat('Ж', 127))::text;

CALL t.leave();
