/**
 * How much is kept, in bytes: about what a record takes in a snapshot. Owns the measure, and the sums in the state,
 * which every replica keeps alike: they follow from the records alone, so a snapshot does not hold them.
 *
 * Not counted: members, whose number and profiles are bounded.
 */
import { present } from './assert.ts';
import type { FleetState, KeptBytes, Proposal, Remembered, Task } from './state.ts';

type Records = Omit<FleetState, 'bytes'>;

/** Ids, times and numbers of a record, with its place among what has ended. */
const TASK_BYTES = 160;
const ATTEMPT_BYTES = 110;
const PROPOSAL_BYTES = 200;
const BALLOT_BYTES = 30;
const KEY_BYTES = 20;
/** Of a text, about two to the power of this many units at the most are looked at. */
const LOOKED_AT_BITS = 9;

/** A plain value, as MessagePack writes it, to within a few bytes per part; null and undefined alone: 0. */
export function valueBytes(value: unknown): number {
  if (typeof value === 'string') return textBytes(value);
  if (typeof value === 'number') return numberBytes(value);
  if (value === null || value === undefined) return 0;
  if (typeof value !== 'object') return 9;
  if (value instanceof Uint8Array) return 5 + value.length;
  let bytes = 3;
  if (Array.isArray(value)) for (const each of value) bytes += 1 + valueBytes(each);
  else {
    for (const name in value) {
      bytes += textBytes(name) + 1 + valueBytes((value as Readonly<Record<string, unknown>>)[name]);
    }
  }
  return bytes;
}

function numberBytes(value: number): number {
  if (!Number.isInteger(value) || Math.abs(value) > 0xffff_ffff) return 9;
  return Math.abs(value) < 32 ? 1 : 5;
}

/** In UTF-8, with its length before it. Of a long one some units speak for all. */
function textBytes(text: string): number {
  const stride = 1 + (text.length >> LOOKED_AT_BITS);
  let more = 0;
  for (let i = 0; i < text.length; i += stride) {
    const unit = text.charCodeAt(i);
    // Half of a pair, of which the whole has four.
    if (unit >= 0xd800 && unit <= 0xdfff) more += 1;
    else if (unit >= 0x800) more += 2;
    else if (unit >= 0x80) more += 1;
  }
  return 2 + text.length + more * stride;
}

/** What users put into a task. */
export function valuesIn({ spec, result }: Pick<Task, 'spec' | 'result'>): number {
  return valueBytes(spec.payload) + valueBytes(result);
}

export function taskBytes({ spec, valueBytes: values, attempts, error }: Task): number {
  let bytes = TASK_BYTES + values + spec.type.length + (spec.target?.length ?? 0);
  for (const each of spec.requiredCapabilities) bytes += each.length;
  for (const each of attempts) bytes += ATTEMPT_BYTES + each.agent.length + errorBytes(each.error);
  return bytes + errorBytes(error);
}

function errorBytes(error: Task['error']): number {
  return error === null ? 0 : valueBytes(error);
}

/** What goes when the task is dropped: its proposal goes with it. */
export function bytesWithGate(state: Records, task: Task): number {
  const gate = task.spec.proposal === null ? undefined : state.proposals.get(task.spec.proposal);
  return taskBytes(task) + (gate?.bytes ?? 0);
}

/** Of one that has just been opened, or with its ballots. */
export function proposalBytes({ spec, ballots }: Pick<Proposal, 'spec' | 'ballots'>): number {
  let bytes = PROPOSAL_BYTES + valueBytes([spec.type, spec.description, spec.data, spec.proposer]);
  for (const { id } of spec.electorate) bytes += 6 + id.length;
  bytes += valueBytes(spec.outsiders);
  for (const [voter, { reason }] of ballots) bytes += ballotBytes(voter, reason);
  return bytes;
}

export function ballotBytes(voter: string, reason: string | null): number {
  return BALLOT_BYTES + valueBytes(voter) + valueBytes(reason);
}

export function keyBytes(key: string, { digest, tasks }: Pick<Remembered, 'digest' | 'tasks'>): number {
  let bytes = KEY_BYTES + key.length + digest.length;
  for (const id of tasks) bytes += 2 + id.length;
  return bytes;
}

/** The sums, from the records: what those in the state must be. */
export function measured(state: Records): KeptBytes {
  const bytes = { kept: 0, ended: 0, decided: 0 };
  for (const task of state.tasks.values()) bytes.kept += taskBytes(task);
  for (const proposal of state.proposals.values()) bytes.kept += proposal.bytes;
  for (const store of [state.requests, state.keys])
    for (const [key, remembered] of store) bytes.kept += keyBytes(key, remembered);
  for (const id of state.ended) bytes.ended += bytesWithGate(state, present(state.tasks.get(id), id));
  for (const id of state.decided) bytes.decided += present(state.proposals.get(id), id).bytes;
  return bytes;
}
