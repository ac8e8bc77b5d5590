/** Hears what the leader tells everybody. What is no event of its subject is counted and skipped. */
import { problem } from '../domain/errors.ts';
import type { Bus, Subscription } from '../ports.ts';
import type { Rejections } from '../runtime/rejections.ts';
import { DEPTH_FORWARDED_MAX } from '../wire/codec.ts';
import { doorFor } from '../wire/door.ts';
import { EventMessageSchema, type EventMessage } from '../wire/messages.ts';
import type { Subjects } from '../wire/subjects.ts';

const door = doorFor(EventMessageSchema, DEPTH_FORWARDED_MAX);

/** `kind` may be a pattern: `task.*`, `>`. */
export function hearEvents(
  ear: { readonly bus: Bus; readonly subjects: Subjects; readonly rejections: Rejections },
  kind: string,
  onEvent: (event: EventMessage) => void,
): Subscription {
  const { bus, subjects, rejections } = ear;
  return bus.subscribe(subjects.event(kind), ({ subject, data, headers }) => {
    const admitted = door.admit(data, headers);
    if (admitted.kind === 'bad') rejections.count(subject, admitted.problem);
    else if (subject !== subjects.event(admitted.value.kind))
      rejections.count(subject, problem('INVALID', 'kind must be as the subject says'));
    else onEvent(admitted.value);
  });
}
