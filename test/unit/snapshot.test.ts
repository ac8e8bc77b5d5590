/** A state that went through a snapshot, and its bytes, is the same state: now, and whatever comes after. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { charts } from '../../actors/table.ts';
import { applyEntry } from '../../src/domain/apply.ts';
import { ConclaveError } from '../../src/domain/errors.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import { violations } from '../../src/domain/invariants.ts';
import { Placement, type Placed } from '../../src/domain/placement.ts';
import { restore, SNAPSHOT_VERSION, snapshotOf } from '../../src/domain/snapshot.ts';
import { canonical } from '../../src/domain/state-hash.ts';
import { emptyState, type FleetState } from '../../src/domain/state.ts';
import { Timers, type Timer } from '../../src/domain/timers.ts';
import { Catalog } from '../../src/runtime/catalog.ts';
import { Narrator } from '../../src/runtime/narrator.ts';
import { Statistics } from '../../src/runtime/statistics.ts';
import { decode, decodeTrusted, encode } from '../../src/wire/codec.ts';
import { Harness } from './harness.ts';
import { act, histories, placeSome, SoftState, type Step } from './random-history.ts';

const settings = {
  requestKeysMax: 40,
  tasksMax: 60,
  endedTasksMax: 8,
  endedTasksMs: 300_000,
  decidedProposalsMax: 2,
  membersMax: 5,
  maxRetries: 2,
};
const lastHash = 'ab'.repeat(32);

function live(steps: readonly Step[]): Harness {
  const fleet = new Harness(settings, [0, 0.3, 0.9]);
  const soft = new SoftState();
  for (const step of steps) {
    if (step.kind === 'place') placeSome(fleet, soft);
    else act(fleet, step, soft);
  }
  return fleet;
}

const throughBytes = (value: unknown): unknown => decodeTrusted(encode(value, 'msgpack'));
const throughJson = (value: unknown): unknown => decode(encode(value, 'json'));
const asTaken = (value: unknown): unknown => value;
const ways = fc.constantFrom(throughBytes, throughJson, asTaken);

const again = (state: FleetState, way: (value: unknown) => unknown): FleetState =>
  restore(way(snapshotOf(state, { lastHash }))).state;

/** Every order that a decision can come to depend on; the canonical form knows none. */
function ordersIn(state: FleetState): unknown {
  const { members, tasks, proposals, requests, keys, ended, decided, counts } = state;
  return {
    maps: [members, tasks, proposals, requests, keys, counts.tasksByType].map((map) => [...map.keys()]),
    sets: [[...ended], [...decided]],
    slots: [...members.values()].map(({ held, lingering }) => [[...held], [...lingering]]),
    ballots: [...proposals.values()].map(({ ballots }) => [...ballots.keys()]),
  };
}

describe('a restored state', () => {
  it('is the state that the snapshot was taken of, order and all, through bytes or not', () => {
    fc.assert(
      fc.property(histories(80), ways, (steps, way) => {
        const { state } = live(steps);
        const restored = restore(way(snapshotOf(state, { lastHash })));
        expect(canonical(restored.state)).toBe(canonical(state));
        expect(ordersIn(restored.state)).toEqual(ordersIn(state));
        expect(violations(restored.state)).toEqual([]);
        expect(restored.lastHash).toBe(lastHash);
      }),
      { numRuns: 200 },
    );
  });

  it('goes on like the other one at every entry, and neither moves the other or the snapshot', () => {
    fc.assert(
      fc.property(histories(60), fc.nat(), ways, (steps, n, way) => {
        const { entries } = live(steps);
        const from = n % entries.length;
        const state = emptyState();
        entries.slice(0, from).forEach((entry, i) => {
          applyEntry(state, entry, i + 1, charts);
        });
        const snapshot = way(snapshotOf(state, { lastHash }));
        const before = JSON.stringify(snapshot);
        const restored = restore(snapshot).state;
        entries.slice(from).forEach((entry, i) => {
          applyEntry(state, entry, from + i + 1, charts);
          applyEntry(restored, entry, from + i + 1, charts);
          expect(canonical(restored)).toBe(canonical(state));
          expect(ordersIn(restored)).toEqual(ordersIn(state));
        });
        expect(JSON.stringify(snapshot)).toBe(before);
      }),
      { numRuns: 150 },
    );
  });

  it('lets a leader do what it would have done: the same placements, timers, lists and figures', () => {
    fc.assert(
      fc.property(histories(80), (steps) => {
        const fleet = live(steps);
        const restored = again(fleet.state, throughBytes);
        expect(derivedFrom(restored, fleet)).toEqual(derivedFrom(fleet.state, fleet));
      }),
      { numRuns: 100 },
    );
  });

  it('has the same told of what comes', () => {
    fc.assert(
      fc.property(histories(60), fc.nat(), (steps, n) => {
        const { entries } = live(steps);
        const from = n % entries.length;
        const state = emptyState();
        entries.slice(0, from).forEach((entry, i) => {
          applyEntry(state, entry, i + 1, charts);
        });
        const restored = again(state, throughBytes);
        const told = [state, restored].map((each) => {
          const narrator = new Narrator(() => each);
          return entries.slice(from).map((entry, i) => {
            applyEntry(each, entry, from + i + 1, charts);
            return narrator.tell(entry);
          });
        });
        expect(told[1]).toEqual(told[0]);
      }),
      { numRuns: 100 },
    );
  });

  it('knows who led, and how each term ended', () => {
    const fleet = new Harness();
    fleet.emit({ type: 'term.handedOver', reason: 'leave' });
    fleet.lead('b');
    fleet.emit({ type: 'term.handedOver', reason: 'trigger' });
    expect(fleet.state).toMatchObject({ handover: 'trigger', previousHandover: 'leave' });
    expect(again(fleet.state, throughBytes)).toEqual(fleet.state);
  });

  it('of a fleet that has not begun is empty', () => {
    expect(canonical(again(emptyState(), throughBytes))).toBe(canonical(emptyState()));
  });
});

