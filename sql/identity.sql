-- Who is acting: by a session's token, by a database user, by nothing else.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- By the token, inside a call only; nobody afterwards.
SELECT t.call('ali', 'me');
SELECT onefin.current_account() IS NULL, onefin.current_session() IS NULL;

-- By the database user, who may be no superuser; the rest of the account follows.
SET SESSION AUTHORIZATION regress_acc1;
SELECT onefin.current_account(), onefin.my_orgs(), onefin.my_orgs('client'), onefin.acting_as('accountant'),
    onefin.acting_as('admin'), onefin.my_department();
SELECT t.shown((SELECT onefin_api.me())::text);
SET SESSION AUTHORIZATION regress_sup2;
SELECT onefin.current_account(), onefin.my_orgs(), onefin.my_department();
RESET SESSION AUTHORIZATION;

-- Not by a role taken on: the session user counts, here the superuser without an account.
SET ROLE onefin_client;
SELECT onefin.current_account() IS NULL, onefin.my_orgs();
RESET ROLE;

-- No setting makes somebody else of one: whatever is set, ali stays ali.
SET SESSION AUTHORIZATION regress_ali;
SET onefin.current_account = '1';
SET "onefin.account" = '1';
SET onefin.token = 'boss';
-- An operator of one's own, before PostgreSQL's, is not the one that finds the account.
CREATE FUNCTION t.is_boss(name, name) RETURNS boolean LANGUAGE sql RETURN $1 OPERATOR(pg_catalog.=) 'regress_boss';
CREATE OPERATOR t.= (LEFTARG = name, RIGHTARG = name, FUNCTION = t.is_boss);
SET search_path = t, pg_catalog;
SELECT 'regress_boss'::name = 'regress_ali'::name AS "mine is used here",
    onefin.current_account(), onefin.my_orgs();
RESET search_path;
-- ali may not call with somebody's token, nor as a superuser's session.
SELECT onefin.call('boss', 'me', '{}');
SET SESSION AUTHORIZATION DEFAULT;

-- A call that fails gives the account and the role back: the next statement is nobody's again, and
-- inside one statement each call is as whom it names.
SELECT t.call('ali', 'send', '{"topic": 6, "text": "x"}'), current_user, onefin.current_account() IS NULL;
SELECT t.call(who, 'me', '{}', '{account,login}') FROM unnest(ARRAY['ali', 'nobody', 'boss', 'acc1', 'ali']) who;
BEGIN;
SELECT t.call('ali', 'send', '{"topic": 1, "text": " "}');
SELECT onefin.current_account() IS NULL, current_user;
-- An error that is not the caller's doing is raised, and leaves nobody behind either.
CREATE FUNCTION onefin_api.slow() RETURNS jsonb LANGUAGE sql RETURN (SELECT to_jsonb(true) FROM pg_sleep(60));
GRANT EXECUTE ON FUNCTION onefin_api.slow() TO onefin_client;
SET statement_timeout = '300ms';
SAVEPOINT before;
SELECT onefin.call('ali', 'slow');
ROLLBACK TO before;
SELECT onefin.current_account() IS NULL, current_user;
COMMIT;
-- Also where no transaction was begun: the connection goes on as if nothing had been.
SELECT onefin.call('ali', 'slow');
SELECT onefin.current_account() IS NULL, current_user;
RESET statement_timeout;
DROP FUNCTION onefin_api.slow();
SELECT t.call('ali', 'slow');

-- Logging in: a password makes a session, whose token is told once and kept as a hash only.
SELECT t.call('boss', 'accounts', '{"id": 6, "password": "correct horse"}', '{account,login}');
SELECT answer -> 'result' ->> 'token' AS token, t.shown((answer -> 'result')::text)
    FROM onefin.login('ALI', 'correct horse', 'phone', '10.1.2.3') answer \gset hidden_
SELECT :'hidden_token' ~ '^[0-9a-f]{64}$' AS "256 bits";
SELECT :'hidden_shown';
SELECT t.call(:'hidden_token', 'me', '{}', '{account,login}');
SELECT device, address, token_hash = sha256(:'hidden_token'::bytea), expires_at::date - created_at::date AS days
FROM onefin.session WHERE account_id = 6 AND device IS NOT NULL;
SELECT count(*) AS "rows with the token in clear" FROM onefin.session s WHERE s::text LIKE '%'
    || :'hidden_token' || '%';

-- All that is wrong with a login or password has one answer, and is journaled with who was named.
SELECT onefin.login('ali', 'wrong');
SELECT onefin.login('nobody', 'correct horse');
SELECT onefin.login('bek', '');
SELECT onefin.login('ali', NULL);
UPDATE onefin.account SET disabled_at = now() WHERE id = 6;
SELECT onefin.login('ali', 'correct horse');
SELECT kind, account_id, actor_id, audience FROM onefin.journal WHERE kind = 'session.refused' ORDER BY id;

