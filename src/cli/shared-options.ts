/**
 * Options that every command has: where NATS is, which fleet, how long to wait, how to print. They may stand before
 * or after the command's name; what stands after it wins. The environment is read here and nowhere else.
 */
import { Option, type Command } from 'commander';
import { badInput } from './failure.ts';
import { integer, given, name, oneOf } from './values.ts';

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
  readonly servers?: readonly string[];
  readonly fleet?: string;
  readonly timeout?: number;
  readonly json?: boolean;
  readonly logLevel?: LogLevel;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

const defaults = {
  servers: [DEFAULT_SERVERS],
  fleet: DEFAULT_FLEET,
  timeout: 5_000,
  json: false,
  logLevel: 'warn',
} as const;

/** The program's own: with defaults and environment. */
export function addProgramOptions(program: Command): void {
  for (const { option, variable } of definitions()) {
    if (variable !== undefined) option.env(variable);
    const value = (defaults as Readonly<Record<string, unknown>>)[option.attributeName()];
    if (value !== undefined && value !== false)
      option.default(value, Array.isArray(value) ? value.join() : String(value));
    program.addOption(option);
  }
}

/** Gives them to every command of the program; an option of the same name that a command has keeps its meaning. */
export function addSharedOptions(program: Command): void {
  for (const command of program.commands) {
    for (const { option } of definitions()) {
      if (command.options.every(({ long }) => long !== option.long))
        command.addOption(option.helpGroup(HEADING));
    }
  }
}

export function sharedOptionsOf(command: Command): SharedOptions {
  const raw: Raw = { ...defaults, ...valuesOf(command.parent), ...valuesOf(command) };
  const {
    servers = defaults.servers,
    fleet = defaults.fleet,
    timeout = defaults.timeout,
    json = false,
  } = raw;
  const { logLevel = defaults.logLevel, user, password, token } = raw;
  return {
    servers,
    fleet,
    timeoutMs: timeout,
    isJson: json,
    logLevel,
    login: given({ user, pass: password, token }),
  };
}

function valuesOf(command: Command | null): Raw {
  if (command === null) return {};
  const isProgram = command.parent === null;
  const options = command.options.filter((option) => isProgram || option.helpGroupHeading === HEADING);
  const names = new Set(options.map((option) => option.attributeName()));
  const entries = Object.entries(command.opts<Record<string, unknown>>());
  return Object.fromEntries(entries.filter(([key, value]) => names.has(key) && value !== undefined)) as Raw;
}

function definitions(): { readonly option: Option; readonly variable?: string }[] {
  const option = <T>(flags: string, description: string, parse?: (text: string) => T): Option => {
    const made = new Option(flags, description);
    return parse === undefined ? made : made.argParser(parse);
  };
  return [
    {
      option: option('--servers <urls>', 'NATS to connect to, comma-separated', serversOf),
      variable: 'NATS_URL',
    },
    { option: option('--fleet <name>', 'which fleet', name('fleet')), variable: 'CONCLAVE_FLEET' },
    {
      option: option(
        '--timeout <ms>',
        'how long to go on trying while nobody leads or answers',
        integer('timeout', { min: 1, max: 86_400_000 }),
      ),
    },
    { option: option('--json', 'print JSON: one document, or a line per item for streams') },
    {
      option: option(
        '--log-level <level>',
        `what is logged to standard error: ${logLevels.join(', ')}`,
        oneOf('log-level', logLevels),
      ),
      variable: 'CONCLAVE_LOG',
    },
    { option: option('--user <name>', 'log in to NATS with a name and a password'), variable: 'NATS_USER' },
    { option: option('--password <text>', 'better given by the environment'), variable: 'NATS_PASSWORD' },
    { option: option('--token <text>', 'log in to NATS with a token'), variable: 'NATS_TOKEN' },
  ];
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
