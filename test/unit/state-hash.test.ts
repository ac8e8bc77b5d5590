/** The text of a state, which is hashed: DESIGN §3, the same sequence gives the same state hash. */
import { expect, it } from 'vitest';
import type { FleetState } from '../../src/domain/state.ts';
import { canonical } from '../../src/domain/state-hash.ts';
import { Harness, proposalOf } from './harness.ts';

/** Some of everything. */
function stateOf(): FleetState {
  const fleet = new Harness();
  fleet.lead('a');
  for (const id of ['w', 'v']) fleet.join(id);
  fleet.running('w');
  fleet.completed(fleet.running('w'));
  fleet.submit({ approval: proposalOf() });
  fleet.propose();
  return fleet.state;
}

it('is the same, in whatever order the state was filled', () => {
  const state = stateOf();
  const turned = Object.fromEntries(
    Object.entries(state)
      .map(([key, value]: [string, unknown]): [string, unknown] => {
        if (value instanceof Map)
          return [key, new Map([...(value as ReadonlyMap<unknown, unknown>)].reverse())];
        if (value instanceof Set) return [key, new Set([...(value as ReadonlySet<unknown>)].reverse())];
        return [key, value];
      })
      .reverse(),
  ) as unknown as FleetState;
  expect([...turned.members.keys()]).not.toEqual([...state.members.keys()]);
  expect(canonical(turned)).toBe(canonical(state));
});

it('is another when any part of the state is', () => {
  const state = stateOf();
  const text = canonical(state);
  const silent = Object.keys(state).filter((key) => {
    const changed = { ...state, [key]: 'another' };
    return canonical(changed) === text;
  });
  expect(silent).toEqual([]);
  expect(canonical(structuredClone(state))).toBe(text);
});
