/** Where a value of the configuration came from, and bad ones with their place. */
import { ConclaveError, invalidFields } from '../../domain/errors.ts';

export type Source =
  | { readonly kind: 'default' }
  | { readonly kind: 'option'; readonly option: string }
  | { readonly kind: 'variable'; readonly variable: string }
  | { readonly kind: 'file'; readonly file: string; readonly line: number }
  | { readonly kind: 'context'; readonly context: string; readonly file: string };

export function sourceText(source: Source): string {
  switch (source.kind) {
    case 'default':
      return 'default';
    case 'option':
      return source.option;
    case 'variable':
      return source.variable;
    case 'file':
      return `${source.file}:${source.line}`;
    case 'context':
      return `context ${source.context}`;
  }
}

/** What `read` gives; the bad input that it throws says where it stands. */
export function located<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof ConclaveError ? withPlace(error, () => where) : error;
  }
}

/** The same error, with a place for each field that has one. */
export function withPlace(error: ConclaveError, placeOf: (field: string) => string | null): ConclaveError {
  if (error.fields.length === 0) return error;
  return invalidFields(
    error.fields.map(({ field, message }) => {
      const place = placeOf(field);
      return { field, message: place === null ? message : `${message} (${place})` };
    }),
    error,
  );
}
