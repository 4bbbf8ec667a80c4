// Values compared as JSON.

/** The same value with the keys of its objects in order. */
export const ordered = value => Array.isArray(value) ? value.map(ordered) : value && typeof value === 'object'
    ? Object.fromEntries(Object.keys(value).sort().map(key => [key, ordered(value[key])])) : value;

export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** Where two values first differ: {at, model, system}; the whole of them where they are of another kind. */
export function firstDifference(model, system, at = '') {
    const both = [model, system].every(value => value && typeof value === 'object') && Array.isArray(model) === Array.isArray(system);
    const key = both && [...new Set([...Object.keys(model), ...Object.keys(system)])].find(one => !same(model[one], system[one]));
    return both && key !== undefined ? firstDifference(model[key], system[key], `${at}.${key}`) : { at: at || 'all of it', model, system };
}
