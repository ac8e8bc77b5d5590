/** From words on the command line to values: each parser throws bad input that names the field and what is allowed. */
import { readFileSync } from 'node:fs';
import { invalidField } from '../domain/errors.ts';
import { isName } from '../domain/ids.ts';

export type Parser<T> = (text: string) => T;

export function integer(
  field: string,
  range: { readonly min: number; readonly max?: number },
): Parser<number> {
  const { min, max = Number.MAX_SAFE_INTEGER } = range;
  const allowed =
    range.max === undefined
      ? `must be an integer of ${min} or more`
      : `must be an integer from ${min} to ${max}`;
  return (text) => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) throw invalidField(field, allowed);
    return value;
  };
}

/** A year: what the fleet takes at most. */
const MS_MAX = 31_536_000_000;

export function milliseconds(field: string): Parser<number> {
  return integer(field, { min: 1, max: MS_MAX });
}

export function decimal(
  field: string,
  allowed: string,
  isAllowed: (value: number) => boolean,
): Parser<number> {
  return (text) => {
    const value = text.trim() === '' ? NaN : Number(text);
    if (!Number.isFinite(value) || !isAllowed(value)) throw invalidField(field, `must be ${allowed}`);
    return value;
  };
}

/** The rule for fleets, agents, capabilities and types. */
export function name(field: string): Parser<string> {
  return (text) => {
    if (!isName(text)) throw invalidField(field, 'must be 1–63 of A-Z a-z 0-9 _ -');
    return text;
  };
}

export function text(field: string, limits: { readonly min?: number; readonly max: number }): Parser<string> {
  const { min = 0, max } = limits;
  return (value) => {
    if (value.length < min || value.length > max)
      throw invalidField(field, `must have ${min} to ${max} characters`);
    return value;
  };
}

export function oneOf<const T extends string>(field: string, allowed: readonly T[]): Parser<T> {
  return withChoices(allowed, (text) => {
    const found = allowed.find((each) => each === text);
    if (found === undefined) throw invalidField(field, `must be one of ${allowed.join(', ')}`);
    return found;
  });
}

const choices = new WeakMap<object, readonly string[]>();

/** Remembers which words it takes. */
export function withChoices<T extends object>(words: readonly string[] | undefined, parser: T): T {
  if (words !== undefined) choices.set(parser, words);
  return parser;
}

/** The words that a parser takes, if there are only some: for whoever offers them. */
export function choicesOf(parser: object | undefined): readonly string[] | undefined {
  return parser === undefined ? undefined : choices.get(parser);
}

/** For an option that may be repeated. */
export function list<T>(parse: Parser<T>): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return withChoices(choicesOf(parse), (text: string, before: readonly T[] = []) => [...before, parse(text)]);
}

/** `key=value`; for an option that may be repeated. */
export function pairs(
  field: string,
  parseKey: Parser<string>,
): (text: string, before: Readonly<Record<string, string>> | undefined) => Readonly<Record<string, string>> {
  return (text, before = {}) => {
    const at = text.indexOf('=');
    if (at < 1 || at === text.length - 1) throw invalidField(field, `must be key=value, not ${text}`);
    return { ...before, [parseKey(text.slice(0, at))]: text.slice(at + 1) };
  };
}

/** JSON itself, `@file`, or `-` for standard input. */
export function json(field: string): Parser<unknown> {
  return (given) => {
    const source = sourceOf(field, given);
    try {
      return JSON.parse(source) as unknown;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const hint = source === given ? `; a text needs its quotes: '"${given.slice(0, 40)}"'` : '';
      throw invalidField(
        field,
        `must be JSON, @file or - for standard input (${oneLine(reason)})${hint}`,
        error,
      );
    }
  };
}

function sourceOf(field: string, given: string): string {
  if (given !== '-' && !given.startsWith('@')) return given;
  try {
    return readFileSync(given === '-' ? 0 : given.slice(1), 'utf8');
  } catch (error) {
    const what = given === '-' ? 'standard input' : `the file ${given.slice(1)}`;
    throw invalidField(field, `names ${what}, which cannot be read (${codeOf(error)})`, error);
  }
}

export function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return oneLine(error instanceof Error ? error.message : String(error));
}

export function oneLine(message: string): string {
  return message.replaceAll(/\s+/g, ' ').trim();
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the fields that were not given. */
export function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}
