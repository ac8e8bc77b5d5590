/**
 * Who is complete in the store of snapshots, and which of the others may be removed.
 *
 * Invariants:
 * - A snapshot is complete when its manifest and every chunk of it are there, whatever its age.
 * - An incomplete one is a leftover only when no writer can be at work on it, or its work is of no use any more.
 */
import type { StoredSnapshot } from '../ports.ts';
import { inLanes } from './snapshot-lanes.ts';
import { chunkCount, decodeManifest, type Manifest } from './snapshot-manifest.ts';
import type { Held, SnapshotParts, Unavailable } from './snapshot-parts.ts';
import { sequenceOf, type SnapshotSubjects } from './snapshot-subjects.ts';

/** More than a save may take, by far: an incomplete snapshot whose newest part is older has no living writer. */
const leftoverMs = 600_000;

export interface SnapshotStore {
  readonly parts: SnapshotParts;
  readonly subjects: SnapshotSubjects;
}

export interface Survey {
  readonly kind: 'surveyed';
  /** By sequence, then name. */
  readonly complete: readonly StoredSnapshot[];
  readonly incomplete: readonly Held[];
  /** The broker's wall clock, milliseconds; null when it does not say. */
  readonly nowMs: number | null;
}

export type ManifestRead =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'missing' }
  | { readonly kind: 'corrupt'; readonly reason: string }
  | Unavailable;

export async function readManifest({ parts, subjects }: SnapshotStore, name: string): Promise<ManifestRead> {
  const read = await parts.read(subjects.manifest(name));
  if (read.kind !== 'part') return read;
  const manifest = decodeManifest(read.data);
  if (manifest !== null && manifest.sequence === sequenceOf(name)) return { kind: 'manifest', manifest };
  return { kind: 'corrupt', reason: 'its manifest cannot be read' };
}

export function isWhole(held: Held, manifest: Manifest): boolean {
  const count = chunkCount(manifest);
  return held.hasManifest && held.chunks === count && held.lastChunk === count - 1;
}

export async function surveySnapshots(store: SnapshotStore): Promise<Survey | Unavailable> {
  const found = await store.parts.find(store.subjects.all);
  if (found.kind === 'unavailable') return found;
  const { held, nowMs } = found;
  const complete: StoredSnapshot[] = [];
  const incomplete: Held[] = [];
  const problem = await inLanes(held.length, async (index) => {
    const one = held[index];
    if (one === undefined) return null;
    const read: ManifestRead = one.hasManifest ? await readManifest(store, one.name) : { kind: 'missing' };
    if (read.kind === 'unavailable') return read;
    if (read.kind === 'manifest' && isWhole(one, read.manifest))
      complete.push(storedAs(one.name, read.manifest));
    else incomplete.push(one);
    return null;
  });
  if (problem !== null) return problem;
  complete.sort((a, b) => a.sequence - b.sequence || (a.name < b.name ? -1 : 1));
  return { kind: 'surveyed', complete, incomplete, nowMs };
}

/**
 * The names of what may be removed, `max` at most, and no more than that are looked into for their age. Without the
 * broker's times, nothing is ever old.
 */
export async function leftoversOf(store: SnapshotStore, survey: Survey, max: number): Promise<string[]> {
  const { complete, incomplete, nowMs } = survey;
  const secondNewest = complete.at(-2)?.sequence ?? 0;
  const isUseless = ({ name }: Held): boolean => (sequenceOf(name) ?? 0) < secondNewest;
  const names = incomplete
    .filter(isUseless)
    .slice(0, max)
    .map(({ name }) => name);
  const others = incomplete.filter((held) => !isUseless(held)).slice(0, max - names.length);
  for (const held of others) if (await isOld(store, held, nowMs)) names.push(held.name);
  return names;
}

async function isOld({ parts, subjects }: SnapshotStore, held: Held, nowMs: number | null): Promise<boolean> {
  const { name, hasManifest, lastChunk } = held;
  const read = await parts.read(hasManifest ? subjects.manifest(name) : subjects.chunk(name, lastChunk));
  if (read.kind !== 'part' || read.atMs === null || nowMs === null) return false;
  return nowMs - read.atMs > leftoverMs;
}

function storedAs(name: string, { sequence, bytes, hash }: Manifest): StoredSnapshot {
  return { name, sequence, bytes, hash };
}
