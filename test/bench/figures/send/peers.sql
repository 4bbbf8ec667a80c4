-- The peers' tables: columns and indexes of onefin.message.
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
