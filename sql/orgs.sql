-- Companies, their five topics, departments, assignments: and who made them.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- A company has its five topics from the start, whoever makes it and however.
SELECT t.call('boss', 'orgs', '{"name": "Gamma", "department": 1}');
INSERT INTO onefin.org (name) VALUES ('Delta');
SELECT o.name, k.code, k.names ->> 'uz', k.names ->> 'ru', k.names ->> 'en'
FROM onefin.org o JOIN onefin.topic p ON p.org_id = o.id JOIN onefin.topic_kind k ON k.id = p.kind_id
WHERE o.id >= 3 ORDER BY o.id, k.id;
INSERT INTO onefin.topic (org_id, kind_id) VALUES (1, 1);

-- Names are needed, and are one company's or department's alone.
SELECT t.call('boss', 'orgs', '{"name": "Alfa"}');
SELECT t.call('boss', 'orgs', '{"name": "  "}');
SELECT t.call('boss', 'orgs', '{"name": "Epsilon", "department": 99}');
SELECT t.call('boss', 'orgs', '{"id": 99, "name": "Epsilon"}');
SELECT t.call('boss', 'orgs', '{"department": 1}');
SELECT t.call('boss', 'departments', '{"name": "One"}');
SELECT t.call('boss', 'departments', '{"name": "Three"}'),
    t.call('boss', 'departments', '{"id": 4, "name": "Third"}');
SELECT t.call('boss', 'departments', '{"id": 99, "name": "Ninth"}');
SELECT t.call('boss', 'departments');

-- Accounts: what each role must have.
SELECT t.call('boss', 'accounts',
    '{"login": "new", "name": "New", "role": "accountant", "department": 1, "language": "ru"}');
SELECT t.call('boss', 'accounts', '{"login": "New", "name": "Again", "role": "accountant"}');
SELECT t.call('boss', 'accounts', '{"login": "x", "name": "X", "role": "client"}');
SELECT t.call('boss', 'accounts', '{"login": "x", "name": "X", "role": "accountant", "org": 1}');
SELECT t.call('boss', 'accounts', '{"login": "x", "name": "X", "role": "client", "org": 1, "department": 1}');
SELECT t.call('boss', 'accounts', '{"login": "x", "name": "X", "role": "supervisor"}');
SELECT t.call('boss', 'accounts', '{"login": "x", "name": "X", "role": "owner"}');
SELECT t.call('boss', 'accounts', '{"login": "x", "name": "X", "role": "admin", "language": "de"}');
SELECT t.call('boss', 'accounts', '{"login": "x", "role": "admin"}');
SELECT t.call('boss', 'accounts', '{"id": 99, "name": "X"}');
SELECT t.call('boss', 'accounts', '{"id": 8, "disabled": true}', '{account,disabled}'),
    t.call('boss', 'accounts', '{"id": 8, "disabled": false}', '{account,disabled}');

-- Who changes sides leaves company or department behind.
SELECT t.call('boss', 'accounts', '{"id": 8, "role": "client", "org": 1}', '{account}'),
    t.call('boss', 'accounts', '{"id": 8, "role": "accountant"}', '{account}');

-- Assigning gives access at the next statement, ending it takes it away at the next; each once.
SELECT t.call('acc1', 'topics', '{}', '{orgs,1,name}'), t.call('acc1', 'history', '{"topic": 6}');
SELECT t.call('boss', 'assign', '{"org": 2, "account": 4}');
SELECT t.call('boss', 'assign', '{"org": 2, "account": 4}');
SELECT t.call('acc1', 'topics', '{}', '{orgs,1,name}'), t.call('acc1', 'history', '{"topic": 6}', '{messages}');
SELECT t.call('boss', 'assign', '{"org": 2, "account": 4, "ended": true}');
SELECT t.call('boss', 'assign', '{"org": 2, "account": 4, "ended": true}');
SELECT t.call('acc1', 'topics', '{}', '{orgs,1,name}'), t.call('acc1', 'history', '{"topic": 6}');
SELECT t.call('boss', 'assign', '{"org": 2, "account": 4}', '{assignment,until}');
SELECT count(*), count(until_at) FROM onefin.assignment WHERE org_id = 2 AND account_id = 4;
SELECT t.call('boss', 'assign', '{"org": 2, "account": 4, "ended": true}', '{assignment,account}');
-- Only an accountant is assigned, only to a company; what never was cannot end.
SELECT t.call('boss', 'assign', '{"org": 1, "account": 6}');
SELECT t.call('boss', 'assign', '{"org": 1, "account": 99}');
SELECT t.call('boss', 'assign', '{"org": 99, "account": 4}');
SELECT t.call('boss', 'assign', '{"org": 1, "account": 5, "ended": true}');
-- By hand it is the same, for whoever's hand.
INSERT INTO onefin.assignment (org_id, account_id) VALUES (1, 6);
UPDATE onefin.assignment SET until_at = NULL WHERE until_at IS NOT NULL;
UPDATE onefin.assignment SET until_at = now() WHERE until_at IS NOT NULL;
-- Who becomes something else is assigned to nothing any more, and returns to nothing.
SELECT t.call('boss', 'accounts', '{"login": "acc3", "name": "Acc3", "role": "accountant"}', '{account,id}'),
    t.call('boss', 'assign', '{"org": 1, "account": 17}', '{assignment,account}');
SELECT t.call('boss', 'accounts', '{"id": 17, "role": "admin"}', '{account,role}'),
    t.call('boss', 'accounts', '{"id": 17, "role": "accountant"}', '{account,role}');
