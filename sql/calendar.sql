-- Business time: calendars, their exceptions, whose topics go by which, and what is measured and added by them.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- An admin makes calendars, in the firm's zone or another, and changes them; the hours of a week are taken as a whole.
SELECT t.call('boss', 'calendars', '{"name": "Office", "hours": [{"weekday": 1, "from": "14:00", "until": "18:00"},
    {"weekday": 1, "from": "9:00", "until": "13:00"}, {"weekday": 2, "from": "09:00:30", "until": "24:00"}]}');
SELECT t.call('boss', 'calendars', jsonb_build_object('id', 1, 'hours', (SELECT jsonb_agg(jsonb_build_object('weekday', d, 'from', f, 'until', u))
    FROM generate_series(1, 5) d, (VALUES ('09:00', '13:00'), ('14:00', '18:00')) v (f, u))));
SELECT t.call('boss', 'calendars', '{"name": "Around the clock", "time_zone": "America/New_York"}');
SELECT t.call('boss', 'calendars', jsonb_build_object('id', 2, 'hours', (SELECT jsonb_agg(jsonb_build_object('weekday', 1, 'from', concat(h, ':00'), 'until',
    concat(h, ':30'))) FROM generate_series(1, n) h)), '{calendar,hours,9}') FROM generate_series(10, 11) n;
SELECT t.call('boss', 'calendars', '{"id": 2, "hours": [{"weekday": 7, "from": "09:00", "until": "10:00"}]}', '{calendar,hours}');
SELECT t.call('boss', 'calendars', jsonb_build_object('id', 2, 'name', 'Always', 'hours', (SELECT jsonb_agg(jsonb_build_object('weekday', d, 'from', '00:00',
    'until', '24:00')) FROM generate_series(1, 7) d)), '{calendar,name}');
SELECT t.call('boss', 'calendars', '{"id": 1, "time_zone": "Asia/Samarkand"}', '{calendar,time_zone}'),
    t.call('boss', 'calendars', '{"id": 1, "time_zone": "Asia/Tashkent"}', '{calendar,hours,9}');
SELECT jsonb_path_query_array(t.call('boss', 'calendars')::jsonb, '$.calendars[*].name');
-- What cannot be.
SELECT params, t.call('boss', 'calendars', params) FROM unnest(ARRAY['{"name": "Office"}', '{"name": " "}', '{"id": 9, "name": "X"}',
    '{"hours": []}', '{"name": "X", "time_zone": "Mars/Olympus"}', '{"name": "X", "time_zone": "UZT"}', '{"name": "X", "time_zone": "asia/tashkent"}',
    '{"name": "X", "time_zone": "FOO+5"}', '{"id": 1, "hours": {}}', '{"id": 1, "hours": [{"from": "09:00", "until": "13:00"}]}',
    '{"id": 1, "hours": [{"weekday": 0, "from": "09:00", "until": "13:00"}]}', '{"id": 1, "hours": [{"weekday": 1.5, "from": "09:00", "until": "13:00"}]}',
    '{"id": 1, "hours": [{"weekday": 1, "from": "09:00"}]}', '{"id": 1, "hours": [{"weekday": 1, "from": "13:00", "until": "09:00"}]}',
    '{"id": 1, "hours": [{"weekday": 1, "from": "09:00", "until": "09:00"}]}', '{"id": 1, "hours": [{"weekday": 1, "from": "09:00", "until": "24:01"}]}',
    '{"id": 1, "hours": [{"weekday": 1, "from": "09:00", "until": "13:00"}, {"weekday": 1, "from": "12:59", "until": "14:00"}]}']::jsonb[])
    WITH ORDINALITY p (params, place) ORDER BY place;
-- By hand neither.
SELECT t.attempt(format('INSERT INTO onefin.calendar_hours VALUES (1, 6, %L)', hours)) FROM unnest(ARRAY['{}', '{09:00}', '{09:00,09:00}', '{09:00,NULL}',
    '{09:00,12:00,11:00,13:00}', '{{09:00,10:00},{11:00,12:00}}', '[0:1]={09:00,10:00}']) hours;
