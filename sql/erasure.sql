-- Erasure: the personal data of a company that has left, when its retention is over.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- Alfa's: a message edited, a note, one deleted with its document, a document not yet sent, and 2500 in another topic;
-- a second person, disabled before; a device. Beta's: one of each kind that is erased.
SELECT t.call('ali', 'send', '{"topic": 1, "text": "word of ali"}', '{message,id}'),
    t.call('ali', 'edit', '{"message": 1, "version": 1, "text": "word of ali, again"}', '{message,version}'),
    t.call('acc1', 'send', '{"topic": 1, "text": "word of acc1", "visibility": "staff"}', '{message,id}');
SELECT t.call('ali', 'send', jsonb_build_object('topic', 1, 'text', 'word with', 'documents',
    ARRAY[t.upload('ali', 1, 'word.pdf')]), '{message,id}'), t.call('ali', 'delete', '{"message": 3, "version": 1}', '{message,version}');
SELECT t.call('ali', 'send', jsonb_build_object('topic', 3, 'documents', ARRAY[t.upload('ali', 3, 'word-back.pdf')]), '{message,id}'),
    t.call('acc1', 'process', '{"document": 2, "mark": "returned", "reason": "a word is missing"}', '{document,marks,0,reason}');
SELECT t.upload('acc1', 2, 'word-acc1.pdf'), t.upload('ali', 2, 'word-draft.pdf');
SET SESSION AUTHORIZATION regress_ali;
INSERT INTO onefin.message (topic_id, text) SELECT 5, 'word ' || n FROM generate_series(1, 2500) n;
RESET SESSION AUTHORIZATION;
CALL t.join('olim', 'client', 1, NULL);
UPDATE onefin.account SET password_hash = 'argon', disabled_at = '2025-01-01' WHERE login = 'olim';
UPDATE onefin.session s SET device = login || ' word phone', address = '10.9.8.7' FROM onefin.account a WHERE a.id = account_id AND login IN ('ali', 'bek', 'olim');
SELECT t.call('bek', 'send', '{"topic": 6, "text": "beta word"}', '{message,id}'),
    t.call('bek', 'edit', '{"message": 2505, "version": 1, "text": "beta word, again"}', '{message,version}'), t.upload('bek', 6, 'beta-word.pdf');

-- What both rated, with a comment; a closed month that paid for a document of Alfa's.
SELECT t.call('acc1', 'close', '{"topic": 1}', '{ticket}') AS k1, t.call('acc2', 'close', '{"topic": 6}', '{ticket}') AS k2 \gset
SELECT t.call('ali', 'rate', jsonb_build_object('ticket', :k1, 'score', 2, 'comment', 'a word too late'), '{rating,comment}'),
    t.call('bek', 'rate', jsonb_build_object('ticket', :k2, 'score', 5, 'comment', 'beta word of thanks'), '{rating,comment}');
INSERT INTO onefin.bonus_rule (from_day, document_rates) VALUES ('2019-12-01', '{"contract": "10"}');
INSERT INTO onefin.document_mark (document_id, org_id, at, account_id, account_name, mark)
    SELECT id, 1, '2019-12-10', 4, 'Acc1', 'processed' FROM onefin.document WHERE name = 'word-draft.pdf';
SELECT t.call('boss', 'close_payroll', '{"month": "2019-12-01"}', '{payroll,total}');

