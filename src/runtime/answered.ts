/**
 * What came of a request to the leader: its answer, checked at the door; its refusal, told by the micro service's error
 * header; or no answer. What is neither an answer nor a refusal is counted, and is no answer either.
 */
import type { Problem } from '../domain/errors.ts';
import type { RequestOutcome } from '../ports.ts';
import { ProblemSchema } from '../wire/answers.ts';
import { doorFor, type Door } from '../wire/door.ts';
import type { Rejections } from './rejections.ts';

export type Answered<T> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'refused'; readonly problem: Problem }
  /** Something came at once that is not to be heeded. `why`: what is wrong with it. */
  | { readonly kind: 'unusable'; readonly why: Problem }
  | Exclude<RequestOutcome, { readonly kind: 'reply' }>;

export interface AnswerCheck<T> {
  readonly door: Door<T>;
  /** What was asked: it names the answer in the log. */
  readonly subject: string;
  readonly rejections: Rejections;
}

const problemDoor = doorFor(ProblemSchema);

export function answered<T>(
  outcome: RequestOutcome,
  { door, subject, rejections }: AnswerCheck<T>,
): Answered<T> {
  if (outcome.kind !== 'reply') return outcome;
  const { data, headers } = outcome;
  const isRefusal = headers['Nats-Service-Error'] !== undefined;
  const admitted = isRefusal ? problemDoor.admit(data, headers) : door.admit(data, headers);
  if (admitted.kind === 'bad') {
    rejections.count(subject, admitted.problem);
    return { kind: 'unusable', why: admitted.problem };
  }
  return isRefusal
    ? { kind: 'refused', problem: admitted.value as Problem }
    : { kind: 'answer', value: admitted.value as T };
}
