-- Who sees and does what, by plain SQL and through the calls: every table and view of the schema,
-- every role, against a table written by hand from section 4 of the design.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- More people: guli of an archived company; off and three more, disabled, one of each role; stray
-- without an account; analyst without one (of the fifth role); and many, a client whose database
-- user is a member of every role.
INSERT INTO onefin.org (name, department_id) VALUES ('Gamma', 1);
CALL t.join('guli', 'client', 3, NULL);
CALL t.join('off', 'client', 1, NULL);
CALL t.join('many', 'client', 1, NULL);
CALL t.join('off_boss', 'admin', NULL, NULL);
CALL t.join('off_sup', 'supervisor', NULL, 1);
CALL t.join('off_acc', 'accountant', NULL, 1);
GRANT onefin_admin, onefin_supervisor, onefin_accountant, onefin_analyst TO regress_many;
CREATE ROLE regress_stray IN ROLE onefin_client;
CREATE ROLE regress_analyst IN ROLE onefin_analyst;
-- acc1 serves Alfa, served Beta, and serves Gamma, which is archived; acc2 the other way round.
INSERT INTO onefin.assignment (org_id, account_id) VALUES (2, 4), (1, 5), (3, 4), (3, 5), (1, 13);
UPDATE onefin.assignment SET until_at = now() WHERE (org_id, account_id) IN ((2, 4), (1, 5));

-- Of everything one in each company: said, edited; a note, edited; deleted with its document; with a
-- document; a note with one; a document not yet sent; read marks and watches of everybody concerned.
CREATE FUNCTION t.say(who text, topic bigint, said text, visibility text DEFAULT 'all',
    document text DEFAULT NULL) RETURNS bigint LANGUAGE sql
RETURN (t.call(who, 'send', jsonb_build_object('topic', topic, 'text', said, 'visibility', visibility,
    'documents', CASE WHEN document IS NOT NULL THEN ARRAY[t.upload(who, topic, document)] END),
    '{message,id}'))::bigint;
CREATE PROCEDURE t.live(company text, topic bigint, client text, accountant text, watchers text[])
    LANGUAGE plpgsql AS $$
DECLARE
    said bigint := t.say(client, topic, company || ' said');
    note bigint := t.say(accountant, topic, company || ' note', 'staff');
    gone bigint := t.say(accountant, topic, company || ' gone', 'all', company || '-gone.pdf');
    watcher text;
BEGIN
    PERFORM t.call(client, 'edit', jsonb_build_object('message', said, 'version', 1, 'text', company || ' said.'));
    PERFORM t.call(accountant, 'edit', jsonb_build_object('message', note, 'version', 1, 'text',
        company || ' note.'));
    PERFORM t.call(accountant, 'delete', jsonb_build_object('message', gone, 'version', 1));
    PERFORM t.say(client, topic, company || ' file', 'all', company || '.pdf'),
        t.say(accountant, topic, company || ' memo', 'staff', company || '-memo.pdf'),
        t.upload(client, topic, company || '-draft.pdf');
    PERFORM t.call(accountant, 'process', jsonb_build_object('document',
        (SELECT id FROM onefin.document WHERE name = company || '.pdf'), 'mark', 'processed'));
    PERFORM t.call(client, 'read', jsonb_build_object('topic', topic, 'message', said)),
        t.call(accountant, 'read', jsonb_build_object('topic', topic, 'message', said));
    FOREACH watcher IN ARRAY watchers LOOP
        PERFORM t.call(watcher, 'read', jsonb_build_object('topic', topic, 'message', said)),
            t.call(watcher, 'watch', jsonb_build_object('topic', topic));
    END LOOP;
END
$$;
CALL t.live('Alfa', 1, 'ali', 'acc1', '{sup1,boss}');
CALL t.live('Beta', 6, 'bek', 'acc2', '{sup2,boss}');
CALL t.live('Gamma', 11, 'guli', 'acc1', '{sup1,boss}');
-- Of what gateways have yet to do, a row each.
SELECT t.call('boss', 'logo', '{"image": "iVBORw0KGgo=", "type": "image/png"}', '{logo,state}');
WITH u AS (INSERT INTO onefin.upload (account_id, topic_id, name, length) VALUES (6, 1, 'big.pdf', 9) RETURNING id)
    INSERT INTO onefin.upload_part SELECT id, 0, 1, 'part' FROM u;
SELECT t.call('boss', 'calendars', '{"name": "Office", "hours": [{"weekday": 1, "from": "09:00", "until": "18:00"}]}', '{calendar,id}'),
    t.call('boss', 'load_holidays', '{"calendar": 1}', '{loaded}');
INSERT INTO onefin.calendar_use (org_id, kind_id, calendar_id) VALUES (NULL, NULL, 1), (NULL, 1, 1), (1, NULL, 1), (2, 1, 1), (3, NULL, 1);
-- How long clients may wait; a wait in Alfa that acc2 answered once; rounds that were closed and rated, one of Alfa's by acc2, one twice.
INSERT INTO onefin.policy (org_id, first_target) VALUES (NULL, 86400e6), (1, 86400e6), (2, 86400e6), (3, 86400e6);
INSERT INTO onefin.wait (id, org_id, topic_id, ticket_id, message_id, responder_id, started_at, ended_at, paused, kind_id, imported, kind, outcome)
    VALUES (nextval('onefin.wait_id_seq'), 1, 1, 1, 1, 5, now(), now(), 0, 1, false, 'first', 'answered');
WITH closed AS (
    INSERT INTO onefin.ticket (org_id, topic_id, state, opened_at, opened_by, closed_at, closed_by, closed_how, accountable_id)
    SELECT org, topic, 'closed', now(), accountable, now(), accountable, 'person', accountable
    FROM (VALUES (1, 2, 4), (1, 3, 5), (2, 7, 5), (3, 12, 4)) v (org, topic, accountable) RETURNING *)
INSERT INTO onefin.rating (ticket_id, org_id, topic_id, accountable_id, account_id, score)
    SELECT id, org_id, topic_id, accountable_id, 5 + org_id, score FROM closed, (VALUES (2), (5)) s (score) WHERE score = 5 OR topic_id = 2;
UPDATE onefin.org SET archived_at = now() WHERE name = 'Gamma';
UPDATE onefin.account SET disabled_at = now() WHERE login LIKE 'off%';
SELECT t.call('boss', 'settings', '{"name": "retention_days", "value": 7}', '{settings,retention_days}');
SELECT t.call('boss', 'session_policies', '{"role": "client", "max_sessions": 3}', '{policies,client,max_sessions}');
SELECT onefin.login('nobody', 'x') ? 'error';
-- A month that is closed, with a document of acc1, acc2 and sup1, and corrections of it for acc1 and sup2.
INSERT INTO onefin.bonus_rule (from_day) VALUES ('2025-01-01');
INSERT INTO onefin.document_mark (document_id, org_id, at, account_id, account_name, mark)
    SELECT d.id, d.org_id, '2025-01-10', a.id, a.name, 'processed' FROM (VALUES ('Alfa', 'acc1'), ('Beta', 'acc2'), ('Gamma', 'sup1')) v (company, login)
    JOIN onefin.document d ON d.name = company || '.pdf' JOIN onefin.account a USING (login);
