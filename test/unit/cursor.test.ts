/** Where a page begins, as text. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ConclaveError } from '../../src/domain/errors.ts';
import { NAME_PATTERN } from '../../src/domain/ids.ts';
import { cursorText, readCursor, type Cursor } from '../../src/runtime/cursor.ts';

const cursors: fc.Arbitrary<Cursor> = fc.record({
  order: fc.constantFrom('oldest', 'newest'),
  after: fc.stringMatching(new RegExp(NAME_PATTERN)),
  skip: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 999_999_999 })),
});

it('is read as it was written, with the order of its list or without', () => {
  fc.assert(
    fc.property(cursors, (cursor) => {
      const text = cursorText(cursor);
      expect(readCursor(text, undefined)).toEqual(cursor);
      expect(readCursor(text, cursor.order)).toEqual(cursor);
      expect(encodeURIComponent(text)).toBe(text);
    }),
  );
});

it.each(['', 'o', 'x12', 'o1.2', 'o0~1', 'n~1', 'o12 ', 'on1~2~3'])('%j is none', (text) => {
  expect(() => readCursor(text, undefined)).toThrow(ConclaveError);
});

it('of the other order is refused, naming the field', () => {
  const text = cursorText({ order: 'oldest', after: '1', skip: 0 });
  expect(() => readCursor(text, 'newest')).toThrow(
    expect.objectContaining({
      code: 'INVALID',
      fields: [{ field: 'cursor', message: 'is one of a list in order oldest' }],
    }) as Error,
  );
});
