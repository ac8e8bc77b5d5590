/** Whatever a handler throws becomes an error that can be recorded. */
import { expect, test } from 'vitest';
import { taskErrorOf } from '../../src/runtime/task-error.ts';

const withMessage = (message: unknown): Error => Object.assign(new Error(), { message });
const hostile = new Proxy(
  {},
  {
    getPrototypeOf: () => {
      throw new Error('not to be looked at');
    },
  },
);

test.each([
  ['an error', new Error('no'), { message: 'no' }],
  ['an error with a code', Object.assign(new Error('no'), { code: 'E' }), { message: 'no', code: 'E' }],
  ['a text', 'no', { message: 'no' }],
  ['nothing', undefined, { message: 'undefined' }],
  ['an error without a message', withMessage(undefined), { message: 'Error' }],
  ['an error whose message is an object', withMessage({ why: 1 }), { message: 'Error: [object Object]' }],
  ['half of a character', `${'x'.repeat(8_191)}😀`, { message: `${'x'.repeat(8_191)}\ufffd` }],
])('%s', (_, thrown, error) => {
  expect(taskErrorOf(thrown)).toEqual(error);
});

test.each([
  ['an object without a prototype', Object.create(null) as unknown],
  ['an error whose message is such an object', withMessage(Object.create(null))],
  ['what does not want to be looked at', hostile],
])('%s cannot be shown as text', (_, thrown) => {
  expect(taskErrorOf(thrown)).toEqual({ message: 'the handler threw what cannot be shown as text' });
});
