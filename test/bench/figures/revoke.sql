-- Ten companies, each with :each clients, as many accountants, and one client who writes. Accounts and
-- sessions, with the tokens t0, t1, ...: first the clients, then the accountants, then the ten who
-- write, then an admin.
INSERT INTO onefin.org (name) SELECT 'Company ' || n FROM generate_series(1, 10) n ORDER BY n;
INSERT INTO onefin.account (login, name, role, org_id)
SELECT 'c' || n, 'Client ' || n, 'client', n % 10 + 1 FROM generate_series(0, 10 * :each - 1) n ORDER BY n;
INSERT INTO onefin.account (login, name, role)
SELECT 'a' || n, 'Accountant ' || n, 'accountant' FROM generate_series(0, 10 * :each - 1) n ORDER BY n;
INSERT INTO onefin.account (login, name, role, org_id)
SELECT 'w' || n, 'Writer ' || n, 'client', n + 1 FROM generate_series(0, 9) n ORDER BY n;
INSERT INTO onefin.account (login, name, role) VALUES ('admin', 'Admin', 'admin');
INSERT INTO onefin.assignment (account_id, org_id)
SELECT 10 * :each + n + 1, n % 10 + 1 FROM generate_series(0, 10 * :each - 1) n;
INSERT INTO onefin.session (account_id, token_hash, expires_at)
SELECT id, sha256(('t' || id - 1)::bytea), now() + interval '1 day' FROM onefin.account;
ANALYZE;
