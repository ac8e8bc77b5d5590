/** Sets of small numbers, beside a slow obvious twin. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bitmap, countOf, select, type Selection } from '../../src/domain/bitmap.ts';

/** Around the edges of words and chunks, and far away. */
const number = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 1_000, max: 1_100 }),
  fc.integer({ min: 2_040, max: 2_060 }),
  fc.constantFrom(31, 32, 1_023, 1_024, 2_047, 2_048, 1_000_000, 2 ** 32 + 7),
);
const step = fc.record({ number, isSet: fc.boolean() });
const run = fc.record({ from: fc.constantFrom(0, 1_024, 5_000), length: fc.integer({ min: 0, max: 1_100 }) });
const contents = fc.record({ run, steps: fc.array(step, { maxLength: 60 }) });
type Contents = typeof contents extends fc.Arbitrary<infer T> ? T : never;

/** The same changes to both: a run makes full chunks. */
function made({ run: { from, length }, steps }: Contents): { bitmap: Bitmap; twin: Set<number> } {
  const bitmap = new Bitmap();
  const twin = new Set<number>();
  for (let i = from; i < from + length; i += 1) {
    bitmap.set(i);
    twin.add(i);
  }
  for (const { number: each, isSet } of steps) {
    if (isSet) bitmap.set(each);
    else bitmap.clear(each);
    if (isSet) twin.add(each);
    else twin.delete(each);
  }
  return { bitmap, twin };
}

function common(twins: readonly Set<number>[]): number[] {
  const [first = new Set<number>(), ...others] = twins;
  return [...first].filter((each) => others.every((other) => other.has(each))).sort((a, b) => a - b);
}

function slowSelect(twins: readonly Set<number>[], { skip, take, order, after }: Selection): number[] {
  const all = order === 'ascending' ? common(twins) : common(twins).reverse();
  const isBehind = (each: number): boolean =>
    after === undefined || (order === 'ascending' ? each > after : each < after);
  return all.filter(isBehind).slice(skip, skip + take);
}

describe('a bitmap', () => {
  it('holds what was set and not cleared since, and knows how many', () => {
    fc.assert(
      fc.property(contents, fc.array(number), (given, asked) => {
        const { bitmap, twin } = made(given);
        expect(bitmap.count).toBe(twin.size);
        expect(bitmap.first()).toBe(common([twin])[0] ?? null);
        for (const each of [...asked, ...twin]) expect(bitmap.has(each)).toBe(twin.has(each));
      }),
    );
  });

  it('selects and counts what is in all sets, from either end, behind a number or between two', () => {
    const after = fc.option(
      number.map((each) => each - 0.5),
      { nil: undefined },
    );
    const selection = fc.record({
      skip: fc.integer({ min: 0, max: 2_200 }),
      take: fc.integer({ min: 1, max: 50 }),
      order: fc.constantFrom('ascending' as const, 'descending' as const),
      after: fc.oneof(after, number),
    });
    fc.assert(
      fc.property(
        fc.array(contents, { minLength: 1, maxLength: 3 }),
        selection,
        (given, { after: behind, ...rest }) => {
          const sets = given.map(made);
          const asked = behind === undefined ? rest : { ...rest, after: behind };
          const bitmaps = sets.map(({ bitmap }) => bitmap);
          const twins = sets.map(({ twin }) => twin);
          expect(select(bitmaps, asked)).toEqual(slowSelect(twins, asked));
          expect(countOf(bitmaps)).toBe(common(twins).length);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('that was emptied can be filled again', () => {
    const bitmap = new Bitmap();
    for (const each of [5, 5_000]) bitmap.set(each);
    for (const each of [5, 5_000]) bitmap.clear(each);
    expect(select([bitmap], { skip: 0, take: 9, order: 'ascending' })).toEqual([]);
    for (const each of [7_000, 3]) bitmap.set(each);
    expect(select([bitmap], { skip: 0, take: 9, order: 'descending' })).toEqual([7_000, 3]);
  });
});
