-- The calls about calendars. Hours are told and taken as intervals: [{"from": "09:00", "until": "13:00"}].

CREATE FUNCTION onefin.hours_array(intervals jsonb) RETURNS time[] LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    hours time[];
BEGIN
    SELECT array_agg(v.at ORDER BY (i.body ->> 'from')::time, v.place) INTO hours
    FROM jsonb_array_elements(intervals) i (body),
        (VALUES (1, 'from'), (2, 'until')) k (place, name), LATERAL (SELECT k.place, (i.body ->> k.name)::time) v (place, at);
    IF NOT onefin.are_hours(hours) THEN
        RAISE invalid_parameter_value USING MESSAGE = 'these are no hours of a day',
            HINT = 'Give up to ten intervals, from and until, none empty, one after the other; the last may end at 24:00.';
    END IF;
    RETURN hours;
END
$$;
COMMENT ON FUNCTION onefin.hours_array(jsonb) IS 'The hours of a day from intervals; NULL for none';

CREATE FUNCTION onefin.week_hours(intervals jsonb) RETURNS TABLE (weekday smallint, hours time[]) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM jsonb_array_elements(intervals) i WHERE NOT coalesce('[1, 2, 3, 4, 5, 6, 7]' @> (i -> 'weekday'), false)) THEN
        RAISE invalid_parameter_value USING MESSAGE = 'hours of no weekday', HINT = 'Give each interval its weekday, 1 (Monday) to 7 (Sunday).';
    END IF;
    RETURN QUERY SELECT (i -> 'weekday')::smallint, onefin.hours_array(jsonb_agg(i)) FROM jsonb_array_elements(intervals) i GROUP BY 1;
END
$$;
COMMENT ON FUNCTION onefin.week_hours(jsonb) IS 'The hours of each weekday from intervals that name it';

CREATE FUNCTION onefin.hours_body(hours time[], weekday smallint DEFAULT NULL) RETURNS SETOF jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_strip_nulls(jsonb_build_object('weekday', hours_body.weekday, 'from', regexp_replace((hours_body.hours[n])::text, ':00$', ''),
        'until', regexp_replace((hours_body.hours[n + 1])::text, ':00$', '')))
    FROM generate_series(1, cardinality(hours_body.hours), 2) n ORDER BY n;
END;
COMMENT ON FUNCTION onefin.hours_body(time[], smallint) IS 'The hours of a day as intervals, of a weekday where one is given';

CREATE FUNCTION onefin.exception_body(exception onefin.calendar_exception) RETURNS jsonb LANGUAGE sql STABLE
RETURN jsonb_build_object('day', (exception).day, 'name', (exception).name,
    'hours', (SELECT coalesce(jsonb_agg(h), '[]') FROM onefin.hours_body((exception).hours) h),
    'active', (exception).active, 'confirmed', (exception).confirmed, 'holiday', (exception).holiday);
COMMENT ON FUNCTION onefin.exception_body(onefin.calendar_exception) IS 'An exception of a calendar as JSON';

CREATE FUNCTION onefin.calendar_body(calendar bigint) RETURNS jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('id', c.id, 'name', c.name, 'time_zone', c.time_zone,
        'hours', (SELECT coalesce(jsonb_agg(b ORDER BY h.weekday, b ->> 'from'), '[]')
            FROM onefin.calendar_hours h, onefin.hours_body(h.hours, h.weekday) b WHERE h.calendar_id = c.id),
        'exceptions', (SELECT coalesce(jsonb_agg(onefin.exception_body(e) ORDER BY e.day), '[]')
            FROM onefin.calendar_exception e WHERE e.calendar_id = c.id))
    FROM onefin.calendar c WHERE c.id = calendar_body.calendar;
END;
COMMENT ON FUNCTION onefin.calendar_body(bigint) IS 'A calendar as JSON';

CREATE FUNCTION onefin_api.calendars(id bigint DEFAULT NULL, name text DEFAULT NULL, time_zone text DEFAULT NULL, hours jsonb DEFAULT NULL)
    RETURNS jsonb LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    target bigint := calendars.id;
