/** Handlers from a user's module. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { invalidField } from '../domain/errors.ts';
import { isName } from '../domain/ids.ts';
import type { Handler } from '../runtime/attempts.ts';
import type { VoteHandler } from '../runtime/ballots.ts';
import { oneLine } from './values.ts';

/** What an agent does. */
export interface HandlerSet {
  readonly tasks: Readonly<Record<string, Handler>>;
  readonly vote?: VoteHandler;
}

/** Throws bad input when the module cannot be loaded, or does not export what an agent needs. */
export async function handlersOfModule(path: string): Promise<HandlerSet> {
  const exported = await load(path);
  const { tasks, vote } = exported;
  if (!isHandlers(tasks)) {
    const which = wrongIn(tasks);
    throw invalidField(
      'module',
      `must export \`tasks\`: a record of functions by task type${which} (${path})`,
    );
  }
  if (vote === undefined) return { tasks };
  if (!isVoteHandler(vote))
    throw invalidField('module', `must export \`vote\` as a function, or not at all (${path})`);
  return { tasks, vote };
}

async function load(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    const reason = oneLine(error instanceof Error ? error.message : String(error));
    throw invalidField('module', `must be a JavaScript module that can be loaded: ${reason}`, error);
  }
}

function isHandlers(value: unknown): value is Readonly<Record<string, Handler>> {
  if (typeof value !== 'object' || value === null) return false;
  const entries = Object.entries(value);
  return (
    entries.length > 0 &&
    entries.every(([type, handler]) => (type === '*' || isName(type)) && typeof handler === 'function')
  );
}

/** The first that is wrong, to be told. */
function wrongIn(tasks: unknown): string {
  if (typeof tasks !== 'object' || tasks === null) return '';
  for (const [type, handler] of Object.entries(tasks)) {
    if (typeof handler !== 'function') return `; tasks.${type} is none`;
    if (type !== '*' && !isName(type)) return `; ${JSON.stringify(type)} is not 1–63 of A-Z a-z 0-9 _ -`;
  }
  return '; it is empty';
}

function isVoteHandler(value: unknown): value is VoteHandler {
  return typeof value === 'function';
}
