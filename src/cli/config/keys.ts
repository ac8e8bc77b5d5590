/**
 * Every key of the configuration, once: what it may be, its default, its unit, what it is for, and which of NATS's own
 * variables mean the same. The file's schema, the variables, `conclave config` and docs/configuration.md all come from
 * here.
 */
import { DEFAULT_FLEET, DEFAULT_SERVERS } from '../../sdk/defaults.ts';
import { fsyncPolicies } from '../../domain/durability.ts';
import { defaultSettings, mayBeZero, type Settings } from '../../domain/settings.ts';
import { settingNotes } from '../../domain/setting-notes.ts';
import { DEFAULT_HTTP_HOST, DEFAULT_HTTP_PORT } from '../../http/default-port.ts';
import { REQUESTS_PER_SECOND, WRITE_PATIENCE_MS } from '../../http/limits.ts';
import type { Parser } from '../values.ts';
import {
  choice,
  durationMs,
  flag,
  fraction,
  labels,
  many,
  nameText,
  origin,
  path,
  programs,
  servers,
  whole,
  words,
  type Shape,
} from './shapes.ts';

/** A variable of another name than the key's own. */
export interface Alias {
  readonly variable: string;
  /** Where its text means something else. */
  readonly parse?: (field: string) => Parser<unknown>;
}

export interface ConfigKey<T, D extends T | undefined = T | undefined> {
  readonly shape: Shape<T>;
  readonly fallback: D;
  readonly unit: string;
  readonly reason: string;
  /** Never shown. */
  readonly isSecret: boolean;
  readonly aliases: readonly Alias[];
}

interface Details {
  readonly unit?: string;
  readonly isSecret?: boolean;
  readonly aliases?: readonly (string | Alias)[];
}

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const DAY_MS = 86_400_000;
const port = whole({ min: 1, max: 65_535 });

/** With a default. */
function set<T>(shape: Shape<T>, fallback: T, reason: string, details: Details = {}): ConfigKey<T, T> {
  return { ...optional(shape, reason, details), fallback };
}

/** Without one: not given means none, or something that is found out. */
function optional<T>(shape: Shape<T>, reason: string, details: Details = {}): ConfigKey<T, undefined> {
  const { unit = '', isSecret = false, aliases = [] } = details;
  const named = aliases.map((alias) => (typeof alias === 'string' ? { variable: alias } : alias));
  return { shape, fallback: undefined, unit, reason, isSecret, aliases: named };
}

const nats = (variable: string, more: Details = {}): Details => ({ ...more, aliases: [variable] });

const general = {
  fleet: set(nameText, DEFAULT_FLEET, 'Which fleet.'),
  servers: set(
    servers,
    [DEFAULT_SERVERS],
    'NATS to connect to. A login may stand before the host.',
    nats('NATS_URL'),
  ),
  context: optional(
    words({ max: 255 }),
    'A context of the NATS command, or the path of one: gives what nothing else does. Default: the one that is selected.',
    nats('NATS_CONTEXT'),
  ),
  timeoutMs: set(
    whole({ min: 1, max: DAY_MS }),
    5_000,
    'How long a command goes on trying while nobody leads or answers.',
    {
      unit: 'ms',
      aliases: [{ variable: 'NATS_TIMEOUT', parse: durationMs }],
    },
  ),
  logLevel: set(choice(logLevels), 'warn', 'What is logged to standard error.', {
    aliases: ['CONCLAVE_LOG'],
  }),
  fsync: optional(
    choice(fsyncPolicies),
    "What the servers' `sync_interval` is, which they do not tell: `always`, or anything else. The status says that it is asserted.",
  ),
  natsServer: optional(path, 'The nats-server that `conclave up` runs. Default: searched for.'),
};

const login = {
  'nats.user': optional(
    words({ max: 1_024 }),
    'Name to log in with; without a password it is a token.',
    nats('NATS_USER'),
  ),
  'nats.password': optional(
    words({ max: 1_024 }),
    'Its password.',
    nats('NATS_PASSWORD', { isSecret: true }),
  ),
  'nats.token': optional(
    words({ max: 4_096 }),
    'Token to log in with.',
    nats('NATS_TOKEN', { isSecret: true }),
  ),
  'nats.creds': optional(path, 'Credentials file to log in with: a JWT and its seed.', nats('NATS_CREDS')),
  'nats.nkey': optional(path, 'File with the seed of an nkey to log in with.', nats('NATS_NKEY')),
  'nats.jwt': optional(
    words({ max: 65_536 }),
    'JWT of a user, with `nats.seed` or `nats.nkey`.',
    nats('NATS_JWT', { isSecret: true }),
  ),
  'nats.seed': optional(
    words({ max: 1_024 }),
    'Seed of an nkey itself.',
    nats('NATS_SEED', { isSecret: true }),
  ),
  'nats.tlsCert': optional(path, 'Certificate to show to the server.', nats('NATS_CERT')),
  'nats.tlsKey': optional(path, 'Its private key.', nats('NATS_KEY')),
  'nats.tlsCa': optional(
    path,
    'Authorities that may sign for the server. Default: those of Node.',
    nats('NATS_CA'),
  ),
  'nats.tlsFirst': set(flag, false, 'Speak TLS before the server has greeted; it must be set up for that.'),
  'nats.jetstreamDomain': optional(
    words({ max: 255 }),
    'JetStream domain that holds the ledger, where it is not that of the server.',
  ),
  'nats.inboxPrefix': optional(
    words({ max: 255 }),
    'Prefix of reply subjects, where permissions pin it: `_INBOX`, or more after it. Agents have their own.',
  ),
};

