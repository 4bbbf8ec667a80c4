-- Companies of :each clients, :clients in all; client n is c<n>, with a session of the token t<n>,
-- and of company n / :each + 1.
INSERT INTO onefin.org (name) SELECT 'Company ' || n FROM generate_series(1, :clients / :each) n ORDER BY n;
INSERT INTO onefin.account (login, name, role, org_id)
SELECT 'c' || n, 'Client ' || n, 'client', n / :each + 1 FROM generate_series(0, :clients - 1) n ORDER BY n;
INSERT INTO onefin.session (account_id, token_hash, expires_at)
SELECT n + 1, sha256(('t' || n)::bytea), now() + interval '1 day' FROM generate_series(0, :clients - 1) n;

-- The peers' table; xmin tells the transaction, and that when it was committed.
CREATE SCHEMA bench;
CREATE TABLE bench.message (id bigserial PRIMARY KEY, room integer NOT NULL, text text NOT NULL);
-- The adapter's, which stays empty.
CREATE TABLE socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT now(), payload bytea);
ANALYZE;