SELECT t.call('boss', 'close_payroll', '{"month": "2025-01-01"}', '{payroll,people}');
INSERT INTO onefin.payroll_correction (month, account_id, amount, reason) SELECT '2025-01-01', id, 1, 'x' FROM onefin.account WHERE login IN ('acc1', 'sup2');
CALL t.sealed();
-- Figures of all of that, and somebody who got a file of each company.
DO $$
BEGIN
    WHILE (SELECT seal FROM onefin.kpi_state) IS DISTINCT FROM onefin.position() LOOP
        PERFORM pg_sleep(0.01);
        COMMIT;
    END LOOP;
END
$$;
INSERT INTO onefin.kpi_download VALUES (1, now(), 4, 1, 1, 1), (2, now(), 5, 2, 1, 1), (3, now(), 8, 3, 1, 1);

-- What a row is known by (the columns that may be read), and the label that stands for it
-- below; a message is called by its first text.
CREATE FUNCTION t.label(said bigint) RETURNS text LANGUAGE sql STABLE
RETURN coalesce((SELECT text FROM onefin.message_version WHERE message_id = said AND version = 1),
    (SELECT text FROM onefin.message WHERE id = said));
CREATE TABLE t.relation (name text PRIMARY KEY, key text, label text);
INSERT INTO t.relation VALUES
    ('setting_default', 'name', 'name'), ('setting', 'name', 'name'), ('setting_now', 'name', 'name'),
    ('session_policy_default', 'role', 'role'), ('session_policy', 'role', 'role'),
    ('session_policy_now', 'role', 'role'), ('login_failure', 'key', '''failure'''), ('department', 'id', 'name'), ('org', 'id', 'name'),
    ('account', 'id', 'login'), ('account_body', 'id', '(SELECT login FROM onefin.account a WHERE a.id = r.id)'),
    ('session', 'id', '(SELECT login FROM onefin.account a WHERE a.id = r.account_id)'),
    ('assignment', 'id', 'format(''%s-%s'', (SELECT login FROM onefin.account a WHERE a.id = r.account_id), (SELECT name FROM onefin.org o WHERE o.id = r.org_id))'),
    ('topic_kind', 'id', '''kind'''), ('topic', 'id', '(SELECT name FROM onefin.org o WHERE o.id = r.org_id)'),
    ('ticket', 'id', '(SELECT name FROM onefin.org o WHERE o.id = r.org_id)'),
    ('message', 'id', 't.label(id)'), ('message_body', 'id', 't.label(id)'),
    ('message_version', 'message_id || ''.'' || version', 't.label(message_id)'),
    ('document', 'id', 'name'), ('document_body', 'id', 'body ->> ''name'''),
    ('document_mark', 'id', '(SELECT name FROM onefin.org o WHERE o.id = r.org_id)'), ('job', 'id', '''job'''),
    ('job_body', 'id', '''job'''), ('logo', 'id', '''logo'''), ('store_key', 'key', '''key'''), ('upload', 'id', '''upload'''),
    ('upload_part', 'upload_id', '''part'''),
    ('wait', 'id', 'concat_ws(''-'', (SELECT name FROM onefin.org o WHERE o.id = r.org_id), (SELECT login FROM onefin.account a WHERE a.id = r.responder_id))'),
    ('wait_body', 'id', 'concat_ws(''-'', body ->> ''org_name'', (SELECT login FROM onefin.account a WHERE a.id = (body ->> ''responder'')::bigint))'),
    ('policy', 'id', 'coalesce((SELECT name FROM onefin.org o WHERE o.id = r.org_id), ''all'')'), ('policy_body', 'id', 'coalesce(body ->> ''org_name'', ''all'')'),
    ('rating', 'id', 'concat_ws(''-'', (SELECT name FROM onefin.org o WHERE o.id = r.org_id), (SELECT login FROM onefin.account a WHERE a.id = r.accountable_id))'),
    ('rating_now', 'ticket_id', 'concat_ws(''-'', (SELECT name FROM onefin.org o WHERE o.id = r.org_id), (SELECT login FROM onefin.account a WHERE a.id = r.accountable_id))'),
    ('rated_body', 'id', 'concat_ws(''-'', body ->> ''org_name'', (SELECT login FROM onefin.account a WHERE a.id = (body ->> ''accountable'')::bigint))'),
    ('calendar', 'id', 'name'), ('calendar_hours', 'calendar_id || ''.'' || weekday', '''hours'''),
    ('calendar_exception', 'calendar_id || ''.'' || day', '''day'''),
    ('calendar_use', 'id', 'coalesce((SELECT name FROM onefin.org o WHERE o.id = r.org_id), ''all'')'),
    ('bonus_rule', 'id', '''rule'''), ('payroll', 'month', '''payroll'''),
    ('payroll_line', 'account_id || ''.'' || line', '(SELECT login FROM onefin.account a WHERE a.id = r.account_id)'),
    ('payroll_item', 'source || ''.'' || source_id', '(SELECT login FROM onefin.account a WHERE a.id = r.account_id)'),
    ('payroll_correction', 'id', '(SELECT login FROM onefin.account a WHERE a.id = r.account_id)'),
    ('read_mark', 'account_id || ''.'' || topic_id',
    'format(''%s-%s'', (SELECT login FROM onefin.account a WHERE a.id = r.account_id), (SELECT name FROM onefin.org o WHERE o.id = r.org_id))'),
    ('watch', 'id', 'format(''%s-%s'', (SELECT login FROM onefin.account a WHERE a.id = r.account_id), (SELECT name FROM onefin.org o WHERE o.id = r.org_id))'),
    ('kpi_state', 'seal', '''state'''), ('kpi_staff_day', 'account_id', '(SELECT login FROM onefin.account a WHERE a.id = r.account_id)'),
    ('kpi_staff_duration', 'account_id', '(SELECT login FROM onefin.account a WHERE a.id = r.account_id)'),
    ('kpi_org_day', 'org_id', '(SELECT name FROM onefin.org o WHERE o.id = r.org_id)'),
    ('kpi_org_duration', 'org_id', '(SELECT name FROM onefin.org o WHERE o.id = r.org_id)'),
    ('kpi_download', 'entry_id', '(SELECT name FROM onefin.org o WHERE o.id = r.org_id)'),
    ('journal', 'id', '''entry'''), ('seal', 'number', '''seal'''),
    ('access_change', 'entry_id', '''change'''), ('org_access', 'account_id || ''.'' || org_id', '''access'''), ('event_body', 'id', '''event''');
