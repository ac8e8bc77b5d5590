/** Where inbound messages are checked, once: bytes in, a typed value or a problem that names every bad field out. */
import { createHash } from 'node:crypto';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Settings } from 'typebox/system';
import { invalid, problemOf, type FieldProblem, type Problem } from '../domain/errors.ts';
import type { Headers } from '../ports.ts';
import { decode, decodeAnswer, DEPTH_MAX } from './codec.ts';

export type Admitted<T> =
  { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'bad'; readonly problem: Problem };

export interface Door<T> {
  /** Decodes and checks a message. */
  admit(data: Uint8Array, headers: Headers): Admitted<T>;
  /** Checks a value that is already decoded. */
  check(value: unknown): Admitted<T>;
}

/** Fields listed in one answer. */
const PROBLEMS_MAX = 20;
// typebox stops at 8 findings, several of which may be about one field.
Settings.Set({ maxErrors: 8 * PROBLEMS_MAX });

/** `depthMax`: nesting of the message. */
export function doorFor<S extends TSchema>(schema: S, depthMax = DEPTH_MAX): Door<Static<S>> {
  return doorOver(schema, (data, headers) => decode(data, headers, depthMax));
}

/** For what the leader answers to clients: its keys may be names that users chose. */
export function doorForAnswers<S extends TSchema>(schema: S): Door<Static<S>> {
  return doorOver(schema, decodeAnswer);
}

function doorOver<S extends TSchema>(
  schema: S,
  read: (data: Uint8Array, headers: Headers) => unknown,
): Door<Static<S>> {
  const validator = Compile(schema);
  const check = (value: unknown): Admitted<Static<S>> => {
    if (validator.Check(value)) return { kind: 'ok', value };
    return { kind: 'bad', problem: invalid(fieldsOf(validator.Errors(value))) };
  };
  return {
    check,
    admit(data, headers) {
      try {
        return check(read(data, headers));
      } catch (error) {
        return { kind: 'bad', problem: problemOf(error) };
      }
    },
  };
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
}

function fieldsOf(errors: readonly SchemaError[]): FieldProblem[] {
  const fields = new Map<string, FieldProblem>();
  for (const error of errors) {
    for (const each of spread(error, errors)) if (!fields.has(each.field)) fields.set(each.field, each);
    if (fields.size >= PROBLEMS_MAX) break;
  }
  return [...fields.values()].slice(0, PROBLEMS_MAX);
}

function spread(error: SchemaError, errors: readonly SchemaError[]): FieldProblem[] {
  const path = error.instancePath.replace(/^\//, '').replaceAll('/', '.');
  const under = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const { requiredProperties, additionalProperties } = error.params as Record<string, string[] | undefined>;
  switch (error.keyword) {
    case 'required':
      return (requiredProperties ?? []).map((name) => ({ field: under(name), message: 'is required' }));
    case 'additionalProperties':
      return (additionalProperties ?? []).map((name) => ({ field: under(name), message: 'is unknown' }));
    // What no schema allows to be there.
    case 'boolean':
      return [{ field: path, message: 'is unknown' }];
    case 'const':
      return [{ field: path, message: `must be ${allowedAt(error.instancePath, errors).join(' or ')}` }];
    case 'pattern':
      return [{ field: path, message: 'must be 1–63 of A-Z a-z 0-9 _ -' }];
    default:
      return [{ field: path === '' ? 'message' : path, message: error.message }];
  }
}

/** What a union of words allows there: each word that did not fit is an error of its own. */
function allowedAt(instancePath: string, errors: readonly SchemaError[]): string[] {
  const words = errors.flatMap((each) =>
    each.keyword === 'const' && each.instancePath === instancePath
      ? JSON.stringify((each.params as { allowedValue: unknown }).allowedValue)
      : [],
  );
  return [...new Set(words)];
}

/** A short name for a body, to tell a repeat from a different one. */
export function digestOf(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('base64url').slice(0, 22);
}
