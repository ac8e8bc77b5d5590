/** Headers of requests, as they are documented. What they hold is checked where they are read; another request id is replaced. */
import { IDEMPOTENCY_HEADER, MIN_SEQUENCE_HEADER, REQUEST_ID_HEADER } from './headers.ts';
import type { JsonSchema } from './naming.ts';

const requestId: JsonSchema = {
  type: 'string',
  pattern: '^[A-Za-z0-9_-]{1,64}$',
  description: '1–64 of A-Z a-z 0-9 _ -; a name for the request in the logs. Made if not given.',
};

const headers = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: 'object',
  properties: { ...properties, [REQUEST_ID_HEADER]: requestId },
});

export const readHeaders = headers({
  [MIN_SEQUENCE_HEADER]: {
    type: 'string',
    pattern: '^[0-9]{1,16}$',
    description:
      'the answer takes at least this sequence into account: the Conclave-Sequence of an earlier answer',
  },
});

export const inputHeaders = headers({
  [IDEMPOTENCY_HEADER]: {
    type: 'string',
    pattern: '^[!-~]([ -~]{0,253}[!-~])?$',
    description:
      '1–255 printable characters; the same again, within an hour, is answered like the first time',
  },
});
