/** Holds a chart against a table of all that it does, from every leaf with every event. */
import { getShortestPaths } from 'xstate/graph';
import type { AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate';
import { expect } from 'vitest';
import { at, delaysOf, edgesOf, leafOf, leavesOf, nameOf, step } from './chart.ts';

export type Events = Readonly<Record<string, EventObject>>;
/** Leaf → event → `next state ! effects`. What is not listed is ignored: the same state, and no effect. */
export type Matrix = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Events that say nothing but their type. */
export function plain<T extends string>(...types: readonly T[]): Record<T, { readonly type: T }> {
  return Object.fromEntries(types.map((type) => [type, { type }])) as Record<T, { readonly type: T }>;
}

/** All that the chart does, in the form of the table. */
export function matrixOf(machine: AnyStateMachine, events: Events, context: object = {}): Matrix {
  return Object.fromEntries(
    leavesOf(machine).map((leaf) => {
      const rows = allEvents(machine, leaf, events).map(([name, event]) => [
        name,
        step(machine, at(machine, leaf, context), event).text,
      ]);
      return [leaf, Object.fromEntries(rows.filter(([, text]) => text !== leaf))];
    }),
  );
}

/** The edges that no step from any leaf takes, under any of these variants of the chart. */
export function untaken(
  variants: readonly { machine: AnyStateMachine; events: Events; context?: object }[],
): string[] {
  const taken = new Set<string>();
  for (const { machine, events, context } of variants) {
    for (const leaf of leavesOf(machine)) {
      for (const [, event] of allEvents(machine, leaf, events)) {
        for (const edge of step(machine, at(machine, leaf, context), event).edges) taken.add(nameOf(edge));
      }
    }
  }
  const all = variants.flatMap(({ machine }) => edgesOf(machine).map(nameOf));
  return [...new Set(all)].filter((name) => !taken.has(name));
}

/** Leaves that a walk from the beginning gets to, by the shortest paths of xstate/graph. */
export function expectAllReached(machine: AnyStateMachine, events: Events): void {
  const paths = getShortestPaths(machine, {
    events: ((snapshot: AnyMachineSnapshot) =>
      allEvents(machine, leafOf(snapshot), events).map(([, event]) => event)) as never,
    serializeState: (snapshot) => leafOf(snapshot as AnyMachineSnapshot) as never,
  });
  const reached = paths.map((path) => leafOf(path.state as AnyMachineSnapshot));
  expect([...new Set(reached)].sort()).toEqual(leavesOf(machine).sort());
}

function allEvents(machine: AnyStateMachine, leaf: string, events: Events): [string, EventObject][] {
  return [...Object.entries(events), ...delaysOf(machine, leaf)];
}
