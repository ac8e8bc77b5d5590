/** The table of faults is whole: every number is there, and every test that it names. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { faults, rowsOf } from '../chaos/table.ts';
import { root, tableRows, textOf } from '../support/docs.ts';
import { namesIn } from '../support/test-names.ts';

const scenarios = 'test/chaos/scenarios';

test('there is a row for each of the faults, in order', () => {
  expect(faults.map(({ number }) => number)).toEqual(Array.from({ length: 21 }, (_, i) => i + 1));
});

test.each(faults)('$number $fault: its tests are there', ({ parts }) => {
  const held = parts.flatMap((part) => ('tests' in part ? [part.tests] : []));
  expect(held.length).toBeGreaterThan(0);
  for (const tests of held) {
    expect(tests.length).toBeGreaterThan(0);
    for (const { file, name } of tests) expect(namesIn(file), file).toContain(name);
  }
});

test('every scenario is in the table', () => {
  const named = faults.flatMap(({ parts }) => parts.flatMap((part) => ('tests' in part ? part.tests : [])));
  const files = readdirSync(join(root, scenarios)).filter((file) => file.endsWith('.test.ts'));
  expect(files.length).toBeGreaterThan(0);
  for (const file of files.map((each) => `${scenarios}/${each}`)) {
    const told = named.filter((each) => each.file === file).map(({ name }) => name);
    expect(
      namesIn(file).filter((name) => !told.includes(name)),
      file,
    ).toEqual([]);
  }
});

test('the document says what the table says', () => {
  const rows = tableRows(textOf('docs/fault-table.md'));
  expect(rows.map((row) => row.slice(0, -1))).toEqual(faults.flatMap(rowsOf));
});

test('all that can be tried was tried, and held', () => {
  const expected = faults.flatMap(({ parts }) =>
    parts.map((part) => ('tests' in part ? 'held' : 'not here')),
  );
  expect(tableRows(textOf('docs/fault-table.md')).map((row) => row.at(-1))).toEqual(expected);
});
