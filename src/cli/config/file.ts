/**
 * The configuration file: its values with their lines. YAML, of which JSON is a part. Every mistake in
 * it is named at once, with file, line, key, what is allowed, and the key that was perhaps meant.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { closest, distance } from 'fastest-levenshtein';
import { Check } from 'typebox/schema';
import {
  isAlias,
  isMap,
  isScalar,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Pair,
} from 'yaml';
import { ConclaveError, invalidField, invalidFields, type FieldProblem } from '../../domain/errors.ts';
import { codeOf, oneLine } from '../values.ts';
import { expanded } from './folders.ts';
import { isKeyPath, keyAt, keyPaths, type KeyPath } from './keys.ts';
import { type Source } from './source.ts';

export interface FileValue {
  readonly value: unknown;
  readonly source: Source;
}
export type FileValues = ReadonlyMap<KeyPath, FileValue>;

/** More keys than a line should list. */
const LISTED_MAX = 16;
/** Of letters between a key and the one that was meant: a third of its own. */
const DISTANCE_SHARE = 1 / 3;

/** Throws bad input that names everything that is wrong. */
export function readConfigFile(file: string): FileValues {
  const lines = new LineCounter();
  const document = parseDocument(textOf(file), { lineCounter: lines, prettyErrors: false });
  const broken = document.errors[0];
  if (broken !== undefined) {
    const { line } = lines.linePos(broken.pos[0]);
    throw invalidField(
      'config',
      `names the file ${file}, which is no YAML: line ${line}: ${oneLine(broken.message)}`,
    );
  }
  const reading: Reading = { file, document, lines, values: new Map(), problems: [] };
  const { contents } = document;
  if (isMap(contents)) readMap(reading, contents.items, '');
  else if (contents !== null && !(isScalar(contents) && contents.value === null))
    throw invalidField(
      'config',
      `names the file ${file}, which must be a map of keys (fleet, servers, nats, agent, …)`,
    );
  if (reading.problems.length > 0) throw invalidFields(reading.problems);
  return reading.values;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw invalidField('config', `names the file ${file}, which cannot be read (${codeOf(error)})`, error);
  }
}

interface Reading {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
  readonly values: Map<KeyPath, FileValue>;
  readonly problems: FieldProblem[];
}

function readMap(reading: Reading, items: readonly Pair[], above: string): void {
  for (const { key, value } of items) {
    const path = `${above}${isScalar(key) ? String(key.value) : String(key)}`;
    const line = lineOf(reading, key);
    const content = isAlias(value) ? value.resolve(reading.document) : value;
    if (isKeyPath(path)) readValue(reading, path, { content, line });
    else if (!isGroup(path)) complain(reading, { path, line, message: unknownText(path) });
    else if (isMap(content)) readMap(reading, content.items, `${path}.`);
    else if (!isNothing(content))
      complain(reading, { path, line, message: `must be a map of ${known(`${path}.`)}` });
  }
}

function readValue(
  reading: Reading,
  path: KeyPath,
  at: { readonly content: unknown; readonly line: number },
): void {
  const { shape } = keyAt(path);
  const { line } = at;
  const given: unknown = at.content === null ? null : (at.content as Node).toJS(reading.document);
  const wrong = (): void => {
    complain(reading, { path, line, message: `must be ${shape.allowed}, not ${shown(path, given)}` });
  };
  if (!Check(shape.schema, given)) {
    wrong();
    return;
  }
  try {
    const value = shape.fromFile?.(given) ?? given;
    const isPath = shape.isPath === true && typeof value === 'string';
    reading.values.set(path, {
      value: isPath ? resolve(dirname(reading.file), expanded(value)) : value,
      source: { kind: 'file', file: reading.file, line },
    });
  } catch (error) {
    if (!(error instanceof ConclaveError)) throw error;
    wrong();
  }
}

function complain(
  { file, problems }: Reading,
  of: { readonly path: string; readonly line: number; readonly message: string },
): void {
  problems.push({ field: of.path, message: `${of.message} (${file}:${of.line})` });
}

function shown(path: KeyPath, given: unknown): string {
  return keyAt(path).isSecret ? 'what is there' : JSON.stringify(given).slice(0, 60);
}

function lineOf({ lines }: Reading, key: unknown): number {
  const { range } = key as { readonly range?: readonly number[] };
  return lines.linePos(range?.[0] ?? 0).line;
}

/** `key:` with nothing behind it. */
function isNothing(content: unknown): boolean {
  return content === null || content === undefined || (isScalar(content) && content.value === null);
}

function isGroup(path: string): boolean {
  return keyPaths.some((each) => each.startsWith(`${path}.`));
}

/** For files, options and variables alike. */
export function unknownText(path: string): string {
  const near = closest(path, keyPaths);
  const letters = path.replace(/^.*\./, '').length;
  const isNear = distance(path, near) <= Math.ceil(letters * DISTANCE_SHARE);
  return `is unknown; ${isNear ? `did you mean ${near}?` : `known are ${known(path.replace(/[^.]*$/, ''))}`}`;
}

/** The keys and groups one step below a prefix. */
function known(prefix: string): string {
  const below = keyPaths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length));
  const all = [...new Set((below.length === 0 ? keyPaths : below).map((path) => path.split('.')[0] ?? ''))];
  const rest = all.length > LISTED_MAX ? ' and more (conclave config)' : '';
  return `${all.slice(0, LISTED_MAX).join(', ')}${rest}`;
}
