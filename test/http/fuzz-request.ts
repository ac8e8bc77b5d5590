/**
 * Requests made from the document, seeded: good ones, broken ones, and ones about which it says nothing. A request
 * is plain data; which of the things that exist it names is settled when it is sent.
 */
import fc from 'fast-check';
import type { Operation, Parameter } from './fuzz-document.ts';
import type { JsonSchema } from '../../src/http/naming.ts';
import { valueOf, worse, wrong } from './fuzz-values.ts';

/** `known`: the n-th thing of its kind that exists by then, from the latest on. */
export type PathPart = { readonly known: number } | { readonly raw: string };

export interface FuzzRequest {
  readonly operation: Operation;
  readonly path: Readonly<Record<string, PathPart>>;
  /** As they stand in the URL, encoded. */
  readonly query: readonly (readonly [string, string])[];
  readonly headers: readonly (readonly [string, string])[];
  /** Null: no content type is sent. */
  readonly contentType: string | null;
  readonly body: Buffer | null;
}

/** Ids that NATS, a path or JavaScript would read as something else. */
const oddIds = [
  '*',
  '%2A',
  '%3E',
  '.',
  '%2e',
  '%2e%2e',
  'a.b',
  'a%2Fb',
  'a%20b',
  '%00',
  '%0d%0aX:1',
  '%F0%9F%92%A5',
  '%ff',
  '%',
  '%u0041',
  '',
  '__proto__',
  'constructor',
  'x'.repeat(63),
  'x'.repeat(64),
  'x'.repeat(101),
  'x'.repeat(3_000),
  '%F0%9F%92%A5'.repeat(63),
];

const pathPart: fc.Arbitrary<PathPart> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ known: fc.nat(4) }) },
  { weight: 4, arbitrary: fc.record({ known: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ raw: fc.stringMatching(/^[A-Za-z0-9_-]{1,63}$/) }) },
  { weight: 2, arbitrary: fc.record({ raw: fc.constantFrom(...oddIds) }) },
);

const oddText = fc.constantFrom(
  ...[
    '',
    'NaN',
    'Infinity',
    '1e3',
    '-1',
    '-0',
    '+1',
    '1.0',
    '0x10',
    ' 1',
    '１２',
    'true ',
    'TRUE',
    'null',
    '{}',
  ],
  ...['9007199254740993', '99999999999999999999', '\u0000', '💥', 'x'.repeat(256), '[object Object]'],
);
/** Already encoded, or not to be encoded at all. */
const oddPairs: readonly (readonly [string, string])[] = [
  ['unknown', '1'],
  ['__proto__', '1'],
  ['constructor', '1'],
  ['', ''],
  ['limit%00', '1'],
  ['%ff', '%ff'],
  ['status[]', 'pending'],
  ['skip', '%'],
];

function queryOf(parameters: readonly Parameter[]): fc.Arbitrary<(readonly [string, string])[]> {
  const pair = ({ name, schema }: Parameter): fc.Arbitrary<readonly [string, string]> =>
    fc
      .oneof({ weight: 8, arbitrary: valueOf(schema).map(String) }, { weight: 1, arbitrary: oddText })
      .map((text) => [encodeURIComponent(name), encodeURIComponent(text)]);
  const odd = fc.constantFrom(...oddPairs);
  const known = parameters.filter((each) => each.in === 'query').map(pair);
  if (known.length === 0) return fc.array(odd, { maxLength: 1, size: 'xsmall' });
  return fc.oneof(
    {
      weight: 8,
      arbitrary: fc.uniqueArray(fc.oneof(...known), { maxLength: 3, selector: ([name]) => name }),
    },
    { weight: 1, arbitrary: fc.array(fc.oneof(...known), { maxLength: 4 }) },
    { weight: 1, arbitrary: fc.tuple(fc.oneof(...known), odd).map((pairs) => [...pairs]) },
  );
}

const headerValues: Readonly<Record<string, fc.Arbitrary<string>>> = {
  'Idempotency-Key': fc.oneof(
    { weight: 4, arbitrary: fc.uuid() },
    fc.constantFrom('same', 'x'.repeat(255), 'x'.repeat(256), '', 'a\tb', 'ü\u0080', 'a b', '💥'),
  ),
  'Min-Sequence': fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom('0', '1', '2', '-1', 'NaN', '1e3', '', '1.5', '0x1', '1, 2') },
    fc.constantFrom('9007199254740991', '9007199254740993', '99999999999999999999', '9'.repeat(1_000)),
  ),
  'X-Request-Id': fc.constantFrom(
    'mine',
    'x'.repeat(64),
    'x'.repeat(65),
    '',
    'a b',
    '../x',
    'é',
    '{{7*7}}',
    '*',
  ),
};

const headers = fc.oneof(
  { weight: 3, arbitrary: fc.constant<(readonly [string, string])[]>([]) },
  fc.uniqueArray(
    fc
      .constantFrom(...Object.keys(headerValues))
      .chain((name) =>
        (headerValues[name] ?? fc.constant('')).map((value): readonly [string, string] => [
          name,
          latin(value),
        ]),
      ),
    { maxLength: 2, selector: ([name]) => name },
  ),
);

