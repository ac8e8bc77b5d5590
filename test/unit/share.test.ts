/** What users give for a share, and what is taken. */
import { expect, it } from 'vitest';
import { shareOf } from '../../src/domain/share.ts';

it.each([
  [0, 0],
  [0.3, 0.3],
  [1, 1],
  [-0.1, 0],
  [1.5, 1],
  [NaN, 0],
  [Infinity, 0],
])('%s is taken as %s', (value, share) => {
  expect(shareOf(value)).toBe(share);
});
