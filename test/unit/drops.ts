/** Ledger time as a leader lets it pass that has followed everything. */
import { decideTimer } from '../../src/domain/decide-time.ts';
import { Timers } from '../../src/domain/timers.ts';
import type { Harness } from './harness.ts';
import { tell } from './reader-stage.ts';

/** Decides on what is due, as a leader that has followed everything. */
export function passed(fleet: Harness, timers: Timers): number {
  let taken = 0;
  for (let next = timers.takeDue(fleet.at); next !== null; next = timers.takeDue(fleet.at)) {
    taken += 1;
    decideTimer(fleet, next);
  }
  return taken;
}

export function watched(fleet: Harness): Timers {
  const timers = new Timers(fleet.state, fleet.settings);
  tell(fleet, (event) => {
    timers.observe(event);
  });
  return timers;
}
