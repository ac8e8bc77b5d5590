/**
 * The Snapshots port on a JetStream stream of its own, over one ledger connection (ADR 0010).
 *
 * Invariants:
 * - The manifest is stored after the last chunk is acknowledged, and a save looks again after it: a sweep that took
 *   its chunks meanwhile is found out.
 * - What is removed goes manifest first.
 * - A save takes less time than leftovers are left alone.
 */
import type { DropOutcome, ListOutcome, LoadOutcome, Random, SaveOutcome, Snapshots } from '../ports.ts';
import { reasonOf } from './errors.ts';
import type { Request } from './jetstream-api.ts';
import { fence, type NatsLog } from './log.ts';
import { deadlineOf, inLanes } from './snapshot-lanes.ts';
import { loadSnapshot } from './snapshot-load.ts';
import {
  chunkCount,
  contentHash,
  encodeManifest,
  snapshotBytesMax,
  type Manifest,
} from './snapshot-manifest.ts';
import { SnapshotParts, type PartDone, type Unavailable } from './snapshot-parts.ts';
import { sequenceOf, type SnapshotSubjects } from './snapshot-subjects.ts';
import { isWhole, leftoversOf, surveySnapshots, type SnapshotStore } from './snapshot-survey.ts';
import type { StreamWish } from './stream-config.ts';
import { setUpStream, type SetupOutcome } from './stream-setup.ts';

/** Small enough that others on the connection do not wait long for one. */
const chunkBytesMax = 512 * 1024;
/** Incomplete snapshots removed by one save; the next one goes on. */
const leftoversSweptMax = 32;

export interface NatsSnapshotsOptions {
  readonly request: Request;
  readonly subjects: SnapshotSubjects;
  /** Of the stream that the first save creates, and each connection's first save verifies. */
  readonly wish: () => StreamWish;
  readonly mayCreate: boolean;
  readonly payloadBytesMax: () => number;
  readonly random: Random;
  readonly log: NatsLog;
}

interface Draft {
  readonly name: string;
  readonly data: Uint8Array;
  readonly manifest: Manifest;
  readonly deadline: () => Unavailable | null;
}

export class NatsSnapshots implements Snapshots {
  readonly #options: NatsSnapshotsOptions;
  readonly #store: SnapshotStore;
  #isVerified = false;

  constructor(options: NatsSnapshotsOptions) {
    const { request, subjects } = options;
    this.#options = options;
    this.#store = { subjects, parts: new SnapshotParts(request, subjects) };
  }

  saveSnapshot(
    snapshot: { readonly sequence: number; readonly data: Uint8Array },
    done: (outcome: SaveOutcome) => void,
  ): void {
    this.#run<SaveOutcome>(this.#save(snapshot), done);
  }

  listSnapshots(done: (outcome: ListOutcome) => void): void {
    this.#run<ListOutcome>(this.#list(), done);
  }

  loadSnapshot(name: string, done: (outcome: LoadOutcome) => void): void {
    this.#run<LoadOutcome>(loadSnapshot(this.#store, name), done);
  }

  dropSnapshot(name: string, done: (outcome: DropOutcome) => void): void {
    this.#run<DropOutcome>(this.#drop(name), done);
  }

  async #list(): Promise<ListOutcome> {
    const survey = await surveySnapshots(this.#store);
    return survey.kind === 'unavailable' ? survey : { kind: 'snapshots', snapshots: survey.complete };
  }

