-- Business time: calendars of working hours, their exceptions, and whose topics go by which.
--
-- The hours of a day are one array of times, from and until in turns: {09:00,13:00,14:00,18:00}. They are the
-- clock's in the calendar's zone: an instant is business time when its clock, on its date, stands within them. An
-- hour that the clock skips is none therefore, and one that it shows twice is two.

CREATE FUNCTION onefin.are_hours(hours time[]) RETURNS boolean LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT cardinality(are_hours.hours) BETWEEN 2 AND 20 AND cardinality(are_hours.hours) % 2 = 0 AND array_ndims(are_hours.hours) = 1
        AND bool_and(h.at IS NOT NULL AND (h.earlier IS NULL OR h.earlier < h.at OR h.earlier = h.at AND h.place % 2 = 1))
    FROM (SELECT u.at, u.place, lag(u.at) OVER (ORDER BY u.place) AS earlier
        FROM unnest(are_hours.hours) WITH ORDINALITY u (at, place)) h;
END;
COMMENT ON FUNCTION onefin.are_hours(time[]) IS 'Whether these are from and until in turns, one after the other: up to ten intervals, none empty';

CREATE SEQUENCE onefin.calendar_id_seq;
CREATE TABLE onefin.calendar (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.calendar_id_seq'),
    name text NOT NULL UNIQUE CHECK (btrim(name) <> '' AND length(name) <= 200),
    time_zone text NOT NULL
);
COMMENT ON TABLE onefin.calendar IS 'Business time: what is measured by it is measured within its hours';
COMMENT ON COLUMN onefin.calendar.time_zone IS 'Whose clock its hours are of, and whose days';

CREATE FUNCTION onefin.calendar_check() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = NEW.time_zone) THEN
        RAISE invalid_parameter_value USING MESSAGE = format('no time zone "%s"', NEW.time_zone),
            HINT = 'Give it by its name, as Asia/Tashkent; pg_timezone_names lists them.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION onefin.calendar_check() IS 'Refuses time zones that there are not';
CREATE TRIGGER "check" BEFORE INSERT OR UPDATE ON onefin.calendar FOR EACH ROW EXECUTE FUNCTION onefin.calendar_check();

CREATE TABLE onefin.calendar_hours (
    calendar_id bigint NOT NULL REFERENCES onefin.calendar,
    weekday smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    hours time[] NOT NULL CHECK (onefin.are_hours(hours)),
    PRIMARY KEY (calendar_id, weekday)
);
COMMENT ON TABLE onefin.calendar_hours IS 'The hours of each weekday; a weekday that is not here has none';
COMMENT ON COLUMN onefin.calendar_hours.weekday IS '1 (Monday) to 7 (Sunday)';
COMMENT ON COLUMN onefin.calendar_hours.hours IS 'From and until in turns; the last may be 24:00';

CREATE TABLE onefin.calendar_exception (
    calendar_id bigint NOT NULL REFERENCES onefin.calendar,
    day date NOT NULL CHECK (day BETWEEN '1970-01-01' AND '2199-12-31'),
    name text NOT NULL CHECK (btrim(name) <> '' AND length(name) <= 200),
    hours time[] CHECK (onefin.are_hours(hours)),
    active boolean NOT NULL DEFAULT true,
    confirmed boolean NOT NULL DEFAULT true,
    holiday boolean NOT NULL DEFAULT false,
    PRIMARY KEY (calendar_id, day)
);
COMMENT ON TABLE onefin.calendar_exception IS 'Days that have other hours than their weekday: public holidays, working Saturdays';
COMMENT ON COLUMN onefin.calendar_exception.hours IS 'From and until in turns; NULL: none, the firm is closed';
COMMENT ON COLUMN onefin.calendar_exception.active IS 'Whether it holds; else the day is one as others';
COMMENT ON COLUMN onefin.calendar_exception.confirmed IS 'False where the day is expected, and to be confirmed: movable feasts';
COMMENT ON COLUMN onefin.calendar_exception.holiday IS 'Whether it is a public holiday';

CREATE SEQUENCE onefin.calendar_use_id_seq;
CREATE TABLE onefin.calendar_use (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.calendar_use_id_seq'),
    org_id bigint REFERENCES onefin.org,
    kind_id smallint REFERENCES onefin.topic_kind,
    calendar_id bigint NOT NULL REFERENCES onefin.calendar,
    UNIQUE NULLS NOT DISTINCT (org_id, kind_id)
);
COMMENT ON TABLE onefin.calendar_use IS
    'Which topics go by which calendar: that for the company and kind before that for the company, the kind, all';
COMMENT ON COLUMN onefin.calendar_use.org_id IS 'NULL: all companies';
COMMENT ON COLUMN onefin.calendar_use.kind_id IS 'NULL: topics of all kinds';

CREATE FUNCTION onefin.calendar_for(org bigint, kind smallint) RETURNS bigint
    LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'onefin_calendar_for';
COMMENT ON FUNCTION onefin.calendar_for(bigint, smallint) IS
    'The calendar that a company''s topic of a kind goes by now; NULL: none, the wall clock';
CREATE FUNCTION onefin.business_duration("from" timestamptz, until timestamptz, calendar bigint) RETURNS interval
    LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'onefin_business_duration';
COMMENT ON FUNCTION onefin.business_duration(timestamptz, timestamptz, bigint) IS
    'Business time from an instant to another, in hours, minutes and seconds; negative when the other is earlier; without a calendar by the wall clock';
CREATE FUNCTION onefin.business_add("from" timestamptz, duration interval, calendar bigint) RETURNS timestamptz
    LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'onefin_business_add';
COMMENT ON FUNCTION onefin.business_add(timestamptz, interval, bigint) IS
    'The first instant up to which so much business time passes from another on, or, of a negative duration, the last one from which it passed; a day of the duration is 24 hours';

-- What backends have made of these tables is thrown away when one of them changes, by whatever hand.
CREATE FUNCTION onefin.calendar_changed() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_calendar_changed';
COMMENT ON FUNCTION onefin.calendar_changed() IS 'Tells every backend that calendars may have changed';
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['calendar', 'calendar_hours', 'calendar_exception', 'calendar_use'] LOOP
        EXECUTE format('CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON onefin.%I
            FOR EACH STATEMENT EXECUTE FUNCTION onefin.calendar_changed()', t);
        EXECUTE format('ALTER TABLE onefin.%I ENABLE ALWAYS TRIGGER changed', t);
    END LOOP;
END
$$;