-- Only an admin erases, with a reason, a company that is there, archived, and kept long enough.
SELECT who, t.call(who, 'erase', '{"org": 1, "reason": "left"}') FROM unnest('{sup1,acc1,ali}'::text[]) who;
SELECT t.call('boss', 'erase', '{"org": 1}'), t.call('boss', 'erase', '{"org": 1, "reason": " "}'), t.call('boss', 'erase', '{"org": 9, "reason": "left"}');
SELECT t.call('boss', 'erase', '{"org": 1, "reason": "left"}');
SELECT t.call('boss', 'orgs', '{"id": 1, "archived": true}', '{org,archived}'), t.call('boss', 'erase', '{"org": 1, "reason": "left"}');
UPDATE onefin.org SET archived_at = '2020-02-01 12:00+05' WHERE id = 1;
SELECT t.call('boss', 'settings', '{"name": "retention_days", "value": 100000}', '{settings,retention_days}');
SELECT e ->> 'message', e #>> '{data,hint}' FROM CAST(onefin.call('boss', 'erase', '{"org": 1, "reason": "left"}') -> 'error' AS jsonb) e;
SELECT t.call('boss', 'settings', '{"name": "retention_days", "value": 1825}', '{settings,retention_days}');
SELECT count(*) AS erased FROM onefin.message WHERE redacted_at IS NOT NULL;

-- Nothing changes when it does not end well.
BEGIN;
SELECT t.call('boss', 'erase', '{"org": 1, "reason": "left"}');
ROLLBACK;
SELECT count(*) AS texts FROM onefin.message WHERE text LIKE '%word%';

-- Erased: texts of all versions, names of documents, people, devices. How many each is told and journaled.
SELECT t.call('boss', 'erase', '{"org": 1, "reason": "contract ended in 2020"}');
SELECT actor_id, org_id, subject_id, audience, detail FROM onefin.journal WHERE kind = 'org.erased';
SELECT count(*) AS messages, count(text) AS texts, count(redacted_at) AS redacted, count(digest) AS digests FROM onefin.message WHERE org_id = 1;
SELECT document_id, mark, reason FROM onefin.document_mark;
SELECT org_id, score, comment FROM onefin.rating ORDER BY id;
SELECT digest = onefin.payroll_digest('2019-12-01') FROM onefin.journal WHERE kind = 'payroll.closed';
SELECT slip -> 'total', slip #> '{items,0,document_name}', slip #> '{items,0,org_name}' FROM CAST(onefin.call('acc1', 'payslip', '{"month": "2019-12-01"}') -> 'result' AS jsonb) slip;
SELECT count(*) AS versions, count(text) AS texts, count(digest) AS digests FROM onefin.message_version WHERE org_id = 1;
SELECT id, name, uploader_name, message_id, type, size, sha256 IS NOT NULL AS digest, erased_at IS NOT NULL AS erased, removed_at FROM onefin.document ORDER BY id;
SELECT id, login, name, role, org_id, password_hash, db_role, disabled_at IS NOT NULL AS disabled FROM onefin.account WHERE org_id IS NOT NULL ORDER BY id;
SELECT disabled_at = '2025-01-01' FROM onefin.account WHERE id = 8;
SELECT account_id, device, address, ended_at IS NOT NULL AS ended FROM onefin.session WHERE account_id IN (6, 7, 8) ORDER BY 1;

