/** docs/limits.md says what the settings and the constants are. */
import { expect, test } from 'vitest';
import { settingNotes } from '../../src/domain/setting-notes.ts';
import { defaultSettings } from '../../src/domain/settings.ts';
import { codeIn, tableRows, textOf } from '../support/docs.ts';

const rows = tableRows(textOf('docs/limits.md'));

test('every setting is documented with its default and a reason, and no other', () => {
  const documented = rows.filter((row) => row.length === 4 && codeIn(row[0]) !== null);
  const defaults = Object.fromEntries(documented.map(([name, value]) => [codeIn(name), Number(value)]));
  expect(defaults).toEqual(defaultSettings);
  for (const [name, , unit, reason] of documented) {
    const noted = Object.entries(settingNotes).find(([each]) => each === codeIn(name))?.[1];
    expect.soft({ unit, reason }, name).toEqual(noted);
    expect.soft(reason, name).toMatch(/\w.*\./);
  }
});

test('every constant that is documented has that value in that file', () => {
  const documented = rows.filter((row) => row.length === 5);
  expect(documented.length).toBeGreaterThan(10);
  for (const [name, value, , where] of documented) {
    const constant = codeIn(name) ?? '';
    const found = new RegExp(`^(?:export )?const ${constant} = ([0-9_ *]+);`, 'm').exec(
      textOf(codeIn(where) ?? ''),
    );
    expect.soft(valueOf(found?.[1] ?? ''), `${constant} in ${where ?? ''}`).toBe(Number(value));
  }
});

/** Of a number, a product or a power. */
function valueOf(text: string): number {
  return text
    .replaceAll('_', '')
    .split(/\*(?!\*)(?<!\*\*)/)
    .map((factor) => factor.split('**').map(Number))
    .reduce((product, [base = NaN, exponent = 1]) => product * base ** exponent, 1);
}