-- Tables and views that this test forgets: none.
SELECT relname FROM pg_class WHERE relnamespace = 'onefin'::regnamespace AND relkind IN ('r', 'v', 'p', 'm', 'f')
    EXCEPT SELECT name FROM t.relation;

-- Everybody looks at everything.
CREATE TABLE t.row (relation text, key text, label text);
SELECT format('INSERT INTO t.row SELECT %L, %s, %s FROM onefin.%I r', name, key, label, name) FROM t.relation
    ORDER BY name \gexec
CREATE TABLE t.seen (who text, relation text, key text);
GRANT SELECT ON t.relation TO PUBLIC;
GRANT INSERT ON t.seen TO PUBLIC;
CREATE PROCEDURE t.look() LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT * FROM t.relation LOOP
        BEGIN
            EXECUTE format('INSERT INTO t.seen SELECT %L, %L, %s FROM onefin.%I r',
                replace(session_user, 'regress_', ''), r.name, r.key, r.name);
        EXCEPTION WHEN insufficient_privilege THEN
            NULL;
        END;
    END LOOP;
END
$$;
CREATE TABLE t.person (name text PRIMARY KEY);
INSERT INTO t.person VALUES ('boss'), ('sup1'), ('sup2'), ('acc1'), ('acc2'), ('ali'), ('bek'), ('guli'), ('off'),
    ('off_boss'), ('off_sup'), ('off_acc'), ('stray'), ('analyst'), ('many');
SELECT format('SET SESSION AUTHORIZATION regress_%s; CALL t.look()', name) FROM t.person ORDER BY name \gexec
RESET SESSION AUTHORIZATION;

-- What each must see: all rows of these labels, and no other row. Who is not named sees nothing.
CREATE TABLE t.expected (relation text, who text, label text);
CREATE PROCEDURE t.expect(relations text, who text, labels text) LANGUAGE sql AS $$
    INSERT INTO t.expected SELECT r, w, l FROM unnest(string_to_array(relations, ' ')) r,
        unnest(string_to_array(who, ' ')) w, unnest(string_to_array(labels, ', ')) l
$$;
CALL t.expect('org topic ticket', 'boss', 'Alfa, Beta, Gamma');
CALL t.expect('org topic ticket', 'sup1 acc1 ali many', 'Alfa');
CALL t.expect('org topic ticket', 'sup2 acc2 bek', 'Beta');
CALL t.expect('topic_kind', 'boss sup1 sup2 acc1 acc2 ali bek guli many', 'kind');
CALL t.expect('message message_body', 'boss sup1 acc1', 'Alfa said, Alfa note, Alfa gone, Alfa file, Alfa memo');
CALL t.expect('message message_body', 'boss sup2 acc2', 'Beta said, Beta note, Beta gone, Beta file, Beta memo');
CALL t.expect('message message_body', 'boss', 'Gamma said, Gamma note, Gamma gone, Gamma file, Gamma memo');
CALL t.expect('message message_body', 'ali many', 'Alfa said, Alfa gone, Alfa file');
CALL t.expect('message message_body', 'bek', 'Beta said, Beta gone, Beta file');
CALL t.expect('message_version', 'boss sup1', 'Alfa said, Alfa note, Alfa gone');
CALL t.expect('message_version', 'boss sup2', 'Beta said, Beta note, Beta gone');
CALL t.expect('message_version', 'boss', 'Gamma said, Gamma note, Gamma gone');
CALL t.expect('message_version', 'acc1', 'Alfa note, Alfa gone');
CALL t.expect('message_version', 'acc2', 'Beta note, Beta gone');
CALL t.expect('document document_body', 'boss sup1', 'Alfa.pdf, Alfa-memo.pdf, Alfa-gone.pdf, Alfa-draft.pdf');
CALL t.expect('document document_body', 'boss sup2', 'Beta.pdf, Beta-memo.pdf, Beta-gone.pdf, Beta-draft.pdf');
CALL t.expect('document document_body', 'boss', 'Gamma.pdf, Gamma-memo.pdf, Gamma-gone.pdf, Gamma-draft.pdf');
CALL t.expect('document document_body', 'acc1', 'Alfa.pdf, Alfa-memo.pdf, Alfa-gone.pdf');
CALL t.expect('document document_body', 'acc2', 'Beta.pdf, Beta-memo.pdf, Beta-gone.pdf');
CALL t.expect('document document_body', 'ali', 'Alfa.pdf, Alfa-draft.pdf');
CALL t.expect('document document_body', 'many', 'Alfa.pdf');
CALL t.expect('document document_body', 'bek', 'Beta.pdf, Beta-draft.pdf');
CALL t.expect('document_mark', 'boss', 'Alfa, Beta, Gamma');
CALL t.expect('document_mark', 'sup1 acc1 ali many', 'Alfa');
CALL t.expect('document_mark', 'sup2 acc2 bek', 'Beta');
CALL t.expect('bonus_rule', 'boss sup1 sup2 acc1 acc2', 'rule');
CALL t.expect('payroll', 'boss', 'payroll');
CALL t.expect('payroll_line payroll_item', 'boss', 'acc1, acc2, sup1');
CALL t.expect('payroll_line payroll_item', 'sup1', 'acc1, sup1');
CALL t.expect('payroll_line payroll_item', 'sup2 acc2', 'acc2');
CALL t.expect('payroll_line payroll_item', 'acc1', 'acc1');
CALL t.expect('payroll_correction', 'boss', 'acc1, sup2');
CALL t.expect('payroll_correction', 'acc1', 'acc1');
CALL t.expect('payroll_correction', 'sup2', 'sup2');
CALL t.expect('job job_body', 'boss', 'job');
CALL t.expect('logo', 'boss', 'logo');
CALL t.expect('read_mark', 'boss',
    'ali-Alfa, acc1-Alfa, sup1-Alfa, boss-Alfa, bek-Beta, acc2-Beta, sup2-Beta, boss-Beta, guli-Gamma, acc1-Gamma, sup1-Gamma, boss-Gamma');
CALL t.expect('read_mark', 'sup1', 'ali-Alfa, acc1-Alfa, sup1-Alfa');
CALL t.expect('read_mark', 'sup2', 'bek-Beta, acc2-Beta, sup2-Beta');
CALL t.expect('read_mark', 'acc1 ali many', 'ali-Alfa, acc1-Alfa');
CALL t.expect('read_mark', 'acc2 bek', 'bek-Beta, acc2-Beta');
CALL t.expect('watch', 'boss', 'boss-Alfa, boss-Beta, boss-Gamma, sup1-Alfa, sup1-Gamma, sup2-Beta');
CALL t.expect('watch', 'sup1', 'sup1-Alfa, sup1-Gamma');
CALL t.expect('watch', 'sup2', 'sup2-Beta');
CALL t.expect('department', 'boss sup1', 'One');
CALL t.expect('department', 'boss sup2', 'Two');
CALL t.expect('account account_body', 'boss',
    'boss, sup1, sup2, acc1, acc2, ali, bek, guli, many, off, off_boss, off_sup, off_acc');
