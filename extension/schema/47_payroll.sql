-- Bonus and payroll: the rules, and the months that are closed with all that they were computed from.
--
-- A document, rating or answer is a fact of the month of its own moment in the firm's time zone. What was
-- committed only after that month was closed is a fact of the month after the last closed one; nothing is
-- taken twice, which unique indexes see to. Computing and closing are in 83_payroll.sql.

-- Closing looks for the facts of a month.
CREATE INDEX document_mark_at ON onefin.document_mark (at);
CREATE INDEX rating_first ON onefin.rating (first_at);

CREATE SEQUENCE onefin.bonus_rule_id_seq;
CREATE TABLE onefin.bonus_rule (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.bonus_rule_id_seq'),
    from_day date NOT NULL,
    document_rates jsonb NOT NULL DEFAULT '{}',
    rating_rate numeric(14,2) NOT NULL DEFAULT 0,
    rating_min smallint NOT NULL DEFAULT 4,
    sla_tiers jsonb NOT NULL DEFAULT '[]',
    min_documents integer NOT NULL DEFAULT 0,
    cap numeric(14,2),
    at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE onefin.bonus_rule IS
    'What is paid for, from a day on: on a day the latest row of the latest from_day up to it holds; before the first there is no bonus. In so''m. Never changed, never deleted: a later row takes its place';
COMMENT ON COLUMN onefin.bonus_rule.from_day IS 'In the firm''s time zone; not in a month that is closed';
COMMENT ON COLUMN onefin.bonus_rule.document_rates IS 'For each processed document, by code of the topic''s kind: {"contract": "5000.00"}; kinds that are not there are not paid for';
COMMENT ON COLUMN onefin.bonus_rule.rating_rate IS 'For each positive rating';
COMMENT ON COLUMN onefin.bonus_rule.rating_min IS 'The lowest score that is positive';
COMMENT ON COLUMN onefin.bonus_rule.sla_tiers IS
    'For the share of answers in time, rising: [{"share": 0.9, "amount": "200000.00"}]; the highest that is reached pays. That of the rule of the month''s last day';
COMMENT ON COLUMN onefin.bonus_rule.min_documents IS 'Who processed fewer in the month gets corrections only. That of the rule of the month''s last day';
COMMENT ON COLUMN onefin.bonus_rule.cap IS 'The most that a month pays a person, corrections aside; NULL: no limit. That of the rule of the month''s last day';

CREATE TABLE onefin.payroll (
    month date PRIMARY KEY CHECK (extract(day FROM month) = 1),
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL CHECK (until_at > from_at),
    time_zone text NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT now(),
    closed_by bigint NOT NULL REFERENCES onefin.account,
    rule_id bigint REFERENCES onefin.bonus_rule,
    people integer NOT NULL,
    total numeric(16,2) NOT NULL
);
COMMENT ON TABLE onefin.payroll IS 'A month that is closed, in their order. Never changed, never deleted';
COMMENT ON COLUMN onefin.payroll.month IS 'Its first day';
COMMENT ON COLUMN onefin.payroll.from_at IS 'When it began';
COMMENT ON COLUMN onefin.payroll.until_at IS 'When it ended';
COMMENT ON COLUMN onefin.payroll.time_zone IS 'The firm''s at closing, in which it began and ended';
COMMENT ON COLUMN onefin.payroll.rule_id IS 'The rule of its last day; NULL: none held yet';
COMMENT ON COLUMN onefin.payroll.people IS 'How many have lines';
COMMENT ON COLUMN onefin.payroll.total IS 'Of all lines, in so''m';

CREATE SEQUENCE onefin.payroll_correction_id_seq;
CREATE TABLE onefin.payroll_correction (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.payroll_correction_id_seq'),
    month date NOT NULL REFERENCES onefin.payroll,
    account_id bigint NOT NULL REFERENCES onefin.account,
    amount numeric(14,2) NOT NULL CHECK (amount <> 0),
    reason text NOT NULL CHECK (btrim(reason) <> '' AND length(reason) <= 1000),
    at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE onefin.payroll_correction IS
    'What a closed month should have paid a person more, or less: a line of the next month that is closed. Never changed, never deleted';
COMMENT ON COLUMN onefin.payroll_correction.month IS 'The closed month that it corrects';
COMMENT ON COLUMN onefin.payroll_correction.amount IS 'In so''m';

-- payroll_compute() makes rows of these two, column by column.
CREATE TABLE onefin.payroll_line (
    month date NOT NULL REFERENCES onefin.payroll,
    account_id bigint NOT NULL REFERENCES onefin.account,
    line smallint NOT NULL,
    account_name text NOT NULL,
    department_id bigint,
    department text,
    kind text NOT NULL CHECK (kind IN ('document', 'rating', 'sla', 'minimum', 'cap', 'correction')),
    topic_kind text,
    rule_id bigint REFERENCES onefin.bonus_rule,
    share numeric(5,4),
    quantity integer NOT NULL,
    rate numeric(14,2) NOT NULL,
    amount numeric(14,2) NOT NULL CHECK (amount = round(quantity * rate, 2)),
    reason text,
    correction_id bigint REFERENCES onefin.payroll_correction,
    PRIMARY KEY (month, account_id, line)
);
CREATE UNIQUE INDEX payroll_line_correction ON onefin.payroll_line (correction_id) WHERE correction_id IS NOT NULL;
COMMENT ON TABLE onefin.payroll_line IS 'What a closed month pays a person, line by line. Never changed, never deleted';
COMMENT ON COLUMN onefin.payroll_line.line IS 'Its number on the person''s payslip';
COMMENT ON COLUMN onefin.payroll_line.account_name IS 'The name at closing, as department is the one at closing';
COMMENT ON COLUMN onefin.payroll_line.kind IS
    'document, rating, sla: what was earned; minimum: takes that away where too few documents were processed; cap: takes away what is above the limit; correction: of an earlier month';
COMMENT ON COLUMN onefin.payroll_line.topic_kind IS 'Of documents: code of the topic''s kind';
COMMENT ON COLUMN onefin.payroll_line.rule_id IS 'The rule that it is by; NULL for corrections';
COMMENT ON COLUMN onefin.payroll_line.share IS 'Of sla: the share of answers in time, not rounded up; 1 is all';
COMMENT ON COLUMN onefin.payroll_line.quantity IS 'Documents, positive ratings; of sla 1 when a tier was reached, else 0; 1 for the others';
COMMENT ON COLUMN onefin.payroll_line.rate IS 'So''m for one';
COMMENT ON COLUMN onefin.payroll_line.amount IS 'So''m: quantity times rate, rounded to two decimals, a half away from zero';

CREATE TABLE onefin.payroll_item (
    month date NOT NULL,
    account_id bigint NOT NULL,
    line smallint NOT NULL,
    department_id bigint,
    source text NOT NULL CHECK (source IN ('document', 'rating', 'wait')),
    source_id bigint NOT NULL,
    at timestamptz NOT NULL,
    org_id bigint NOT NULL,
    org_name text NOT NULL,
    topic_id bigint NOT NULL,
    topic_kind text NOT NULL,
    document_id bigint,
    message_id bigint,
    answer_id bigint,
    ticket_id bigint,
    score smallint,
    duration bigint,
    target bigint,
    within boolean,
    counts boolean NOT NULL,
    PRIMARY KEY (source, source_id),
    FOREIGN KEY (month, account_id, line) REFERENCES onefin.payroll_line
);
CREATE INDEX payroll_item_line ON onefin.payroll_item (month, account_id, line);
CREATE UNIQUE INDEX payroll_item_document ON onefin.payroll_item (document_id) WHERE source = 'document';
CREATE UNIQUE INDEX payroll_item_rating ON onefin.payroll_item (ticket_id) WHERE source = 'rating';
COMMENT ON TABLE onefin.payroll_item IS
    'Each row that a line was computed from, with what it said then; a document and a ticket''s rating once in all months. Never changed, never deleted';
COMMENT ON COLUMN onefin.payroll_item.department_id IS 'The line''s';
COMMENT ON COLUMN onefin.payroll_item.source_id IS 'The document_mark, the rating or the wait';
COMMENT ON COLUMN onefin.payroll_item.at IS 'When the document was processed, the ticket first rated, the answer given';
COMMENT ON COLUMN onefin.payroll_item.org_name IS 'The company''s name at closing';
COMMENT ON COLUMN onefin.payroll_item.message_id IS 'The message with the document, or the one that was answered';
COMMENT ON COLUMN onefin.payroll_item.answer_id IS 'The answer';
COMMENT ON COLUMN onefin.payroll_item.duration IS 'Microseconds of business time until the answer';
COMMENT ON COLUMN onefin.payroll_item.target IS 'Microseconds of business time that it might take';
COMMENT ON COLUMN onefin.payroll_item.within IS 'Whether the answer was in time';
COMMENT ON COLUMN onefin.payroll_item.counts IS 'False for a rating that is not positive: it is shown, not paid';

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['bonus_rule', 'payroll', 'payroll_correction', 'payroll_line', 'payroll_item'] LOOP
        EXECUTE format('CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON onefin.%I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION onefin.refuse_change()', t);
        EXECUTE format('ALTER TABLE onefin.%I ENABLE ALWAYS TRIGGER refuse', t);
    END LOOP;
END
$$;

CREATE FUNCTION onefin.firm_zone() RETURNS text LANGUAGE sql STABLE
RETURN (SELECT s.value #>> '{}' FROM onefin.setting_now s WHERE s.name = 'time_zone');
COMMENT ON FUNCTION onefin.firm_zone() IS 'The firm''s time zone';

CREATE FUNCTION onefin.month_of(at timestamptz) RETURNS date LANGUAGE sql STABLE
RETURN date_trunc('month', at AT TIME ZONE onefin.firm_zone())::date;
COMMENT ON FUNCTION onefin.month_of(timestamptz) IS 'First day of the month of a moment, in the firm''s time zone';

CREATE FUNCTION onefin.month_begin(month date) RETURNS timestamptz LANGUAGE sql STABLE
RETURN month::timestamp AT TIME ZONE onefin.firm_zone();
COMMENT ON FUNCTION onefin.month_begin(date) IS 'When a month begins in the firm''s time zone';

CREATE FUNCTION onefin.payroll_month_closed(at timestamptz) RETURNS boolean
    LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'onefin_payroll_month_closed';
COMMENT ON FUNCTION onefin.payroll_month_closed(timestamptz) IS 'Whether the payroll of the month of this moment, or of a later one, is closed; whoever asks';

-- Who changes a rating while its month is being closed waits for that, and is then told.
CREATE FUNCTION onefin.rating_check() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF onefin.payroll_month_closed(NEW.first_at) AND EXISTS (SELECT FROM onefin.rating r WHERE r.ticket_id = NEW.ticket_id) THEN
        RAISE object_not_in_prerequisite_state USING MESSAGE = format('the rating of ticket %s stays as it is', NEW.ticket_id),
            HINT = 'The payroll of its month is closed.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION onefin.rating_check() IS 'Refuses to change a rating whose month is closed';
CREATE TRIGGER "check" BEFORE INSERT ON onefin.rating FOR EACH ROW EXECUTE FUNCTION onefin.rating_check();

CREATE FUNCTION onefin.bonus_number(value jsonb, what text, digits integer, below numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    number numeric;
BEGIN
    IF jsonb_typeof(value) = 'number' OR jsonb_typeof(value) = 'string' AND value #>> '{}' ~ '^\d{1,20}(\.\d{1,20})?$' THEN
        number := (value #>> '{}')::numeric;
    END IF;
    IF number IS NULL OR number < 0 OR number >= below OR number <> round(number, digits) THEN
        RAISE invalid_parameter_value USING MESSAGE = format('%s is no number that a bonus rule may have', what),
            HINT = format('Give a number from 0 to below %s with at most %s decimals.', below, digits);
    END IF;
    RETURN round(number, digits);
END
$$;
COMMENT ON FUNCTION onefin.bonus_number(jsonb, text, integer, numeric) IS
    'A number of a bonus rule, from JSON''s number or string: not negative, below a bound, with so many decimals at most';

CREATE FUNCTION onefin.bonus_rates(rates jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    unknown text;
BEGIN
    IF jsonb_typeof(rates) IS DISTINCT FROM 'object' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'document_rates is no object', HINT = 'Give so''m by kind of topic: {"contract": "5000.00"}.';
    END IF;
    SELECT key INTO unknown FROM jsonb_object_keys(rates) key WHERE key NOT IN (SELECT k.code FROM onefin.topic_kind k);
    IF FOUND THEN
        RAISE invalid_parameter_value USING MESSAGE = format('no kind of topic "%s"', unknown),
            HINT = format('The kinds are %s.', (SELECT string_agg(k.code, ', ' ORDER BY k.id) FROM onefin.topic_kind k));
    END IF;
    RETURN coalesce((SELECT jsonb_object_agg(key, onefin.bonus_number(value, 'the rate of ' || key, 2, 1e12)::text)
        FROM jsonb_each(rates)), '{}');
END
$$;
COMMENT ON FUNCTION onefin.bonus_rates(jsonb) IS 'document_rates as they are kept; refuses what they cannot be';

CREATE FUNCTION onefin.bonus_tiers(tiers jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tier jsonb;
    share numeric;
    before numeric := 0;
    kept jsonb := '[]';
BEGIN
    IF jsonb_typeof(tiers) IS DISTINCT FROM 'array' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'sla_tiers is no list', HINT = 'Give [{"share": 0.9, "amount": "200000.00"}].';
    END IF;
    FOR tier IN SELECT jsonb_array_elements(tiers) LOOP
        IF jsonb_typeof(tier) <> 'object' OR tier - '{share,amount}'::text[] <> '{}' THEN
            RAISE invalid_parameter_value USING MESSAGE = 'an SLA tier is no share and amount', HINT = 'Give [{"share": 0.9, "amount": "200000.00"}].';
        END IF;
        share := onefin.bonus_number(tier -> 'share', 'the share of an SLA tier', 4, 1.0001);
        IF share <= before THEN
            RAISE invalid_parameter_value USING MESSAGE = 'shares of SLA tiers do not rise', HINT = 'Give each share once, above 0, the lowest first.';
        END IF;
        before := share;
        kept := kept || jsonb_build_object('share', trim_scale(share),
            'amount', onefin.bonus_number(tier -> 'amount', 'the amount of an SLA tier', 2, 1e12)::text);
    END LOOP;
    RETURN kept;
END
$$;
COMMENT ON FUNCTION onefin.bonus_tiers(jsonb) IS 'sla_tiers as they are kept; refuses what they cannot be';

CREATE FUNCTION onefin.bonus_rule_check() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    earliest date := (SELECT (max(p.month) + interval '1 month')::date FROM onefin.payroll p);
BEGIN
    IF NOT isfinite(NEW.from_day) OR NEW.rating_rate NOT BETWEEN 0 AND 1e12 OR NEW.rating_min NOT BETWEEN 1 AND 5
        OR NEW.min_documents < 0 OR NEW.cap NOT BETWEEN 0 AND 1e12 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'the bonus rule is out of bounds',
            HINT = 'from is a day, rating_min 1 to 5; rating_rate, min_documents and cap are not negative.';
    ELSIF NEW.from_day < earliest THEN
        RAISE object_not_in_prerequisite_state USING MESSAGE = format('a bonus rule cannot start on %s: its month is closed', to_char(NEW.from_day, 'YYYY-MM-DD')),
            HINT = format('It may start from %s on. What a closed month should have paid, correct_payroll makes good.', to_char(earliest, 'YYYY-MM-DD'));
    END IF;
    NEW.document_rates := onefin.bonus_rates(NEW.document_rates);
    NEW.sla_tiers := onefin.bonus_tiers(NEW.sla_tiers);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION onefin.bonus_rule_check() IS 'Refuses what a bonus rule cannot be, and one of a closed month';
CREATE TRIGGER "check" BEFORE INSERT ON onefin.bonus_rule FOR EACH ROW EXECUTE FUNCTION onefin.bonus_rule_check();

CREATE FUNCTION onefin.payroll_correction_check() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM onefin.payroll p WHERE p.month = NEW.month) THEN
        RAISE object_not_in_prerequisite_state USING MESSAGE = format('the month %s is not closed', to_char(NEW.month, 'YYYY-MM-DD')),
            HINT = 'What is wrong in an open month is put right where it is wrong. A month is named by its first day.';
    ELSIF (SELECT a.role FROM onefin.account a WHERE a.id = NEW.account_id) = 'client' THEN
        RAISE invalid_parameter_value USING MESSAGE = format('account %s is a client', NEW.account_id), HINT = 'Staff get a bonus.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION onefin.payroll_correction_check() IS 'Refuses corrections of what is not closed, and for clients';
CREATE TRIGGER "check" BEFORE INSERT ON onefin.payroll_correction FOR EACH ROW EXECUTE FUNCTION onefin.payroll_correction_check();
