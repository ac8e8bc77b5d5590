/** A reader of a fleet on paper, fed with every event; beats, suspicion and leadership are what the test says. */
import type { Broker } from '../../src/domain/durability.ts';
import type { LedgerEvent } from '../../src/domain/events.ts';
import type { Beat } from '../../src/runtime/roster.ts';
import { Reader } from '../../src/runtime/reader.ts';
import type { Suspicion } from '../../src/wire/views.ts';
import { beatOf } from '../support/beats.ts';
import { agent, Harness, life } from './harness.ts';

export class ReaderStage {
  readonly fleet = new Harness();
  readonly beats = new Map<string, Beat>();
  readonly states = new Map<string, string>();
  readonly suspicions = new Map<string, Suspicion>();
  readonly reader: Reader;
  hasLeader = true;
  broker: Broker | null = null;
  now = 5_000;

  constructor() {
    this.reader = this.freshReader();
    tell(this.fleet, (event) => {
      this.reader.touch(event);
    });
  }

  /** One that knows nothing but the state. */
  freshReader(state = () => this.fleet.state): Reader {
    return new Reader({
      fleet: 'default',
      state,
      memberState: (id) => this.states.get(id) ?? null,
      suspicionOf: (id) => this.suspicions.get(id) ?? 'beats',
      roster: { get: (id) => this.beats.get(id) },
      now: () => this.now,
      ledgerNow: () => this.fleet.at,
      hasLeader: () => this.hasLeader,
      broker: () => this.broker,
    });
  }

  beat(id: string, given: Partial<Beat> = {}): void {
    this.beats.set(id, {
      ...beatOf({ incarnation: life(`${id}-1`), state: 'online.active.idle' }),
      id: agent(id),
      heardAt: this.now,
      ...given,
    });
  }
}

/** Calls back after each event, applied. */
export function tell(fleet: Harness, listen: (event: LedgerEvent) => void): void {
  const { emit } = fleet;
  fleet.emit = (event) => {
    emit(event);
    listen(event);
  };
}
