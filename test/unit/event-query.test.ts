/** What a listener may ask for in the URL. */
import { describe, expect, it } from 'vitest';
import { ConclaveError } from '../../src/domain/errors.ts';
import { eventQueryOf, type Filtered } from '../../src/http/event-query.ts';

const event = (kind: string, given: Partial<Filtered> = {}): Filtered => ({
  kind,
  type: null,
  agent: null,
  ...given,
});

function badFields(query: Record<string, unknown>): string[] {
  try {
    eventQueryOf(query);
  } catch (error) {
    if (error instanceof ConclaveError) return error.fields.map(({ field }) => field);
  }
  return [];
}

describe('a query for events', () => {
  it.each([
    [{}, null],
    [{ since: '0' }, { sequence: 0, index: Infinity }],
    [{ since: '12' }, { sequence: 12, index: Infinity }],
    [{ since: '12.3' }, { sequence: 12, index: 3 }],
  ])('%o begins after %o', (query, since) => {
    expect(eventQueryOf(query).since).toEqual(since);
  });

  it.each([
    [{ since: '-1' }, ['since']],
    [{ since: '1.2.3' }, ['since']],
    [{ since: '' }, ['since']],
    [{ since: ['1', '2'] }, ['since']],
    [{ kind: '*' }, ['kind']],
    [{ kind: 'task' }, ['kind']],
    [{ kind: 'task.completed,' }, ['kind']],
    [{ kind: Array.from({ length: 65 }, () => 'task.due') }, ['kind']],
    [{ type: 'a b', agent: '' }, ['type', 'agent']],
    [{ colour: 'red' }, ['colour']],
  ])('%o is refused for %o', (query, fields) => {
    expect(badFields(query)).toEqual(fields);
  });

  it('lets kinds through by name and by family, however they are listed', () => {
    const { matches } = eventQueryOf({ kind: ['task.*,leader.elected', 'agent.died'] });
    const kinds = ['task.due', 'task.completed', 'leader.elected', 'leader.lost', 'agent.died', 'agent.left'];
    expect(kinds.filter((kind) => matches(event(kind)))).toEqual(
      kinds.filter((kind) => !/lost|left/.test(kind)),
    );
  });

  it('holds back tasks of other types, and nothing that is no task event', () => {
    const { matches } = eventQueryOf({ type: 'scan' });
    expect(matches(event('task.due', { type: 'scan' }))).toBe(true);
    expect(matches(event('task.due', { type: 'wash' }))).toBe(false);
    expect(matches(event('task.due'))).toBe(false);
    expect(matches(event('leader.elected'))).toBe(true);
  });

  it('lets through what is about an agent', () => {
    const { matches } = eventQueryOf({ agent: 'ada,bob' });
    expect(
      [event('agent.left', { agent: 'bob' }), event('agent.left', { agent: 'eve' }), event('task.due')].map(
        matches,
      ),
    ).toEqual([...[true, false, false]]);
  });
});
