/**
 * Options that every command has: where NATS is and how to log in, which fleet, how long to wait, how to print. They
 * may stand before or after the command's name; what stands after it wins. Options that mean a key of the configuration
 * are known here by it; before a command runs, its configuration is put together from all places.
 */
import { Option, type Command } from 'commander';
import type { Settings } from '../domain/settings.ts';
import { DEFAULT_FLEET, DEFAULT_SERVERS } from '../sdk/defaults.ts';
import type { ConnectOptions } from '../sdk/options.ts';
import { configurationOf, type Configuration } from './config/configuration.ts';
import { keys, logLevels, type KeyPath, type ValueOf } from './config/keys.ts';
import { layersOfLine, readLayers, type CommandLine, type Given } from './config/layers.ts';
import { sourceText } from './config/source.ts';
import { remark } from './output.ts';
import { given, list, text, type Parser } from './values.ts';

export { logLevels } from './config/keys.ts';
const HEADING = 'Options of every command:';
const LOGIN_HEADING = 'Log in to NATS, as the NATS command does:';

export type LogLevel = (typeof logLevels)[number];

export type Login = Pick<
  ConnectOptions,
  'user' | 'pass' | 'token' | 'creds' | 'nkey' | 'jwt' | 'tls' | 'jetstreamDomain' | 'inboxPrefix'
>;

export interface SharedOptions {
  readonly servers: readonly string[];
  readonly fleet: string;
  /** How long a call goes on trying. */
  readonly timeoutMs: number;
  readonly isJson: boolean;
  readonly logLevel: LogLevel;
  readonly login: Login;
  readonly sync: Pick<ConnectOptions, 'fsync' | 'fsyncSource'>;
  /** Those that were given. */
  readonly settings: Partial<Settings>;
  /** Where each part of the login came from. */
  readonly loginSources: Readonly<Record<string, string>>;
}

interface Definition {
  readonly flags: string;
  readonly description: string;
  /** The key that it sets; none: it says how to run, and not with what. */
  readonly key?: KeyPath;
  readonly parse?: Parser<unknown>;
  readonly shownDefault?: string;
  /** Shown in the program's own help alone. */
  readonly isLogin?: boolean;
}

const definitions: readonly Definition[] = [
  {
    flags: '--servers <urls>',
    description: 'NATS to connect to, comma-separated',
    key: 'servers',
    shownDefault: DEFAULT_SERVERS,
  },
  { flags: '--fleet <name>', description: 'which fleet', key: 'fleet', shownDefault: DEFAULT_FLEET },
  {
    flags: '--timeout <ms>',
    description: 'how long to go on trying while nobody leads or answers',
    key: 'timeoutMs',
    shownDefault: String(keys.timeoutMs.fallback),
  },
  { flags: '--json', description: 'print JSON: one document, or a line per item for streams' },
  {
    flags: '--log-level <level>',
    description: `what is logged to standard error: ${logLevels.join(', ')}`,
    key: 'logLevel',
    shownDefault: keys.logLevel.fallback,
  },
  {
    flags: '--config <file>',
    description: 'the configuration; see conclave config',
    parse: text('config', { min: 1, max: 4_096 }),
  },
  {
    flags: '--set <key=value>',
    description: 'one key of it; may be repeated',
    parse: list(text('set', { min: 1, max: 65_536 })) as Parser<unknown>,
  },
  {
    flags: '--context <name>',
    description: 'of the NATS command (default: the selected one)',
    key: 'context',
    isLogin: true,
  },
  { flags: '--no-context', description: 'do without', isLogin: true },
  { flags: '--user <name>', description: 'name, or a token', key: 'nats.user', isLogin: true },
  {
    flags: '--password <text>',
    description: 'better given by the environment',
    key: 'nats.password',
    isLogin: true,
  },
  {
    flags: '--token <text>',
    description: 'better given by the environment',
    key: 'nats.token',
    isLogin: true,
  },
  {
    flags: '--creds <file>',
    description: 'credentials: a JWT and its seed',
    key: 'nats.creds',
    isLogin: true,
  },
  { flags: '--nkey <file>', description: 'seed of an nkey', key: 'nats.nkey', isLogin: true },
  { flags: '--tlscert <file>', description: 'certificate to show', key: 'nats.tlsCert', isLogin: true },
  { flags: '--tlskey <file>', description: 'its private key', key: 'nats.tlsKey', isLogin: true },
  {
    flags: '--tlsca <file>',
    description: 'authorities that may sign for the server',
    key: 'nats.tlsCa',
    isLogin: true,
  },
  {
    flags: '--tlsfirst',
    description: 'TLS before the server has greeted',
    key: 'nats.tlsFirst',
    isLogin: true,
  },
  {
    flags: '--js-domain <name>',
    description: 'JetStream domain of the ledger',
    key: 'nats.jetstreamDomain',
    isLogin: true,
  },
  {
    flags: '--inbox-prefix <text>',
    description: 'of reply subjects',
    key: 'nats.inboxPrefix',
    isLogin: true,
  },
  { flags: '--no-login', description: 'only what stands on this command line', isLogin: true },
];

