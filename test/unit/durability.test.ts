/** What an acknowledgement is worth, by what is known of the broker. */
import { expect, test } from 'vitest';
import { durabilityOf, type Broker } from '../../src/domain/durability.ts';
import { isSound } from '../../src/nats/broker.ts';
import { tooOld } from '../../src/nats/server-version.ts';

const best: Broker = {
  version: '2.15.1',
  isSound: true,
  replicas: 1,
  storage: 'file',
  fsync: { policy: 'always', source: 'started' },
  faults: [],
};
const asserted = { policy: 'always', source: 'asserted' } as const;
const lazy = { policy: 'lazy', source: 'asserted' } as const;

test.each<[string, Partial<Broker>, string, string]>([
  ['all that can be wished for', {}, 'durable', 'on the disk of one server'],
  ['three copies', { replicas: 3 }, 'durable', 'on the disk of a majority of 3 servers'],
  ['an assertion', { fsync: asserted }, 'durable', 'on the disk of one server, as is asserted'],
  ['no word of fsync', { fsync: null }, 'unknown', 'stored by one server; on disk then, or later'],
  ['no version', { version: null, isSound: null }, 'unknown', 'on the disk of one server'],
  [
    'a lazy server',
    { fsync: lazy },
    'at_risk',
    'stored, and not yet on the disk, of one server, as is asserted',
  ],
  ['an old server', { version: '2.12.1', isSound: false }, 'at_risk', 'on the disk of one server'],
  [
    'an old server, and no word',
    { isSound: false, fsync: null },
    'at_risk',
    'stored by one server; on disk then, or later',
  ],
  ['another stream', { faults: ['max_age is 1'] }, 'at_risk', 'on the disk of one server'],
  ['storage in memory', { storage: 'memory', faults: ['storage'] }, 'at_risk', 'in the memory of one server'],
])('with %s', (_, change, word, meaning) => {
  const { reasons, ...judged } = durabilityOf({ ...best, ...change });
  expect(judged).toEqual({ word, meaning });
  expect(reasons.length === 0).toBe(word === 'durable');
});

test('a broker that nobody has looked at promises nothing', () => {
  expect(durabilityOf(null)).toMatchObject({ word: 'unknown', reasons: [expect.any(String)] });
});

test.each([
  ['2.14.6', true],
  ['2.14.5', false],
  ['2.10.29', false],
  ['2.15.0-beta.1', true],
  ['3.0.0', true],
  ['dev', null],
  [undefined, null],
])('version %s keeps what it acknowledges: %s', (version, expected) => {
  expect(isSound(version)).toBe(expected);
});

test.each([
  ['2.9.25', true],
  ['2.10.0', false],
  ['2.14.5', false],
  ['dev', false],
])('a server of version %s: refused is %s', (version, expected) => {
  expect(tooOld('here', version)?.code === 'NATS_TOO_OLD').toBe(expected);
});
