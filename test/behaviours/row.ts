/** What one row of the table says, and how a test is named in it. */

export interface Test {
  readonly file: string;
  /** As it stands in the file; the words of its `describe` may go before it. */
  readonly name: string;
}

export interface Behaviour {
  /** Of SPEC: A1–A7, E1–E7, V1–V8, T1–T12. One has as many rows as it says different things. */
  readonly id: string;
  readonly says: string;
  readonly file: string;
  /** Stands exactly once in the file; taken out, every one of the tests fails. */
  readonly line: string;
  /** What stays in its place, where the rest would not be a program without it. */
  readonly instead?: string;
  readonly tests: readonly Test[];
}

export function of(file: string, ...names: readonly string[]): readonly Test[] {
  return names.map((name) => ({ file, name }));
}

/** Whole fleets in the simulated world. */
export const simulated = (...names: readonly string[]): readonly Test[] =>
  of('test/simulation/fleet.test.ts', ...names);

/** A fleet on a real nats-server. */
export const real = (...names: readonly string[]): readonly Test[] =>
  of('test/integration/fleet.test.ts', ...names);

/** The same: who leads, how often agents beat. */
export const leading = (...names: readonly string[]): readonly Test[] =>
  of('test/integration/leading.test.ts', ...names);
