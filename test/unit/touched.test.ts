/** A checker that looks only at what an entry touched misses nothing that the entry changed. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { charts } from '../../actors/table.ts';
import { applyEntry } from '../../src/domain/apply.ts';
import { violationsIn } from '../../src/domain/invariants.ts';
import { areAlike } from '../../src/domain/state-hash.ts';
import { emptyState } from '../../src/domain/state.ts';
import { touchedBy } from '../../src/domain/touched.ts';
import { Harness } from './harness.ts';
import { act, histories, placeSome, SoftState, type Step } from './random-history.ts';

function live(steps: readonly Step[]): Harness {
  const fleet = new Harness({ tasksMax: 60, endedTasksMax: 4, endedTasksMs: 60_000, membersMax: 5 });
  const soft = new SoftState();
  for (const step of steps) {
    if (step.kind === 'place') placeSome(fleet, soft);
    else act(fleet, step, soft);
  }
  return fleet;
}

it('every record that an entry changed is touched by it, and what it touched is sound', () => {
  fc.assert(
    fc.property(histories(60), (steps) => {
      const state = emptyState();
      live(steps).entries.forEach((entry, i) => {
        const before = structuredClone(state);
        applyEntry(state, entry, i + 1, charts);
        const touched = touchedBy(entry.events, state);
        for (const name of ['tasks', 'members', 'proposals'] as const) {
          expect([...touched[name]]).toEqual(expect.arrayContaining(changedIn(before[name], state[name])));
        }
        expect(violationsIn(state, touched, entry.events)).toEqual([]);
      });
    }),
    { numRuns: 100 },
  );
});

it('damage to what an entry touched is noticed', () => {
  const fleet = new Harness();
  fleet.join('a');
  const before = fleet.events().length;
  fleet.running('a');
  const since = fleet.events().slice(before);
  const { state } = fleet;
  expect(violationsIn(state, touchedBy(since, state), since)).toEqual([]);
  fleet.member('a').held.clear();
  expect(violationsIn(state, touchedBy(since, state), since).join()).toContain('I4');
  state.counts.tasksDropped += 1;
  expect(violationsIn(state, touchedBy([], state), []).join()).toContain('I5');
});

function changedIn(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): string[] {
  const ids = new Set([...before.keys(), ...after.keys()]);
  return [...ids].filter((id) => !areAlike(before.get(id), after.get(id)));
}
