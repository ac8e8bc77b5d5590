/** Why a task waits, and why an agent cannot take it: SPEC T3. Placement is the judge of who can. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideDeath, decideDrain, decideLeave } from '../../src/domain/decide-members.ts';
import { explain, type Sight } from '../../src/domain/explain.ts';
import type { Explanation } from '../../src/domain/explanation.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import { Placement } from '../../src/domain/placement.ts';
import type { FleetState, Member, MemberStatus, Task } from '../../src/domain/state.ts';
import { decideBallot } from '../../src/domain/decide-proposals.ts';
import { accept, agent, Harness, proposalOf } from './harness.ts';
import { act, histories, placeSome, SoftState } from './random-history.ts';

function sightOf({ state, at }: Harness, given: Partial<Sight> = {}): Sight {
  const pending = [...state.tasks.values()].filter(({ status }) => status === 'pending');
  return {
    now: at,
    stateOf: ({ status }) => status,
    progress: null,
    pending,
    pendingTotal: pending.length,
    ...given,
  };
}

function explained(fleet: Harness, id: TaskId, given: Partial<Sight> = {}): Explanation {
  return explain(fleet.state, fleet.task(id), sightOf(fleet, given));
}

/** `ada: slots, draining`. */
function said({ agents }: Explanation): string[] {
  return agents.map(({ id, obstacles }) => `${id}: ${obstacles.map(({ kind }) => kind).join(', ')}`);
}

describe('a pending task', () => {
  it('says what no agent has or does', () => {
    const fleet = new Harness();
    const text = (given: object): string => explained(fleet, fleet.submit(given)).text;
    expect(text({})).toContain('there are no agents');
    fleet.join('ada', { handles: ['scan'], capabilities: ['a'] });
    fleet.join('bob', { handles: ['clean'], capabilities: ['b'] });
    expect(text({ type: 'cook' })).toContain('no agent handles `cook`');
    expect(text({ requiredCapabilities: ['malware_analysis'] })).toContain('no agent has `malware_analysis`');
    expect(text({ requiredCapabilities: ['a', 'b'] })).toContain(
      'no agent that handles `scan` has all of `a`, `b`',
    );
  });

  it('says that all capable agents are full, or what is the matter with them', () => {
    const fleet = new Harness();
    for (const id of ['a', 'b', 'c']) {
      fleet.join(id);
      fleet.running(id);
    }
    fleet.join('other', { handles: ['clean'] });
    const id = fleet.submit();
    expect(explained(fleet, id).text).toBe('waits: all 3 capable agents are full');
    decideDrain(fleet, agent('c'));
    expect(explained(fleet, id).text).toBe(
      'waits: none of 3 capable agents can take it now: a is full, b is full, c is full and is draining',
    );
  });

  it('names every obstacle of every agent, the nearest first, and what would change it', () => {
    const fleet = new Harness();
    fleet.join('full');
    fleet.running('full');
    fleet.join('drained');
    decideDrain(fleet, agent('drained'));
    fleet.join('quiet');
    fleet.join('unable', { handles: ['clean'], capabilities: ['x'] });
    fleet.join('weak', { capabilities: ['x'] });
    fleet.join('gone');
    decideDeath(fleet, fleet.member('gone'), 'was silent');
    fleet.join('away');
    decideLeave(fleet, { id: agent('away'), incarnation: fleet.member('away').incarnation });
    const id = fleet.submit();
    const seen = (member: Member): MemberStatus => (member.id === 'quiet' ? 'suspect' : member.status);
    const explanation = explained(fleet, id, { stateOf: seen });
    expect(said(explanation)).toEqual([
      'weak: ',
      'full: slots',
      'quiet: suspect',
      'drained: draining',
      'unable: handler',
      'gone: dead',
      'away: left',
    ]);
    const remedies = Object.fromEntries(
      explanation.agents.map(({ id: who, obstacles }) => [who, obstacles[0]?.remedy]),
    );
    expect(remedies).toMatchObject({
      drained: 'conclave resume drained',
      unable: expect.stringContaining('handler for `scan`') as string,
      full: expect.stringContaining('slots') as string,
    });
    const special = fleet.submit({ requiredCapabilities: ['y', 'x'] });
    const unable = explained(fleet, special).agents.find(({ id: who }) => who === 'unable');
    expect(unable?.obstacles).toMatchObject([{ kind: 'handler' }, { kind: 'capability', text: 'lacks `y`' }]);
  });

  it('says how many go first, of those that the same agents could take', () => {
    const fleet = new Harness();
    fleet.join('a', { handles: ['scan'] });
    fleet.running('a');
    fleet.submitAll([{ priority: 9 }, { priority: 1 }, {}, { type: 'clean', priority: 10 }]);
    const id = fleet.submit();
    fleet.submit();
    expect(explained(fleet, id).ahead).toEqual({ tasks: 2, isAtLeast: false });
    expect(explained(fleet, id).text).toContain('2 tasks of higher priority, or as high and older, go first');
    expect(explained(fleet, id, { pending: [], pendingTotal: 6 }).ahead).toEqual({
      tasks: 0,
      isAtLeast: true,
    });
  });

  it('lists a hundred agents, and counts the others', () => {
    const fleet = new Harness();
    for (let i = 0; i < 130; i++) fleet.join(`a${i}`, { handles: ['clean'] });
    fleet.join('z', { capabilities: [] });
    fleet.running('z');
    const { agents, agentsTotal, agentsLeftOut } = explained(fleet, fleet.submit());
    expect([agents.length, agentsTotal, agentsLeftOut]).toEqual([100, 131, 31]);
    expect(agents[0]?.id).toBe('z');
  });

  it('says that a handler which ignores the abort keeps a slot', () => {
    const fleet = new Harness();
    fleet.join('a');
    const slow = fleet.running('a', { runTimeoutMs: 10, maxRetries: 0 });
    fleet.emit({ type: 'task.failed', id: slow, end: 'timedOut', error: { message: 'slow' }, lingers: true });
    const [chance] = explained(fleet, fleet.submit()).agents;
    expect(chance?.obstacles[0]?.text).toMatch(/1 of 1 slots are in use, 1 by handlers that go on/);
  });
});

