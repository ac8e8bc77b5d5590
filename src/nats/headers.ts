/** Headers of a message: plain records on our side, `MsgHdrs` on the client library's. */
import { headers as emptyHeaders, type MsgHdrs } from 'nats';
import type { Headers } from '../ports.ts';

/** Shared by all messages that carry none. */
const none: Headers = Object.freeze(Object.create(null) as Record<string, string>);

export function toMsgHdrs(record: Headers): MsgHdrs {
  const headers = emptyHeaders();
  for (const [name, value] of Object.entries(record)) headers.append(name, value);
  return headers;
}

/** The first value of each header. The record has no prototype, so a header may have any name. */
export function toRecord(headers: MsgHdrs | undefined): Headers {
  if (headers === undefined) return none;
  const record = Object.create(null) as Record<string, string>;
  for (const [name, values] of headers) record[name] = values[0] ?? '';
  return record;
}
