/**
 * An electable agent as a reader of the ledger: its replica, the ledger's time, and whether it has caught up. It tells
 * what an entry means for whoever may lead: a term has begun, its leader is at work, or has handed over. What to do
 * about it is not its matter.
 */
import type { Entry, HandoverReason } from '../domain/events.ts';
import type { Incarnation } from '../domain/ids.ts';
import type { Settings } from '../domain/settings.ts';
import type { Charts } from '../domain/transitions.ts';
import type { Ports } from '../ports.ts';
import { CatchUp, type CatchUpOptions } from './catch-up.ts';
import { LedgerTime } from './ledger-time.ts';
import type { Log } from './log.ts';
import { Replica } from './replica.ts';

export interface FollowingOptions {
  readonly ports: Ports;
  readonly settings: Settings;
  readonly charts: Charts;
  readonly incarnation: Incarnation;
  readonly log: Log;
  readonly measure: CatchUpOptions['measure'];
  readonly onMeasured: () => void;
  readonly onCaughtUp: () => void;
  /** A term has begun, perhaps some entries ago. */
  readonly onTermStarted: (term: number, isOwn: boolean) => void;
  /** The leader of the term has appended something. */
  readonly onProgress: () => void;
  /** It was seen to happen: not for what was replayed. */
  readonly onHandover: (reason: HandoverReason) => void;
  readonly onRemoved: () => void;
  readonly onBroken: (error: Error) => void;
}

export class Following {
  readonly replica: Replica;
  readonly ledgerTime: LedgerTime;
  readonly #options: FollowingOptions;
  readonly #catchUp: CatchUp;

  constructor(options: FollowingOptions) {
    this.#options = options;
    const { ports, settings } = options;
    this.ledgerTime = new LedgerTime(ports.clock);
    this.replica = new Replica({
      ...ports,
      ...options,
      onEntry: (entry, sequence) => {
        this.#entered(entry, sequence);
      },
      onAdopted: () => {
        this.#adopted();
      },
      lossPatienceMs: settings.appendResignReplicatedMs,
    });
    this.#catchUp = new CatchUp({
      ...options,
      sequence: () => this.replica.state.sequence,
      onDone: options.onCaughtUp,
    });
  }

  /** It has read everything that was there when it began. */
  get isCaughtUp(): boolean {
    return this.#catchUp.isDone;
  }

  begin(): void {
    this.replica.follow();
    this.#catchUp.begin();
  }

  /** The replica replays from nothing: until it is where the stream is now, it knows no leader. */
  beginAgain(): void {
    this.#catchUp.begin();
  }

  /** Says so again while it is so: whoever is told may not have been able to heed it. */
  noteRemoval(): void {
    const { incarnation, onRemoved } = this.#options;
    if (this.replica.state.removed.has(incarnation)) onRemoved();
  }

  #entered(entry: Entry, sequence: number): void {
    const { incarnation, onTermStarted, onProgress, onHandover } = this.#options;
    this.#catchUp.look();
    this.noteRemoval();
    const isLive = this.#catchUp.isLive(sequence);
    this.ledgerTime.hear(entry.at, isLive);
    if (entry.events[0]?.type === 'term.started') {
      onTermStarted(entry.term, entry.incarnation === incarnation);
      return;
    }
    onProgress();
    const last = entry.events.at(-1);
    if (last?.type === 'term.handedOver' && isLive) onHandover(last.reason);
  }

  /** The entries between were not seen: whoever leads now was elected in one of them. */
  #adopted(): void {
    const { state } = this.replica;
    this.ledgerTime.hear(state.at, false);
    this.#catchUp.look();
    this.noteRemoval();
    this.#options.onTermStarted(state.term, state.leader?.incarnation === this.#options.incarnation);
  }
}
