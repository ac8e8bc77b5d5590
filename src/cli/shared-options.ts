/**
 * Options that every command has: where NATS is, which fleet, how long to wait, how to print. They may stand before
 * or after the command's name; what stands after it wins. The environment is read here and nowhere else.
 */
import { Option, type Command } from 'commander';
import { badInput } from './failure.ts';
import { given, integer, name, oneOf, type Parser } from './values.ts';

export const DEFAULT_SERVERS = 'nats://127.0.0.1:4222';
export const DEFAULT_FLEET = 'default';
const HEADING = 'Options of every command:';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface SharedOptions {
  readonly servers: readonly string[];
  readonly fleet: string;
  /** How long a call goes on trying. */
  readonly timeoutMs: number;
  readonly isJson: boolean;
  readonly logLevel: LogLevel;
  readonly login: { readonly user?: string; readonly pass?: string; readonly token?: string };
}

/** As commander keeps them, by the option's name. */
interface Raw {
  readonly servers: readonly string[];
  readonly fleet: string;
  readonly timeout: number;
  readonly json: boolean;
  readonly logLevel: LogLevel;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

const defaults: Raw = {
  servers: [DEFAULT_SERVERS],
  fleet: DEFAULT_FLEET,
  timeout: 5_000,
  json: false,
  logLevel: 'warn',
};

interface Definition {
  readonly flags: string;
  readonly description: string;
  readonly parse?: Parser<unknown>;
  readonly variable?: string;
  readonly shownDefault?: string;
}

const DAY_MS = 86_400_000;
const definitions: readonly Definition[] = [
  {
    flags: '--servers <urls>',
    description: 'NATS to connect to, comma-separated',
    parse: serversOf,
    variable: 'NATS_URL',
    shownDefault: DEFAULT_SERVERS,
  },
  {
    flags: '--fleet <name>',
    description: 'which fleet',
    parse: name('fleet'),
    variable: 'CONCLAVE_FLEET',
    shownDefault: DEFAULT_FLEET,
  },
  {
    flags: '--timeout <ms>',
    description: 'how long to go on trying while nobody leads or answers',
    parse: integer('timeout', { min: 1, max: DAY_MS }),
    shownDefault: String(defaults.timeout),
  },
  { flags: '--json', description: 'print JSON: one document, or a line per item for streams' },
  {
    flags: '--log-level <level>',
    description: `what is logged to standard error: ${logLevels.join(', ')}`,
    parse: oneOf('log-level', logLevels),
    variable: 'CONCLAVE_LOG',
    shownDefault: defaults.logLevel,
  },
  { flags: '--user <name>', description: 'log in to NATS with a name and a password', variable: 'NATS_USER' },
  { flags: '--password <text>', description: 'better given by the environment', variable: 'NATS_PASSWORD' },
  { flags: '--token <text>', description: 'log in to NATS with a token', variable: 'NATS_TOKEN' },
];

/** The program's own: these are also taken from the environment. */
export function addProgramOptions(program: Command): void {
  for (const definition of definitions) {
    const option = optionOf(definition);
    const { variable, shownDefault } = definition;
    if (variable !== undefined) option.env(variable);
    if (shownDefault !== undefined) option.default(undefined, shownDefault);
    program.addOption(option);
  }
}

/** Gives them to every command of the program; an option of the same name that a command has keeps its meaning. */
export function addSharedOptions(program: Command): void {
  for (const command of program.commands) {
    for (const option of definitions.map(optionOf)) {
      const isTaken = command.options.some(({ long }) => long === option.long);
      if (!isTaken) command.addOption(option.helpGroup(HEADING));
    }
  }
}

export function sharedOptionsOf(command: Command): SharedOptions {
  const raw: Raw = { ...defaults, ...valuesOf(command.parent), ...valuesOf(command) };
  const { servers, fleet, timeout, json, logLevel, user, password, token } = raw;
  const login = given({ user, pass: password, token });
  return { servers, fleet, timeoutMs: timeout, isJson: json, logLevel, login };
}

function optionOf({ flags, description, parse }: Definition): Option {
  const option = new Option(flags, description);
  return parse === undefined ? option : option.argParser(parse);
}

function valuesOf(command: Command | null): Partial<Raw> {
  if (command === null) return {};
  const isProgram = command.parent === null;
  const options = command.options.filter((option) => isProgram || option.helpGroupHeading === HEADING);
  const names = new Set(options.map((option) => option.attributeName()));
  const entries = Object.entries(command.opts<Record<string, unknown>>());
  return Object.fromEntries(entries.filter(([key, value]) => names.has(key) && value !== undefined));
}

function serversOf(text: string): readonly string[] {
  const servers = text.split(',').map((each) => each.trim());
  for (const each of servers) {
    const url = each.includes('://') ? each : `nats://${each}`;
    if (each === '' || !URL.canParse(url) || !/^(nats|tls|ws|wss):/.test(url)) {
      throw badInput(
        'servers',
        `must be like ${DEFAULT_SERVERS}, several separated by commas, not ${JSON.stringify(each)}`,
      );
    }
  }
  return servers;
}
