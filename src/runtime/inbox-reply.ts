/** What came of a message to an agent's inbox. What is no answer of an agent is counted, and stands for silence. */
import type { RequestOutcome } from '../ports.ts';
import { doorFor } from '../wire/door.ts';
import { InboxReplySchema, type InboxReply } from '../wire/messages.ts';
import type { Rejections } from './rejections.ts';

export type InboxOutcome =
  | { readonly kind: 'reply'; readonly reply: InboxReply }
  | Exclude<RequestOutcome, { readonly kind: 'reply' }>;

const door = doorFor(InboxReplySchema);

/** `subject`: the inbox. */
export function inboxOutcome(
  outcome: RequestOutcome,
  { subject, rejections }: { readonly subject: string; readonly rejections: Rejections },
): InboxOutcome {
  if (outcome.kind !== 'reply') return outcome;
  const admitted = door.admit(outcome.data, outcome.headers);
  if (admitted.kind === 'ok') return { kind: 'reply', reply: admitted.value };
  rejections.count(subject, admitted.problem);
  return { kind: 'timeout' };
}
