// Chat logs made up from a seed, in the form of onefin-import: what a desk does that no real log has all of.

import { Random } from './random.mjs';

const iso = (microseconds, offset) => {
    const [sign, minutes] = [offset < 0 ? '-' : '+', Math.abs(offset)];
    const text = new Date((microseconds / 1e3) + offset * 60e3).toISOString().slice(0, 19);
    const fraction = String(microseconds % 1e6).padStart(6, '0').replace(/0+$/, '');
    const zone = offset ? `${sign}${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}` : 'Z';
    return `${text}${fraction && `.${fraction}`}${zone}`;
};

// Seconds until the next line: the same moment, at once, soon, over the weekend, over months.
const gaps = { none: 20, burst: 30, soon: 30, hours: 14, days: 5, weeks: 1 };
const lengths = { none: 0, burst: 4, soon: 900, hours: 20000, days: 400000, weeks: 5000000 };

class Chat {
    /** `name` keeps clients and staff of several logs apart. */
    constructor(seed, name) {
        Object.assign(this, { chance: new Random(seed), name, lines: [] });
        this.staff = Array.from({ length: 5 }, (_, n) => `${name}-staff-${n}`);
    }

    say(client, from, role, at) {
        const { chance } = this;
        const text = chance.chance(0.1) ? 'ok' : `${from} says ${this.lines.length}`;
        this.lines.push({ at: iso(at, chance.chance(0.1) ? chance.of([300, -210, 60]) : 0), client, from, role, text, moment: at });
        if (chance.chance(0.01))
            this.lines.push({ ...this.lines.at(-1) }); // said twice is there twice
    }

    client(number) {
        const { chance, name, staff } = this;
        const client = `${name}-client-${number}`;
        const way = chance.weighted({ talk: 70, unanswered: 12, unasked: 8, staffFirst: 10 });
        const sharp = chance.chance(0.6); // whole seconds
        let at = Date.UTC(2019, chance.below(10), 1 + chance.below(28), chance.below(24), chance.below(60)) * 1000;
        for (let left = 2 + chance.below(30); left > 0; left--) {
            const gap = chance.next() * lengths[chance.weighted(gaps)] * 1e6;
            at += sharp ? Math.round(gap / 1e6) * 1e6 : Math.round(gap);
            if (chance.chance(0.03))
                at -= chance.below(7200) * 1e6; // a clock that was put back
            const role = { unanswered: 'client', unasked: 'staff' }[way]
                ?? (way === 'staffFirst' && this.lines.at(-1)?.client !== client || chance.chance(0.45) ? 'staff' : 'client');
            this.say(client, role === 'client' ? chance.of([client, client, `${client}-other`]) : chance.of(staff.slice(0, 1 + number % 5)), role, at);
        }
    }
}

/** The lines of a log of so many clients: all in order of time but where a client's own time goes back. */
export function makeChat(seed, name, clients) {
    const chat = new Chat(seed, name);
    for (let number = 0; number < clients; number++)
        chat.client(number);
    return woven(chat.lines).map(({ moment, ...line }) => JSON.stringify(line));
}

/** The clients' lines among each other by time; each client's stay in their order. */
function woven(lines) {
    const newest = new Map();
    const placed = lines.map((line, index) => {
        newest.set(line.client, Math.max(line.moment, newest.get(line.client) ?? line.moment));
        return { line, index, place: newest.get(line.client) };
    });
    return placed.sort((a, b) => a.place - b.place || a.index - b.index).map(({ line }) => line);
}

/** What the import refuses. */
export const badLines = name => [
    'no json', '[1]', '{"at": "2019-09-04T22:45:20Z"}',
    { at: 'yesterday' }, { role: 'boss' }, { text: ' ' }, { text: 'x'.repeat(16385) }, { text: 'a\0b' }, { text: '\ud800' }, { client: '' }, { client: ' ' }, { client: 'x'.repeat(201) }, { from: `${name}-staff-0` }, { at: '2119-09-04T22:45:20Z' },
].map(change => typeof change === 'string' ? change
    : JSON.stringify({ at: '2019-09-04T22:45:20Z', client: `${name}-client-0`, from: `${name}-client-0`, role: 'client', text: 'never said', ...change }));
