// Business time is what a slow, plain model says: day by day, and minute by minute where Intl's clock of the zone
// changes, the hours of the local date.
//
// Calendars, zones and instants are random, many near a change of the clock, at a holiday or at the edge of
// hours. CALENDAR_ROUNDS=1000 looks longer, ORACLE_SEED=... repeats a run that failed.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from '../lib/cluster.mjs';
import { Random } from './random.mjs';

const seed = Number(process.env.ORACLE_SEED ?? Date.now() % 1000000);
const rounds = Number(process.env.CALENDAR_ROUNDS ?? 40);
const chance = new Random(seed);

// Microseconds, since 1970 where they are instants.
const minute = 60e6, hour = 60 * minute, day = 24 * hour;
const last = Date.UTC(2200, 0, 1) * 1000;

const zones = ['Asia/Tashkent', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/St_Johns',
    'Pacific/Apia', 'Pacific/Chatham', 'America/Sao_Paulo', 'Africa/Cairo', 'Asia/Tehran', 'UTC'];

let cluster;
before(async () => { cluster = await Cluster.start('max_prepared_transactions=2'); });
after(() => cluster.remove());

// The model.

const formats = new Map();

/** How far the zone's clock is ahead of UTC. */
function ahead(zone, at) {
    if (!formats.has(zone))
        formats.set(zone, new Intl.DateTimeFormat('en', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric',
            day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }));
    const second = Math.floor(at / 1e6);
    const part = Object.fromEntries(formats.get(zone).formatToParts(second * 1000).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) * 1000 - second * 1e6;
}

/** Calls see(from, until, ahead) for each stretch of the same clock: a day, an hour, or what is left of a minute. */
function eachStretch(zone, from, until, see) {
    for (let at = from, end; at < until; at = end) {
        const offset = ahead(zone, at);
        end = [day, hour].map(length => Math.min(at + length, until)).find(place => ahead(zone, place - 1) === offset)
            ?? Math.min((Math.floor(at / minute) + 1) * minute, until);
        see(at, end, offset);
    }
}

const dateOf = midnight => new Date(midnight / 1000).toISOString().slice(0, 10);

/** The hours of a local date, [[from, until]], in microseconds of its clock. */
function hoursOf(calendar, midnight) {
    const exception = calendar.exceptions.get(dateOf(midnight));
    return exception?.active ? exception.hours : calendar.week[new Date(midnight / 1000).getUTCDay()];
}

function forward(calendar, from, until) {
    let sum = 0;
    eachStretch(calendar.zone, from, until, (begin, end, offset) => {
        for (let midnight = Math.floor((begin + offset) / day) * day; midnight < end + offset; midnight += day)
            for (const [opens, closes] of hoursOf(calendar, midnight))
                sum += Math.max(0, Math.min(end + offset, midnight + closes) - Math.max(begin + offset, midnight + opens));
    });
    return sum;
}

const measured = (calendar, from, until) => from <= until ? forward(calendar, from, until) : 0 - forward(calendar, until, from);

// Chance.

/** Hours of a day: up to four intervals, some touching, some from or to midnight; mostly of whole minutes. */
function randomHours(most) {
    const grain = chance.of([30 * minute, minute, minute, 1]);
    const edges = new Set(Array.from({ length: 2 * chance.below(most + 1) }, () => grain * chance.below(day / grain + 1)));
    if (chance.chance(0.2))
        edges.add(0).add(day);
    const sorted = [...edges].sort((a, b) => a - b);
    const hours = [];
    for (let i = 0; i + 1 < sorted.length; i += chance.chance(0.2) ? 1 : 2)
        hours.push([sorted[i], sorted[i + 1]]);
    return hours;
}

function randomCalendar(number) {
    const zone = number < zones.length ? zones[number] : chance.of(zones);
    const usual = chance.of([[[9 * hour, 13 * hour], [14 * hour, 18 * hour]], [[0, day]], randomHours(4)]);
    const week = Array.from({ length: 7 }, () => chance.chance(0.7) ? usual : randomHours(3));
    const year = 1973 + chance.below(225);
    const exceptions = new Map();
    for (let n = chance.below(60); n > 0; n--)
        exceptions.set(dateOf(Date.UTC(year, 0, 1 + chance.below(400)) * 1000),
            { hours: chance.chance(0.6) ? [] : randomHours(3), active: chance.chance(0.8) });
    return { zone, week, exceptions, year };
}

const clock = at => `${String(Math.floor(at / hour)).padStart(2, '0')}:${String(Math.floor(at % hour / minute)).padStart(2, '0')}:${(at % minute / 1e6).toFixed(6)}`;
const times = hours => hours.length ? hours.flat().map(clock) : null;

