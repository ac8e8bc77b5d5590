/** Bytes to values and back, and what is refused on the way in: DESIGN §4, Content. */
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { ConclaveError } from '../../../src/domain/errors.ts';
import { contentTypes, decode, DEPTH_MAX, encode, formatOf, type Format } from '../../../src/wire/codec.ts';

const formats: readonly Format[] = ['json', 'msgpack'];
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

const plain = fc.jsonValue({ maxDepth: 5 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const message = fc.oneof(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), plain), fc.array(plain));

const problemOf = (data: Uint8Array, headers = {}): string => {
  try {
    decode(data, headers);
    return 'accepted';
  } catch (error) {
    expect(error).toBeInstanceOf(ConclaveError);
    expect((error as ConclaveError).code).toBe('INVALID');
    return (error as ConclaveError).message;
  }
};

describe.each(formats)('%s', (format) => {
  const headers = { 'Content-Type': contentTypes[format] };

  it('comes back as it went, with its content type and without', () => {
    fc.assert(
      fc.property(message, (value) => {
        fc.pre(!/"(__proto__|__proto_|constructor|prototype)":/.test(JSON.stringify(value)));
        const data = encode(value, format);
        expect(decode(data, headers)).toEqual(value);
        expect(decode(data)).toEqual(value);
        expect(formatOf(data, {})).toBe(format);
      }),
    );
  });

  it('keeps whole numbers up to 2^53 exactly', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (n) => {
        expect(decode(encode({ n }, format))).toEqual({ n });
      }),
    );
  });

  it('gives bytes that no later message overwrites', () => {
    const first = encode({ a: 1 }, format);
    const copy = Uint8Array.from(first);
    for (let i = 0; i < 100; i++) encode({ b: 'x'.repeat(500) }, format);
    expect([...first]).toEqual([...copy]);
  });

  it('may nest as deep as the limit, and no deeper', () => {
    const nested = (depth: number): unknown => (depth === 1 ? [] : [nested(depth - 1)]);
    expect(problemOf(encode(nested(DEPTH_MAX), format))).toBe('accepted');
    expect(problemOf(encode(nested(DEPTH_MAX + 1), format))).toContain('nests');
    expect(() => decode(encode(nested(DEPTH_MAX + 1), format), {}, DEPTH_MAX + 1)).not.toThrow();
  });

  it.each(['constructor', 'prototype', '__proto__'])('may not hold the key %s, however deep', (key) => {
    const value = JSON.parse(`{"a":[{"${key}":{"isAdmin":true}}]}`) as unknown;
    const data =
      format === 'json' ? bytes(JSON.stringify(value)) : new Packr({ useRecords: false }).pack(value);
    expect(problemOf(data)).toMatch(/^the key .* is not allowed$/);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });
});

describe('which format it is', () => {
  it.each([
    ['application/json', 'json'],
    ['application/json; charset=utf-8', 'json'],
    ['application/msgpack', 'msgpack'],
  ])('is what Content-Type %s says, whatever the bytes look like', (type, format) => {
    expect(formatOf(bytes('{}'), { 'Content-Type': type })).toBe(format);
    expect(formatOf(hex('80'), { 'content-type': type })).toBe(format);
  });

  it('without one, is told by the first byte', () => {
    for (let first = 0; first < 256; first++) {
      expect(formatOf(Uint8Array.of(first), {})).toBe(first < 0x80 ? 'json' : 'msgpack');
    }
  });

  it('a content type that lies is an error, not a guess', () => {
    expect(problemOf(bytes('{"a":1}'), { 'Content-Type': contentTypes.msgpack })).toContain(
      'not MessagePack',
    );
    expect(problemOf(hex('81 a1 61 01'), { 'Content-Type': contentTypes.json })).toContain('not JSON');
  });
});

