-- How rows are found under the rules: by the key that was asked for, whoever asks.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- may_read() is what = ANY (my_orgs()) says, for the role that the account has; a client reads no note.
CREATE PROCEDURE t.reads(who text, role text) LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
    SELECT string_agg(concat_ws(' ', org, org = ANY (onefin.my_orgs(role)), onefin.may_read(role, org, 'all'),
        onefin.may_read(role, org, 'staff')), ', ' ORDER BY org) INTO line FROM generate_series(0, 5) org;
    RAISE INFO '% as %: %', who, role, line;
END
$$;
CALL t.reads('regress_boss', 'admin');
CALL t.reads('regress_boss', 'client');
CALL t.reads('regress_sup1', 'supervisor');
CALL t.reads('regress_acc1', 'accountant');
CALL t.reads('regress_acc1', 'supervisor');
CALL t.reads('regress_ali', 'client');
CALL t.reads('regress_ali', 'accountant');

-- 300 topics of 200 messages, the first 5 of the first company, each other of one more. A page is read along the index of the
-- topic, not by reading all of the topic and sorting: by every role. The same for documents.
SET session_replication_role = replica;
INSERT INTO onefin.message (id, org_id, topic_id, ticket_id, author_id, at, version, imported, author_role,
    author_name, text)
SELECT n, greatest(1, n % 300 - 3), 1 + n % 300, 1, 6, now(), 1, false, 'client', 'Ali', 'message ' || n
FROM generate_series(1, 60000) n;
INSERT INTO onefin.document (id, org_id, topic_id, message_id, uploader_id, uploader_name, by_client, state, name, type,
    size, sha256, store_key)
SELECT n, greatest(1, n % 300 - 3), 1 + n % 300, n, 6, 'Ali', true, 'ready', 'name', 'type', 1, sha256('x'), n::text
FROM generate_series(1, 60000) n;
RESET session_replication_role;
ANALYZE onefin.message, onefin.document;

CREATE PROCEDURE t.explain(who text) LANGUAGE plpgsql AS $$
DECLARE
    statement text;
    line text;
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
    FOREACH statement IN ARRAY ARRAY[
        'SELECT text FROM onefin.message WHERE topic_id = 1 ORDER BY id DESC LIMIT 20',
        'SELECT name FROM onefin.document WHERE topic_id = 1 ORDER BY id LIMIT 20'] LOOP
        FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
            CONTINUE WHEN line !~ 'Scan|Sort';
            RAISE INFO '%: %', who, btrim(line, ' ->');
        END LOOP;
    END LOOP;
END
$$;
CALL t.explain('regress_boss');
CALL t.explain('regress_sup1');
CALL t.explain('regress_acc1');
CALL t.explain('regress_ali');

-- Who joins another group is under its policies at the next statement, also by plans made before, of ours (read) and
-- of theirs; and so who leaves it.
CREATE PROCEDURE t.looks(who text, topic bigint) LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
    SELECT count(*) INTO n FROM onefin.message WHERE topic_id = topic;
    RAISE INFO '%: % in topic %, read: %', who, n, topic, t.attempt(format('SELECT onefin_api.read(%s, %s)', topic, topic - 1));
END
$$;
CALL t.looks('regress_acc1', 2);
CALL t.looks('regress_acc1', 6);
UPDATE onefin.account SET role = 'admin', department_id = NULL WHERE db_role = 'regress_acc1';
GRANT onefin_admin TO regress_acc1;
CALL t.looks('regress_acc1', 6);
REVOKE onefin_admin FROM regress_acc1;
CALL t.looks('regress_acc1', 6);

\set ECHO none
-- By whatever plan: a topic that is not theirs is none, also where no row of theirs is come by.
UPDATE onefin.assignment SET until_at = now() WHERE until_at IS NULL;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT method, left(t.call('acc2', method, '{"topic": 6}'), 100) FROM unnest('{documents,history}'::text[]) method;
RESET enable_indexscan;
RESET enable_bitmapscan;
CALL t.leave();