CALL t.expect('account account_body', 'sup1', 'sup1, acc1, ali, many, off, off_sup, off_acc');
CALL t.expect('account account_body', 'sup2', 'sup2, acc2, bek');
CALL t.expect('session', 'boss',
    'boss, sup1, sup2, acc1, acc2, ali, bek, guli, many, off, off_boss, off_sup, off_acc');
INSERT INTO t.expected SELECT relation, who, who FROM unnest(ARRAY['account', 'account_body']) relation,
    unnest(ARRAY['acc1', 'acc2', 'ali', 'bek', 'guli', 'many']) who;
INSERT INTO t.expected SELECT 'session', who, who
    FROM unnest(ARRAY['sup1', 'sup2', 'acc1', 'acc2', 'ali', 'bek', 'guli', 'many']) who;
CALL t.expect('assignment', 'boss',
    'acc1-Alfa, acc1-Beta, acc1-Gamma, acc2-Alfa, acc2-Beta, acc2-Gamma, off_acc-Alfa');
CALL t.expect('assignment', 'sup1', 'acc1-Alfa, acc2-Alfa, off_acc-Alfa');
CALL t.expect('assignment', 'sup2', 'acc1-Beta, acc2-Beta');
CALL t.expect('assignment', 'acc1', 'acc1-Alfa, acc1-Beta, acc1-Gamma');
CALL t.expect('assignment', 'acc2', 'acc2-Alfa, acc2-Beta, acc2-Gamma');
INSERT INTO t.expected SELECT relation, 'boss', name FROM unnest('{setting_default,setting_now}'::text[]) relation, onefin.setting_default;
CALL t.expect('setting', 'boss', 'retention_days');
CALL t.expect('session_policy_default session_policy_now', 'boss', 'admin, supervisor, accountant, client');
CALL t.expect('session_policy', 'boss', 'client');
CALL t.expect('wait', 'boss analyst', 'Alfa, Alfa-acc1, Alfa-acc2, Beta, Beta-acc2, Gamma, Gamma-acc1');
CALL t.expect('wait_body', 'boss', 'Alfa, Alfa-acc1, Alfa-acc2, Beta, Beta-acc2, Gamma, Gamma-acc1');
CALL t.expect('wait wait_body', 'sup1 acc1', 'Alfa, Alfa-acc1, Alfa-acc2');
CALL t.expect('wait wait_body', 'sup2 acc2', 'Beta, Beta-acc2');
CALL t.expect('wait', 'acc1', 'Gamma-acc1');
CALL t.expect('wait', 'acc2', 'Alfa-acc2');
CALL t.expect('policy policy_body', 'boss', 'all, Alfa, Beta, Gamma');
CALL t.expect('policy policy_body', 'sup1 acc1', 'all, Alfa');
CALL t.expect('policy policy_body', 'sup2 acc2', 'all, Beta');
CALL t.expect('rating', 'analyst', 'Alfa-acc1, Alfa-acc2, Beta-acc2, Gamma-acc1');
CALL t.expect('rating rating_now rated_body', 'boss', 'Alfa-acc1, Alfa-acc2, Beta-acc2, Gamma-acc1');
CALL t.expect('rating rating_now rated_body', 'sup1 ali many', 'Alfa-acc1, Alfa-acc2');
CALL t.expect('rating rating_now rated_body', 'sup2 bek', 'Beta-acc2');
CALL t.expect('rating rating_now', 'acc1', 'Alfa-acc1, Gamma-acc1');
CALL t.expect('rating rating_now', 'acc2', 'Alfa-acc2, Beta-acc2');
CALL t.expect('rated_body', 'acc1', 'Alfa-acc1, Alfa-acc2');
CALL t.expect('rated_body', 'acc2', 'Beta-acc2');
CALL t.expect('calendar', 'boss sup1 sup2 acc1 acc2 analyst many', 'Office');
CALL t.expect('calendar_hours', 'boss sup1 sup2 acc1 acc2 analyst many', 'hours');
CALL t.expect('calendar_exception', 'boss sup1 sup2 acc1 acc2 analyst many', 'day');
CALL t.expect('calendar_use', 'boss analyst many', 'all, Alfa, Beta, Gamma');
CALL t.expect('calendar_use', 'sup1 acc1', 'all, Alfa');
CALL t.expect('calendar_use', 'sup2 acc2', 'all, Beta');
CALL t.expect('journal', 'boss', 'entry');
CALL t.expect('seal', 'boss', 'seal');
CALL t.expect('kpi_state', 'boss sup1 sup2 acc1 acc2 analyst', 'state');
CALL t.expect('kpi_staff_day kpi_staff_duration', 'boss sup1 acc1 analyst', 'acc1');
CALL t.expect('kpi_staff_day kpi_staff_duration', 'boss sup2 acc2 analyst', 'acc2');
CALL t.expect('kpi_org_day kpi_org_duration kpi_download', 'boss sup1 analyst', 'Alfa');
CALL t.expect('kpi_org_day kpi_org_duration kpi_download', 'boss sup2 analyst', 'Beta');
CALL t.expect('kpi_org_day kpi_org_duration kpi_download', 'boss analyst', 'Gamma');
CALL t.expect('kpi_download', 'acc1', 'Alfa');
CALL t.expect('kpi_download', 'acc2', 'Beta');
CALL t.expect('org ticket topic document_mark', 'analyst', 'Alfa, Beta, Gamma');
CALL t.expect('topic_kind', 'analyst', 'kind');
CALL t.expect('assignment', 'analyst', 'acc1-Alfa, acc1-Beta, acc1-Gamma, acc2-Alfa, acc2-Beta, acc2-Gamma, off_acc-Alfa');
CALL t.expect('account', 'analyst', 'boss, sup1, sup2, acc1, acc2, ali, bek, guli, many, off, off_boss, off_sup, off_acc');
CALL t.expect('document', 'analyst', 'Alfa.pdf, Alfa-memo.pdf, Alfa-gone.pdf, Alfa-draft.pdf, Beta.pdf, Beta-memo.pdf, Beta-gone.pdf, Beta-draft.pdf');
CALL t.expect('document', 'analyst', 'Gamma.pdf, Gamma-memo.pdf, Gamma-gone.pdf, Gamma-draft.pdf');

-- Labels that name no row, rows without a label: none.
SELECT DISTINCT relation, label FROM t.expected EXCEPT SELECT relation, label FROM t.row;
SELECT * FROM t.row WHERE label IS NULL;
-- Seen and not to be seen; to be seen and not seen: nothing.
SELECT 'seen', who, relation, label FROM t.seen JOIN t.row USING (relation, key) EXCEPT SELECT 'seen', who,
    relation, label FROM t.expected ORDER BY 2, 3, 4;
SELECT 'unseen', who, relation, label, key FROM t.expected JOIN t.row USING (relation, label)
    EXCEPT SELECT 'unseen', who, relation, label, key FROM t.seen
    JOIN t.row USING (relation, key) ORDER BY 2, 3, 4;