it('is what any decoder of MessagePack reads: every object is a map, and names its keys', () => {
  const value = { id: 'x', tasks: [{ type: 'a' }, { type: 'b' }] };
  const hex = Buffer.from(encode(value, 'msgpack')).toString('hex');
  const [two, one] = ['(82|de0002)', '(81|de0001)'];
  const [id, tasks, type] = ['a26964', 'a57461736b73', 'a474797065'];
  expect(hex).toMatch(new RegExp(`^${two}${id}a178${tasks}92${one}${type}a161${one}${type}a162$`));
});

it.each([
  ['d3', 2 ** 40],
  ['cf', 2 ** 40],
])('an integer of 64 bits, which other encoders write (%s), is a number', (type, expected) => {
  expect(decode(hex(`81 a1 61 ${type} 00 00 01 00 00 00 00 00`))).toEqual({ a: expected });
});

it('an empty message is an empty object', () => {
  expect(decode(new Uint8Array())).toEqual({});
});

describe('what a person types is understood', () => {
  it.each([
    ['{"type":"scan"}', { type: 'scan' }],
    [' {"a":1}\n', { a: 1 }],
    ['[1,2]', [1, 2]],
    ['"text"', 'text'],
    ['null', null],
  ])('%j', (text, value) => {
    expect(decode(bytes(text))).toEqual(value);
  });
});

describe('garbage is INVALID:', () => {
  it.each([
    ['text that is not JSON', bytes('{type: scan}')],
    ['half of a message', bytes('{"a":')],
    ['bytes that are not UTF-8', hex('7b 22 ff 22 3a 31 7d')],
    ['half of a surrogate pair', bytes('{"a":"\\ud800"}')],
    ['half of a MessagePack map', hex('82 a1 61 01')],
    ['MessagePack with something behind it', hex('81 a1 61 01 01')],
    ['a list of four thousand million', hex('dd ff ff ff ff')],
    ['a map of four thousand million', hex('df ff ff ff ff')],
    ['a text of four thousand million bytes', hex('db ff ff ff ff')],
    ['two hundred thousand lists in each other', Uint8Array.from([...Array<number>(200_000).fill(0x91), 1])],
    ['two hundred thousand lists in each other, as JSON', bytes('['.repeat(200_000) + ']'.repeat(200_000))],
    ['a byte that MessagePack never uses', hex('91 c1')],
  ])('%s', (_, data) => {
    expect(problemOf(data)).not.toBe('accepted');
  });

  const extended = new Packr({ useRecords: false, moreTypes: true });
  it.each([
    ['a set', new Set([1])],
    ['a regular expression', /(a+)+$/],
    ['an error', new Error('x')],
    ['a number that JSON cannot write', 10n ** 30n],
    ['a typed array', new Float64Array([1])],
  ])('%s, which only MessagePack extensions can say', (_, value) => {
    expect(problemOf(extended.pack({ payload: [value] }))).toContain('the message holds');
  });

  it('whatever the bytes are, the answer is a value or INVALID', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom(undefined, ...formats),
        (data, format) => {
          problemOf(data, format === undefined ? {} : { 'Content-Type': contentTypes[format] });
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('also when a good message was changed in one place', () => {
    fc.assert(
      fc.property(
        message,
        fc.nat(),
        fc.nat(255),
        fc.constantFrom(...formats),
        (value, place, byte, format) => {
          const data = Uint8Array.from(encode(value, format));
          data[place % data.length] = byte;
          problemOf(data);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('and it leaves nothing behind: the next message is read as ever', () => {
    // A record definition: the next 0x40 would be read as that record.
    problemOf(hex('92 d4 72 40 91 a1 61 05'));
    expect(decode(hex('92 40 07'))).toEqual([0x40, 7]);
  });
});

it('bytes and times may be sent', () => {
  const value = { data: Uint8Array.of(1, 2), at: new Date(5) };
  const back = decode(encode(value, 'msgpack')) as typeof value;
  expect([...back.data]).toEqual([1, 2]);
  expect(back.at).toEqual(value.at);
});
