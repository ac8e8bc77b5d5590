/** What is told of the ledger: the same by whoever follows it, wherever they begin. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { charts } from '../../actors/table.ts';
import { applyEntry } from '../../src/domain/apply.ts';
import { decideDeath, decideJoin, decideLeave } from '../../src/domain/decide-members.ts';
import { decideCancel, decideRetry, lose } from '../../src/domain/decide-tasks.ts';
import type { ElectionCause, Entry, LedgerEvent } from '../../src/domain/events.ts';
import { emptyState } from '../../src/domain/state.ts';
import { Narrator, type Told } from '../../src/runtime/narrator.ts';
import { accept, agent, goneHolder, Harness, life, profileOf } from './harness.ts';
import { act, histories, placeSome, SoftState, type Step } from './random-history.ts';

/** Each entry when it is applied, as an observer tells it. */
function toldOf(entries: readonly Entry[]): Told[][] {
  const state = emptyState();
  const narrator = new Narrator(() => state);
  return entries.map((entry, i) => {
    applyEntry(state, entry, i + 1, charts);
    return narrator.tell(entry);
  });
}

const kindsOf = (told: readonly Told[]): string[] => told.map(({ kind }) => kind);

/** What was told of all that `run` did. */
function during(fleet: Harness, run: () => void): Told[] {
  fleet.wait(1);
  const before = fleet.entries.length;
  run();
  return toldOf(fleet.entries).slice(before).flat();
}

function die(fleet: Harness, id: string): void {
  decideDeath(fleet, fleet.member(id), 'fell silent');
}

describe('a change of leaders', () => {
  const startOf = (fleet: Harness, cause: ElectionCause): LedgerEvent => {
    fleet.lead('second');
    const last = fleet.entries.at(-1);
    const event: LedgerEvent = { type: 'term.started', cause, candidates: [], durationMs: 40 };
    fleet.entries[fleet.entries.length - 1] = { ...(last as Entry), events: [event] };
    return event;
  };

  it.each(['leader.gone', 'leader.silent', 'leader.resigned'] as const)(
    'tells of the loss before the election when the cause is %s',
    (cause) => {
      const fleet = new Harness();
      const told = during(fleet, () => startOf(fleet, cause));
      expect(told).toEqual([
        { kind: 'leader.lost', item: { leader: 'leader', term: 1, cause }, agent: 'leader', type: null },
        {
          kind: 'leader.elected',
          item: { leader: 'second', term: 2, cause, candidates: [], durationMs: 40 },
          agent: 'second',
          type: null,
        },
      ]);
    },
  );

  it('tells of a handover once, with its reason', () => {
    const fleet = new Harness();
    const told = during(fleet, () => {
      fleet.emit({ type: 'term.handedOver', reason: 'leave' });
      startOf(fleet, 'handover');
    });
    expect(kindsOf(told)).toEqual(['leader.lost', 'leader.elected']);
    expect(told[0]?.item).toEqual({ leader: 'leader', term: 1, reason: 'leave' });
  });

  it('tells of no loss when the fleet has its first leader', () => {
    expect(kindsOf(toldOf(new Harness().entries).flat())).toEqual(['leader.elected']);
  });
});

describe('a recovery', () => {
  it('is complete when all tasks of the dead agent are assigned again or have ended', () => {
    const fleet = new Harness();
    for (const id of ['a', 'b']) fleet.join(id, { slots: 3 });
    const [one, two, three] = [fleet.running('a'), fleet.running('a'), fleet.running('a')];
    expect(
      kindsOf(
        during(fleet, () => {
          die(fleet, 'a');
          fleet.assign(one, 'b');
        }),
      ),
    ).toEqual(['task.attemptLost', 'task.attemptLost', 'task.attemptLost', 'agent.died', 'task.assigned']);
    fleet.wait(500);
    accept(decideCancel(fleet, two));
    const told = during(fleet, () => fleet.assign(three, 'b'));
    expect(told.at(-1)).toEqual({
      kind: 'recovery.completed',
      item: { agent: 'a', tasks: 3, durationMs: 501 },
      agent: 'a',
      type: null,
    });
    expect(kindsOf(told)).toEqual(['task.assigned', 'recovery.completed']);
  });

  it('is complete at once when there is nothing to recover', () => {
    const fleet = new Harness();
    fleet.join('a');
    const told = during(fleet, () => {
      die(fleet, 'a');
    });
    expect(kindsOf(told)).toEqual(['agent.died', 'recovery.completed']);
    expect(told[1]?.item).toEqual({ agent: 'a', tasks: 0, durationMs: 0 });
  });

  it('follows the takeover of an id by a new process', () => {
    const fleet = new Harness();
    fleet.join('a');
    const task = fleet.running('a');
    const request = { id: agent('a'), incarnation: life('a-2'), profile: profileOf() };
    const told = during(fleet, () => {
      accept(decideJoin(fleet, request, goneHolder(fleet, 'a')));
      fleet.assign(task, 'a');
    });
    expect(kindsOf(told)).toEqual([
      ...['task.attemptLost', 'agent.died', 'agent.joined', 'task.assigned'],
      'recovery.completed',
    ]);
    expect(told.at(-1)?.item).toEqual({ agent: 'a', tasks: 1, durationMs: 0 });
  });

  it('is not told of an agent that leaves, nor of one that lost a task and lives', () => {
    const fleet = new Harness();
    for (const id of ['a', 'b']) fleet.join(id);
    const [one, two] = [fleet.running('a'), fleet.running('b')];
    const told = during(fleet, () => {
      lose(fleet, fleet.task(one), 'agent a does not know of it any more');
      accept(decideLeave(fleet, { id: agent('b'), incarnation: life('b-1') }));
      fleet.assign(one, 'a');
    });
    expect(kindsOf(told)).not.toContain('recovery.completed');
    expect(fleet.task(two).status).toBe('pending');
  });
});

