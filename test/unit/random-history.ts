/** Whatever can happen to a fleet, at random: steps for fast-check, and what each does where it makes sense. */
import fc from 'fast-check';
import {
  decideDeath,
  decideDrain,
  decideJoin,
  decideLeave,
  decideRemove,
  decideResume,
} from '../../src/domain/decide-members.ts';
import { decideBallot, decidePropose } from '../../src/domain/decide-proposals.ts';
import { decideCancel, decideReport, decideRetry, decideSubmit } from '../../src/domain/decide-tasks.ts';
import { decideTimer } from '../../src/domain/decide-time.ts';
import type { AgentId, TaskId } from '../../src/domain/ids.ts';
import { isPresent, type Member } from '../../src/domain/state.ts';
import { Placement } from '../../src/domain/placement.ts';
import { Timers } from '../../src/domain/timers.ts';
import type { Harness } from './harness.ts';
import { agent, goneHolder, life, profileOf, proposalOf, taskOf } from './harness.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
const who = fc.constantFrom(...names);
const skills = fc.constantFrom<readonly string[]>([], ['x'], ['x', 'y'], ['x', 'y', 'z']);
const needs = fc.constantFrom<readonly string[]>([], [], [], ['x'], ['y'], ['x', 'y']);

const join = fc.record({
  kind: fc.constant('join' as const),
  who,
  isNewLife: fc.boolean(),
  capabilities: skills,
  handles: fc.constantFrom<readonly string[]>(['*'], ['*'], ['scan'], ['clean'], ['clean', 'scan'], []),
  slots: fc.integer({ min: 1, max: 4 }),
  priority: fc.integer({ min: -1, max: 3 }),
});

const submit = fc.record({
  kind: fc.constant('submit' as const),
  /** Small numbers: repeats, and repeats with another body. */
  request: fc.nat(60),
  times: fc.integer({ min: 1, max: 4 }),
  type: fc.constantFrom('scan', 'clean', 'other'),
  requiredCapabilities: needs,
  priority: fc.integer({ min: 1, max: 3 }),
  maxRetries: fc.constantFrom(null, 0, 1),
  runTimeoutMs: fc.constantFrom(null, 10),
  delayMs: fc.constantFrom(null, null, 50),
  idempotencyKey: fc.constantFrom(null, null, null, 'k1', 'k2'),
  isGated: fc.constantFrom(false, false, true),
});

const propose = fc.record({
  kind: fc.constant('propose' as const),
  request: fc.nat(60),
  weighting: fc.constantFrom('equal' as const, 'health' as const, 'priority' as const),
  quorum: fc.constantFrom(null, 0.1, 1),
  voters: fc.subarray(['a', 'bob', 'eve']),
});

const ballot = fc.record({
  kind: fc.constant('ballot' as const),
  voter: fc.constantFrom(...names, 'bob', 'eve'),
  nth: fc.nat(9),
  decision: fc.constantFrom('approve' as const, 'reject' as const, 'abstain' as const),
});

const time = fc.record({
  kind: fc.constant('time' as const),
  ms: fc.constantFrom(1, 60, 60, 60, 40_000, 700_000),
});
const soft = fc.record({
  kind: fc.constantFrom('load' as const, 'suspect' as const),
  who,
  amount: fc.constantFrom(0, 0.25, 0.5, 0.8, 1),
});

const other = fc.record({
  kind: fc.constantFrom(
    ...([
      'drain',
      'resume',
      'leave',
      'die',
      'remove',
      'lead',
      'cancel',
      'retry',
      'retry',
      'release',
    ] as const),
    ...([
      'start',
      'start',
      'complete',
      'fail',
      'giveUp',
      'return',
      'repeat',
      'place',
      'place',
      'place',
    ] as const),
  ),
  who,
  nth: fc.nat(30),
});

export type Step = ReturnType<typeof stepOf> extends fc.Arbitrary<infer T> ? T : never;
const stepOf = () =>
  fc.oneof(
    { weight: 3, arbitrary: join },
    { weight: 3, arbitrary: submit },
    { weight: 8, arbitrary: other },
    { weight: 1, arbitrary: propose },
    { weight: 2, arbitrary: ballot },
    { weight: 2, arbitrary: time },
    { weight: 1, arbitrary: soft },
  );

/** Something to begin with, so that a random step finds somebody to befall. */
const opening: readonly Step[] = ['a', 'b', 'c'].flatMap((who, request) => [
  {
    kind: 'join' as const,
    who: who as (typeof names)[number],
    isNewLife: false,
    capabilities: [['x'], ['x', 'y'], []][request] ?? [],
    handles: ['*'],
    slots: 3,
    priority: 1,
  },
  {
    kind: 'submit' as const,
    request: 100 + request,
    times: 3,
    type: 'scan' as const,
    requiredCapabilities: [],
    priority: 2,
    maxRetries: 1,
    runTimeoutMs: 10,
    delayMs: null,
    idempotencyKey: null,
    isGated: false,
  },
]);

/** Random steps after a fixed opening. */
export const histories = (most: number): fc.Arbitrary<Step[]> =>
  fc.array(stepOf(), { maxLength: most, size: 'max' }).map((steps) => [...opening, ...steps]);

/** What only a leader knows: load that authors set, and suspicion. */
export class SoftState {
  readonly #loads = new Map<AgentId, number>();
  readonly #suspects = new Set<AgentId>();

  readonly loadOf = (id: AgentId): number => this.#loads.get(id) ?? 0;
  readonly isEligible = (id: AgentId): boolean => !this.#suspects.has(id);

