/**
 * How full the ledger is, as its broker says now and then to whoever leads. Beyond the share that the settings allow,
 * what would make it grow for good is refused, so that what is under way can still be recorded (rule 7).
 */
import type { Settings } from '../domain/settings.ts';
import type { Clock, TimerHandle } from '../ports.ts';
import type { Replica } from './replica.ts';
import type { SlotWriter } from './slot-writer.ts';

export interface FullnessOptions {
  readonly clock: Clock;
  readonly writer: SlotWriter;
  readonly replica: Pick<Replica, 'bytes' | 'committedSequence' | 'foundEnd' | 'isShort'>;
  readonly settings: Pick<Settings, 'ledgerFullShare' | 'snapshotLookMs'>;
  /** Each time that it is found too full. */
  readonly onFull: () => void;
}

/** A ledger that seems to have lost something is looked at more often. */
const SHORT_LOOK_MS = 1_000;

export class Fullness {
  readonly #options: FullnessOptions;
  #timer: TimerHandle | null = null;
  /** As the broker said last. */
  #bytes = 0;
  #bytesMax = Infinity;
  /** What the replica had seen written then. */
  #seen = 0;
  #isClosed = false;

  constructor(options: FullnessOptions) {
    this.#options = options;
    this.#look();
  }

  /** Why nothing new is taken; null: it is. */
  get refusal(): string | null {
    const { replica, settings } = this.#options;
    // What was written since the broker was asked counts too.
    const share = (this.#bytes + replica.bytes - this.#seen) / this.#bytesMax;
    if (share <= settings.ledgerFullShare) return null;
    const percent = Math.floor(share * 100);
    return `the ledger holds ${percent} % of what it may; nothing new is taken until it has been shortened`;
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer);
  }

  #look(): void {
    const { clock, writer, replica, settings, onFull } = this.#options;
    writer.withConnection((connection) => {
      const { committedSequence } = replica;
      connection.readBounds((bounds) => {
        if (this.#isClosed) return;
        // A fleet that has nothing to write would not notice that its ledger is gone.
        if (bounds.kind === 'bounds') replica.foundEnd(bounds.last, committedSequence);
        else if (bounds.isMissing === true) replica.foundEnd(0, committedSequence);
        if (bounds.kind === 'bounds') {
          this.#bytes = bounds.bytes;
          this.#bytesMax = bounds.bytesMax;
          this.#seen = replica.bytes;
        }
        if (this.refusal !== null) onFull();
        this.#timer = clock.setTimeout(
          () => {
            this.#look();
          },
          replica.isShort ? Math.min(SHORT_LOOK_MS, settings.snapshotLookMs) : settings.snapshotLookMs,
        );
      });
    });
  }
}
