/**
 * Values from schemas: those that a schema allows, its bounds and traps among them, and those that nobody should
 * send. Whether a value fits is not decided here: a judge asks the document.
 */
import fc from 'fast-check';
import type { JsonSchema } from '../../src/http/naming.ts';

type Value = fc.Arbitrary<unknown>;

/** Words that are legal names, and mean something to JavaScript or to NATS. */
const trapNames = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'http',
  '_INBOX',
  '-',
  '0',
  '1e5',
];
/** What the fleet under test has: with random names alone, nothing would ever fit. */
export const commonNames = ['scan', 'grace', 'failing', 'w'] as const;
/** Kept low: what is long is sent on purpose, by `overlong`. */
const ITEMS_MAX = 4;
const NUMBER_MAX = Number.MAX_SAFE_INTEGER;

/** What the schema allows, mostly. */
export function valueOf(schema: JsonSchema): Value {
  const words = schema['enum'];
  if (Array.isArray(words)) return fc.constantFrom<unknown>(...(words as unknown[]));
  if ('const' in schema) return fc.constant(schema['const']);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(valueOf));
  switch (schema.type) {
    case 'string':
      return textOf(schema);
    case 'integer':
    case 'number':
      return numberOf(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return listOf(schema);
    case 'object':
      return recordOf(schema);
    default:
      return anything;
  }
}

function listOf(schema: JsonSchema): Value {
  const items = schema.items ?? {};
  const some = fc.array(valueOf(items), {
    minLength: countOf(schema, 'minItems', 0),
    maxLength: Math.min(ITEMS_MAX, countOf(schema, 'maxItems', ITEMS_MAX)),
  });
  return 'pattern' in items ? fc.oneof(some, fc.constant([...commonNames])) : some;
}

function countOf(schema: JsonSchema, keyword: string, otherwise: number): number {
  const given = schema[keyword];
  return typeof given === 'number' ? given : otherwise;
}

function textOf(schema: JsonSchema): Value {
  const { pattern } = schema;
  if (typeof pattern === 'string') {
    const shape = new RegExp(pattern, 'u');
    const traps = trapNames.filter((each) => shape.test(each));
    const made = fc.stringMatching(shape);
    const names = fc.constantFrom(...commonNames.filter((each) => shape.test(each)), ...traps.slice(0, 1));
    if (traps.length === 0) return made;
    return fc.oneof(
      { weight: 8, arbitrary: names },
      { weight: 3, arbitrary: made },
      fc.constantFrom(...traps),
    );
  }
  const [least, most] = [countOf(schema, 'minLength', 0), countOf(schema, 'maxLength', 64)];
  return fc.oneof(
    // `binary`: whole code points, by which JSON Schema counts.
    { weight: 8, arbitrary: fc.string({ unit: 'binary', minLength: least, maxLength: Math.min(most, 200) }) },
    { weight: 2, arbitrary: fc.string({ unit: 'grapheme-ascii', minLength: least, maxLength: most }) },
    fc.constantFrom('x'.repeat(most), '💥'.repeat(most), 'e\u0301'.repeat(most), '<script>alert(1)</script>'),
  );
}

function numberOf(schema: JsonSchema): Value {
  const least = countOf(schema, 'minimum', countOf(schema, 'exclusiveMinimum', -NUMBER_MAX));
  const most = countOf(schema, 'maximum', NUMBER_MAX);
  if (schema.type === 'integer') return fc.integer({ min: least, max: most });
  const inside = { min: least, max: most, noNaN: true };
  return fc.double({ ...inside, minExcluded: 'exclusiveMinimum' in schema });
}

function recordOf(schema: JsonSchema): Value {
  const fields = Object.entries(schema.properties ?? {}).map(([name, each]) => [name, valueOf(each)]);
  const required = (schema.required ?? []) as string[];
  return fc
    .record(Object.fromEntries(fields) as Record<string, Value>, {
      requiredKeys: required,
      noNullPrototype: true,
    })
    .map((value) => value as unknown);
}

/** Any JSON, of the kind that agents send each other. */
const anything: Value = fc.oneof(
  { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }) },
  fc.constantFrom<unknown>(
    { threshold: 0.95, new_threshold: 1, newThreshold: 2 },
    '</script><img src=x onerror=alert(1)>',
    [-0, 1e-320, 5e-324, Number.MAX_VALUE, 2 ** 53 + 2, -1e21],
    nested(20),
    { '': '', ' ': ' ', 'a.b': 1, $ref: '#/', toString: 1, __defineGetter__: 2, then: 3, toJSON: 4 },
  ),
);

function nested(depth: number): unknown {
  return depth === 0 ? 'deep' : depth % 2 === 0 ? [nested(depth - 1)] : { in: nested(depth - 1) };
}

/** What a field seldom expects. */
export const wrong: Value = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    ' ',
    'NaN',
    '-1',
    0,
    -1,
    1.5,
    11,
    1e308,
    -1e-7,
    2 ** 53,
    [],
    {},
    [[]],
    { toString: 1 },
    '\u0000',
    'a.b',
    'a b',
    '*',
    '>',
    '../..',
    'x\r\ny: z',
    'ａ',
    nested(28),
  ),
  fc
    .tuple(fc.constantFrom('x', '💥', 'e\u0301', '\u0000'), fc.constantFrom(64, 256, 1_025, 4_097))
    .map(([unit, times]) => unit.repeat(times)),
  fc.constantFrom(...[257, 1_001].map((length) => Array.from({ length }, (_, i) => `name${i}`))),
  fc.jsonValue({ maxDepth: 2, stringUnit: 'binary' }),
);

/** Fields that only an answer has, or nobody. */
const strange = [
  'status',
  'attempt',
  'task_id',
  'term',
  'id',
  'key',
  'type',
  'as_of',
  'proposer_',
  '',
  'toString',
];

/** One thing changed for the worse; sometimes it is as good as before. */
export function worse(good: Value): Value {
  const change = fc.record({ kind: fc.nat(5), at: fc.nat(20), by: wrong, name: fc.constantFrom(...strange) });
  return fc.tuple(good, change).map(([value, how]) => changed(value, how));
}

interface Change {
  readonly kind: number;
  readonly at: number;
  readonly by: unknown;
  readonly name: string;
}

function changed(value: unknown, { kind, at, by, name }: Change): unknown {
  if (typeof value !== 'object' || value === null || kind === 0) return by;
  if (Array.isArray(value)) return [...(value as unknown[]), by];
  const names = Object.keys(value);
  const chosen = names[at % Math.max(1, names.length)] ?? name;
  const entries = Object.entries(value);
  if (kind === 1) return Object.fromEntries(entries.filter(([each]) => each !== chosen));
  if (kind === 2) return { ...value, [name]: by };
  const inner = (value as Record<string, unknown>)[chosen];
  const next = kind === 3 && Array.isArray(inner) ? changed(inner, { kind, at, by, name }) : by;
  return { ...value, [chosen]: next };
}
