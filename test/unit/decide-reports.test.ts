/** What agents say of their attempts: SPEC T4–T7, T9. */
import { describe, expect, it } from 'vitest';
import { decideDeath } from '../../src/domain/decide-members.ts';
import { decideCancel, decideReport, decideRetry, lose } from '../../src/domain/decide-tasks.ts';
import { decideTimer } from '../../src/domain/decide-time.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import { agent, Harness, life } from './harness.ts';

function fleetWith(slots = 4, chances?: readonly number[]): Harness {
  const fleet = new Harness({ retryBackoffMs: 1_000, retryBackoffMsMax: 8_000 }, chances);
  fleet.join('a', { slots });
  return fleet;
}

/** The task is due again. */
function due(fleet: Harness, id: TaskId): void {
  const at = fleet.task(id).dueAt;
  expect(fleet.task(id).status).toBe('scheduled');
  fleet.wait((at ?? fleet.at) - fleet.at);
  decideTimer(fleet, { kind: 'task.due', at: fleet.at, id });
}

function timeOut(fleet: Harness, id: TaskId): void {
  decideTimer(fleet, { kind: 'task.timeout', at: fleet.at, id, attempt: fleet.task(id).attempt });
}

describe('an attempt', () => {
  it('names its agent, that agent’s life, and the token of the term that assigned it', () => {
    const fleet = fleetWith();
    const id = fleet.submit();
    const token = fleet.state.fencingToken;
    fleet.assign(id, 'a');
    fleet.lead('another');
    fleet.wait(5);
    fleet.started(id);
    expect(fleet.task(id).attempts).toMatchObject([
      { attempt: 1, agent: 'a', incarnation: 'a-1', fencingToken: token, startedAt: fleet.at, end: null },
    ]);
    expect(fleet.state.fencingToken).toBeGreaterThan(token);
  });

  it('that completes ends the task with its result and frees the slot', () => {
    const fleet = fleetWith();
    const id = fleet.running('a');
    fleet.wait(7);
    expect(fleet.completed(id, { findings: [] })).toBe('recorded');
    expect(fleet.task(id)).toMatchObject({
      status: 'completed',
      result: { findings: [] },
      endedAt: fleet.at,
      attempts: [{ end: 'completed', endedAt: fleet.at }],
    });
    expect(fleet.member('a')).toMatchObject({ held: new Set(), completed: 1 });
  });

  it('may complete without having said that it started', () => {
    const fleet = fleetWith();
    const id = fleet.submit();
    fleet.assign(id, 'a');
    expect(fleet.completed(id)).toBe('recorded');
    expect(fleet.task(id).status).toBe('completed');
  });
});

describe('a failure', () => {
  it('is tried again after a backoff that grows and is jittered', () => {
    const fleet = fleetWith(4, [0, 0.5, 0]);
    const id = fleet.running('a');
    const delays: number[] = [];
    for (let i = 0; i < 3; i++) {
      fleet.failed(id);
      delays.push((fleet.task(id).dueAt ?? 0) - fleet.at);
      due(fleet, id);
      fleet.assign(id, 'a');
    }
    expect(delays).toEqual([500, 1_500, 2_000]);
    expect(fleet.state.counts.retries).toBe(3);
  });

  it('ends the task when its retries are used up, with every attempt’s error kept', () => {
    const fleet = fleetWith();
    const id = fleet.running('a', { maxRetries: 2 });
    for (let i = 0; i < 2; i++) {
      fleet.failed(id);
      due(fleet, id);
      fleet.assign(id, 'a');
    }
    fleet.failed(id);
    const task = fleet.task(id);
    expect(task).toMatchObject({
      status: 'failed',
      error: { message: 'broke' },
      failures: 3,
      endedAt: fleet.at,
    });
    expect(task.attempts.map((each) => [each.attempt, each.end, each.error?.message])).toEqual([
      [1, 'failed', 'broke'],
      [2, 'failed', 'broke'],
      [3, 'failed', 'broke'],
    ]);
  });

  it('that says “do not retry” ends the task at once', () => {
    const fleet = fleetWith();
    const id = fleet.running('a', { maxRetries: 5 });
    fleet.failed(id, true);
    expect(fleet.task(id)).toMatchObject({ status: 'failed', attempt: 1 });
  });

  it('frees the slot', () => {
    const fleet = fleetWith();
    fleet.failed(fleet.running('a'));
    expect(fleet.member('a').held.size).toBe(0);
  });
});

