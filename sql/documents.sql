-- Documents: stamped before anybody gets one of staff's, who gets which bytes, marks, jobs, keys of the store, parts of
-- uploads, notices. t.work() does the gateways' part.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm
CREATE FUNCTION t.get(who text, document bigint, variant text DEFAULT 'file', how text DEFAULT 'stream') RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(t.answer(r, CASE WHEN r ? 'error' THEN '{}' ELSE '{name}' END::text[]), ' \d+ ', ' N ', 'g')
    FROM CAST(onefin.file_get(who, document, variant, how) AS jsonb) r
$$;
CREATE FUNCTION t.state(document bigint, who text DEFAULT 'boss') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_strip_nulls(d - '{at,marks,org,topic,uploader,uploader_name,message,sha256}'::text[])
    FROM jsonb_array_elements(onefin.call(who, 'documents', jsonb_build_object('topic',
        (SELECT topic_id FROM onefin.document WHERE id = state.document))) #> '{result,documents}') d WHERE (d -> 'id')::bigint = document
$$;
CREATE FUNCTION t.take(max integer DEFAULT 10) RETURNS SETOF jsonb LANGUAGE sql AS $$
    SELECT jsonb_array_elements(onefin.jobs_take('gate', max, '{}') -> 'jobs')
$$;
CREATE FUNCTION t.done(j jsonb, more jsonb DEFAULT '{}') RETURNS boolean LANGUAGE sql AS $$
    SELECT onefin.job_done((j -> 'job')::bigint, (j -> 'attempt')::integer, jsonb_build_object('type', 'application/pdf', 'extension', NULL, 'size', 7,
        'sha256', encode(sha256('stamped'), 'hex'), 'signed', false, 'preview', NULL) || more)
$$;

-- What is taken: types and sizes by setting; of staff what can be stamped.
SELECT type, t.answer(t.file('ali', 1, 'x', type), '{state}') AS client, t.answer(t.file('acc1', 1, 'x', type), '{state}') AS staff
FROM unnest('{application/pdf,image/heic,image/gif,application/zip,application/x-msdownload,application/vnd.oasis.opendocument.text}'::text[]) type;
SELECT t.call('boss', 'settings', '{"name": "office_to_pdf", "value": true}', '{settings,office_to_pdf}'),
    t.answer(t.file('acc1', 1, 'x', 'application/vnd.oasis.opendocument.text'), '{state}');
SELECT t.call('boss', 'settings', '{"name": "upload_types", "value": "image/png\nimage/jpeg"}', '{settings,upload_types}'),
    t.answer(t.file('ali', 1, 'x'), '{state}'), t.answer(t.file('ali', 1, 'x', 'image/jpeg'), '{state}');
SELECT t.call('boss', 'settings', '{"name": "upload_bytes", "value": 4}', '{settings,upload_bytes}'), t.answer(t.file('ali', 1, 'x', 'image/png'), '{}'),
    t.answer(onefin.file_begin('ali', 1, 'x', NULL, 5), '{}'), t.answer(onefin.upload_begin('ali', 1, 'x', 5), '{}'), t.call('ali', 'me', '{}', '{settings,upload_bytes}');
SELECT t.call('boss', 'settings', jsonb_build_object('name', name, 'value', value)) FROM (VALUES ('upload_bytes', '0'::jsonb), ('time_zone', '"Mars/Base"'),
    ('upload_keep_seconds', '-1')) s (name, value);
DELETE FROM onefin.setting;
-- Nothing of what was refused is on record; its keys are known.
SELECT count(*) AS documents, count(*) FILTER (WHERE NOT by_client) AS "of staff" FROM onefin.document;
SELECT count(*) AS reserved FROM onefin.store_key;
CALL t.work();

-- Of staff: nobody has a byte of it before it is stamped, but admins the original; then all who see it have the rendition.
SELECT t.file('acc1', 1, 'Act.docx.pdf') #>> '{result,id}' AS act \gset
SELECT t.call('acc1', 'send', jsonb_build_object('topic', 1, 'documents', ARRAY[:act]), '{message,documents,0,state}');
CREATE VIEW t.who AS SELECT who, variant FROM unnest('{boss,sup1,acc1,ali,bek,acc2}'::text[]) WITH ORDINALITY w (who, i),
    unnest('{file,original,preview}'::text[]) WITH ORDINALITY v (variant, k) ORDER BY k, i;
SELECT variant, who, t.get(who, :act, variant) FROM t.who;
SELECT j - '{job,key,out_key,preview_key,at,sha256}'::text[] AS job, j ->> 'at' ~ '^\d\d\.\d\d\.\d{4} \d\d:\d\d Asia/Tashkent$' AS at,
    j ->> 'key' = store_key AS key, j ->> 'sha256' = encode(sha256, 'hex') AS sha256, j ->> 'out_key' ~ '^\d{4}/\d\d/\d+-[0-9a-f]{32}$' AS out_key,
    j ->> 'out_key' <> (j ->> 'preview_key') AS two FROM t.take() j JOIN onefin.document d ON d.id = :act;
SELECT t.done(jsonb_build_object('job', id, 'attempt', 1), '{"extension": "jpg", "type": "image/jpeg", "preview": {"size": 3}}') FROM onefin.job;
SELECT t.state(:act);
SELECT variant, who, t.get(who, :act, variant) FROM t.who;
SELECT d ->> 'sha256' = encode(sha256('stamped'), 'hex') AS rendition, d #>> '{original,sha256}' = encode(sha256('Act.docx.pdf'), 'hex') AS original
FROM CAST(onefin.call('ali', 'documents', '{"topic": 1}') #> '{result,documents,-1}' AS jsonb) d;
SELECT f ->> 'key' = stamped_key AS key, f -> 'type' AS type, f -> 'size' AS size FROM CAST(onefin.file_get('ali', :act) -> 'result' AS jsonb) f, onefin.document d WHERE id = :act;
-- A signed one: who may see earlier versions has the signed original, too.
SELECT t.file('acc1', 1, 'signed.pdf') #>> '{result,id}' AS signed \gset
SELECT t.call('acc1', 'send', jsonb_build_object('topic', 1, 'documents', ARRAY[:signed]), '{message,documents,0,state}'), t.done(j, '{"signed": true}') FROM t.take() j;
SELECT who, t.get(who, :signed, 'original') FROM t.who WHERE variant = 'file';
SELECT t.call('boss', 'assign', '{"org": 1, "account": 5}', '{assignment,account}'), t.get('acc2', :signed, 'original') AS "another accountant's",
    t.call('boss', 'assign', '{"org": 1, "account": 5, "ended": true}', '{assignment,account}');
SELECT t.call('boss', 'settings', '{"name": "client_sees_versions", "value": true}', '{settings,client_sees_versions}'), t.get('ali', :signed, 'original'), t.get('ali', :act, 'original'),
    t.get('bek', :signed, 'original');
DELETE FROM onefin.setting;
-- A client's own file: as it is, at once; it has a preview later.
SELECT t.file('ali', 1, 'scan.pdf') #>> '{result,id}' AS scan \gset
SELECT t.state(:scan, 'ali'), t.get('ali', :scan), t.get('ali', :scan, 'preview'), t.get('acc1', :scan);
SELECT t.call('ali', 'send', jsonb_build_object('topic', 1, 'documents', ARRAY[:scan]), '{message,documents,0,preview}'), t.get('acc1', :scan), t.get('acc1', :scan, 'original');
SELECT t.done(j, '{"size": 3}'), j ->> 'kind' AS kind FROM t.take() j;
SELECT t.state(:scan), t.get('acc1', :scan, 'preview'), t.get('acc1', :scan, 'file', 'link');
SELECT t.get('ali', :scan, 'other');

-- Everything is in the log, refusals too, of a document and of a person: by whom, what, from where.
UPDATE onefin.session SET device = 'Firefox' WHERE account_id = 4;
SELECT onefin.file_get('acc1', :scan, 'file', 'stream', '10.1.2.3') ? 'result', t.get('acc1', :scan), t.get('bek', :scan), t.get('acc1', 9999);
SELECT e ->> 'action' AS action, e ->> 'document_name' AS name, e ->> 'account_name' AS by, e ->> 'role' AS role, e ->> 'variant' AS variant, e ->> 'address' AS address,
    e ->> 'device' AS device, e ->> 'why' AS why FROM jsonb_array_elements(onefin.call('boss', 'document_log', jsonb_build_object('document', :scan)) #> '{result,entries}') e;
SELECT e ->> 'action' AS action, e ->> 'why' AS why, count(*) FROM jsonb_array_elements(onefin.call('boss', 'document_log', '{"account": 7, "limit": 200}') #> '{result,entries}') e
    GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*), bool_and((e -> 'document')::bigint = 9999) FROM jsonb_array_elements(onefin.call('boss', 'document_log', '{"document": 9999}') #> '{result,entries}') e;
SELECT jsonb_array_length(e #> '{result,entries}') FROM CAST(onefin.call('boss', 'document_log', '{"limit": 2}') AS jsonb) e;
SELECT who, t.call(who, 'document_log') FROM unnest('{sup1,acc1,ali}'::text[]) who;

-- Marks: staff's, on what a client sent; a return has a reason; another's same mark is refused, my own is harmless.
SELECT who, t.call(who, 'process', jsonb_build_object('document', :scan, 'mark', 'processed')) FROM unnest('{ali,bek,acc2,sup2}'::text[]) who;
SELECT t.call('acc1', 'process', jsonb_build_object('document', :act, 'mark', 'processed')), t.call('acc1', 'process', jsonb_build_object('document', 9999, 'mark', 'processed')),
    t.call('acc1', 'process', jsonb_build_object('document', :scan, 'mark', 'lost')), t.call('acc1', 'process', jsonb_build_object('document', :scan, 'mark', 'returned', 'reason', ' ')),
    t.call('acc1', 'process', jsonb_build_object('document', :scan, 'mark', 'returned', 'reason', repeat('x', 1001)));
SELECT t.call('acc1', 'process', jsonb_build_object('document', :scan, 'mark', 'returned', 'reason', 'No seal on page 2'), '{document,marks}');
SELECT t.call('sup1', 'process', jsonb_build_object('document', :scan, 'mark', 'returned', 'reason', 'Me too'));
SELECT t.call('acc1', 'process', jsonb_build_object('document', :scan, 'mark', 'returned', 'reason', 'again'), '{document,revision}');
SELECT t.call('sup1', 'process', jsonb_build_object('document', :scan, 'mark', 'processed'), '{document,marks,1,by_name}');
SELECT t.call('ali', 'documents', '{"topic": 1}', '{documents,-1,marks,0,reason}');
SELECT kind, actor_id, audience, subject_id = :scan AS scan, version, detail FROM onefin.journal WHERE kind IN ('document.processed', 'document.returned') ORDER BY id;
SELECT t.attempt('UPDATE onefin.document_mark SET mark = ''processed'''), t.attempt('DELETE FROM onefin.document_mark'), t.attempt('TRUNCATE onefin.document_mark');
SELECT t.call('ali', 'delete', jsonb_build_object('message', (SELECT message_id FROM onefin.document WHERE id = :scan), 'version', 1), '{message,documents}'),
    t.call('acc1', 'process', jsonb_build_object('document', :scan, 'mark', 'returned', 'reason', 'x')), t.call('sup1', 'process', jsonb_build_object('document', :scan, 'mark', 'returned', 'reason', 'x'));
SELECT t.call('ali', 'send', jsonb_build_object('topic', 2, 'documents', ARRAY[t.upload('ali', 2, 'two.pdf')]), '{message,documents,0,id}') AS two \gset
-- An event shows a document as its own change left it, or names it; with a message it is as it was first.
SELECT t.call('acc1', 'process', jsonb_build_object('document', :two, 'mark', 'returned', 'reason', 'one'), '{document,revision}'),
    t.call('acc1', 'process', jsonb_build_object('document', :two, 'mark', 'processed'), '{document,revision}');
CALL t.sealed();
SELECT e.kind, t.shown((e.event::jsonb #> '{document}')::text) FROM onefin.events(0, 100000) e WHERE e.kind IN ('document.returned', 'document.processed') AND (e.event::jsonb #> '{document,id}')::bigint = :two;
SELECT d - '{at,id,sha256}'::text[] FROM onefin.events(0, 100000) e, CAST(e.event::jsonb #> '{message,documents,0}' AS jsonb) d WHERE e.kind = 'message.sent' AND (d -> 'id')::bigint = :two;
-- Of one that is not sent yet only its uploader is told.
SELECT t.file('acc1', 3, 'draft.pdf') #>> '{result,id}' AS draft \gset
CALL t.work();
SELECT kind, audience, account_id FROM onefin.journal WHERE subject_id = :draft AND kind = 'document.ready';

-- Jobs: taken once, kept, taken over when their gateway is silent; only the holder is heard.
SELECT t.file('acc1', 4, 'slow.pdf') #>> '{result,id}' AS slow \gset
SELECT j ->> 'document' = :'slow' AS taken FROM t.take() j;
SELECT count(*) AS again FROM t.take();
SELECT (onefin.jobs_take('other', 10, '{}') -> 'next')::float8 BETWEEN 20 AND 30 AS "till the lease ends";
UPDATE onefin.job SET lease_until = now() + interval '1 s';
SELECT onefin.jobs_keep('other', ARRAY[id]) FROM onefin.job;
SELECT lease_until < now() + interval '2 s' AS "not another's" FROM onefin.job;
SELECT onefin.jobs_keep('gate', ARRAY[id]) FROM onefin.job;
SELECT lease_until > now() + interval '20 s' AS kept FROM onefin.job;
UPDATE onefin.job SET lease_until = now();
CREATE TABLE t.first AS SELECT id, out_key FROM onefin.job;
SELECT j -> 'attempt' AS attempt, j ->> 'out_key' <> f.out_key AS "another key" FROM onefin.jobs_take('other', 10, '{}') r, jsonb_array_elements(r -> 'jobs') j, t.first f;
SELECT t.done(jsonb_build_object('job', id, 'attempt', 1)) AS first, onefin.job_failed(id, 1, 'broken', 'x', true) AS "first's failure" FROM t.first;
-- Failed: again after 5 s, 10, ... and set aside after eight attempts, with the document; or at once, where that is final.
SELECT onefin.job_failed(id, 2, 'store', 'the store is away', false) FROM t.first;
SELECT state, message, round(extract(epoch FROM due_at - now())) AS seconds, (onefin.jobs_take('gate', 1, '{}') -> 'next')::float8 > 5 AS next FROM onefin.job;
UPDATE onefin.job SET due_at = now(), attempt = 7;
SELECT onefin.job_failed((j -> 'job')::bigint, (j -> 'attempt')::integer, 'store', 'the store is away', false) FROM t.take() j;
SELECT t.state(:slow), t.get('acc1', :slow), t.get('boss', :slow, 'original');
SELECT t.shown(t.call('boss', 'jobs', '{"state": "failed"}', '{jobs}')) ~ '"reason": "store".*"message": "the store is away"', t.call('boss', 'jobs', '{"state": "waiting"}', '{jobs}');
SELECT kind, audience, detail FROM onefin.journal WHERE kind LIKE 'job.%' OR kind = 'document.failed' ORDER BY id;
SELECT t.call('boss', 'retry_job', jsonb_build_object('job', id), '{job,state}'), t.state(:slow) FROM t.first;
SELECT t.call('boss', 'retry_job', jsonb_build_object('job', id)), t.call('acc1', 'retry_job', jsonb_build_object('job', id)) FROM t.first;
SELECT onefin.job_failed((j -> 'job')::bigint, (j -> 'attempt')::integer, 'encrypted', 'It has a password', true), j -> 'attempt' AS attempt FROM t.take() j;
SELECT t.state(:slow) ->> 'reason', (SELECT count(*) FROM onefin.job) AS jobs;
SELECT t.call('boss', 'retry_job', jsonb_build_object('job', id), '{job,state}') FROM t.first;
-- One that takes its gateways along is not tried for ever.
SELECT j -> 'attempt' FROM t.take() j;
UPDATE onefin.job SET attempt = 8, lease_until = now();
SELECT onefin.jobs_take('gate', 10, '{}') -> 'jobs', t.state(:slow) ->> 'reason';
DELETE FROM onefin.job;

-- Keys: what nobody records in time is removed, and cannot be recorded from then on.
SELECT count(*) > 0 AS waiting, count(*) FILTER (WHERE removing) AS removing FROM onefin.store_key;
SELECT count(*) FROM onefin.files_to_erase(1000);
CREATE TABLE t.late AS SELECT onefin.file_begin('ali', 1, 'late.pdf') -> 'result' AS r;
UPDATE onefin.store_key SET remove_at = now();
SELECT count(*) = (SELECT count(*) FROM onefin.store_key) AS all FROM onefin.files_to_erase(1000);
SELECT t.answer(onefin.file_end('ali', (r -> 'document')::bigint, r ->> 'key', 1, 'late.pdf', 'application/pdf', 5, sha256('x')), '{}') FROM t.late;
SELECT count(*) AS "on record" FROM onefin.document, t.late WHERE id = (r -> 'document')::bigint;
SELECT count(onefin.file_erased(key)) FROM onefin.store_key;
SELECT count(*) FROM onefin.store_key;
SELECT t.answer(onefin.file_end('ali', 777777, 'made/up', 1, 'x.pdf', 'application/pdf', 5, sha256('x')), '{}');
-- So it is with a stamp: the attempt is not heard, and another follows.
SELECT t.file('acc1', 4, 'swept.pdf') #>> '{result,id}' AS swept \gset
CREATE TABLE t.swept AS SELECT j FROM t.take() j;
UPDATE onefin.store_key SET remove_at = now();
SELECT count(*) FROM onefin.files_to_erase(1000);
SELECT t.done(j) FROM t.swept;
SELECT t.state(:swept) ->> 'state';
UPDATE onefin.job SET lease_until = now();
SELECT t.done(j) FROM t.take() j;
SELECT t.state(:swept) ->> 'state', (SELECT count(*) FROM onefin.job) AS jobs;
SELECT count(onefin.file_erased(key)) FROM onefin.store_key;

-- Uploads in parts: mine alone, without gaps, one of two at a place; the document lets go of them.
SELECT onefin.upload_begin('ali', 1, 'big.pdf', 10) #>> '{result,upload}' AS u \gset
SELECT t.answer(onefin.upload_begin('ali', 6, 'x', 1), '{}'), t.answer(onefin.upload_begin('ali', 1, 'a/b', 1), '{}'), t.answer(onefin.upload_begin('ali', 1, 'x', -1), '{}');
SELECT who, t.answer(onefin.upload_look(who, :'u'), '{}') LIKE '-32003%' AS none, t.answer(onefin.upload_part(who, :'u', 0), '{}') LIKE '-32003%' AS none,
    t.answer(onefin.upload_drop(who, :'u'), '{}') LIKE '-32003%' AS none FROM unnest('{acc1,bek,boss}'::text[]) who;
SELECT onefin.upload_part('ali', :'u', 0) #>> '{result,key}' AS k1, onefin.upload_part('ali', :'u', 0) #>> '{result,key}' AS k2 \gset
SELECT t.answer(onefin.upload_part('ali', :'u', 4), '{}'), t.answer(onefin.upload_finish('ali', :'u'), '{}');
SELECT t.answer(onefin.upload_add('ali', :'u', 0, 'made/up', 4), '{}'), t.answer(onefin.upload_add('ali', :'u', 0, :'k1', 11), '{}');
SELECT t.answer(onefin.upload_add('ali', :'u', 0, :'k1', 4), '{}'), t.answer(onefin.upload_add('ali', :'u', 0, :'k2', 4), '{}');
SELECT replace(onefin.upload_look('ali', :'u')::text, :'u', 'U');
SELECT onefin.upload_part('ali', :'u', 4) #>> '{result,key}' AS k3 \gset
SELECT t.answer(onefin.upload_add('ali', :'u', 4, :'k3', 6), '{}');
CREATE TABLE t.finish AS SELECT onefin.upload_finish('ali', :'u') -> 'result' AS r;
SELECT r #>> '{parts,0,key}' = :'k1', r #>> '{parts,1,key}' = :'k3', r - '{parts,key,document}'::text[] FROM t.finish;
SELECT t.answer(onefin.file_end('acc1', (r -> 'document')::bigint, r ->> 'key', 1, 'big.pdf', 'application/pdf', 10, sha256('big'), NULL, :'u'), '{}') AS "not theirs" FROM t.finish;
SELECT count(*) FROM onefin.store_key WHERE key IN (:'k1', :'k3') AND remove_at > now();
SELECT t.answer(onefin.file_end('ali', (r -> 'document')::bigint, r ->> 'key', 1, 'big.pdf', 'application/pdf', 10, sha256('big'), NULL, :'u'), '{name}') FROM t.finish;
SELECT count(*) FROM onefin.store_key WHERE key IN (:'k1', :'k3') AND remove_at <= now();
SELECT t.answer(onefin.upload_finish('ali', :'u'), '{done,name}'), t.answer(onefin.upload_look('ali', :'u'), '{document,name}'), t.answer(onefin.upload_part('ali', :'u', 10), '{}');
CREATE TABLE t.twice AS SELECT onefin.file_begin('ali', 1, 'big.pdf') -> 'result' AS r;
SELECT t.answer(onefin.file_end('ali', (r -> 'document')::bigint, r ->> 'key', 1, 'big.pdf', 'application/pdf', 10, sha256('big'), NULL, :'u'), '{}') AS twice FROM t.twice;
-- Given up, or too old: its parts go.
SELECT onefin.upload_begin('ali', 1, 'old.pdf', 10) #>> '{result,upload}' AS u \gset
SELECT onefin.upload_part('ali', :'u', 0) #>> '{result,key}' AS k \gset
SELECT t.answer(onefin.upload_add('ali', :'u', 0, :'k', 4), '{}');
BEGIN;
SELECT onefin.upload_drop('ali', :'u'), t.answer(onefin.upload_look('ali', :'u'), '{}');
SELECT remove_at <= now() FROM onefin.store_key WHERE key = :'k';
ROLLBACK;
UPDATE onefin.upload SET at = now() - interval '2 days';
UPDATE onefin.store_key SET remove_at = now() WHERE key = :'k';
SELECT count(*) > 0 FROM onefin.files_to_erase(1000);
SELECT t.answer(onefin.upload_look('ali', :'u'), '{}'), (SELECT count(*) FROM onefin.upload_part) AS parts;
-- The one who lost the company goes on with nothing.
SELECT onefin.upload_begin('acc1', 1, 'mine.pdf', 10) #>> '{result,upload}' AS u \gset
SELECT t.call('boss', 'assign', '{"org": 1, "account": 4, "ended": true}', '{assignment,account}'), t.answer(onefin.upload_part('acc1', :'u', 0), '{}'), t.get('acc1', :act);
SELECT t.call('boss', 'assign', '{"org": 1, "account": 4}', '{assignment,account}');

-- The logo: tried before it is used; one that cannot be drawn leaves the one before.
SELECT t.call('boss', 'logo'), t.call('boss', 'logo', '{"image": "AAAA", "type": "image/gif"}'), t.call('boss', 'logo', '{"image": "!", "type": "image/png"}');
SELECT t.call('boss', 'logo', jsonb_build_object('image', repeat('AAAA', 60000), 'type', 'image/png'));
SELECT t.call('boss', 'logo', '{"image": "AAAA", "type": "image/png"}', '{logo,state}');
SELECT j - 'job' AS job, t.done(j, '{"image": "BBBB"}') FROM t.take() j WHERE j ->> 'kind' = 'logo';
SELECT t.call('boss', 'logo', '{}', '{current,image}'), t.call('boss', 'logo', '{"image": "CCCC", "type": "image/svg+xml"}', '{logo,state}');
SELECT onefin.job_failed((j -> 'job')::bigint, 1, 'broken', 'no picture', true) FROM t.take() j;
SELECT t.shown(t.call('boss', 'logo'));
SELECT t.file('acc1', 4, 'with logo.pdf') #> '{result,state}';
SELECT j -> 'logo' FROM t.take() j WHERE j ->> 'kind' = 'stamp';
SELECT kind, audience, count(*) FROM onefin.journal WHERE kind LIKE 'logo.%' GROUP BY 1, 2;
DELETE FROM onefin.job;

-- Notices: who is away and has not read is told, each once, what they may know; off, nothing is written.
UPDATE onefin.account SET email = login || '@example.com' WHERE login IN ('ali', 'acc1', 'sup1', 'bek');
SELECT t.call('ali', 'send', '{"topic": 3, "text": "one"}', '{message,topic}'), (SELECT count(*) FROM onefin.job) AS jobs;
INSERT INTO onefin.setting VALUES ('notify_by_mail', 'true'), ('notify_by_webhook', 'true');
SELECT t.call('acc1', 'send', '{"topic": 3, "text": "two"}', '{message,topic}'), t.call('acc1', 'send', '{"topic": 3, "text": "three"}', '{message,topic}'),
    t.call('acc1', 'send', '{"topic": 3, "text": "a note", "visibility": "staff"}', '{message,topic}'), t.call('bek', 'send', '{"topic": 8, "text": "four"}', '{message,topic}');
SELECT kind, topic_id, round(extract(epoch FROM due_at - at)) AS seconds FROM onefin.job ORDER BY id;
SELECT count(*) AS early FROM t.take();
UPDATE onefin.job SET due_at = now();
CREATE TABLE t.notice AS SELECT j FROM jsonb_array_elements(onefin.jobs_take('gate', 100, '{5}') -> 'jobs') j;
SELECT (j - '{job,id}'::text[]) #- '{body,timestamp}' FROM t.notice ORDER BY j ->> 'kind', j #>> '{body,data,account}';
SELECT j ->> 'kind' AS kind, t.done(j) FROM t.notice ORDER BY 1;
SELECT kind, audience, account_id, detail FROM onefin.journal WHERE kind = 'notice.sent' ORDER BY account_id, detail ->> 'by';
SELECT count(*) AS left FROM onefin.job;
-- Read meanwhile, or no longer theirs: nothing.
SELECT t.call('acc1', 'send', '{"topic": 3, "text": "five"}', '{message,id}') AS five \gset
SELECT t.call('ali', 'read', jsonb_build_object('topic', 3, 'message', :five)) IS NOT NULL;
UPDATE onefin.job SET due_at = now();
SELECT count(*) AS none FROM t.take();
SELECT t.call('acc1', 'send', '{"topic": 3, "text": "six"}', '{message,topic}');
UPDATE onefin.job SET due_at = now();
SELECT count(*) AS ali FROM t.take();
UPDATE onefin.job SET lease_until = now();
UPDATE onefin.account SET disabled_at = now() WHERE login = 'ali';
SELECT count(*) AS none FROM t.take();
UPDATE onefin.account SET disabled_at = NULL WHERE login = 'ali';
INSERT INTO onefin.session (account_id, token_hash, expires_at) VALUES (6, sha256('ali again'), now() + interval '1 day');
SELECT t.call('acc1', 'send', '{"topic": 3, "text": "seven"}', '{message,id}') AS seven \gset
UPDATE onefin.job SET due_at = now();
SELECT onefin.job_failed((j -> 'job')::bigint, (j -> 'attempt')::integer, 'smtp', 'away', false) FROM t.take() j;
SELECT t.call('ali again', 'read', jsonb_build_object('topic', 3, 'message', :seven)) IS NOT NULL;
UPDATE onefin.job SET due_at = now();
SELECT count(*) AS "read meanwhile" FROM t.take();
SELECT count(*) AS jobs FROM onefin.job;
SELECT onefin.jobs_take('gate', 1, '{}') -> 'next' AS "nothing to come";

CALL t.leave();
