/** Times a fail-over as a client sees it: from a kill to the first committed assignment of the next term. */
import type { Fleet } from 'conclave';
import { machineNow } from './machine-clock.ts';

export class FailOverWatch {
  /** Term → arrival of its first assignment, on the machine's clock. */
  readonly #firstAssigned = new Map<number, number>();

  /** `onTerm` is called with each term in which something is assigned. */
  constructor(fleet: Fleet, onTerm: (term: number) => void) {
    fleet.onEvent('task.assigned', (_item, _kind, { term }) => {
      if (this.#firstAssigned.has(term)) return;
      this.#firstAssigned.set(term, machineNow());
      onTerm(term);
    });
  }

  /** Null when nothing was assigned in a later term, or nobody was killed. */
  failOverMs(kill: { readonly term: number; readonly at: number } | null): number | null {
    if (kill === null) return null;
    const later = [...this.#firstAssigned].filter(([term]) => term > kill.term).map(([, at]) => at);
    return later.length === 0 ? null : Math.round(Math.min(...later) - kill.at);
  }
}
