/**
 * Contexts of the NATS command (https://github.com/nats-io/natscli): files `nats/context/<name>.json` in the user's
 * configuration folder, one of which `nats/context.txt` may name as the selected one. Read, never written.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { invalidField } from '../../domain/errors.ts';
import { isRecord } from '../../domain/fields.ts';
import { codeOf } from '../values.ts';
import { configFolder, expanded } from './folders.ts';
import { keyAt, type KeyPath } from './keys.ts';
import { located, type Source } from './source.ts';

export interface NatsContext {
  readonly name: string;
  readonly file: string;
  readonly values: ReadonlyMap<KeyPath, { readonly value: unknown; readonly source: Source }>;
  /** Of fields that would matter, and are not understood here. */
  readonly warnings: readonly string[];
}

const fields: Readonly<Record<string, KeyPath>> = {
  url: 'servers',
  user: 'nats.user',
  password: 'nats.password',
  token: 'nats.token',
  creds: 'nats.creds',
  nkey: 'nats.nkey',
  user_jwt: 'nats.jwt',
  user_seed: 'nats.seed',
  cert: 'nats.tlsCert',
  key: 'nats.tlsKey',
  ca: 'nats.tlsCa',
  tls_first: 'nats.tlsFirst',
  jetstream_domain: 'nats.jetstreamDomain',
  inbox_prefix: 'nats.inboxPrefix',
};

/** Without them the command may reach something else, or nothing. */
const missed = ['nsc', 'jetstream_api_prefix', 'socks_proxy', 'windows_cert_store', 'windows_cert_match'];

/** The name that is selected; null: none. */
export function selectedContext(): string | null {
  try {
    const name = readFileSync(join(configFolder('nats'), 'context.txt'), 'utf8').trim();
    return name === '' ? null : name;
  } catch {
    // Nobody has selected one.
    return null;
  }
}

/** Throws bad input that names the context, and the file. */
export function readContext(name: string): NatsContext {
  const file = fileOf(name);
  const content = parsed(name, file);
  const source: Source = { kind: 'context', context: basename(name, '.json'), file };
  const values = new Map<KeyPath, { value: unknown; source: Source }>();
  for (const [field, path] of Object.entries(fields)) {
    const given = content[field];
    if (given === undefined || given === null || given === '' || given === false) continue;
    const value = located(`${field} of context ${name}, ${file}`, () => valueOf(path, given));
    values.set(path, { value, source });
  }
  const warnings = missed
    .filter((field) => hasContent(content[field]))
    .map(
      (field) => `context ${name} has ${field}, which is not understood here and does not count (${file})`,
    );
  return { name, file, values, warnings };
}

function fileOf(name: string): string {
  if (name.endsWith('.json') && existsSync(name)) return name;
  if (name.includes('..') || name.includes('/'))
    throw invalidField(
      'context',
      `must be the name of a context of the NATS command, not ${JSON.stringify(name)}`,
    );
  const file = join(configFolder('nats'), 'context', `${name}.json`);
  if (existsSync(file)) return file;
  const known = contextNames();
  const hint = known.length === 0 ? 'there are none' : `there are ${known.join(', ')}`;
  throw invalidField('context', `names ${name}, and there is no ${file}; ${hint}; --no-context does without`);
}

function contextNames(): string[] {
  try {
    const all = readdirSync(join(configFolder('nats'), 'context'));
    return all.filter((each) => each.endsWith('.json')).map((each) => basename(each, '.json'));
  } catch {
    // No folder, no context.
    return [];
  }
}

function parsed(name: string, file: string): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    // Of a syntax error Node quotes the text, which may be a password.
    const reason = error instanceof SyntaxError ? 'is no JSON' : `cannot be read (${codeOf(error)})`;
    throw invalidField('context', `names ${name}, whose file ${file} ${reason}`);
  }
  if (isRecord(content)) return content;
  throw invalidField('context', `names ${name}, whose file ${file} must be a JSON object`);
}

function valueOf(path: KeyPath, given: unknown): unknown {
  const { shape } = keyAt(path);
  if (typeof given !== 'string' && typeof given !== 'boolean')
    throw invalidField(path, `must be ${shape.allowed}`);
  const value = shape.parse(path)(String(given));
  return shape.isPath === true && typeof value === 'string' ? expanded(value) : value;
}

function hasContent(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && value !== false;
}
