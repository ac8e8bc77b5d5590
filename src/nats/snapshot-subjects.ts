/**
 * Names in the store of snapshots: the stream, the subject of each part of a snapshot, and what a subject says.
 * A snapshot's name is one token, `<sequence>-<random>`; its parts are `<name>.manifest` and `<name>.<chunk>`,
 * chunks counted from 0.
 */
import { subjectsOf } from '../wire/subjects.ts';

export interface SnapshotSubjects {
  readonly stream: string;
  /** Every part of every snapshot. */
  readonly all: string;
  /** Every part of one. */
  parts(name: string): string;
  manifest(name: string): string;
  chunk(name: string, index: number): string;
  /** Null for a subject that is not of this form. */
  partOf(subject: string): SnapshotPart | null;
}

export interface SnapshotPart {
  readonly name: string;
  /** Null: the manifest. */
  readonly chunk: number | null;
}

const nameForm = /^(\d{1,15})-[A-Za-z0-9]{1,64}$/;
const partForm = /^([^.]+)\.(?:(manifest)|(\d{1,9}))$/;

/** Throws INVALID for a fleet's name that is none. */
export function snapshotSubjectsOf(fleet: string): SnapshotSubjects {
  const { snapshotStream: stream, snapshot: parts } = subjectsOf(fleet);
  const root = `_conclave.${fleet}.snapshot.`;
  return {
    stream,
    all: `${root}>`,
    parts,
    manifest: (name) => `${root}${name}.manifest`,
    chunk: (name, index) => `${root}${name}.${index}`,
    partOf: (subject) => {
      const match = subject.startsWith(root) ? partForm.exec(subject.slice(root.length)) : null;
      const name = match?.[1];
      if (name === undefined || sequenceOf(name) === null) return null;
      return { name, chunk: match?.[3] === undefined ? null : Number(match[3]) };
    },
  };
}

/** The sequence that a snapshot is named by; null for what is no name of one. */
export function sequenceOf(name: string): number | null {
  const digits = nameForm.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}
