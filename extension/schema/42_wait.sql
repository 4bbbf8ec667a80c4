-- Waits of clients for an answer, the policies that say how long these may be, and what clients said of it.
--
-- wait has no foreign keys and no CHECKs, as message has none: C code writes it on the way of each message.

CREATE SEQUENCE onefin.policy_id_seq;
CREATE TABLE onefin.policy (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.policy_id_seq'),
    kind_id smallint REFERENCES onefin.topic_kind,
    org_id bigint REFERENCES onefin.org,
    from_at timestamptz NOT NULL DEFAULT now(),
    first_target bigint CHECK (first_target > 0),
    next_target bigint CHECK (next_target > 0),
    resolution_target bigint CHECK (resolution_target > 0),
    warn_share numeric NOT NULL DEFAULT 0.8 CHECK (warn_share > 0 AND warn_share <= 1),
    made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE onefin.policy IS
    'How long a client may wait, from a moment on. Of those that hold at a wait''s start the one for the company and kind goes before that for the company, the kind, all; then the latest. Never changed, never deleted: a later one takes its place';
COMMENT ON COLUMN onefin.policy.kind_id IS 'NULL: topics of all kinds';
COMMENT ON COLUMN onefin.policy.org_id IS 'NULL: all companies';
COMMENT ON COLUMN onefin.policy.from_at IS 'Waits that start from then on are under it';
COMMENT ON COLUMN onefin.policy.first_target IS 'Microseconds of business time until the first response of a round; NULL: no target';
COMMENT ON COLUMN onefin.policy.next_target IS 'Microseconds of business time until a next response; NULL: no target';
COMMENT ON COLUMN onefin.policy.resolution_target IS 'Microseconds of business time until the round is closed; NULL: no target';
COMMENT ON COLUMN onefin.policy.warn_share IS 'Share of the target after which staff are warned';

CREATE FUNCTION onefin.policy_changed() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_policy_changed';
COMMENT ON FUNCTION onefin.policy_changed() IS 'Tells every backend that there are other policies';
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON onefin.policy
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.policy_changed();
ALTER TABLE onefin.policy ENABLE ALWAYS TRIGGER changed;

CREATE SEQUENCE onefin.wait_id_seq;
CREATE TABLE onefin.wait (
    id bigint PRIMARY KEY,
    org_id bigint NOT NULL,
    topic_id bigint NOT NULL,
    ticket_id bigint NOT NULL,
    message_id bigint NOT NULL,
    policy_id bigint,
    calendar_id bigint,
    responder_id bigint,
    answer_id bigint,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    target bigint,
    duration bigint,
    paused bigint NOT NULL,
    paused_at timestamptz,
    warn_at timestamptz,
    due_at timestamptz,
    warned_at timestamptz,
    breached_at timestamptz,
    kind_id smallint NOT NULL,
    imported boolean NOT NULL,
    kind text NOT NULL,
    outcome text
);
CREATE INDEX wait_open ON onefin.wait (org_id, id) WHERE ended_at IS NULL;
CREATE INDEX wait_warn ON onefin.wait (warn_at) WHERE ended_at IS NULL AND warned_at IS NULL AND warn_at IS NOT NULL;
CREATE INDEX wait_due ON onefin.wait (due_at) WHERE ended_at IS NULL AND breached_at IS NULL AND due_at IS NOT NULL;
CREATE INDEX wait_current ON onefin.wait (ticket_id) WHERE ended_at IS NULL;
CREATE INDEX wait_responder ON onefin.wait (responder_id, ended_at) WHERE responder_id IS NOT NULL;
COMMENT ON INDEX onefin.wait_current IS 'At most two a round: for a response, for the resolution';
COMMENT ON TABLE onefin.wait IS
    'A client waits: from the first message that nobody has answered to the first public message of a person of the firm, or to the end of the round. What has ended is never changed';
COMMENT ON COLUMN onefin.wait.kind IS
    'first: for the first response of a round; next: for a later one, also where the firm spoke first; resolution: for the round''s end';
COMMENT ON COLUMN onefin.wait.kind_id IS 'Kind of the topic';
COMMENT ON COLUMN onefin.wait.message_id IS 'The client''s message that began it';
COMMENT ON COLUMN onefin.wait.imported IS 'Its client''s words were imported: it is measured, but nobody is warned of it and no bonus counts it';
COMMENT ON COLUMN onefin.wait.policy_id IS 'The policy that it started under, and keeps; NULL: none held';
COMMENT ON COLUMN onefin.wait.calendar_id IS 'The calendar that it started under, and is measured by; NULL: wall clock';
COMMENT ON COLUMN onefin.wait.target IS 'Microseconds of business time, from the policy; NULL: no target';
COMMENT ON COLUMN onefin.wait.paused IS 'Microseconds of business time in which the round waited for the client: not counted';
COMMENT ON COLUMN onefin.wait.paused_at IS 'Since when the clock stands; NULL while it goes';
COMMENT ON COLUMN onefin.wait.warn_at IS 'When staff are to be warned; NULL while the clock stands, or without a target';
COMMENT ON COLUMN onefin.wait.due_at IS 'When the target is reached; NULL while the clock stands, or without a target';
COMMENT ON COLUMN onefin.wait.warned_at IS 'When staff were warned';
COMMENT ON COLUMN onefin.wait.breached_at IS 'When it was found to be a miss, which it stays; NULL for an imported one, whatever its duration';
COMMENT ON COLUMN onefin.wait.ended_at IS 'NULL while the client waits';
COMMENT ON COLUMN onefin.wait.outcome IS
    'answered: a person answered; closed: the round was closed by a person; silence: the round closed by itself (of a resolution only); dismissed: it needed no answer; deleted: the client took the question back; replaced: an imported one gave way to what the client said here; NULL while open';
COMMENT ON COLUMN onefin.wait.responder_id IS 'Who is credited: who answered; of a resolution who was accountable; of a response that closing ended who closed it; NULL otherwise';
COMMENT ON COLUMN onefin.wait.answer_id IS 'The message that answered; NULL when none did';
COMMENT ON COLUMN onefin.wait.duration IS
    'Microseconds of business time from start to end, without what was paused; of responses that were answered and of resolutions; NULL otherwise, never 0 for none';

CREATE FUNCTION onefin.waits_due_anew() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_waits_due_anew';
COMMENT ON FUNCTION onefin.waits_due_anew() IS 'Open waits are due when the calendars say now';
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['calendar', 'calendar_hours', 'calendar_exception'] LOOP
        EXECUTE format('CREATE TRIGGER z_due AFTER INSERT OR UPDATE OR DELETE ON onefin.%I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION onefin.waits_due_anew()', t);
    END LOOP;
END
$$;

CREATE SEQUENCE onefin.rating_id_seq;
CREATE TABLE onefin.rating (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.rating_id_seq'),
    ticket_id bigint NOT NULL REFERENCES onefin.ticket,
    org_id bigint NOT NULL REFERENCES onefin.org,
    topic_id bigint NOT NULL REFERENCES onefin.topic,
    accountable_id bigint REFERENCES onefin.account,
    account_id bigint NOT NULL REFERENCES onefin.account,
    at timestamptz NOT NULL DEFAULT now(),
    first_at timestamptz NOT NULL DEFAULT now(),
    score smallint NOT NULL CHECK (score BETWEEN 1 AND 5),
    comment text CHECK (length(comment) <= 2000)
);
CREATE INDEX rating_ticket ON onefin.rating (ticket_id, id);
COMMENT ON TABLE onefin.rating IS
    'What a client said of a round that a person closed: the last of a ticket holds, the earlier ones are kept. Never changed, never deleted';
COMMENT ON COLUMN onefin.rating.accountable_id IS 'Whom it is about: the ticket''s accountable person';
COMMENT ON COLUMN onefin.rating.first_at IS 'When the ticket was first rated: the month of it pays, and once that is closed the rating stays';
COMMENT ON COLUMN onefin.rating.score IS '1 (bad) to 5 (very good)';
COMMENT ON COLUMN onefin.rating.comment IS 'NULL when there is none, or when it was erased with its company''s data';
CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON onefin.rating
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.refuse_change();
ALTER TABLE onefin.rating ENABLE ALWAYS TRIGGER refuse;
CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON onefin.policy
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.refuse_change();
ALTER TABLE onefin.policy ENABLE ALWAYS TRIGGER refuse;

CREATE VIEW onefin.rating_now WITH (security_invoker) AS
    SELECT DISTINCT ON (ticket_id) * FROM onefin.rating ORDER BY ticket_id, id DESC;
COMMENT ON VIEW onefin.rating_now IS 'Each ticket''s rating as it holds';