SELECT t.attempt('INSERT INTO onefin.calendar_hours VALUES (1, 8, ''{09:00,10:00}'')'), t.attempt('INSERT INTO onefin.calendar_hours VALUES (9, 1, ''{09:00,10:00}'')'),
    t.attempt('INSERT INTO onefin.calendar (name, time_zone) VALUES (''X'', ''X'')'),
    t.attempt('INSERT INTO onefin.calendar_exception VALUES (1, ''infinity'', ''X'')'), t.attempt('INSERT INTO onefin.calendar_exception VALUES (1, ''1969-12-31'', ''X'')');
DELETE FROM onefin.calendar_hours WHERE weekday = 6 AND calendar_id = 1;

-- Measured: within the hours, over lunch, over the night, over a weekend, outside of all; by the wall clock without a calendar.
CREATE FUNCTION t.measure("from" text, until text, calendar bigint DEFAULT 1) RETURNS interval LANGUAGE sql
RETURN onefin.business_duration("from"::timestamptz, until::timestamptz, calendar);
SELECT t.measure('2026-11-26 09:00', '2026-11-26 10:30'), t.measure('2026-11-26 12:00', '2026-11-26 15:00'), t.measure('2026-11-26 17:00', '2026-11-27 09:30'),
    t.measure('2026-11-27 17:00', '2026-11-30 10:00'), t.measure('2026-11-28 00:00', '2026-11-29 23:00'), t.measure('2026-11-26 08:00', '2026-11-26 20:00'),
    t.measure('2026-11-26 08:00', '2026-11-26 20:00', NULL), t.measure('2026-11-26 09:00:00.000001', '2026-11-26 09:00:00.000003');
-- The other way round it is negative; from an instant to itself nothing; a NULL is NULL.
SELECT t.measure('2026-11-30 10:00', '2026-11-27 17:00'), t.measure('2026-11-30 10:00', '2026-11-27 17:00', NULL), t.measure('2026-11-26 10:00', '2026-11-26 10:00');
SELECT t.measure(NULL, '2026-11-26') IS NULL, t.measure('2026-11-26', NULL) IS NULL, onefin.business_add(NULL, '1h', 1) IS NULL, onefin.business_add(now(), NULL, 1) IS NULL;
-- Added: to the first instant up to which it passes, which is the end of hours rather than the next beginning; taken away: to the last.
CREATE FUNCTION t.add("from" text, duration interval, calendar bigint DEFAULT 1) RETURNS timestamptz LANGUAGE sql
RETURN onefin.business_add("from"::timestamptz, duration, calendar);
SELECT t.add('2026-11-26 09:00', '4h'), t.add('2026-11-26 09:00', '4h 1us'), t.add('2026-11-27 17:00', '2h'), t.add('2026-11-28 12:00', '1h'),
    t.add('2026-11-26 09:00', '40h'), t.add('2026-11-26 09:00', '1 day'), t.add('2026-11-26 09:00', '1 day', NULL);
SELECT t.add('2026-11-30 10:00', '-2h'), t.add('2026-11-30 09:00', '-8h'), t.add('2026-11-30 09:00', '-4h'), t.add('2026-11-28 12:00', '0'), t.add('2026-11-28 12:00', '-1h'),
    t.add('2026-11-28 12:00', '-1h', NULL);
