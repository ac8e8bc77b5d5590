/** What one row of the table of faults says, and where most of its tests are. */
import { of, type Test } from '../../behaviours/row.ts';

export type Part =
  | { readonly when: string; readonly tests: readonly Test[] }
  | { readonly when: string; readonly notHere: string };

export interface Fault {
  readonly number: number;
  readonly fault: string;
  readonly invariant: string;
  readonly parts: readonly Part[];
}

export const scenario = (file: string, ...names: readonly string[]): readonly Test[] =>
  of(`test/chaos/scenarios/${file}.test.ts`, ...names);
export const faulty = (...names: readonly string[]): readonly Test[] =>
  of('test/integration/faults.test.ts', ...names);
export const adapter = (...names: readonly string[]): readonly Test[] =>
  of('test/conformance/nats-faults.test.ts', ...names);
export const snapshots = (...names: readonly string[]): readonly Test[] =>
  of('test/simulation/snapshots.test.ts', ...names);
export const permissions = (file: string, ...names: readonly string[]): readonly Test[] =>
  of(`test/integration/${file}.test.ts`, ...names);
