/**
 * The Snapshots port of one connection: cuts a snapshot into chunks, stores one after the other and the manifest
 * last, and reads them back in the same order. Between any two of these the process may crash or the link be lost.
 */
import { createHash } from 'node:crypto';
import type {
  DropOutcome,
  ListOutcome,
  LoadOutcome,
  SaveOutcome,
  Snapshots,
  StoredSnapshot,
} from '../ports.ts';
import type { SimulatedProcess } from './process.ts';
import type { Manifest, Part, PartOutcome, SnapshotShelf, Unavailable } from './snapshot-shelf.ts';
import { digest } from './trace.ts';

/** One question to the broker, answered or unavailable within its time. `ask` answers null for silence. */
export type AskShelf = <T>(ask: () => T | null, done: (outcome: T | Unavailable) => void) => void;

export interface SnapshotClientParts {
  readonly process: SimulatedProcess;
  readonly shelf: SnapshotShelf;
  readonly ask: AskShelf;
  /** Sends one part to the broker, which may answer later or never. */
  readonly send: (
    part: { readonly name: string; readonly part: Part },
    done: (outcome: PartOutcome) => void,
  ) => void;
}

/** A save or a load that takes longer is given up. */
const SNAPSHOT_TIMEOUT_MS = 120_000;

export class SnapshotClient implements Snapshots {
  readonly #parts: SnapshotClientParts;

  constructor(parts: SnapshotClientParts) {
    this.#parts = parts;
  }

  saveSnapshot(
    snapshot: { readonly sequence: number; readonly data: Uint8Array },
    done: (outcome: SaveOutcome) => void,
  ): void {
    const { process, shelf, ask } = this.#parts;
    const { snapshotBytesMax } = process.laws.constants;
    const { sequence } = snapshot;
    if (snapshot.data.length > snapshotBytesMax) {
      process.runSoon(() => done({ kind: 'tooLarge', bytesMax: snapshotBytesMax }));
      return;
    }
    const data = snapshot.data.slice();
    this.#record(`save snapshot ${sequence} ${digest(data)}`);
    const end = (outcome: SaveOutcome): void => {
      this.#record(`save snapshot ${sequence} ${outcome.kind}`);
      done(outcome);
    };
    const isLate = this.#deadline();
    ask(
      () => shelf.sweep(),
      (swept) => {
        if (swept.kind === 'unavailable') end(swept);
        else this.#write({ name: shelf.newName(sequence), sequence, data, isLate }, end);
      },
    );
  }

  listSnapshots(done: (outcome: ListOutcome) => void): void {
    const { shelf, ask } = this.#parts;
    ask<ListOutcome>(() => shelf.read<ListOutcome>((snapshots) => ({ kind: 'snapshots', snapshots })), done);
  }

  loadSnapshot(name: string, done: (outcome: LoadOutcome) => void): void {
    const { shelf, ask } = this.#parts;
    type Found = { readonly kind: 'found'; readonly manifest: Manifest | null } | Unavailable;
    const look = (known: readonly StoredSnapshot[]): Found => {
      // Not among the complete and yet with a manifest: damaged, or the newest to one that lags.
      const isNew = shelf.isComplete(name) && known.every((snapshot) => snapshot.name !== name);
      return { kind: 'found', manifest: isNew ? null : shelf.manifest(name) };
    };
    ask<Found>(
      () => shelf.read(look),
      (found) => {
        if (found.kind === 'unavailable') done(found);
        else if (found.manifest === null) done({ kind: 'missing' });
        else this.#readFrom({ name, manifest: found.manifest, chunks: [], isLate: this.#deadline() }, done);
      },
    );
  }

  dropSnapshot(name: string, done: (outcome: DropOutcome) => void): void {
    const { shelf, ask } = this.#parts;
    ask<PartOutcome>(
      () => shelf.remove(name),
      (outcome) => done(outcome.kind === 'done' ? { kind: 'dropped' } : outcome),
    );
  }

