/** Each bug that is told of names the test or the scenario that shows it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root, textOf } from '../support/docs.ts';

const fixed = textOf('CHANGELOG.md').split('### Fixed')[1] ?? '';
const bugs = fixed.split(/\n(?=- )/).slice(1);

test('there are some', () => {
  expect(bugs.length).toBeGreaterThan(0);
});

test.each(bugs)('%s', (bug) => {
  const shown = [...bug.matchAll(/`(test\/[^`]+)`/g)].map(([, path = '']) => path);
  expect(shown).not.toEqual([]);
  for (const path of shown) expect(existsSync(join(root, path)), path).toBe(true);
});
