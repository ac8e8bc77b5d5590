/**
 * Shows the live statecharts of one process: a log line per transition at debug level, and, while somebody watches,
 * a snapshot per step on `conclave.<fleet>.inspect.<id>`. A watcher says so on `conclave.<fleet>.inspect`, and again
 * before its time is up; without one nothing is observed, composed or sent.
 */
import type { AnyActorRef, InspectionEvent } from 'xstate';
import type { AgentId, Incarnation } from '../domain/ids.ts';
import type { Bus, Clock, Incoming, Subscription, TimerHandle } from '../ports.ts';
import { contentTypes, encode } from '../wire/codec.ts';
import { doorFor } from '../wire/door.ts';
import { WatchSchema, type SnapshotMessage } from '../wire/messages.ts';
import type { Subjects } from '../wire/subjects.ts';
import type { Log } from './log.ts';
import type { Rejections } from './rejections.ts';

export interface InspectorOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly id: AgentId;
  readonly incarnation: Incarnation;
  readonly rejections: Rejections;
  readonly log: Log;
}

interface Shown {
  readonly chart: string;
  /** Whose life it is, when it is not this agent's own: a member's. */
  readonly of: string;
  readonly actor: AnyActorRef;
  observing: { unsubscribe(): void } | null;
}

const WATCH_MS = 10_000;
/** In one second; what is above it is counted, and the next snapshot says how many it stands for. */
const SNAPSHOTS_MAX = 200;
const SECOND_MS = 1_000;
const door = doorFor(WatchSchema);
const headers = { 'Content-Type': contentTypes.json };

export class Inspector {
  readonly #options: InspectorOptions;
  readonly #shown = new Set<Shown>();
  readonly #watches: Subscription;
  #end: TimerHandle | null = null;
  #endsAt = 0;
  #second = 0;
  #sent = 0;
  #skipped = 0;

  constructor(options: InspectorOptions) {
    this.#options = options;
    const { bus, subjects } = options;
    this.#watches = bus.subscribe(subjects.watch, (message) => {
      this.#asked(message);
    });
  }

  /** Shows an actor until it is closed. `of`: whose life it is; default: this agent's. */
  show(chart: string, actor: AnyActorRef, of?: string): Subscription {
    const shown: Shown = { chart, of: of ?? this.#options.id, actor, observing: null };
    const logging = this.#logTransitions(shown);
    this.#shown.add(shown);
    if (this.#end !== null) this.#observe(shown);
    return {
      close: () => {
        this.#shown.delete(shown);
        shown.observing?.unsubscribe();
        logging.unsubscribe();
      },
    };
  }

  close(): void {
    this.#watches.close();
    this.#stop();
  }

  #logTransitions({ chart, of, actor }: Shown): { unsubscribe(): void } {
    const { log, id } = this.#options;
    let before = '';
    return actor.subscribe((snapshot: { value?: unknown }) => {
      const state = nameOf(snapshot.value);
      if (state === before) return;
      log.debug({ chart, ...(of === id ? {} : { of }), from: before, to: state }, 'transition');
      before = state;
    });
  }

  #asked(message: Incoming): void {
    const admitted = door.admit(message.data, message.headers);
    if (admitted.kind === 'bad') {
      this.#options.rejections.count(message.subject, admitted.problem);
      return;
    }
    const { agents, forMs = WATCH_MS } = admitted.value;
    if (agents?.includes(this.#options.id) === false) return;
    const { clock } = this.#options;
    const endsAt = clock.now() + forMs;
    if (endsAt <= this.#endsAt) return;
    if (this.#end !== null) clock.clearTimeout(this.#end);
    this.#end = clock.setTimeout(() => {
      this.#stop();
    }, forMs);
    this.#endsAt = endsAt;
    for (const shown of this.#shown) {
      this.#observe(shown);
      this.#say(shown, null, shown.actor.getSnapshot());
    }
  }

  #observe(shown: Shown): void {
    shown.observing ??= shown.actor.system.inspect((inspected: InspectionEvent) => {
      if (inspected.type !== '@xstate.snapshot' || inspected.actorRef !== shown.actor) return;
      this.#say(shown, inspected.event.type, inspected.snapshot);
    });
  }

  #say({ chart, of }: Shown, event: string | null, snapshot: unknown): void {
    const { bus, clock, subjects, id, incarnation } = this.#options;
    if (!this.#hasRoom()) return;
    const skipped = this.#skipped;
    this.#skipped = 0;
    const value = (snapshot as { readonly value?: unknown }).value ?? null;
    const state = nameOf(value);
    const at = clock.wallNow();
    const said: SnapshotMessage = { chart, of, incarnation, event, state, value, at, skipped };
    bus.publish({ subject: subjects.inspect(id), data: encode(said, 'json'), headers });
  }

  /** Within what one second allows. */
  #hasRoom(): boolean {
    const second = Math.floor(this.#options.clock.now() / SECOND_MS);
    if (second !== this.#second) this.#sent = 0;
    this.#second = second;
    this.#sent += 1;
    if (this.#sent <= SNAPSHOTS_MAX) return true;
    this.#skipped += 1;
    return false;
  }

  #stop(): void {
    if (this.#end !== null) this.#options.clock.clearTimeout(this.#end);
    this.#end = null;
    this.#endsAt = 0;
    for (const shown of this.#shown) {
      shown.observing?.unsubscribe();
      shown.observing = null;
    }
  }
}

/** `office.leading` for `{ office: 'leading' }`. */
export function nameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return Object.entries((value ?? {}) as Record<string, unknown>)
    .map(([key, inner]) => `${key}.${nameOf(inner)}`)
    .join(' ');
}