describe('a task event', () => {
  it('names the type, and the agent whose attempt it is', () => {
    const fleet = new Harness({ retryBackoffMs: 1 });
    for (const id of ['a', 'b']) fleet.join(id);
    let [failing, dropped] = ['', ''];
    const told = during(fleet, () => {
      failing = fleet.running('a', { maxRetries: 0, target: 'host-7' });
      fleet.failed(fleet.state.tasks.get(failing as never)?.spec.id as never);
      dropped = fleet.submit({ type: 'wash' });
      accept(decideCancel(fleet, dropped as never));
    });
    const about = { type: 'scan', agent: 'a' };
    expect(told.map(({ kind, item, agent: who, type }) => [kind, item, who, type])).toEqual([
      ['task.submitted', { id: failing, type: 'scan', priority: 5, target: 'host-7' }, null, 'scan'],
      ['task.assigned', { id: failing, attempt: 1, ...about }, 'a', 'scan'],
      ['task.started', { id: failing, attempt: 1, ...about }, 'a', 'scan'],
      [
        'task.failed',
        { id: failing, status: 'failed', error: { message: 'broke' }, attempt: 1, ...about },
        ...['a', 'scan'],
      ],
      ['task.submitted', { id: dropped, type: 'wash', priority: 5, target: null }, null, 'wash'],
      [
        'task.cancelled',
        { id: dropped, status: 'cancelled', agent: null, attempt: 0, type: 'wash' },
        null,
        'wash',
      ],
    ]);
  });

  it('is told as it was, also when the state has gone on', () => {
    const fleet = new Harness();
    for (const id of ['a', 'b']) fleet.join(id);
    const task = fleet.running('a', { maxRetries: 0 });
    fleet.wait(1);
    fleet.failed(task);
    const entry = fleet.entries.at(-1) as Entry;
    fleet.wait(1);
    accept(decideRetry(fleet, task));
    fleet.assign(task, 'b');
    const [told] = new Narrator(() => fleet.state).tell(entry);
    expect(told?.item).toMatchObject({ status: 'failed', agent: 'a', attempt: 1 });
  });
});

/** No process dies twice, and no task that failed with its agent is retried: see `recoveries.ts`. */
function isDerivable(events: readonly LedgerEvent[]): boolean {
  const lives = new Map<string, string>();
  const deaths = new Set<string>();
  const lost = new Set<string>();
  return events.every((event) => {
    if (event.type === 'member.joined') lives.set(event.id, event.incarnation);
    if (event.type === 'task.failed' && event.end === 'lost') lost.add(event.id);
    if (event.type === 'task.retried') return !lost.has(event.id);
    if (event.type !== 'member.died') return true;
    const which = lives.get(event.id) ?? '';
    const isFirst = !deaths.has(which);
    deaths.add(which);
    return isFirst;
  });
}

describe('any history', () => {
  const live = (steps: readonly Step[]): Harness => {
    const fleet = new Harness({ tasksMax: 60, membersMax: 5, maxRetries: 2 }, [0, 0.3, 0.9]);
    const soft = new SoftState();
    for (const step of steps) {
      if (step.kind === 'place') placeSome(fleet, soft);
      else act(fleet, step, soft);
    }
    return fleet;
  };

  it('is told alike by a leader whose state is ahead of what is committed', () => {
    fc.assert(
      fc.property(histories(60), fc.nat(3), (steps, ahead) => {
        const { entries } = live(steps);
        const expected = toldOf(entries);
        const state = emptyState();
        const narrator = new Narrator(() => state);
        entries.forEach((entry, i) => {
          const next = entries.slice(i + 1, i + 1 + ahead);
          const over = next.findIndex(({ events }) => events[0]?.type === 'term.started');
          const isStart = entry.events[0]?.type === 'term.started';
          const far = isStart ? i : i + (over === -1 ? next.length : over);
          while (state.sequence <= far) {
            const at = state.sequence;
            applyEntry(state, entries[at] as Entry, at + 1, charts);
          }
          expect(narrator.tell(entry)).toEqual(expected[i]);
        });
      }),
      { numRuns: 200 },
    );
  });

  it('is told alike by one that begins at any entry', () => {
    fc.assert(
      fc.property(histories(60), fc.nat(), (steps, n) => {
        const { entries } = live(steps);
        fc.pre(isDerivable(entries.flatMap(({ events }) => events)));
        const expected = toldOf(entries);
        const from = n % entries.length;
        const state = emptyState();
        entries.slice(0, from).forEach((entry, i) => {
          applyEntry(state, entry, i + 1, charts);
        });
        const narrator = new Narrator(() => state);
        const told = entries.slice(from).map((entry, i) => {
          applyEntry(state, entry, from + i + 1, charts);
          return narrator.tell(entry);
        });
        expect(told).toEqual(expected.slice(from));
      }),
      { numRuns: 300 },
    );
  });

  it('completes each recovery once, and none that did not begin', () => {
    fc.assert(
      fc.property(histories(60), (steps) => {
        const told = toldOf(live(steps).entries).flat();
        const deaths = kindsOf(told).filter((kind) => kind === 'agent.died').length;
        const recovered = kindsOf(told).filter((kind) => kind === 'recovery.completed').length;
        expect(recovered).toBeLessThanOrEqual(deaths);
      }),
      { numRuns: 100 },
    );
  });
});