-- Where a word of theirs is still: the name that each message was sent under, which the journal vouches for, and
-- what the journal itself tells of accounts.
CREATE FUNCTION t.places(word text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    r record;
    n bigint;
BEGIN
    FOR r IN SELECT a.attrelid::regclass AS relation, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'onefin'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2
    LOOP
        EXECUTE format('SELECT count(*) FROM %s WHERE %I::text ~* %L', r.relation, r.attname, word) INTO n;
        IF n > 0 THEN
            RETURN NEXT format('%s.%s', r.relation, r.attname);
        END IF;
    END LOOP;
END
$$;
SELECT * FROM t.places('(?<!(beta[ -]|bek |pass))word');
SELECT * FROM t.places('\yali\y');
SELECT * FROM t.places('olim');
SELECT DISTINCT kind FROM onefin.journal WHERE detail::text ~* '\yali\y|olim';
-- The other company's are all there.
SELECT text FROM onefin.message WHERE org_id = 2 UNION ALL SELECT text FROM onefin.message_version WHERE org_id = 2
    UNION ALL SELECT name FROM onefin.document WHERE org_id = 2;
SELECT t.call('bek', 'me', '{}', '{account,name}'), t.call('ali', 'me', '{}'), t.call('boss', 'me', '{}', '{account,name}');

-- Repeating is harmless, and no entry. What came since is erased by it.
SELECT t.call('boss', 'erase', '{"org": 1, "reason": "again"}');
CREATE TABLE t.departed AS SELECT archived_at FROM onefin.org WHERE id = 1;
UPDATE onefin.org SET archived_at = NULL WHERE id = 1;
SELECT t.call('boss', 'send', '{"topic": 1, "text": "a late word"}', '{message,id}');
UPDATE onefin.org SET archived_at = (SELECT archived_at FROM t.departed) WHERE id = 1;
SELECT t.call('boss', 'erase', '{"org": 1, "reason": "once more"}');
SELECT detail FROM onefin.journal WHERE kind = 'org.erased' ORDER BY id;

-- Documents: nobody gets one from now on; gateways are told which bytes to remove, and say when they have, once.
SELECT who, t.answer(onefin.file_get(who, 1), '{}') FROM unnest('{boss,ali}'::text[]) who;
SELECT t.call('boss', 'documents', '{"topic": 1}', '{documents,0,name}'), onefin.call('boss', 'documents', '{"topic": 1}') #>> '{result,documents,0,erased_at}' IS NOT NULL AS erased;
CREATE VIEW t.removing AS SELECT d.id AS document, CASE k.key WHEN d.store_key THEN 'original' WHEN d.stamped_key THEN 'stamped'
    WHEN d.preview_key THEN 'preview' END AS what, k.key FROM onefin.files_to_erase(1000) k
    LEFT JOIN onefin.document d ON k.key IN (d.store_key, d.stamped_key, d.preview_key);
SELECT document, what FROM t.removing ORDER BY 1, 2;
SELECT count(*) FROM onefin.files_to_erase(2);
SELECT count(*) FROM onefin.files_to_erase(100, (SELECT max(key) FROM (SELECT key FROM t.removing ORDER BY key LIMIT 2) first));
SELECT count(*) FROM onefin.files_to_erase(0);
CREATE TABLE t.keys AS SELECT * FROM t.removing;
GRANT SELECT ON t.keys TO PUBLIC;
SET ROLE onefin_gateway;
SELECT count(onefin.file_erased(key)) FROM t.keys WHERE document = 1 OR document = 2 AND what <> 'stamped';
SELECT count(onefin.file_erased(key)) FROM (SELECT key FROM t.keys WHERE document = 1 UNION ALL VALUES ('none'), (NULL)) k (key);
RESET ROLE;
SELECT document, what FROM t.removing ORDER BY 1, 2;
SELECT id, removed_at IS NOT NULL AS removed, erased_at IS NOT NULL AS erased FROM onefin.document ORDER BY id;
SELECT actor_id, org_id, topic_id, subject_id, audience, digest = (SELECT sha256 FROM onefin.document d WHERE d.id = subject_id)
    FROM onefin.journal WHERE kind = 'document.erased' ORDER BY id;
SELECT role, f FROM unnest('{onefin_admin,onefin_supervisor,onefin_accountant,onefin_client,onefin_analyst,public}'::text[]) role,
    unnest('{"onefin.files_to_erase(integer, text)","onefin.file_erased(text)"}'::text[]) f WHERE has_function_privilege(role, f, 'EXECUTE');

-- The record still holds, and any text that goes missing elsewhere is missed.
CALL t.sealed();
SELECT onefin.journal_verify() - 'hash' - 'entries' - 'seals';
ALTER TABLE onefin.message DISABLE TRIGGER ALL;
UPDATE onefin.message SET text = NULL, redacted_at = now() WHERE id = 2505;
SELECT onefin.journal_verify() #>> '{broken,what}', onefin.journal_verify() #>> '{broken,message}';

CALL t.leave();
