/**
 * The edges of the six statecharts as data: every transition, also each alternative under a guard, each `after`
 * and each `always`. Charts can be built without one of them, or so that they tell which ones are taken.
 */
import { createMachine, type AnyStateMachine } from 'xstate';
import { agentMachine } from '../../actors/agent.ts';
import { coordinatorMachine } from '../../actors/coordinator.ts';
import { electionMachine } from '../../actors/election.ts';
import { memberMachine } from '../../actors/member.ts';
import { proposalMachine } from '../../actors/proposal.ts';
import { compile } from '../../actors/table.ts';
import { taskMachine } from '../../actors/task.ts';
import type { Chart, Edge as Cell } from '../../src/domain/transitions.ts';
import type { NodeCharts } from '../../src/runtime/node.ts';

const machines: Readonly<Record<string, AnyStateMachine>> = {
  agent: agentMachine,
  election: electionMachine,
  coordinator: coordinatorMachine,
  member: memberMachine,
  task: taskMachine,
  proposal: proposalMachine,
};

/** One transition of one chart. */
export interface ChartEdge {
  readonly chart: string;
  /** As a sentence: `election: campaigning on answer, 2nd`. */
  readonly name: string;
  /** Where it stands in the chart's configuration. */
  readonly path: readonly (string | number)[];
}

type Plain = Record<string, unknown>;

export const chartEdges: readonly ChartEdge[] = Object.entries(machines).flatMap(([chart, { config }]) =>
  edgesIn(chart, config as Plain, []),
);

function edgesIn(chart: string, node: Plain, path: readonly string[]): ChartEdge[] {
  const where = path.filter((part) => part !== 'states').join('.') || chart;
  const edges: ChartEdge[] = [];
  const add = (value: unknown, at: readonly string[], what: string): void => {
    const name = `${chart}: ${where} ${what}`;
    if (!Array.isArray(value)) edges.push({ chart, name, path: at });
    else
      value.forEach((_, i) => edges.push({ chart, name: `${name}, alternative ${i + 1}`, path: [...at, i] }));
  };
  for (const kind of ['on', 'after'] as const) {
    for (const [type, value] of Object.entries((node[kind] ?? {}) as Plain)) {
      add(value, [...path, kind, type], `${kind} ${type}`);
    }
  }
  if (node['always'] !== undefined) add(node['always'], [...path, 'always'], 'always');
  for (const [key, child] of Object.entries((node['states'] ?? {}) as Plain)) {
    edges.push(...edgesIn(chart, child as Plain, [...path, 'states', key]));
  }
  return edges;
}

/** All charts, one of them without this edge. */
export function chartsWithout(edge: ChartEdge): NodeCharts {
  return assembled({ ...machines, [edge.chart]: without(edge) });
}

/** All charts as they are; `taken` hears of each edge when a fleet takes it. */
export function recordingCharts(taken: (edge: ChartEdge) => void): NodeCharts {
  const recording = Object.fromEntries(
    Object.keys(machines).map((chart) => [chart, recordingMachine(chart, taken)]),
  );
  const { tables, ...live } = assembled({ ...machines, ...recording });
  const table = (chart: 'member' | 'task' | 'proposal'): Chart => recordingTable(chart, tables[chart], taken);
  return { ...live, tables: { member: table('member'), task: table('task'), proposal: table('proposal') } };
}

function assembled(of: Readonly<Record<string, AnyStateMachine>>): NodeCharts {
  const { agent, election, coordinator, member, task, proposal } = of as Record<string, AnyStateMachine>;
  const table = (machine: AnyStateMachine | undefined): Chart => compile(machine as AnyStateMachine);
  return {
    agent: agent as typeof agentMachine,
    election: election as typeof electionMachine,
    coordinator: coordinator as typeof coordinatorMachine,
    member: member as unknown as typeof memberMachine,
    tables: { member: table(member), task: table(task), proposal: table(proposal) },
  };
}

function without({ chart, path }: ChartEdge): AnyStateMachine {
  return rebuilt(chart, (config) => {
    const [holder, last] = placeOf(config, path);
    if (!Array.isArray(holder)) Reflect.deleteProperty(holder as Plain, last);
    else holder.splice(Number(last), 1);
  });
}

function recordingMachine(chart: string, taken: (edge: ChartEdge) => void): AnyStateMachine {
  const edges = chartEdges.filter((edge) => edge.chart === chart);
  const actions = Object.fromEntries(edges.map((edge) => [edge.name, () => taken(edge)]));
  const note = (config: Plain): void => {
    for (const { path, name } of edges) {
      const [holder, last] = placeOf(config, path);
      const edge = (holder as Plain)[last];
      const whole = (typeof edge === 'string' ? { target: edge } : edge) as Plain;
      const before = whole['actions'] === undefined ? [] : [whole['actions']].flat();
      (holder as Plain)[last] = { ...whole, actions: [...before, { type: name }] };
    }
  };
  return rebuilt(chart, note, actions);
}

function rebuilt(chart: string, change: (config: Plain) => void, actions: object = {}): AnyStateMachine {
  const { config, implementations } = machines[chart] as AnyStateMachine;
  const copy = copied(config) as Plain;
  change(copy);
  return createMachine(copy, { ...implementations, actions: { ...implementations.actions, ...actions } });
}

/** Only the structure: functions stay what they are. */
function copied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copied);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copied(inner)]));
}

function placeOf(config: Plain, path: readonly (string | number)[]): [unknown, string] {
  const holder = path.slice(0, -1).reduce<unknown>((at, key) => (at as Plain)[key], config);
  return [holder, String(path.at(-1))];
}

/** The table's cells tell which edge they come from when their target is read, that is, when they are taken. */
function recordingTable(chart: string, table: Chart, taken: (edge: ChartEdge) => void): Chart {
  const lacking = chartEdges
    .filter((edge) => edge.chart === chart)
    .map((edge) => ({ edge, rows: compile(without(edge)).table }));
  const noted = (state: string, type: string, cell: Cell, place: number): Cell => {
    const origins = lacking.filter(({ rows }) =>
      isMissing(table.table[state]?.[type] ?? [], rows[state]?.[type] ?? [], place),
    );
    return {
      guard: cell.guard,
      get target() {
        for (const { edge } of origins) taken(edge);
        return cell.target;
      },
    };
  };
  const rows = Object.entries(table.table).map(([state, row]) => [
    state,
    Object.fromEntries(
      Object.entries(row).map(([type, cells]) => [type, cells.map((cell, i) => noted(state, type, cell, i))]),
    ),
  ]);
  return { initial: table.initial, table: Object.fromEntries(rows) as Chart['table'] };
}

/** Whether `place` is where the shorter list lacks something of the whole one. */
function isMissing(whole: readonly Cell[], rest: readonly Cell[], place: number): boolean {
  if (rest.length === whole.length) return false;
  const same = (i: number): boolean =>
    rest[i]?.target === whole[i]?.target && rest[i]?.guard === whole[i]?.guard;
  const first = whole.findIndex((_, i) => !same(i));
  return place === first;
}
