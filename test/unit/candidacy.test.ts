/** Who may stand, when, and after whom: on a simulated clock, with beats that were heard. */
import { expect, test } from 'vitest';
import { decideDrain, decideRemove } from '../../src/domain/decide-members.ts';
import { Candidacy } from '../../src/runtime/candidacy.ts';
import { LedgerTime } from '../../src/runtime/ledger-time.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { Rejections } from '../../src/runtime/rejections.ts';
import { Roster } from '../../src/runtime/roster.ts';
import { SimulatedWorld } from '../../src/simulation/index.ts';
import { encode } from '../../src/wire/codec.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { beatOf } from '../support/beats.ts';
import { accept, agent, Harness, life } from './harness.ts';

/** `b` in a fleet that `a` leads; its own priority is 5. */
function stage() {
  const world = new SimulatedWorld({ seed: 1 });
  const { clock, bus } = world.host('b').ports('f');
  const subjects = subjectsOf('f');
  const rejections = new Rejections(clock, silentLog);
  const roster = new Roster({ clock, bus, subjects, rejections, presumedMs: () => 1_000 });
  const fleet = new Harness();
  fleet.lead('a');
  const ledgerTime = new LedgerTime(clock);
  ledgerTime.take();
  const candidacy = new Candidacy({
    clock,
    settings: fleet.settings,
    id: agent('b'),
    incarnation: life('b-1'),
    roster,
    ledgerTime,
    state: () => fleet.state,
    score: () => 6,
    orders: () => null,
  });
  const hear = (id: string, priority: number): void => {
    const subject = subjects.agent('heartbeat', agent(id));
    bus.publish({ subject, data: encode(beatOf({ priority }), 'json') });
    world.runFor(10);
  };
  return { world, fleet, candidacy, hear };
}

test('who is no member, or drains, stands only while nobody leads', () => {
  const { fleet, candidacy } = stage();
  expect([candidacy.mayStand(true), candidacy.mayStand(false)]).toEqual([false, true]);
  fleet.join('b');
  expect([candidacy.mayStand(true), candidacy.mayStand(false)]).toEqual([true, true]);
  accept(decideDrain(fleet, agent('b')));
  expect([candidacy.mayStand(true), candidacy.mayStand(false)]).toEqual([false, true]);
});

test('a process that was removed never stands, whoever leads', () => {
  const { fleet, candidacy } = stage();
  fleet.join('b');
  accept(decideRemove(fleet, agent('b')));
  expect([candidacy.mayStand(true), candidacy.mayStand(false)]).toEqual([false, false]);
});

test('who handed over because another should lead lets the others go first', () => {
  const { fleet, candidacy } = stage();
  const worse = { id: agent('c'), score: 0 };
  fleet.join('b');
  fleet.lead('b');
  expect([candidacy.delayMs(), candidacy.yieldsTo(worse)]).toEqual([0, false]);
  fleet.emit({ type: 'term.handedOver', reason: 'cutOff' });
  expect([candidacy.delayMs(), candidacy.yieldsTo(worse)]).toEqual([fleet.settings.handoverPatienceMs, true]);
});

test('the better ones go first, a step apart', () => {
  const { fleet, candidacy, hear } = stage();
  const { candidacyDelayMs } = fleet.settings;
  expect(candidacy.delayMs()).toBe(0);
  hear('c', 9);
  expect(candidacy.delayMs()).toBe(candidacyDelayMs);
  hear('d', 7);
  expect(candidacy.delayMs()).toBe(2 * candidacyDelayMs);
  hear('e', 1);
  expect(candidacy.delayMs()).toBe(2 * candidacyDelayMs);
});

test('own claims out of suspicion keep a growing distance, up to half a minute', () => {
  const { world, candidacy } = stage();
  const distances: number[] = [];
  for (let i = 0; i < 10; i += 1) {
    candidacy.backOff('leader.gone');
    let waitedMs = 0;
    for (; !candidacy.mayStand(false) && waitedMs < 60_000; waitedMs += 50) world.runFor(50);
    distances.push(waitedMs);
  }
  expect(distances).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  candidacy.backOff('trigger');
  expect(candidacy.mayStand(false)).toBe(true);
});
