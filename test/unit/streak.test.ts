/** For how long something has been so, by when it was found. */
import { expect, it } from 'vitest';
import { found, type Streak } from '../../src/domain/streak.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { Replica } from '../../src/runtime/replica.ts';
import { charts } from '../../actors/table.ts';
import { SimulatedWorld } from '../../src/simulation/index.ts';

it('goes on while it is found often enough, and begins anew after a gap', () => {
  let streak: Streak | null = null;
  const since = [0, 400, 1_400, 2_401, 3_000].map((now) => {
    streak = found(streak, { now, gapMsMax: 1_000 });
    return streak.since;
  });
  expect(since).toEqual([0, 0, 0, 2_401, 2_401]);
});

function follower() {
  const world = new SimulatedWorld({ seed: 1 });
  const broken: string[] = [];
  const replica = new Replica({
    ...world.host('a').ports('default'),
    charts,
    log: silentLog,
    lossPatienceMs: 12_000,
    onEntry: () => undefined,
    onAdopted: () => undefined,
    onBroken: ({ code }) => broken.push(code),
  });
  return { world, replica, broken };
}

it('a ledger that is found shorter at two fail-overs, hours apart, is not taken for broken', async () => {
  const { world, replica, broken } = follower();
  for (let failOver = 0; failOver < 3; failOver += 1) {
    replica.foundEnd(4, 5);
    await world.advance(4_000);
    replica.foundEnd(4, 5);
    await world.advance(3_600_000);
  }
  expect(broken).toEqual([]);
});

it('a ledger that stays shorter for as long as a fail-over can take is broken', async () => {
  const { world, replica, broken } = follower();
  for (let seconds = 0; seconds < 12; seconds += 1) {
    replica.foundEnd(4, 5);
    await world.advance(1_000);
  }
  expect(broken).toEqual([]);
  replica.foundEnd(4, 5);
  expect(broken).toEqual(['LEDGER_BROKEN']);
});
