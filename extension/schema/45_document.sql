-- Documents: what was uploaded, what is handed out, what was made of them, and the work to be done.

CREATE SEQUENCE onefin.document_id_seq;
CREATE TABLE onefin.document (
    id bigint PRIMARY KEY,
    org_id bigint NOT NULL REFERENCES onefin.org,
    topic_id bigint NOT NULL REFERENCES onefin.topic,
    message_id bigint,
    uploader_id bigint NOT NULL REFERENCES onefin.account,
    uploader_name text NOT NULL,
    by_client boolean NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    store_key text NOT NULL UNIQUE,
    at timestamptz NOT NULL DEFAULT now(),
    visibility text NOT NULL DEFAULT 'all' CHECK (visibility IN ('all', 'staff')),
    state text NOT NULL CHECK (state IN ('stamping', 'ready', 'failed')),
    reason text,
    revision integer NOT NULL DEFAULT 0,
    changed_entry bigint,
    stamped_key text UNIQUE,
    stamped_name text,
    stamped_type text,
    stamped_size bigint,
    stamped_sha256 bytea CHECK (octet_length(stamped_sha256) = 32),
    signed boolean NOT NULL DEFAULT false,
    preview_key text UNIQUE,
    preview_size bigint,
    withdrawn_at timestamptz,
    erased_at timestamptz,
    removed_at timestamptz,
    CHECK ((state = 'failed') = (reason IS NOT NULL)),
    CHECK (num_nonnulls(stamped_key, stamped_name, stamped_type, stamped_size, stamped_sha256) IN (0, 5)),
    CHECK (by_client OR state <> 'ready' OR stamped_key IS NOT NULL)
);
CREATE INDEX document_topic ON onefin.document (topic_id, id);
COMMENT ON TABLE onefin.document IS 'An uploaded file; its bytes are in the store';
COMMENT ON COLUMN onefin.document.message_id IS 'The message that carries it; NULL until it is sent, when only its uploader sees it';
COMMENT ON COLUMN onefin.document.by_client IS 'Whether a client uploaded it; what staff upload is stamped before anybody gets it';
COMMENT ON COLUMN onefin.document.name IS 'As it was uploaded, as are type, size and sha256';
COMMENT ON COLUMN onefin.document.size IS 'Bytes';
COMMENT ON COLUMN onefin.document.type IS 'Media type, found from the content';
COMMENT ON COLUMN onefin.document.store_key IS 'Where the store keeps what was uploaded; readable to no application role';
COMMENT ON COLUMN onefin.document.state IS 'stamping: nobody gets it yet; ready; failed: it could not be stamped, reason says why';
COMMENT ON COLUMN onefin.document.reason IS
    'encrypted, broken, too_large, no_pages, unsupported, office_off, time, died (the worker), lost (the store)';
COMMENT ON COLUMN onefin.document.revision IS 'Counts its changes: state, preview, marks';
COMMENT ON COLUMN onefin.document.changed_entry IS 'The journal entry of its last change';
COMMENT ON COLUMN onefin.document.stamped_key IS 'Where the store keeps the stamped rendition, which is what everybody gets';
COMMENT ON COLUMN onefin.document.stamped_size IS 'Bytes';
COMMENT ON COLUMN onefin.document.signed IS 'It came with a digital signature, which the stamped rendition has no more';
COMMENT ON COLUMN onefin.document.preview_key IS 'Where the store keeps a small picture of its first page';
COMMENT ON COLUMN onefin.document.preview_size IS 'Bytes';
COMMENT ON COLUMN onefin.document.withdrawn_at IS 'When the message that carries it was deleted';
COMMENT ON COLUMN onefin.document.erased_at IS 'When it was erased with its company''s data; nobody gets it from then on';
COMMENT ON COLUMN onefin.document.removed_at IS 'When a gateway had removed its bytes from the store';

CREATE SEQUENCE onefin.document_mark_id_seq;
CREATE TABLE onefin.document_mark (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.document_mark_id_seq'),
    document_id bigint NOT NULL REFERENCES onefin.document,
    org_id bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    account_id bigint NOT NULL REFERENCES onefin.account,
    account_name text NOT NULL,
    mark text NOT NULL CHECK (mark IN ('processed', 'returned')),
    reason text
);
CREATE INDEX document_mark_document ON onefin.document_mark (document_id, id);
COMMENT ON TABLE onefin.document_mark IS 'What staff made of a client''s document: the last mark holds. Never changed, never deleted';
COMMENT ON COLUMN onefin.document_mark.account_name IS 'The account''s name when it was made';
COMMENT ON COLUMN onefin.document_mark.mark IS 'processed: what KPI and bonus count; returned: it cannot be used, reason says why';
COMMENT ON COLUMN onefin.document_mark.reason IS 'NULL when it was erased with its company''s data';
CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON onefin.document_mark
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.refuse_change();
ALTER TABLE onefin.document_mark ENABLE ALWAYS TRIGGER refuse;

