/**
 * Values for messages that nobody should send, and those that everybody does: a sound example for each door, and what a
 * seed makes of it by changing one thing or several.
 */
import type { SeededRandom } from '../../src/simulation/index.ts';
import { beatOf } from './beats.ts';

type Json = Readonly<Record<string, unknown>>;

const profile = { capabilities: ['scan'], priority: 0, slots: 1, electable: false, labels: {}, handles: [] };
const beat = {
  ...beatOf({
    incarnation: 'of-nobody',
    running: [{ id: 't', attempt: 1, progress: { share: 0.5, note: 'half', agoMs: 1 } }],
  }),
};
const work = { kind: 'work', term: 1, to: 'of-nobody', assign: [], abort: [], vote: [], isUnknown: false };

/** By the door's name: messages that it lets in. Ids in them are of nothing that there is. */
export const sound: Readonly<Record<string, readonly Json[]>> = {
  heartbeat: [beat],
  orders: [
    {
      incarnation: 'of-nobody',
      term: 0,
      heartbeatIntervalMs: 1_000,
      repeatMs: 1_000,
      standbys: [],
      hasRoom: true,
    },
  ],
  election: [
    { kind: 'candidacy', incarnation: 'of-nobody', term: 1, score: 1 },
    { kind: 'answer', incarnation: 'of-nobody', term: 1, score: 1, to: 'nobody' },
    { kind: 'victory', incarnation: 'of-nobody', term: 1, sequence: 1 },
  ],
  join: [
    { kind: 'join', incarnation: 'of-nobody', profile },
    { kind: 'drain', incarnation: 'of-nobody' },
    { kind: 'leave', incarnation: 'of-nobody' },
  ],
  report: [
    {
      incarnation: 'of-nobody',
      reports: [
        { kind: 'started', id: 't', attempt: 1 },
        { kind: 'completed', id: 't', attempt: 1, result: { deep: [1, 'x', null] } },
        { kind: 'failed', id: 't', attempt: 1, error: { message: 'no' }, isFinal: false },
        { kind: 'returned', id: 't', attempt: 1 },
      ],
    },
  ],
  ballot: [{ proposal: 'p', decision: 'approve', reason: 'why not' }],
  inbox: [
    { kind: 'probe', term: 0 },
    { ...work, abort: [{ id: 't', attempt: 1, reason: 'x' }] },
    { ...work, vote: [{ id: 'p', type: 'x', description: '', data: {}, proposer: 'x', deadlineMs: 1 }] },
  ],
  watch: [{ agents: ['nobody'], forMs: 1 }],
  submit: [
    { type: 'work', payload: { a: [1, 2, { b: 'c' }] }, priority: 3, target: 'here', maxRetries: 0 },
    { tasks: [{ type: 'work' }, { type: 'work', delayMs: 10 }], key: 'k' },
    { type: 'work', runTimeoutMs: 100, requiredCapabilities: [] },
    { type: 'constructor' },
  ],
  propose: [{ type: 'x', data: {}, quorum: 0.5, timeoutMs: 100, weighting: 'health', voters: ['someone'] }],
  vote: [{ proposal: 'p', voter: 'someone', decision: 'abstain' }],
  task: [{ id: 't' }],
  explain: [{ id: 't' }],
  proposal: [{ id: 'p' }],
  agent: [{ id: 'nobody' }],
  drain: [{ id: 'nobody' }],
  resume: [{ id: 'nobody' }],
  cancel: [{ id: 't', key: 'k' }],
  retry: [{ id: 't' }],
  remove: [{ id: 'nobody' }],
  outcomes: [{ ids: ['t', 'u'] }],
  tasks: [{ type: 'work', status: 'pending', limit: 5, order: 'newest', cursor: 'c', text: 'x' }],
  proposals: [{ status: 'open', skip: 1, limit: 5 }],
  agents: [{ state: 'alive', capability: 'scan' }],
  status: [{}],
  barrier: [{}],
  trigger: [{ not: 'sound' }],
};

/** Of every sort that a decoder can hand over, and some that it should not. */
const strange: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  -0,
  1e308,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '',
  'a b',
  'a.b',
  '*',
  '>',
  'x'.repeat(64),
  'x'.repeat(10_000),
  '\u0000\u001b[31m\n{"level":60}',
  'ünïcödé 💥',
  '\ud800',
  '__proto__',
  'constructor',
  [],
  {},
  [[]],
  [null],
  { toString: 1, valueOf: null },
  { length: 1e9 },
  JSON.parse('{"__proto__":{"isAdmin":true}}'),
  JSON.parse('{"constructor":{"prototype":{"isAdmin":true}}}'),
  Array.from({ length: 1_000 }, (_, i) => i),
  Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, i])),
];

function oneOf<T>(random: SeededRandom, items: readonly T[]): T {
  return items[random.below(items.length)] as T;
}

function strangeValue(random: SeededRandom): unknown {
  if (random.next() < 0.05) return nested(1 + random.below(120), random.next() < 0.5);
  return oneOf(random, strange);
}

function nested(depth: number, isList: boolean): unknown {
  let value: unknown = 'the bottom';
  for (let i = 0; i < depth; i += 1) value = isList ? [value] : { in: value };
  return value;
}

/** The example of a door with so many things changed: a field, an item, or all of it. */
export function changed(random: SeededRandom, value: unknown, times: number): unknown {
  let result = value;
  for (let i = 0; i < times; i += 1) result = change(random, result);
  return result;
}

function change(random: SeededRandom, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random.next() < 0.1) return strangeValue(random);
  if (Array.isArray(value)) return changeList(random, value);
  const entries = Object.entries(value);
  const at = random.below(entries.length + 1);
  const chosen = entries[at];
  if (chosen === undefined)
    return { ...value, [oneOf(random, ['extra', 'id', 'constructor', ''])]: strangeValue(random) };
  const [name, inner] = chosen;
  const draw = random.next();
  if (draw < 0.2) return Object.fromEntries(entries.filter((_, i) => i !== at));
  return { ...value, [name]: draw < 0.6 ? strangeValue(random) : change(random, inner) };
}

function changeList(random: SeededRandom, list: readonly unknown[]): unknown {
  const draw = random.next();
  if (list.length === 0 || draw < 0.2) return [...list, strangeValue(random)];
  const at = random.below(list.length);
  if (draw < 0.3) return Array.from({ length: 300 }, () => list[at]);
  return list.map((item, i) => (i === at ? change(random, item) : item));
}
