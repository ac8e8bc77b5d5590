/**
 * The parts of snapshots as messages of their stream: what is there, reading one, storing one, removing some. Every
 * promise settles, and none rejects: each request has a time limit, and ends with its connection.
 */
import type { RequestOutcome } from '../ports.ts';
import { reasonOf } from './errors.ts';
import {
  callApi,
  objectAt,
  readOutcome,
  whyNot,
  type ApiOutcome,
  type Json,
  type Request,
} from './jetstream-api.ts';
import type { SnapshotSubjects } from './snapshot-subjects.ts';

/** For one part, which may be half as large as the broker takes. */
const partTimeoutMs = 10_000;

/** What the stream holds under one name. */
export interface Held {
  readonly name: string;
  readonly hasManifest: boolean;
  /** How many different chunks. */
  readonly chunks: number;
  /** The highest index among them; -1 without any. */
  readonly lastChunk: number;
}

export interface Unavailable {
  readonly kind: 'unavailable';
  readonly reason: string;
}

export type PartsFound =
  | {
      readonly kind: 'found';
      readonly held: readonly Held[];
      /** The broker's wall clock, milliseconds; null when it does not say. */
      readonly nowMs: number | null;
    }
  | Unavailable;

export type PartRead =
  | {
      readonly kind: 'part';
      readonly data: Uint8Array;
      /** When the broker stored it, by its wall clock, milliseconds; null when it does not say. */
      readonly atMs: number | null;
    }
  | { readonly kind: 'missing' }
  | Unavailable;

export type PartDone = { readonly kind: 'done' } | Unavailable;

export class SnapshotParts {
  readonly #request: Request;
  readonly #subjects: SnapshotSubjects;

  constructor(request: Request, subjects: SnapshotSubjects) {
    this.#request = request;
    this.#subjects = subjects;
  }

  /** Nothing is found where there is no stream. `filter`: a subject with wildcards. */
  async find(filter: string): Promise<PartsFound> {
    const outcome = await this.#call(`STREAM.INFO.${this.#subjects.stream}`, { subjects_filter: filter });
    if (isMissing(outcome)) return { kind: 'found', held: [], nowMs: null };
    if (outcome.kind !== 'answer') return { kind: 'unavailable', reason: whyNot(outcome) };
    const counts = objectAt(objectAt(outcome.body, 'state'), 'subjects');
    const subjects = Object.keys(counts);
    const total = outcome.body['total'];
    // The broker lists 100,000 at most; what is not listed must not be taken for gone.
    if (typeof total === 'number' && total > subjects.length) {
      return { kind: 'unavailable', reason: `the store has ${total} parts, more than the broker lists` };
    }
    return { kind: 'found', held: this.#byName(subjects), nowMs: timeOf(outcome.body['ts']) };
  }

  async read(subject: string): Promise<PartRead> {
    const outcome = await this.#call(`STREAM.MSG.GET.${this.#subjects.stream}`, { last_by_subj: subject });
    if (isMissing(outcome)) return { kind: 'missing' };
    if (outcome.kind !== 'answer') return { kind: 'unavailable', reason: whyNot(outcome) };
    const { data, time } = objectAt(outcome.body, 'message');
    return {
      kind: 'part',
      data: Buffer.from(typeof data === 'string' ? data : '', 'base64'),
      atMs: timeOf(time),
    };
  }

  /** Once: a part that is there already is not stored again, and that is no success. */
  store(subject: string, data: Uint8Array): Promise<PartDone> {
    const headers = { 'Nats-Expected-Last-Subject-Sequence': '0' };
    return new Promise((resolve) => {
      const end = (outcome: RequestOutcome): void => {
        const answer = readOutcome(outcome);
        if (answer.kind !== 'answer') resolve({ kind: 'unavailable', reason: whyNot(answer) });
        else if (answer.body['stream'] === this.#subjects.stream) resolve({ kind: 'done' });
        else resolve({ kind: 'unavailable', reason: `stored elsewhere: ${JSON.stringify(answer.body)}` });
      };
      try {
        this.#request({ subject, data, headers, timeoutMs: partTimeoutMs }, end);
      } catch (error) {
        resolve({ kind: 'unavailable', reason: reasonOf(error) });
      }
    });
  }

  /** `filter`: a subject, perhaps with wildcards. Nothing there is as good as removed. */
  async remove(filter: string): Promise<PartDone> {
    const outcome = await this.#call(`STREAM.PURGE.${this.#subjects.stream}`, { filter });
    if (outcome.kind === 'answer' || isMissing(outcome)) return { kind: 'done' };
    return { kind: 'unavailable', reason: whyNot(outcome) };
  }

  #call(verb: string, body: Json): Promise<ApiOutcome> {
    return new Promise((resolve) =>
      callApi(this.#request, { verb, body, timeoutMs: partTimeoutMs }, resolve),
    );
  }

  #byName(subjects: readonly string[]): Held[] {
    const held = new Map<string, Held>();
    for (const subject of subjects) {
      const part = this.#subjects.partOf(subject);
      if (part === null) continue;
      const { name, chunk } = part;
      const { hasManifest, chunks, lastChunk } = held.get(name) ?? {
        hasManifest: false,
        chunks: 0,
        lastChunk: -1,
      };
      held.set(
        name,
        chunk === null
          ? { name, hasManifest: true, chunks, lastChunk }
          : { name, hasManifest, chunks: chunks + 1, lastChunk: Math.max(lastChunk, chunk) },
      );
    }
    return [...held.values()];
  }
}

function isMissing(outcome: ApiOutcome): boolean {
  if (outcome.kind !== 'fault') return false;
  return outcome.fault === 'streamMissing' || outcome.fault === 'messageMissing';
}

function timeOf(value: unknown): number | null {
  const ms = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(ms) ? null : ms;
}
