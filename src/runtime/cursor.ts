/**
 * Where a page of a list begins, as text that callers hand back: the order, the last thing that was shown, and how
 * many are still to be skipped. It names a thing, not a count, so new things and changes of status do not shift it.
 */
import { invalidField, type ConclaveError } from '../domain/errors.ts';

export interface Cursor {
  readonly order: 'oldest' | 'newest';
  /** The thing itself need not be there any more. */
  readonly after: string;
  readonly skip: number;
}

const pattern = /^(?<order>[on])(?:(?<skip>[1-9][0-9]{0,8})~)?(?<after>[A-Za-z0-9_-]{1,63})$/;

export function cursorText({ order, after, skip }: Cursor): string {
  return `${order === 'oldest' ? 'o' : 'n'}${skip === 0 ? '' : `${skip}~`}${after}`;
}

/** `order`: that of the query. Throws `INVALID` for what is no cursor, or one of the other order. */
export function readCursor(text: string, order: Cursor['order'] | undefined): Cursor {
  const { order: letter, skip, after } = pattern.exec(text)?.groups ?? {};
  if (after === undefined) throw badCursor('is not a cursor of this list');
  const own = letter === 'o' ? 'oldest' : 'newest';
  if (order !== undefined && order !== own) throw badCursor(`is one of a list in order ${own}`);
  return { order: own, after, skip: Number(skip ?? 0) };
}

export function badCursor(message: string): ConclaveError {
  return invalidField('cursor', message);
}

/** Counted anew from the cursor on, it would leave out things without a word. */
export function skipWithCursor(): ConclaveError {
  return invalidField('skip', 'must be left out with a cursor, which knows what was skipped');
}
