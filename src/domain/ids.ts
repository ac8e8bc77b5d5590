/**
 * Names and numbers that must not be mixed, and the one place that makes time-ordered ids.
 * A brand exists only for the compiler; on the wire these are plain strings and numbers.
 */

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** 1–63 of `A-Za-z0-9_-`: legal as a NATS token, a key and a connection name. */
export type AgentId = Brand<string, 'AgentId'>;
export type TaskId = Brand<string, 'TaskId'>;
export type ProposalId = Brand<string, 'ProposalId'>;
/** One life of a process; random. */
export type Incarnation = Brand<string, 'Incarnation'>;

export const NAME_PATTERN = '^[A-Za-z0-9_-]{1,63}$';
const name = new RegExp(NAME_PATTERN);

/** The rule for agent ids, fleet names, capabilities, task types and proposal types. */
export function isName(text: string): boolean {
  return name.test(text);
}

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const MARKS = { task: '0', proposal: 'P' } as const;

/**
 * An id that sorts by time, then by order of creation, and is unique across kinds and fleets: 10 characters of
 * milliseconds, 6 of the fleet's genesis, 1 of the kind, 9 of the ordinal (Crockford base 32, as ULID).
 */
export function timeOrderedId(of: {
  readonly kind: 'task' | 'proposal';
  readonly at: number;
  readonly genesis: string;
  readonly ordinal: number;
}): string {
  return base32(of.at, 10) + tagOf(of.genesis) + MARKS[of.kind] + base32(of.ordinal, 9);
}

function base32(value: number, width: number): string {
  let rest = Math.floor(value);
  let text = '';
  for (let i = 0; i < width; i++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

let lastGenesis: string | null = null;
let lastTag = '';

/** 30 bits of FNV-1a over the genesis id. Remembered: a process mostly sees one fleet. */
function tagOf(genesis: string): string {
  if (genesis === lastGenesis) return lastTag;
  let hash = 0x811c9dc5;
  for (let i = 0; i < genesis.length; i++) hash = Math.imul(hash ^ genesis.charCodeAt(i), 0x01000193);
  lastTag = base32((hash >>> 0) % 2 ** 30, 6);
  lastGenesis = genesis;
  return lastTag;
}
