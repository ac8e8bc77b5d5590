/**
 * The four ports between the protocol and the world: Clock, Random, Bus, Ledger. Interfaces only.
 *
 * Everything is callbacks, not promises: a protocol outcome is an event that an actor handles, and a
 * simulation that runs callbacks in virtual time is deterministic without draining microtasks.
 * Every `done` is called at most once and never before the call that took it has returned.
 */

export type TimerHandle = object | number;

export interface Clock {
  /** Monotonic milliseconds since an arbitrary origin; the only time that protocol code reads. */
  now(): number;
  /** Wall clock, milliseconds since 1970. Read only by a cold start and for people. */
  wallNow(): number;
  /** 0 ms means: after the input that is already waiting. */
  setTimeout(run: () => void, ms: number): TimerHandle;
  clearTimeout(timer: TimerHandle): void;
}

export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A fresh random identifier of at least 64 bits, `A-Za-z0-9`. */
  id(): string;
}

export type Headers = Readonly<Record<string, string>>;

export interface Outgoing {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: Headers;
}

export interface Incoming {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Headers;
  /** Where an answer would go; null when none is wanted. */
  readonly replyTo: string | null;
  /** Answers the request. False when it could not be sent (no reply subject, or offline). */
  respond(data: Uint8Array, headers?: Headers): boolean;
}

export type RequestOutcome =
  | { readonly kind: 'reply'; readonly data: Uint8Array; readonly headers: Headers }
  /** The broker says that nobody subscribes to the subject. */
  | { readonly kind: 'noResponders' }
  | { readonly kind: 'timeout' }
  /** Not sent: the connection was down. */
  | { readonly kind: 'offline' };

export interface Subscription {
  /** Idempotent; no message is delivered after it returns. */
  close(): void;
}

/** One endpoint of a micro service. `name` is unique within the service, `[A-Za-z0-9_-]`. */
export interface Endpoint {
  readonly name: string;
  readonly subject: string;
  readonly handle: (message: Incoming) => void;
}

export interface ServiceDefinition {
  readonly name: string;
  /** Semantic version. */
  readonly version: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Queue group. Each process uses its own incarnation, so that every process hears every request. */
  readonly queue: string;
  readonly endpoints: readonly Endpoint[];
  /** Shown by `nats micro info` and `stats`: role, term, load. JSON. */
  readonly stats: () => unknown;
}

export type BusStatus = 'online' | 'offline' | 'lameDuck' | 'closed';

/** Publish, request and subscribe on NATS core. Reconnects by itself; buffers nothing while offline. */
export interface Bus {
  readonly isOnline: boolean;
  /** Largest message the broker takes, bytes, headers included. */
  readonly payloadBytesMax: number;
  /** False, and nothing is sent or kept, when offline. At most once. */
  publish(message: Outgoing): boolean;
  /** Sends and waits for the first answer. Returns a function that forgets the request: `done` is then never called. */
  request(
    message: Outgoing & { readonly timeoutMs: number },
    done: (outcome: RequestOutcome) => void,
  ): () => void;
  /** Subject may hold wildcards. Survives reconnects. Messages are handled in order of arrival. */
  subscribe(subject: string, handle: (message: Incoming) => void): Subscription;
  /** Registers a micro service and keeps it registered until closed. */
  serve(service: ServiceDefinition): Subscription;
  onStatus(listen: (status: BusStatus) => void): Subscription;
}

export type AppendOutcome =
  /** The broker acknowledged, at this sequence. */
  | { readonly kind: 'stored'; readonly sequence: number }
  /** The expected last sequence was wrong: the slot is used, or a copy is in flight. */
  | { readonly kind: 'refused' }
  /** Proven not stored: nobody was there to store it. */
  | { readonly kind: 'notStored' }
  /** No answer, or one that proves nothing: it may be stored, and it may still be stored later. */
  | { readonly kind: 'unknown'; readonly reason: string };

export type SlotOutcome =
  | { readonly kind: 'entry'; readonly data: Uint8Array }
  /** Nothing is stored at that sequence, and the last sequence is lower. */
  | { readonly kind: 'absent' }
  /** The sequence is below the stream's first. */
  | { readonly kind: 'compacted' }
  | { readonly kind: 'unavailable'; readonly reason: string };

export type BoundsOutcome =
  | { readonly kind: 'bounds'; readonly first: number; readonly last: number; readonly bytes: number }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** A connection of the ledger's own. It never reconnects: once closed, open another. */
export interface LedgerConnection {
  readonly isClosed: boolean;
  /** Copies of the stream that its broker keeps: with several, the broker itself may take seconds to fail over. */
  readonly replicas: number;
  /** Compare-and-set: stored at `expectedLast + 1` or not at all. */
  append(
    entry: { readonly data: Uint8Array; readonly expectedLast: number; readonly timeoutMs: number },
    done: (outcome: AppendOutcome) => void,
  ): void;
  /** Reads one slot from the stream's leader, never from a replica. */
  readSlot(sequence: number, done: (outcome: SlotOutcome) => void): void;
  /** First and last sequence of the stream, asked of its leader. An empty stream has last = 0. */
  readBounds(done: (outcome: BoundsOutcome) => void): void;
  onClosed(listen: () => void): void;
  close(): void;
}

export type OpenOutcome =
  | { readonly kind: 'opened'; readonly connection: LedgerConnection }
  /** Cannot be reached now; try again. */
  | { readonly kind: 'unavailable'; readonly reason: string }
  /** Will not work until somebody changes something: wrong stream configuration, no JetStream. */
  | { readonly kind: 'broken'; readonly error: Error };

export interface LedgerFollower {
  /** Entries in order of sequence. A jump means that what lies between is gone: the reader must notice. */
  readonly entry: (sequence: number, data: Uint8Array) => void;
  /** The follower stopped and must be started again from where the reader is. */
  readonly stopped: (reason: string) => void;
}

/** The fleet's stream. Creates it when missing and verifies its configuration whenever a connection is opened. */
export interface Ledger {
  connect(done: (outcome: OpenOutcome) => void): void;
  /** Delivers every entry from `from` on, and goes on following. Exactly one subscription at the broker. */
  follow(from: number, follower: LedgerFollower): Subscription;
}

/** All that a node needs from the world. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: Bus;
  readonly ledger: Ledger;
}
