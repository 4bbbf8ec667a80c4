-- A firm of 176 companies; sessions with the tokens t0 to t31; the peers' tables.
INSERT INTO onefin.org (name) SELECT 'Company ' || n FROM generate_series(1, 176) n;
INSERT INTO onefin.account (login, name, role, org_id)
SELECT 'writer' || n, 'Writer ' || n, CASE WHEN n < 16 THEN 'client' ELSE 'accountant' END, CASE
    WHEN n < 16 THEN n + 1 END
FROM generate_series(0, 31) n ORDER BY n;
INSERT INTO onefin.assignment (account_id, org_id)
SELECT 17 + n / 10, 17 + n FROM generate_series(0, 159) n;
INSERT INTO onefin.session (account_id, token_hash, expires_at)
SELECT n + 1, sha256(('t' || n)::bytea), now() + interval '1 day' FROM generate_series(0, 31) n;

CREATE SCHEMA bench;
CREATE TABLE bench.bare (LIKE onefin.message INCLUDING INDEXES);
CREATE TABLE bench.notify (LIKE onefin.message INCLUDING INDEXES);
CREATE SEQUENCE bench.id;
ALTER TABLE bench.bare ALTER id SET DEFAULT nextval('bench.id');
ALTER TABLE bench.notify ALTER id SET DEFAULT nextval('bench.id');

CREATE FUNCTION bench.tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('bench', jsonb_build_object('kind', 'message.sent', 'org', NEW.org_id, 'topic', NEW.topic_id,
        'actor', NEW.author_id, 'message', to_jsonb(NEW))::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER tell AFTER INSERT ON bench.notify FOR EACH ROW EXECUTE FUNCTION bench.tell();
ANALYZE;
