/**
 * Every subject, built and checked in one place: DESIGN §4. Who sends a message is read from its subject, which
 * the broker's permissions pin, never from its body.
 */
import { ConclaveError } from '../domain/errors.ts';
import { isName, type AgentId } from '../domain/ids.ts';

export type AgentVerb = 'heartbeat' | 'election' | 'join' | 'report' | 'ballot';
export type ApiVerb = (typeof apiVerbs)[number];

/** What clients may ask of the leader; each is an endpoint of the micro service `conclave`. */
export const apiVerbs = [
  'submit',
  'task',
  'tasks',
  'cancel',
  'retry',
  'outcomes',
  'propose',
  'proposal',
  'proposals',
  'vote',
  'agents',
  'drain',
  'resume',
  'status',
  'trigger',
] as const;

export interface Subjects {
  readonly fleet: string;
  readonly stream: string;
  readonly ledger: string;
  agent(verb: AgentVerb, id: AgentId | '*'): string;
  inbox(id: AgentId): string;
  api(verb: ApiVerb): string;
  event(kind: string): string;
  /** The agent that a message on an `agent` subject comes from; null when the subject is not of that form. */
  senderOf(subject: string): AgentId | null;
}

/** Throws `INVALID` when the fleet's name is not 1–63 of `A-Za-z0-9_-`. */
export function subjectsOf(fleet: string): Subjects {
  if (!isName(fleet)) {
    const message = 'must be 1–63 of A-Z a-z 0-9 _ -';
    throw new ConclaveError('INVALID', `fleet ${message}`, { fields: [{ field: 'fleet', message }] });
  }
  const root = `conclave.${fleet}`;
  const agents = `${root}.agent.`;
  const ofAgent = /^[a-z]+\.([A-Za-z0-9_-]{1,63})$/;
  return {
    fleet,
    stream: `CONCLAVE_${fleet}`,
    ledger: `_conclave.${fleet}.ledger`,
    agent: (verb, id) => `${root}.agent.${verb}.${id}`,
    inbox: (id) => `_conclave.${fleet}.inbox.${id}`,
    api: (verb) => `${root}.api.${verb}`,
    event: (kind) => `${root}.event.${kind}`,
    senderOf: (subject) => {
      if (!subject.startsWith(agents)) return null;
      return (ofAgent.exec(subject.slice(agents.length))?.[1] ?? null) as AgentId | null;
    },
  };
}
