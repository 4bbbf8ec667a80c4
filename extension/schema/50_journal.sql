-- The journal and its seals: one log for audit and for real time.

CREATE SEQUENCE onefin.journal_id_seq;
CREATE TABLE onefin.journal (
    id bigint PRIMARY KEY,
    xact xid8 NOT NULL,
    at timestamptz NOT NULL,
    actor_id bigint,
    session_id bigint,
    org_id bigint,
    topic_id bigint,
    subject_id bigint,
    account_id bigint,
    version integer,
    kind text NOT NULL,
    audience text NOT NULL,
    db_user text NOT NULL,
    application text,
    address inet,
    digest bytea,
    record bytea,
    detail jsonb
);
CREATE INDEX journal_xact ON onefin.journal (xact);
CREATE INDEX journal_document ON onefin.journal (subject_id, id) WHERE kind LIKE 'document.%';
CREATE INDEX journal_document_actor ON onefin.journal (actor_id, id) WHERE kind LIKE 'document.%';
COMMENT ON TABLE onefin.journal IS 'Every change and every access that matters. Never changed, never deleted; sealed by onefin.seal';
COMMENT ON COLUMN onefin.journal.xact IS 'The transaction that wrote it: how the sealer finds what is new';
COMMENT ON COLUMN onefin.journal.actor_id IS 'The account that acted; NULL for a database user without one';
COMMENT ON COLUMN onefin.journal.subject_id IS 'What it is about, by kind: a message, document, ticket, assignment, session, ...';
COMMENT ON COLUMN onefin.journal.account_id IS 'The account that it concerns, who is told of it in any case';
COMMENT ON COLUMN onefin.journal.version IS 'Version of the message, for kinds message.*; revision of the document, for those that change one';
COMMENT ON COLUMN onefin.journal.audience IS
    'Who is told: org (all who see the company), staff (of those, the firm''s people), admin, account (only account_id), none';
COMMENT ON COLUMN onefin.journal.application IS 'application_name of the connection; NULL inside onefin.call';
COMMENT ON COLUMN onefin.journal.address IS 'Where the device of the session is, else the connection''s peer';
COMMENT ON COLUMN onefin.journal.digest IS 'SHA-256: of a message version''s text, of a document''s bytes, of a closed payroll''s lines';
COMMENT ON COLUMN onefin.journal.record IS 'SHA-256 of all else that a message''s version says, the digest of its text included';

CREATE TABLE onefin.seal (
    number bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    cluster bigint NOT NULL,
    base_id bigint NOT NULL,
    snapshot pg_snapshot NOT NULL,
    hash bytea NOT NULL,
    entries bigint[] NOT NULL,
    checks bytea NOT NULL
);
COMMENT ON TABLE onefin.seal IS 'A batch of journal entries in the order of the system, chained by hash. Never changed, never deleted';
COMMENT ON COLUMN onefin.seal.number IS 'Without gaps, in commit order; a reader''s position is a seal number';
COMMENT ON COLUMN onefin.seal.snapshot IS 'What was visible when it was made: the next seal takes what came after';
COMMENT ON COLUMN onefin.seal.cluster IS 'System identifier of the cluster that made it: after a restore elsewhere transaction ids start anew';
COMMENT ON COLUMN onefin.seal.base_id IS 'Entries up to this id came with a restore and are sealed already';
COMMENT ON COLUMN onefin.seal.hash IS 'SHA-256 of the previous hash, the seal''s other columns and each entry''s digest';
COMMENT ON COLUMN onefin.seal.entries IS 'Ids of the journal entries, in order';
COMMENT ON COLUMN onefin.seal.checks IS 'First 8 bytes of each entry''s digest, in order: they tell which entry changed when the hash tells that one did';

CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON onefin.journal
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.refuse_change();
ALTER TABLE onefin.journal ENABLE ALWAYS TRIGGER refuse;
CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON onefin.seal
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.refuse_change();
ALTER TABLE onefin.seal ENABLE ALWAYS TRIGGER refuse;
CREATE TRIGGER refuse_new BEFORE INSERT ON onefin.journal
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.refuse_change();
CREATE TRIGGER refuse_new BEFORE INSERT ON onefin.seal
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.refuse_change();

CREATE FUNCTION onefin.wake_sealer() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_wake_sealer';
COMMENT ON FUNCTION onefin.wake_sealer() IS 'Wakes this database''s sealer when the transaction commits; for superusers';

CREATE FUNCTION onefin.journal_verify("from" bigint DEFAULT 1, "to" bigint DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'onefin_journal_verify';
COMMENT ON FUNCTION onefin.journal_verify(bigint, bigint) IS
    'Recomputes the chain of the seals from..to and the digests of the messages they name: {ok, seals, entries, hash, broken: {seal, entry, what}}';

-- Changes of the configuration are journaled by whatever hand they are made.
CREATE FUNCTION onefin.audit() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_audit';
COMMENT ON FUNCTION onefin.audit() IS
    'Journals a change of a configuration row with before and after, without the columns that its arguments name; refuses TRUNCATE';

-- Every table of configuration; sql/audit.sql knows the tables that are none. Topics are made by the
-- trigger of their company, which is journaled itself: only those made by hand are told. By its name it
-- fires last: what a change of rights ends (assignments, watches, sessions) is told before the change, to
-- whom it was still to be told.
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['setting_default', 'setting', 'session_policy_default', 'session_policy', 'department', 'account', 'org', 'assignment', 'topic_kind', 'topic',
        'policy', 'calendar', 'calendar_hours', 'calendar_exception', 'calendar_use',
        'bonus_rule', 'payroll_correction'] LOOP
        EXECUTE format('CREATE TRIGGER z_audit AFTER %s ON onefin.%I FOR EACH ROW EXECUTE FUNCTION onefin.audit(%s)',
            CASE t WHEN 'topic' THEN 'UPDATE OR DELETE' ELSE 'INSERT OR UPDATE OR DELETE' END, t,
            CASE t WHEN 'account' THEN '''password_hash'', ''email''' ELSE '' END);
        EXECUTE format('CREATE TRIGGER audit_truncate BEFORE TRUNCATE ON onefin.%I FOR EACH STATEMENT EXECUTE FUNCTION onefin.audit()', t);
        EXECUTE format('ALTER TABLE onefin.%I ENABLE ALWAYS TRIGGER audit_truncate', t);
    END LOOP;
END
$$;
CREATE TRIGGER audit_by_hand AFTER INSERT ON onefin.topic FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION onefin.audit();

-- So are changes of the schemas themselves. The event triggers that call these are made last, in
-- 90_grants.sql.
CREATE FUNCTION onefin.ddl_end() RETURNS event_trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_ddl_end';
COMMENT ON FUNCTION onefin.ddl_end() IS 'Journals what a command made or changed in onefin''s schemas, as schema.changed';
CREATE FUNCTION onefin.ddl_drop() RETURNS event_trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_ddl_drop';
COMMENT ON FUNCTION onefin.ddl_drop() IS 'Journals what a command dropped of onefin''s schemas, as schema.changed';
