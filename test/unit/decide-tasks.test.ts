/** Submitting, cancelling and retrying by hand: SPEC T1, T2, T8, V8. */
import { describe, expect, it } from 'vitest';
import { decideLeave } from '../../src/domain/decide-members.ts';
import { decideBallot } from '../../src/domain/decide-proposals.ts';
import { decideCancel, decideRetry, decideSubmit, type TaskRequest } from '../../src/domain/decide-tasks.ts';
import type { ProposalId, TaskId } from '../../src/domain/ids.ts';
import type { Settings } from '../../src/domain/settings.ts';
import type { TaskStatus } from '../../src/domain/state.ts';
import { accept, Harness, proposalOf, refusalOf, taskOf } from './harness.ts';

const submit = (fleet: Harness, tasks: Partial<TaskRequest>[], key = 'r1', digest = 'd1') =>
  decideSubmit(fleet, { key, digest, tasks: tasks.map(taskOf) });

describe('a submit', () => {
  it('makes a task of every request, in their order, in one entry', () => {
    const fleet = new Harness();
    const ids = accept(submit(fleet, [{ type: 'one' }, { type: 'two' }]));
    expect(ids.map((id) => fleet.task(id).spec.type)).toEqual(['one', 'two']);
    expect([...ids].sort()).toEqual(ids);
    const types = fleet.entries.at(-1)?.events.map((event) => event.type);
    expect(types).toEqual(['task.submitted', 'task.submitted', 'request.accepted']);
  });

  it('keeps what was asked and fills in what was not', () => {
    const fleet = new Harness({ maxRetries: 7 });
    const given = {
      payload: { a: 1 },
      priority: 9,
      requiredCapabilities: ['x'],
      target: 'host',
      runTimeoutMs: 5,
    };
    const id = fleet.submit(given);
    expect(fleet.task(id).spec).toMatchObject({ ...given, maxRetries: 7, notBefore: null, proposal: null });
    expect(fleet.task(id)).toMatchObject({
      status: 'pending',
      attempt: 0,
      submittedAt: fleet.at,
      endedAt: null,
    });
  });

  it('may ask for no retries at all', () => {
    const fleet = new Harness();
    expect(fleet.task(fleet.submit({ maxRetries: 0 })).spec.maxRetries).toBe(0);
  });

  it('with a delay is scheduled from now', () => {
    const fleet = new Harness();
    const task = fleet.task(fleet.submit({ delayMs: 500 }));
    expect(task).toMatchObject({ status: 'scheduled', dueAt: fleet.at + 500 });
  });

  it('gives every task another id, also within a millisecond', () => {
    const fleet = new Harness();
    const ids = Array.from({ length: 50 }, () => fleet.submit());
    expect(new Set(ids).size).toBe(50);
    expect([...ids].sort()).toEqual(ids);
  });
});

describe('a submit that is made again', () => {
  it('with the same key answers with the first ids, and stores nothing', () => {
    const fleet = new Harness();
    const first = accept(submit(fleet, [{}, {}]));
    expect(fleet.typesOf(() => expect(accept(submit(fleet, [{}, {}]))).toEqual(first))).toEqual([]);
  });

  it('with the same key and another body is refused', () => {
    const fleet = new Harness();
    accept(submit(fleet, [{}]));
    expect(fleet.typesOf(() => expect(refusalOf(submit(fleet, [{}], 'r1', 'd2'))).toBe('CONFLICT'))).toEqual(
      [],
    );
  });

  it('is a new one when its window is over', () => {
    const fleet = new Harness({ requestWindowMs: 100 });
    const first = accept(submit(fleet, [{}]));
    fleet.wait(99);
    fleet.submit();
    expect(accept(submit(fleet, [{}]))).toEqual(first);
    fleet.wait(1);
    fleet.submit();
    expect(accept(submit(fleet, [{}], 'r1', 'd2'))).not.toEqual(first);
  });

  it('is known also to the leader after this one', () => {
    const fleet = new Harness();
    const first = accept(submit(fleet, [{}]));
    fleet.lead('another');
    expect(accept(submit(fleet, [{}]))).toEqual(first);
  });
});

