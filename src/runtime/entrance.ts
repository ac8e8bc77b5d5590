/**
 * What every request to a leader passes before it is looked at: its answer must go where answers belong, and its sender
 * must not have asked too much already. Who is turned away is counted, and told so unless there are too many to tell.
 */
import { problem } from '../domain/errors.ts';
import type { AgentId } from '../domain/ids.ts';
import type { Incoming } from '../ports.ts';
import { Allowance, type AllowanceLimits } from './allowance.ts';
import type { Office } from './office.ts';
import { mayAnswer } from './respond.ts';

/** `from`: the agent that asks; null: a client, or nobody. */
export type Entrance = (message: Incoming, from: AgentId | null, look: () => void) => void;

export function openEntrance(office: Office, limits: AllowanceLimits): Entrance {
  const { clock, rejections } = office.options;
  const allowance = new Allowance(clock, limits);
  const tooMuch = problem('LIMIT_REACHED', 'more is asked than can be looked at; ask less often');
  return (message, from, look) => {
    const sender = from ?? askerOf(message);
    const hearing = allowance.take(sender);
    if (hearing !== 'hear') rejections.count(message.subject, tooMuch);
    if (hearing === 'ignore' || !mayAnswer(message, from, office.options)) return;
    if (hearing === 'hear') allowance.charge(sender, look);
    else office.reception.refuse(message, tooMuch);
  };
}

/** A client's answers come to subjects below one of its own: `_INBOX.x.1`, `_INBOX.x.2`. */
function askerOf({ replyTo }: Incoming): string | null {
  return replyTo === null ? null : replyTo.slice(0, replyTo.lastIndexOf('.'));
}
