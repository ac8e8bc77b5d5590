/**
 * The four ports between the protocol and the world: Clock, Random, Bus, Ledger. Interfaces only.
 *
 * Everything is callbacks, not promises: a protocol outcome is an event that an actor handles, and a
 * simulation that runs callbacks in virtual time is deterministic without draining microtasks.
 * Every `done` is called at most once and never before the call that took it has returned.
 */
import type { Broker } from './domain/durability.ts';

export type TimerHandle = object | number;

export interface Clock {
  /** Monotonic milliseconds since an arbitrary origin; the only time that protocol code reads. */
  now(): number;
  /** Wall clock, milliseconds since 1970. Read by a cold start, for people, and where a suspended machine must notice. */
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
  | {
      readonly kind: 'bounds';
      readonly first: number;
      readonly last: number;
      readonly bytes: number;
      /** The most that the stream takes, bytes; beyond it nothing is stored. */
      readonly bytesMax: number;
    }
  /** `isMissing`: the broker says that there is no such stream. A broker that has just started may be wrong in that. */
  | { readonly kind: 'unavailable'; readonly reason: string; readonly isMissing?: true };

export type PurgeOutcome =
  /** Nothing at or below `upTo` is left; `first` is the first sequence that is. */
  | { readonly kind: 'purged'; readonly first: number }
  /** It would have removed the last entry; nothing was removed. */
  | { readonly kind: 'refused'; readonly last: number }
  /** No answer that proves anything: it may have been done, and may still be. To ask again is harmless. */
  | { readonly kind: 'unavailable'; readonly reason: string };

/** A complete snapshot in the store. */
export interface StoredSnapshot {
  /** `<sequence>-<random>`: two writers of one sequence have two names. */
  readonly name: string;
  /** Of the last entry that it covers. */
  readonly sequence: number;
  readonly bytes: number;
  /** SHA-256 of the bytes, hexadecimal. */
  readonly hash: string;
}

export type SaveOutcome =
  /** Every byte is stored, and was seen to be there after it had become visible. */
  | { readonly kind: 'saved'; readonly name: string; readonly hash: string }
  /** Larger than a snapshot may be; nothing was stored. */
  | { readonly kind: 'tooLarge'; readonly bytesMax: number }
  /** Not known to be saved: no answer, a full store, or one that is not as it must be. It may be visible, and is then complete. */
  | { readonly kind: 'unavailable'; readonly reason: string };

export type ListOutcome =
  /** By sequence, then name; empty also when there is no store yet. */
  | { readonly kind: 'snapshots'; readonly snapshots: readonly StoredSnapshot[] }
  | { readonly kind: 'unavailable'; readonly reason: string };

export type LoadOutcome =
  /** The bytes, and their hash is the one that they were saved under. */
  | { readonly kind: 'snapshot'; readonly data: Uint8Array }
  /** No complete snapshot has that name: never saved, dropped, or newer than what a former stream leader knows. */
  | { readonly kind: 'missing' }
  /** Something of it is gone or was changed. It stays so: drop it, and take another. */
  | { readonly kind: 'corrupt'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string };

export type DropOutcome =
  /** Nothing of that name is left; also when there was nothing. */
  | { readonly kind: 'dropped' }
  /** It may be gone, whole or in part; what is left of it is not listed, or is whole. To ask again is harmless. */
  | { readonly kind: 'unavailable'; readonly reason: string };

/**
 * Snapshots of the fleet's state, beside the ledger: immutable, in one store for each fleet, which the first save
 * creates. A snapshot is cut into chunks; a manifest, stored last, makes it visible. A writer that dies on the way
 * leaves chunks that nobody sees; one that fails drops them, but never a snapshot whose manifest it has sent, as others may
 * count on it by then, whatever the writer heard. Each save first removes such leftovers: those older than any save may take, and
 * those of a sequence below the second newest complete snapshot.
 *
 * Everything ends within a bounded time. Chunks are large: a connection that appends entries is held up by them,
 * so open another one for snapshots where that matters.
 */
export interface Snapshots {
  /**
   * Stores a snapshot under a fresh name: a repeat is another snapshot. `data` is not to be changed until `done`.
   * `sequence`: of the last entry that it covers.
   */
  saveSnapshot(
    snapshot: { readonly sequence: number; readonly data: Uint8Array },
    done: (outcome: SaveOutcome) => void,
  ): void;
  /**
   * The complete ones: those whose manifest and every chunk are there. Does not read the chunks. A former stream leader
   * may not know the newest.
   */
  listSnapshots(done: (outcome: ListOutcome) => void): void;
  loadSnapshot(name: string, done: (outcome: LoadOutcome) => void): void;
  /** Removes a snapshot, or what is left of one: the manifest first, so that no half of it is ever listed. */
  dropSnapshot(name: string, done: (outcome: DropOutcome) => void): void;
}

/** A connection of the ledger's own. It never reconnects: once closed, open another. */
export interface LedgerConnection {
  readonly isClosed: boolean;
  /** Over this connection. */
  readonly snapshots: Snapshots;
  /** Copies of the stream that its broker keeps: with several, the broker itself may take seconds to fail over. */
  readonly replicas: number;
  /** Compare-and-set: stored at `expectedLast + 1` or not at all. */
  append(
    entry: { readonly data: Uint8Array; readonly expectedLast: number; readonly timeoutMs: number },
    done: (outcome: AppendOutcome) => void,
  ): void;
  /** Reads one slot from the stream's leader, never from a replica. */
  readSlot(sequence: number, done: (outcome: SlotOutcome) => void): void;
  /**
   * First and last sequence of the stream and its size, asked of its leader. `last` is 0 before the first entry, and
   * never goes down; a stream without entries has first = last + 1, or both 0.
   */
  readBounds(done: (outcome: BoundsOutcome) => void): void;
  /**
   * Removes every entry up to and including the sequence `upTo`: by sequence, never by a number to keep, so that one
   * that is late removes nothing that was written since. Never the last entry. Idempotent; sequences go on where they
   * were, and an append expects what it did. It is not fenced: whoever asks makes sure that a snapshot covers `upTo`.
   */
  purge(upTo: number, done: (outcome: PurgeOutcome) => void): void;
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
  /**
   * The follower stopped and must be started again from where the reader is. `end`: the stream's last sequence, if that
   * is why: it is below what the reader has read, 0 when the stream is gone.
   */
  readonly stopped: (reason: string, end?: number) => void;
}

/** The fleet's stream. Creates it when missing and verifies its configuration whenever a connection is opened. */
export interface Ledger {
  /** As it was when it was last looked at: when a connection was opened, or its bounds were read. Null: never yet. */
  readonly broker: Broker | null;
  connect(done: (outcome: OpenOutcome) => void): void;
  /**
   * Delivers every entry from `from` on, and goes on following. Exactly one subscription at the broker. When `from` is
   * below the stream's first sequence, the first entry delivered is the first that there is: a jump.
   */
  follow(from: number, follower: LedgerFollower): Subscription;
}

/** All that a node needs from the world. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: Bus;
  readonly ledger: Ledger;
}