  #write(
    draft: {
      readonly name: string;
      readonly sequence: number;
      readonly data: Uint8Array;
      readonly isLate: () => boolean;
    },
    done: (outcome: SaveOutcome) => void,
  ): void {
    const { process, send } = this.#parts;
    const { name, sequence, data, isLate } = draft;
    const { snapshotChunkBytes } = process.laws.constants;
    const chunks = Math.ceil(data.length / snapshotChunkBytes);
    const hash = sha256(data);
    const manifest: Manifest = { sequence, bytes: data.length, chunks, hash };
    const dropUnseen = (outcome: Unavailable): void => this.dropSnapshot(name, () => done(outcome));
    const next = (index: number): void => {
      if (isLate()) {
        dropUnseen(late);
        return;
      }
      const at = index * snapshotChunkBytes;
      const part: Part =
        index === chunks
          ? { kind: 'manifest', manifest }
          : { kind: 'chunk', index, data: data.slice(at, at + snapshotChunkBytes) };
      send({ name, part }, (outcome) => {
        // Once its manifest was sent others may see it, and count on it.
        if (outcome.kind === 'unavailable' && index < chunks) dropUnseen(outcome);
        else if (outcome.kind === 'unavailable') done(outcome);
        else if (index === chunks) this.#lookAgain({ name, hash }, done);
        else next(index + 1);
      });
    };
    next(0);
  }

  #lookAgain(
    { name, hash }: { readonly name: string; readonly hash: string },
    done: (outcome: SaveOutcome) => void,
  ): void {
    const { shelf, ask } = this.#parts;
    ask<PartOutcome>(
      () => shelf.read<PartOutcome>(() => (shelf.isComplete(name) ? { kind: 'done' } : removed)),
      (outcome) => {
        if (outcome.kind === 'done') done({ kind: 'saved', name, hash });
        else done(outcome);
      },
    );
  }

  #readFrom(
    reading: {
      readonly name: string;
      readonly manifest: Manifest;
      readonly chunks: readonly Uint8Array[];
      readonly isLate: () => boolean;
    },
    done: (outcome: LoadOutcome) => void,
  ): void {
    const { shelf, ask } = this.#parts;
    const { name, manifest, chunks, isLate } = reading;
    if (chunks.length === manifest.chunks) {
      done(verified(Buffer.concat(chunks), manifest));
      return;
    }
    if (isLate()) {
      done(late);
      return;
    }
    type Chunk =
      | { readonly kind: 'chunk'; readonly data: Uint8Array }
      | Extract<LoadOutcome, { kind: 'missing' | 'corrupt' }>;
    const index = chunks.length;
    const look = (): Chunk => {
      const data = shelf.chunk(name, index);
      if (data !== null) return { kind: 'chunk', data };
      if (shelf.manifest(name) === null) return { kind: 'missing' };
      return { kind: 'corrupt', reason: `its chunk ${index} is gone` };
    };
    ask<Chunk | Unavailable>(
      () => shelf.read(look),
      (outcome) => {
        if (outcome.kind !== 'chunk') done(outcome);
        else this.#readFrom({ ...reading, chunks: [...chunks, outcome.data] }, done);
      },
    );
  }

  #deadline(): () => boolean {
    const { scheduler } = this.#parts.process.laws;
    const untilMs = scheduler.now + SNAPSHOT_TIMEOUT_MS;
    return () => scheduler.now >= untilMs;
  }

  #record(what: string): void {
    const { process } = this.#parts;
    process.laws.trace.record(process.hostId, what);
  }
}

const late: Unavailable = { kind: 'unavailable', reason: `not done within ${SNAPSHOT_TIMEOUT_MS} ms` };
const removed: Unavailable = {
  kind: 'unavailable',
  reason: 'parts of it were removed while it was being saved',
};

function verified(data: Uint8Array, manifest: Manifest): LoadOutcome {
  if (sha256(data) === manifest.hash) return { kind: 'snapshot', data };
  return { kind: 'corrupt', reason: 'its bytes have another hash than it was saved under' };
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
