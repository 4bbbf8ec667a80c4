// How long clients waited for an answer, computed from a chat log alone: no code of onefin is used here.
//
//   node test/oracle/sla.mjs LOG.jsonl [CALENDAR.json]
//
// LOG has one JSON object a line (at, client, from, role, text), in the order of the conversation, as
// onefin-import reads it. It prints one JSON object a line: each wait, then the figures of each person.
// Without a calendar all time counts. A calendar:
//
//   {"zone": "Asia/Tashkent",
//    "weekly": {"1": [["09:00", "13:00"], ["14:00", "18:00"]], ...},      Monday is 1, Sunday 7
//    "exceptions": {"2019-09-02": [], "2019-09-07": [["10:00", "15:00"]]},  instead of the weekly hours
//    "targets": {"first": 900, "next": 1800}}                               seconds, if there are any
//
// A moment is business time when the zone's clock, on its date, stands within the hours.
//
// The definitions (DESIGN, section 9). A client's line that finds nobody waiting begins a wait. Further lines
// of the client change nothing. The first line of staff ends it, and its author is credited. The wait is the
// `first` when staff had said nothing to that client before, else a `next` one. A log closes nothing, so
// what is not answered is open at its end, and counts nowhere.
//
// The order is that of the file, of equal times too, and where times go back; but an answer that was said
// before the question is none. What onefin-import refuses is no line of the log: `refusal` says what that is.

import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const minute = 60e6; // all times and durations are microseconds; those since 1970 are exact in a double
const day = 24 * 60 * minute;

/** Microseconds since 1970 of an ISO time with a zone; undefined when it is none. */
export function instantOf(text) {
    const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d*)?(Z|[+-]\d\d:\d\d)$/.exec(text);
    const seconds = parts && Date.parse(`${parts[1]}${parts[3]}`);
    return parts && !Number.isNaN(seconds) ? seconds * 1000 + Math.round(Number(`0${parts[2] ?? ''}`) * 1e6) : undefined;
}

const isName = text => text.trim() !== '' && [...text].length <= 200;

/** Why a line is not taken, or undefined. `writers` says as whose person each author writes. */
function refusal(line, writers) {
    if (line === undefined || ['at', 'client', 'from', 'role', 'text'].some(name => typeof line?.[name] !== 'string'))
        return 'it is no object of five strings';
    if (!['client', 'staff'].includes(line.role) || !isName(line.client) || !isName(line.from) || instantOf(line.at) === undefined)
        return 'its role, client, author or time is none';
    if (/[\0\ud800-\udfff]/u.test(Object.values(line).join()))
        return 'it is no text';
    const side = line.role === 'staff' ? '' : line.client;
    if (!writers.has(line.from))
        writers.set(line.from, side);
    if (writers.get(line.from) !== side)
        return 'its author writes elsewhere';
    if (/^[ \t\r\n]*$/.test(line.text) || [...line.text].length > 16384)
        return 'its text is none, or too long';
    return instantOf(line.at) > Date.now() * 1000 ? 'it was not said yet' : undefined;
}

function parse(text) {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

/** {lines, refused: [line numbers]} of the text of a log. */
export function readLog(text) {
    const writers = new Map();
    const lines = [];
    const refused = [];
    text.split('\n').forEach((one, index) => {
        if (!one.trim())
            return;
        const line = parse(one);
        if (refusal(line, writers))
            refused.push(index + 1);
        else
            lines.push({ ...line, number: index + 1, at: instantOf(line.at) });
    });
    return { lines, refused };
}

/** A zone's own clock. */
export class Zone {
    constructor(name) {
        this.format = new Intl.DateTimeFormat('en-GB', { timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric',
            day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
    }

    /** What it shows at an instant, as if it were the clock of UTC. */
    shown(instant) {
        const part = Object.fromEntries(this.format.formatToParts(Math.floor(instant / 1000)).map(({ type, value }) => [type, Number(value)]));
        return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) * 1000
            + ((instant % 1e6) + 1e6) % 1e6;
    }

    ahead(instant) {
        return this.shown(instant) - instant;
    }

    /** Between two instants with different offsets: the first that has the later one's. */
    turn(before, after) {
        let [low, high] = [before, after];
        while (high - low > 1e6) {
            const middle = Math.floor((low + high) / 2e6) * 1e6;
            [low, high] = this.ahead(middle) === this.ahead(after) ? [low, middle] : [middle, high];
        }
        return high;
    }

    /** The stretches of time in which it shows from..until: two where it is put back between, none where it skips all of it. */
    stretches(from, until) {
        const [before, after] = [from - 2 * day, until + 2 * day];
        const [early, late] = [before, after].map(near => this.ahead(near));
        if (early === late)
            return [[from - early, until - early]];
        const turn = this.turn(before, after);
        return [[from - early, Math.min(until - early, turn)], [Math.max(from - late, turn), until - late]];
    }

    /** "2019-09-04" */
    date(instant) {
        return new Date(this.shown(instant) / 1000).toISOString().slice(0, 10);
    }
}

const minutesOf = clock => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));

