/** What a listener asks for in the URL: from where on, and which events. Checked at once; every bad field is named. */
import { invalidFields, type FieldProblem } from '../domain/errors.ts';
import { isName } from '../domain/ids.ts';
import type { Position } from './event-log.ts';

/** What a filter looks at. */
export interface Filtered {
  readonly kind: string;
  readonly type: string | null;
  readonly agent: string | null;
}

export interface EventQuery {
  /** Null: from now on. */
  readonly since: Position | null;
  readonly matches: (event: Filtered) => boolean;
}

/** Values of one parameter, however they are separated. */
const VALUES_MAX = 64;
const parameters = ['since', 'kind', 'type', 'agent'] as const;

/**
 * `since` is a sequence (everything after that entry) or an id `sequence.index`; `kind` is exact, or `task.*`; `type`
 * holds back tasks of other types, and nothing that is no task event; `agent` lets through what is about one agent.
 * Each may be repeated, or hold commas: any of them will do. Throws `INVALID`.
 */
export function eventQueryOf(query: Readonly<Record<string, unknown>>): EventQuery {
  const fields: FieldProblem[] = [];
  for (const name of Object.keys(query)) {
    if (!parameters.some((each) => each === name)) fields.push({ field: name, message: 'is unknown' });
  }
  const listed = (name: string, isGood: (value: string) => boolean, allowed: string): string[] => {
    const values = valuesOf(query[name]);
    if (values.length > VALUES_MAX)
      fields.push({ field: name, message: `must be at most ${VALUES_MAX} values` });
    if (!values.every(isGood)) fields.push({ field: name, message: allowed });
    return values;
  };
  const since = listed('since', isPosition, 'must be a sequence like 12, or an id like 12.3');
  if (since.length > 1) fields.push({ field: 'since', message: 'must be given once' });
  const kinds = listed('kind', isKind, 'must be like task.completed or task.*');
  const types = listed('type', isName, 'must be 1–63 of A-Z a-z 0-9 _ -');
  const agents = listed('agent', isName, 'must be 1–63 of A-Z a-z 0-9 _ -');
  if (fields.length > 0) throw invalidFields(fields);
  return {
    since: since[0] === undefined ? null : positionOf(since[0]),
    matches: filterOf({ kinds, types, agents }),
  };
}

function valuesOf(given: unknown): string[] {
  if (given === undefined) return [];
  return (Array.isArray(given) ? given : [given]).flatMap((each) => String(each).split(','));
}

const isPosition = (text: string): boolean => /^\d{1,15}(\.\d{1,9})?$/.test(text);
const isKind = (text: string): boolean => /^[A-Za-z]{1,63}\.([A-Za-z]{1,63}|\*)$/.test(text);

function positionOf(text: string): Position {
  const [sequence, index] = text.split('.');
  return { sequence: Number(sequence), index: index === undefined ? Infinity : Number(index) };
}

function filterOf(wanted: {
  readonly kinds: readonly string[];
  readonly types: readonly string[];
  readonly agents: readonly string[];
}): EventQuery['matches'] {
  const kinds = new Set(wanted.kinds.filter((kind) => !kind.endsWith('.*')));
  const families = wanted.kinds.filter((kind) => kind.endsWith('.*')).map((kind) => kind.slice(0, -1));
  const [types, agents] = [new Set(wanted.types), new Set(wanted.agents)];
  const isOfKind = (kind: string): boolean =>
    wanted.kinds.length === 0 || kinds.has(kind) || families.some((family) => kind.startsWith(family));
  return ({ kind, type, agent }) =>
    isOfKind(kind) &&
    (types.size === 0 || !kind.startsWith('task.') || (type !== null && types.has(type))) &&
    (agents.size === 0 || (agent !== null && agents.has(agent)));
}