BEGIN
    PERFORM FROM onefin.week_hours(calendars.hours);
    IF num_nonnulls(target, calendars.name, calendars.time_zone, calendars.hours) = 0 THEN
        RETURN jsonb_build_object('calendars',
            (SELECT coalesce(jsonb_agg(onefin.calendar_body(c.id) ORDER BY c.name), '[]') FROM onefin.calendar c));
    ELSIF target IS NULL THEN
        INSERT INTO onefin.calendar (name, time_zone)
        VALUES (calendars.name, coalesce(calendars.time_zone, (SELECT s.value #>> '{}' FROM onefin.setting_now s WHERE s.name = 'time_zone')))
        RETURNING calendar.id INTO target;
    ELSE
        UPDATE onefin.calendar c SET name = coalesce(calendars.name, c.name), time_zone = coalesce(calendars.time_zone, c.time_zone)
        WHERE c.id = calendars.id RETURNING c.id INTO target;
        PERFORM onefin.require_found(target, 'calendar', calendars.id);
    END IF;
    IF calendars.hours IS NOT NULL THEN
        DELETE FROM onefin.calendar_hours h WHERE h.calendar_id = target
            AND h.weekday NOT IN (SELECT w.weekday FROM onefin.week_hours(calendars.hours) w);
        INSERT INTO onefin.calendar_hours AS h (calendar_id, weekday, hours)
        SELECT target, w.weekday, w.hours FROM onefin.week_hours(calendars.hours) w
        ON CONFLICT (calendar_id, weekday) DO UPDATE SET hours = excluded.hours;
    END IF;
    RETURN jsonb_build_object('calendar', onefin.calendar_body(target));
END
$$;
COMMENT ON FUNCTION onefin_api.calendars(bigint, text, text, jsonb) IS
    'Lists calendars; with a name makes one, with an id changes one (admins); hours are all those of its week: {calendars} or {calendar: {id, name, time_zone, hours: [{weekday, from, until}], exceptions: [{day, name, hours: [{from, until}], active, confirmed, holiday}]}}';

CREATE FUNCTION onefin_api.calendar_day(calendar bigint, day date, name text DEFAULT NULL, hours jsonb DEFAULT NULL,
    active boolean DEFAULT NULL, confirmed boolean DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    made onefin.calendar_exception;
BEGIN
    PERFORM onefin.require_found((SELECT c.id FROM onefin.calendar c WHERE c.id = calendar_day.calendar), 'calendar', calendar_day.calendar);
    UPDATE onefin.calendar_exception e SET name = coalesce(calendar_day.name, e.name),
        hours = CASE WHEN calendar_day.hours IS NULL THEN e.hours ELSE onefin.hours_array(calendar_day.hours) END,
        active = coalesce(calendar_day.active, e.active), confirmed = coalesce(calendar_day.confirmed, e.confirmed)
    WHERE e.calendar_id = calendar_day.calendar AND e.day = calendar_day.day RETURNING * INTO made;
    IF NOT FOUND AND (calendar_day.name IS NULL OR calendar_day.day NOT BETWEEN '1970-01-01' AND '2199-12-31') THEN
        RAISE invalid_parameter_value USING MESSAGE = format('the calendar has no exception on %s', calendar_day.day),
            HINT = 'With a name one is made, of a day from 1970 to 2199.';
    ELSIF NOT FOUND THEN
        INSERT INTO onefin.calendar_exception (calendar_id, day, name, hours, active, confirmed)
        VALUES (calendar_day.calendar, calendar_day.day, calendar_day.name, onefin.hours_array(calendar_day.hours),
            coalesce(calendar_day.active, true), coalesce(calendar_day.confirmed, true)) RETURNING * INTO made;
    END IF;
    RETURN jsonb_build_object('exception', onefin.exception_body(made));
END
$$;
COMMENT ON FUNCTION onefin_api.calendar_day(bigint, date, text, jsonb, boolean, boolean) IS
    'Makes a day of a calendar one of other hours, or changes or switches it, for admins; without hours the firm is closed: {exception}';

-- The days that the Labour Code names. Navruz and its like stand fast; when the two hayit are, the moon says, and
-- an announcement shortly before: these are expected, by the calendar of Umm al-Qura. Days off that a decree of the
-- year adds or moves are for an admin to add.
CREATE FUNCTION onefin.public_holidays() RETURNS TABLE (day date, name text, confirmed boolean) LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT make_date(y.year, f.month, f.day), f.name, true
    FROM (VALUES (2026), (2027)) y (year), (VALUES (1, 1, 'Yangi yil'), (3, 8, 'Xotin-qizlar kuni'), (3, 21, 'Navroʻz bayrami'),
        (5, 9, 'Xotira va qadrlash kuni'), (9, 1, 'Mustaqillik kuni'), (10, 1, 'Oʻqituvchi va murabbiylar kuni'),
        (12, 8, 'Konstitutsiya kuni')) f (month, day, name)
    UNION ALL
    VALUES ('2026-03-20'::date, 'Roʻza hayit', false), ('2026-05-27', 'Qurbon hayit', false),
        ('2027-03-09', 'Roʻza hayit', false), ('2027-05-16', 'Qurbon hayit', false);
END;
COMMENT ON FUNCTION onefin.public_holidays() IS 'Public holidays of Uzbekistan, 2026 and 2027; those that are not confirmed move';

CREATE FUNCTION onefin_api.load_holidays(calendar bigint) RETURNS jsonb LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    n bigint;
BEGIN
    PERFORM onefin.require_found((SELECT c.id FROM onefin.calendar c WHERE c.id = load_holidays.calendar), 'calendar', load_holidays.calendar);
    INSERT INTO onefin.calendar_exception (calendar_id, day, name, confirmed, holiday)
    SELECT load_holidays.calendar, h.day, h.name, h.confirmed, true FROM onefin.public_holidays() h
    ON CONFLICT (calendar_id, day) DO NOTHING;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN jsonb_build_object('loaded', n, 'calendar', onefin.calendar_body(load_holidays.calendar));
END
$$;
COMMENT ON FUNCTION onefin_api.load_holidays(bigint) IS
    'Gives a calendar the public holidays of Uzbekistan, 2026 and 2027, that it has no exception for, for admins: {loaded, calendar}; loaded is how many';

CREATE FUNCTION onefin_api.calendar_uses(org bigint DEFAULT NULL, kind text DEFAULT NULL, calendar bigint DEFAULT NULL, "set" boolean DEFAULT false)
    RETURNS jsonb LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    target smallint;
BEGIN
    IF calendar_uses."set" THEN
        IF calendar_uses.kind IS NOT NULL THEN
            SELECT k.id INTO target FROM onefin.topic_kind k WHERE k.code = calendar_uses.kind;
            IF target IS NULL THEN
                RAISE invalid_parameter_value USING MESSAGE = format('no topics of kind "%s"', calendar_uses.kind), HINT = 'topics lists the kinds.';
            END IF;
        END IF;
        IF calendar_uses.calendar IS NULL THEN
            DELETE FROM onefin.calendar_use u WHERE u.org_id IS NOT DISTINCT FROM calendar_uses.org AND u.kind_id IS NOT DISTINCT FROM target;
        ELSE
            IF calendar_uses.org IS NOT NULL THEN
                PERFORM onefin.require_found((SELECT o.id FROM onefin.org o WHERE o.id = calendar_uses.org), 'company', calendar_uses.org);
            END IF;
            PERFORM onefin.require_found((SELECT c.id FROM onefin.calendar c WHERE c.id = calendar_uses.calendar), 'calendar', calendar_uses.calendar);
            INSERT INTO onefin.calendar_use (org_id, kind_id, calendar_id) VALUES (calendar_uses.org, target, calendar_uses.calendar)
            ON CONFLICT (org_id, kind_id) DO UPDATE SET calendar_id = excluded.calendar_id;
        END IF;
    END IF;
    RETURN jsonb_build_object('uses', (
        SELECT coalesce(jsonb_agg(jsonb_build_object('org', u.org_id, 'org_name', o.name, 'kind', k.code, 'calendar', u.calendar_id)
            ORDER BY o.name NULLS FIRST, u.kind_id NULLS FIRST), '[]')
        FROM onefin.calendar_use u LEFT JOIN onefin.org o ON o.id = u.org_id LEFT JOIN onefin.topic_kind k ON k.id = u.kind_id));
END
$$;
COMMENT ON FUNCTION onefin_api.calendar_uses(bigint, text, bigint, boolean) IS
    'Lists which topics go by which calendar; with set: true those of a company, a kind, both, or all go by one from now on, or without a calendar by none of their own (admins): {uses: [{org, org_name, kind, calendar}]}';
