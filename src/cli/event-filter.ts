/** Which events `conclave events` shows: the same choice as on the event stream of HTTP servers (docs/events.md). */

export interface EventFilter {
  /** Patterns of NATS: `task.completed`, `task.*`, `task.>`. Any of them will do. */
  readonly kinds: readonly string[];
  /** Of tasks. Holds back task events of other types, and nothing else. */
  readonly types: readonly string[];
  /** What is about one of these agents or voters. */
  readonly agents: readonly string[];
}

type Item = Readonly<Record<string, unknown>>;

export function isWanted(kind: string, item: Item, { kinds, types, agents }: EventFilter): boolean {
  if (!kinds.some((pattern) => fits(pattern, kind))) return false;
  if (types.length > 0 && kind.startsWith('task.') && !types.includes(String(item['type']))) return false;
  return agents.length === 0 || agents.includes(String(item[fieldOfAgent(kind)]));
}

/** The one to subscribe to. */
export function subjectOf({ kinds: [first = '>', second] }: EventFilter): string {
  return second === undefined ? first : '>';
}

function fits(pattern: string, kind: string): boolean {
  const [wanted, tokens] = [pattern.split('.'), kind.split('.')];
  if (wanted.at(-1) === '>')
    return tokens.length >= wanted.length && wanted.slice(0, -1).every((each, i) => isToken(each, tokens[i]));
  return tokens.length === wanted.length && wanted.every((each, i) => isToken(each, tokens[i]));
}

function isToken(wanted: string, token: string | undefined): boolean {
  return wanted === '*' || wanted === token;
}

/** Where an item says whom it is about. */
function fieldOfAgent(kind: string): string {
  const [group] = kind.split('.');
  if (kind === 'proposal.opened') return 'proposer';
  if (group === 'agent') return 'id';
  if (group === 'ballot') return 'voter';
  return group === 'leader' ? 'leader' : 'agent';
}