async function make(calendar) {
    const week = calendar.week.map((hours, weekday) => ({ weekday: weekday || 7, hours: times(hours) })).filter(({ hours }) => hours);
    const exceptions = [...calendar.exceptions].map(([date, { hours, active }]) => ({ date, hours: times(hours), active }));
    calendar.id = await cluster.value(`WITH made AS (INSERT INTO onefin.calendar (name, time_zone) VALUES (gen_random_uuid(), $1) RETURNING id),
        week AS (INSERT INTO onefin.calendar_hours SELECT id, weekday, hours FROM made, jsonb_to_recordset($2) d (weekday smallint, hours time[])),
        days AS (INSERT INTO onefin.calendar_exception SELECT id, date, 'x', hours, active
            FROM made, jsonb_to_recordset($3) e (date date, hours time[], active boolean))
        SELECT id FROM made`, [calendar.zone, JSON.stringify(week), JSON.stringify(exceptions)]);
    return calendar;
}

/** An instant of the calendar's year or so: at a change of the clock, a holiday, the edge of hours; or any. */
function randomInstant(calendar) {
    const start = Date.UTC(calendar.year, 0, 1) * 1000;
    let at = Math.min(start + chance.below(400) * day, last - day);
    if (chance.chance(0.4) && calendar.exceptions.size)
        at = Date.parse(`${chance.of([...calendar.exceptions.keys()])}T00:00:00Z`) * 1000;
    else if (chance.chance(0.4))
        eachStretch(calendar.zone, at, Math.min(at + 200 * day, last), (begin, end, offset) => {
            if (offset !== ahead(calendar.zone, at))
                at = begin;
        });
    at -= ahead(calendar.zone, at);
    const [opens, closes] = chance.of(hoursOf(calendar, Math.floor(at / day) * day)) ?? [0, day];
    at += chance.of([0, opens, closes, chance.below(day), chance.below(2 * hour) - hour]) + chance.of([0, 0, 1, -1]);
    return Math.min(Math.max(at, 0), last);
}

// The extension's answers. A microsecond times a whole number below 2^53 is exact.

const instant = sql => `('epoch'::timestamptz + interval '1 microsecond' * (${sql})::float8)`;
const since = sql => `(extract(epoch FROM ${sql}) * 1000000)::bigint`;
const duration = (from, until, calendar = 'c.calendar') => since(`onefin.business_duration(${instant(from)}, ${instant(until)}, ${calendar})`);

const ask = `SELECT ${duration('c.a', 'c.b')} AS ab, ${duration('c.b', 'c.a')} AS ba, ${duration('c.a', 'c.m')} AS am, ${duration('c.m', 'c.b')} AS mb,
        added.at AS added, ${duration('c.a', 'added.at')} AS passed,
        ${duration('c.a', 'added.at + CASE WHEN c.wanted > 0 THEN -1 ELSE 1 END')} AS before
    FROM jsonb_to_recordset($1) c (place bigint, calendar bigint, a bigint, b bigint, m bigint, wanted bigint),
        LATERAL (SELECT CASE WHEN c.wanted IS NOT NULL THEN
            ${since(`onefin.business_add(${instant('c.a')}, interval '1 microsecond' * c.wanted::float8, c.calendar)`)} END) added (at)
    ORDER BY c.place`;

const what = (calendar, question) => `ORACLE_SEED=${seed} ${JSON.stringify({ ...calendar, exceptions: [...calendar.exceptions] })} ${JSON.stringify(question)}`;

/** Measures from a to b, and over m between or beside them; and adds what passed, or a part of it. */
async function prove(calendar, pairs) {
    const questions = pairs.map(([a, b], place) => {
        const ab = measured(calendar, a, b);
        const wanted = chance.of([ab, Math.trunc(ab / 2), Math.sign(ab)]);
        return { place, calendar: calendar.id, a, b, m: randomInstant(calendar), ab, wanted: wanted || null };
    });
    const answers = await cluster.query(ask, [JSON.stringify(questions)]);
    for (const [i, question] of questions.entries()) {
        const answer = answers[i];
        const { a, b, ab, wanted } = question;
        assert.equal(answer.ab, ab, what(calendar, { question, answer }));
        assert.equal(answer.ba, 0 - ab, what(calendar, { question, answer }));
        assert.equal(answer.am + answer.mb, ab, what(calendar, { question, answer }));
        if (wanted === null)
            continue;
        assert.equal(answer.passed, wanted, what(calendar, { question, answer }));
        assert.equal(answer.before, wanted - Math.sign(wanted), what(calendar, { question, answer }));
        assert.ok(wanted > 0 ? a < answer.added && answer.added <= b : b <= answer.added && answer.added < a, what(calendar, { question, answer }));
    }
    return questions;
}

test('random calendars: durations are the model\'s, splitting adds up, adding and measuring are inverse', async () => {
    let found = 0;
    for (let round = 0; round < rounds; round++) {
        const calendar = await make(randomCalendar(round));
        const far = () => Math.min(last, randomInstant(calendar) + chance.below(2000) * day);
        const pairs = Array.from({ length: 60 }, () => {
            const a = randomInstant(calendar);
            return [a, chance.of([randomInstant(calendar), Math.min(last, a + chance.below(3 * day)), Math.max(0, a - chance.below(3 * day)), a])];
        });
        found += (await prove(calendar, [...pairs, [randomInstant(calendar), far()], [far(), far()]])).filter(({ ab }) => ab !== 0).length;
    }
    assert.ok(found > rounds * 20, `only ${found} durations`);
});

