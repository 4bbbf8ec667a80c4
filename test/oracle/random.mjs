// Chance that can be repeated: everything random of a run comes from one seed.

export class Random {
    #state;

    constructor(seed) {
        this.#state = seed >>> 0;
    }

    /** From 0 to below 1 (mulberry32). */
    next() {
        this.#state = (this.#state + 0x6d2b79f5) >>> 0;
        let x = this.#state;
        x = Math.imul(x ^ (x >>> 15), x | 1);
        x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
        return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
    }

    /** A whole number from 0 to below n. */
    below(n) {
        return Math.floor(this.next() * n);
    }

    chance(probability) {
        return this.next() < probability;
    }

    /** One of some; undefined of none. */
    of(some) {
        const list = Array.isArray(some) ? some : [...some];
        return list[this.below(list.length)];
    }

    /** At most n of some, in a new order. */
    sample(some, n) {
        const list = [...some];
        for (let i = 0; i < Math.min(n, list.length); i++) {
            const j = i + this.below(list.length - i);
            [list[i], list[j]] = [list[j], list[i]];
        }
        return list.slice(0, n);
    }

    /** A key of {key: weight, ...}. */
    weighted(weights) {
        let left = this.next() * Object.values(weights).reduce((a, b) => a + b);
        for (const [key, weight] of Object.entries(weights)) {
            left -= weight;
            if (left < 0)
                return key;
        }
        return Object.keys(weights).at(-1);
    }

    uuid() {
        const hex = n => Array.from({ length: n }, () => this.below(16).toString(16)).join('');
        return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
    }
}
