/** Whether copies of one thing are the same: the replicas of a stream, the states of agents. */
import { Finding, type Check } from './finding.ts';
import type { ReplicaCopy, Slot } from './replicas.ts';

/** Every slot of every copy against the first one. */
export function compareReplicas(copies: readonly ReplicaCopy[]): Check {
  const finding = new Finding('slots of the ledger that differ between its replicas');
  const [reference, ...others] = copies;
  for (const copy of others) {
    if (reference === undefined) break;
    for (const bound of ['first', 'last'] as const) {
      if (copy[bound] !== reference[bound])
        finding.note(
          `${bound} entry: ${reference[bound]} on ${reference.server}, ${copy[bound]} on ${copy.server}`,
        );
    }
    const from = Math.max(copy.first, reference.first);
    for (let sequence = from; sequence <= Math.max(copy.last, reference.last); sequence += 1) {
      if (!isSame(copy.slots.get(sequence), reference.slots.get(sequence)))
        finding.note(`entry ${sequence} on ${reference.server} and ${copy.server}`);
    }
  }
  return finding.check();
}

const isSame = (a: Slot | undefined, b: Slot | undefined): boolean =>
  a?.hash === b?.hash && a?.about === b?.about;

/** What a replica keeps against what was read while it was written. `read`: hashes by sequence. */
export function compareWithRead(copy: ReplicaCopy, read: ReadonlyMap<number, string>): Check {
  const finding = new Finding('entries that are not what was read when they were written');
  for (const [sequence, { hash }] of copy.slots)
    if (read.get(sequence) !== hash) finding.note(`entry ${sequence} on ${copy.server}`);
  return finding.check();
}

/** `hashes`: by who has it. */
export function compareHashes(hashes: ReadonlyMap<string, string>): Check {
  const finding = new Finding('states that differ at the same entry');
  const [reference] = hashes;
  if (reference === undefined) return finding.check();
  const [first, expected] = reference;
  for (const [who, hash] of hashes)
    if (hash !== expected) finding.note(`${who} has ${hash}, ${first} ${expected}`);
  return finding.check();
}