-- A disabled account has no session left, and its database user sees nothing.
SELECT t.call('ali', 'me'), t.call(:'hidden_token', 'me');
SELECT ended_at IS NOT NULL FROM onefin.session WHERE account_id = 6;
SET SESSION AUTHORIZATION regress_ali;
SELECT onefin.current_account() IS NULL, (SELECT count(*) FROM onefin.topic),
    (SELECT count(*) FROM onefin.account);
SELECT onefin_api.send(1, 'still here?');
RESET SESSION AUTHORIZATION;
UPDATE onefin.account SET disabled_at = NULL WHERE id = 6;
SELECT t.call('ali', 'me');

-- Ended, expired, none, empty, not a token: one answer.
SELECT t.call('bek', 'logout'), t.call('bek', 'me');
UPDATE onefin.session SET expires_at = now() - interval '1 second' WHERE account_id = 5;
SELECT t.call('acc2', 'me');
SELECT t.call(NULL, 'me');
SELECT t.call('', 'me');
SELECT t.call(repeat('f', 64), 'me');

-- A new password, role, department or company ends the sessions; a new name does not.
SELECT t.call('boss', 'accounts', '{"id": 2, "name": "Sora"}', '{account,name}'),
    t.call('sup1', 'me', '{}', '{account,name}');
SELECT t.call('boss', 'accounts', '{"id": 2, "department": 2}', '{account,department}'), t.call('sup1', 'me');
SELECT t.call('boss', 'accounts', '{"id": 3, "password": "battery staple"}', '{account,id}'), t.call('sup2', 'me');
SELECT t.call('boss', 'accounts', '{"id": 4, "role": "supervisor"}', '{account,role}'), t.call('acc1', 'me');
-- One who changes their own password stays in with the session that did it, and loses the others.
INSERT INTO onefin.session (account_id, token_hash, expires_at)
    VALUES (1, sha256('other'), now() + interval '1 day');
SELECT t.call('other', 'me', '{}', '{account,login}');
SELECT t.call('boss', 'accounts', '{"id": 1, "password": "battery staple"}', '{account,id}'),
    t.call('boss', 'me', '{}', '{account,login}'), t.call('other', 'me');

-- Sessions: one's own are listed and revoked; another's is not there; an admin revokes anybody's.
UPDATE onefin.session SET ended_at = NULL, expires_at = now() + interval '1 day' WHERE device IS NULL;
SELECT t.call('ali', 'sessions');
SELECT id AS theirs FROM onefin.session WHERE token_hash = sha256('bek') \gset
SELECT t.call('ali', 'revoke_session', jsonb_build_object('session', :theirs)) = replace(t.call('ali',
    'revoke_session', '{"session": 999}'), '999', :'theirs') AS "one answer";
SELECT t.call('bek', 'me', '{}', '{account,login}');
SELECT t.call('boss', 'revoke_session', jsonb_build_object('session', :theirs)), t.call('bek', 'me');

-- Passwords: 8 bytes or more; the hash is argon2id, readable to nobody, told to nobody.
SELECT t.call('boss', 'accounts', '{"id": 7, "password": "1234567"}');
SELECT t.call('boss', 'accounts', jsonb_build_object('id', 7, 'password', repeat('x', 1025)));
SELECT DISTINCT left(password_hash, 10) FROM onefin.account WHERE password_hash IS NOT NULL;
SELECT r, has_column_privilege(r, 'onefin.account', 'password_hash', 'SELECT') AS password_hash,
    has_column_privilege(r, 'onefin.session', 'token_hash', 'SELECT') AS token_hash,
    has_table_privilege(r, 'onefin.account', 'SELECT') AS whole_rows
FROM unnest(ARRAY['onefin_admin', 'onefin_supervisor', 'onefin_accountant', 'onefin_client', 'onefin_analyst',
    'onefin_gateway']) r;
SET SESSION AUTHORIZATION regress_boss;
SELECT password_hash FROM onefin.account;
SELECT a FROM onefin.account a;
UPDATE onefin.account SET password_hash = 'x' WHERE id = 6 RETURNING password_hash;
RESET SESSION AUTHORIZATION;
SELECT count(*) AS "entries with a password, its hash or a token" FROM onefin.journal j
WHERE j::text ~ 'argon2|correct horse|battery staple|password_hash"":' OR strpos(j::text, :'hidden_token') > 0
    OR strpos(j::text, encode(sha256(:'hidden_token'::bytea), 'hex')) > 0;

-- The first admin is made by a superuser, by nobody else.
SELECT onefin.create_admin('first', 'correct horse', 'First') IS NOT NULL;
SELECT onefin.create_admin('FIRST', 'correct horse', 'Twice');
SELECT onefin.create_admin('second', 'short', 'Second');
SET SESSION AUTHORIZATION regress_boss;
SELECT onefin.create_admin('second', 'correct horse', 'Second');
RESET SESSION AUTHORIZATION;

CALL t.leave();