describe('a task that waits for something else', () => {
  it('waits for its time', () => {
    const fleet = new Harness();
    const explanation = explained(fleet, fleet.submit({ delayMs: 5_000 }));
    expect(explanation).toMatchObject({ until: fleet.at + 5_000, ahead: null, run: null });
    expect(explanation.text).toBe('is not to run before its time, which comes in 5 s');
  });

  it('waits for its next try, and says why', () => {
    const fleet = new Harness();
    fleet.join('a');
    const id = fleet.running('a');
    fleet.failed(id);
    const { text, until } = explained(fleet, id);
    expect(text).toMatch(/^is tried again in \d+ ms: attempt 1 failed \(broke\)$/);
    expect(until).toBe(fleet.task(id).dueAt);
  });

  it('waits for the votes that are missing', () => {
    const fleet = new Harness();
    for (const id of ['a', 'b', 'c', 'd']) fleet.join(id);
    const id = fleet.submit({ approval: proposalOf({ timeoutMs: 9_000 }) });
    const proposal = fleet.task(id).spec.proposal as NonNullable<Task['spec']['proposal']>;
    accept(decideBallot(fleet, { proposal, voter: 'b', decision: 'approve', reason: null }));
    const explanation = explained(fleet, id);
    expect(explanation.text).toBe(
      `waits for the approval of the fleet by proposal ${proposal}: 1 for, 0 against, 0 abstained, 3 not voted (a, c, d); decided in 9 s at the latest`,
    );
    expect(explanation).toMatchObject({
      until: fleet.at + 9_000,
      proposal: { approve: 1, notVoted: 3, awaited: ['a', 'c', 'd'] },
    });
    expect(said(explanation)).toEqual(['a: ', 'b: ', 'c: ', 'd: ']);
  });
});

describe('a task that waits for nobody', () => {
  it('runs, with its progress', () => {
    const fleet = new Harness();
    fleet.join('a');
    const id = fleet.submit();
    fleet.assign(id, 'a');
    expect(explained(fleet, id).text).toContain('is assigned to a for 0 ms, attempt 1, 3 retries left');
    fleet.started(id);
    fleet.wait(2_000);
    const { text, run, agents } = explained(fleet, id, {
      progress: { share: 0.4, note: '2 of 5', agoMs: 1 },
    });
    expect(text).toBe('runs on a for 2 s, attempt 1, 3 retries left, 40 % done (2 of 5)');
    expect(run).toMatchObject({ agent: 'a', attempt: 1, retriesLeft: 3, progress: { share: 0.4 } });
    expect(agents).toEqual([]);
  });

  it('is being cancelled, or has ended', () => {
    const fleet = new Harness();
    fleet.join('a', { slots: 9 });
    const cancelling = fleet.running('a');
    fleet.emit({ type: 'task.cancelling', id: cancelling });
    const [done, broken] = [fleet.running('a'), fleet.running('a', { maxRetries: 0 })];
    fleet.completed(done);
    fleet.failed(broken);
    const never = fleet.submit();
    fleet.emit({ type: 'task.cancelled', id: never });
    expect(explained(fleet, cancelling).text).toContain('the handler on a for 0 ms');
    expect(explained(fleet, done).text).toBe('was completed by a in attempt 1');
    expect(explained(fleet, broken).text).toBe('has failed in its first attempt: broke');
    expect(explained(fleet, never).text).toBe('was cancelled before it ran');
    for (const id of [done, broken, never])
      expect(explained(fleet, id)).toMatchObject({ run: null, agents: [] });
  });
});

/** Whether placement would give this task to this member, were they alone. */
function isGiven(
  state: FleetState,
  { task, member, seen }: { task: Task; member: Member; seen: MemberStatus },
): boolean {
  const alone: FleetState = {
    ...state,
    tasks: new Map([[task.spec.id, task]]),
    members: new Map([[member.id, member]]),
  };
  const placement = new Placement(alone, { loadOf: () => 0, isEligible: () => seen === 'alive' });
  let isPlaced = false;
  placement.place(1, () => {
    isPlaced = true;
  });
  return isPlaced;
}

it('an agent can take a pending task exactly if placement would give it the task when they are alone', () => {
  const verdicts = new Set<boolean>();
  fc.assert(
    fc.property(histories(40), (history) => {
      const fleet = new Harness();
      const soft = new SoftState();
      for (const step of history) {
        if (step.kind === 'place') placeSome(fleet, soft);
        else act(fleet, step, soft);
      }
      const seen = (member: Member): MemberStatus =>
        member.status === 'alive' && !soft.isEligible(member.id) ? 'suspect' : member.status;
      for (const task of fleet.state.tasks.values()) {
        if (task.status !== 'pending') continue;
        const { agents } = explained(fleet, task.spec.id, { stateOf: seen });
        for (const { id, canTake } of agents) {
          const member = fleet.member(id);
          verdicts.add(canTake);
          expect(canTake).toBe(isGiven(fleet.state, { task, member, seen: seen(member) }));
        }
      }
    }),
  );
  expect([...verdicts].sort()).toEqual([false, true]);
});
