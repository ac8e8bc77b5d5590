/** Which events `conclave events` lets through. */
import { describe, expect, it } from 'vitest';
import { isWanted, subjectOf, type EventFilter } from '../../src/cli/event-filter.ts';

const all: EventFilter = { kinds: ['>'], types: [], agents: [] };

describe('kinds', () => {
  it.each([
    ['>', 'task.completed', true],
    ['task.*', 'task.completed', true],
    ['task.>', 'task.completed', true],
    ['*.died', 'agent.died', true],
    ['task.completed', 'task.completed', true],
    ['task.completed', 'task.failed', false],
    ['task.*', 'agent.died', false],
    ['*', 'agent.died', false],
    ['task.completed.>', 'task.completed', false],
    ['task', 'task.completed', false],
  ])('%s and %s: %s', (pattern, kind, expected) => {
    expect(isWanted(kind, {}, { ...all, kinds: [pattern] })).toBe(expected);
  });

  it('any of several will do, and all of them are subscribed to', () => {
    const several = { ...all, kinds: ['task.failed', 'agent.*'] };
    expect(isWanted('agent.died', {}, several)).toBe(true);
    expect(isWanted('task.completed', {}, several)).toBe(false);
    expect(subjectOf(several)).toBe('>');
    expect(subjectOf({ ...all, kinds: ['task.*'] })).toBe('task.*');
  });
});

it('a type holds back tasks of other types, and nothing that is no task event', () => {
  const scans = { ...all, types: ['scan'] };
  expect(isWanted('task.completed', { type: 'scan' }, scans)).toBe(true);
  expect(isWanted('task.completed', { type: 'echo' }, scans)).toBe(false);
  expect(isWanted('task.completed', { type: null }, scans)).toBe(false);
  expect(isWanted('agent.died', { id: 'ada' }, scans)).toBe(true);
});

it.each([
  ['task.assigned', { id: 't', agent: 'ada' }],
  ['agent.died', { id: 'ada' }],
  ['ballot.cast', { voter: 'ada' }],
  ['leader.elected', { leader: 'ada' }],
  ['proposal.opened', { id: 'p', proposer: 'ada' }],
  ['recovery.completed', { agent: 'ada' }],
])('%s is about the agent that it names', (kind, item) => {
  expect(isWanted(kind, item, { ...all, agents: ['bob', 'ada'] })).toBe(true);
  expect(isWanted(kind, item, { ...all, agents: ['bob'] })).toBe(false);
});
