/** How a fleet does: each clause of the rule and both sides of each bound. */
import { describe, expect, test } from 'vitest';
import { abilitiesOf } from '../../src/domain/ability.ts';
import { fleetHealth, lackOf, type HealthFacts, type Unmet } from '../../src/domain/health.ts';
import { profileOf } from './harness.ts';

const fine: HealthFacts = {
  hasLeader: true,
  known: 4,
  alive: 4,
  suspects: [],
  deaf: [],
  dead: [],
  averageHealth: 1,
  unmet: [],
};
const unmetOf = (tasks: number, lack: Unmet['lack']): Unmet => ({
  requirement: { type: 'scan', capabilities: ['sniff', 'malware_analysis'] },
  tasks,
  lack,
});
const analysis = { kind: 'capability', capability: 'malware_analysis' } as const;

const cases: [string, Partial<HealthFacts>, string, string[]][] = [
  ['all is well', {}, 'healthy', []],
  ['nobody leads', { hasLeader: false }, 'unhealthy', ['nobody leads']],
  ['empty', { known: 0, alive: 0, averageHealth: null }, 'unhealthy', ['there are no agents']],
  ['nobody is alive', { alive: 0, averageHealth: null }, 'unhealthy', ['no agent is alive']],
  ['half is alive', { alive: 2 }, 'healthy', []],
  ['fewer than half', { known: 5, alive: 2 }, 'unhealthy', ['only 2 of 5 agents are alive']],
  ['average of 0.3', { averageHealth: 0.3 }, 'degraded', ['average health is 0.3, below 0.7']],
  ['average below 0.3', { averageHealth: 0.2999 }, 'unhealthy', ['average health is 0.29, below 0.3']],
  ['average of 0.7', { averageHealth: 0.7 }, 'healthy', []],
  ['average below 0.7', { averageHealth: 0.6999 }, 'degraded', ['average health is 0.69, below 0.7']],
  ['a suspect', { alive: 3, suspects: ['agent_3'] }, 'degraded', ['agent_3 is suspect']],
  [
    'one that does not answer its inbox',
    { alive: 3, deaf: ['agent_3'] },
    'degraded',
    ['agent_3 is suspect: it beats, but does not answer its inbox'],
  ],
  ['a dead one', { alive: 3, dead: ['agent_4'] }, 'degraded', ['agent_4 is dead']],
  [
    'a task that needs what nobody has',
    { unmet: [unmetOf(1, analysis)] },
    'degraded',
    ['1 pending task needs `malware_analysis`, which no agent has'],
  ],
  [
    'tasks that need what nobody has',
    { unmet: [unmetOf(3, analysis)] },
    'degraded',
    ['3 pending tasks need `malware_analysis`, which no agent has'],
  ],
  [
    'tasks that nobody handles',
    { unmet: [unmetOf(3, { kind: 'handler' })] },
    'degraded',
    ['3 pending tasks are of type `scan`, which no agent handles'],
  ],
  [
    'tasks that need what nobody has together',
    { unmet: [unmetOf(2, { kind: 'together' })] },
    'degraded',
    [
      '2 pending tasks of type `scan` need `sniff`, `malware_analysis`, and no agent that handles the type has all of it',
    ],
  ],
  [
    'all at once, the worst first',
    { hasLeader: false, alive: 1, suspects: ['b'], dead: ['c'], averageHealth: 0.1 },
    'unhealthy',
    [
      'nobody leads',
      'only 1 of 4 agents are alive',
      'average health is 0.1, below 0.3',
      'c is dead',
      'b is suspect',
    ],
  ],
];

test.each(cases)('%s', (_, facts, word, reasons) => {
  expect(fleetHealth({ ...fine, ...facts })).toEqual({ word, reasons });
});

test('at most ten reasons are listed, and the rest counted', () => {
  const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `agent_${i}`);
  const ten = fleetHealth({ ...fine, suspects: ids(10) }).reasons;
  expect([ten.length, ten.at(-1)]).toEqual([10, 'agent_9 is suspect']);
  const more = fleetHealth({ ...fine, suspects: ids(25) }).reasons;
  expect([more.length, more.at(-1)]).toEqual([10, 'and 16 more']);
});

describe('what a task lacks', () => {
  const lack = (capabilities: string[], ...profiles: Parameters<typeof profileOf>[0][]) =>
    lackOf({ type: 'scan', capabilities }, abilitiesOf(profiles.map(profileOf)));

  test.each([
    ['nobody is there', lack([]), { kind: 'handler' }],
    ['nobody handles it', lack([], { handles: ['clean'] }), { kind: 'handler' }],
    ['somebody handles everything', lack([], { handles: ['*'] }), null],
    ['somebody handles it and has all', lack(['a'], { handles: ['scan'], capabilities: ['a', 'b'] }), null],
    ['nobody has it', lack(['a', 'b'], { capabilities: ['a'] }), { kind: 'capability', capability: 'b' }],
    [
      'who has it does not handle it',
      lack(['a'], { handles: ['scan'] }, { handles: ['clean'], capabilities: ['a'] }),
      { kind: 'together' },
    ],
    [
      'no one has all',
      lack(['a', 'b'], { capabilities: ['a'] }, { capabilities: ['b'] }),
      { kind: 'together' },
    ],
  ])('%s', (_, found, expected) => {
    expect(found).toEqual(expected);
  });
});
