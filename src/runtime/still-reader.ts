/** A reader of a state that is only looked at: nobody beats, nobody is suspected, and its time stands still. */
import type { FleetState } from '../domain/state.ts';
import { Reader } from './reader.ts';

export function stillReader(state: FleetState, fleet: string): Reader {
  return new Reader({
    fleet,
    state: () => state,
    memberState: () => null,
    suspicionOf: () => null,
    roster: { get: () => undefined },
    now: () => 0,
    ledgerNow: () => state.at,
    hasLeader: () => state.leader !== null && state.handover === null,
    broker: () => null,
  });
}
