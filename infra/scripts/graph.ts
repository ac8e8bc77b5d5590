/**
 * Draws every statechart of actors/ as a Mermaid diagram into dist/graph/<actor>.mmd, and says where. `make graph`.
 * Only reads the machines' definitions: nothing runs.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, parse } from 'node:path';
import { pathToFileURL } from 'node:url';
import { StateMachine, type AnyStateNode } from 'xstate';

const root = join(import.meta.dirname, '..', '..');
const folder = join(root, 'dist', 'graph');
mkdirSync(folder, { recursive: true });

for (const file of readdirSync(join(root, 'actors')).filter((name) => name.endsWith('.ts'))) {
  const exported = (await import(pathToFileURL(join(root, 'actors', file)).href)) as Record<string, unknown>;
  const machine = Object.values(exported).find((value) => value instanceof StateMachine);
  if (machine === undefined) continue;
  const target = join(folder, `${parse(file).name}.mmd`);
  writeFileSync(target, diagramOf(machine.root));
  console.log(target);
}

function diagramOf(node: AnyStateNode): string {
  return ['stateDiagram-v2', ...linesOf(node, '  ')].join('\n') + '\n';
}

/** The states inside a node, then the transitions that leave each of them. */
function linesOf(node: AnyStateNode, indent: string): string[] {
  const children = Object.values(node.states);
  const initial = node.type === 'compound' ? node.initial.target[0] : undefined;
  return [
    ...(initial === undefined ? [] : [`${indent}[*] --> ${nameOf(initial)}`]),
    ...children.flatMap((child, index) => [
      ...(node.type === 'parallel' && index > 0 ? [`${indent}--`] : []),
      `${indent}state "${child.key}" as ${nameOf(child)}`,
      ...(Object.keys(child.states).length === 0
        ? []
        : [`${indent}state ${nameOf(child)} {`, ...linesOf(child, `${indent}  `), `${indent}}`]),
      ...(child.type === 'final' ? [`${indent}${nameOf(child)} --> [*]`] : []),
    ]),
    ...children.flatMap((child) => edgesOf(child).map((edge) => indent + edge)),
  ];
}

function edgesOf(node: AnyStateNode): string[] {
  return [...node.transitions.values()].flat().flatMap((transition) => {
    const guard = guardName(transition.guard);
    const event = String(transition.eventType)
      .replace(/^xstate\.after\.(\w+)\..*/, 'after $1')
      .replaceAll(':', ' ');
    const label = guard === undefined ? event : `${event} [${guard}]`;
    // Without a target the state stays, which needs no arrow.
    return (transition.target ?? []).map((target) => `${nameOf(node)} --> ${nameOf(target)}: ${label}`);
  });
}

function guardName(guard: unknown): string | undefined {
  if (typeof guard === 'string') return guard;
  if (typeof guard !== 'object' || guard === null || !('type' in guard)) return undefined;
  return String(guard.type);
}

function nameOf(node: AnyStateNode): string {
  return node.path.length === 0 ? 'root' : node.path.join('_');
}
