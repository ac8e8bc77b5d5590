/**
 * Answers to requests: in the format of the request, JSON when it does not say; errors with the micro service's
 * headers and a problem as body. Every answer says in which term it was given, so that a late one of an old leader
 * is known for what it is, and up to which sequence of the ledger what it says can be seen.
 */
import { errorKinds, problem, type Problem } from '../domain/errors.ts';
import type { AgentId } from '../domain/ids.ts';
import type { Headers, Incoming } from '../ports.ts';
import { contentTypes, encode, formatOf, type Format } from '../wire/codec.ts';
import { answerHeaders } from '../wire/messages.ts';
import type { Subjects } from '../wire/subjects.ts';
import type { Rejections } from './rejections.ts';

/** Where in the ledger whoever answers stands. */
export interface Voice {
  readonly term: number;
  readonly sequence: number;
}

export interface Answer {
  readonly data: Uint8Array;
  readonly format: Format;
}

export function answer(message: Incoming, value: unknown, voice: Voice): void {
  send(message, answerTo(message, value), voice);
}

/** An answer that cannot be given yet: it shows what is so now, and its bytes are known. */
export function answerTo(message: Incoming, value: unknown): Answer {
  const format = answerFormat(message);
  return { data: encode(value, format), format };
}

export function send(message: Incoming, { data, format }: Answer, voice: Voice): void {
  message.respond(data, { 'Content-Type': contentTypes[format], ...said(voice) });
}

export function refuse(message: Incoming, problem: Problem, voice: Voice): void {
  message.respond(encode(problem, 'json'), {
    'Content-Type': contentTypes.json,
    'Nats-Service-Error': headerText(problem.message),
    'Nats-Service-Error-Code': String(errorKinds[problem.code].status),
    ...said(voice),
  });
}

/** False for a request whose answer would go where answers do not belong: it is counted, and not looked at. */
export function mayAnswer(
  message: Incoming,
  from: AgentId | null,
  { subjects, rejections }: { readonly subjects: Subjects; readonly rejections: Rejections },
): boolean {
  if (subjects.isReply(message.replyTo, from)) return true;
  const what = `${message.replyTo ?? ''} is no reply subject${from === null ? '' : ` of ${from}`}`;
  rejections.count(message.subject, problem('INVALID', what));
  return false;
}

function said({ term, sequence }: Voice): Headers {
  return { [answerHeaders.term]: String(term), [answerHeaders.sequence]: String(sequence) };
}

function answerFormat(message: Incoming): Format {
  return message.data.length === 0 ? 'json' : formatOf(message.data, message.headers);
}

/** Header values are printable ASCII on one line. */
function headerText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200);
}
