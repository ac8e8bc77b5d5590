/** Reads one snapshot back, chunk by chunk, and proves by its hash that it is what was saved. */
import type { LoadOutcome } from '../ports.ts';
import { deadlineOf, inLanes } from './snapshot-lanes.ts';
import { chunkCount, contentHash, type Manifest } from './snapshot-manifest.ts';
import { readManifest, type SnapshotStore } from './snapshot-survey.ts';
import { sequenceOf } from './snapshot-subjects.ts';

type Problem = Extract<LoadOutcome, { kind: 'corrupt' | 'unavailable' }>;

export async function loadSnapshot(store: SnapshotStore, name: string): Promise<LoadOutcome> {
  if (sequenceOf(name) === null) return { kind: 'missing' };
  const read = await readManifest(store, name);
  if (read.kind !== 'manifest') return read;
  const data = new Uint8Array(read.manifest.bytes);
  const problem = await readChunks(store, { name, manifest: read.manifest, data });
  if (problem?.kind === 'corrupt') {
    // Somebody may have dropped it meanwhile.
    const again = await readManifest(store, name);
    return again.kind === 'manifest' ? problem : again;
  }
  if (problem !== null) return problem;
  if ((await contentHash(data)) === read.manifest.hash) return { kind: 'snapshot', data };
  return { kind: 'corrupt', reason: 'its bytes have another hash than it was saved under' };
}

function readChunks(
  { parts, subjects }: SnapshotStore,
  into: { readonly name: string; readonly manifest: Manifest; readonly data: Uint8Array },
): Promise<Problem | null> {
  const { name, manifest, data } = into;
  const { bytes, chunkBytes } = manifest;
  const deadline = deadlineOf();
  return inLanes<Problem>(chunkCount(manifest), async (index) => {
    const late = deadline();
    if (late !== null) return late;
    const read = await parts.read(subjects.chunk(name, index));
    if (read.kind === 'unavailable') return read;
    if (read.kind === 'missing') return { kind: 'corrupt', reason: `its chunk ${index} is gone` };
    const at = index * chunkBytes;
    if (read.data.length !== Math.min(chunkBytes, bytes - at)) {
      return { kind: 'corrupt', reason: `its chunk ${index} has another length` };
    }
    data.set(read.data, at);
    return null;
  });
}
