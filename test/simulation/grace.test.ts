/** Silence that says nothing of those who are silent: DESIGN §6. */
import { expect, test } from 'vitest';
import { memberMachine } from '../../actors/member.ts';
import { Inspector } from '../../src/runtime/inspector.ts';
import { Liveness } from '../../src/runtime/liveness.ts';
import { agent, Harness, life } from '../unit/harness.ts';
import { portsOf, worldOf } from './talk.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { Rejections } from '../../src/runtime/rejections.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';

/** `w` is silent from the beginning; its timeout is 5 s. */
function stage() {
  const world = worldOf();
  const host = world.host('leader');
  const { clock, bus } = portsOf(world, 'leader');
  const fleet = new Harness();
  for (const id of ['leader', 'w']) fleet.join(id);
  const dead: string[] = [];
  const ears = { work: true };
  const subjects = subjectsOf('f');
  const none = (): void => undefined;
  const liveness = new Liveness({
    clock,
    state: fleet.state,
    settings: fleet.settings,
    intervalMs: () => fleet.settings.heartbeatIntervalMs,
    announced: () => null,
    self: agent('leader'),
    machine: memberMachine,
    inspector: new Inspector({
      clock,
      bus,
      subjects,
      id: agent('leader'),
      incarnation: life('leader-1'),
      log: silentLog,
      rejections: new Rejections(clock, silentLog),
    }),
    isAfterCutOff: false,
    canHear: () => ears.work,
    probe: none,
    onDead: ({ id }) => dead.push(id),
    onDeaf: none,
    onChanged: none,
    onCutOff: none,
  });
  return { world, host, dead, ears, stop: () => liveness.stop() };
}

test('a new leader gives everybody a full timeout', () => {
  const { world, dead } = stage();
  world.runFor(4_500);
  expect(dead).toEqual([]);
  world.runFor(1_000);
  expect(dead).toEqual(['w']);
});

test('a leader that stood still gives everybody a full timeout', () => {
  const { world, host, dead } = stage();
  world.runFor(1_000);
  host.pause();
  world.runFor(10_000);
  host.resume();
  world.runFor(4_500);
  expect(dead).toEqual([]);
  world.runFor(1_000);
  expect(dead).toEqual(['w']);
});

test('a leader that could hear nobody gives everybody a full timeout', () => {
  const { world, dead, ears } = stage();
  ears.work = false;
  world.runFor(10_000);
  ears.work = true;
  world.runFor(4_500);
  expect(dead).toEqual([]);
  world.runFor(1_000);
  expect(dead).toEqual(['w']);
});
