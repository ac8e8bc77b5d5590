/** The table of behaviours is whole: every id has a row, and the tests and lines that a row names are there. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { behaviourIds, behaviours, rowOf } from '../behaviours/all.ts';
import { root, tableRows, textOf } from '../support/docs.ts';

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

const known = new Map<string, readonly string[]>();

function namesIn(file: string): readonly string[] {
  let names = known.get(file);
  if (names === undefined) {
    // Whole fleets are played from tables of behaviours beside the file.
    const files = file === 'test/simulation/fleet.test.ts' ? played : [file];
    names = files.flatMap((each) => namesOf(readFileSync(join(root, each), 'utf8'), each));
    known.set(file, names);
  }
  return names;
}

const played = readdirSync(join(root, 'test/simulation/behaviours')).map(
  (file) => `test/simulation/behaviours/${file}`,
);

/** What is given to `test` or `it`, and the keys of tables whose values are called `play(…)`. */
function namesOf(source: string, name: string): string[] {
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /^(test|it)\b/.test(node.expression.getText(file))) {
      const [first] = node.arguments;
      if (first !== undefined && ts.isStringLiteralLike(first)) names.push(first.text);
    }
    if (ts.isPropertyAssignment(node) && ts.isStringLiteral(node.name)) {
      if (/^play\(/.test(node.initializer.getText(file))) names.push(node.name.text);
    }
    ts.forEachChild(node, visit);
  };
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true);
  visit(file);
  return names;
}