-- Clocks that are put forward and back: the hour that is skipped is none, the one that is shown twice is two.
SELECT t.measure('2026-03-08 00:00 America/New_York', '2026-03-09 00:00 America/New_York', 2), t.measure('2026-11-01 00:00 America/New_York', '2026-11-02 00:00 America/New_York', 2);
UPDATE onefin.calendar_hours SET hours = '{01:30,02:30}' WHERE calendar_id = 2 AND weekday = 7;
SELECT t.measure('2026-03-08 00:00 America/New_York', '2026-03-09 00:00 America/New_York', 2), t.measure('2026-11-01 00:00 America/New_York', '2026-11-02 00:00 America/New_York', 2);
-- A date that was skipped: Samoa went over the date line, and had no 30 December.
INSERT INTO onefin.calendar (name, time_zone) VALUES ('Samoa', 'Pacific/Apia'), ('Empty', 'UTC');
SELECT max(id) FILTER (WHERE name = 'Samoa') AS samoa, max(id) FILTER (WHERE name = 'Empty') AS empty FROM onefin.calendar \gset
INSERT INTO onefin.calendar_hours SELECT :samoa, d, '{08:00,16:00}' FROM generate_series(1, 7) d;
SELECT t.measure('2011-12-28 00:00 Pacific/Apia', '2012-01-02 00:00 Pacific/Apia', :samoa);
-- Without hours there is no business time.
SELECT t.measure('2026-11-26', '2027-11-26', :empty), t.add('2026-11-26 00:00', '0', :empty);
SELECT t.attempt(format('SELECT t.add(''2026-11-26'', %L, %s)', d, :empty)) FROM unnest('{1h,-1h}'::interval[]) d;
-- The ends: 1970 to 2199, and by the wall clock those of the type.
SELECT t.measure('1970-01-01 00:00 UTC', '2200-01-01 00:00 UTC', 1), t.measure('2199-12-31 08:00', '2200-01-01 05:00', 1);
SELECT t.attempt(s) FROM unnest(ARRAY['SELECT t.measure(''1969-12-31 23:59:59 UTC'', ''2000-01-01'')', 'SELECT t.measure(''2000-01-01'', ''2200-01-01 00:00:01 UTC'')',
    'SELECT t.measure(''-infinity'', ''2000-01-01'')', 'SELECT t.measure(''2000-01-01'', ''infinity'', NULL)', 'SELECT t.measure(''infinity'', ''2000-01-01'', NULL)',
    'SELECT t.measure(''4713-01-01 BC'', ''294276-12-31'', NULL)', 'SELECT t.add(''2199-12-31'', ''100h'')', 'SELECT t.add(''1970-01-02'', ''-100h'')',
    'SELECT t.add(''2020-01-01'', ''106751990 days'')', 'SELECT t.add(''2020-01-01'', ''1000000000 days'')', 'SELECT t.add(''2020-01-01'', ''2562047788 h 100000000 days'')', 'SELECT t.add(''294276-12-31'', ''2 days'', NULL)',
    'SELECT t.add(''infinity'', ''1h'', NULL)', 'SELECT t.add(''2020-01-01'', ''1 month'')', 'SELECT t.add(''2020-01-01'', ''1 month'', NULL)',
    'SELECT t.measure(''2020-01-01'', ''2020-01-02'', 77)', 'SELECT t.measure(''2020-01-01'', ''2020-01-02'', 0)', 'SELECT t.measure(''2020-01-01'', ''2020-01-02'', -1)',
    'SELECT t.add(''2020-01-01'', ''1h'', 77)']) WITH ORDINALITY s (s, place) ORDER BY place;

-- Public holidays, each to be switched by itself; what is not confirmed moves. What the admin made of a day stays when they are loaded.
SELECT t.call('boss', 'calendar_day', '{"calendar": 1, "day": "2026-12-08", "name": "Inventory", "hours": [{"from": "10:00", "until": "12:00"}]}');
SELECT t.call('boss', 'load_holidays', '{"calendar": 1}', '{loaded}'), t.call('boss', 'load_holidays', '{"calendar": 1}', '{loaded}');
SELECT day, to_char(day, 'Dy') AS weekday, name, hours, active, confirmed, holiday FROM onefin.calendar_exception WHERE calendar_id = 1 ORDER BY day;
SELECT t.measure('2026-12-07 17:00', '2026-12-09 10:00'), t.measure('2026-08-31 17:00', '2026-09-02 10:00'), t.measure('2026-09-01 00:00', '2026-09-02 00:00'),
    t.add('2026-08-31 17:00', '2h'), t.add('2026-09-01 12:00', '1h'), t.add('2026-09-02 10:00', '-2h'), t.measure('2026-09-01 12:00', '2026-12-08 11:00');
SELECT t.call('boss', 'calendar_day', '{"calendar": 1, "day": "2026-09-01", "active": false}'), t.measure('2026-08-31 17:00', '2026-09-02 10:00');
SELECT t.call('boss', 'calendar_day', '{"calendar": 1, "day": "2026-09-01", "active": true}', '{exception,active}'), t.measure('2026-08-31 17:00', '2026-09-02 10:00');
-- The feast moves by a day: one is switched off, another is made. A working Saturday; a day whose hours, name and certainty change.
SELECT t.call('boss', 'calendar_day', '{"calendar": 1, "day": "2027-03-09", "active": false}', '{exception,confirmed}'),
    t.call('boss', 'calendar_day', '{"calendar": 1, "day": "2027-03-10", "name": "Roʻza hayit"}'), t.measure('2027-03-09', '2027-03-11');
