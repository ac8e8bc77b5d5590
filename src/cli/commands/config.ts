/** `conclave config`: every key with its value and where that came from; the schema of the file; a check of one. */
import type { Command } from 'commander';
import { configurationOf, type Configuration } from '../config/configuration.ts';
import { keyAt, keyPaths, variableOf, type KeyPath } from '../config/keys.ts';
import { layersOfFile, readLayers } from '../config/layers.ts';
import { sourceText } from '../config/source.ts';
import { fileSchema } from '../config/schema.ts';
import { looksSecret } from '../../nats/secret-text.ts';
import { printAnswer, remark, tableOf, type Cell } from '../output.ts';
import { commandLineOf, sharedOptionsOf } from '../shared-options.ts';

interface Options {
  readonly all?: boolean;
  readonly schema?: boolean;
  readonly check?: string;
}

const help = `
Strongest first: options, environment, file, context of the NATS command, defaults. A context that is named by an
option or a variable is stronger than the file. The file is the one of --config, else of CONCLAVE_CONFIG, else
conclave.yaml, .yml or .json in the working folder, else in ~/.config/conclave ($XDG_CONFIG_HOME).`;

export function addConfig(program: Command): void {
  program
    .command('config')
    .description('show the configuration and where each value comes from, or check a file')
    .option('--all', 'with the variable and the meaning of each key')
    .option('--schema', 'print the JSON Schema of the file')
    .option('--check <file>', 'only say whether this file is right')
    .addHelpText('after', help)
    .action(config);
}

async function config({ all = false, schema = false, check }: Options, command: Command): Promise<void> {
  const { isJson } = sharedOptionsOf(command);
  if (schema) {
    printAnswer(true, fileSchema(), () => '');
    return;
  }
  if (check !== undefined) {
    const checked = configurationOf(await layersOfFile(check), { hasLogin: true });
    const given = keyPaths.filter((path) => checked.entry(path).source.kind !== 'default');
    printAnswer(
      isJson,
      { ok: true, file: check, keys: given },
      () => `${check} is right: ${given.length} keys`,
    );
    return;
  }
  const line = commandLineOf(command);
  const configuration = configurationOf(await readLayers(line), line);
  printAnswer(isJson, documentOf(configuration, all), () => textOf(configuration, all));
  if (!isJson) for (const warning of configuration.warnings) remark(`conclave: ${warning}`);
}

function documentOf(configuration: Configuration, isAll: boolean): object {
  const { file, warnings } = configuration;
  const keys = keyPaths.map((path) => {
    const { unit, reason } = keyAt(path);
    const { source } = configuration.entry(path);
    const more = isAll ? { variable: variableOf(path), reason } : {};
    const value = shownValue(configuration, path) ?? null;
    return { key: path, value, ...(unit === '' ? {} : { unit }), from: source, ...more };
  });
  return { file, keys, warnings };
}

function textOf(configuration: Configuration, isAll: boolean): string {
  const rows = keyPaths.map((path): Cell[] => {
    const { unit, reason } = keyAt(path);
    const row = [path, cellOf(shownValue(configuration, path)), unit];
    const from = sourceText(configuration.entry(path).source);
    return isAll ? [...row, from, variableOf(path), reason.replaceAll('`', '')] : [...row, from];
  });
  const titles = ['key', 'value', 'unit', 'from'];
  const file = configuration.file ?? 'none';
  return `${tableOf(isAll ? [...titles, 'variable', 'meaning'] : titles, rows)}\nfile: ${file}`;
}

const HIDDEN = '(hidden)';

/** A seed or credentials where a path is meant are secrets all the same. */
function shownValue(configuration: Configuration, path: KeyPath): unknown {
  const { value } = configuration.entry(path);
  if (value === undefined) return undefined;
  // A name without a password is a token.
  const isToken = path === 'nats.user' && configuration.given('nats.password') === undefined;
  if (keyAt(path).isSecret || isToken) return HIDDEN;
  return typeof value === 'string' && looksSecret(value) ? HIDDEN : value;
}

function cellOf(value: unknown): Cell {
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return value.join(',');
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([key, each]) => `${key}=${String(each)}`)
      .join(',');
  return typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value);
}
