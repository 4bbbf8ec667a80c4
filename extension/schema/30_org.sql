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
    closed_how text CHECK (closed_how IN ('person', 'silence')),
    accountable_id bigint,
    previous_id bigint,
    last_staff_id bigint,
    reminded_at timestamptz,
    CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CHECK ((state = 'closed') = (closed_how IS NOT NULL))
);
CREATE UNIQUE INDEX ticket_current ON onefin.ticket (topic_id) WHERE state <> 'closed';
CREATE INDEX ticket_topic ON onefin.ticket (topic_id, id);
CREATE INDEX ticket_unrated ON onefin.ticket (closed_at) WHERE closed_how = 'person' AND reminded_at IS NULL;
COMMENT ON TABLE onefin.ticket IS 'One open-to-close round of a topic; a message on a closed topic opens the next';
COMMENT ON COLUMN onefin.ticket.state IS 'open; waiting_client: staff wait for the client, the clocks stand; closed';
COMMENT ON COLUMN onefin.ticket.closed_by IS 'Who closed it; NULL when it closed by itself';
COMMENT ON COLUMN onefin.ticket.closed_how IS 'person: the client is asked for a rating; silence: it closed by itself, and nobody is asked';
COMMENT ON COLUMN onefin.ticket.accountable_id IS
    'Who answers for the round, noted at its closing: who spoke last for the firm in it, else who serves the company longest, else who closed it';
COMMENT ON COLUMN onefin.ticket.previous_id IS 'The topic''s round before this one; NULL for the first';
COMMENT ON COLUMN onefin.ticket.last_staff_id IS 'The person who spoke last for the firm in it, in public; NULL: nobody yet';
COMMENT ON COLUMN onefin.ticket.reminded_at IS 'When the client was reminded to rate it';
COMMENT ON INDEX onefin.ticket_current IS 'A topic has at most one ticket that is not closed';
