/**
 * The OpenAPI document of a running server, as a judge: which operations there are, what each of them takes, and
 * whether an answer is one that the document names. Everything is asked of the document, nothing of the code.
 */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { JsonSchema } from '../../src/http/naming.ts';

export interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly schema: JsonSchema;
  readonly required?: boolean;
}

export interface Operation {
  readonly id: string;
  readonly method: string;
  /** As it stands in the document: `/coordination/tasks/{task_id}`. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: JsonSchema | null;
  readonly statuses: readonly number[];
}

export interface ApiDocument {
  /** WebSockets aside. */
  readonly operations: readonly Operation[];
  allowsBody(operation: Operation, body: unknown): boolean;
  allowsParameter(operation: Operation, parameter: Parameter, value: unknown): boolean;
  /** What is wrong with an answer; empty: nothing. */
  faultsOf(operation: Operation, answer: Answered): readonly string[];
}

export interface Answered {
  readonly status: number;
  /** Without parameters; empty: none was sent. */
  readonly contentType: string;
  readonly text: string;
}

interface RawOperation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: JsonSchema }> };
  readonly responses: Record<string, { readonly content?: Record<string, unknown> }>;
}

interface RawDocument {
  readonly paths: Record<string, Record<string, RawOperation>>;
}

/** An upgrade, which is no request and answer. */
const socketPaths = new Set(['/coordination/events']);
const JSON_TYPE = 'application/json';

export async function readDocument(url: string): Promise<ApiDocument> {
  const raw = (await (await fetch(`${url}/openapi.json`)).json()) as RawDocument;
  const schemas = compilerOf(raw);
  const pointers = new Map<string, readonly string[]>();
  const operations = Object.entries(raw.paths)
    .filter(([path]) => !socketPaths.has(path))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, each]) => {
        pointers.set(each.operationId, ['paths', path, method]);
        return operationOf(path, method, each);
      }),
    );
  const at = ({ id }: Operation, ...rest: readonly (string | number)[]): ValidateFunction =>
    schemas([...(pointers.get(id) ?? []), ...rest]);
  return {
    operations,
    allowsBody: (operation, body) => at(operation, 'requestBody', 'content', JSON_TYPE, 'schema')(body),
    allowsParameter: (operation, parameter, value) =>
      at(operation, 'parameters', operation.parameters.indexOf(parameter), 'schema')(value),
    faultsOf: (operation, answer) => faultsIn(operation, answer, (...rest) => at(operation, ...rest)),
  };
}

function operationOf(path: string, method: string, raw: RawOperation): Operation {
  return {
    id: raw.operationId,
    method: method.toUpperCase(),
    path,
    parameters: raw.parameters ?? [],
    body: raw.requestBody?.content[JSON_TYPE]?.schema ?? null,
    statuses: Object.keys(raw.responses).map(Number),
  };
}

function faultsIn(
  operation: Operation,
  { status, contentType, text }: Answered,
  at: (...rest: readonly string[]) => ValidateFunction,
): readonly string[] {
  if (!operation.statuses.includes(status)) return [`status ${status} is not in the document`];
  let check: ValidateFunction;
  try {
    check = at('responses', String(status), 'content', contentType, 'schema');
  } catch {
    return [`content type "${contentType}" of ${status} is not in the document`];
  }
  const body = contentType.endsWith('json') ? parsed(text) : text;
  if (check(body)) return [];
  return (check.errors ?? []).map((each) => `${status}: ${each.instancePath} ${each.message ?? ''}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Validators by JSON Pointer into the document; each is compiled once. */
function compilerOf(document: RawDocument): (path: readonly (string | number)[]) => ValidateFunction {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  // An answer has nothing that the document does not name.
  ajv.addSchema(closed(document) as object, 'document');
  const made = new Map<string, ValidateFunction>();
  return (path) => {
    const escaped = path.map((part) =>
      encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1')),
    );
    const pointer = `document#/${escaped.join('/')}`;
    const known = made.get(pointer) ?? ajv.compile({ $ref: pointer });
    made.set(pointer, known);
    return known;
  };
}

/** A copy in which every object of a schema that names its properties has no others. */
function closed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(closed);
  const copy = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, closed(each)]));
  return 'properties' in copy && copy['type'] === 'object' ? { additionalProperties: false, ...copy } : copy;
}