-- Every key that a gateway was ever given is in document or here: what the store has is known, and what
-- nobody recorded is found without asking it.
CREATE TABLE onefin.store_key (
    key text PRIMARY KEY,
    document_id bigint,
    remove_at timestamptz NOT NULL,
    removing boolean NOT NULL DEFAULT false
);
CREATE INDEX store_key_due ON onefin.store_key (remove_at);
COMMENT ON TABLE onefin.store_key IS 'Keys of the store that belong to no document (yet, or any more)';
COMMENT ON COLUMN onefin.store_key.document_id IS 'The erased document whose bytes it has; NULL for others';
COMMENT ON COLUMN onefin.store_key.remove_at IS 'When its bytes are to go, unless it was recorded';
COMMENT ON COLUMN onefin.store_key.removing IS 'A gateway may remove its bytes at any moment: it cannot be recorded any more';

CREATE FUNCTION onefin.key_reserve(document bigint) RETURNS text
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'onefin_key_reserve';
COMMENT ON FUNCTION onefin.key_reserve(bigint) IS 'A fresh key of the store for bytes of a document, reserved for upload_keep_seconds';

CREATE TABLE onefin.upload (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id bigint NOT NULL REFERENCES onefin.account,
    topic_id bigint NOT NULL REFERENCES onefin.topic,
    name text NOT NULL,
    length bigint NOT NULL CHECK (length >= 0),
    at timestamptz NOT NULL DEFAULT now(),
    document_id bigint
);
CREATE INDEX upload_at ON onefin.upload (at);
COMMENT ON TABLE onefin.upload IS 'A file that comes in parts, over lines that break';
COMMENT ON COLUMN onefin.upload.length IS 'Bytes in all';
COMMENT ON COLUMN onefin.upload.at IS 'When its last part came; upload_keep_seconds later it is given up';
COMMENT ON COLUMN onefin.upload.document_id IS 'What became of it; NULL until all has come';

CREATE TABLE onefin.upload_part (
    upload_id uuid NOT NULL REFERENCES onefin.upload ON DELETE CASCADE,
    "offset" bigint NOT NULL,
    size bigint NOT NULL CHECK (size > 0),
    key text NOT NULL,
    PRIMARY KEY (upload_id, "offset")
);
COMMENT ON TABLE onefin.upload_part IS 'What has come of an upload, without gaps';
COMMENT ON COLUMN onefin.upload_part."offset" IS 'Bytes before it';
COMMENT ON COLUMN onefin.upload_part.size IS 'Bytes';

CREATE SEQUENCE onefin.logo_id_seq;
CREATE TABLE onefin.logo (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.logo_id_seq'),
    at timestamptz NOT NULL DEFAULT now(),
    account_id bigint NOT NULL REFERENCES onefin.account,
    type text NOT NULL CHECK (type IN ('image/png', 'image/svg+xml')),
    image bytea NOT NULL,
    state text NOT NULL DEFAULT 'checking' CHECK (state IN ('checking', 'ready', 'failed')),
    png bytea,
    CHECK ((state = 'ready') = (png IS NOT NULL))
);
COMMENT ON TABLE onefin.logo IS 'The firm''s logos; the newest that is ready is on the stamps';
COMMENT ON COLUMN onefin.logo.image IS 'As it was uploaded';
COMMENT ON COLUMN onefin.logo.png IS 'As the worker drew it';

CREATE SEQUENCE onefin.job_id_seq;
CREATE TABLE onefin.job (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.job_id_seq'),
    kind text NOT NULL CHECK (kind IN ('stamp', 'preview', 'logo', 'notify', 'mail', 'webhook')),
    org_id bigint,
    topic_id bigint,
    document_id bigint,
    logo_id bigint,
    message_id bigint,
    account_id bigint,
    unread integer,
    at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'failed')),
    attempt integer NOT NULL DEFAULT 0,
    gateway text,
    lease_until timestamptz,
    out_key text,
    preview_key text,
    reason text,
    message text
);
CREATE INDEX job_due ON onefin.job (due_at) WHERE state = 'waiting';
CREATE INDEX job_lease ON onefin.job (lease_until) WHERE state = 'running';
CREATE INDEX job_document ON onefin.job (document_id) WHERE document_id IS NOT NULL;
CREATE UNIQUE INDEX job_notify ON onefin.job (topic_id) WHERE kind = 'notify';
COMMENT ON TABLE onefin.job IS 'What gateways have yet to do, and what failed for good; a job that is done has no row';
COMMENT ON COLUMN onefin.job.kind IS
    'stamp, preview, logo: for the worker; notify: to find whom to tell of unread messages; mail, webhook: to tell one';
COMMENT ON COLUMN onefin.job.message_id IS 'Of notify, mail and webhook: the first message that it is about';
COMMENT ON COLUMN onefin.job.unread IS 'Of mail and webhook: unread messages, up to 1000';
COMMENT ON COLUMN onefin.job.attempt IS 'How many times a gateway took it; names the one that holds it';
COMMENT ON COLUMN onefin.job.lease_until IS 'When another gateway may take it, unless the one that has it says that it is at work';
COMMENT ON COLUMN onefin.job.out_key IS 'Where this attempt stores its result';
COMMENT ON COLUMN onefin.job.reason IS 'Why the last attempt failed, in a word';
COMMENT ON COLUMN onefin.job.message IS 'Why the last attempt failed, for people';
