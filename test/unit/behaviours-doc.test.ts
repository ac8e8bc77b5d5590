/** The table of behaviours is whole: every id has a row, and the tests and lines that a row names are there. */
import { expect, test } from 'vitest';
import { behaviourIds, behaviours, rowOf } from '../behaviours/all.ts';
import { tableRows, textOf } from '../support/docs.ts';
import { namesIn, namesOf } from '../support/test-names.ts';

test('every behaviour has a row, and every row is of a behaviour', () => {
  expect([...new Set(behaviours.map(({ id }) => id))]).toEqual(behaviourIds);
});

test.each(behaviours)('$id $says: its tests and its line are there', ({ file, line, tests }) => {
  expect(tests.length).toBeGreaterThan(0);
  for (const each of tests) expect(namesIn(each.file), each.file).toContain(each.name);
  expect(textOf(file).split(line).length - 1, `${line} in ${file}`).toBe(1);
});

test('a name that only stands in a comment is no test', () => {
  expect(namesOf("// test('gone', () => {});\ntest('there', () => {});", 'x.ts')).toEqual(['there']);
});

test('the document says what the table says', () => {
  expect(tableRows(textOf('docs/behaviours.md'))).toEqual(behaviours.map(rowOf));
});