const agent = {
  'agent.id': optional(nameText, 'Unique in the fleet.'),
  'agent.capabilities': set(many(nameText, 'names'), [], 'What it is able to do.'),
  'agent.priority': set(
    fraction({
      allowed: 'a number from -1000000 to 1000000',
      schema: { minimum: -1_000_000, maximum: 1_000_000 },
      isAllowed: (value) => Math.abs(value) <= 1_000_000,
    }),
    0,
    'Weight in elections and in votes by priority; the highest leads.',
  ),
  'agent.slots': set(whole({ min: 1, max: 10_000 }), 1, 'How many tasks at once.', { unit: 'tasks' }),
  'agent.electable': set(flag, true, 'Whether it may lead.'),
  'agent.labels': set(labels, {}, 'Free-form, shown with it.'),
  'agent.module': optional(path, 'Handlers from a JavaScript module.'),
  'agent.run': optional(programs, 'Handlers that are programs, by task type (`*`: any).'),
  'agent.replicas': optional(
    choice([1, 3]),
    "Of the ledger's stream, when this agent creates it. Default: 1.",
    {
      unit: 'copies',
    },
  ),
  'agent.ledgerCluster': optional(
    words({ max: 255 }),
    'NATS cluster that holds the ledger, when this agent creates it. Default: the one it is connected to.',
  ),
  'agent.ledgerTags': set(
    many(words({ max: 255 }), 'texts'),
    [],
    'Of the servers that hold the ledger, when this agent creates it.',
  ),
  'agent.health': optional(
    words({ max: 255 }),
    'Answer GET /healthz and /readyz there: a port, or address:port.',
  ),
  'agent.arePrefixesPinned': set(
    flag,
    false,
    'While it leads, agents must ask with reply subjects of their own prefix: for servers whose permissions pin it.',
  ),
};

const http = {
  'http.port': set(
    port,
    DEFAULT_HTTP_PORT,
    'To listen on; `conclave up` takes a free one if it is in use and nobody asked for it.',
  ),
  'http.host': set(
    words({ max: 255 }),
    DEFAULT_HTTP_HOST,
    'Address to listen on; one that is not loopback needs tokens.',
  ),
  'http.tokens': optional(
    path,
    'File of those who may call: lines of `conclave token`. Default: nobody is asked.',
  ),
  'http.origins': set(many(origin, 'origins'), [], 'Web pages of these origins may call.'),
  'http.requestsPerSecond': set(
    whole({ min: 1, max: 1_000_000 }),
    REQUESTS_PER_SECOND,
    'Taken of one client; beyond it: 429.',
    { unit: 'requests/s' },
  ),
  'http.timeoutMs': set(
    whole({ min: 1, max: DAY_MS }),
    WRITE_PATIENCE_MS,
    'How long a write goes on trying while nobody leads or answers; then 503.',
    { unit: 'ms' },
  ),
};

const up = {
  'up.agents': set(whole({ min: 1, max: 100 }), 3, 'How many agents `conclave up` starts.', {
    unit: 'agents',
  }),
  'up.port': optional(port, 'Of its nats-server. Default: 4222, or a free one.'),
  'up.dir': optional(path, 'Keeps its data. Default: a temporary folder, removed at the end.'),
};

const aboveZero = fraction({
  allowed: 'a number above 0',
  schema: { exclusiveMinimum: 0 },
  isAllowed: (value) => value > 0,
});
const zeroOrMore = fraction({
  allowed: 'a number of 0 or more',
  schema: { minimum: 0 },
  isAllowed: (value) => value >= 0,
});

type SettingPath = `settings.${keyof Settings}`;

const settings = Object.fromEntries(
  (Object.keys(defaultSettings) as (keyof Settings)[]).map((name) => {
    const { unit, reason } = settingNotes[name];
    const shape = mayBeZero.has(name) ? zeroOrMore : aboveZero;
    return [`settings.${name}`, set(shape, defaultSettings[name], reason, { unit })];
  }),
) as Readonly<Record<SettingPath, ConfigKey<number, number>>>;

export const keys = { ...general, ...login, ...agent, ...http, ...up, ...settings };

type Keys = typeof keys;
export type KeyPath = keyof Keys;
export const keyPaths = Object.keys(keys) as KeyPath[];
export const loginPaths = Object.keys(login) as (keyof typeof login)[];

/** Of a key, as whoever needs it has it. */
export type ValueOf<P extends KeyPath> =
  Keys[P] extends ConfigKey<infer T, infer D> ? T | (undefined extends D ? undefined : never) : never;

export function keyAt(path: KeyPath): ConfigKey<unknown> {
  return keys[path] as ConfigKey<unknown>;
}

export function isKeyPath(text: string): text is KeyPath {
  return Object.hasOwn(keys, text);
}

/** `settings.heartbeatIntervalMs` → `CONCLAVE_SETTINGS_HEARTBEAT_INTERVAL_MS`. */
export function variableOf(path: KeyPath): string {
  const words = path.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).replaceAll('.', '_');
  return `CONCLAVE_${words.toUpperCase()}`;
}

/** Its own variable, then the others. */
export function variablesOf(path: KeyPath): readonly Alias[] {
  return [{ variable: variableOf(path) }, ...keyAt(path).aliases];
}
