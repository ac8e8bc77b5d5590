/**
 * How long what has ended is kept: a number, so many bytes, and a time. Owns the sizes of a drop, and the watch over the oldest.
 * Not one by one: a drop begins when there are some more than a maximum, or the oldest is somewhat older than its
 * time, and goes down to the limit. Ledger time throughout.
 */

/** Dropped in one event, and in one entry. */
export const DROP_BATCH_MAX = 1_000;
/** Kept beyond a maximum until a drop begins: a twentieth of it, at most so many. */
const DROP_SLACK_MAX = 256;
/** Kept beyond a time until a drop begins: a twentieth of it, at most so long. */
const DROP_SLACK_MS_MAX = 60_000;
const DROP_SLACK_PARTS = 20;
/** From one drop to the next. */
const DROP_PAUSE_MS = 1;

export interface Retention {
  readonly max: number;
  readonly bytesMax: number;
  readonly ms: number;
}

export function slackOf(max: number): number {
  return Math.min(DROP_SLACK_MAX, Math.ceil(max / DROP_SLACK_PARTS));
}

/** Bytes kept beyond a maximum until a drop begins. */
export function slackBytesOf(bytesMax: number): number {
  return Math.ceil(bytesMax / DROP_SLACK_PARTS);
}

function slackMsOf(ms: number): number {
  return Math.min(DROP_SLACK_MS_MAX, ms / DROP_SLACK_PARTS);
}

export interface Kept<Id> extends Retention {
  /** What has ended, oldest first. */
  readonly ids: ReadonlySet<Id>;
  readonly endedAt: (id: Id) => number;
  readonly bytesOf: (id: Id) => number;
  /** Of all of them. */
  readonly bytes: () => number;
}

/** The oldest that are to go now, at most `DROP_BATCH_MAX`. */
export function oldestToDrop<Id>(kept: Kept<Id>, at: number): Id[] {
  const { ids, endedAt, bytesOf, max, ms } = kept;
  const excess = ids.size - max;
  let excessBytes = kept.bytes() - kept.bytesMax;
  const found: Id[] = [];
  for (const id of ids) {
    const mustGo = found.length < excess || excessBytes > 0 || endedAt(id) + ms <= at;
    if (!mustGo || found.length === DROP_BATCH_MAX) break;
    excessBytes -= bytesOf(id);
    found.push(id);
  }
  return found;
}

/** When the next drop is due. Looks at the oldest only when it may be another one. */
export class RetentionWatch<Id> {
  readonly #kept: Kept<Id>;
  #at: number | null = null;
  #isKnown = false;
  #notBefore = 0;

  constructor(kept: Kept<Id>) {
    this.#kept = kept;
  }

  /** One more has ended. */
  ended(): void {
    if (this.#at === null || this.#isOver) this.#isKnown = false;
  }

  /** One is at work again. */
  left(): void {
    this.#isKnown = false;
  }

  /** Some were dropped at this time. */
  dropped(at: number): void {
    this.#isKnown = false;
    this.#notBefore = at + DROP_PAUSE_MS;
  }

  /** Null: nothing is kept, or the drop that was due is being decided. */
  nextAt(): number | null {
    if (!this.#isKnown) {
      this.#at = this.#look();
      this.#isKnown = true;
    }
    return this.#at;
  }

  /** The drop that was due is being decided. */
  take(): void {
    this.#at = null;
    this.#isKnown = true;
  }

  get #isOver(): boolean {
    const { ids, max, bytes, bytesMax } = this.#kept;
    return ids.size > max + slackOf(max) || bytes() > bytesMax + slackBytesOf(bytesMax);
  }

  #look(): number | null {
    if (this.#isOver) return this.#notBefore;
    const { ids, endedAt, ms } = this.#kept;
    const oldest = ids.values().next();
    if (oldest.done === true) return null;
    return Math.max(this.#notBefore, endedAt(oldest.value) + ms + slackMsOf(ms));
  }
}
