/**
 * What a value of the configuration may be: read from text (options and variables), checked as it stands (files, by
 * its JSON Schema), and described to people. One definition serves all three.
 */
import { invalidField } from '../../domain/errors.ts';
import { isOrigin } from '../../http/origin.ts';
import { withoutLogin } from '../../nats/server-urls.ts';
import { decimal, integer, list, name, oneOf, pairs, text, withChoices, type Parser } from '../values.ts';

export interface Shape<T> {
  /** As it continues "must be". */
  readonly allowed: string;
  /** JSON Schema of the value in a file. */
  readonly schema: object;
  /** Of the text of a variable, or of a part of it where an option may be repeated. */
  readonly parse: (field: string) => (text: string) => T;
  /** Of an option. Default: like `parse`. */
  readonly parseOption?: (field: string) => (text: string, before: T | undefined) => T;
  /** From what a file holds, which has passed the schema. Default: as it is. */
  readonly fromFile?: (value: unknown) => T;
  /** Names a file or folder: a path in a file starts at its folder, `~` is the home folder. */
  readonly isPath?: boolean;
}

const NAME_ALLOWED = '1–63 of A-Z a-z 0-9 _ -';
const NAME_PATTERN = '^[A-Za-z0-9_-]{1,63}$';

export const nameText: Shape<string> = {
  allowed: NAME_ALLOWED,
  schema: { type: 'string', pattern: NAME_PATTERN },
  parse: name,
};

export function whole(range: { readonly min: number; readonly max: number }): Shape<number> {
  const { min, max } = range;
  return {
    allowed: `an integer from ${min} to ${max}`,
    schema: { type: 'integer', minimum: min, maximum: max },
    parse: (field) => integer(field, range),
  };
}

export function fraction(of: {
  readonly allowed: string;
  readonly schema: object;
  readonly isAllowed: (value: number) => boolean;
}): Shape<number> {
  return {
    allowed: of.allowed,
    schema: { type: 'number', ...of.schema },
    parse: (field) => decimal(field, of.allowed, of.isAllowed),
  };
}

export const flag: Shape<boolean> = {
  allowed: 'true or false',
  schema: { type: 'boolean' },
  parse: (field) => (given) => {
    if (given === 'true' || given === '1') return true;
    if (given === 'false' || given === '0') return false;
    throw invalidField(field, 'must be true or false');
  },
};

export function words(limits: { readonly min?: number; readonly max: number }): Shape<string> {
  const { min = 1, max } = limits;
  return {
    allowed: `a text of ${min} to ${max} characters`,
    schema: { type: 'string', minLength: min, maxLength: max },
    parse: (field) => text(field, { min, max }),
  };
}

export const path: Shape<string> = { ...words({ max: 4_096 }), allowed: 'a path', isPath: true };

export function choice<const T extends string | number>(options: readonly T[]): Shape<T> {
  const texts = options.map(String);
  return {
    allowed: `one of ${texts.join(', ')}`,
    schema: { enum: options },
    parse: (field) => {
      const parse = oneOf(field, texts);
      return withChoices(texts, (given: string) => options[texts.indexOf(parse(given))] as T);
    },
  };
}

/** In a variable separated by commas; as an option, repeated. */
export function many(item: Shape<string>, plural: string): Shape<readonly string[]> {
  return {
    allowed: `a list of ${plural}`,
    schema: { type: 'array', items: item.schema },
    parse: (field) => {
      const parse = item.parse(field);
      return (given) => given.split(',').map((each) => parse(each.trim()));
    },
    parseOption: (field) => list(item.parse(field)),
  };
}

type Texts = Readonly<Record<string, string>>;

/** `key=value`: in a variable separated by commas; as an option, repeated; in a file a map. */
export function map(
  parseKey: Parser<string>,
  of: { readonly pattern: string; readonly pair: string },
): Shape<Texts> {
  const values = { type: 'string', minLength: 1 };
  return {
    allowed: `a map of ${of.pair}`,
    schema: { type: 'object', patternProperties: { [of.pattern]: values }, additionalProperties: false },
    parse: (field) => {
      const add = pairs(field, parseKey);
      return (given) => given.split(',').reduce<Texts>((before, each) => add(each.trim(), before), {});
    },
    parseOption: (field) => pairs(field, parseKey),
  };
}

export const labels = map(name('label'), { pattern: NAME_PATTERN, pair: 'names to texts' });
export const programs = map((type) => (type === '*' ? type : name('run')(type)), {
  pattern: `^\\*$|${NAME_PATTERN}`,
  pair: 'task types to programs',
});

export const origin: Shape<string> = {
  allowed: 'like https://ops.example.org',
  schema: { type: 'string', pattern: '^https?://[^/@?#]+$' },
  parse: (field) => (given) => {
    if (!isOrigin(given)) throw invalidField(field, `must be like https://ops.example.org, not ${given}`);
    return given;
  },
};

const SERVERS_ALLOWED = 'like nats://127.0.0.1:4222, several separated by commas';

export const servers: Shape<readonly string[]> = {
  allowed: SERVERS_ALLOWED,
  schema: { type: ['string', 'array'], minLength: 1, minItems: 1, items: { type: 'string', minLength: 1 } },
  parse: (field) => (given) => given.split(',').map((each) => serverOf(field, each.trim())),
  fromFile: (value) => {
    const given = Array.isArray(value) ? (value as string[]) : String(value).split(',');
    return given.map((each) => serverOf('servers', each.trim()));
  },
};

function serverOf(field: string, given: string): string {
  const url = given.includes('://') ? given : `nats://${given}`;
  if (given === '' || !URL.canParse(withoutLogin(url)) || !/^(nats|tls|ws|wss):/.test(url))
    throw invalidField(field, `must be ${SERVERS_ALLOWED}, not ${JSON.stringify(withoutLogin(given))}`);
  return given;
}

const unitsMs: Readonly<Record<string, number>> = {
  ...{ ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 },
};

/** A duration as the NATS command takes it (`5s`, `1m30s`, `500ms`), in milliseconds. */
export function durationMs(field: string): Parser<number> {
  return (given) => {
    const parts = [...given.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g)];
    const ms = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitsMs[unit ?? ''] ?? NaN), 0);
    if (parts.map(([part]) => part).join('') !== given || !(ms >= 1))
      throw invalidField(field, 'must be a duration like 5s or 500ms');
    return Math.round(ms);
  };
}
