/**
 * What the document, with the words that stand beside its schemas, says of a request: it must be taken for valid, it
 * must be refused, or nothing is said. Errors on the side of nothing.
 */
import type { ApiDocument, Parameter } from './fuzz-document.ts';
import { isGoodType, type FuzzRequest } from './fuzz-request.ts';

export type Verdict = 'valid' | 'refused' | 'open';

/** Beyond it a refusal for its size may come before any other. */
const SMALL_BODY_BYTES = 100_000;
const DEPTH_MAX = 32;
const forbiddenKeys = new Set(['__proto__', '__proto_', 'constructor', 'prototype']);

/** `segments`: the path's parameters, as they stand in the URL. */
export function verdictOf(
  document: ApiDocument,
  request: FuzzRequest,
  segments: ReadonlyMap<string, string>,
): Verdict {
  const all = [
    ofPath(document, request, segments),
    ofQuery(document, request),
    ofBody(document, request),
    ...request.headers.map(([name, value]) => ofHeader(request, name, value)),
  ];
  if (all.includes('refused')) return 'refused';
  return all.includes('open') ? 'open' : 'valid';
}

function ofPath(
  document: ApiDocument,
  { operation }: FuzzRequest,
  segments: ReadonlyMap<string, string>,
): Verdict {
  for (const parameter of operation.parameters.filter((each) => each.in === 'path')) {
    const id = decoded(segments.get(parameter.name) ?? '');
    if (id === null || !document.allowsParameter(operation, parameter, id)) return 'refused';
  }
  return 'valid';
}

function ofQuery(document: ApiDocument, request: FuzzRequest): Verdict {
  const { operation, query } = request;
  const known = operation.parameters.filter((each) => each.in === 'query');
  if (query.length === 0) return 'valid';
  // What an operation without parameters makes of some, nobody says.
  if (known.length === 0) return 'open';
  const names = query.map(([name]) => name);
  if (new Set(names).size < names.length) return 'refused';
  const all = query.map(([name, text]): Verdict => {
    const parameter = known.find((each) => each.name === decoded(name));
    if (parameter === undefined) return isBlank(name, text) ? 'open' : 'refused';
    return ofParameter(document, request, parameter, decoded(text));
  });
  if (all.includes('refused')) return 'refused';
  return all.includes('open') ? 'open' : 'valid';
}

/** `?=`, which some read as a parameter without a name and others as nothing. */
function isBlank(name: string, text: string): boolean {
  return name === '' && text === '';
}

function ofParameter(
  document: ApiDocument,
  { operation }: FuzzRequest,
  parameter: Parameter,
  text: string | null,
): Verdict {
  if (text === null) return 'open';
  const { type } = parameter.schema;
  // A cursor comes from a page, which no schema says; half a surrogate pair cannot be in a URL.
  if (parameter.name === 'cursor') return 'open';
  const value = fromText(type, text);
  if (!document.allowsParameter(operation, parameter, value)) return 'refused';
  return type === 'string' || type === undefined || String(value) === text ? 'valid' : 'open';
}

function fromText(type: string | undefined, text: string): unknown {
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (type === 'integer' || type === 'number')
    return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
  return text;
}

function ofHeader({ operation }: FuzzRequest, name: string, value: string): Verdict {
  if (!operation.parameters.some((each) => each.in === 'header' && each.name === name)) return 'valid';
  if (name === 'Min-Sequence') return /^\d{1,15}$/.test(value) ? 'valid' : 'refused';
  if (name === 'Idempotency-Key') return /^[\x20-\x7e]{1,255}$/.test(value) ? 'valid' : 'refused';
  return 'valid';
}

function ofBody(document: ApiDocument, { operation, body, contentType }: FuzzRequest): Verdict {
  if (operation.body === null) return body === null ? 'valid' : 'open';
  if (body === null || body.length === 0) return document.allowsBody(operation, {}) ? 'open' : 'refused';
  if (!isGoodType(contentType)) return 'refused';
  const value = parsed(body);
  if (value === undefined || !isSendable(value, DEPTH_MAX)) return 'refused';
  if (!document.allowsBody(operation, value)) return 'refused';
  return body.length <= SMALL_BODY_BYTES ? 'valid' : 'open';
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    return undefined;
  }
}

/** Of bounded depth, without keys of prototypes, with finite numbers, and whole when written as UTF-8. */
function isSendable(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return !/\p{Surrogate}/u.test(value);
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  return Object.entries(value).every(
    ([key, each]) => !forbiddenKeys.has(key) && isSendable(key, 1) && isSendable(each, depth - 1),
  );
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
