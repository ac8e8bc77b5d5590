/**
 * Whether what each process has of the fleet is the fleet as the ledger has it. After each entry the records that it
 * touched are compared, and now and then, and at the end, everything: a change that no event accounts for is found late,
 * but found.
 */
import type { LedgerEvent } from '../../src/domain/events.ts';
import { violations, violationsIn } from '../../src/domain/invariants.ts';
import { areAlike } from '../../src/domain/state-hash.ts';
import type { FleetState } from '../../src/domain/state.ts';
import { touchedBy, type Touched } from '../../src/domain/touched.ts';

/** A copy that has come so many entries further is compared as a whole. */
const WHOLE_EVERY_ENTRIES = 50;

export class Copies {
  readonly #ledger: () => FleetState;
  /** Events of the entries, the first one's at 1. */
  readonly #entries: (readonly LedgerEvent[])[] = [[]];
  /** Where each copy was when it was looked at last, and compared as a whole last. */
  readonly #seen = new WeakMap<object, { readonly sequence: number; readonly wholeAt: number }>();

  constructor(ledger: () => FleetState) {
    this.#ledger = ledger;
  }

  /** The ledger has an entry more. Returns what is wrong with it. */
  stored(events: readonly LedgerEvent[]): string[] {
    this.#entries.push(events);
    const state = this.#ledger();
    if (state.sequence % WHOLE_EVERY_ENTRIES === 0) return violations(state, events);
    return violationsIn(state, touchedBy(events, state), events);
  }

  /** What is wrong with this copy. `isAhead`: it has applied what is not in the ledger yet. */
  look(copy: { readonly state: FleetState }, isAhead: boolean): string[] {
    const { state } = copy;
    const { sequence } = state;
    const seen = this.#seen.get(copy);
    if (seen?.sequence === sequence && !isAhead) return [];
    const since = this.#since(seen?.sequence ?? sequence, sequence);
    const isWhole = seen === undefined || sequence - seen.wholeAt >= WHOLE_EVERY_ENTRIES;
    this.#seen.set(copy, { sequence, wholeAt: isWhole ? sequence : seen.wholeAt });
    const ledger = this.#ledger();
    if (isAhead || sequence !== ledger.sequence) {
      return isWhole ? violations(state) : violationsIn(state, touchedBy(since, state), []);
    }
    const isSame = isWhole ? areAlike(state, ledger) : isSameIn(touchedBy(since, ledger), state, ledger);
    return isSame ? [] : ['differs from the ledger'];
  }

  /** Everything, once more. */
  lookAtWhole({ state }: { readonly state: FleetState }): string[] {
    const ledger = this.#ledger();
    if (state.sequence !== ledger.sequence) return violations(state);
    return areAlike(state, ledger) ? [] : ['differs from the ledger'];
  }

  #since(from: number, to: number): LedgerEvent[] {
    return this.#entries.slice(from + 1, to + 1).flat();
  }
}

function isSameIn({ tasks, members, proposals }: Touched, one: FleetState, other: FleetState): boolean {
  return (
    areAlike(sumsOf(one), sumsOf(other)) &&
    [...tasks].every((id) => areAlike(one.tasks.get(id), other.tasks.get(id))) &&
    [...members].every((id) => areAlike(one.members.get(id), other.members.get(id))) &&
    [...proposals].every((id) => areAlike(one.proposals.get(id), other.proposals.get(id)))
  );
}

/** What is not kept by record, and how many records there are. */
function sumsOf(state: FleetState): object {
  const { tasks, members, proposals, requests, keys, ended, decided, ...rest } = state;
  const sizes = [tasks, members, proposals, requests, keys, ended, decided].map(({ size }) => size);
  return { rest, sizes };
}
