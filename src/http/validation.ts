/**
 * Checking what comes in, with the doors that check the wire: bodies as they are, query strings after turning text
 * into the numbers and booleans that the schema wants. Bodies are read by the wire's decoder: JSON alone, of bounded
 * depth, without prototype keys.
 */
import type { FastifyInstance, FastifySchema, FastifySchemaCompiler } from 'fastify';
import { isRecord } from '../domain/fields.ts';
import { ConclaveError, errorOf, invalid, type FieldProblem } from '../domain/errors.ts';
import { contentTypes, decode, DEPTH_MAX } from '../wire/codec.ts';
import { doorFor } from '../wire/door.ts';
import { BODY_BYTES_MAX } from './limits.ts';
import type { JsonSchema } from './naming.ts';

type Checked = { readonly value: unknown } | { readonly error: Error };
type Check = (value: unknown) => Checked;

export function readJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const options = { parseAs: 'buffer', bodyLimit: BODY_BYTES_MAX } as const;
  app.addContentTypeParser(contentTypes.json, options, (_request, body, done) => {
    try {
      done(null, decode(body as unknown as Buffer, { 'Content-Type': contentTypes.json }));
    } catch (error) {
      done(refusalOf(error));
    }
  });
}

function refusalOf(error: unknown): Error {
  const said = error instanceof Error ? error.message : String(error);
  const message = `${said}: a body is JSON, nested at most ${DEPTH_MAX} deep, with no keys of prototypes`;
  return new ConclaveError('INVALID', message, { cause: error });
}

export const compileCheck: FastifySchemaCompiler<FastifySchema> = ({ schema, httpPart }) => {
  const check = checkOf(schema as JsonSchema);
  if (httpPart === 'querystring') return (query) => check(coerced(schema as JsonSchema, query));
  // Checked where they are read.
  if (httpPart === 'headers') return (headers: unknown) => ({ value: headers });
  // A request without a body is one that says nothing.
  if (httpPart === 'body') return (body) => check(body ?? {});
  return check;
};

/** A body that is one of two things, told apart by a field that only the second one has. */
export function compileEither(of: {
  readonly field: string;
  readonly without: JsonSchema;
  readonly with: JsonSchema;
}): FastifySchemaCompiler<FastifySchema> {
  const [one, other] = [checkOf(of.without), checkOf(of.with)];
  return (route) => {
    if (route.httpPart !== 'body') return compileCheck(route);
    return (body: unknown) => (isRecord(body) && of.field in body ? other(body) : one(body ?? {}));
  };
}

function checkOf(schema: JsonSchema): Check {
  const door = doorFor(schema);
  return (value) => {
    const admitted = door.check(value);
    if (admitted.kind === 'ok') return { value };
    const { code, fields } = admitted.problem;
    if (code !== 'INVALID' || fields === undefined) return { error: errorOf(admitted.problem) };
    return { error: errorOf(invalid(fields.map((each) => explained(schema, each)))) };
  };
}

/** What a list of words allows, the checker does not say. */
function explained(schema: JsonSchema, { field, message }: FieldProblem): FieldProblem {
  if (field === 'message') return { field: 'body', message };
  const words = schemaAt(schema, field.split('.'))?.['enum'];
  return Array.isArray(words) ? { field, message: `must be one of ${words.join(', ')}` } : { field, message };
}

function schemaAt(schema: JsonSchema | undefined, path: readonly string[]): JsonSchema | undefined {
  const [first, ...rest] = path;
  if (first === undefined || schema === undefined) return schema;
  return schemaAt(schema.properties?.[first] ?? schema.items, rest);
}

function coerced(schema: JsonSchema, query: unknown): unknown {
  if (!isRecord(query)) return query;
  // By definition, not by assignment: `__proto__` is a name like any other, and refused as unknown.
  return Object.fromEntries(
    Object.entries(query).map(([name, given]) => [
      name,
      typeof given === 'string' ? fromText(schema.properties?.[name]?.type, given) : given,
    ]),
  );
}

/** Text that is none of the kind stays text, and is refused as such. */
function fromText(type: string | undefined, text: string): unknown {
  if ((type === 'integer' || type === 'number') && /^-?\d{1,16}(\.\d{1,16})?$/.test(text))
    return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
