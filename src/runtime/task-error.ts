/** What a handler threw, as the error of its attempt. Anything can be thrown, also what cannot be shown as text. */
import type { TaskError } from '../domain/events.ts';

const MESSAGE_MAX = 8_192;
const CODE_MAX = 255;

/** Never throws. */
export function taskErrorOf(thrown: unknown): TaskError {
  try {
    const message = text(messageOf(thrown), MESSAGE_MAX);
    const code = codeOf(thrown);
    return code === undefined ? { message } : { message, code: text(code, CODE_MAX) };
  } catch {
    // Its own text throws: an object without a prototype, a getter, a proxy.
    return { message: 'the handler threw what cannot be shown as text' };
  }
}

function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const { message }: { readonly message: unknown } = thrown;
  return typeof message === 'string' ? message : String(thrown);
}

function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : undefined;
}

/** Halves of characters are replaced: with one of them the whole report would be refused. */
function text(whole: string, lengthMax: number): string {
  return whole.slice(0, lengthMax).replaceAll(/\p{Surrogate}/gu, '\ufffd');
}