/** Business time, interval by interval of every day between. */
export class Calendar {
    constructor({ zone, weekly, exceptions = {} }) {
        Object.assign(this, { zone: new Zone(zone), weekly, exceptions, days: new Map() });
    }

    /** [from, until] of each stretch of business time of a local day, which is named by its midnight as if in UTC. */
    day(midnight) {
        if (!this.days.has(midnight)) {
            const date = new Date(midnight / 1000);
            const hours = this.exceptions[date.toISOString().slice(0, 10)] ?? this.weekly[date.getUTCDay() || 7] ?? [];
            this.days.set(midnight, hours.flatMap(bounds => this.zone.stretches(...bounds.map(clock => midnight + minutesOf(clock) * minute))));
        }
        return this.days.get(midnight);
    }

    duration(from, until) {
        let sum = 0;
        for (let midnight = Math.floor(this.zone.shown(from) / day) * day; midnight <= this.zone.shown(until); midnight += day)
            for (const [opens, closes] of this.day(midnight))
                sum += Math.max(0, Math.min(closes, until) - Math.max(opens, from));
        return sum;
    }
}

/** Every wait, in the order in which they began: {number, client, kind, start, end, responder, answer, wall, business}. */
export function waitsOf(lines, calendar) {
    const chats = new Map();
    const waits = [];
    for (const { client, from, role, at, number } of lines) {
        const chat = chats.get(client) ?? { spoken: false, wait: null };
        const { wait } = chat;
        chats.set(client, chat);
        if (role === 'client' && !wait) {
            chat.wait = { number, client, kind: chat.spoken ? 'next' : 'first', start: at, end: null, responder: null, answer: null, wall: null, business: null };
            waits.push(chat.wait);
        }
        if (role === 'staff' && wait && at >= wait.start) {
            Object.assign(wait, { end: at, responder: from, answer: number, wall: at - wait.start,
                business: calendar ? calendar.duration(wait.start, at) : at - wait.start });
            chat.wait = null;
        }
        chat.spoken ||= role === 'staff';
    }
    return waits;
}

/** Between the two in the middle of a sorted list, in proportion. */
function percentile(sorted, share) {
    const place = (sorted.length - 1) * share;
    const below = Math.floor(place);
    const above = Math.ceil(place);
    return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** Count, mean, median and p90 in seconds, share within the target; NULL where there is nothing to say. */
export function figuresOf(waits, targets = {}) {
    const durations = waits.map(wait => wait.business).sort((a, b) => a - b);
    const promised = waits.filter(wait => targets[wait.kind] !== undefined);
    const seconds = value => durations.length ? value() / 1e6 : null;
    return {
        count: durations.length,
        mean: seconds(() => durations.reduce((a, b) => a + b, 0) / durations.length),
        median: seconds(() => percentile(durations, 0.5)),
        p90: seconds(() => percentile(durations, 0.9)),
        within: promised.length ? promised.filter(wait => wait.business <= targets[wait.kind] * 1e6).length / promised.length : null,
    };
}

/** {key: {first, next, response}} of the waits that were answered; keyOf(wait) says whose figures one is of. */
export function figuresBy(waits, keyOf, targets) {
    const groups = new Map();
    for (const wait of waits.filter(one => one.responder)) {
        const key = keyOf(wait);
        groups.set(key, [...groups.get(key) ?? [], wait]);
    }
    return Object.fromEntries([...groups].sort(([a], [b]) => a < b ? -1 : 1).map(([key, some]) => [key, {
        first: figuresOf(some.filter(wait => wait.kind === 'first'), targets),
        next: figuresOf(some.filter(wait => wait.kind === 'next'), targets),
        response: figuresOf(some, targets),
    }]));
}

function main(log, calendarFile) {
    const plan = calendarFile ? JSON.parse(readFileSync(calendarFile, 'utf8')) : undefined;
    const { lines, refused } = readLog(readFileSync(log, 'utf8'));
    const waits = waitsOf(lines, plan && new Calendar(plan));
    const shown = instant => instant === null ? null : new Date(instant / 1000).toISOString();
    const seconds = value => value === null ? null : value / 1e6;
    for (const { client, kind, start, end, responder, wall, business } of waits)
        console.log(JSON.stringify({ client, kind, start: shown(start), end: shown(end), responder, wall: seconds(wall), business: seconds(business) }));
    for (const [person, figures] of Object.entries(figuresBy(waits, wait => wait.responder, plan?.targets)))
        console.log(JSON.stringify({ person, ...figures }));
    if (refused.length)
        console.error(`not taken: line ${refused.join(', ')}`);
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
    if (process.argv.length < 3) {
        console.error('Usage: node test/oracle/sla.mjs LOG.jsonl [CALENDAR.json]');
        process.exit(2);
    }
    main(process.argv[2], process.argv[3]);
}
