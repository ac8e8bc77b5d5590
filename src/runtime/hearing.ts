/**
 * Hears what all agents say on one of their subjects. Each message is checked at the door, once, and comes with its
 * sender, who is read from the subject; what is refused is counted.
 */
import type { AgentId } from '../domain/ids.ts';
import type { Bus, Subscription } from '../ports.ts';
import type { Door } from '../wire/door.ts';
import type { AgentVerb, Subjects } from '../wire/subjects.ts';
import type { Rejections } from './rejections.ts';

export interface HearingOptions {
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly rejections: Rejections;
}

export function hear<T>(
  { bus, subjects, rejections }: HearingOptions,
  verb: AgentVerb,
  door: Door<T>,
  onSaid: (said: T, from: AgentId) => void,
): Subscription {
  return bus.subscribe(subjects.agent(verb, '*'), (message) => {
    const admitted = door.admit(message.data, message.headers);
    const from = subjects.senderOf(message.subject);
    if (admitted.kind === 'bad') rejections.count(message.subject, admitted.problem);
    else if (from === null) rejections.count(message.subject, null);
    else onSaid(admitted.value, from);
  });
}
