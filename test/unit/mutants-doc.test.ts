/** The table of mutants is whole: each fits its file and names tests that are there, and every rule is broken or excused. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mutants, numbered, rowOf, ruleRowOf, sentenceRows } from '../mutants/all.ts';
import { excused, excusedSentences, reliability, sentences } from '../mutants/rules.ts';
import { root, tableRows, textOf } from '../support/docs.ts';
import { namesIn } from '../support/test-names.ts';

test.each(mutants)('$rule: $breaks', ({ file, find, replace, tests }) => {
  expect(textOf(file).split(find).length - 1, `${find} in ${file}`).toBe(1);
  expect(replace).not.toBe(find);
  for (const each of tests.files) expect(existsSync(join(root, each)), each).toBe(true);
  const there = tests.files.flatMap(namesIn);
  for (const name of tests.names) expect(there).toContain(name);
});

test('no two are the same', () => {
  const said = mutants.map(({ rule, breaks }) => `${rule} ${breaks}`);
  expect(new Set(said).size).toBe(said.length);
});

test('every numbered rule of the ledger is broken by one', () => {
  const broken = new Set(mutants.map(({ rule }) => rule));
  expect(numbered.filter((rule) => !broken.has(rule))).toEqual([]);
});

test('every rule of reliability is broken by one, or it is said why none can', () => {
  const broken = new Set(mutants.flatMap(({ breaksAlso = [] }) => breaksAlso));
  const numbers = reliability.map((_, i) => i + 1);
  expect(numbers).toHaveLength(20);
  expect(numbers.filter((number) => broken.has(number) === (excused[number] !== undefined))).toEqual([]);
});

test('every rule of sections 3, 4 and 6 without a number is broken by one, or it is said why none can, and no other is', () => {
  const broken = new Set(mutants.map(({ rule }) => rule).filter((rule) => /^[346],/.test(rule)));
  const named = Object.keys(sentences);
  expect(named.filter((name) => broken.has(name) === (excusedSentences[name] !== undefined))).toEqual([]);
  expect([...broken, ...Object.keys(excusedSentences)].filter((name) => !named.includes(name))).toEqual([]);
});

test('the document says what the table says, and that somebody noticed', () => {
  const rows = tableRows(textOf('docs/mutants.md'));
  expect(rows.slice(0, mutants.length).map((row) => row.slice(0, 3))).toEqual(mutants.map(rowOf));
  const rules = [...reliability.map((text, i) => ruleRowOf(text, i + 1)), ...sentenceRows()];
  expect(rows.slice(mutants.length)).toEqual(rules);
  for (const row of rows.slice(0, mutants.length)) expect(row[3]).toMatch(/\S/);
});
