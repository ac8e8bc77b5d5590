/** Names of tests, read from their sources: for the tables that name tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from './docs.ts';

const known = new Map<string, readonly string[]>();

/** Of the tests that a test file runs, also where it takes them from tables or suites beside it. */
export function namesIn(file: string): readonly string[] {
  let names = known.get(file);
  if (names === undefined) {
    const files = [file, ...besides(file)];
    names = files.flatMap((each) => namesOf(readFileSync(join(root, each), 'utf8'), each));
    known.set(file, names);
  }
  return names;
}

/** Whole fleets are played from tables of behaviours; both adapters of a port pass the same suites. */
function besides(file: string): string[] {
  if (file === 'test/simulation/fleet.test.ts') return inFolder('test/simulation/behaviours', '.ts');
  if (file === 'test/conformance/nats.test.ts') return inFolder('test/conformance', '.suite.ts');
  return [];
}

function inFolder(folder: string, end: string): string[] {
  return readdirSync(join(root, folder))
    .filter((file) => file.endsWith(end))
    .map((file) => `${folder}/${file}`);
}

/** What is given to `test` or `it`, and the keys of tables whose values are called `play(…)`. */
export function namesOf(source: string, name: string): string[] {
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
