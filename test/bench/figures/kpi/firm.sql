-- 16 companies, a client and an accountant for each, with sessions of the tokens t0 to t31.
INSERT INTO onefin.org (name) SELECT 'Company ' || n FROM generate_series(1, 16) n ORDER BY n;
INSERT INTO onefin.account (login, name, role, org_id)
SELECT 'writer' || n, 'Writer ' || n, CASE WHEN n < 16 THEN 'client' ELSE 'accountant' END, CASE WHEN n < 16 THEN n + 1 END
FROM generate_series(0, 31) n ORDER BY n;
INSERT INTO onefin.assignment (account_id, org_id) SELECT 16 + n, n FROM generate_series(1, 16) n;
INSERT INTO onefin.session (account_id, token_hash, expires_at)
SELECT n + 1, sha256(('t' || n)::bytea), now() + interval '1 day' FROM generate_series(0, 31) n;
CREATE ROLE bench_admin LOGIN IN ROLE onefin_admin;
INSERT INTO onefin.account (login, name, role, db_role) VALUES ('admin', 'Admin', 'admin', 'bench_admin');
ANALYZE;
