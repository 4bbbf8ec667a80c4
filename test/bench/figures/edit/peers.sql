-- 200 messages of each writer, sent by calls: writer n has those of the ids n * 200 + 1 and on. Then
-- the peers' tables, with the same rows, columns and indexes.
DO $$
BEGIN
    FOR n IN 0..31 LOOP
        PERFORM onefin.call('t' || n, 'send', jsonb_build_object(
            'topic', 5 * (CASE WHEN n < 16 THEN n ELSE 16 + (n - 16) * 10 END) + 1 + m % 5,
            'text', 'Assalomu alaykum, bugungi bank oplata bo''yicha hujjat yubordim, tekshirib bering.',
            'client_key', gen_random_uuid()), '10.0.0.1')
        FROM generate_series(0, 199) m;
    END LOOP;
END
$$;

-- tablelog, set up by its own function as its README says: old and new row, user and an id.
CREATE SCHEMA bench;
CREATE EXTENSION table_log SCHEMA bench;
CREATE TABLE bench.tablelog (LIKE onefin.message INCLUDING INDEXES);
INSERT INTO bench.tablelog SELECT * FROM onefin.message;
SET search_path = bench, public;
SELECT bench.table_log_init(5, 'bench', 'tablelog', 'bench', 'tablelog_log') \g /dev/null
RESET search_path;

-- plpgsql and pgcrypto: version, audit and chain in a trigger. Each row's hash takes in the one
-- before, so that writers wait for each other until they have committed.
CREATE EXTENSION pgcrypto SCHEMA bench;
CREATE TABLE bench.chain (LIKE onefin.message INCLUDING INDEXES);
INSERT INTO bench.chain SELECT * FROM onefin.message;
CREATE TABLE bench.chain_log (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL,
    db_user text NOT NULL,
    address inet,
    message_id bigint NOT NULL,
    version integer NOT NULL,
    old_row jsonb NOT NULL,
    new_digest bytea NOT NULL,
    hash bytea NOT NULL
);
CREATE FUNCTION bench.log_chained() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    made bench.chain_log;
BEGIN
    PERFORM pg_advisory_xact_lock(1);
    SELECT hash INTO made.hash FROM bench.chain_log ORDER BY id DESC LIMIT 1;
    made.id := nextval('bench.chain_log_id_seq');
    made.at := clock_timestamp();
    made.db_user := session_user;
    made.address := inet_client_addr();
    made.message_id := NEW.id;
    made.version := NEW.version;
    made.old_row := to_jsonb(OLD);
    made.new_digest := bench.digest(NEW.text, 'sha256');
    made.hash := bench.digest(coalesce(made.hash, '\x') || convert_to(to_jsonb(made)::text, 'UTF8'), 'sha256');
    INSERT INTO bench.chain_log VALUES (made.*);
    RETURN NULL;
END
$$;
CREATE TRIGGER log_chained AFTER UPDATE ON bench.chain FOR EACH ROW EXECUTE FUNCTION bench.log_chained();
VACUUM (ANALYZE);