describe('an attempt that is handed back', () => {
  it('does not count, before it started or after', () => {
    const fleet = fleetWith();
    const id = fleet.submit({ maxRetries: 0 });
    fleet.assign(id, 'a');
    expect(fleet.report(id, { kind: 'returned' })).toBe('recorded');
    expect(fleet.task(id)).toMatchObject({ status: 'pending', failures: 0 });
    fleet.assign(id, 'a');
    fleet.started(id);
    fleet.report(id, { kind: 'returned' });
    expect(fleet.task(id)).toMatchObject({ status: 'pending', failures: 0, attempt: 2 });
    expect(fleet.task(id).attempts.map((each) => each.end)).toEqual(['returned', 'returned']);
  });
});

describe('an attempt whose agent dies', () => {
  it('before it started does not count', () => {
    const fleet = fleetWith();
    const id = fleet.submit({ maxRetries: 0 });
    fleet.assign(id, 'a');
    decideDeath(fleet, fleet.member('a'), 'fell silent');
    expect(fleet.task(id)).toMatchObject({ status: 'pending', failures: 0, attempts: [{ end: 'lost' }] });
    expect(fleet.state.counts.reassigned).toBe(1);
  });

  it('ten times in a row before it started fails the task; retried by hand, it has as many again', () => {
    const fleet = fleetWith();
    const id = fleet.submit({ maxRetries: 0 });
    const loseOne = (): void => {
      fleet.assign(id, 'a');
      lose(fleet, fleet.task(id), 'agent a is not connected');
    };
    for (let i = 0; i < 9; i += 1) loseOne();
    expect(fleet.task(id)).toMatchObject({ status: 'pending', failures: 0 });
    loseOne();
    expect(fleet.task(id)).toMatchObject({
      status: 'failed',
      error: { message: expect.any(String) as string },
    });
    expect(fleet.task(id).error?.message).toContain('10 attempts in a row were lost before they started');
    decideRetry(fleet, id);
    for (let i = 0; i < 9; i += 1) loseOne();
    expect(fleet.task(id).status).toBe('pending');
    loseOne();
    expect(fleet.task(id).status).toBe('failed');
  });

  it('is not in a row with what it was before it was handed back', () => {
    const fleet = fleetWith();
    const id = fleet.submit({ maxRetries: 0 });
    for (let i = 0; i < 19; i += 1) {
      fleet.assign(id, 'a');
      if (i === 9) fleet.report(id, { kind: 'returned' });
      else lose(fleet, fleet.task(id), 'agent a is not connected');
    }
    expect(fleet.task(id)).toMatchObject({ status: 'pending', failures: 0 });
  });

  it('while running counts, and another agent may take it at once', () => {
    const fleet = fleetWith();
    const id = fleet.running('a', { maxRetries: 1 });
    decideDeath(fleet, fleet.member('a'), 'fell silent');
    expect(fleet.task(id)).toMatchObject({ status: 'pending', failures: 1 });
    expect(fleet.task(id).attempts[0]?.error?.message).toBe('agent a fell silent');
    fleet.join('b');
    expect(fleet.assign(id, 'b').attempt).toBe(2);
  });

  it('while running its last try fails the task as lost', () => {
    const fleet = fleetWith();
    const id = fleet.running('a', { maxRetries: 0 });
    decideDeath(fleet, fleet.member('a'), 'fell silent');
    expect(fleet.task(id)).toMatchObject({ status: 'failed', attempts: [{ end: 'lost' }] });
    expect(fleet.task(id).error?.message).toContain('fell silent');
  });

  it('while it is being cancelled is cancelled', () => {
    const fleet = fleetWith();
    const id = fleet.running('a');
    decideCancel(fleet, id);
    decideDeath(fleet, fleet.member('a'), 'fell silent');
    expect(fleet.task(id).status).toBe('cancelled');
  });

  it('loses the task once, not the agent', () => {
    const fleet = fleetWith();
    const id = fleet.running('a');
    lose(fleet, fleet.task(id), 'the agent does not know of it');
    expect(fleet.task(id)).toMatchObject({ status: 'pending', failures: 1 });
    expect(fleet.member('a')).toMatchObject({ status: 'alive', held: new Set() });
  });
});

