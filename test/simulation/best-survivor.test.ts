/** Fifty kills of the leader in a simulated fleet with distinct scores: who leads next? */
import { expect, test } from 'vitest';
import type { Candidate } from '../../src/domain/events.ts';
import { SimulatedFleet, SimulatedWorld } from '../../src/simulation/index.ts';

const KILLS = 50;
const ids = ['ada', 'bob', 'cyd', 'dan', 'eve'];
const priorityOf = (id: string): number => ids.indexOf(id) * 10;

type Rank = (candidates: readonly Candidate[]) => readonly Candidate[];

/** How often the best survivor led next. */
function bestFollows(seed: number, rankIn?: (world: SimulatedWorld) => Rank): number {
  const world = new SimulatedWorld({ seed });
  const fleet = new SimulatedFleet(world, rankIn === undefined ? {} : { rank: rankIn(world) });
  for (const id of ids) fleet.join(id, { priority: priorityOf(id) });
  let hits = 0;
  for (let i = 0; i < KILLS; i++) {
    world.runUntil(() => isSettled(fleet), { withinMs: 60_000 });
    // Two beats later everybody knows everybody's score.
    world.runFor(2_500);
    const killed = fleet.leader()?.id ?? '';
    fleet.kill(killed);
    world.runUntil(() => fleet.leader() !== undefined, { withinMs: 60_000 });
    const best = ids.filter((id) => id !== killed).at(-1);
    if (fleet.leader()?.id === best) hits += 1;
    fleet.revive(killed);
  }
  return hits;
}

function isSettled(fleet: SimulatedFleet): boolean {
  const members = fleet.leader()?.contender?.replica.state.members;
  return (
    members !== undefined &&
    ids.every((id) => {
      const member = members.get(id as never);
      return member?.status === 'alive' && member.incarnation === fleet.nodes.get(id)?.incarnation;
    })
  );
}

test('the best survivor leads after at least 49 of 50 kills', () => {
  expect(bestFollows(1)).toBeGreaterThanOrEqual(49);
});

test('it does not when the order of candidacy is shuffled', () => {
  const shuffled = (world: SimulatedWorld): Rank => {
    const random = world.random('rank');
    return (candidates) =>
      candidates
        .map((candidate) => ({ candidate, key: random.next() }))
        .sort((a, b) => a.key - b.key)
        .map(({ candidate }) => candidate);
  };
  expect(bestFollows(1, shuffled)).toBeLessThan(49);
});