SELECT t.call('boss', 'calendar_day', '{"calendar": 1, "day": "2026-11-28", "name": "Moved from Monday", "hours": [{"from": "15:00", "until": "16:00"}, {"from": "9:00", "until": "13:00"}], "confirmed": false}'),
    t.measure('2026-11-27 18:00', '2026-11-30 09:00');
SELECT t.call('boss', 'calendar_day', '{"calendar": 1, "day": "2026-11-28", "name": "Free again", "hours": [], "confirmed": true}'), t.measure('2026-11-27 18:00', '2026-11-30 09:00');
SELECT params, t.call('boss', 'calendar_day', params) FROM unnest(ARRAY['{"calendar": 9, "day": "2026-11-28", "name": "X"}', '{"calendar": 1, "day": "2026-11-25"}',
    '{"calendar": 1, "day": "2026-11-25", "name": ""}', '{"calendar": 1, "day": "2200-01-01", "name": "X"}', '{"calendar": 1, "day": "infinity", "name": "X"}',
    '{"calendar": 1, "day": "no day", "name": "X"}', '{"calendar": 1, "day": "2026-11-25", "name": "X", "hours": [{"from": "10:00", "until": "9:00"}]}',
    '{"calendar": 1, "day": "2026-11-28", "hours": [{"from": "10:00"}]}', '{"calendar": 1, "day": "2026-11-25", "name": "X", "hours": "closed"}', '{"calendar": 1}']::jsonb[])
    WITH ORDINALITY p (params, place) ORDER BY place;
SELECT t.call('boss', 'load_holidays', '{"calendar": 9}');

-- Whose topics go by which: for the company and kind, the company, the kind, all, the first that there is. Nothing is wall clock.
CREATE VIEW t.used AS SELECT string_agg(concat_ws('-', o, k, coalesce((SELECT name FROM onefin.calendar WHERE id = onefin.calendar_for(o, k::smallint)), 'none')), ' ' ORDER BY o, k)
    FROM generate_series(1, 2) o, generate_series(1, 2) k;
TABLE t.used;
SELECT t.call('boss', 'calendar_uses', '{"calendar": 1, "set": true}');
TABLE t.used;
SELECT t.call('boss', 'calendar_uses', '{"kind": "contract", "calendar": 2, "set": true}', '{uses,1}');
TABLE t.used;
SELECT t.call('boss', 'calendar_uses', format('{"org": 1, "calendar": %s, "set": true}', :samoa)::jsonb, '{uses,2}') ~ 'Alfa';
TABLE t.used;
SELECT t.call('boss', 'calendar_uses', '{"org": 1, "kind": "contract", "calendar": 1, "set": true}', '{uses,3}');
TABLE t.used;
SELECT t.call('boss', 'calendar_uses', '{"org": 1, "kind": "contract", "calendar": 2, "set": true}', '{uses,3}');
TABLE t.used;
SELECT onefin.calendar_for(NULL, NULL), onefin.calendar_for(1, NULL) = :samoa, onefin.calendar_for(NULL, 2::smallint), onefin.calendar_for(99, 99::smallint);
SELECT t.call('boss', 'calendar_uses', '{"set": true}', '{uses,0}'), t.call('boss', 'calendar_uses', '{"org": 1, "set": true}', '{uses,1}');
TABLE t.used;
SELECT t.call('boss', 'calendar_uses', '{"calendar": 1}') = t.call('boss', 'calendar_uses') AS "only looked at";
SELECT params, t.call('boss', 'calendar_uses', params) FROM unnest(ARRAY['{"calendar": 9, "set": true}', '{"org": 9, "calendar": 1, "set": true}',
    '{"kind": "other", "calendar": 1, "set": true}', '{"kind": "other", "set": true}']::jsonb[]) WITH ORDINALITY p (params, place) ORDER BY place;

