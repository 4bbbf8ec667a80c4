-- Sessions: how many and how long, who lists and ends them, new passwords, failed logins.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- Everybody has one password, hashed with the least cost there is.
UPDATE onefin.account SET password_hash =
    '$argon2id$v=19$m=8,t=1,p=1$aWvIg/W2OdkLceaLdBP2eQ$PYTRbajGJgqLsN7XQU1GNa/9rjFLkmU1SrnbYoD/+u8';
UPDATE onefin.session SET ended_at = NULL;
-- Logs in; the session's token is then the name of the device.
CREATE FUNCTION t.login(who text, device text DEFAULT NULL, address inet DEFAULT '192.0.2.1',
    password text DEFAULT 'a password of tests') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb := onefin.login(who, password, device, address);
BEGIN
    UPDATE onefin.session s SET token_hash = sha256(s.id::text::bytea) WHERE token_hash = sha256(login.device::bytea);
    UPDATE onefin.session s SET token_hash = sha256(s.device::bytea)
    WHERE s.id = (answer #>> '{result,session}')::bigint AND s.device IS NOT NULL;
    RETURN CASE WHEN answer ? 'result' THEN 'in' ELSE t.answer(answer, '{}') END;
END
$$;
CREATE FUNCTION t.hint(answer jsonb) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN regexp_replace(answer #>> '{error,data,hint}', '\d{4}-\d\d-\d\d \d\d:\d\d', 'T');
-- The open sessions of an account, in the order of their use.
CREATE FUNCTION t.open(who text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(coalesce(s.device, a.login), ' ' ORDER BY s.last_seen, s.id)
    FROM onefin.session s JOIN onefin.account a ON a.id = s.account_id
    WHERE a.login = who AND s.ended_at IS NULL AND s.expires_at > now()
$$;
-- What the journal says of sessions since an entry.
CREATE FUNCTION t.told(since bigint) RETURNS TABLE (kind text, actor bigint, account bigint, device text,
    address inet, audience text, detail jsonb) LANGUAGE sql STABLE AS $$
    SELECT j.kind, j.actor_id, j.account_id, (SELECT s.device FROM onefin.session s WHERE s.id = j.subject_id
        AND j.kind LIKE 'session.%'), j.address, j.audience, j.detail
    FROM onefin.journal j WHERE j.id > since AND j.kind ~ '^(session\.|account\.pass|ghost)' ORDER BY j.id
$$;
CREATE FUNCTION t.now() RETURNS bigint LANGUAGE sql STABLE RETURN (SELECT max(id) FROM onefin.journal);

-- Policies: of each role, as they are until an admin sets others; one value at a time, within bounds.
SELECT role, policy FROM jsonb_each(onefin.call('boss', 'session_policies') #> '{result,policies}')
    p (role, policy) ORDER BY 1;
SELECT t.call('boss', 'session_policies', '{"role": "client", "idle_minutes": 60}', '{policies,client}');
SELECT t.call('boss', 'session_policies', '{"role": "client", "lifetime_minutes": 600, "max_sessions": 3}',
    '{policies,client}');
SELECT * FROM onefin.session_policy;
SELECT t.call('boss', 'session_policies', params::jsonb || '{"role": "client"}') FROM unnest(ARRAY[
    '{"max_sessions": 0}', '{"max_sessions": 1001}', '{"idle_minutes": 4}', '{"idle_minutes": 525601}',
    '{"lifetime_minutes": 4}', '{"lifetime_minutes": 525601}', '{"when_full": "maybe"}']) params;
SELECT t.hint(onefin.call('boss', 'session_policies', '{"role": "client", "max_sessions": 0}'));
SELECT t.call('boss', 'session_policies', '{"role": "cleaner", "max_sessions": 1}'),
    t.call('boss', 'session_policies', '{"max_sessions": 1}');
SELECT who, t.call(who, 'session_policies') FROM unnest(ARRAY['sup1', 'acc1', 'ali']) who;
SELECT kind, actor_id, audience, detail FROM onefin.journal WHERE kind LIKE 'session_policy.%' ORDER BY id;

-- A login ends at the lifetime of the policy, or before that after the idle time; a call moves the
-- latter, once a minute, never past the former.
CREATE VIEW t.ends AS SELECT s.device, s.ends_at - s.created_at AS lifetime, s.expires_at - s.last_seen AS idle,
    s.expires_at = s.ends_at AS last, s.last_seen = now() AS seen FROM onefin.session s WHERE s.ended_at IS NULL;
SELECT t.login('ali', 'phone');
SELECT * FROM t.ends WHERE device = 'phone';
UPDATE onefin.session SET last_seen = now() - interval '59 seconds' WHERE device = 'phone';
SELECT t.call('phone', 'me', '{}', '{account,login}');
SELECT last_seen < now() - interval '58 seconds' AS "not within the minute" FROM onefin.session
    WHERE device = 'phone';
BEGIN;
UPDATE onefin.session SET last_seen = now() - interval '61 seconds' WHERE device = 'phone';
SELECT t.call('phone', 'me', '{}', '{account,login}');
SELECT * FROM t.ends WHERE device = 'phone';
UPDATE onefin.session SET created_at = now() - interval '9 hours 30 minutes',
    last_seen = now() - interval '61 seconds' WHERE device = 'phone';
SELECT t.call('phone', 'me', '{}', '{account,login}');
SELECT * FROM t.ends WHERE device = 'phone';
ROLLBACK;
-- Where the idle time is longer than the lifetime, the lifetime counts.
SELECT t.call('boss', 'session_policies', '{"role": "accountant", "idle_minutes": 20, "lifetime_minutes": 10}',
    '{policies,accountant}');
SELECT t.login('acc1', 'tablet');
SELECT * FROM t.ends WHERE device = 'tablet';

-- A changed policy holds for open sessions of its role, shorter or longer, however it is changed; what
-- has expired stays expired. (In one transaction, into which no worker sees.)
BEGIN;
UPDATE onefin.session SET last_seen = now(), expires_at = now() WHERE device = 'phone';
SELECT t.call('phone', 'me'), t.open('ali');
SELECT t.login('ali', 'laptop'), t.login('ali', 'watch');
UPDATE onefin.session SET last_seen = last_seen - interval '30 minutes', expires_at = expires_at - interval '30 minutes'
    WHERE device = 'watch';
SELECT t.call('boss', 'session_policies', '{"role": "client", "idle_minutes": 20}', '{policies,client,idle_minutes}');
SELECT * FROM t.ends WHERE device IN ('laptop', 'phone', 'watch', 'tablet') ORDER BY 1;
SELECT t.call('watch', 'me');
SET SESSION AUTHORIZATION regress_boss;
UPDATE onefin.session_policy SET idle_minutes = 300, lifetime_minutes = 120 WHERE role = 'client';
RESET SESSION AUTHORIZATION;
SELECT device, lifetime, idle FROM t.ends WHERE device IN ('laptop', 'phone', 'watch', 'tablet') ORDER BY 1;
SELECT t.call('watch', 'me'), t.call('phone', 'me'), t.call('laptop', 'me', '{}', '{account,login}');
DELETE FROM onefin.session_policy;
SELECT device, lifetime, idle FROM t.ends WHERE device IN ('laptop', 'watch', 'tablet') ORDER BY 1;
COMMIT;

-- Who is full: the session unused for longest is evicted, and told why; expired ones do not count.
SELECT t.now() AS since \gset
SELECT t.call('boss', 'session_policies', '{"role": "client", "max_sessions": 3}', '{policies,client,when_full}');
SELECT t.open('ali');
SELECT t.login('ali', 'desk');
UPDATE onefin.session SET last_seen = now() - interval '2 minutes' WHERE device = 'laptop';
UPDATE onefin.session SET last_seen = now() - interval '1 minutes' WHERE device = 'desk';
UPDATE onefin.session SET last_seen = now() WHERE token_hash = sha256('ali');
SELECT t.open('ali');
SELECT t.login('ali', 'car'), t.open('ali');
SELECT t.call('laptop', 'me');
-- When the maximum is lowered, nothing happens until the next login.
SELECT t.call('boss', 'session_policies', '{"role": "client", "max_sessions": 1}', '{policies,client,max_sessions}'),
    t.open('ali');
SELECT t.login('ali', 'bus'), t.open('ali');
SELECT * FROM t.told(:since);
-- Or the login is refused, with a word on what to end; the wrong password is not told so much.
SELECT t.call('boss', 'session_policies', '{"role": "client", "max_sessions": 2, "when_full": "refuse"}',
    '{policies,client,max_sessions}');
SELECT t.login('ali', 'train'), t.open('ali');
SELECT t.now() AS since \gset
SELECT t.login('ali', 'plane'), t.login('ali', 'plane', password => 'wrong'), t.open('ali');
SELECT t.hint(onefin.login('ali', 'a password of tests', 'plane'));
SELECT kind, account, address, audience, detail FROM t.told(:since);
SELECT t.call('bus', 'logout'), t.login('ali', 'plane'), t.open('ali');
DELETE FROM onefin.session_policy;

-- The worker ends what has expired, and the watches of it: once, told to the account.
SELECT t.call('sup1', 'watch', '{"topic": 1}');
SELECT onefin.end_expired_sessions() >= 0;
BEGIN;
UPDATE onefin.session SET expires_at = now() WHERE device IN ('train', 'tablet') OR token_hash = sha256('sup1');
SELECT t.now() AS since \gset
SELECT onefin.end_expired_sessions() AS ended, onefin.end_expired_sessions() AS again;
COMMIT;
SELECT kind, actor, account, device, audience, detail FROM t.told(:since) ORDER BY kind, account;
SELECT count(*) AS "expired and open" FROM onefin.session WHERE ended_at IS NULL AND expires_at <= now();
SELECT r, has_function_privilege(r, 'onefin.end_expired_sessions()', 'EXECUTE') FROM unnest(ARRAY['onefin_admin',
    'onefin_gateway']) r;

-- Lists: one's own; for an admin anybody's.
UPDATE onefin.session SET ended_at = NULL, expires_at = 'infinity' WHERE device IS NULL;
SELECT t.login('bek', 'phone of bek', '2001:db8::1'), t.login('bek');
SELECT t.call('phone of bek', 'sessions');
SELECT jsonb_path_query_array(onefin.call('boss', 'sessions', '{"account": 7}'), '$.result.sessions[*].current'),
    t.call('bek', 'sessions', '{"account": 7}') = t.call('bek', 'sessions') AS "mine by its number";
SELECT who, t.call(who, 'sessions', jsonb_build_object('account', account)) FROM (VALUES ('ali', 7), ('ali', 999),
    ('sup2', 7), ('boss', 999)) v (who, account);
SET SESSION AUTHORIZATION regress_bek;
SELECT jsonb_path_query_array(onefin_api.sessions(), '$.sessions[*].current');
RESET SESSION AUTHORIZATION;

-- Revoking: one, all others, all of another's.
SELECT t.now() AS since \gset
SELECT t.call('phone of bek', 'revoke_sessions'), t.open('bek');
SELECT t.call('bek', 'me'), t.call('phone of bek', 'me', '{}', '{account,login}');
SELECT t.call('phone of bek', 'revoke_sessions', '{"account": 7}');
SELECT t.login('bek', 'second'), t.login('bek', 'third');
SELECT t.call('ali', 'revoke_sessions', '{"account": 7}'), t.call('sup2', 'revoke_sessions', '{"account": 7}'),
    t.call('boss', 'revoke_sessions', '{"account": 999}'), t.open('bek');
SELECT t.call('boss', 'revoke_session', (SELECT jsonb_build_object('session', id) FROM onefin.session
    WHERE device = 'second')) ~ '^{"session": \d+}$' AS revoked, t.open('bek');
SELECT t.call('boss', 'revoke_sessions', '{"account": 7}'), t.open('bek');
SELECT t.login('boss', 'spare'), t.call('boss', 'revoke_sessions', '{"account": 1}'), t.open('boss');
SELECT t.login('bek', 'fourth');
SET SESSION AUTHORIZATION regress_bek;
SELECT onefin_api.revoke_sessions();
RESET SESSION AUTHORIZATION;
SELECT kind, actor, account, device, audience, detail FROM t.told(:since) WHERE kind <> 'session.started';

-- A new password, for the old one: the other sessions end, this one stays; nothing secret is kept.
SELECT t.login('bek', 'first'), t.login('bek', 'second');
SELECT t.now() AS since \gset
SELECT t.call('first', 'change_password', '{"old": "wrong horse", "new": "correct horse"}');
SELECT t.call('first', 'change_password', '{"old": "wrong horse", "new": "short"}'),
    t.call('first', 'change_password', '{"old": "a password of tests"}');
SELECT t.open('bek');
SELECT t.call('first', 'change_password', '{"old": "a password of tests", "new": "correct horse"}'), t.open('bek');
SELECT t.call('second', 'me'), t.call('first', 'me', '{}', '{account,login}');
SELECT t.login('bek', 'third'), t.login('bek', 'third', password => 'correct horse');
SELECT kind, actor, account, device, audience, detail FROM t.told(:since);
SELECT count(*) FROM onefin.journal j WHERE j::text ~ 'horse|a password of|argon2';
-- By somebody's own database user; who has no password is given one.
SET SESSION AUTHORIZATION regress_bek;
SELECT onefin_api.change_password('wrong horse', 'battery staple');
SELECT onefin_api.change_password('correct horse', 'battery staple');
RESET SESSION AUTHORIZATION;
SELECT t.open('bek') IS NULL AS "none is this one", t.login('bek', 'first', password => 'battery staple');
UPDATE onefin.account SET password_hash = NULL WHERE login = 'bek';
SELECT t.login('bek', 'first', password => ''), t.open('bek');
UPDATE onefin.session SET ended_at = NULL WHERE token_hash = sha256('third');
SELECT t.call('third', 'change_password', '{"old": "", "new": "correct horse"}');
UPDATE onefin.session SET ended_at = now() WHERE token_hash = sha256('third');
SELECT onefin_api.change_password('a', 'correct horse');

-- An admin's new password ends all sessions of the account, but the one that gives it; another role, or
-- no access any more, ends that one, too.
SELECT t.call('boss', 'accounts', '{"id": 7, "password": "correct horse"}', '{account,id}'), t.open('bek');
SELECT t.login('boss', 'spare'), t.login('sup1', 'desk of sup1');
SELECT t.now() AS since \gset
SELECT t.call('boss', 'accounts', '{"id": 1, "password": "correct horse"}', '{account,id}'), t.open('boss');
SELECT t.call('boss', 'accounts', '{"id": 2, "department": 2}', '{account,department}'), t.open('sup1');
INSERT INTO onefin.account (login, name, role) VALUES ('chief', 'Chief', 'admin'), ('aide', 'Aide', 'admin');
INSERT INTO onefin.session (account_id, token_hash, device, expires_at) SELECT id, sha256(login::bytea), login,
    now() + interval '1 hour' FROM onefin.account WHERE login IN ('chief', 'aide');
SELECT t.call('chief', 'accounts', jsonb_build_object('id', (SELECT id FROM onefin.account WHERE login = 'chief'),
    'role', 'accountant'), '{account,role}'), t.call('chief', 'me');
SELECT t.call('aide', 'accounts', jsonb_build_object('id', (SELECT id FROM onefin.account WHERE login = 'aide'),
    'disabled', true), '{account,disabled}');
UPDATE onefin.account SET disabled_at = NULL WHERE login = 'aide';
SELECT t.call('aide', 'me') AS "not revived";
SELECT kind, actor, account, device, audience, detail FROM t.told(:since);

-- Failed logins of an account from an address: five cost nothing, then the wait doubles up to 15
-- minutes. Who is early is told how long, whatever the password; it is not looked at.
-- Moved into the future, a failure is as if of just now for a while, however slow this test is.
CREATE PROCEDURE t.later(seconds double precision) LANGUAGE sql AS $$
    UPDATE onefin.login_failure SET at = at - make_interval(secs => seconds)
$$;
CREATE FUNCTION t.fail(n integer, who text DEFAULT 'ali', address inet DEFAULT '203.0.113.5') RETURNS text
LANGUAGE sql AS $$
    SELECT string_agg(said, ', ') FROM (SELECT DISTINCT t.login(who, 'thief', address, 'wrong') AS said
        FROM generate_series(1, n)) x
$$;
CREATE FUNCTION t.hinted(who text, address inet, password text DEFAULT 'a password of tests') RETURNS text
    LANGUAGE sql RETURN t.hint(onefin.login(who, password, NULL, address));
DELETE FROM onefin.login_failure;
SELECT t.now() AS since \gset
SELECT t.fail(5);
CALL t.later(-60);
SELECT t.login('ali', 'owner', '203.0.113.5'), t.login('ALI', 'owner', '203.0.113.5', 'wrong'),
    t.hinted('ali', '203.0.113.5');
-- For programs, the same as a number.
SELECT onefin.login('ali', 'wrong', NULL, '203.0.113.5') #> '{error,data}';
CALL t.later(61);
-- After each further failure, and once its wait is over: the next wait.
CREATE FUNCTION t.waits(n integer, who text, address inet) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
    waits integer[];
BEGIN
    FOR i IN 1..n LOOP
        IF t.fail(1, who, address) ~ '28P01' THEN
            CALL t.later(-60);
            waits := waits || substring(t.hinted(who, address) FROM '\d+')::integer;
        END IF;
        CALL t.later(60 + waits[i]);
    END LOOP;
    RETURN waits;
END
$$;
SELECT t.waits(11, 'ali', '203.0.113.5');
SELECT kind, account, address, audience, detail, count(*) FROM t.told(:since) GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 5;
-- It is forgotten, one an hour; a success forgets it all; a try that was early does not count.
SELECT t.fail(1), t.fail(3);
SELECT key ~ '^pair', round(level) FROM onefin.login_failure WHERE key LIKE 'pair%';
UPDATE onefin.login_failure SET at = at - interval '10 hours 40 minutes' WHERE key LIKE 'pair%';
SELECT t.fail(1);
CALL t.later(-60);
SELECT round(level), t.hinted('ali', '203.0.113.5') FROM onefin.login_failure WHERE key LIKE 'pair%';
CALL t.later(61);
SELECT t.login('ali', 'owner', '203.0.113.5');
SELECT count(*) FROM onefin.login_failure WHERE key LIKE 'pair%';
-- A throttled try does not hash: this password would take longer than the time-out.
UPDATE onefin.account SET password_hash =
    '$argon2id$v=19$m=65536,t=400,p=1$aWvIg/W2OdkLceaLdBP2eQ$PYTRbajGJgqLsN7XQU1GNa/9rjFLkmU1SrnbYoD/+u8'
    WHERE login = 'acc2';
SELECT t.fail(5, 'nobody-else', '203.0.113.6');
CALL t.later(-60);
UPDATE onefin.login_failure SET key = 'pair ' || left(encode(sha256('acc2'), 'hex'), 16) || ' 203.0.113.6'
    WHERE key LIKE 'pair%.6';
SET statement_timeout = '5s';
SELECT t.login('acc2', 'thief', '203.0.113.6');
RESET statement_timeout;
UPDATE onefin.account SET password_hash = NULL WHERE login = 'acc2';

-- Logins that do not exist are throttled alike; no name is kept as it was typed.
DELETE FROM onefin.login_failure;
SELECT t.fail(5, 'Nobody', '203.0.113.7');
CALL t.later(-60);
SELECT t.fail(1, 'nobody', '203.0.113.7'),
    t.hinted('NOBODY', '203.0.113.7') = t.hinted('nobody', '203.0.113.7') AS "alike";
SELECT regexp_replace(key, '[0-9a-f]{16}', 'NAME') AS key, round(level) FROM onefin.login_failure ORDER BY 1;

-- An address: fifty failures over all logins, then it waits; not those who are known there.
DELETE FROM onefin.login_failure;
SELECT t.now() AS since \gset
INSERT INTO onefin.account (login, name, role, password_hash) SELECT 'user' || n, 'User', 'accountant',
    (SELECT password_hash FROM onefin.account WHERE login = 'sup2') FROM generate_series(0, 12) n;
SELECT count(*), count(*) FILTER (WHERE said ~ '28P01') AS refused FROM (SELECT t.login('user' || n % 12, NULL,
    '203.0.113.8', 'x') AS said FROM generate_series(1, 50) n) x;
CALL t.later(-60);
SELECT t.login('acc1', 'visitor', '203.0.113.8'), t.hinted('acc1', '203.0.113.8');
SELECT t.login('acc1', 'visitor', '203.0.113.9');
CALL t.later(61);
SELECT t.login('acc1', 'visitor', '203.0.113.8');
SELECT t.login('user12', NULL, '203.0.113.8', 'x');
CALL t.later(-60);
SELECT t.login('user12', NULL, '203.0.113.8', 'x'), t.login('acc1', 'visitor', '203.0.113.8');
SELECT kind, account, address, detail, count(*) FROM t.told(:since)
    WHERE kind <> 'session.refused' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
-- Of IPv6 the network of 64 bits is one address; IPv4 written as IPv6 is IPv4.
DELETE FROM onefin.login_failure;
SELECT t.fail(5, 'ali', '2001:db8:1:1::1'), t.fail(5, 'ali', '::ffff:203.0.113.10');
CALL t.later(-60);
SELECT t.login('ali', NULL, '2001:db8:1:1:ffff::2'), t.login('ali', NULL, '2001:db8:1:2::1');
SELECT t.login('ali', NULL, '::ffff:203.0.113.11'),
    t.login('ali', NULL, '::ffff:203.0.113.10');
SELECT regexp_replace(key, '[0-9a-f]{16}', 'NAME') AS key FROM onefin.login_failure ORDER BY 1;
DELETE FROM onefin.login_failure;
-- Without an address the account alone counts.
SELECT t.fail(6, 'ali', NULL);
SELECT regexp_replace(key, '[0-9a-f]{16}', 'NAME') AS key FROM onefin.login_failure ORDER BY 1;

-- An account, from everywhere: twenty failures, then a wait of a minute at most; none where the owner
-- logged in lately.
DELETE FROM onefin.login_failure;
SELECT t.now() AS since \gset
SELECT DISTINCT t.login('acc1', NULL, '198.51.100.0'::inet + n, 'x') FROM generate_series(1, 20) n;
CALL t.later(-60);
SELECT t.hinted('acc1', '198.51.100.100');
SELECT t.login('acc1', 'owner', '203.0.113.9');
UPDATE onefin.session SET created_at = created_at - interval '91 days' WHERE address = '203.0.113.9';
SELECT t.login('acc1', 'owner', '203.0.113.9') AS "too long ago";
CREATE FUNCTION t.besiege(n integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    CALL t.later(120);
    PERFORM t.login('acc1', NULL, '198.51.100.0'::inet + n, 'x');
    CALL t.later(-60);
    RETURN substring(t.hinted('acc1', '198.51.100.200') FROM '\d+')::integer;
END
$$;
SELECT array_agg(t.besiege(n)) FROM generate_series(101, 110) n;
SELECT kind, account, detail, count(*) FROM t.told(:since) WHERE kind ~ 'throttled' GROUP BY 1, 2, 3;
-- A success elsewhere does not clear it, nor the address.
SELECT t.login('acc1', 'owner', '203.0.113.8');
SELECT count(*) FROM onefin.login_failure WHERE key LIKE 'account%';

-- change_password is throttled with the logins of its account and address; its failures stay counted.
DELETE FROM onefin.login_failure;
SELECT t.login('acc1', 'owner', '203.0.113.8');
SELECT t.now() AS since \gset
CREATE FUNCTION t.guess(old text) RETURNS text LANGUAGE sql RETURN t.answer(onefin.call('owner', 'change_password',
    jsonb_build_object('old', old, 'new', 'correct horse'), '203.0.113.8'), '{}');
SELECT DISTINCT t.guess('wrong') FROM generate_series(1, 5);
CALL t.later(-60);
SELECT t.guess('a password of tests'), t.login('acc1', 'thief', '203.0.113.8');
SELECT onefin.call('owner', 'change_password', '{"old": "x", "new": "correct horse"}', '203.0.113.8') #> '{error,data}';
SELECT kind, actor, account, device, address, audience, count(*) FROM t.told(:since) GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1;
CALL t.later(61);
SELECT t.guess('a password of tests');
SELECT count(*) FROM onefin.login_failure WHERE key LIKE 'pair%';
-- Old failures are swept.
SELECT t.fail(1, 'old'), t.fail(1, 'older', '203.0.113.12');
UPDATE onefin.login_failure SET at = at - interval '23 hours';
UPDATE onefin.login_failure SET at = at - interval '2 hours' WHERE key LIKE '%.12';
SELECT onefin.end_expired_sessions() >= 0;
SELECT regexp_replace(key, '[0-9a-f]{16}', 'NAME') AS key, count(*) FROM onefin.login_failure GROUP BY 1 ORDER BY 1;
DELETE FROM onefin.login_failure;

-- A refused login is journaled with the device's address, and why, for admins only.
SELECT t.now() AS since \gset
SELECT t.login('ali', NULL, '203.0.113.13', 'wrong'), t.login('nobody', NULL, '203.0.113.13');
UPDATE onefin.account SET disabled_at = now() WHERE login = 'acc2';
SELECT t.login('acc2', NULL, '203.0.113.13');
SELECT kind, actor, account, address, audience, detail FROM t.told(:since) WHERE kind = 'session.refused';
SELECT t.call('boss', 'journal', jsonb_build_object('after', :since, 'kind', 'session.refused'),
    '{entries,0,detail}');
CALL t.sealed();
SELECT count(*) FROM onefin.events(0) WHERE kind IN ('session.refused', 'session.throttled');

-- What the account is told: a new device, by its name and address; how a session ended.
UPDATE onefin.account SET password_hash = (SELECT password_hash FROM onefin.account WHERE login = 'sup2')
    WHERE login = 'ali';
UPDATE onefin.session SET ended_at = CASE WHEN token_hash <> sha256('ali') THEN now() END, expires_at = 'infinity',
    last_seen = now() WHERE account_id = 6;
CALL t.sealed();
SELECT onefin.position() AS before \gset
SELECT t.login('ali', 'new one', '203.0.113.14');
SELECT t.login('ali', 'new one', '203.0.113.14'), t.login('ali', 'new one', '203.0.113.15'),
    t.login('ali', 'newer one', '203.0.113.14'), t.login('ali', NULL, NULL), t.login('ali', NULL, NULL);
SELECT t.call('newer one', 'logout');
CALL t.sealed();
SELECT t.shown((event::jsonb - 'seal' - 'index' - 'session')::text), audience FROM onefin.events(:before)
    WHERE kind LIKE 'session.%' AND account = 6 ORDER BY seal, index;
SELECT who, (SELECT count(*) FROM jsonb_array_elements(onefin.call(who, 'resume', jsonb_build_object('after',
    :before)) #> '{result,events}') e WHERE e ->> 'kind' = 'session.started') FROM unnest(ARRAY['ali', 'boss',
    'acc1']) who;

-- The name of a device: 200 characters of plain text, or none.
SELECT t.login('ali', repeat('ў', 200)), t.login('ali', repeat('ў', 201)), t.login('ali', '');
SELECT t.login('ali', 'a' || chr(c) || 'b') FROM unnest(ARRAY[1, 9, 10, 27, 127, 133, 155]) c;
SELECT t.login('ali', 'a' || chr(160) || chr(8217) || chr(1234));
SELECT t.hint(onefin.login('ali', 'x', E'a\nb')), t.hint(onefin.login('ali', 'x', repeat('x', 201)));

-- What a rule refuses does not show the hash.
SELECT onefin.create_admin('second', 'correct horse', ' ');
SELECT onefin.create_admin('', 'correct horse', 'Second');
SELECT onefin.create_admin('second', NULL, 'Second');
SELECT onefin.call('boss', 'accounts', '{"login": " ", "role": "admin", "name": "x", "password": "correct horse"}');
SELECT onefin.call('boss', 'accounts', '{"id": 6, "name": " ", "password": "correct horse"}');

CALL t.leave();
