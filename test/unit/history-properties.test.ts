/**
 * Any history: a second state that sees only the entries is equal, whatever the first one was asked; every change
 * of status goes along its chart (I3); the rest of the invariants hold after every step.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { charts } from '../../actors/table.ts';
import type { Entry, LedgerEvent } from '../../src/domain/events.ts';
import { violations } from '../../src/domain/invariants.ts';
import { restore, snapshotOf } from '../../src/domain/snapshot.ts';
import { areAlike, canonical } from '../../src/domain/state-hash.ts';
import { emptyState, type FleetState } from '../../src/domain/state.ts';
import { apply, applyEntry, beginEntry, leaderOf } from '../../src/domain/apply.ts';
import type { Chart } from '../../src/domain/transitions.ts';
import { decodeTrusted, encode } from '../../src/wire/codec.ts';
import { decodeEntry, encodeEntry } from '../../src/wire/entry.ts';
import { agent, Harness } from './harness.ts';
import { act, histories, placeSome, SoftState, type Step } from './random-history.ts';

const settings = {
  requestKeysMax: 40,
  tasksMax: 60,
  endedTasksMax: 4,
  endedTasksMs: 60_000,
  decidedProposalsMax: 1,
  decidedProposalsMs: 60_000,
  proposalsOpenMax: 4,
  membersMax: 5,
  maxRetries: 2,
};

function live(steps: readonly Step[], look: (fleet: Harness, step: Step) => void = () => undefined): Harness {
  const fleet = new Harness(settings, [0, 0.3, 0.9]);
  const soft = new SoftState();
  for (const step of steps) {
    if (step.kind !== 'place') act(fleet, step, soft);
    else {
      placeSome(fleet, soft);
    }
    look(fleet, step);
  }
  return fleet;
}

/** As it comes back from the ledger. */
const throughBytes = (entry: Entry): Entry => decodeEntry(encodeEntry(entry)) as Entry;

const throughSnapshot = (state: FleetState): FleetState =>
  restore(decodeTrusted(encode(snapshotOf(state, { lastHash: 'hash' }), 'msgpack'))).state;

/** What a leader had after a step. */
interface Seen {
  readonly sequence: number;
  /** Of the last entry. */
  readonly events: number;
  readonly canonical: string;
}