describe('an idempotency key', () => {
  const keyed = (digest = 'body'): Partial<TaskRequest> => ({ idempotencyKey: 'k', digest });

  it('used again returns the first task, whatever the request is called', () => {
    const fleet = new Harness();
    const first = fleet.submit(keyed());
    expect(fleet.submit(keyed())).toBe(first);
    expect(fleet.state.tasks.size).toBe(1);
  });

  it('used again with another body is refused, and nothing of the batch is stored', () => {
    const fleet = new Harness();
    fleet.submit(keyed());
    const types = fleet.typesOf(() =>
      expect(refusalOf(submit(fleet, [{}, keyed('other')]))).toBe('CONFLICT'),
    );
    expect(types).toEqual([]);
  });

  it('used twice in one batch is one task; with two bodies it is refused', () => {
    const fleet = new Harness();
    const ids = accept(submit(fleet, [keyed(), {}, keyed()]));
    expect(ids[0]).toBe(ids[2]);
    expect(fleet.state.tasks.size).toBe(2);
    const other = [
      { idempotencyKey: 'new', digest: 'one' },
      { idempotencyKey: 'new', digest: 'two' },
    ];
    expect(fleet.typesOf(() => expect(refusalOf(submit(fleet, other, 'r2'))).toBe('CONFLICT'))).toEqual([]);
  });

  it('lives for its window, however the task ended', () => {
    const fleet = new Harness({ idempotencyWindowMs: 1_000 });
    fleet.join('a');
    const first = fleet.running('a', keyed());
    fleet.completed(first);
    fleet.wait(999);
    fleet.submit();
    expect(fleet.submit(keyed())).toBe(first);
    fleet.wait(1);
    fleet.submit();
    expect(fleet.submit(keyed('other'))).not.toBe(first);
  });
});

describe('at a limit a submit is refused, and none of it is stored:', () => {
  it.each<[string, Partial<Settings>, Partial<TaskRequest>[]]>([
    ['tasks', { tasksMax: 3 }, [{}, {}, {}]],
    ['request keys', { requestKeysMax: 1 }, [{}]],
    ['idempotency keys', { requestKeysMax: 2 }, [{ idempotencyKey: 'b' }, { idempotencyKey: 'c' }]],
  ])('%s: no more than the fleet keeps', (_, settings, tasks) => {
    const fleet = new Harness(settings);
    fleet.submit({ idempotencyKey: 'a' });
    const types = fleet.typesOf(() => expect(refusalOf(submit(fleet, tasks))).toBe('LIMIT_REACHED'));
    expect(types).toEqual([]);
  });

  it('but what fills it to the limit is taken', () => {
    const fleet = new Harness({ tasksMax: 3 });
    expect(fleet.submitAll([{}, {}, {}])).toHaveLength(3);
  });

  it('and what is known already takes no room', () => {
    const fleet = new Harness({ tasksMax: 1 });
    const first = fleet.submit({ idempotencyKey: 'a' });
    expect(fleet.submit({ idempotencyKey: 'a' })).toBe(first);
  });

  it('and tasks without an idempotency key need no room among the keys', () => {
    const fleet = new Harness({ requestKeysMax: 2 });
    fleet.submit({ idempotencyKey: 'a' });
    expect(fleet.submitAll([{}, {}, {}])).toHaveLength(3);
  });
});

