-- Company 1 with clients c0, c1, ..., each with a session of the token t0, t1, ...
INSERT INTO onefin.org (name) VALUES ('Company');
INSERT INTO onefin.account (login, name, role, org_id)
SELECT 'c' || n, 'Client ' || n, 'client', 1 FROM generate_series(0, :clients - 1) n ORDER BY n;
INSERT INTO onefin.session (account_id, token_hash, expires_at)
SELECT n + 1, sha256(('t' || n)::bytea), now() + interval '1 day' FROM generate_series(0, :clients - 1) n;
ANALYZE;
