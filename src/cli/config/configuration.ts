/**
 * The configuration of one run of the command: every key with its value and where that came from. What holds between
 * keys is checked here, over all places together.
 */
import { closest, distance } from 'fastest-levenshtein';
import { ConclaveError, invalidFields } from '../../domain/errors.ts';
import { settingsFrom, type Settings } from '../../domain/settings.ts';
import { variableNames } from '../environment.ts';
import { isKeyPath, keyAt, keyPaths, loginPaths, variablesOf, type KeyPath, type ValueOf } from './keys.ts';
import type { Given, Layer, Layers } from './layers.ts';
import { sourceText, withPlace } from './source.ts';

export interface Configuration {
  /** The default, where nothing was given. */
  value<P extends KeyPath>(path: P): ValueOf<P>;
  /** Undefined where nothing was given: for whoever has a default of its own. */
  given<P extends KeyPath>(path: P): ValueOf<P> | undefined;
  isGiven(path: KeyPath): boolean;
  entry(path: KeyPath): Given;
  /** The file that was read. */
  readonly file: string | null;
  /** Those that were given. */
  readonly settings: Partial<Settings>;
  /** About what was given and does not count. */
  readonly warnings: readonly string[];
}

/** Ways to log in: only one can count, and the strongest place that gives one decides which. */
const ways: readonly (readonly KeyPath[])[] = [
  ['nats.user', 'nats.password'],
  ['nats.token'],
  ['nats.creds'],
  ['nats.nkey', 'nats.seed', 'nats.jwt'],
];

/** Throws bad input that names keys and where their values came from. */
export function configurationOf(read: Layers, of: { readonly hasLogin: boolean }): Configuration {
  const layers = of.hasLogin ? withOneLogin(read.layers) : withoutLogin(read.layers);
  const entry = (path: KeyPath): Given =>
    layers.find((layer) => layer.has(path))?.get(path) ?? {
      value: keyAt(path).fallback,
      source: { kind: 'default' },
    };
  const settings = checkedSettings(entry);
  const configuration: Configuration = {
    entry,
    isGiven: (path) => entry(path).source.kind !== 'default',
    value: <P extends KeyPath>(path: P) => entry(path).value as ValueOf<P>,
    given: <P extends KeyPath>(path: P) => {
      const { value, source } = entry(path);
      return source.kind === 'default' ? undefined : (value as ValueOf<P>);
    },
    file: read.file,
    settings,
    warnings: [...(read.context?.warnings ?? []), ...unknownVariables()],
  };
  checkPairs(configuration);
  return configuration;
}

function withoutLogin([options = new Map<KeyPath, Given>(), ...others]: readonly Layer[]): Layer[] {
  const names: readonly string[] = loginPaths;
  return [options, ...others.map((layer) => new Map([...layer].filter(([path]) => !names.includes(path))))];
}

function withOneLogin(layers: readonly Layer[]): Layer[] {
  for (const layer of layers) {
    const [way, other] = ways.filter((paths) => paths.some((path) => layer.has(path)));
    if (way === undefined) continue;
    if (other !== undefined) throw twoWays(layer, way, other);
    const dropped = new Set(ways.filter((each) => each !== way).flat());
    return layers.map((each) => new Map([...each].filter(([path]) => !dropped.has(path))));
  }
  return [...layers];
}

function twoWays(layer: Layer, way: readonly KeyPath[], other: readonly KeyPath[]): ConclaveError {
  const named = [way, other].map((paths) => {
    const path = paths.find((each) => layer.has(each)) ?? '';
    const given = isKeyPath(path) ? layer.get(path) : undefined;
    return given === undefined ? path : `${path} (${sourceText(given.source)})`;
  });
  const field = other.find((path) => layer.has(path)) ?? 'nats';
  return invalidFields([
    { field, message: `must not be given with another way to log in: ${named.join(' and ')}` },
  ]);
}

/** Relations hold over the merged values: the message names each that takes part, and where it came from. */
function checkedSettings(entry: (path: KeyPath) => Given): Partial<Settings> {
  const given: Record<string, unknown> = {};
  for (const path of keyPaths) {
    const { value, source } = entry(path);
    if (path.startsWith('settings.') && source.kind !== 'default')
      given[path.slice('settings.'.length)] = value;
  }
  try {
    settingsFrom(given);
    return given;
  } catch (error) {
    if (!(error instanceof ConclaveError)) throw error;
    const fields = error.fields.map(({ field, message }) => {
      const others = (message.match(/[a-z][A-Za-z]+/g) ?? []).map((word) => `settings.${word}`);
      const parts = [...new Set([field, ...others])].filter(isKeyPath).map((path) => {
        const { value, source } = entry(path);
        return `${path} is ${String(value)}, ${sourceText(source)}`;
      });
      return { field, message: `${message} (${parts.join('; ')})` };
    });
    throw invalidFields(fields, error);
  }
}

const pairs: readonly (readonly [KeyPath, KeyPath])[] = [
  ['nats.password', 'nats.user'],
  ['nats.tlsCert', 'nats.tlsKey'],
  ['nats.tlsKey', 'nats.tlsCert'],
];

function checkPairs(configuration: Configuration): void {
  const problems = pairs.flatMap(([path, other]) => {
    const isAlone = configuration.isGiven(path) && !configuration.isGiven(other);
    return isAlone ? [{ field: path, message: `needs ${other}` }] : [];
  });
  if (problems.length === 0) return;
  throw withPlace(invalidFields(problems), (field) =>
    isKeyPath(field) ? sourceText(configuration.entry(field).source) : null,
  );
}

/** Of letters between a variable and the one that was meant. */
const DISTANCE_MAX = 2;

/** Mistyped, it seems. Others may set what they like: Kubernetes names services so. */
function unknownVariables(): string[] {
  const known = keyPaths.flatMap((path) => variablesOf(path).map((each) => each.variable));
  return variableNames()
    .filter((name) => name.startsWith('CONCLAVE_') && !known.includes(name))
    .map((name) => ({ name, near: closest(name, known) }))
    .filter(({ name, near }) => distance(name, near) <= DISTANCE_MAX)
    .map(({ name, near }) => `${name} is no variable of Conclave's; did you mean ${near}?`);
}
