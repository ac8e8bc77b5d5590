/**
 * What SPEC T3 promises of placement, as properties of any course of submits, completions, and changes of slots,
 * capabilities and drains in between. Each is said of what was chosen and of the state alone: it knows no index, and
 * not how a choice is made.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideDrain, decideResume } from '../../src/domain/decide-members.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import { Placement, type Placed } from '../../src/domain/placement.ts';
import { usedSlots, type Member, type Task } from '../../src/domain/state.ts';
import { agent, Harness } from './harness.ts';

const names = ['a', 'b', 'c', 'd'] as const;
const who = fc.constantFrom(...names);
const priority = fc.integer({ min: 1, max: 3 });
const needs = fc.constantFrom<readonly string[]>([], ['x'], ['y'], ['x', 'y']);
const deed = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('submit' as const),
      type: fc.constantFrom('scan', 'clean'),
      requiredCapabilities: needs,
      priority,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('update' as const),
      who,
      slots: fc.integer({ min: 1, max: 4 }),
      capabilities: needs,
      handles: fc.constantFrom<readonly string[]>(['*'], ['scan'], ['clean', 'scan']),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('drain' as const, 'resume' as const), who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('complete' as const), who, nth: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('place' as const), limit: fc.integer({ min: 1, max: 9 }) }),
  },
);
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;
const courses = fc.array(deed, { maxLength: 60, size: 'max' });

/** A fleet with an index that is kept in step with it, as a leader has. */
class Yard {
  readonly fleet = new Harness();
  /** Before each choice is carried out. */
  onChoice: (choice: Placed) => void = () => undefined;
  readonly #placement: Placement;
  #told = 0;

  constructor(join: (fleet: Harness) => void) {
    join(this.fleet);
    this.#placement = new Placement(this.fleet.state, { loadOf: () => 0, isEligible: () => true });
    this.#told = this.fleet.events().length;
  }

  do(deed: Deed): void {
    const { fleet } = this;
    switch (deed.kind) {
      case 'submit':
        fleet.submit(deed);
        break;
      case 'update': {
        const { slots, capabilities, handles } = deed;
        fleet.join(deed.who, { slots, capabilities, handles });
        break;
      }
      case 'drain':
        decideDrain(fleet, agent(deed.who));
        break;
      case 'resume':
        decideResume(fleet, agent(deed.who));
        break;
      case 'complete': {
        const held = [...fleet.member(deed.who).held];
        const id = held[deed.nth % Math.max(1, held.length)];
        if (id !== undefined) fleet.completed(id);
        break;
      }
      case 'place':
        this.place(deed.limit);
        break;
    }
    this.#tell();
  }

  place(limit = Infinity): readonly Placed[] {
    const placed: Placed[] = [];
    this.#placement.place(limit, (choice) => {
      this.onChoice(choice);
      placed.push(choice);
      this.fleet.emit({ type: 'task.assigned', ...choice });
      this.#tell();
    });
    return placed;
  }

  pending(): Task[] {
    return [...this.fleet.state.tasks.values()].filter(({ status }) => status === 'pending');
  }

  /** Who could take it now. */
  takers({ spec }: Task): Member[] {
    return [...this.fleet.state.members.values()].filter((member) => {
      const { handles, capabilities, slots } = member.profile;
      const isAble =
        (handles.includes('*') || handles.includes(spec.type)) &&
        spec.requiredCapabilities.every((each) => capabilities.includes(each));
      return isAble && member.status === 'alive' && usedSlots(member) < slots;
    });
  }

  #tell(): void {
    const all = this.fleet.events();
    for (const event of all.slice(this.#told)) this.#placement.observe(event);
    this.#told = all.length;
  }
}

const four = (fleet: Harness): void => {
  for (const id of names) fleet.join(id, { slots: 2, capabilities: id < 'c' ? ['x'] : [] });
};
const requirementOf = ({ spec }: Task): string => `${spec.type} ${spec.requiredCapabilities.join(' ')}`;
const loadOf = (member: Member): number => usedSlots(member) / member.profile.slots;