/** What a leader that begins with this state makes of it. */
function derivedFrom(state: FleetState, fleet: Harness): unknown {
  const placed: Placed[] = [];
  const holding = new Map([...state.members].map(([id, { held }]) => [id, held.size]));
  const placement = new Placement(state, { loadOf: (id) => holding.get(id) ?? 0, isEligible: () => true });
  placement.place(20, (each) => placed.push(each));
  const timers = new Timers(state, fleet.settings);
  const due: Timer[] = [];
  for (let next = timers.takeDue(Infinity); next !== null; next = timers.takeDue(Infinity)) due.push(next);
  const catalog = new Catalog(state);
  const page = { skip: 0, take: 200, order: 'oldest' } as const;
  const statistics = new Statistics(state);
  return {
    placed,
    due,
    tasks: catalog.tasks({}, page).items.map(({ spec }) => spec.id),
    proposals: catalog.proposals({}, page).items.map(({ spec }) => spec.id),
    pace: statistics.pace(fleet.at),
    unmet: statistics.unmet(),
  };
}

describe('what is no snapshot is refused:', () => {
  const snapshot = (): Record<string, unknown> => {
    const fleet = new Harness();
    fleet.join('a', { slots: 3, labels: { zone: 'x' } });
    fleet.join('b');
    fleet.completed(fleet.running('a', { idempotencyKey: 'k' }));
    fleet.failed(fleet.running('a'), true);
    fleet.running('a');
    fleet.propose({ voters: ['bob'] });
    return throughBytes(snapshotOf(fleet.state, { lastHash })) as Record<string, unknown>;
  };
  const codeOf = (value: unknown): string => {
    try {
      restore(value);
      return 'restored';
    } catch (error) {
      if (!(error instanceof ConclaveError)) throw error;
      return error.code;
    }
  };

  it.each([[undefined], [null], [7], ['text'], [[]], [{}], [{ v: SNAPSHOT_VERSION }], [new Map()]])(
    '%j',
    (value) => {
      expect(codeOf(value)).toBe('LEDGER_BROKEN');
    },
  );

  it('one of another version, which it names', () => {
    expect(() => restore({ ...snapshot(), v: 1 })).toThrow(`version is 1, not ${SNAPSHOT_VERSION}`);
  });

  it('one without any of its fields', () => {
    expect(codeOf(snapshot())).toBe('restored');
    for (const name of Object.keys(snapshot())) {
      const { [name]: _, ...rest } = snapshot();
      expect.soft(codeOf(rest), name).toBe('LEDGER_BROKEN');
    }
  });

  it('one without any of its counts', () => {
    const counts = snapshot()['counts'] as Record<string, unknown>;
    for (const name of Object.keys(counts)) {
      const { [name]: _, ...rest } = counts;
      expect.soft(codeOf({ ...snapshot(), counts: rest }), name).toBe('LEDGER_BROKEN');
    }
  });

  it.each(['members', 'tasks', 'proposals', 'requests', 'keys', 'ended'])(
    'one with a field too few in %s',
    (name) => {
      const rows = snapshot()[name] as unknown[];
      const [first, ...rest] = rows;
      expect(first).toBeDefined();
      const short = Array.isArray(first) ? first.slice(1) : null;
      expect(codeOf({ ...snapshot(), [name]: [short, ...rest] })).toBe('LEDGER_BROKEN');
    },
  );

  it('one in which a member holds, or the ended name, a task that is not there', () => {
    expect(codeOf({ ...snapshot(), tasks: [] })).toBe('LEDGER_BROKEN');
    const ended = snapshot()['ended'] as TaskId[];
    expect(codeOf({ ...snapshot(), ended: [...ended, 'nothing'] })).toBe('LEDGER_BROKEN');
    expect(codeOf({ ...snapshot(), ended: ended.slice(1) })).toBe('LEDGER_BROKEN');
    expect(codeOf({ ...snapshot(), decided: ['nothing'] })).toBe('LEDGER_BROKEN');
  });

  it('whatever stands in place of any value in it, it never fails in another way', () => {
    const odd = fc.oneof(fc.constantFrom(null, -1, 0.5, '', 'x', [], {}, [null], true), fc.jsonValue());
    fc.assert(
      fc.property(fc.nat(), odd, (n, value) => {
        const damaged = snapshot();
        const places = placesIn(damaged);
        const [holder, key] = places[n % places.length] as [Record<string, unknown>, string];
        holder[key] = value;
        expect(['LEDGER_BROKEN', 'restored']).toContain(codeOf(damaged));
      }),
      { numRuns: 500 },
    );
  });
});

/** Every place at which a value stands. */
function placesIn(value: unknown): [Record<string, unknown>, string][] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  const found: [Record<string, unknown>, string][] = [];
  for (const key of Object.keys(holder)) found.push([holder, key], ...placesIn(holder[key]));
  return found;
}
