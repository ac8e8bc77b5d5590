/** Names, and ids that sort by time and then by order of creation. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isName, timeOrderedId } from '../../src/domain/ids.ts';

const kind = 'task';
const moment = fc.record({
  at: fc.integer({ min: 0, max: 2 ** 49 }),
  ordinal: fc.integer({ min: 0, max: 32 ** 9 - 1 }),
});

describe('a name', () => {
  it.each(['a', 'agent_001', 'A-b_9', '-', 'x'.repeat(63)])('may be %s', (text) => {
    expect(isName(text)).toBe(true);
  });

  it.each(['', 'x'.repeat(64), 'a b', 'a.b', 'a*', '>', 'ä', 'a\n', '\na', 'a/b', 'a\u0000'])(
    'may not be %j',
    (text) => {
      expect(isName(text)).toBe(false);
    },
  );
});

describe('an id', () => {
  it('is 26 characters of Crockford base 32, and a name', () => {
    fc.assert(
      fc.property(moment, fc.string(), ({ at, ordinal }, genesis) => {
        const id = timeOrderedId({ kind, at, ordinal, genesis });
        expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
        expect(isName(id)).toBe(true);
      }),
    );
  });

  it('sorts by time, then by ordinal', () => {
    fc.assert(
      fc.property(moment, moment, (a, b) => {
        const before = a.at === b.at ? a.ordinal - b.ordinal : a.at - b.at;
        const [one, other] = [a, b].map((of) => timeOrderedId({ kind, ...of, genesis: 'g' })) as [
          string,
          string,
        ];
        expect(Math.sign(before)).toBe(one < other ? -1 : one > other ? 1 : 0);
      }),
    );
  });

  it('sorts by ordinal within a millisecond', () => {
    const ids = [0, 1, 31, 32, 33, 1_023, 1_024, 2 ** 40].map((ordinal) =>
      timeOrderedId({ kind, at: 1_750_000_000_000, genesis: 'g', ordinal }),
    );
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('of a proposal is none of a task, when both are the first and made at one moment', () => {
    const of = { at: 1_000, genesis: 'g', ordinal: 0 };
    expect(timeOrderedId({ kind: 'proposal', ...of })).not.toBe(timeOrderedId({ kind: 'task', ...of }));
  });

  it('takes the millisecond that a fraction of one belongs to', () => {
    const of = { kind, genesis: 'g', ordinal: 1 } as const;
    expect(timeOrderedId({ ...of, at: 5.9 })).toBe(timeOrderedId({ ...of, at: 5 }));
  });

  it('is another one in another ledger, also when fleets take turns', () => {
    const ids = Array.from({ length: 200 }, (_, i) =>
      timeOrderedId({ kind, at: 1_000, ordinal: 7, genesis: `genesis-${i}` }),
    );
    expect(new Set(ids).size).toBe(200);
    expect(timeOrderedId({ kind, at: 1_000, ordinal: 7, genesis: 'genesis-0' })).toBe(ids[0]);
  });
});