test('clocks that change: every change of a year, minute by minute around it', async () => {
    for (const zone of ['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'America/St_Johns', 'America/Sao_Paulo', 'Pacific/Apia'])
        for (const year of [1987, 2011, 2018, 2026, 2199]) {
            const changes = [];
            let offset = ahead(zone, Date.UTC(year, 0, 1) * 1000);
            eachStretch(zone, Date.UTC(year, 0, 1) * 1000, Date.UTC(year, 11, 31) * 1000, (begin, end, now) => {
                if (now !== offset)
                    changes.push(begin);
                offset = now;
            });
            const usual = chance.of([[[0, 90 * minute], [150 * minute, 23 * hour + 30 * minute]], [[0, day]], [[hour, 3 * hour]], [[22 * hour, day]]]);
            const calendar = await make({ zone, year, week: Array(7).fill(usual), exceptions: new Map() });
            const near = at => Math.min(at + (chance.below(8 * 60) - 4 * 60) * minute, last);
            await prove(calendar, changes.flatMap(at => Array.from({ length: 20 }, () => [near(at), near(at)])));
        }
});

test('holidays at both ends, and calendars of the whole 230 years', async () => {
    const calendar = randomCalendar(1);
    calendar.week = [[], ...Array(5).fill([[9 * hour, 13 * hour], [14 * hour, 18 * hour]]), []];
    calendar.exceptions = new Map(['2026-03-09', '2026-03-20', '2026-03-23'].map(date => [date, { hours: [], active: true }]));
    calendar.exceptions.set('2026-03-14', { hours: [[10 * hour, 15 * hour]], active: true });
    await make(calendar);
    const dates = Array.from({ length: 20 }, (none, i) => Date.UTC(2026, 2, 6 + i, 5) * 1000);
    await prove(calendar, dates.flatMap(a => dates.map(b => [a, b + 13 * hour])));
    await prove(calendar, [[0, last], [last, 0], [0, 0], [last, last]]);
});

test('by the wall clock a duration is a difference', async () => {
    const questions = Array.from({ length: 500 }, (none, place) => ({ place, a: chance.below(2 ** 53), b: chance.below(2 ** 53) }));
    const answers = await cluster.query(`SELECT ${duration('c.a', 'c.b', 'NULL')} AS ab,
        onefin.business_add(${instant('c.a')}, onefin.business_duration(${instant('c.a')}, ${instant('c.b')}, NULL), NULL) = ${instant('c.b')} AS inverse
        FROM jsonb_to_recordset($1) c (place bigint, a bigint, b bigint) ORDER BY place`, [JSON.stringify(questions)]);
    assert.deepEqual(answers, questions.map(({ a, b }) => ({ ab: b - a, inverse: true })));
});

// What backends remember.

const monday = `onefin.business_duration('2026-11-30 00:00+00', '2026-12-01 00:00+00', $1)::text AS passed`;

test('a change is seen by other backends at their next statement, once it is committed', async () => {
    const [writer, reader] = [await cluster.connect(), await cluster.connect()];
    const id = await cluster.value('INSERT INTO onefin.calendar (name, time_zone) VALUES (\'seen\', \'UTC\') RETURNING id');
    const seen = async () => (await reader.query(`SELECT ${monday}, onefin.calendar_for(1, 1::smallint) AS used`, [id])).rows[0];
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    assert.deepEqual(await seen(), { passed: '00:00:00', used: null });
    await writer.query('BEGIN');
    await writer.query(`INSERT INTO onefin.calendar_hours VALUES (${id}, 1, '{09:00,18:00}')`);
    await writer.query(`INSERT INTO onefin.calendar_use (calendar_id) VALUES (${id})`);
    assert.deepEqual(await seen(), { passed: '00:00:00', used: null });
    await writer.query('COMMIT');
    assert.deepEqual(await seen(), { passed: '09:00:00', used: id });
    await writer.query('BEGIN');
    await writer.query(`INSERT INTO onefin.calendar_exception VALUES (${id}, '2026-11-30', 'x')`);
    await writer.query('DELETE FROM onefin.calendar_use');
    await writer.query('PREPARE TRANSACTION \'calendar\'');
    assert.deepEqual(await seen(), { passed: '09:00:00', used: id });
    await writer.query('COMMIT PREPARED \'calendar\'');
    assert.deepEqual(await seen(), { passed: '00:00:00', used: null });
    await writer.query(`UPDATE onefin.calendar_exception SET active = false WHERE calendar_id = ${id}`);
    assert.deepEqual(await seen(), { passed: '09:00:00', used: null });
    await Promise.all([writer.end(), reader.end()]);
});
