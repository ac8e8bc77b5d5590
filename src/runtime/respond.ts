/**
 * Answers to requests: in the format of the request, JSON when it does not say; errors with the micro service's
 * headers and a problem as body.
 */
import { errorKinds, type Problem } from '../domain/errors.ts';
import type { Incoming } from '../ports.ts';
import { contentTypes, encode, formatOf, type Format } from '../wire/codec.ts';

export function answer(message: Incoming, value: unknown): void {
  const format = answerFormat(message);
  message.respond(encode(value, format), { 'Content-Type': contentTypes[format] });
}

export function refuse(message: Incoming, problem: Problem): void {
  message.respond(encode(problem, 'json'), {
    'Content-Type': contentTypes.json,
    'Nats-Service-Error': headerText(problem.message),
    'Nats-Service-Error-Code': String(errorKinds[problem.code].status),
  });
}

function answerFormat(message: Incoming): Format {
  return message.data.length === 0 ? 'json' : formatOf(message.data, message.headers);
}

/** Header values are printable ASCII on one line. */
function headerText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200);
}