SELECT string_agg(name, ' ' ORDER BY name) AS "who saw nothing" FROM t.person
    WHERE name NOT IN (SELECT who FROM t.seen);
-- Asked for by its key, counted, or looked for, a row of another company is no more there.
CREATE FUNCTION t.of_beta() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', (SELECT count(*) FROM onefin.message WHERE org_id = 2),
        (SELECT count(*) FROM onefin.message WHERE topic_id = 6),
        (SELECT count(*) FROM onefin.topic WHERE org_id = 2),
        (SELECT count(*) FROM onefin.org WHERE name = 'Beta'),
            (SELECT max(id) FROM onefin.message WHERE org_id = 2),
            EXISTS (SELECT FROM onefin.document WHERE org_id = 2),
        (SELECT count(*) FROM onefin.message m LEFT JOIN onefin.message r ON r.org_id = 2))
$$;
SELECT format('SET SESSION AUTHORIZATION regress_%s; SELECT %L, t.of_beta() ', name, name) FROM t.person
    WHERE name IN ('sup1', 'acc1', 'ali', 'many') ORDER BY name \gexec
RESET SESSION AUTHORIZATION;
-- A function that tells of the rows it is given sees none that are not the caller's.
SET SESSION AUTHORIZATION regress_ali;
CREATE FUNCTION t.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'given: %', $1;
    RETURN true; END $$;
SELECT text FROM onefin.message WHERE t.tell(text) AND topic_id = 1 ORDER BY id;
RESET SESSION AUTHORIZATION;

-- Whom the gateway tells of a company: who sees it, and nobody else.
SELECT o.name, (SELECT string_agg(format('%s (%s)', a.login, u.role), ', ' ORDER BY a.id)
    FROM onefin.audience(o.id) u JOIN onefin.account a ON a.id = u.account) FROM onefin.org o ORDER BY o.id;

-- Writing. Everybody tries everything; what is not named below is refused with 42501.
CREATE TABLE t.act (relation text, op text, statement text);
INSERT INTO t.act SELECT name, op, CASE op
        WHEN 'INSERT' THEN format('INSERT INTO onefin.%I (%s) SELECT %2$s FROM (SELECT (NULL::onefin.%1$I).*) r LIMIT 0', name,
            (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
            WHERE attrelid = ('onefin.' || name)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''))
        WHEN 'UPDATE' THEN format('UPDATE onefin.%I SET %I = %2$I', name,
            (SELECT attname FROM pg_attribute WHERE attrelid = ('onefin.' || name)::regclass AND attnum = 1))
        WHEN 'TRUNCATE' THEN format('TRUNCATE onefin.%I', name)
        ELSE format('DELETE FROM onefin.%I', name) END
FROM t.relation, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) op
WHERE (SELECT relkind FROM pg_class WHERE oid = ('onefin.' || name)::regclass) = 'r';
INSERT INTO t.act VALUES
    ('setting', 'set', 'INSERT INTO onefin.setting VALUES (''client_sees_versions'', ''true'')'),
    ('setting', 'reset', 'UPDATE onefin.setting SET value = ''9'' WHERE name = ''retention_days'''),
    ('session_policy', 'set', 'INSERT INTO onefin.session_policy VALUES (''admin'', 1, ''refuse'', 5, 5)'),
    ('session_policy', 'reset', 'UPDATE onefin.session_policy SET max_sessions = 4'),
    ('department', 'make', 'INSERT INTO onefin.department (name) VALUES (''New'')'),
    ('department', 'rename', 'UPDATE onefin.department SET name = name || ''!'''),
    ('org', 'make', 'INSERT INTO onefin.org (name) VALUES (''New'')'),
    ('org', 'rename', 'UPDATE onefin.org SET name = name || ''!'''),
    ('account', 'make', 'INSERT INTO onefin.account (login, name, role) VALUES (''new'', ''New'', ''admin'')'),
    ('account', 'rename', 'UPDATE onefin.account SET name = name || ''!'''),
    ('account', 'promote', 'UPDATE onefin.account SET role = ''admin'', org_id = NULL WHERE db_role = session_user'),
    ('assignment', 'make', 'INSERT INTO onefin.assignment (org_id, account_id) VALUES (2, 4)'),
    ('assignment', 'end', 'UPDATE onefin.assignment SET until_at = now() WHERE until_at IS NULL'),
    ('message', 'to Alfa', 'INSERT INTO onefin.message (topic_id, text) VALUES (1, ''x'')'),
    ('message', 'to Beta', 'INSERT INTO onefin.message (topic_id, text) VALUES (6, ''x'')'),
    ('message', 'note', 'INSERT INTO onefin.message (topic_id, text, visibility) VALUES (1, ''x'', ''staff'')'),
    ('message', 'edit', 'UPDATE onefin.message SET text = text || ''!'' WHERE true'),
    ('message', 'as another', 'INSERT INTO onefin.message (topic_id, text, author_id) VALUES (1, ''x'', 1)'),
    ('message', 'move', 'UPDATE onefin.message SET org_id = 1'),
    ('message', 'restore', 'UPDATE onefin.message SET deleted_at = NULL'),
    ('policy', 'make', 'INSERT INTO onefin.policy (org_id, first_target) VALUES (1, 1)'), ('policy', 'look', 'SELECT onefin_api.policies()'),
    ('policy', 'set', 'SELECT onefin_api.policies(first => 1, "set" => true)'),
    ('wait', 'look', 'SELECT onefin_api.waits()'), ('rating', 'look', 'SELECT onefin_api.ratings()'),
    ('wait', 'dismiss', format('SELECT onefin_api.dismiss_wait(%s)', (SELECT id FROM onefin.wait WHERE topic_id = 1 AND kind = 'next'))),
    ('rating', 'rate', format('SELECT onefin_api.rate(%s, 3)', (SELECT id FROM onefin.ticket WHERE topic_id = 2))),
    ('ticket', 'await', 'SELECT onefin_api.await_client(1)'), ('ticket', 'reopen', 'SELECT onefin_api.reopen(1)'),
    ('calendar', 'make', 'INSERT INTO onefin.calendar (name, time_zone) VALUES (''New'', ''UTC'')'),
    ('calendar', 'rename', 'UPDATE onefin.calendar SET name = name || ''!'''),
    ('calendar_hours', 'make', 'INSERT INTO onefin.calendar_hours VALUES (1, 2, ''{09:00,10:00}'')'),
    ('calendar_hours', 'change', 'UPDATE onefin.calendar_hours SET hours = ''{09:00,10:00}'''),
    ('calendar_exception', 'make', 'INSERT INTO onefin.calendar_exception VALUES (1, ''2026-12-31'', ''New'')'),
    ('calendar_exception', 'switch', 'UPDATE onefin.calendar_exception SET active = false'),
    ('calendar_use', 'make', 'INSERT INTO onefin.calendar_use (org_id, calendar_id) VALUES (2, 1)'),
    ('calendar_use', 'change', 'UPDATE onefin.calendar_use SET calendar_id = 1'),
    ('calendar', 'look', 'SELECT onefin_api.calendars()'), ('calendar_exception', 'load', 'SELECT onefin_api.load_holidays(1)'),
    ('calendar_exception', 'day', 'SELECT onefin_api.calendar_day(1, ''2026-01-01'', active => false)'),
    ('calendar_use', 'look', 'SELECT onefin_api.calendar_uses()'),
    ('calendar', 'measure', 'SELECT onefin.business_duration(now(), onefin.business_add(now(), ''1h'', 1), onefin.calendar_for(1, 1::smallint))'),
    ('seal', 'verify', 'SELECT onefin.journal_verify()'), ('ticket', 'close', 'SELECT onefin_api.close(1)'),
    ('document_mark', 'process', 'SELECT onefin_api.process((SELECT min(id) FROM onefin.document WHERE name = ''Alfa.pdf''), ''returned'', ''no'')'),
    ('journal', 'log', 'SELECT onefin_api.document_log()'), ('job', 'list', 'SELECT onefin_api.jobs()'),
    ('job', 'retry', 'SELECT onefin_api.retry_job(1)'), ('logo', 'look', 'SELECT onefin_api.logo()'),
    ('watch', 'watch', 'SELECT onefin_api.watch(1)'), ('watch', 'unwatch', 'SELECT onefin_api.unwatch()'),
    ('message', 'redact', 'SELECT onefin_api.redact(1, ''x'')'), ('org', 'erase', 'SELECT onefin_api.erase(3, ''x'')'),
    ('message', 'import', format('SELECT onefin_api.import(1, 6, ''x'', ''2020-01-01'', %L)', gen_random_uuid()));