describe('a task that needs approval', () => {
  const gated = (given: Partial<TaskRequest> = {}) => ({ ...given, approval: proposalOf() });

  it('waits, with its proposal open, in one entry', () => {
    const fleet = new Harness();
    fleet.join('a');
    const task = fleet.task(fleet.submit(gated()));
    expect(task.status).toBe('awaiting_approval');
    const { proposal } = task.spec;
    expect(fleet.proposal(proposal as ProposalId).spec.task).toBe(task.spec.id);
    expect(fleet.entries.at(-1)?.events.map((event) => event.type)).toContain('proposal.opened');
  });

  it('is refused when nobody could approve it', () => {
    const fleet = new Harness();
    expect(fleet.typesOf(() => expect(refusalOf(submit(fleet, [{}, gated()]))).toBe('CONFLICT'))).toEqual([]);
  });

  it('counts among the open proposals', () => {
    const fleet = new Harness({ proposalsOpenMax: 2 });
    fleet.join('a');
    const types = fleet.typesOf(() =>
      expect(refusalOf(submit(fleet, [gated(), gated(), gated()]))).toBe('LIMIT_REACHED'),
    );
    expect(types).toEqual([]);
    expect(accept(submit(fleet, [gated(), gated()]))).toHaveLength(2);
    expect(refusalOf(submit(fleet, [gated()], 'r2'))).toBe('LIMIT_REACHED');
    expect(refusalOf(submit(fleet, [{}], 'r3'))).toBe('accepted');
  });

  it('may have no more voters than a proposal', () => {
    const fleet = new Harness({ votersMax: 2 });
    fleet.join('a');
    const approval = proposalOf({ voters: ['bob', 'eve'] });
    expect(refusalOf(submit(fleet, [{ approval }]))).toBe('TOO_LARGE');
  });

  it('goes on when the fleet approves, in the same entry', () => {
    const fleet = new Harness();
    fleet.join('a');
    const id = fleet.submit(gated());
    fleet.wait(1);
    vote(fleet, id, 'approve');
    expect(fleet.task(id).status).toBe('pending');
    const types = fleet.entries.at(-1)?.events.map((event) => event.type);
    expect(types).toEqual(['ballot.cast', 'proposal.decided', 'task.approved']);
  });

  it('is still not started before its time', () => {
    const fleet = new Harness();
    fleet.join('a');
    const id = fleet.submit(gated({ delayMs: 100 }));
    const due = fleet.at + 100;
    fleet.wait(50);
    vote(fleet, id, 'approve');
    expect(fleet.task(id)).toMatchObject({ status: 'scheduled', dueAt: due });
  });

  it('is pending at once when its time came during the vote', () => {
    const fleet = new Harness();
    fleet.join('a');
    const id = fleet.submit(gated({ delayMs: 100 }));
    fleet.wait(100);
    vote(fleet, id, 'approve');
    expect(fleet.task(id)).toMatchObject({ status: 'pending', dueAt: null });
  });

  it('fails with the reason when the fleet rejects it, and no retry by hand goes around the vote', () => {
    const fleet = new Harness();
    fleet.join('a');
    const id = fleet.submit(gated());
    vote(fleet, id, 'reject');
    expect(fleet.task(id)).toMatchObject({ status: 'failed', error: { code: 'NOT_APPROVED' }, failures: 0 });
    expect(fleet.task(id).error?.message).toContain('rejected');
    expect(refusalOf(decideRetry(fleet, id))).toBe('CONFLICT');
  });

  const vote = (fleet: Harness, id: TaskId, decision: 'approve' | 'reject'): void => {
    const proposal = fleet.task(id).spec.proposal as ProposalId;
    accept(decideBallot(fleet, { proposal, voter: 'a', decision, reason: null }));
  };
});

/** One fleet with a task in every status. */
function everyStatus(): { fleet: Harness; ids: Record<TaskStatus, TaskId> } {
  const fleet = new Harness();
  fleet.join('a', { slots: 20 });
  const cancelled = fleet.submit();
  decideCancel(fleet, cancelled);
  const assigned = fleet.submit();
  fleet.assign(assigned, 'a');
  const cancelling = fleet.running('a');
  decideCancel(fleet, cancelling);
  const completed = fleet.running('a');
  fleet.completed(completed);
  const failed = fleet.running('a', { maxRetries: 0 });
  fleet.failed(failed);
  const ids = {
    awaiting_approval: fleet.submit({ approval: proposalOf() }),
    scheduled: fleet.submit({ delayMs: 5 }),
    pending: fleet.submit(),
    assigned,
    running: fleet.running('a'),
    cancelling,
    completed,
    failed,
    cancelled,
  };
  for (const [status, id] of Object.entries(ids)) expect(fleet.task(id).status).toBe(status);
  return { fleet, ids };
}

