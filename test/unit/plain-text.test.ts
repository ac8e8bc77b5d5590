/** What others wrote, as a terminal gets it. */
import { expect, it } from 'vitest';
import { plainLine, plainText } from '../../src/cli/plain-text.ts';

it.each([
  ['a title', '\u001b]0;pwned\u0007', '\\u001b]0;pwned\\u0007'],
  ['a cursor that moves up', '\u001b[2Ax', '\\u001b[2Ax'],
  ['the same in one byte', '\u009b2Ax', '\\u009b2Ax'],
  ['a line written over', 'ok\rno', 'ok\\u000dno'],
  ['text that is hidden', '\u001b[8mhidden', '\\u001b[8mhidden'],
  ['letters taken back', 'a\b\u007fb', 'a\\u0008\\u007fb'],
  ['a direction turned', 'exe.\u202efdp', 'exe.\\u202efdp'],
])('%s is shown as what it is', (_, text, shown) => {
  expect(plainText(text, true)).toBe(shown);
  expect(plainText(text, false)).toBe(shown);
});

it('letters of all languages, lines and our own colours stay', () => {
  const text = 'ünïcödé 💥 日本\n\tשלום';
  expect(plainText(text, false)).toBe(text);
  const colored = '\u001b[1m\u001b[31mred\u001b[39m\u001b[22m';
  expect(plainText(colored, true)).toBe(colored);
  expect(plainText(colored, false)).not.toContain('\u001b');
});

it('a cell has one line', () => {
  expect(plainLine('x\n\nfake row\u2028more', false)).toBe('x fake row more');
});