/** The key that an option sets. */
const keyOfOption = new WeakMap<Option, KeyPath>();

/** An option of a command that sets a key of the configuration, and takes what the key takes. */
function keyOption(path: KeyPath, flags: string, description: string): Option {
  const option = new Option(flags, description);
  keyOfOption.set(option, path);
  if (!option.required && !option.optional) return option;
  const { shape } = keys[path] as { readonly shape: ShapeOfOption };
  const field = option.name();
  // An option that may be repeated gets what came before as well.
  return option.argParser(shape.parseOption?.(field) ?? shape.parse(field));
}

/** Several of them: key, flags, description. */
export function addKeyOptions(
  command: Command,
  options: readonly (readonly [path: KeyPath, flags: string, description: string])[],
): Command {
  for (const option of options) command.addOption(keyOption(...option));
  return command;
}

interface ShapeOfOption {
  readonly parse: (field: string) => Parser<unknown>;
  readonly parseOption?: (field: string) => (text: string, before: unknown) => unknown;
}

/** The program's own. */
export function addProgramOptions(program: Command): void {
  for (const definition of definitions) {
    const option = optionOf(definition);
    if (definition.shownDefault !== undefined) option.default(undefined, definition.shownDefault);
    program.addOption(definition.isLogin === true ? option.helpGroup(LOGIN_HEADING) : option);
  }
}

/** Gives them to every command of the program; an option of the same name that a command has keeps its meaning. */
export function addSharedOptions(program: Command): void {
  for (const command of program.commands) {
    for (const definition of definitions) {
      const option = optionOf(definition).helpGroup(HEADING);
      if (command.options.some(({ long }) => long === option.long)) continue;
      command.addOption(definition.isLogin === true ? option.hideHelp() : option);
    }
    command.addHelpText('after', '\nHow to log in to NATS: conclave --help');
  }
}

function optionOf({ flags, description, key, parse }: Definition): Option {
  const option = key === undefined ? new Option(flags, description) : keyOption(key, flags, description);
  shared.add(option);
  return parse === undefined ? option : option.argParser(parse);
}

/** To be told from a command's own option of the same name. */
const shared = new WeakSet<Option>();
const configurations = new WeakMap<Command, Configuration>();

/** Commands that need no fleet must work where the configuration is broken. */
const alone: ReadonlySet<string> = new Set(['decode', 'graph', 'token', 'completion', 'config']);

/** Puts the configuration of a command together, before it runs. Throws bad input. */
export async function configure(command: Command): Promise<void> {
  const line = commandLineOf(command);
  const layers = await (alone.has(command.name()) ? layersOfLine(line) : readLayers(line));
  const configuration = configurationOf(layers, line);
  configurations.set(command, configuration);
  if (alone.has(command.name()) || sharedOptionsOf(command).isJson) return;
  for (const warning of configuration.warnings) remark(`conclave: ${warning}`);
}

/** What the command was configured with. */
export function configurationFor(command: Command): Configuration {
  const configuration = configurations.get(command);
  if (configuration === undefined) throw new Error(`${command.name()} runs without a configuration`);
  return configuration;
}

