/** What users may pass, checked at once: every bad field is named, with what is allowed. */
import { fsyncPolicies, fsyncSources, type Fsync } from '../domain/durability.ts';
import { invalidField, invalidFields, type FieldProblem } from '../domain/errors.ts';
import type { Profile } from '../domain/events.ts';
import { isName } from '../domain/ids.ts';
import type { Settings } from '../domain/settings.ts';
import type { BroughtConnections } from '../nats/connection.ts';
import type { NatsAuth } from '../nats/credentials.ts';
import type { Handler } from '../runtime/attempts.ts';
import type { Log } from '../runtime/log.ts';
import type { VoteHandler } from '../runtime/ballots.ts';
import { doorFor } from '../wire/door.ts';
import { ProfileSchema } from '../wire/messages.ts';
import { isReplyPrefix } from '../wire/subjects.ts';
import type { FleetOptions } from './fleet.ts';

export interface ConnectOptions extends NatsAuth, BroughtConnections {
  /** Default `nats://127.0.0.1:4222`. A login in it (`nats://ada:secret@host`) counts if no other is given. */
  readonly servers?: string | readonly string[];
  /** Name of the fleet: 1–63 of `A-Za-z0-9_-`. Default `default`. */
  readonly fleet?: string;
  /**
   * How long a call goes on trying while nobody leads or answers. Default 15 s. One that changes something stops sooner,
   * with `TIMEOUT`, just before the setting `requestWindowMs` (two minutes) is over: a repeat might be done a second time.
   * It may or may not have been done then. With an `idempotencyKey` on its tasks, submit again.
   */
  readonly timeoutMs?: number;
  /** Prefix of reply subjects, where permissions pin it: `_INBOX`, or a name that starts with it. Default `_INBOX`. */
  readonly inboxPrefix?: string;
  /** The JetStream domain that holds the ledger, where it is not that of the server. */
  readonly jetstreamDomain?: string;
  /**
   * What the NATS servers' `sync_interval` is: `always`, or anything else (`lazy`). They tell it to no client, so
   * without this the status says that it is not known.
   */
  readonly fsync?: Fsync['policy'];
  /** Who says so: `started`, whoever wrote the server's configuration; default `asserted`, and shown as such. */
  readonly fsyncSource?: Fsync['source'];
  /**
   * Of the fleet. Those of time and size count in the process that leads, so give them to every agent alike; a client's
   * `maxRetries`, `quorum` and `proposalTimeoutMs` go along with each of its requests that does not say.
   */
  readonly settings?: Partial<Settings>;
  /** pino or anything like it. Default: errors and warnings go to standard error as JSON lines. */
  readonly log?: Log;
}

/** An agent's reply subjects have a prefix of their own: `_INBOX_agent.<fleet>.<id>`. */
export interface JoinOptions extends Omit<ConnectOptions, 'inboxPrefix'> {
  /** 1–63 of `A-Za-z0-9_-`; unique in the fleet. */
  readonly id: string;
  /** What it can do: tasks may require some of them. Names of 1–63 of `A-Za-z0-9_-`. Default none. */
  readonly capabilities?: readonly string[];
  /** Weight in elections and in votes by priority. Default 0. */
  readonly priority?: number;
  /** How many tasks at once. Default 1. */
  readonly slots?: number;
  /** Whether it may lead. Default true. */
  readonly electable?: boolean;
  /** Shown with the agent, and looked at by nobody: names like ids, texts of up to 255 characters. Default none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Handlers by task type; `*` takes any type that has none. A handler may run more than once for a task. */
  readonly tasks?: Readonly<Record<string, Handler>>;
  /** Decides on proposals. Without one the agent abstains. */
  readonly vote?: VoteHandler;
  /**
   * How long to wait to be let in, while nobody leads or the id is held by a process that is silent. Default: for as
   * long as it takes, with a warning in the log after 5 s and then every 30 s.
   */
  readonly joinTimeoutMs?: number;
  /** Of the ledger, when this process creates it. Default 1. */
  readonly replicas?: 1 | 3;
  /**
   * Which servers hold the ledger, when this process creates it: those of a cluster, and that have all the tags. Default:
   * the cluster that this process is connected to.
   */
  readonly ledgerPlacement?: { readonly cluster?: string; readonly tags?: readonly string[] };
  /**
   * While this process leads, agents must ask with reply subjects of their own prefix; plain `_INBOX.` ones are not
   * answered. For servers whose permissions pin each agent's prefix. Default false.
   */
  readonly arePrefixesPinned?: boolean;
  /** SIGTERM and SIGINT leave the fleet gracefully. Default true. */
  readonly handleSignals?: boolean;
}

