/** Ledger entries as bytes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../../src/domain/events.ts';
import { encode } from '../../../src/wire/codec.ts';
import { decodeEntry, encodeEntry, hashOf } from '../../../src/wire/entry.ts';
import { Harness } from '../harness.ts';

/** An entry with many kinds of events. */
function sample(): Entry {
  const fleet = new Harness();
  fleet.join('a', { capabilities: ['x'], labels: { zone: 'ä€😀' }, slots: 3 });
  fleet.propose({ data: { threshold: 0.95 } });
  fleet.completed(fleet.running('a', { payload: { list: [1, -1, 1e21, null, ''] }, idempotencyKey: 'k' }));
  fleet.failed(fleet.running('a'));
  const [, ...rest] = fleet.entries;
  return { ...fleet.entries[0]!, previous: 'ab'.repeat(32), events: rest.flatMap((entry) => entry.events) };
}

it('come back as they went', () => {
  expect(decodeEntry(encodeEntry(sample()))).toEqual(sample());
});

it('give the same bytes each time, so that a slot can be compared with what was sent', () => {
  expect(encodeEntry(sample())).toEqual(encodeEntry(sample()));
  expect(hashOf(encodeEntry(sample()))).toBe(hashOf(encodeEntry(sample())));
});

it('have a hash that any change of a byte changes', () => {
  const data = encodeEntry(sample());
  expect(hashOf(data)).toMatch(/^[0-9a-f]{64}$/);
  for (let i = 0; i < data.length; i += 7) {
    const changed = Uint8Array.from(data);
    changed[i] = (changed[i] ?? 0) ^ 1;
    expect(hashOf(changed)).not.toBe(hashOf(data));
  }
});

describe('are not entries, and say so without throwing:', () => {
  const good = sample();
  it.each<[string, unknown]>([
    ['nothing', null],
    ['a number', 5],
    ['a list', [good]],
    ['another version', { ...good, v: 2 }],
    ['no genesis', { ...good, genesis: undefined }],
    ['half a term', { ...good, term: 1.5 }],
    ['no leader', { ...good, leader: 5 }],
    ['no incarnation', { ...good, incarnation: null }],
    ['no time', { ...good, at: '5' }],
    ['no previous hash', { ...good, previous: 0 }],
    ['no list of events', { ...good, events: {} }],
  ])('%s', (_, value) => {
    expect(decodeEntry(encode(value, 'msgpack'))).toBeNull();
  });

  it('no bytes at all', () => {
    expect(decodeEntry(new Uint8Array())).toBeNull();
  });

  it('any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
        expect(decodeEntry(data)).toBeNull();
      }),
      { numRuns: 1_000 },
    );
  });

  it('an entry that was changed or cut: an entry, or none', () => {
    const data = encodeEntry(good);
    fc.assert(
      fc.property(fc.nat(data.length - 1), fc.nat(255), fc.nat(data.length - 1), (place, byte, cut) => {
        const changed = Uint8Array.from(data);
        changed[place] = byte;
        const entry = decodeEntry(changed);
        if (entry !== null) expect(entry).toMatchObject({ v: 1, events: expect.any(Array) });
        expect(decodeEntry(data.slice(0, cut))).toBeNull();
      }),
      { numRuns: 2_000 },
    );
  });
});