export function sharedOptionsOf(command: Command): SharedOptions {
  const configuration = configurationFor(command);
  return {
    servers: configuration.value('servers'),
    fleet: configuration.value('fleet'),
    timeoutMs: configuration.value('timeoutMs'),
    logLevel: configuration.value('logLevel'),
    isJson: runOptionsOf(command)['json'] === true,
    login: loginOf(configuration),
    sync: given({ fsync: configuration.given('fsync') }),
    settings: configuration.settings,
    loginSources: loginSources(configuration),
  };
}

function loginOf(configuration: Configuration): Login {
  const value = <P extends KeyPath>(path: P): ValueOf<P> | undefined => configuration.given(path);
  const user = value('nats.user');
  const pass = value('nats.password');
  const isName = user !== undefined && pass !== undefined;
  const files = given({
    certFile: value('nats.tlsCert'),
    keyFile: value('nats.tlsKey'),
    caFile: value('nats.tlsCa'),
    handshakeFirst: value('nats.tlsFirst') === true ? true : undefined,
  });
  return given({
    ...(isName ? { user, pass } : { token: value('nats.token') ?? user }),
    creds: value('nats.creds'),
    nkey: value('nats.nkey') ?? value('nats.seed'),
    jwt: value('nats.jwt'),
    tls: Object.keys(files).length === 0 ? undefined : files,
    jetstreamDomain: value('nats.jetstreamDomain'),
    inboxPrefix: value('nats.inboxPrefix'),
  });
}

/** By the name that a part has in `Login`. */
function loginSources(configuration: Configuration): Readonly<Record<string, string>> {
  const from = (path: KeyPath): string => sourceText(configuration.entry(path).source);
  return {
    user: from('nats.user'),
    pass: from('nats.password'),
    token: from('nats.token'),
    creds: from('nats.creds'),
    nkey: from(configuration.given('nats.nkey') === undefined ? 'nats.seed' : 'nats.nkey'),
    jwt: from('nats.jwt'),
    'tls.certFile': from('nats.tlsCert'),
    'tls.keyFile': from('nats.tlsKey'),
    'tls.caFile': from('nats.tlsCa'),
    jetstreamDomain: from('nats.jetstreamDomain'),
    inboxPrefix: from('nats.inboxPrefix'),
  };
}

export function commandLineOf(command: Command): CommandLine {
  const values = new Map<KeyPath, Given>([...optionValues(command.parent), ...optionValues(command)]);
  const { config, set = [], context, login } = runOptionsOf(command);
  return {
    values,
    sets: set as readonly string[],
    ...given({ file: config as string | undefined }),
    hasContext: context !== false,
    hasLogin: login !== false,
  };
}

/** The words that give another process of this command the same configuration. */
export function configurationWords(command: Command): readonly string[] {
  const { file, sets } = commandLineOf(command);
  return [...(file === undefined ? [] : ['--config', file]), ...sets.flatMap((each) => ['--set', each])];
}

function optionValues(command: Command | null): [KeyPath, Given][] {
  if (command === null) return [];
  return command.options.flatMap((option): [KeyPath, Given][] => {
    const path = keyOfOption.get(option);
    const name = option.attributeName();
    const value = command.getOptionValue(name) as unknown;
    if (path === undefined || command.getOptionValueSource(name) !== 'cli') return [];
    // `--no-http` shares its name with `--http <n>`: it says that there is none, and not which.
    const isSwitch = typeof value === 'boolean';
    if (isSwitch && typeof keys[path].fallback !== 'boolean') return [];
    return [[path, { value, source: { kind: 'option', option: option.long ?? name } }]];
  });
}

/** Shared options that are no keys: of the command, else of the program. */
function runOptionsOf(command: Command): Readonly<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const each of [command.parent, command]) {
    for (const option of each?.options ?? []) {
      const name = option.attributeName();
      const isGiven = each?.getOptionValueSource(name) === 'cli';
      if (shared.has(option) && isGiven) found[name] = each.getOptionValue(name);
    }
  }
  return found;
}