  change(id: AgentId, how: { kind: 'load' | 'suspect'; amount: number }): void {
    if (how.kind === 'load') this.#loads.set(id, how.amount);
    else if (!this.#suspects.delete(id)) this.#suspects.add(id);
  }
}

/** As a leader that begins now would, up to five. */
export function placeSome(fleet: Harness, soft: SoftState): void {
  const placement = new Placement(fleet.state, soft);
  placement.place(5, (placed) => {
    const event = { type: 'task.assigned' as const, ...placed };
    fleet.emit(event);
    placement.observe(event);
  });
}

/** Does what the step says where it makes sense; `place` is left to the caller. */
export function act(fleet: Harness, step: Exclude<Step, { kind: 'place' }>, soft: SoftState): void {
  switch (step.kind) {
    case 'join':
      joinAs(fleet, step);
      break;
    case 'submit': {
      const { request, times, isGated, ...given } = step;
      const digest = JSON.stringify(given);
      const approval = isGated ? proposalOf({ timeoutMs: 5_000, quorum: 0.1, voters: ['bob'] }) : null;
      const task = taskOf({ ...given, digest: `${digest}${isGated}`, approval });
      const tasks = Array.from({ length: times }, (_, i) =>
        i === 0 ? task : { ...task, idempotencyKey: null },
      );
      decideSubmit(fleet, { key: `r${request}`, digest: `${digest}${times}`, tasks });
      break;
    }
    case 'propose': {
      const { weighting, quorum, voters, request } = step;
      const body = proposalOf({ weighting, quorum, voters, timeoutMs: 1_000 });
      decidePropose(fleet, body, { key: `r${request}`, digest: JSON.stringify(body) });
      break;
    }
    case 'ballot': {
      const all = [...fleet.state.proposals.keys()];
      const proposal = all[all.length - 1 - (step.nth % Math.max(1, all.length))];
      const { voter, decision } = step;
      if (proposal !== undefined) decideBallot(fleet, { proposal, voter, decision, reason: null });
      break;
    }
    case 'time':
      pass(fleet, step.ms);
      break;
    case 'load':
    case 'suspect':
      soft.change(agent(step.who), step);
      break;
    case 'lead':
      fleet.lead(`leader-${step.nth % 2}`);
      break;
    default:
      actOn(fleet, step);
  }
}

function joinAs(fleet: Harness, step: Extract<Step, { kind: 'join' }>): void {
  const { capabilities, handles, slots, priority, isNewLife } = step;
  const id = agent(step.who);
  const before = fleet.state.members.get(id)?.incarnation;
  const incarnation = before === undefined || isNewLife ? life(`${id}-${fleet.entries.length}`) : before;
  const profile = profileOf({ capabilities, handles, slots, priority });
  decideJoin(fleet, { id, incarnation, profile }, before === undefined ? null : goneHolder(fleet, id));
}

/** Ledger time goes on, and every timer that comes due on the way decides. */
function pass(fleet: Harness, ms: number): void {
  fleet.wait(ms);
  const timers = new Timers(fleet.state, fleet.settings);
  for (let timer = timers.takeDue(fleet.at); timer !== null; timer = timers.takeDue(fleet.at)) {
    decideTimer(fleet, timer);
  }
}

function actOn(fleet: Harness, step: { kind: string; who: string; nth: number }): void {
  const member = fleet.state.members.get(agent(step.who));
  const tasks = [...fleet.state.tasks.keys()];
  const any = tasks[step.nth % Math.max(1, tasks.length)];
  if (step.kind === 'cancel' && any !== undefined) decideCancel(fleet, any);
  if (step.kind === 'retry' && any !== undefined) decideRetry(fleet, any);
  if (step.kind === 'repeat' && any !== undefined) repeat(fleet, any, step.nth);
  if (member !== undefined) actOnMember(fleet, member, step);
}

/** An agent says again, or too late, what became of the first attempt. */
function repeat(fleet: Harness, id: TaskId, nth: number): void {
  if (!fleet.task(id).attempts.some((each) => each.attempt === 1)) return;
  const error = { message: 'late' };
  const bodies = [
    { kind: 'started' },
    { kind: 'completed', result: 1 },
    { kind: 'failed', error, isFinal: false },
  ] as const;
  fleet.report(id, bodies[nth % 3] ?? bodies[0], 1);
}

function actOnMember(fleet: Harness, member: Member, step: { kind: string; nth: number }): void {
  const held = [...member.held];
  const mine = held[step.nth % Math.max(1, held.length)];
  switch (step.kind) {
    case 'drain':
      decideDrain(fleet, member.id);
      break;
    case 'resume':
      decideResume(fleet, member.id);
      break;
    case 'leave':
      decideLeave(fleet, member);
      break;
    case 'die':
      if (isPresent(member)) decideDeath(fleet, member, 'fell silent');
      break;
    case 'remove':
      decideRemove(fleet, member.id);
      break;
    case 'start':
      if (mine !== undefined) fleet.started(mine);
      break;
    case 'complete':
      if (mine !== undefined) fleet.completed(mine, { of: mine });
      break;
    case 'fail':
      if (mine !== undefined) fleet.failed(mine);
      break;
    case 'giveUp':
      if (mine !== undefined) fleet.failed(mine, true);
      break;
    case 'return':
      if (mine !== undefined) fleet.report(mine, { kind: 'returned' });
      break;
    case 'release':
      for (const key of [...member.lingering]) {
        const [id, attempt] = key.split('/') as [TaskId, string];
        const report = { id, attempt: Number(attempt), kind: 'completed', result: null } as const;
        decideReport(fleet, { agent: member.id, incarnation: member.incarnation }, report);
      }
      break;
    default:
      break;
  }
}
