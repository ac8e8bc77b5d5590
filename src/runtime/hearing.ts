/**
 * Hears what all agents say on one of their subjects. Each message is checked at the door, once, and comes with its
 * sender, who is read from the subject; what is refused, and what is beyond the sender's allowance, is counted.
 */
import type { AgentId } from '../domain/ids.ts';
import type { Bus, Subscription } from '../ports.ts';
import type { Door } from '../wire/door.ts';
import type { AgentVerb, Subjects } from '../wire/subjects.ts';
import type { Allowance } from './allowance.ts';
import type { Rejections } from './rejections.ts';

export interface HearingOptions {
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly rejections: Rejections;
  /** Default: all is looked at. */
  readonly allowance?: Allowance;
}

export function hear<T>(
  { bus, subjects, rejections, allowance }: HearingOptions,
  verb: AgentVerb,
  door: Door<T>,
  onSaid: (said: T, from: AgentId) => void,
): Subscription {
  return bus.subscribe(subjects.agent(verb, '*'), (message) => {
    const from = subjects.senderOf(message.subject);
    if (from === null || (allowance !== undefined && allowance.take(from) !== 'hear')) {
      rejections.count(message.subject, null);
      return;
    }
    const look = (): void => {
      const admitted = door.admit(message.data, message.headers);
      if (admitted.kind === 'bad') rejections.count(message.subject, admitted.problem);
      else onSaid(admitted.value, from);
    };
    if (allowance === undefined) look();
    else allowance.charge(from, look);
  });
}
