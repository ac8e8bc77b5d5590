/** What is dropped in any history, against a list of ends; and that lists and figures follow whole entries. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decideProposalsDrop, decideTasksDrop } from '../../src/domain/decide-drops.ts';
import { decideCancel } from '../../src/domain/decide-tasks.ts';
import type { LedgerEvent } from '../../src/domain/events.ts';
import { violations } from '../../src/domain/invariants.ts';
import { Reader } from '../../src/runtime/reader.ts';
import { Statistics } from '../../src/runtime/statistics.ts';
import { passed, watched } from './drops.ts';
import { accept, Harness } from './harness.ts';
import { act, histories, placeSome, SoftState } from './random-history.ts';
import { tell } from './reader-stage.ts';

/** Keeps a list of ends, and says what must be gone: the slow obvious version. */
class Ends {
  readonly list: { readonly id: string; readonly at: number }[] = [];

  see(event: LedgerEvent, at: number): void {
    if (event.type === 'task.completed' || event.type === 'task.failed' || event.type === 'task.cancelled')
      this.list.push({ id: event.id, at });
    if (event.type === 'task.retried') this.#remove(event.id);
    if (event.type === 'tasks.dropped') for (const id of event.ids) this.#remove(id, true);
  }

  /** The oldest of all that have ended go first. */
  #remove(id: string, isDrop = false): void {
    const place = this.list.findIndex((each) => each.id === id);
    if (isDrop) expect(place, `${id} is dropped in its turn`).toBe(0);
    this.list.splice(place, 1);
  }
}

const tiny = {
  tasksMax: 60,
  endedTasksMax: 3,
  endedTasksMs: 50_000,
  decidedProposalsMax: 1,
  decidedProposalsMs: 50_000,
  membersMax: 5,
  maxRetries: 2,
};

it('in any history goes what is too old or too much, nothing else, and only in order', () => {
  fc.assert(
    fc.property(histories(80), (steps) => {
      const fleet = new Harness(tiny, [0, 0.5]);
      const ends = new Ends();
      const timers = watched(fleet);
      tell(fleet, (event) => {
        ends.see(event, fleet.state.at);
      });
      const soft = new SoftState();
      for (const step of steps) {
        if (step.kind === 'place') placeSome(fleet, soft);
        else act(fleet, step, soft);
        fleet.wait(2);
        passed(fleet, timers);
        expect([...fleet.state.ended]).toEqual(ends.list.map(({ id }) => id));
        expect(ends.list.length).toBeLessThanOrEqual(tiny.endedTasksMax + 1);
        const oldest = ends.list[0]?.at ?? fleet.at;
        expect(fleet.at - oldest).toBeLessThanOrEqual(1.05 * tiny.endedTasksMs);
        expect(violations(fleet.state)).toEqual([]);
      }
    }),
    { numRuns: 150 },
  );
});

it('lists and figures that follow whole entries are those of a state without what was dropped', () => {
  fc.assert(
    fc.property(histories(80), (steps) => {
      const fleet = new Harness(tiny, [0, 0.5]);
      const [followed, statistics] = [readerOf(fleet), new Statistics(fleet.state)];
      const soft = new SoftState();
      let told = fleet.events().length;
      for (const step of steps) {
        if (step.kind === 'place') placeSome(fleet, soft);
        else act(fleet, step, soft);
        decideTasksDrop(fleet);
        decideProposalsDrop(fleet);
        for (const event of fleet.events().slice(told)) {
          statistics.touch(event);
          followed.touch(event);
        }
        told = fleet.events().length;
      }
      const fresh = readerOf(fleet);
      expect(followed.tasks({ limit: 100 })).toEqual(fresh.tasks({ limit: 100 }));
      expect(followed.proposals({ limit: 100 })).toEqual(fresh.proposals({ limit: 100 }));
      const built = new Statistics(fleet.state);
      expect(statistics.pace(fleet.at).oldestWaitingMs).toBe(built.pace(fleet.at).oldestWaitingMs);
      expect(statistics.unmet()).toHaveLength(built.unmet().length);
    }),
    { numRuns: 150 },
  );
});

it('a task that waited, was cancelled and was dropped within one entry waits no longer', () => {
  const fleet = new Harness({ endedTasksMax: 1 });
  const statistics = new Statistics(fleet.state);
  const ids = fleet.submitAll([{}, {}, {}, {}]);
  for (const event of fleet.events()) statistics.touch(event);
  const told = fleet.events().length;
  for (const id of ids) accept(decideCancel(fleet, id));
  decideTasksDrop(fleet);
  for (const event of fleet.events().slice(told)) statistics.touch(event);
  fleet.wait(500);
  expect(statistics.pace(fleet.at).oldestWaitingMs).toBeNull();
  expect(statistics.unmet()).toEqual([]);
});

/** One that has been asked before anything happened, and follows from then on. */
function readerOf(fleet: Harness): Reader {
  const reader = new Reader({
    fleet: 'f',
    state: () => fleet.state,
    memberState: () => null,
    suspicionOf: () => null,
    roster: { get: () => undefined },
    now: () => 0,
    ledgerNow: () => fleet.at,
    hasLeader: () => true,
    broker: () => null,
  });
  reader.prepare();
  return reader;
}
