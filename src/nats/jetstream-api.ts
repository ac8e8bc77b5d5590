/**
 * Calls of JetStream's JSON API over any request function: a subject below `$JS.API`, a JSON body, a JSON answer
 * or an error number. Only the shape that we read is looked at; what does not fit it proves nothing.
 */
import { isRecord } from '../domain/fields.ts';
import type { Outgoing, RequestOutcome } from '../ports.ts';
import { faultOf, jetStreamReason, reasonOf, type JetStreamError, type JetStreamFault } from './errors.ts';

export type Request = (
  message: Outgoing & { readonly timeoutMs: number },
  done: (outcome: RequestOutcome) => void,
) => () => void;

export type Json = Readonly<Record<string, unknown>>;

export type ApiOutcome =
  | { readonly kind: 'answer'; readonly body: Json }
  | { readonly kind: 'fault'; readonly fault: JetStreamFault; readonly reason: string }
  /** Nobody serves the API: JetStream is off, or starting. */
  | { readonly kind: 'noResponders' }
  | { readonly kind: 'noAnswer'; readonly reason: string };

/** Reads and changes of the API, which the broker answers in about a millisecond when it is well. */
const apiTimeoutMs = 2_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function callApi(
  request: Request,
  call: { readonly verb: string; readonly body?: Json; readonly timeoutMs?: number },
  done: (outcome: ApiOutcome) => void,
): void {
  const message = {
    subject: `$JS.API.${call.verb}`,
    data: call.body === undefined ? new Uint8Array(0) : encoder.encode(JSON.stringify(call.body)),
    timeoutMs: call.timeoutMs ?? apiTimeoutMs,
  };
  try {
    request(message, (outcome) => done(readOutcome(outcome)));
  } catch (error) {
    queueMicrotask(() => done({ kind: 'noAnswer', reason: reasonOf(error) }));
  }
}

/** Asks in a JetStream domain, if one is given: the same calls, under another prefix. */
export function inDomain(request: Request, domain: string | undefined): Request {
  if (domain === undefined) return request;
  return (message, done) => {
    const subject = message.subject.replace(/^\$JS\.API\./, `$JS.${domain}.API.`);
    return request({ ...message, subject }, done);
  };
}

export function readOutcome(outcome: RequestOutcome): ApiOutcome {
  switch (outcome.kind) {
    case 'noResponders':
      return { kind: 'noResponders' };
    case 'timeout':
      return { kind: 'noAnswer', reason: 'the broker did not answer in time' };
    case 'offline':
      return { kind: 'noAnswer', reason: 'not connected' };
    case 'reply': {
      const body = parseObject(outcome.data);
      if (body === null) return { kind: 'noAnswer', reason: 'the broker answered something else than JSON' };
      const error = body['error'];
      if (isJetStreamError(error)) {
        return { kind: 'fault', fault: faultOf(error), reason: jetStreamReason(error) };
      }
      return { kind: 'answer', body };
    }
  }
}

/** Why an outcome that is no answer is none. */
export function whyNot(outcome: Exclude<ApiOutcome, { kind: 'answer' }>): string {
  return outcome.kind === 'noResponders' ? 'nobody serves JetStream' : outcome.reason;
}

export function objectAt(body: Json, field: string): Json {
  const value = body[field];
  return isRecord(value) ? value : {};
}

export function numberAt(body: Json, field: string): number | null {
  const value = body[field];
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
}

function parseObject(data: Uint8Array): Json | null {
  try {
    const value: unknown = JSON.parse(decoder.decode(data));
    return isRecord(value) ? value : null;
  } catch {
    // Not JSON: an answer that says nothing, like none at all.
    return null;
  }
}

function isJetStreamError(value: unknown): value is JetStreamError {
  return isRecord(value) && typeof value['err_code'] === 'number' && typeof value['description'] === 'string';
}
