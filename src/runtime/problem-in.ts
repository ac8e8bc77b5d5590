/** Tells an error answer from an answer: by the micro service's error header. */
import { problem, type Problem } from '../domain/errors.ts';
import type { RequestOutcome } from '../ports.ts';
import { decode } from '../wire/codec.ts';

export function problemIn(outcome: RequestOutcome): Problem | null {
  if (outcome.kind !== 'reply') return null;
  const text = outcome.headers['Nats-Service-Error'];
  if (text === undefined) return null;
  try {
    return decode(outcome.data, outcome.headers) as Problem;
  } catch {
    return problem('INTERNAL', text);
  }
}
