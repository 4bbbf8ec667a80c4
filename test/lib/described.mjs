// What describes an interface, taken at its word: OpenRPC and AsyncAPI documents are held against
// their official schemas, answers and notifications against the documents; and calls are made up
// from the JSON Schemas of parameters.

import asyncapi from '@asyncapi/specs';
import { jsonSchema } from '@json-schema-tools/meta-schema';
import { openrpcDocument } from '@open-rpc/meta-schema';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';

// These metaschemas refer to each other by an address with and without a slash at its end; and to a
// member named "$ref", which ajv takes for a reference.
const member = { $ref: 'https://meta.json-schema.tools/#/definitions/JSONSchemaObject/properties/$ref' };
const openrpc = JSON.parse(JSON.stringify(openrpcDocument).replaceAll(JSON.stringify(member), '{"type":"string"}'));
const address = 'https://meta.json-schema.tools';

function validator(schema, { add = [], ...options } = {}) {
    const ajv = new Ajv({ strict: false, validateSchema: false, ...options });
    addFormats(ajv);
    for (const other of add)
        ajv.addSchema(other);
    const check = ajv.compile(schema);
    return value => check(value) ? undefined : ajv.errorsText(check.errors);
}

/** Of each the errors of a document, as text; undefined when it is valid. */
export const openrpcErrors = validator(openrpc, { add: [{ ...jsonSchema, $id: address }] });
export const asyncapiErrors = validator(asyncapi.schemas['3.0.0'], { meta: false });

/** A function that tells the errors of a value, by a schema that refers into the document. */
export const within = (document, schema) => validator({ ...schema, components: document.components });

/** References of a document that lead nowhere in it. */
export function deadReferences(document) {
    const dead = [];
    const walk = node => {
        if (node === null || typeof node !== 'object')
            return;
        const path = typeof node.$ref === 'string' && node.$ref.split('/');
        if (path && (path[0] !== '#' || path.slice(1).reduce((at, name) => at?.[name], document) === undefined))
            dead.push(node.$ref);
        Object.values(node).forEach(walk);
    };
    walk(document);
    return dead;
}

const texts = ['', ' ', 'salom', 'Ҳисоб 🧾 «счёт»', 'it\'s "quoted" \\ %s $1', '\u0001\u007f\u202e', '{"a": [1]}', 'null', '-1'];

/** Makes values up; `random` is a Random. */
export class Inventor {
    constructor(random) {
        this.random = random;
    }

    /** A value that the schema takes; a text without a bound has at most `longest` characters. */
    valid(schema, longest = 5000) {
        const { random } = this;
        if (schema.enum)
            return random.of(schema.enum);
        switch (schema.type) {
        case 'integer': return this.#integer(schema);
        case 'number': return random.of([0, 1, -1, 0.5, 1e-9, 1e22, random.below(1e6) / 100]);
        case 'boolean': return random.chance(0.5);
        case 'array': return Array.from({ length: random.below(4) }, () => this.valid(schema.items, longest));
        case 'string': return this.#text({ maxLength: longest, ...schema });
        default: return random.of([null, 0, 7, -1, 1e22, 1.5, 'text', true, false, [], {}, { a: [1] }]);
        }
    }

    /** Values that it does not take, in kind: of other types, beyond its numbers, of another format. */
    invalid({ type, format }) {
        const others = { integer: 5, string: 'text', boolean: true, array: [7], object: { a: 1 } };
        delete others[type === 'number' ? 'integer' : type];
        const more = {
            integer: ['7', 1.5, 1e30],
            array: [['7'], [1.5], [null], [[]]],
            string: format ? ['not one', '2024-13-45T00:00:00Z', '00000000'] : [],
        };
        return type ? [...Object.values(others), ...more[type] ?? []] : [];
    }

    /** Small ones belong to somebody: whose they are is for the test to say. */
    #integer({ minimum = -(2 ** 53) + 1, maximum = 2 ** 53 - 1 }) {
        const far = [minimum, maximum, 0, -1, 1e9 + this.random.below(1e6), 2 ** 31 - 1, 2 ** 31, minimum + this.random.below(100)];
        return this.random.of(far.filter(n => n >= minimum && n <= maximum));
    }

    #text({ format, minLength = 0, maxLength }) {
        const { random } = this;
        if (format === 'uuid')
            return random.uuid();
        if (format === 'date')
            return `${2000 + random.below(40)}-0${1 + random.below(9)}-0${1 + random.below(2)}`;
        if (format === 'date-time')
            return new Date(random.below(2 ** 31) * 1000 * random.of([1, 100])).toISOString();
        const long = Array.from({ length: maxLength }, () => random.of('абвгdefghi ')).join('');
        return random.of([...texts, `name ${random.uuid()}`, long].filter(text => [...text].length >= minLength));
    }
}