describe('in any course of things', () => {
  it('a task that nobody can take delays no other, however urgent and old it is', () => {
    fc.assert(
      fc.property(courses, (course) => {
        const alone = new Yard(withOneThatIsFull);
        const among = new Yard(withOneThatIsFull);
        const told = [alone, among].map((yard) => choicesOf(yard));
        for (const deed of course) {
          if (deed.kind === 'submit') {
            among.fleet.submit({ priority: 10, requiredCapabilities: ['nobody'] });
            among.fleet.submit({ priority: 10, requiredCapabilities: ['rare'] });
          }
          alone.do(deed);
          among.do(deed);
        }
        for (const yard of [alone, among]) yard.place();
        expect(told[1]).toEqual(told[0]);
      }),
      { numRuns: 200 },
    );
  });

  it('of tasks with the same requirement, the one of higher priority goes first, then the older one', () => {
    let chosen = 0;
    checked((yard, { id }) => {
      const task = yard.fleet.task(id);
      const rivals = yard.pending().filter((each) => requirementOf(each) === requirementOf(task));
      const isFirst = rivals.every(
        (each) =>
          each.spec.priority < task.spec.priority ||
          (each.spec.priority === task.spec.priority && each.ordinal >= task.ordinal),
      );
      expect(isFirst).toBe(true);
      if (rivals.length > 1) chosen += 1;
    });
    // A choice among one proves nothing.
    expect(chosen).toBeGreaterThan(100);
  });

  it('a task goes to one that can take it, and to none that is busier than another that could', () => {
    let chosen = 0;
    checked((yard, { id, agent: taker }) => {
      const takers = yard.takers(yard.fleet.task(id));
      const loads = takers.map(loadOf);
      expect(takers.map((each) => each.id)).toContain(taker);
      expect(loadOf(yard.fleet.member(taker))).toBe(Math.min(...loads));
      if (new Set(loads).size > 1) chosen += 1;
    });
    expect(chosen).toBeGreaterThan(100);
  });

  it('nothing that could be placed is left', () => {
    fc.assert(
      fc.property(courses, (course) => {
        const yard = new Yard(four);
        for (const deed of course) yard.do(deed);
        yard.place();
        expect(yard.pending().filter((task) => yard.takers(task).length > 0)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('agents that can do the same', () => {
  const slots = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 6 });

  it('differ by no more than one task, for their slots, after all was placed', () => {
    fc.assert(
      fc.property(slots, fc.nat(30), courses, (sizes, tasks, course) => {
        const ids = sizes.map((_, i) => `a${i}`);
        const yard = new Yard((fleet) => {
          ids.forEach((id, i) => fleet.join(id, { slots: sizes[i] ?? 1 }));
        });
        // Completions leave some busier than others; whoever is given something since is not.
        for (const deed of course) {
          if (deed.kind === 'complete')
            yard.do({ ...deed, who: (ids[deed.nth % ids.length] ?? 'a0') as 'a' });
          if (deed.kind === 'submit') yard.do({ ...deed, requiredCapabilities: [] });
          if (deed.kind === 'place') yard.do(deed);
        }
        yard.fleet.submitAll(Array.from({ length: tasks }, () => ({})));
        yard.do({ kind: 'place', limit: 1 });
        const given = new Set(yard.place().map((choice) => choice.agent));
        const members = [...yard.fleet.state.members.values()];
        const free = members.filter((member) => usedSlots(member) < member.profile.slots);
        for (const busy of members.filter(({ id }) => given.has(id)))
          for (const other of free)
            expect((usedSlots(busy) - 1) / busy.profile.slots).toBeLessThanOrEqual(loadOf(other));
      }),
      { numRuns: 200 },
    );
  });

  it('are given the same number, give or take one, when each task ends before the next comes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.nat(40),
        fc.integer({ min: 1, max: 4 }),
        (n, tasks, size) => {
          const yard = new Yard((fleet) => {
            for (let i = 0; i < n; i++) fleet.join(`a${i}`, { slots: size });
          });
          const given = new Map<string, number>(Array.from({ length: n }, (_, i) => [`a${i}`, 0]));
          for (let i = 0; i < tasks; i++) {
            yard.do({ kind: 'submit', type: 'scan', requiredCapabilities: [], priority: 1 });
            const [choice] = yard.place();
            const taker = choice?.agent ?? 'nobody';
            given.set(taker, (given.get(taker) ?? 0) + 1);
            yard.do({ kind: 'complete', who: taker as 'a', nth: 0 });
          }
          expect([...given.keys()]).toHaveLength(n);
          expect(Math.max(...given.values()) - Math.min(...given.values())).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 100 },
    );
  });
});

/** Looks at every choice of many courses. */
function checked(look: (yard: Yard, choice: Placed) => void): void {
  fc.assert(
    fc.property(courses, (course) => {
      const yard = new Yard(four);
      yard.onChoice = (choice) => look(yard, choice);
      for (const deed of course) yard.do(deed);
      yard.place();
    }),
    { numRuns: 200 },
  );
}

/** The only one that has `rare` is at work, for good. */
function withOneThatIsFull(fleet: Harness): void {
  four(fleet);
  fleet.join('full', { capabilities: ['rare'] });
  fleet.running('full');
}

/** Who was given what, as it happens. Tasks are told apart by their age among those that somebody may take. */
function choicesOf(yard: Yard): string[] {
  const choices: string[] = [];
  const { tasks } = yard.fleet.state;
  const isOrdinary = ({ spec }: Task): boolean =>
    !spec.requiredCapabilities.some((each) => each === 'rare' || each === 'nobody');
  const ageOf = (id: TaskId): number =>
    [...tasks.values()].filter(isOrdinary).findIndex(({ spec }) => spec.id === id);
  yard.onChoice = ({ id, agent: taker }) => choices.push(`${ageOf(id)} ${taker}`);
  return choices;
}