const profileDoor = doorFor(ProfileSchema);

/** Throws `INVALID`. */
export function profileFrom(options: JoinOptions): Profile {
  const fields: FieldProblem[] = [];
  if (typeof options.id !== 'string' || !isName(options.id)) {
    fields.push({ field: 'id', message: 'must be 1–63 of A-Z a-z 0-9 _ -' });
  }
  for (const [type, handler] of Object.entries(options.tasks ?? {})) {
    if (typeof handler !== 'function') fields.push({ field: `tasks.${type}`, message: 'must be a function' });
  }
  if (options.vote !== undefined && typeof options.vote !== 'function') {
    fields.push({ field: 'vote', message: 'must be a function' });
  }
  const profile = {
    capabilities: [...(options.capabilities ?? [])],
    priority: options.priority ?? 0,
    slots: options.slots ?? 1,
    electable: options.electable ?? true,
    labels: { ...options.labels },
    handles: Object.keys(options.tasks ?? {}),
  };
  const checked = profileDoor.check(profile);
  if (checked.kind === 'bad') {
    const renamed = (checked.problem.fields ?? []).map((each) => ({
      ...each,
      field: each.field.replace(/^handles/, 'tasks'),
    }));
    fields.push(...renamed);
  }
  if (fields.length > 0) throw invalidFields(fields);
  return { ...profile, capabilities: sorted(profile.capabilities), handles: sorted(profile.handles) };
}

/** Throws `INVALID`. */
export function checkJoin(options: JoinOptions): void {
  checkConnect(options);
  checkDuration('joinTimeoutMs', options.joinTimeoutMs);
}

/** Throws `INVALID`. */
export function checkConnect(options: ConnectOptions): void {
  checkDuration('timeoutMs', options.timeoutMs);
  if (options.inboxPrefix !== undefined && !isReplyPrefix(options.inboxPrefix))
    throw invalidField('inboxPrefix', 'must be _INBOX, or start with it');
  if (options.jetstreamDomain !== undefined && !isDomain(options.jetstreamDomain)) {
    throw invalidField(
      'jetstreamDomain',
      'must be the name of a JetStream domain: no dots, spaces or wildcards',
    );
  }
  checkWord('fsync', options.fsync, fsyncPolicies);
  checkWord('fsyncSource', options.fsyncSource, fsyncSources);
  if (options.fleet !== undefined && !isName(options.fleet))
    throw invalidField('fleet', 'must be 1–63 of A-Z a-z 0-9 _ -');
}

function checkWord(field: string, given: string | undefined, words: readonly string[]): void {
  if (given === undefined || words.includes(given)) return;
  throw invalidField(field, `must be ${words.join(' or ')}`);
}

function checkDuration(field: string, ms: number | undefined): void {
  if (ms === undefined || ms > 0) return;
  throw invalidField(field, 'must be above 0 milliseconds');
}

/**
 * Throws `INVALID`. The ledger has connections of its own: who brings one that is open must say how to get another, or
 * the ledger would be looked for on this machine.
 */
export function checkLedgerWay({ connection, connect, servers }: ConnectOptions): void {
  if (connection === undefined || connect !== undefined || servers !== undefined) return;
  throw invalidField(
    'connect',
    'is needed beside connection (or servers): the ledger has a connection of its own',
  );
}

/** How a client asks, of the options of whoever holds it. */
export function fleetOptionsOf({ timeoutMs, settings = {} }: ConnectOptions): FleetOptions {
  return { ...(timeoutMs === undefined ? {} : { timeoutMs }), defaults: settings };
}

function isDomain(text: string): boolean {
  return /^[^\s.*>]+$/.test(text);
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