SELECT count(*), count(until_at) FROM onefin.assignment WHERE account_id = 17;
SELECT account FROM onefin.audience(1) ORDER BY 1;
-- An assignment is never deleted by the firm's people.
SET SESSION AUTHORIZATION regress_boss;
DELETE FROM onefin.assignment;
UPDATE onefin.assignment SET from_at = from_at - interval '1 year';
RESET SESSION AUTHORIZATION;

-- An archived company is seen by admins only, and written to by nobody, until it is served again.
SELECT t.call('boss', 'send', '{"topic": 1, "text": "before"}', '{message,id}'),
    onefin.file_begin('boss', 1, 'a.pdf') #>> '{result,document}' AS document;
SELECT t.call('boss', 'orgs', '{"id": 1, "archived": true}', '{org,archived}');
SELECT who, t.call(who, 'history', '{"topic": 1}', '{messages}'),
    t.call(who, 'send', '{"topic": 1, "text": "x"}', '{message,text}')
FROM unnest(ARRAY['boss', 'sup1', 'acc1', 'ali']) who;
SELECT * FROM onefin.audience(1);
SELECT method, t.call('boss', method, params) FROM (VALUES
    ('edit', '{"message": 1, "version": 1, "text": "after"}'::jsonb), ('delete', '{"message": 1, "version": 1}'),
    ('import', '{"topic": 1, "author": 6, "text": "x", "at": "2020-01-01T00:00:00Z",
        "client_key": "00000000-0000-4000-8000-000000000001"}'), ('close', '{"topic": 1}'),
    ('read', '{"topic": 1, "message": 1}')) c (method, params);
SELECT t.answer(onefin.file_begin('boss', 1, 'b.pdf'), '{}'),
    t.answer(onefin.file_end('boss', 1, 'key', 1, 'a.pdf', 'application/pdf', 1, sha256('')), '{}');
SET SESSION AUTHORIZATION regress_boss;
SELECT t.attempt('INSERT INTO onefin.message (topic_id, text) VALUES (1, ''x'')'),
    t.attempt('UPDATE onefin.message SET text = ''x'' WHERE true'), t.attempt('DELETE FROM onefin.message');
RESET SESSION AUTHORIZATION;
UPDATE onefin.message SET text = 'x' WHERE id = 1;
SELECT t.call('boss', 'orgs', '{"id": 1, "archived": false}', '{org,archived}'),
    t.call('boss', 'edit', '{"message": 1, "version": 1, "text": "after"}', '{message,text}'),
    t.call('ali', 'history', '{"topic": 1}', '{more}');

-- A company that changes department changes supervisor.
SELECT t.call('sup1', 'topics', '{}', '{orgs,0,name}'), t.call('sup1', 'topics', '{}', '{orgs,1,name}');
SELECT t.call('boss', 'orgs', '{"id": 1, "department": 2}', '{org,department}');
SELECT t.call('sup1', 'topics', '{}', '{orgs,0,name}'), t.call('sup2', 'topics', '{}', '{orgs,0,name}');

-- Only admins change any of it.
SELECT who, method, t.call(who, method, params)
    FROM unnest(ARRAY['sup1', 'acc1', 'ali']) WITH ORDINALITY AS w (who, place), (VALUES
    ('orgs', '{"name": "Mine"}'::jsonb), ('departments', '{"name": "Mine"}'),
    ('assign', '{"org": 1, "account": 4}'),
    ('accounts', '{"login": "mine", "name": "Mine", "role": "admin"}'),
    ('accounts', '{"id": 1, "disabled": true}'),
    ('settings', '{"name": "client_sees_versions", "value": true}')) c (method, params)
ORDER BY place, method, params;

-- Settings keep their type, and none is made up.
SELECT t.call('boss', 'settings');
SELECT t.call('boss', 'settings', '{"name": "client_sees_versions", "value": true}');
SELECT t.call('boss', 'settings', '{"name": "client_sees_versions", "value": "yes"}');
SELECT t.call('boss', 'settings', '{"name": "no_such", "value": true}');

-- Each of these changes is in the journal with before and after, whoever made it, also by hand.
UPDATE onefin.department SET name = 'First' WHERE id = 1;
UPDATE onefin.department SET name = 'First' WHERE id = 1;
UPDATE onefin.topic_kind SET names = names || '{"en": "Payments"}' WHERE id = 1;
DELETE FROM onefin.assignment WHERE org_id = 2 AND account_id = 4 AND id > 4;
DELETE FROM onefin.department WHERE name = 'Third';
SELECT kind, actor_id, org_id, subject_id, account_id, audience,
    t.shown((SELECT jsonb_object_agg(side, (SELECT jsonb_object_agg(key, value) FROM jsonb_each(row)
        WHERE key IN ('name', 'archived_at', 'until_at', 'value', 'department_id', 'disabled_at')))
        FROM jsonb_each(detail - 'changed') d (side, row))::text)
FROM onefin.journal WHERE kind !~ '^(message|ticket|session)' AND id > 15 ORDER BY id;

-- Names and logins have 200 characters at most: an index takes no long ones.
SELECT t.call('boss', 'orgs', jsonb_build_object('name', repeat('ў', 201))), t.call('boss', 'departments', jsonb_build_object('name', repeat('ў', 201)));
SELECT t.call('boss', 'accounts', jsonb_build_object('name', repeat('ў', 201), 'login', 'long', 'role', 'admin')),
    t.call('boss', 'accounts', jsonb_build_object('name', 'Long', 'login', repeat('ў', 201), 'role', 'admin'));
SELECT length(t.call('boss', 'orgs', jsonb_build_object('name', repeat('ў', 200)), '{org,name}'));
CALL t.leave();
