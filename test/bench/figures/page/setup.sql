-- 1,000,000 messages in 1,000 companies of 10 departments, as 200 in each topic, all topics mixed
-- as they come in day by day; and one person of each role who uses SQL directly: an admin, the
-- supervisor of the first department (100 companies), an accountant of its first 10, a client of the
-- first. Loaded with triggers at rest, as a restore is.
INSERT INTO onefin.department (name) SELECT 'Department ' || n FROM generate_series(1, 10) n;
INSERT INTO onefin.org (name, department_id)
SELECT 'Company ' || n, 1 + n / 100 FROM generate_series(0, 999) n ORDER BY n;
CREATE ROLE bench_admin LOGIN IN ROLE onefin_admin;
CREATE ROLE bench_supervisor LOGIN IN ROLE onefin_supervisor;
CREATE ROLE bench_accountant LOGIN IN ROLE onefin_accountant;
CREATE ROLE bench_client LOGIN IN ROLE onefin_client;
INSERT INTO onefin.account (login, name, role, org_id, department_id, db_role) VALUES
    ('admin', 'Admin', 'admin', NULL, NULL, 'bench_admin'),
    ('supervisor', 'Supervisor', 'supervisor', NULL, 1, 'bench_supervisor'),
    ('accountant', 'Accountant', 'accountant', NULL, 1, 'bench_accountant'),
    ('client', 'Client', 'client', 1, NULL, 'bench_client');
-- The rest of the firm: an accountant for every 10 companies, a client for each.
INSERT INTO onefin.account (login, name, role, department_id)
SELECT 'accountant' || n, 'Accountant ' || n, 'accountant', 1 + n / 10 FROM generate_series(1, 99) n ORDER BY n;
INSERT INTO onefin.account (login, name, role, org_id)
SELECT 'client' || n, 'Client ' || n, 'client', n FROM generate_series(2, 1000) n ORDER BY n;
INSERT INTO onefin.assignment (org_id, account_id)
SELECT n + 1, CASE WHEN n < 10 THEN 3 ELSE 4 + n / 10 END FROM generate_series(0, 999) n;

SET session_replication_role = replica;
SET synchronous_commit = off;
INSERT INTO onefin.message (id, org_id, topic_id, ticket_id, author_id, at, version, imported, author_role,
    author_name, client_key, digest, text)
SELECT n, 1 + topic / 5, 1 + topic, 1 + topic, CASE n % 2 WHEN 0 THEN 3 ELSE 4 END,
    timestamptz '2026-01-01' + n * interval '10 s', 1, false, CASE n % 2 WHEN 0 THEN 'accountant' ELSE 'client' END,
    'Person ' || n % 2, gen_random_uuid(), sha256(convert_to(text, 'UTF8')), text
FROM generate_series(1, 1000000) n, LATERAL (SELECT n::bigint * 2903 % 5000, 'Assalomu alaykum, ' || n
    || ' raqamli bank oplata bo''yicha hujjat yubordim, tekshirib bering.') t (topic, text);
RESET session_replication_role;
VACUUM (ANALYZE) onefin.message;
ANALYZE;
