/** Headers of requests, as they are documented; what they hold is checked where they are read. */
import { IDEMPOTENCY_HEADER, MIN_SEQUENCE_HEADER, REQUEST_ID_HEADER } from './headers.ts';
import type { JsonSchema } from './naming.ts';

const requestId: JsonSchema = {
  type: 'string',
  description: '1–64 of A-Z a-z 0-9 _ -; a name for the request in the logs. Made if not given.',
};

const headers = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: 'object',
  properties: { ...properties, [REQUEST_ID_HEADER]: requestId },
});

export const readHeaders = headers({
  [MIN_SEQUENCE_HEADER]: {
    type: 'string',
    description:
      'the answer takes at least this sequence into account: the Conclave-Sequence of an earlier answer',
  },
});

export const inputHeaders = headers({
  [IDEMPOTENCY_HEADER]: {
    type: 'string',
    description:
      '1–255 printable characters; the same again, within an hour, is answered like the first time',
  },
});
