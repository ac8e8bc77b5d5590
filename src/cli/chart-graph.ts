/**
 * A statechart as data, and drawn in Mermaid: states within states, initial states, guards, delays (`after`) and
 * eventless transitions (`always`). Only reads the machine's definition: nothing runs.
 */
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

export interface ChartEdge {
  /** Name of the event, `after <delay>` or `always`. */
  readonly on: string;
  /** Tried in order; null: always. */
  readonly guard: string | null;
  /** Id of the state that it leads to; null: the state stays. */
  readonly target: string | null;
  readonly actions: readonly string[];
}

export interface ChartState {
  /** Unique in the chart: its keys from the root, joined by dots. */
  readonly id: string;
  readonly key: string;
  readonly kind: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly description: string | null;
  readonly initial: string | null;
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  readonly edges: readonly ChartEdge[];
  readonly states: readonly ChartState[];
}

export interface Chart {
  readonly chart: string;
  readonly initial: string | null;
  readonly states: readonly ChartState[];
}

export function chartOf(machine: AnyStateMachine): Chart {
  const { root } = machine;
  return { chart: machine.id, initial: initialOf(root), states: childrenOf(root).map(stateOf) };
}

function stateOf(node: AnyStateNode): ChartState {
  return {
    id: idOf(node),
    key: node.key,
    kind: node.type,
    description: node.description ?? null,
    initial: initialOf(node),
    entry: node.entry.map(nameOf),
    exit: node.exit.map(nameOf),
    edges: edgesOf(node),
    states: childrenOf(node).map(stateOf),
  };
}

function childrenOf(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states) as AnyStateNode[];
}

function initialOf(node: AnyStateNode): string | null {
  const first = node.type === 'compound' ? node.initial.target[0] : undefined;
  return first === undefined ? null : idOf(first);
}

function edgesOf(node: AnyStateNode): ChartEdge[] {
  const onEvents = [...node.transitions.values()].flat();
  return [...onEvents, ...(node.always ?? [])].flatMap((transition) => {
    const targets = transition.target ?? [undefined];
    return targets.map((target) => ({
      on: eventOf(transition),
      guard: transition.guard === undefined ? null : nameOf(transition.guard),
      target: target === undefined ? null : idOf(target),
      // Starting and stopping the clock of an `after` is the library's own matter.
      actions: transition.actions.map(nameOf).filter((action) => !action.startsWith('xstate.')),
    }));
  });
}

function eventOf(transition: AnyTransitionDefinition): string {
  const event = String(transition.eventType);
  if (event === '') return 'always';
  return event
    .replace(/^xstate\.after\.([^.]+)\..*$/, 'after $1')
    .replace(/^xstate\.done\.state\..*$/, 'done');
}

/** Of a guard or an action: a name, an object with one, or a function. */
function nameOf(part: unknown): string {
  if (typeof part === 'string') return part;
  if ((typeof part === 'object' || typeof part === 'function') && part !== null) {
    const { type } = part as { readonly type?: unknown };
    if (typeof type === 'string') return type;
  }
  return typeof part === 'function' && part.name !== '' ? part.name : 'inline';
}

function idOf(node: AnyStateNode): string {
  return node.path.join('.');
}

/** https://mermaid.js.org/syntax/stateDiagram.html */
export function mermaidOf(chart: Chart): string {
  const initial = chart.initial === null ? [] : [`  [*] --> ${mermaidId(chart.initial)}`];
  const all = chart.states.flatMap(withInner);
  const lines = [
    'stateDiagram-v2',
    ...initial,
    ...chart.states.flatMap((state) => declarationOf(state, '  ')),
    ...all.flatMap((state) => state.edges.map((edge) => `  ${arrowOf(state, edge)}`)),
    ...all.filter(({ kind }) => kind === 'final').map(({ id }) => `  ${mermaidId(id)} --> [*]`),
    ...all.flatMap(noteOf),
  ];
  return `${lines.join('\n')}\n`;
}

function withInner(state: ChartState): ChartState[] {
  return [state, ...state.states.flatMap(withInner)];
}

function declarationOf(state: ChartState, indent: string): string[] {
  const id = mermaidId(state.id);
  const label = state.kind === 'history' ? `${state.key} (history)` : state.key;
  const declared = `${indent}state "${label}" as ${id}`;
  if (state.states.length === 0) return [declared];
  const initial = state.initial === null ? [] : [`${indent}  [*] --> ${mermaidId(state.initial)}`];
  const inner = state.states.flatMap((child, index) => [
    ...(state.kind === 'parallel' && index > 0 ? [`${indent}  --`] : []),
    ...declarationOf(child, `${indent}  `),
  ]);
  return [declared, `${indent}state ${id} {`, ...initial, ...inner, `${indent}}`];
}

function arrowOf(from: ChartState, { on, guard, target, actions }: ChartEdge): string {
  const what = [
    on,
    ...(guard === null ? [] : [`[${guard}]`]),
    ...(actions.length === 0 ? [] : ['/', actions.join(', ')]),
  ];
  return `${mermaidId(from.id)} --> ${mermaidId(target ?? from.id)}: ${what.join(' ')}`;
}

function noteOf({ id, description }: ChartState): string[] {
  if (description === null) return [];
  return [`  note right of ${mermaidId(id)}`, `    ${description.replaceAll(/\s+/g, ' ')}`, '  end note'];
}

function mermaidId(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9_]/g, '_');
}
