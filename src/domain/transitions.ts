/**
 * A statechart compiled to a table: what `apply` moves members, tasks and proposals along.
 * The charts in `actors/` are the definition; `actors/table.ts` compiles them once at start.
 *
 * I3  Nothing changes its status but along an edge of its chart.
 */
import { assert } from './assert.ts';

export interface Edge {
  /** Name of a guard over the event alone, or null: always. */
  readonly guard: string | null;
  readonly target: string;
}

/** state → event type → edges, the first whose guard holds wins. */
export type TransitionTable = Readonly<Record<string, Readonly<Record<string, readonly Edge[]>>>>;

/** Guards see only the event, so that a replay takes the same edge. */
export type EventGuards = Readonly<Record<string, (event: never) => boolean>>;

export interface Chart {
  readonly initial: string;
  readonly table: TransitionTable;
}

/** The charts that `apply` needs. */
export interface Charts {
  readonly member: Chart;
  readonly task: Chart;
  readonly proposal: Chart;
}

/** The status after the event. Throws when the chart has no such edge. */
export function follow(
  chart: Chart,
  guards: EventGuards,
  from: { readonly what: string; readonly status: string },
  event: { readonly type: string },
): string {
  const edges = chart.table[from.status]?.[event.type];
  assert(edges !== undefined, `${from.what}: no edge for ${event.type} from ${from.status}`);
  for (const edge of edges) {
    if (edge.guard === null || holds(guards, edge.guard, event)) return edge.target;
  }
  throw new Error(`${from.what}: no guard of ${event.type} from ${from.status} holds`);
}

function holds(guards: EventGuards, name: string, event: { readonly type: string }): boolean {
  const guard = guards[name] as ((event: { readonly type: string }) => boolean) | undefined;
  assert(guard !== undefined, `guard ${name} is unknown`);
  return guard(event);
}

/** Whether the chart has an edge for this event in this status. */
export function allows(chart: Chart, status: string, type: string): boolean {
  return chart.table[status]?.[type] !== undefined;
}