describe('any history', () => {
  it('replayed from the bytes of its entries, gives the same state', () => {
    fc.assert(
      fc.property(histories(80), (steps) => {
        const fleet = live(steps);
        expect(canonical(fleet.replayed(throughBytes))).toBe(canonical(fleet.state));
      }),
      { numRuns: 300 },
    );
  });

  it('gives the same state on the leader, on a standby and from a snapshot, at every sequence', () => {
    fc.assert(
      fc.property(histories(60), fc.nat(), (steps, n) => {
        const seen: Seen[] = [];
        const fleet = live(steps, ({ state, entries }) => {
          const { sequence } = state;
          seen.push({ sequence, events: entries.at(-1)?.events.length ?? 0, canonical: canonical(state) });
        });
        // An entry that was still open had not happened yet.
        const whole = seen.filter(
          ({ sequence, events }) => fleet.entries[sequence - 1]?.events.length === events,
        );
        const onLeader = new Map(whole.map((each) => [each.sequence, each.canonical]));
        const standby = emptyState();
        let restored: FleetState | null = null;
        fleet.entries.forEach((entry, i) => {
          const sequence = i + 1;
          applyEntry(standby, throughBytes(entry), sequence, charts);
          if (restored !== null) applyEntry(restored, throughBytes(entry), sequence, charts);
          if (i === n % fleet.entries.length) restored = throughSnapshot(standby);
          const expected = canonical(standby);
          expect(onLeader.get(sequence) ?? expected).toBe(expected);
          if (restored !== null) expect(canonical(restored)).toBe(expected);
        });
        expect(onLeader.get(standby.sequence)).toBe(canonical(standby));
      }),
      { numRuns: 200 },
    );
  });

  it('may hold every event there is: what is proven here is proven for all of them', () => {
    const sample = fc.sample(histories(80), { numRuns: 200, seed: 5 });
    const seen = new Set(sample.flatMap((steps) => live(steps).events()).map((event) => event.type));
    expect([...seen].sort()).toEqual(everyEvent);
  });

  it('breaks no invariant at any step', () => {
    fc.assert(
      fc.property(histories(80), (steps) => {
        let told = 0;
        live(steps, (fleet, step) => {
          const all = fleet.events();
          const found = violations(fleet.state, all.slice(told));
          told = all.length;
          expect(found, `after ${JSON.stringify(step)}`).toEqual([]);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('moves members, tasks and proposals only along the edges of their charts (I3)', () => {
    fc.assert(
      fc.property(histories(80), (steps) => {
        const state = emptyState();
        live(steps).entries.forEach((entry, i) => {
          beginEntry(state, { sequence: i + 1, term: entry.term, at: entry.at });
          for (const event of entry.events) {
            const before = statusOf(state, event);
            apply(state, event, leaderOf(entry), charts);
            const after = statusOf(state, event);
            if (before === null || after === null) continue;
            const { initial, table } = before.chart;
            const edges = table[before.status ?? initial]?.[event.type] ?? [];
            expect(edges.map((edge) => edge.target)).toContain(after.status ?? 'forgotten');
          }
        });
      }),
      { numRuns: 150 },
    );
  });

  it('asked for the same again answers without a word in the ledger', () => {
    fc.assert(
      fc.property(histories(60), (steps) => {
        const repeatable = steps.filter((step) => step.kind === 'submit' || step.kind === 'propose');
        const fleet = live(steps);
        const events = fleet.events().length;
        const known = repeatable.filter(({ request }) => fleet.state.requests.has(`r${request}`));
        for (const step of known) act(fleet, step, new SoftState());
        expect(fleet.events()).toHaveLength(events);
      }),
      { numRuns: 150 },
    );
  });
});

describe('the canonical form', () => {
  const fleetOf = (): Harness => {
    const fleet = new Harness();
    for (const id of ['b', 'a']) fleet.join(id, { slots: 2 });
    fleet.running('a', { payload: { z: 1, a: [1, { c: 2, b: 3 }] }, idempotencyKey: 'k' });
    fleet.propose();
    return fleet;
  };

  it('does not depend on the order in which anything was put in', () => {
    const { state } = fleetOf();
    const turned: FleetState = {
      ...Object.fromEntries(Object.entries(state).reverse()),
      members: new Map([...state.members].reverse()),
    } as unknown as FleetState;
    expect(canonical(turned)).toBe(canonical(state));
    expect(areAlike(turned, state)).toBe(true);
  });

  it.each<[string, (fleet: Harness) => void]>([
    ['a slot', (fleet) => fleet.member('a').held.clear()],
    ['a payload', (fleet) => ((firstTask(fleet).spec.payload as { a: number[] }).a[0] = 2)],
    ['a count', (fleet) => (fleet.state.counts.retries += 1)],
    ['a time', (fleet) => (fleet.state.at += 1)],
    ['a key', (fleet) => fleet.state.keys.clear()],
    ['a ballot', (fleet) => [...fleet.state.proposals.values()][0]?.ballots.set('a', vote)],
    ['a profile', (fleet) => (fleet.member('b').profile = { ...fleet.member('b').profile, slots: 3 })],
    ['an attempt', (fleet) => (firstTask(fleet).attempts[0]!.startedAt = null)],
    ['a type count', (fleet) => fleet.state.counts.tasksByType.clear()],
  ])('differs when %s does', (_, change) => {
    const fleet = fleetOf();
    const before = canonical(fleet.state);
    change(fleet);
    expect(canonical(fleet.state)).not.toBe(before);
    expect(areAlike(fleet.state, fleetOf().state)).toBe(false);
  });
});

describe('a broken state is noticed:', () => {
  it.each<[string, string, (fleet: Harness) => void]>([
    ['a task that nobody holds', 'I4', (fleet) => fleet.member('a').held.clear()],
    ['a task that two hold', 'I4', (fleet) => fleet.member('b').held.add(firstTask(fleet).spec.id)],
    ['a wrong count', 'I5', (fleet) => (fleet.state.counts.tasks.pending += 1)],
    ['a drop that was not counted', 'I5', (fleet) => (fleet.state.counts.tasksDropped += 1)],
    ['an end that was not counted', 'I5', (fleet) => (fleet.state.counts.outcomes.failed += 1)],
    ['a decision that was not counted', 'I5', (fleet) => (fleet.state.counts.decisions.expired += 1)],
    [
      'a task that waits to be dropped and runs',
      'wait to be dropped',
      (fleet) => fleet.state.ended.add(firstTask(fleet).spec.id),
    ],
    [
      'a proposal that waits to be dropped and is open',
      'wait to be dropped',
      (fleet) => fleet.state.decided.add(firstProposal(fleet).spec.id),
    ],
    ['a type that was not counted', 'I5', (fleet) => fleet.state.counts.tasksByType.clear()],
    ['an ended task without a time', 'endedAt', (fleet) => (firstTask(fleet).status = 'completed')],
    ['a gap in the attempts', 'latest attempt', (fleet) => (firstTask(fleet).attempt = 3)],
    [
      'an attempt that ended under a running task',
      'end is lost',
      (fleet) => (firstTask(fleet).attempts[0]!.end = 'lost'),
    ],
    [
      'a running task that has not started',
      'not started',
      (fleet) => (firstTask(fleet).attempts[0]!.startedAt = null),
    ],
    ['a scheduled task without a time', 'due time', (fleet) => (firstTask(fleet).status = 'scheduled')],
    ['an open proposal that was decided', 'decidedAt', (fleet) => (firstProposal(fleet).decidedAt = 5)],
    ['a ballot of a stranger', 'may not', (fleet) => firstProposal(fleet).ballots.set('eve', vote)],
    ['a dead member that has work', 'still has', (fleet) => (fleet.member('a').status = 'dead')],
    ['suspicion in the ledger', 'suspicion', (fleet) => (fleet.member('b').status = 'suspect')],
    ['more retries than allowed', 'failures', (fleet) => (firstTask(fleet).failures = 9)],
    [
      'an attempt that ended before it began',
      'out of order',
      (fleet) => (firstTask(fleet).attempts[0]!.startedAt = 5),
    ],
  ])('%s', (_, message, damage) => {
    const fleet = new Harness();
    fleet.join('a');
    fleet.join('b');
    fleet.running('a');
    fleet.propose();
    expect(violations(fleet.state)).toEqual([]);
    damage(fleet);
    expect(violations(fleet.state).join('\n')).toContain(message);
  });

  it('more work than slots, but not after the profile shrank', () => {
    const fleet = new Harness();
    fleet.join('a', { slots: 1 });
    fleet.running('a');
    const before = fleet.events().length;
    fleet.assign(fleet.submit(), 'a');
    const since = fleet.events().slice(before);
    expect(violations(fleet.state, since).join()).toContain('was given 2 for 1 slots');
    const { profile } = fleet.member('a');
    const update: LedgerEvent = { type: 'member.updated', id: agent('a'), profile };
    expect(violations(fleet.state, [...since, update])).toEqual([]);
  });
});

const vote = { decision: 'approve', reason: null, at: 0 } as const;
const firstTask = (fleet: Harness) => [...fleet.state.tasks.values()][0]!;
const firstProposal = (fleet: Harness) => [...fleet.state.proposals.values()][0]!;

interface Placed {
  readonly chart: Chart;
  /** Undefined: it is not there. */
  readonly status: string | undefined;
}

function statusOf(state: FleetState, event: LedgerEvent): Placed | null {
  const { member, task, proposal } = charts;
  if (event.type === 'task.submitted') return { chart: task, status: state.tasks.get(event.task.id)?.status };
  if (event.type === 'proposal.opened') {
    return { chart: proposal, status: state.proposals.get(event.proposal.id)?.status };
  }
  if (!('id' in event) || event.type === 'attempt.released') return null;
  if (event.type.startsWith('member.'))
    return { chart: member, status: state.members.get(event.id as never)?.status };
  if (event.type.startsWith('task.'))
    return { chart: task, status: state.tasks.get(event.id as never)?.status };
  return { chart: proposal, status: state.proposals.get(event.id as never)?.status };
}

/** Every event but the handover, which no decision emits. */
const everyEvent = [
  'attempt.released',
  'ballot.cast',
  'member.died',
  'member.draining',
  'member.forgotten',
  'member.joined',
  'member.left',
  'member.removed',
  'member.resumed',
  'member.updated',
  'proposal.decided',
  'proposal.opened',
  'proposals.dropped',
  'request.accepted',
  'task.approved',
  'task.assigned',
  'task.attemptFailed',
  'task.attemptLost',
  'task.attemptReturned',
  'task.cancelled',
  'task.cancelling',
  'task.completed',
  'task.due',
  'task.failed',
  'task.retried',
  'task.started',
  'task.submitted',
  'tasks.dropped',
  'term.started',
];