describe('a run timeout', () => {
  it('counts as a failure, and the handler keeps its slot until it returns', () => {
    const fleet = fleetWith();
    const id = fleet.running('a', { runTimeoutMs: 50 });
    timeOut(fleet, id);
    expect(fleet.task(id)).toMatchObject({
      status: 'scheduled',
      failures: 1,
      attempts: [{ end: 'timedOut' }],
    });
    expect(fleet.task(id).attempts[0]?.error).toMatchObject({ code: 'TIMED_OUT' });
    expect(fleet.member('a')).toMatchObject({ held: new Set(), lingering: new Set([`${id}/1`]) });
    expect(fleet.report(id, { kind: 'completed', result: 'too late' }, 1)).toBe('recorded');
    expect(fleet.member('a').lingering.size).toBe(0);
    expect(fleet.task(id)).toMatchObject({ status: 'scheduled', result: undefined });
  });

  it('of the last try fails the task, and the handler lingers all the same', () => {
    const fleet = fleetWith();
    const id = fleet.running('a', { runTimeoutMs: 50, maxRetries: 0 });
    timeOut(fleet, id);
    expect(fleet.task(id).status).toBe('failed');
    expect(fleet.member('a').lingering.size).toBe(1);
    expect(fleet.failed(id)).toBe('recorded');
    expect(fleet.member('a').lingering.size).toBe(0);
    expect(fleet.task(id)).toMatchObject({ status: 'failed', failures: 1 });
  });

  it.each([
    ['has ended', (fleet: Harness, id: TaskId) => fleet.completed(id)],
    ['is being cancelled', (fleet: Harness, id: TaskId) => decideCancel(fleet, id)],
    ['was handed back', (fleet: Harness, id: TaskId) => fleet.report(id, { kind: 'returned' })],
  ])('decides nothing when the attempt %s', (_, happen) => {
    const fleet = fleetWith();
    const id = fleet.running('a', { runTimeoutMs: 50 });
    happen(fleet, id);
    expect(
      fleet.typesOf(() => decideTimer(fleet, { kind: 'task.timeout', at: fleet.at, id, attempt: 1 })),
    ).toEqual([]);
  });

  it('of an earlier attempt does not touch a later one', () => {
    const fleet = fleetWith();
    const id = fleet.running('a', { runTimeoutMs: 50 });
    fleet.report(id, { kind: 'returned' });
    fleet.assign(id, 'a');
    fleet.started(id);
    expect(
      fleet.typesOf(() => decideTimer(fleet, { kind: 'task.timeout', at: fleet.at, id, attempt: 1 })),
    ).toEqual([]);
  });

  it('is forgotten with its agent: nothing lingers in the dead', () => {
    const fleet = fleetWith();
    const id = fleet.running('a', { runTimeoutMs: 50 });
    timeOut(fleet, id);
    decideDeath(fleet, fleet.member('a'), 'fell silent');
    expect(fleet.member('a').lingering.size).toBe(0);
  });
});