-- A number of rows (of tombstones, for a DELETE of messages), or the SQLSTATE; all is undone.
CREATE FUNCTION t.try(op text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
    before bigint;
BEGIN
    IF op = 'DELETE' AND statement LIKE '%onefin.message' THEN
        SELECT count(*) INTO before FROM onefin.message WHERE deleted_at IS NOT NULL;
    END IF;
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    IF before IS NOT NULL THEN
        SELECT count(*) - before INTO n FROM onefin.message WHERE deleted_at IS NOT NULL;
    END IF;
    RAISE 'undo' USING ERRCODE = 'UNDO0';
EXCEPTION
    WHEN SQLSTATE 'UNDO0' THEN RETURN n;
    WHEN OTHERS THEN RETURN SQLSTATE;
END
$$;
CREATE TABLE t.done (who text, relation text, op text, outcome text);
GRANT SELECT ON t.act TO PUBLIC;
GRANT INSERT ON t.done TO PUBLIC;
SELECT format('SET SESSION AUTHORIZATION regress_%s; INSERT INTO t.done SELECT %L, relation, op, t.try(op, statement) FROM t.act',
    name, name) FROM t.person ORDER BY name \gexec
RESET SESSION AUTHORIZATION;
CREATE TABLE t.allowed (relation text, op text, who text, outcome text);
INSERT INTO t.allowed SELECT relation, op, unnest(string_to_array(who, ' ')), outcome FROM (VALUES
    ('setting', 'set', 'boss', '1'), ('setting', 'reset', 'boss', '1'), ('setting', 'INSERT', 'boss', '0'),
    ('session_policy', 'set', 'boss', '1'), ('session_policy', 'reset', 'boss', '1'),
    ('session_policy', 'INSERT', 'boss', '0'),
    ('department', 'make', 'boss', '1'), ('department', 'rename', 'boss', '2'),
    ('org', 'make', 'boss', '1'), ('org', 'rename', 'boss', '3'),
    ('policy', 'make', 'boss', '1'), ('policy', 'make', 'off_boss many', '42501'), ('policy', 'set', 'boss', '1'),
    ('policy', 'look', 'boss sup1 sup2 acc1 acc2 off_boss off_sup off_acc many', '1'),
    ('wait', 'look', 'boss sup1 sup2 acc1 acc2 off_boss off_sup off_acc many', '1'),
    ('rating', 'look', 'boss sup1 sup2 acc1 acc2 ali bek guli off off_boss off_sup off_acc stray many', '1'),
    ('wait', 'dismiss', 'boss acc1', '1'), ('wait', 'dismiss', 'acc2', 'P0002'), ('wait', 'dismiss', 'off_boss off_acc', '28000'),
    ('rating', 'rate', 'ali many', '1'), ('rating', 'rate', 'bek guli', 'P0002'), ('rating', 'rate', 'off stray', '28000'),
    ('ticket', 'await', 'boss sup1 acc1', '1'), ('ticket', 'await', 'sup2 acc2', 'P0002'), ('ticket', 'await', 'off_boss off_sup off_acc', '28000'),
    ('ticket', 'reopen', 'boss sup1 acc1 ali many', '1'), ('ticket', 'reopen', 'sup2 acc2 bek guli', 'P0002'),
    ('ticket', 'reopen', 'off off_boss off_sup off_acc stray', '28000'),
    ('calendar', 'make', 'boss', '1'), ('calendar', 'rename', 'boss', '1'), ('calendar_hours', 'make', 'boss', '1'),
    ('calendar_hours', 'change', 'boss', '1'), ('calendar_hours', 'INSERT', 'boss', '0'), ('calendar_hours', 'DELETE', 'boss', '1'),
    ('calendar_exception', 'make', 'boss', '1'), ('calendar_exception', 'switch', 'boss', '18'), ('calendar_exception', 'INSERT', 'boss', '0'),
    ('calendar_use', 'make', 'boss', '1'), ('calendar_use', 'change', 'boss', '5'), ('calendar_use', 'DELETE', 'boss', '5'),
    ('calendar', 'look', 'boss sup1 sup2 acc1 acc2 off_boss off_sup off_acc many', '1'), ('calendar_use', 'look', 'boss sup1 sup2 acc1 acc2 off_boss off_sup off_acc many', '1'),
    ('calendar_exception', 'load', 'boss', '1'), ('calendar_exception', 'day', 'boss', '1'), ('calendar_exception', 'load', 'off_boss', 'P0002'),
    ('calendar_exception', 'day', 'off_boss', 'P0002'), ('calendar_exception', 'load', 'many', '42501'), ('calendar_exception', 'day', 'many', '22023'),
    ('calendar', 'measure', 'boss sup1 sup2 acc1 acc2 off_boss off_sup off_acc analyst many', '1'),
    ('calendar', 'rename', 'off_boss many', '0'), ('calendar_hours', 'change', 'off_boss many', '0'), ('calendar_hours', 'INSERT', 'off_boss many', '0'),
    ('calendar_hours', 'DELETE', 'off_boss many', '0'), ('calendar_exception', 'switch', 'off_boss many', '0'), ('calendar_exception', 'INSERT', 'off_boss many', '0'),
    ('calendar_use', 'change', 'off_boss many', '0'), ('calendar_use', 'DELETE', 'off_boss many', '0'),
    ('seal', 'verify', 'boss', '1'), ('ticket', 'close', 'boss sup1 acc1', '1'), ('ticket', 'close', 'sup2 acc2', 'P0002'),
    ('document_mark', 'process', 'boss sup1 acc1', '1'), ('document_mark', 'process', 'sup2 acc2', 'P0002'),
    ('document_mark', 'process', 'off_boss off_sup off_acc', '28000'), ('journal', 'log', 'boss off_boss many', '1'),
    ('job', 'list', 'boss off_boss many', '1'), ('job', 'retry', 'boss', 'P0002'), ('job', 'retry', 'off_boss', '28000'),
    ('logo', 'look', 'boss', '1'), ('logo', 'look', 'off_boss', '28000'),
    ('watch', 'watch', 'boss sup1', '1'), ('watch', 'watch', 'sup2', 'P0002'), ('watch', 'unwatch', 'boss sup1 sup2', '1'),
    ('message', 'import', 'boss', '1'), ('message', 'redact', 'boss', '1'), ('message', 'redact', 'off_boss', '28000'),
    ('org', 'erase', 'boss', '55000'), ('org', 'erase', 'off_boss', '28000'), ('ticket', 'close', 'off_boss off_sup off_acc', '28000'),
    ('seal', 'verify', 'off_boss', '28000'), ('message', 'import', 'off_boss', '28000'),
    ('watch', 'watch', 'off_boss off_sup', '28000'), ('watch', 'unwatch', 'off_boss off_sup', '28000'),
    ('account', 'make', 'boss', '1'), ('account', 'rename', 'boss', '13'), ('account', 'promote', 'boss', '1'),
    ('assignment', 'make', 'boss', '1'), ('assignment', 'end', 'boss', '5'),
    ('message', 'to Alfa', 'boss sup1 acc1 ali many', '1'), ('message', 'to Alfa', 'sup2 acc2 bek guli', 'P0002'),
    ('message', 'to Alfa', 'off off_boss off_sup off_acc stray', '28000'),
    ('message', 'to Beta', 'boss sup2 acc2 bek', '1'), ('message', 'to Beta', 'sup1 acc1 ali guli many', 'P0002'),
    ('message', 'to Beta', 'off off_boss off_sup off_acc stray', '28000'),
    ('message', 'note', 'boss sup1 acc1', '1'), ('message', 'note', 'sup2 acc2 bek guli', 'P0002'),
    ('message', 'note', 'off off_boss off_sup off_acc stray', '28000'),
    -- acc1's note and memo, ali's said and file; what is deleted stays so, another's is nobody else's
    ('message', 'edit', 'acc1 acc2 ali bek', '2'), ('message', 'edit',
    'boss sup1 sup2 guli off off_boss off_sup off_acc stray many', '0'),
    ('message', 'DELETE', 'acc1 acc2 ali bek', '2'),
    ('message', 'DELETE', 'boss sup1 sup2 guli off off_boss off_sup off_acc stray many', '0'),
    -- a disabled admin has an admin's grants still, and no rows
    ('setting', 'set', 'off_boss', '42501'), ('setting', 'reset', 'off_boss', '0'),
    ('setting', 'INSERT', 'off_boss', '0'), ('session_policy', 'set', 'off_boss', '42501'),
    ('session_policy', 'reset', 'off_boss', '0'), ('session_policy', 'INSERT', 'off_boss', '0'),
    ('department', 'make', 'off_boss', '42501'),
    ('department', 'rename', 'off_boss', '0'),
    ('org', 'make', 'off_boss', '42501'), ('org', 'rename', 'off_boss', '0'),
    ('account', 'make', 'off_boss', '42501'), ('account', 'rename', 'off_boss', '0'),
    ('account', 'promote', 'off_boss', '0'),
    ('assignment', 'make', 'off_boss', '42501'), ('assignment', 'end', 'off_boss', '0'),
    -- many's database user holds an admin's grants; the rules ask for the account, who is a client
    ('setting', 'set', 'many', '42501'), ('setting', 'reset', 'many', '0'), ('setting', 'INSERT', 'many', '0'),
    ('session_policy', 'set', 'many', '42501'), ('session_policy', 'reset', 'many', '0'),
    ('session_policy', 'INSERT', 'many', '0'),
    ('department', 'make', 'many', '42501'), ('department', 'rename', 'many', '0'),
    ('org', 'make', 'many', '42501'), ('org', 'rename', 'many', '0'), ('account', 'make', 'many', '42501'),
    ('account', 'rename', 'many', '0'), ('account', 'promote', 'many', '0'),
    ('assignment', 'make', 'many', '42501'), ('assignment', 'end', 'many', '0')) a (relation, op, who, outcome);
SELECT d.*, coalesce(a.outcome, '42501') AS expected FROM t.done d LEFT JOIN t.allowed a USING (who, relation, op)
    WHERE d.outcome <> coalesce(a.outcome, '42501') ORDER BY 1, 2, 3;
SELECT * FROM t.allowed WHERE (who, relation, op) NOT IN (SELECT who, relation, op FROM t.done);
SELECT count(*) = (SELECT count(*) FROM t.person, t.act) AS "all was tried" FROM t.done;

-- Who may read, by the grants alone: no role more than it needs.
SELECT role, string_agg(name, ' ' ORDER BY name)
    FROM unnest(ARRAY['onefin_admin', 'onefin_supervisor', 'onefin_accountant', 'onefin_client', 'onefin_analyst',
    'onefin_gateway']) WITH ORDINALITY r (role, place)
    LEFT JOIN t.relation ON has_any_column_privilege(role, 'onefin.' || name, 'SELECT') GROUP BY role,
        place ORDER BY place;

-- A sequence tells how much there is: only admins may ask one, of what they make by hand.
SELECT role, string_agg(relname, ' ' ORDER BY relname)
    FROM unnest(ARRAY['public', 'onefin_admin', 'onefin_supervisor', 'onefin_accountant', 'onefin_client',
    'onefin_analyst', 'onefin_gateway']) WITH ORDINALITY r (role, place), pg_class
    WHERE relnamespace = 'onefin'::regnamespace AND relkind = 'S'
        AND has_sequence_privilege(role, oid, 'USAGE, SELECT, UPDATE') GROUP BY role, place ORDER BY place;
-- The analyst's are the KPI views: of these schemas' functions what they, and calendars, need.
SELECT proname FROM pg_proc WHERE pronamespace IN ('onefin'::regnamespace, 'onefin_api'::regnamespace)
    AND has_function_privilege('onefin_analyst', oid, 'EXECUTE') ORDER BY 1;
SELECT nspname FROM pg_namespace WHERE nspname LIKE 'onefin%' AND has_schema_privilege('onefin_analyst', oid, 'USAGE, CREATE');

-- Through the calls: what is another's, or kept from one in one's own company, is answered as what is
-- not there. Each method with ids of Beta, of a note of Alfa, and of nothing.
CREATE FUNCTION t.id(relation text, label text) RETURNS text LANGUAGE sql STABLE
    RETURN (SELECT min(key::bigint)::text FROM t.row r WHERE r.relation = id.relation AND r.label = id.label);
CREATE TABLE t.probe (method text, params text);
INSERT INTO t.probe VALUES
    ('topics', '{"org": ORG}'), ('members', '{"org": ORG}'), ('history', '{"topic": TOPIC}'),
    ('history', '{"topic": TOPIC, "as_of": "2100-01-01"}'), ('redact', '{"message": MESSAGE, "reason": "x"}'),
    ('erase', '{"org": ORG, "reason": "x"}'),
    ('documents', '{"topic": TOPIC}'), ('versions', '{"message": MESSAGE}'),
    ('read', '{"topic": TOPIC, "message": MESSAGE}'), ('read', '{"topic": 1, "message": MESSAGE}'),
    ('typing', '{"topic": TOPIC}'), ('send', '{"topic": TOPIC, "text": "x"}'),
    ('send', '{"topic": 1, "text": "x", "reply_to": MESSAGE}'),
    ('send', '{"topic": 1, "text": "x", "documents": [DOCUMENT]}'),
    ('edit', '{"message": MESSAGE, "version": 2, "text": "x"}'), ('delete', '{"message": MESSAGE, "version": 2}'),
    ('revoke_session', '{"session": SESSION}'), ('sessions', '{"account": ACCOUNT}'),
    ('revoke_sessions', '{"account": ACCOUNT}'),
    ('watch', '{"topic": TOPIC}'), ('close', '{"topic": TOPIC}'), ('await_client', '{"topic": TOPIC}'), ('reopen', '{"topic": TOPIC}'),
    ('waits', '{"org": ORG}'), ('policies', '{"org": ORG}'), ('ratings', '{"org": ORG}'),
    ('dismiss_wait', '{"wait": WAIT}'), ('rate', '{"ticket": ROUND, "score": 3}');
CREATE FUNCTION t.ask(who text, method text, params text, org text, topic text, message text, document text,
    session text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(replace(t.call(who, method,
        replace(replace(replace(replace(replace(replace(replace(replace(params, 'ORG', org), 'TOPIC', topic), 'MESSAGE', message),
        'WAIT', (SELECT coalesce(max(w.id), 999)::text FROM onefin.wait w WHERE w.org_id = ask.org::bigint AND w.kind = 'next')),
        'ROUND', (SELECT coalesce(max(r.ticket_id), 999)::text FROM onefin.rating r WHERE r.org_id = ask.org::bigint)),
        'DOCUMENT', document), 'SESSION', session), 'ACCOUNT',
        CASE session WHEN '999' THEN session ELSE '7' END)::jsonb),
        'topic 1', 'topic of mine'), ' \d+', ' N', 'g')
$$;
CREATE TABLE t.answer AS
    SELECT who, method, params, t.ask(who, method, params, '2', '6', t.id('message', 'Beta said'),
        t.id('document', 'Beta.pdf'), t.id('session', 'bek')) AS anothers,
        t.ask(who, method, params, '2', '6', t.id('message', 'Beta note'), t.id('document', 'Beta-memo.pdf'),
            t.id('session', 'sup2')) AS anothers_note,
        t.ask(who, method, params, '999', '999', '999', '999', '999') AS nothing
    FROM t.probe, unnest(ARRAY['sup1', 'acc1', 'ali', 'guli']) who;
SELECT * FROM t.answer WHERE anothers <> nothing OR anothers_note <> nothing;
SELECT method, params, string_agg(DISTINCT nothing, ', ' ORDER BY nothing) FROM t.answer
    GROUP BY 1, 2 ORDER BY 1, 2;
-- A client: the notes of the own company, with their documents.
SELECT method, params, t.ask('ali', method, params, '1', '1', t.id('message', 'Alfa note'),
    t.id('document', 'Alfa-memo.pdf'), t.id('session', 'acc1')) AS note,
    t.ask('ali', method, params, '1', '1', '999', '999', '999') AS nothing
FROM t.probe WHERE params ~ 'MESSAGE|DOCUMENT|SESSION'
EXCEPT SELECT method, params, nothing, nothing FROM (SELECT method, params,
    t.ask('ali', method, params, '1', '1', '999', '999', '999') AS nothing FROM t.probe
    WHERE params ~ 'MESSAGE|DOCUMENT|SESSION') x;
-- Files: another's, a note's, a deleted one's, one not yet sent, and none.
SELECT who, count(DISTINCT regexp_replace(t.answer(onefin.file_get(who, id), '{}'), '\d+$', 'N')) AS answers,
    min(regexp_replace(t.answer(onefin.file_get(who, id), '{}'), '\d+$', 'N'))
FROM (VALUES ('ali', ARRAY['Beta.pdf', 'Beta-draft.pdf', 'Gamma.pdf', 'Alfa-memo.pdf', 'Alfa-gone.pdf', 'none']),
    ('acc1', ARRAY['Beta.pdf', 'Beta-memo.pdf', 'Gamma.pdf', 'Alfa-draft.pdf', 'none']),
    ('sup1', ARRAY['Beta.pdf', 'Gamma.pdf', 'none'])) v (who, names),
    unnest(names) name, LATERAL (SELECT coalesce(t.id('document', name)::bigint, 999) AS id) i
        GROUP BY who ORDER BY who;
SELECT count(*) AS "refused downloads in the journal" FROM onefin.journal WHERE kind = 'document.downloaded';
-- Lists: everything that is told of companies, people, messages and events, is of one's own.
SELECT who, jsonb_path_query_array(topics, '$.orgs[*].name') AS orgs,
    (SELECT jsonb_agg(DISTINCT o) FROM jsonb_path_query(topics, '$.**.org') o) AS org_ids,
    (SELECT jsonb_agg(DISTINCT o) FROM jsonb_path_query(events, '$.events[*].org') o) AS event_orgs,
    (SELECT string_agg(DISTINCT v #>> '{}', ' ') FROM jsonb_path_query(events,
        '$.events[*].message.visibility') v) AS visibilities,
    (SELECT count(*) FROM jsonb_path_query(events,
        '$.events[*] ? (@.kind like_regex "^(ghost|versions|history|job|logo|document\\.(up|down|pre|ref|eras)|setting|department)")')) > 0 AS admins_only
FROM unnest(ARRAY['boss', 'sup1', 'acc1', 'ali', 'bek', 'guli', 'many']) WITH ORDINALITY w (who, place),
    LATERAL (SELECT onefin.call(who, 'topics') -> 'result' AS topics,
    onefin.call(who, 'resume', '{"after": 0}') -> 'result' AS events) r ORDER BY place;

CALL t.leave();
