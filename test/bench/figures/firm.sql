-- A firm of 176 companies; sessions of 32 people with the tokens t0 to t31: 16 clients, each of
-- another company, and 16 accountants of 10 companies each.
INSERT INTO onefin.org (name) SELECT 'Company ' || n FROM generate_series(1, 176) n;
INSERT INTO onefin.account (login, name, role, org_id)
SELECT 'writer' || n, 'Writer ' || n, CASE WHEN n < 16 THEN 'client' ELSE 'accountant' END, CASE
    WHEN n < 16 THEN n + 1 END
FROM generate_series(0, 31) n ORDER BY n;
INSERT INTO onefin.assignment (account_id, org_id)
SELECT 17 + n / 10, 17 + n FROM generate_series(0, 159) n;
INSERT INTO onefin.session (account_id, token_hash, expires_at)
SELECT n + 1, sha256(('t' || n)::bytea), now() + interval '1 day' FROM generate_series(0, 31) n;
ANALYZE;
