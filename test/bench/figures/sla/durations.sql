-- An ordinary week with the public holidays; a million waits of up to three days in a year; and what one writes in
-- plpgsql: a loop over the days, and what its hours leave of each.
INSERT INTO onefin.calendar (name, time_zone) VALUES ('Office', 'Asia/Tashkent');
INSERT INTO onefin.calendar_hours SELECT 1, d, '{09:00,13:00,14:00,18:00}' FROM generate_series(1, 5) d;
INSERT INTO onefin.calendar_exception (calendar_id, day, name) SELECT 1, day, name FROM onefin.public_holidays();

CREATE SCHEMA bench;
CREATE FUNCTION bench.business_duration("from" timestamptz, until timestamptz, calendar bigint) RETURNS interval LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
DECLARE
    zone text;
    local_from timestamp;
    local_until timestamp;
    day date;
    hours time[];
    total interval := '0';
BEGIN
    SELECT c.time_zone INTO zone FROM onefin.calendar c WHERE c.id = calendar;
    local_from := "from" AT TIME ZONE zone;
    local_until := until AT TIME ZONE zone;
    day := local_from::date;
    WHILE day <= local_until::date LOOP
        SELECT e.hours INTO hours FROM onefin.calendar_exception e WHERE e.calendar_id = calendar AND e.day = day AND e.active;
        IF NOT FOUND THEN
            SELECT h.hours INTO hours FROM onefin.calendar_hours h WHERE h.calendar_id = calendar AND h.weekday = extract(isodow FROM day);
        END IF;
        FOR i IN 1..coalesce(cardinality(hours), 0) BY 2 LOOP
            total := total + greatest(least(day + hours[i + 1], local_until) - greatest(day + hours[i], local_from), '0');
        END LOOP;
        day := day + 1;
    END LOOP;
    RETURN total;
END
$$;

CREATE TABLE bench.wait AS SELECT n, at AS "from", at + random() * interval '3 days' AS until
    FROM (SELECT n, '2026-01-01'::timestamptz + random() * interval '365 days' AS at FROM generate_series(1, 1000000) n) made;
ALTER TABLE bench.wait ADD PRIMARY KEY (n);
