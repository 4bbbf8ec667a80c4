-- Messages, their versions, read marks, watches.
--
-- message and message_version have no foreign keys and no CHECKs: C code sets org, ticket and
-- author itself from rows that are never deleted, and refuses what may not be. A key check would
-- lock the same few parent rows in every writer; a CHECK is read anew from the catalog's text for
-- every INSERT (5 % of a send).

CREATE SEQUENCE onefin.message_id_seq;
CREATE TABLE onefin.message (
    id bigint PRIMARY KEY,
    org_id bigint NOT NULL,
    topic_id bigint NOT NULL,
    ticket_id bigint NOT NULL,
    author_id bigint NOT NULL,
    at timestamptz NOT NULL,
    edited_at timestamptz,
    deleted_at timestamptz,
    redacted_at timestamptz,
    reply_to bigint,
    version integer NOT NULL,
    imported boolean NOT NULL,
    author_role text NOT NULL,
    author_name text NOT NULL,
    visibility text NOT NULL DEFAULT 'all',
    client_key uuid,
    document_ids bigint[],
    digest bytea,
    text text
);
CREATE INDEX message_topic ON onefin.message (topic_id, id);
CREATE UNIQUE INDEX message_client_key ON onefin.message (author_id, client_key) WHERE client_key IS NOT NULL;
COMMENT ON TABLE onefin.message IS 'The newest version of each message; earlier ones are in onefin.message_version';
COMMENT ON COLUMN onefin.message.at IS 'When it was sent; for an imported message, when it was said';
COMMENT ON COLUMN onefin.message.version IS 'Counts from 1; an edit and a deletion each make the next';
COMMENT ON COLUMN onefin.message.author_name IS 'The author''s name when it was sent';
COMMENT ON COLUMN onefin.message.visibility IS 'all: everybody of the topic; staff: a note that clients never see';
COMMENT ON COLUMN onefin.message.client_key IS 'Chosen by the sender: sending it again gives the same message';
COMMENT ON COLUMN onefin.message.document_ids IS 'Attached documents, in order';
COMMENT ON COLUMN onefin.message.redacted_at IS 'When its text was taken out of all versions, by a redaction or an erasure; NULL if never';
COMMENT ON COLUMN onefin.message.digest IS 'SHA-256 of the text in UTF-8, as in the journal; NULL when the message is deleted';
COMMENT ON COLUMN onefin.message.text IS 'NULL when the message is deleted or redacted';

CREATE TABLE onefin.message_version (
    message_id bigint NOT NULL,
    version integer NOT NULL,
    org_id bigint NOT NULL,
    topic_id bigint NOT NULL,
    author_id bigint NOT NULL,
    at timestamptz NOT NULL,
    replaced_at timestamptz NOT NULL,
    operation text NOT NULL,
    visibility text NOT NULL,
    digest bytea NOT NULL,
    text text,
    PRIMARY KEY (message_id, version)
);
COMMENT ON TABLE onefin.message_version IS
    'Versions that were replaced; version 1 is the original (asl nusxa). Never deleted, and changed by a redaction only, which takes the text';
COMMENT ON COLUMN onefin.message_version.at IS 'When this version was made';
COMMENT ON COLUMN onefin.message_version.replaced_at IS 'When the next version replaced it';
COMMENT ON COLUMN onefin.message_version.operation IS 'send or edit: what made this version';
COMMENT ON COLUMN onefin.message_version.text IS 'NULL when it was redacted';
COMMENT ON COLUMN onefin.message_version.digest IS 'SHA-256 of the text in UTF-8, as in the journal';

CREATE FUNCTION onefin.message_before() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_message_before';
COMMENT ON FUNCTION onefin.message_before() IS
    'Fills in a new message, files the outgoing version of a changed one, turns a deletion into a tombstone';
CREATE FUNCTION onefin.message_after() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_message_after';
COMMENT ON FUNCTION onefin.message_after() IS 'Attaches documents and writes the journal';
CREATE TRIGGER a_version BEFORE INSERT OR UPDATE OR DELETE ON onefin.message
    FOR EACH ROW EXECUTE FUNCTION onefin.message_before();
CREATE TRIGGER b_journal AFTER INSERT OR UPDATE ON onefin.message
    FOR EACH ROW EXECUTE FUNCTION onefin.message_after();

CREATE FUNCTION onefin.refuse_change() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_refuse_change';
COMMENT ON FUNCTION onefin.refuse_change() IS 'Refuses all changes of a record by SQL, for everybody; C code alone adds to it';

CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON onefin.message_version
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.refuse_change();
ALTER TABLE onefin.message_version ENABLE ALWAYS TRIGGER refuse;
CREATE TRIGGER refuse_new BEFORE INSERT ON onefin.message_version
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.refuse_change();
CREATE TRIGGER refuse BEFORE TRUNCATE ON onefin.message
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.refuse_change();
ALTER TABLE onefin.message ENABLE ALWAYS TRIGGER refuse;

CREATE TABLE onefin.read_mark (
    account_id bigint NOT NULL REFERENCES onefin.account,
    topic_id bigint NOT NULL REFERENCES onefin.topic,
    org_id bigint NOT NULL,
    message_id bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    visibility text NOT NULL CHECK (visibility IN ('all', 'staff')),
    ghost boolean NOT NULL,
    PRIMARY KEY (account_id, topic_id, visibility)
);
CREATE INDEX read_mark_topic ON onefin.read_mark (topic_id);
COMMENT ON TABLE onefin.read_mark IS 'How far each person has read each topic: the greater of the two marks';
COMMENT ON COLUMN onefin.read_mark.visibility IS
    'all: the newest message read that everybody sees; staff: the newest note read. A client is not shown that there was one';
COMMENT ON COLUMN onefin.read_mark.ghost IS 'Made by one who watches unseen: shown to nobody but its owner';

CREATE SEQUENCE onefin.watch_id_seq;
CREATE TABLE onefin.watch (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.watch_id_seq'),
    account_id bigint NOT NULL REFERENCES onefin.account,
    session_id bigint,
    connection uuid,
    backend integer,
    org_id bigint,
    topic_id bigint REFERENCES onefin.topic,
    department_id bigint REFERENCES onefin.department,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    CHECK ((department_id IS NULL) = (org_id IS NOT NULL)),
    CHECK (topic_id IS NULL OR org_id IS NOT NULL)
);
CREATE INDEX watch_current ON onefin.watch (account_id) WHERE ended_at IS NULL;
CREATE INDEX watch_connection ON onefin.watch (connection) WHERE ended_at IS NULL;
COMMENT ON TABLE onefin.watch IS 'What supervisors and admins watch unseen: a topic, all of a company (no topic), or all of a department';
COMMENT ON COLUMN onefin.watch.connection IS 'Through which a gateway''s client watches; the watch ends with it';
COMMENT ON COLUMN onefin.watch.backend IS 'Process of one who watches by SQL; the watch ends with it';
COMMENT ON COLUMN onefin.watch.kept_at IS 'When the gateway last said that the connection is there';
