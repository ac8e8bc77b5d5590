/**
 * Every subject, built and checked in one place: DESIGN §4. Who sends a message is read from its subject, which
 * the broker's permissions pin, never from its body.
 */
import { invalidField } from '../domain/errors.ts';
import { isName, type AgentId } from '../domain/ids.ts';

export type AgentVerb = 'heartbeat' | 'orders' | 'election' | 'join' | 'report' | 'ballot';
export type ApiVerb = (typeof apiVerbs)[number];

/** What clients may ask of the leader; each is an endpoint of the micro service `conclave`. */
export const apiVerbs = [
  'submit',
  'task',
  'tasks',
  'explain',
  'cancel',
  'retry',
  'outcomes',
  'propose',
  'proposal',
  'proposals',
  'vote',
  'agent',
  'agents',
  'drain',
  'resume',
  'remove',
  'status',
  'barrier',
  'trigger',
] as const;

export interface Subjects {
  readonly fleet: string;
  readonly stream: string;
  readonly ledger: string;
  readonly snapshotStream: string;
  /** Every part of one snapshot. */
  readonly snapshot: (name: string) => string;
  agent(verb: AgentVerb, id: AgentId | '*'): string;
  inbox(id: AgentId): string;
  api(verb: ApiVerb): string;
  event(kind: string): string;
  /** Where watchers ask for live snapshots. */
  readonly watch: string;
  inspect(id: AgentId): string;
  /** The agent that a message on an `agent` subject comes from; null when the subject is not of that form. */
  senderOf(subject: string): AgentId | null;
  /** Prefix of the reply subjects of an agent; only it may subscribe there. */
  replies(id: AgentId): string;
  /**
   * Whether an answer may go there. A request can name any subject for it and whoever answers may write where the
   * asker may not, so answers go to reply subjects alone; those of an agent to its own.
   * `from`: the agent that asks, null for a client. No reply subject: nothing is sent, so nothing is wrong.
   */
  isReply(subject: string | null, from: AgentId | null): boolean;
}

export interface SubjectOptions {
  /** Agents may ask only with reply subjects of their own prefix, not with `_INBOX.`. Default false. */
  readonly arePrefixesPinned?: boolean;
}

/** What every reply subject starts with: alone by default, or with a name behind it where permissions pin it. */
const REPLY_ROOT = '_INBOX';

/** `_INBOX`, or `_INBOX` and more: where a client may ask to be answered. */
export function isReplyPrefix(prefix: string): boolean {
  return /^_INBOX[A-Za-z0-9_-]*(\.|$)/.test(prefix);
}

/** Throws `INVALID` when the fleet's name is not 1–63 of `A-Za-z0-9_-`. */
export function subjectsOf(fleet: string, { arePrefixesPinned = false }: SubjectOptions = {}): Subjects {
  if (!isName(fleet)) throw invalidField('fleet', 'must be 1–63 of A-Z a-z 0-9 _ -');
  const root = `conclave.${fleet}`;
  const agents = `${root}.agent.`;
  const ofAgent = /^[a-z]+\.([A-Za-z0-9_-]{1,63})$/;
  const replies = (id: AgentId): string => `${REPLY_ROOT}_agent.${fleet}.${id}`;
  return {
    fleet,
    stream: `CONCLAVE_${fleet}`,
    ledger: `_conclave.${fleet}.ledger`,
    // No fleet's ledger can have this name: all of those start with `CONCLAVE_`.
    snapshotStream: `CONCLAVE-SNAPSHOTS_${fleet}`,
    snapshot: (name) => `_conclave.${fleet}.snapshot.${name}.*`,
    agent: (verb, id) => `${root}.agent.${verb}.${id}`,
    inbox: (id) => `_conclave.${fleet}.inbox.${id}`,
    api: (verb) => `${root}.api.${verb}`,
    event: (kind) => `${root}.event.${kind}`,
    watch: `${root}.inspect`,
    inspect: (id) => `${root}.inspect.${id}`,
    senderOf: (subject) => {
      if (!subject.startsWith(agents)) return null;
      return (ofAgent.exec(subject.slice(agents.length))?.[1] ?? null) as AgentId | null;
    },
    replies,
    isReply: (subject, from) => {
      if (subject === null) return true;
      if (from === null) return isReplyPrefix(subject);
      if (subject.startsWith(`${replies(from)}.`)) return true;
      return !arePrefixesPinned && subject.startsWith(`${REPLY_ROOT}.`);
    },
  };
}
