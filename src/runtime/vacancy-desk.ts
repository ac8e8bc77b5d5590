/** What standbys answer while nobody leads: the status, and the wish for an election (SPEC E5). */
import { problem } from '../domain/errors.ts';
import type { Bus, Clock, Incoming, Ledger, Subscription } from '../ports.ts';
import type { Subjects } from '../wire/subjects.ts';
import { Reader, type ReaderSource } from './reader.ts';
import type { Replica } from './replica.ts';
import type { Rejections } from './rejections.ts';
import { answer, mayAnswer, refuse, type Voice } from './respond.ts';
import type { Roster } from './roster.ts';

export interface VacancyDeskOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly ledger: Pick<Ledger, 'broker'>;
  readonly subjects: Subjects;
  readonly replica: Replica;
  readonly roster: Roster;
  readonly rejections: Rejections;
  readonly isVacant: () => boolean;
  readonly canStand: () => boolean;
  readonly stand: () => void;
}

export function serveVacancy(options: VacancyDeskOptions): Subscription {
  const { bus, subjects, replica, isVacant, canStand, stand } = options;
  const isForUs = (message: Incoming): boolean => isVacant() && mayAnswer(message, null, options);
  const voice = (): Voice => ({ term: replica.state.term, sequence: replica.committedSequence });
  const reader = readerOf(options);
  const trigger = bus.subscribe(subjects.api('trigger'), (message) => {
    if (!isForUs(message)) return;
    if (!canStand()) {
      refuse(message, problem('NO_LEADER', 'nobody leads, and this standby cannot stand yet'), voice());
      return;
    }
    const { term } = replica.state;
    stand();
    answer(message, { term }, voice());
  });
  const status = bus.subscribe(subjects.api('status'), (message) => {
    if (!isForUs(message)) return;
    answer(message, reader().status(), voice());
  });
  return {
    close: () => {
      trigger.close();
      status.close();
    },
  };
}

/** Nobody leads, so hardly an entry comes: a reader is made for a sequence, and not kept in step. */
function readerOf({ clock, ledger, subjects, replica, roster }: VacancyDeskOptions): () => Reader {
  let made: { readonly reader: Reader; readonly sequence: number } | null = null;
  const source: ReaderSource = {
    fleet: subjects.fleet,
    state: () => replica.state,
    memberState: () => null,
    suspicionOf: () => null,
    roster,
    now: () => clock.now(),
    ledgerNow: () => replica.state.at,
    hasLeader: () => false,
    broker: () => ledger.broker,
  };
  return () => {
    const { sequence } = replica.state;
    if (made?.sequence !== sequence) made = { reader: new Reader(source), sequence };
    return made.reader;
  };
}