describe('cancelling', () => {
  it.each(['awaiting_approval', 'scheduled', 'pending'] as const)(
    'a task that is %s is done at once',
    (status) => {
      const { fleet, ids } = everyStatus();
      expect(accept(decideCancel(fleet, ids[status]))).toEqual({ status: 'cancelled' });
      expect(fleet.task(ids[status])).toMatchObject({ status: 'cancelled', endedAt: fleet.at });
    },
  );

  it.each(['assigned', 'running'] as const)('a task that is %s waits for its agent', (status) => {
    const { fleet, ids } = everyStatus();
    expect(accept(decideCancel(fleet, ids[status]))).toEqual({ status: 'cancelling' });
    expect(fleet.task(ids[status])).toMatchObject({ status: 'cancelling', endedAt: null });
    expect(fleet.member('a').held.has(ids[status])).toBe(true);
  });

  it('a task that waits for approval withdraws its proposal in the same entry, and ballots are refused', () => {
    const { fleet, ids } = everyStatus();
    const proposal = fleet.task(ids.awaiting_approval).spec.proposal as ProposalId;
    fleet.wait(1);
    expect(fleet.typesOf(() => decideCancel(fleet, ids.awaiting_approval))).toEqual([
      'proposal.decided',
      'task.cancelled',
    ]);
    expect(fleet.entries.at(-1)?.events).toHaveLength(2);
    expect(fleet.proposal(proposal)).toMatchObject({ status: 'withdrawn', decidedAt: fleet.at });
    const [voter] = fleet.proposal(proposal).spec.electorate;
    const ballot = { proposal, voter: voter?.id ?? '', decision: 'approve', reason: null } as const;
    expect(refusalOf(decideBallot(fleet, ballot))).toBe('PROPOSAL_CLOSED');
    expect(fleet.task(ids.awaiting_approval).status).toBe('cancelled');
  });

  it('again is answered as before, without a word in the ledger', () => {
    const { fleet, ids } = everyStatus();
    const types = fleet.typesOf(() =>
      expect(accept(decideCancel(fleet, ids.cancelling))).toEqual({ status: 'cancelling' }),
    );
    expect(types).toEqual([]);
  });

  it.each(['completed', 'failed', 'cancelled'] as const)(
    'a task that is %s is refused, and says so',
    (status) => {
      const { fleet, ids } = everyStatus();
      const verdict = decideCancel(fleet, ids[status]);
      expect(refusalOf(verdict)).toBe('ALREADY_ENDED');
      expect(verdict).toMatchObject({ problem: { message: expect.stringContaining(status) } });
    },
  );

  it('an unknown task is refused', () => {
    expect(refusalOf(decideCancel(new Harness(), 'nothing' as TaskId))).toBe('NOT_FOUND');
  });

  it.each(['completed', 'failed', 'returned'] as const)('ends when the agent reports %s', (kind) => {
    const { fleet, ids } = everyStatus();
    const error = { message: 'aborted' };
    const answer =
      kind === 'completed'
        ? fleet.completed(ids.cancelling)
        : fleet.report(ids.cancelling, kind === 'failed' ? { kind, error, isFinal: false } : { kind });
    expect(answer).toBe('recorded');
    expect(fleet.task(ids.cancelling)).toMatchObject({
      status: 'cancelled',
      attempts: [{ end: 'cancelled' }],
    });
    expect(fleet.member('a').held.has(ids.cancelling)).toBe(false);
  });

  it('does not end when the agent says that it started', () => {
    const { fleet, ids } = everyStatus();
    expect(fleet.started(ids.cancelling)).toBe('recorded');
    expect(fleet.task(ids.cancelling).status).toBe('cancelling');
  });

  it('ends when the agent leaves', () => {
    const { fleet, ids } = everyStatus();
    accept(decideLeave(fleet, fleet.member('a')));
    expect(fleet.task(ids.cancelling).status).toBe('cancelled');
  });
});

describe('a retry by hand', () => {
  it('gives a failed task its retries anew', () => {
    const { fleet, ids } = everyStatus();
    accept(decideRetry(fleet, ids.failed));
    const task = fleet.task(ids.failed);
    expect(task).toMatchObject({ status: 'pending', failures: 0, error: null, endedAt: null });
    expect(fleet.assign(ids.failed, 'a').attempt).toBe(2);
    expect(task.attempts).toHaveLength(2);
  });

  it.each([
    'awaiting_approval',
    'scheduled',
    'pending',
    'assigned',
    'running',
    'cancelling',
    'completed',
    'cancelled',
  ] as const)('is refused for one that is %s', (status) => {
    const { fleet, ids } = everyStatus();
    expect(fleet.typesOf(() => expect(refusalOf(decideRetry(fleet, ids[status]))).toBe('CONFLICT'))).toEqual(
      [],
    );
  });

  it('of an unknown task is refused', () => {
    expect(refusalOf(decideRetry(new Harness(), 'nothing' as TaskId))).toBe('NOT_FOUND');
  });
});
