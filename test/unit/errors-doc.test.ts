/** docs/errors.md says what the table of errors says, of every code and of no other. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { errorKinds } from '../../src/domain/errors.ts';
import { codeIn, root, tableRows, textOf } from '../support/docs.ts';

const rows = tableRows(textOf('docs/errors.md'));

test('every error code is documented with its status and whether it is retryable, and no other', () => {
  const documented = rows.map(([code, status, retryable]) => [codeIn(code), Number(status), retryable]);
  const known = Object.entries(errorKinds).map(([code, { status, isRetryable }]) => [
    code,
    status,
    isRetryable ? 'yes' : 'no',
  ]);
  expect(documented).toEqual(known);
});

test('every error code says what it means and what to do', () => {
  for (const [code, , , meaning, advice] of rows) {
    expect.soft(meaning, code).toMatch(/\w.*\./);
    expect.soft(advice, code).toMatch(/\w.*\./);
  }
});

test('exactly the codes that no source raises are said to be not raised yet', () => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && path !== join('domain', 'errors.ts'))
    .map((path) => textOf(join('src', path)))
    .join('\n');
  const silent = Object.keys(errorKinds).filter((code) => !sources.includes(`'${code}'`));
  const said = rows
    .filter(([, , , meaning]) => meaning?.includes('Not raised yet'))
    .map(([code]) => codeIn(code));
  expect(said).toEqual(silent);
});