-- Who may: admins all; supervisors and accountants look, at the uses of their companies; clients nothing.
SELECT t.call('boss', 'calendar_uses', '{"org": 2, "calendar": 2, "set": true}', '{uses,0}');
SELECT who, jsonb_path_query_array(t.call(who, 'calendars')::jsonb, '$.calendars[*].name'), jsonb_path_query_array(t.call(who, 'calendar_uses')::jsonb, '$.uses[*].org')
FROM unnest('{boss,sup1,acc1,acc2}'::text[]) who;
SELECT t.call('ali', 'calendars'), t.call('ali', 'calendar_uses');
SELECT who, method, t.call(who, method, params) FROM unnest('{sup1,acc1}'::text[]) who, (VALUES ('calendars', '{"name": "X"}'::jsonb), ('calendars', '{"id": 1, "name": "X"}'),
    ('calendar_day', '{"calendar": 1, "day": "2026-09-01", "active": false}'), ('load_holidays', '{"calendar": 1}'), ('calendar_uses', '{"calendar": 2, "set": true}'),
    ('calendar_uses', '{"org": 1, "kind": "contract", "set": true}')) v (method, params) ORDER BY 1, 2, params::text;
-- An analyst measures, without an account.
CREATE ROLE regress_analyst IN ROLE onefin_analyst;
SET SESSION AUTHORIZATION regress_analyst;
SELECT onefin.business_duration('2026-11-26 09:00', '2026-11-27 09:00', onefin.calendar_for(2, 1::smallint)), onefin.business_add('2026-11-26 09:00', '10h', 1), count(*) FROM onefin.calendar;
RESET SESSION AUTHORIZATION;
SET ROLE onefin_client;
SELECT t.attempt('SELECT onefin.business_duration(now(), now(), 1)'), t.attempt('SELECT onefin.business_add(now(), ''1h'', 1)'), t.attempt('SELECT onefin.calendar_for(1, 1::smallint)');
RESET ROLE;

-- Every change counts at once, by whatever hand: in its own transaction, when it is taken back, with triggers at rest.
CREATE FUNCTION t.saturday() RETURNS interval LANGUAGE sql RETURN t.measure('2026-12-05 00:00', '2026-12-06 00:00');
SELECT t.saturday();
BEGIN;
INSERT INTO onefin.calendar_hours VALUES (1, 6, '{10:00,11:00}');
SELECT t.saturday();
SAVEPOINT s;
UPDATE onefin.calendar_hours SET hours = '{10:00,14:00}' WHERE calendar_id = 1 AND weekday = 6;
SELECT t.saturday();
INSERT INTO onefin.calendar_exception VALUES (1, '2026-12-05', 'Closed');
SELECT t.saturday();
ROLLBACK TO s;
SELECT t.saturday();
ROLLBACK;
SELECT t.saturday();
SET session_replication_role = replica;
INSERT INTO onefin.calendar_hours VALUES (1, 6, '{10:00,15:00}');
SELECT t.saturday();
UPDATE onefin.calendar SET time_zone = 'Pacific/Kiritimati' WHERE id = 1;
SELECT t.measure('2026-12-05 00:00', '2026-12-05 03:00');
UPDATE onefin.calendar SET time_zone = 'Mars/Olympus' WHERE id = 1;
SELECT t.attempt('SELECT t.saturday()');
UPDATE onefin.calendar SET time_zone = 'Asia/Tashkent' WHERE id = 1;
DELETE FROM onefin.calendar_hours WHERE calendar_id = 1 AND weekday = 6;
SELECT t.saturday(), onefin.calendar_for(2, 1::smallint);
RESET session_replication_role;
INSERT INTO onefin.calendar_use (calendar_id) VALUES (1);
SELECT onefin.calendar_for(2, 1::smallint);
DELETE FROM onefin.calendar_use;
SELECT onefin.calendar_for(2, 1::smallint) IS NULL;
-- Journaled, with who did it.
SELECT kind, count(*), count(*) FILTER (WHERE actor_id = 1) AS "by boss" FROM onefin.journal WHERE kind LIKE 'calendar%' GROUP BY kind ORDER BY kind COLLATE "C";
-- The trigger itself says what it is not for.
CREATE TABLE t.other (id bigint);
CREATE TRIGGER wrong AFTER INSERT ON t.other FOR EACH ROW EXECUTE FUNCTION onefin.calendar_changed();
SELECT t.attempt('INSERT INTO t.other VALUES (1)');

CALL t.leave();