/** Headers are bytes. */
function latin(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1');
}

/** Text in place of JSON, or JSON that means trouble. */
const oddBodies: readonly (string | Buffer)[] = [
  '',
  '{',
  '{"task_type":"x"',
  '{"task_type":"x"}}',
  "{'task_type':'x'}",
  '\uFEFF{"task_type":"x"}',
  'NaN',
  '{"task_type":"x","payload":1e400}',
  '{"task_type":"x","priority":1e400}',
  '{"proposal_type":"x","data":-1e400}',
  '{"task_type":"x","priority":NaN}',
  '{"task_type":"x","task_type":5}',
  '{"task_type":"x","payload":{"__proto__":{"isAdmin":true}}}',
  '{"task_type":"x","__proto__":{"priority":1}}',
  '{"proposal_type":"x","data":{"constructor":{"prototype":{"a":1}}}}',
  '{"task_type":"x","target":"\\ud800"}',
  '{"task_type":"x","payload":{"\\udc00":1}}',
  '{"proposal_type":"x","description":"\\ud83d"}',
  '{"decision":"approve","voter":"grace","reason":"\\udfff"}',
  `{"task_type":"x","payload":${'['.repeat(33)}${']'.repeat(33)}}`,
  `{"task_type":"x","payload":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
  '['.repeat(100_000),
  `{"tasks":[${Array.from({ length: 1_001 }, () => '{"task_type":"x"}').join(',')}]}`,
  `{"task_type":"x","payload":"${'x'.repeat(300_000)}"}`,
  `{"proposal_type":"x","data":"${'x'.repeat(300_000)}"}`,
  `{"decision":"approve","voter":"grace","reason":"${'x'.repeat(1_100_000)}"}`,
  Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
  Buffer.from('{"task_type":"\xff"}', 'latin1'),
  Buffer.from([0x81, 0xa9, 0x74, 0x61, 0x73, 0x6b, 0x5f, 0x74, 0x79, 0x70, 0x65, 0xa1, 0x78]),
  Buffer.from('{"task_type":"x"}', 'utf16le'),
];

const oddTypes = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/xml',
  'application/msgpack',
  'application/merge-patch+json',
  'application/jsonx',
  'application/json, text/plain',
  '*/*',
  'x',
];
const goodTypes = ['application/json', 'application/json; charset=utf-8', 'Application/JSON'];
export const isGoodType = (type: string | null): boolean => type !== null && goodTypes.includes(type);

interface Sent {
  readonly contentType: string | null;
  readonly body: Buffer | null;
}

function bodyOf({ body }: Operation): fc.Arbitrary<Sent> {
  const nothing = { contentType: null, body: null };
  const odd = fc.constantFrom(...oddBodies).map((each) => Buffer.from(each as string));
  const anyType = fc.constantFrom<string | null>('application/json', ...oddTypes, null);
  const oddly = fc.record({ contentType: anyType, body: odd });
  if (body === null) return fc.oneof({ weight: 12, arbitrary: fc.constant(nothing) }, oddly);
  const good = fc.oneof(valueOf(body), valueOf(whole(body)), valueOf(prompt(body)));
  const json = (value: fc.Arbitrary<unknown>): fc.Arbitrary<Buffer> =>
    value.map((each) => Buffer.from(JSON.stringify(each)));
  const typed = (bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<Sent> =>
    fc.record({ contentType: fc.constantFrom(...goodTypes), body: bytes });
  return fc.oneof(
    { weight: 24, arbitrary: typed(json(good)) },
    { weight: 12, arbitrary: typed(json(worse(good))) },
    { weight: 2, arbitrary: typed(json(wrong)) },
    { weight: 2, arbitrary: typed(odd) },
    { weight: 1, arbitrary: fc.record({ contentType: anyType, body: json(good) }) },
    { weight: 1, arbitrary: fc.constant(nothing) },
  );
}

/** With every field. */
function whole(schema: JsonSchema): JsonSchema {
  if (schema.anyOf !== undefined) return { ...schema, anyOf: schema.anyOf.map(whole) };
  return { ...schema, required: Object.keys(schema.properties ?? {}) };
}

/** Without what makes a task wait: most of the others never run. */
function prompt(schema: JsonSchema): JsonSchema {
  if (schema.anyOf !== undefined) return { ...schema, anyOf: schema.anyOf.map(prompt) };
  const { delay_ms, approval, ...properties } = schema.properties ?? {};
  return { ...schema, properties };
}

export function requestOf(operation: Operation): fc.Arbitrary<FuzzRequest> {
  const parts = operation.parameters.filter((each) => each.in === 'path').map(({ name }) => name);
  return fc
    .record({
      path: fc.record(Object.fromEntries(parts.map((name) => [name, pathPart]))),
      query: queryOf(operation.parameters),
      headers,
      sent: bodyOf(operation),
    })
    .map(({ sent, ...rest }) => ({ operation, ...rest, ...sent }));
}
