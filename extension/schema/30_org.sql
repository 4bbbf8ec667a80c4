-- Client companies: who serves them, their five topics, the rounds of a topic.

CREATE SEQUENCE onefin.assignment_id_seq;
CREATE TABLE onefin.assignment (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.assignment_id_seq'),
    org_id bigint NOT NULL REFERENCES onefin.org,
    account_id bigint NOT NULL REFERENCES onefin.account,
    from_at timestamptz NOT NULL DEFAULT now(),
    until_at timestamptz,
    CHECK (until_at >= from_at)
);
CREATE UNIQUE INDEX assignment_current ON onefin.assignment (account_id, org_id) WHERE until_at IS NULL;
CREATE INDEX assignment_org ON onefin.assignment (org_id) WHERE until_at IS NULL;
COMMENT ON TABLE onefin.assignment IS 'Which accountant serves which company, and when; never deleted';
COMMENT ON COLUMN onefin.assignment.until_at IS 'When it ended; NULL while it holds. Setting it ends the access at once, and for good';

CREATE FUNCTION onefin.assignment_check() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_assignment_check';
COMMENT ON FUNCTION onefin.assignment_check() IS 'Refuses to assign who is no accountant, and to change what has ended';
CREATE TRIGGER "check" BEFORE INSERT OR UPDATE ON onefin.assignment
    FOR EACH ROW EXECUTE FUNCTION onefin.assignment_check();

CREATE FUNCTION onefin.account_end_assignments() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_account_end_assignments';
COMMENT ON FUNCTION onefin.account_end_assignments() IS 'Ends the assignments of who is no accountant any more';
CREATE TRIGGER end_assignments AFTER UPDATE ON onefin.account FOR EACH ROW
    WHEN (OLD.role = 'accountant' AND NEW.role <> 'accountant') EXECUTE FUNCTION onefin.account_end_assignments();

CREATE TABLE onefin.topic_kind (
    id smallint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    names jsonb NOT NULL
);
COMMENT ON TABLE onefin.topic_kind IS 'The directions that every company''s chat is split into';
COMMENT ON COLUMN onefin.topic_kind.id IS 'Also the order in which they are shown';
COMMENT ON COLUMN onefin.topic_kind.names IS 'Name by language: uz, ru, en';

INSERT INTO onefin.topic_kind (id, code, names) VALUES
    (1, 'bank_payment', '{"uz": "Bank oplata", "ru": "Банковские платежи", "en": "Bank payments"}'),
    (2, 'contract', '{"uz": "Dogovor", "ru": "Договоры", "en": "Contracts"}'),
    (3, 'invoice', '{"uz": "Shot-faktura", "ru": "Счета-фактуры", "en": "Invoices"}'),
    (4, 'power_of_attorney', '{"uz": "Dovernost", "ru": "Доверенности", "en": "Powers of attorney"}'),
    (5, 'waybill', '{"uz": "TTN", "ru": "ТТН", "en": "Waybills"}');

CREATE SEQUENCE onefin.topic_id_seq;
CREATE TABLE onefin.topic (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.topic_id_seq'),
    org_id bigint NOT NULL REFERENCES onefin.org,
    kind_id smallint NOT NULL REFERENCES onefin.topic_kind,
    UNIQUE (org_id, kind_id)
);
COMMENT ON TABLE onefin.topic IS 'One direction of one company''s chat (mavzu); made by the trigger on onefin.org';

CREATE FUNCTION onefin.org_make_topics() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_org_make_topics';
COMMENT ON FUNCTION onefin.org_make_topics() IS 'Gives a new company one topic of each kind';
CREATE TRIGGER make_topics AFTER INSERT ON onefin.org
    FOR EACH ROW EXECUTE FUNCTION onefin.org_make_topics();

CREATE SEQUENCE onefin.ticket_id_seq;
CREATE TABLE onefin.ticket (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.ticket_id_seq'),
    org_id bigint NOT NULL,
    topic_id bigint NOT NULL REFERENCES onefin.topic,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'waiting_client', 'closed')),
    opened_at timestamptz NOT NULL,
    opened_by bigint NOT NULL,
    closed_at timestamptz,
    closed_by bigint,
    CHECK ((state = 'closed') = (closed_at IS NOT NULL))
);
CREATE UNIQUE INDEX ticket_current ON onefin.ticket (topic_id) WHERE state <> 'closed';
COMMENT ON TABLE onefin.ticket IS 'One open-to-close round of a topic; a message on a closed topic opens the next';
COMMENT ON INDEX onefin.ticket_current IS 'A topic has at most one ticket that is not closed';

-- The one place that says who sees which company. Everything else asks it: my_orgs() by account,
-- audience() by company. Each arm stands alone, so that a constant role leaves one to plan.
CREATE VIEW onefin.org_access WITH (security_invoker) AS
    SELECT o.id AS org_id, a.id AS account_id, a.role
    FROM onefin.org o, onefin.account a
    WHERE a.role = 'admin' AND a.disabled_at IS NULL
    UNION ALL
    SELECT o.id, a.id, a.role
    FROM onefin.org o JOIN onefin.account a ON a.department_id = o.department_id
    WHERE a.role = 'supervisor' AND a.disabled_at IS NULL AND o.archived_at IS NULL
    UNION ALL
    SELECT o.id, a.id, a.role
    FROM onefin.org o JOIN onefin.assignment s ON s.org_id = o.id JOIN onefin.account a ON a.id = s.account_id
    WHERE a.role = 'accountant' AND a.disabled_at IS NULL AND o.archived_at IS NULL AND s.until_at IS NULL
    UNION ALL
    SELECT o.id, a.id, a.role
    FROM onefin.org o JOIN onefin.account a ON a.org_id = o.id
    WHERE a.role = 'client' AND a.disabled_at IS NULL AND o.archived_at IS NULL;
COMMENT ON VIEW onefin.org_access IS 'Who may see which company now; read by the C code only';

-- What backends remember of this view is thrown away when what it reads changes, by whatever hand.
CREATE FUNCTION onefin.access_changed() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_access_changed';
COMMENT ON FUNCTION onefin.access_changed() IS 'Tells every backend that somebody''s access may have changed';
CREATE TRIGGER access AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON onefin.account
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.access_changed();
CREATE TRIGGER access AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON onefin.org
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.access_changed();
CREATE TRIGGER access AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON onefin.assignment
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.access_changed();
CREATE TRIGGER access AFTER UPDATE OR DELETE OR TRUNCATE ON onefin.topic
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.access_changed();
ALTER TABLE onefin.account ENABLE ALWAYS TRIGGER access;
ALTER TABLE onefin.org ENABLE ALWAYS TRIGGER access;
ALTER TABLE onefin.assignment ENABLE ALWAYS TRIGGER access;
ALTER TABLE onefin.topic ENABLE ALWAYS TRIGGER access;
