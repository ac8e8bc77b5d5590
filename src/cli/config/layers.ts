/**
 * What was given, by place, strongest first: options, variables, a context that one of these named, the file, a context
 * that the file named or that is selected. Nothing is merged here.
 */
import { ConclaveError, invalidField } from '../../domain/errors.ts';
import { serverUrls } from '../../nats/server-urls.ts';
import { variable } from '../environment.ts';
import { findConfigFile } from './folders.ts';
import { isKeyPath, keyAt, keyPaths, variablesOf, type KeyPath } from './keys.ts';
import { readContext, selectedContext, type NatsContext } from './nats-context.ts';
import { located, type Source } from './source.ts';

export interface Given {
  readonly value: unknown;
  readonly source: Source;
}
export type Layer = ReadonlyMap<KeyPath, Given>;

/** What stands on the command line. */
export interface CommandLine {
  readonly values: Layer;
  /** `key=value`, of --set. */
  readonly sets: readonly string[];
  /** Of --config. */
  readonly file?: string;
  readonly hasContext: boolean;
  readonly hasLogin: boolean;
}

export interface Layers {
  readonly layers: readonly Layer[];
  readonly file: string | null;
  readonly context: NatsContext | null;
}

/** Throws bad input that says where it stands. */
export async function readLayers(line: CommandLine): Promise<Layers> {
  const options = withLogins(new Map([...(await setValues(line.sets)), ...line.values]));
  const variables = withLogins(variableValues());
  const file = line.file ?? variable('CONCLAVE_CONFIG') ?? findConfigFile();
  const inFile = withLogins(file === null ? new Map() : (await import('./file.ts')).readConfigFile(file));
  const near = contextIn(line, [options, variables]);
  const context = near ?? contextIn(line, [inFile]) ?? selectedOf(line);
  const fromContext = withLogins(context?.values ?? new Map());
  const last = near === null ? [inFile, fromContext] : [fromContext, inFile];
  return { layers: [options, variables, ...last], file, context };
}

/** One file and nothing else, to be checked. */
export async function layersOfFile(file: string): Promise<Layers> {
  const { readConfigFile } = await import('./file.ts');
  return { layers: [withLogins(readConfigFile(file))], file, context: null };
}

/** The command line alone. */
export async function layersOfLine(line: CommandLine): Promise<Layers> {
  const options = withLogins(new Map([...(await setValues(line.sets)), ...line.values]));
  return { layers: [options], file: null, context: null };
}

function contextIn({ hasContext }: CommandLine, layers: readonly Layer[]): NatsContext | null {
  if (!hasContext) return null;
  for (const layer of layers) {
    const given = layer.get('context');
    if (given !== undefined) return readContext(String(given.value));
  }
  return null;
}

function selectedOf({ hasContext }: CommandLine): NatsContext | null {
  const name = hasContext ? selectedContext() : null;
  return name === null ? null : readContext(name);
}

function variableValues(): Layer {
  const found = new Map<KeyPath, Given>();
  for (const path of keyPaths) {
    for (const { variable: name, parse } of variablesOf(path)) {
      const text = variable(name);
      if (text === undefined || found.has(path)) continue;
      const read = (parse ?? keyAt(path).shape.parse)(path);
      found.set(path, {
        value: located(name, () => read(text)),
        source: { kind: 'variable', variable: name },
      });
    }
  }
  return found;
}

async function setValues(sets: readonly string[]): Promise<Layer> {
  const found = new Map<KeyPath, Given>();
  for (const each of sets) {
    const at = each.indexOf('=');
    const path = each.slice(0, Math.max(at, 0));
    if (at < 1) throw invalidField('set', `must be key=value, not ${JSON.stringify(each.slice(0, 40))}`);
    if (!isKeyPath(path))
      throw invalidField(path, `${(await import('./file.ts')).unknownText(path)} (--set)`);
    const value = located('--set', () => keyAt(path).shape.parse(path)(each.slice(at + 1)));
    found.set(path, { value, source: { kind: 'option', option: '--set' } });
  }
  return found;
}

/** A login in an address counts as one given in the same place. */
function withLogins(layer: Layer): Layer {
  const given = layer.get('servers');
  if (given === undefined) return layer;
  const { servers, login } = serverUrls(given.value as readonly string[]);
  const { user, pass, token } = login;
  const inUrl = { 'nats.user': user, 'nats.password': pass, 'nats.token': token } as const;
  const found = new Map(layer).set('servers', { value: servers, source: given.source });
  for (const [path, value] of Object.entries(inUrl)) {
    if (value === undefined || !isKeyPath(path)) continue;
    if (layer.has(path)) throw new ConclaveError('INVALID', `${path} is given twice: in servers too`);
    found.set(path, { value, source: given.source });
  }
  return found;
}