  async #save({ sequence, data }: { sequence: number; data: Uint8Array }): Promise<SaveOutcome> {
    if (data.length > snapshotBytesMax) return { kind: 'tooLarge', bytesMax: snapshotBytesMax };
    const deadline = deadlineOf();
    const ready = await this.#verify();
    if (ready.kind === 'unavailable') return ready;
    const swept = await this.#sweep();
    if (swept.kind === 'unavailable') return swept;
    const name = `${sequence}-${this.#options.random.id()}`;
    const chunkBytes = Math.min(chunkBytesMax, halfOf(this.#options.payloadBytesMax()));
    const manifest = { sequence, bytes: data.length, chunkBytes, hash: await contentHash(data) };
    const draft = { name, data, manifest, deadline };
    const unwritten = (await this.#writeChunks(draft)) ?? deadline();
    if (unwritten !== null) await this.#dropUnseen(name);
    const unshown = unwritten ?? (await this.#show(draft));
    if (unshown === null) return { kind: 'saved', name, hash: manifest.hash };
    // The stream may be gone, or another: looked at again before the next save.
    this.#isVerified = false;
    return unshown;
  }

  async #dropUnseen(name: string): Promise<void> {
    const dropped = await this.#drop(name);
    if (dropped.kind === 'unavailable') {
      this.#options.log.warn(
        { snapshot: name, reason: dropped.reason },
        'an incomplete snapshot stays behind',
      );
    }
  }

  async #verify(): Promise<PartDone> {
    if (this.#isVerified) return { kind: 'done' };
    const { request, wish, mayCreate, log } = this.#options;
    const setup = { request, wish: wish(), hasJetStream: true, mayCreate, isMissingFinal: false };
    const outcome = await new Promise<SetupOutcome>((resolve) => setUpStream(setup, resolve));
    if (outcome.kind === 'unavailable') return outcome;
    if (outcome.kind === 'broken') {
      log.error({ err: outcome.error }, 'snapshots cannot be saved');
      return { kind: 'unavailable', reason: outcome.error.message };
    }
    this.#isVerified = true;
    return { kind: 'done' };
  }

  async #sweep(): Promise<PartDone> {
    const survey = await surveySnapshots(this.#store);
    if (survey.kind === 'unavailable') return survey;
    for (const name of await leftoversOf(this.#store, survey, leftoversSweptMax)) {
      this.#options.log.warn({ snapshot: name }, 'an incomplete snapshot is removed');
      const dropped = await this.#drop(name);
      if (dropped.kind === 'unavailable') return dropped;
    }
    return { kind: 'done' };
  }

  /** From here on others may see it and count on it, whatever is heard: it is not dropped any more. */
  async #show({ name, manifest }: Draft): Promise<Unavailable | null> {
    const { parts, subjects } = this.#store;
    const visible = await parts.store(subjects.manifest(name), encodeManifest(manifest));
    if (visible.kind === 'unavailable') return visible;
    const found = await parts.find(subjects.parts(name));
    if (found.kind === 'unavailable') return found;
    if (found.held.some((held) => isWhole(held, manifest))) return null;
    return { kind: 'unavailable', reason: 'parts of it were removed while it was being saved' };
  }

  #writeChunks({ name, data, manifest, deadline }: Draft): Promise<Unavailable | null> {
    const { parts, subjects } = this.#store;
    const { chunkBytes } = manifest;
    return inLanes<Unavailable>(chunkCount(manifest), async (index) => {
      const late = deadline();
      if (late !== null) return late;
      const chunk = data.subarray(index * chunkBytes, (index + 1) * chunkBytes);
      const stored = await parts.store(subjects.chunk(name, index), chunk);
      return stored.kind === 'done' ? null : stored;
    });
  }

  async #drop(name: string): Promise<DropOutcome> {
    if (sequenceOf(name) === null) return { kind: 'dropped' };
    const { parts, subjects } = this.#store;
    for (const filter of [subjects.manifest(name), subjects.parts(name)]) {
      const removed = await parts.remove(filter);
      if (removed.kind === 'unavailable') return removed;
    }
    return { kind: 'dropped' };
  }

  /** T: an outcome that may also be `unavailable`, which is what a work that throws becomes. */
  #run<T>(work: Promise<T>, done: (outcome: T | Unavailable) => void): void {
    const tell = (outcome: T | Unavailable): void =>
      fence(this.#options.log, 'snapshots', () => done(outcome));
    work.then(tell, (error: unknown) => tell({ kind: 'unavailable', reason: reasonOf(error) }));
  }
}

/** A reader gets a chunk in base64, a third longer, which must fit as well. */
function halfOf(payloadBytesMax: number): number {
  return Math.max(1, Math.floor(payloadBytesMax / 2));
}
