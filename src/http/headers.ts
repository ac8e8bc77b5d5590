/** Headers that mean something here. Names as they are documented; Node gives those of a request in lower case. */
import { answerHeaders } from '../wire/messages.ts';

/** On every answer: a sequence of the ledger; for a write the one from which on it can be seen. */
export const SEQUENCE_HEADER = answerHeaders.sequence;
/** On a request: what is read takes at least this sequence into account. */
export const MIN_SEQUENCE_HEADER = 'Min-Sequence';
/** On a POST that creates: repeated with the same key, it is answered like the first time. */
export const IDEMPOTENCY_HEADER = 'Idempotency-Key';
/** On both: a name for the request, in the logs of this server and of the leader. */
export const REQUEST_ID_HEADER = 'X-Request-Id';
