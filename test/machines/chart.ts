/**
 * Reads a statechart: its leaves, its edges, and what a step from a leaf does. A step is written as
 * `next state ! effects`, where `+name` starts a delay and `-name` stops one.
 */
import { getMicrosteps, initialTransition, transition } from 'xstate';
import type {
  AnyMachineSnapshot,
  AnyStateMachine,
  AnyStateNode,
  AnyTransitionDefinition,
  EventObject,
} from 'xstate';

interface Action {
  readonly type: string;
  readonly params?: unknown;
}

/** Names of the states that have no states inside, without the chart's own name: `active.idle`. */
export function leavesOf(machine: AnyStateMachine): string[] {
  return nodesOf(machine)
    .filter((node) => node.type === 'atomic' || node.type === 'final')
    .map((node) => node.path.join('.'));
}

/** Every edge that the chart declares, delays and eventless ones included. */
export function edgesOf(machine: AnyStateMachine): AnyTransitionDefinition[] {
  return nodesOf(machine).flatMap((node) => [
    ...[...node.transitions.values()].flat(),
    ...(node.always ?? []),
  ]);
}

export function nameOf(edge: AnyTransitionDefinition): string {
  const guard = typeof edge.guard === 'string' ? ` [${edge.guard}]` : '';
  const targets = edge.target?.map((node) => node.path.join('.')) ?? ['itself'];
  return `${edge.source.path.join('.')} --${edge.eventType}${guard}--> ${targets.join(', ')}`;
}

/** The event by which a delay ends in this state or one around it, and the delay's name. */
export function delaysOf(machine: AnyStateMachine, leaf: string): Map<string, EventObject> {
  const delays = new Map<string, EventObject>();
  for (const node of nodesOf(machine).filter((each) => isWithin(leaf, each))) {
    for (const { delay, eventType } of node.after) delays.set(`after ${String(delay)}`, { type: eventType });
  }
  return delays;
}

/** The chart in this leaf, as if it had been there for long. */
export function at(machine: AnyStateMachine, leaf: string, context: object = {}): AnyMachineSnapshot {
  const value = leaf
    .split('.')
    .reduceRight<string | object>((inner, name) => (inner === '' ? name : { [name]: inner }), '');
  const [{ context: initial }] = initialTransition(machine) as [AnyMachineSnapshot, unknown];
  return machine.resolveState({ value: value as never, context: { ...(initial as object), ...context } });
}

export interface Step {
  readonly text: string;
  readonly snapshot: AnyMachineSnapshot;
  readonly actions: readonly Action[];
  /** The edges that were taken. */
  readonly edges: readonly AnyTransitionDefinition[];
}

export function step(machine: AnyStateMachine, from: AnyMachineSnapshot, event: EventObject): Step {
  const [snapshot, actions] = transition(machine, from, event) as [AnyMachineSnapshot, Action[]];
  const edges = machine.getTransitionData(from as never, event);
  const passed = getMicrosteps(machine, from as never, event as never) as [AnyMachineSnapshot, unknown][];
  // Eventless edges are taken in states that are passed through.
  const eventless = passed.slice(0, -1).flatMap(([each]) => alwaysIn(machine, each));
  return { text: textOf(snapshot, actions), snapshot, actions, edges: [...edges, ...eventless] };
}

export function start(machine: AnyStateMachine): Step {
  const [snapshot, actions] = initialTransition(machine) as [AnyMachineSnapshot, Action[]];
  return { text: textOf(snapshot, actions), snapshot, actions, edges: [] };
}

/** A walk from the beginning, as it is written in a test: one text for each event. */
export function walk(machine: AnyStateMachine, events: readonly EventObject[]): string[] {
  let { snapshot } = start(machine);
  return events.map((event) => {
    const next = step(machine, snapshot, event);
    snapshot = next.snapshot;
    return next.text;
  });
}

export function leafOf(snapshot: AnyMachineSnapshot): string {
  const names: string[] = [];
  for (let value: unknown = snapshot.value; ;) {
    if (typeof value === 'string') return [...names, value].join('.');
    const [name, inner] = Object.entries(value as object)[0] as [string, unknown];
    names.push(name);
    value = inner;
  }
}

function nodesOf(machine: AnyStateMachine): AnyStateNode[] {
  const all = (node: AnyStateNode): AnyStateNode[] => [
    node,
    ...Object.values(node.states).flatMap((each) => all(each as AnyStateNode)),
  ];
  return all(machine.root);
}

function isWithin(leaf: string, node: AnyStateNode): boolean {
  const path = node.path.join('.');
  return path === '' || leaf === path || leaf.startsWith(`${path}.`);
}

function alwaysIn(machine: AnyStateMachine, snapshot: AnyMachineSnapshot): AnyTransitionDefinition[] {
  const leaf = leafOf(snapshot);
  return nodesOf(machine)
    .filter((node) => isWithin(leaf, node))
    .flatMap((node) => node.always ?? []);
}

function textOf(snapshot: AnyMachineSnapshot, actions: readonly Action[]): string {
  const effects = actions.map((action) => {
    const params = (action.params ?? {}) as {
      readonly delay?: unknown;
      readonly sendId?: unknown;
      readonly id?: unknown;
    };
    if (action.type === 'xstate.raise') return `+${delayIn(params.id)}`;
    if (action.type === 'xstate.cancel') return `-${delayIn(params.sendId ?? params)}`;
    return action.type;
  });
  return [leafOf(snapshot), ...(effects.length === 0 ? [] : ['!', ...effects])].join(' ');
}

/** `xstate.after.joinRetry.agent.online…` → `joinRetry`. */
function delayIn(id: unknown): string {
  return String(id).split('.')[2] ?? String(id);
}
