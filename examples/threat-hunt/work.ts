/**
 * The words between the client and the agents of the hunt: task types, capabilities, payloads and results. Both
 * ends are this program, so what arrives is read with a cast, here and nowhere else.
 *
 * I1: a payload or result holds at most `filesMax` names, so it stays far below the fleet's limit of 256 KiB.
 */

/** Files in one task. */
export const filesMax = 100;
/** A task stops taking further files beyond this much to read. */
export const bytesMax = 32 * 1024 ** 2;

export type TaskType = 'hash' | 'match' | 'quarantine';

/** What an agent must be able to do to get a task of the type. */
export const capabilityOf: Readonly<Record<TaskType, string>> = {
  hash: 'hashing',
  match: 'signature_matching',
  quarantine: 'quarantine',
};

/** A directory's files, or a part of them. Names, not paths. */
export interface HashWork {
  readonly directory: string;
  readonly names: readonly string[];
}

export interface HashedFile {
  readonly name: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/** A file that could not be looked at; `why` is the system's code, as ENOENT for one that vanished. */
export interface Skipped {
  readonly name: string;
  readonly why: string;
}

export interface HashResult {
  readonly files: readonly HashedFile[];
  readonly skipped: readonly Skipped[];
}

export interface MatchWork {
  readonly directory: string;
  readonly files: readonly HashedFile[];
}

/** Why a file is suspected. */
export type Suspicion = 'hash' | 'name' | 'eicar';

/** A suspected file. Payload of the quarantine task, which is what the fleet votes on. */
export interface Finding {
  readonly path: string;
  readonly sha256: string;
  readonly suspicion: Suspicion;
  /** What the indicator list calls it. */
  readonly label: string;
}

export interface MatchResult {
  readonly findings: readonly Finding[];
  readonly skipped: readonly Skipped[];
}

export interface QuarantineResult {
  readonly movedTo: string;
}

interface Payloads {
  readonly hash: HashWork;
  readonly match: MatchWork;
  readonly quarantine: Finding;
}

interface Results {
  readonly hash: HashResult;
  readonly match: MatchResult;
  readonly quarantine: QuarantineResult;
}

export type PayloadOf<T extends TaskType> = Payloads[T];
export type ResultOf<T extends TaskType> = Results[T];

export function readPayload<T extends TaskType>(_type: T, payload: unknown): PayloadOf<T> {
  return payload as PayloadOf<T>;
}

export function readResult<T extends TaskType>(_type: T, result: unknown): ResultOf<T> {
  return result as ResultOf<T>;
}

/** Of a proposal: what is voted on is the quarantine task. */
export function readFinding(data: unknown): Finding {
  return (data as { readonly payload: Finding }).payload;
}