describe('said again, a report is answered as before and stores nothing:', () => {
  const error = { message: 'broke' };
  it.each([
    ['started', { kind: 'started' } as const],
    ['completed', { kind: 'completed', result: 1 } as const],
    ['failed', { kind: 'failed', error, isFinal: false } as const],
    ['returned', { kind: 'returned' } as const],
  ])('%s', (_, report) => {
    const fleet = fleetWith();
    const id = fleet.running('a');
    expect(fleet.report(id, report)).toBe('recorded');
    const events = fleet.typesOf(() => expect(fleet.report(id, report, 1)).toBe('recorded'));
    expect(events).toEqual([]);
  });

  it('the answer to a cancellation', () => {
    const fleet = fleetWith();
    const id = fleet.running('a');
    decideCancel(fleet, id);
    expect(fleet.failed(id)).toBe('recorded');
    expect(fleet.typesOf(() => expect(fleet.failed(id)).toBe('recorded'))).toEqual([]);
  });

  it('the return of a handler that ran too long', () => {
    const fleet = fleetWith();
    const id = fleet.running('a', { runTimeoutMs: 50 });
    timeOut(fleet, id);
    expect(fleet.failed(id)).toBe('recorded');
    expect(fleet.typesOf(() => expect(fleet.failed(id)).toBe('recorded'))).toEqual([]);
  });
});

describe('a report is stale, and its handler must stop, when', () => {
  const done = { kind: 'completed', result: 1 } as const;
  const from = (id: string, incarnation: string) => ({ agent: agent(id), incarnation: life(incarnation) });

  it('the task is unknown', () => {
    const fleet = fleetWith();
    const report = { ...done, id: 'nothing' as TaskId, attempt: 1 };
    expect(decideReport(fleet, from('a', 'a-1'), report)).toBe('stale');
  });

  it.each([
    ['there is no such attempt', 'a', 'a-1', 2],
    ['the attempt is another agent’s', 'b', 'b-1', 1],
    ['the attempt is another life’s', 'a', 'a-0', 1],
  ])('%s: stale', (_, who, incarnation, attempt) => {
    const fleet = fleetWith();
    fleet.join('b');
    const id = fleet.running('a');
    const types = fleet.typesOf(() => {
      expect(decideReport(fleet, from(who, incarnation), { ...done, id, attempt })).toBe('stale');
    });
    expect(types).toEqual([]);
    expect(fleet.task(id).status).toBe('running');
  });

  it('the attempt was lost and somebody else has the task', () => {
    const fleet = fleetWith();
    const id = fleet.running('a');
    decideDeath(fleet, fleet.member('a'), 'fell silent');
    fleet.join('a');
    fleet.join('b');
    fleet.assign(id, 'b');
    expect(fleet.report(id, done, 1)).toBe('stale');
    expect(fleet.report(id, { kind: 'started' }, 1)).toBe('stale');
    expect(fleet.task(id)).toMatchObject({ status: 'assigned', result: undefined });
  });

  it('it says something else than what ended the attempt', () => {
    const fleet = fleetWith();
    const id = fleet.running('a');
    fleet.failed(id);
    expect(fleet.report(id, done, 1)).toBe('stale');
  });

  it('it starts what was timed out', () => {
    const fleet = fleetWith();
    const id = fleet.running('a', { runTimeoutMs: 50 });
    timeOut(fleet, id);
    expect(fleet.report(id, { kind: 'started' }, 1)).toBe('stale');
    expect(fleet.member('a').lingering.size).toBe(1);
  });
});

it('only the latest hundred attempts are remembered, and their numbers go on', () => {
  const fleet = fleetWith();
  const id = fleet.submit();
  for (let i = 0; i < 105; i++) {
    fleet.assign(id, 'a');
    fleet.report(id, { kind: 'returned' });
  }
  const { attempts } = fleet.task(id);
  expect([attempts.length, attempts[0]?.attempt, attempts.at(-1)?.attempt]).toEqual([100, 6, 105]);
});
