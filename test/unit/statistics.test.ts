/** Figures that the state does not keep, fed event by event. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideCancel } from '../../src/domain/decide-tasks.ts';
import { decideDeath, decideDrain } from '../../src/domain/decide-members.ts';
import { abilitiesOf } from '../../src/domain/ability.ts';
import { lackOf } from '../../src/domain/health.ts';
import { isPresent, type FleetState } from '../../src/domain/state.ts';
import { signatureOf } from '../../src/domain/waiting.ts';
import { Statistics } from '../../src/runtime/statistics.ts';
import { agent, Harness } from './harness.ts';
import { act, histories, placeSome, SoftState } from './random-history.ts';
import { tell } from './reader-stage.ts';

function fed(): { fleet: Harness; statistics: Statistics } {
  const fleet = new Harness();
  const statistics = new Statistics(fleet.state);
  tell(fleet, (event) => {
    statistics.touch(event);
  });
  return { fleet, statistics };
}

/** Every pending task judged by every member. */
function slowUnmet(state: FleetState): Map<string, number> {
  const present = [...state.members.values()].filter(isPresent).map(({ profile }) => profile);
  const counts = new Map<string, number>();
  for (const { status, spec } of state.tasks.values()) {
    if (status !== 'pending') continue;
    const requirement = { type: spec.type, capabilities: spec.requiredCapabilities };
    if (lackOf(requirement, abilitiesOf(present)) === null) continue;
    counts.set(signatureOf(spec), (counts.get(signatureOf(spec)) ?? 0) + 1);
  }
  return counts;
}

function unmetOf(statistics: Statistics): Map<string, number> {
  return new Map(
    statistics
      .unmet()
      .map(({ requirement: { type, capabilities }, tasks }) => [
        signatureOf({ type, requiredCapabilities: capabilities }),
        tasks,
      ]),
  );
}

it('are the same, fed with every event or built from the state, at any time', () => {
  fc.assert(
    fc.property(histories(80), (steps) => {
      const { fleet, statistics } = fed();
      const soft = new SoftState();
      for (const step of steps) {
        if (step.kind === 'place') placeSome(fleet, soft);
        else act(fleet, step, soft);
        expect(unmetOf(statistics)).toEqual(slowUnmet(fleet.state));
      }
      const built = new Statistics(fleet.state);
      expect(statistics.pace(fleet.at)).toEqual(built.pace(fleet.at));
      expect(unmetOf(built)).toEqual(slowUnmet(fleet.state));
      const oldest = [...fleet.state.tasks.values()].find(({ status }) => status === 'pending');
      expect(statistics.pace(fleet.at).oldestWaitingMs).toBe(
        oldest === undefined ? null : fleet.at - oldest.submittedAt,
      );
    }),
    { numRuns: 60 },
  );
});

describe('the last minute', () => {
  it('counts what was completed in it', () => {
    const { fleet, statistics } = fed();
    fleet.join('a', { slots: 9 });
    for (let i = 0; i < 3; i += 1) fleet.completed(fleet.running('a'));
    fleet.wait(59_000);
    fleet.completed(fleet.running('a'));
    expect(statistics.pace(fleet.at).completedPerMinute).toBe(4);
    fleet.wait(1_000);
    expect(statistics.pace(fleet.at).completedPerMinute).toBe(1);
    fleet.wait(60_000);
    expect(statistics.pace(fleet.at)).toEqual({
      completedPerMinute: 0,
      waitingMs: null,
      oldestWaitingMs: null,
    });
  });

  it('says how long tasks waited for their first attempt, from when they could have had it', () => {
    const { fleet, statistics } = fed();
    fleet.join('a', { slots: 9 });
    const [one, two] = fleet.submitAll([{}, { delayMs: 1_000 }]);
    fleet.wait(100);
    if (one !== undefined) fleet.assign(one, 'a');
    expect(statistics.pace(fleet.at).waitingMs).toBe(100);
    fleet.wait(900);
    if (two !== undefined) fleet.emit({ type: 'task.due', id: two });
    fleet.wait(300);
    if (two !== undefined) fleet.assign(two, 'a');
    expect(statistics.pace(fleet.at).waitingMs).toBe(200);
    decideDeath(fleet, fleet.member('a'), 'gone');
    fleet.join('b', { slots: 9 });
    if (one !== undefined) fleet.assign(one, 'b');
    expect(statistics.pace(fleet.at).waitingMs).toBe(200);
  });
});

describe('what nobody could take', () => {
  it('is what no present member could, whether it has time for it or not', () => {
    const { fleet, statistics } = fed();
    const id = fleet.submit({ requiredCapabilities: ['x'] });
    expect(statistics.unmet()).toMatchObject([{ tasks: 1, lack: { kind: 'capability', capability: 'x' } }]);
    fleet.join('a', { capabilities: ['x'] });
    fleet.running('a');
    expect(statistics.unmet()).toEqual([]);
    decideDrain(fleet, agent('a'));
    expect(statistics.unmet()).toEqual([]);
    decideDeath(fleet, fleet.member('a'), 'gone');
    expect(statistics.unmet()).toMatchObject([{ tasks: 1 }, { tasks: 1, lack: { kind: 'handler' } }]);
    decideCancel(fleet, id);
    expect(statistics.unmet()).toMatchObject([{ tasks: 1, lack: { kind: 'handler' } }]);
  });

  it('is listed up to a hundred kinds', () => {
    const { fleet, statistics } = fed();
    fleet.submitAll(Array.from({ length: 150 }, (_, i) => ({ type: `type_${i}` })));
    expect(statistics.unmet()).toHaveLength(100);
  });
});
