/** An agent as its author holds it: a member of a fleet on NATS, with everything a client can do. */
import { ConclaveError, errorOf, type Problem } from '../domain/errors.ts';
import type { Profile } from '../domain/events.ts';
import type { AgentId } from '../domain/ids.ts';
import { settingsFrom, type Settings } from '../domain/settings.ts';
import { openNatsPorts, type NatsPorts } from '../nats/ports.ts';
import { isAtLeast, isVersion, wantedVersion } from '../nats/server-version.ts';
import type { Log } from '../runtime/log.ts';
import { FleetNode } from '../runtime/node.ts';
import { VERSION } from './version.ts';
import { subjectsOf } from '../wire/subjects.ts';
import { addressOf } from './connect.ts';
import { Fleet } from './fleet.ts';
import { defaultLog } from './log.ts';
import { checkJoin, profileFrom, type JoinOptions } from './options.ts';

export class Agent {
  readonly id: string;
  /** Everything a client can do, on this agent's connection. */
  readonly fleet: Fleet;
  /** Settles when the agent has ended: left, or (rejected) replaced, removed, or cut from its ledger for good. */
  readonly ended: Promise<void>;
  readonly #node: FleetNode;
  readonly #log: Log;

  constructor(parts: { node: FleetNode; fleet: Fleet; ended: Promise<void>; log: Log }) {
    this.id = parts.node.id;
    this.fleet = parts.fleet;
    this.ended = parts.ended;
    this.#node = parts.node;
    this.#log = parts.log;
  }

  /** This process leads, and can prove it by appending to the ledger. */
  get isLeader(): boolean {
    return this.#node.isLeader;
  }

  get term(): number {
    return this.#node.contender?.replica.state.term ?? 0;
  }

  /** State of its statechart. */
  get state(): string {
    return this.#node.worker.state;
  }

  /** How well it is, 0–1: counts in elections, in votes weighted by health, and in the fleet's health. */
  set health(value: number) {
    this.#node.condition.health = this.#clamped('health', value);
    this.#node.worker.beatNow();
  }

  get health(): number {
    return this.#node.condition.health;
  }

  /** How loaded it is, 0–1. Null: by its used slots. */
  set load(value: number | null) {
    this.#node.condition.load = value === null ? null : this.#clamped('load', value);
    this.#node.worker.beatNow();
  }

  get load(): number {
    return this.#node.worker.load;
  }

  /** Changes what it says of itself, while it runs. */
  update(changes: Partial<Pick<Profile, 'capabilities' | 'priority' | 'slots' | 'labels'>>): void {
    profileFrom({ id: this.id, ...this.#node.profile, ...changes });
    this.#node.update(changes);
  }

  /** Takes no new task, finishes what it runs within the grace period, hands back the rest, resigns, goes. */
  async leave(): Promise<void> {
    this.#node.leave();
    await this.ended;
  }

  #clamped(what: string, value: number): number {
    const clamped = Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;
    if (clamped !== value)
      this.#log.warn({ [what]: value, used: clamped }, `${what} must be between 0 and 1`);
    return clamped;
  }
}

/**
 * Joins a fleet, creating it if it is the first. Resolves when the fleet has committed the membership. Throws
 * `INVALID` naming every bad field, `NO_NATS`, or `ID_TAKEN` when a living process holds the id. While nobody leads it
 * waits, and says so in the log; after `joinTimeoutMs`, if given, it throws what it waited for: `NO_LEADER`, `TIMEOUT`,
 * `HOLDER_SILENT`, `LIMIT_REACHED` or `NO_NATS`, all of them retryable.
 */
export async function joinFleet(options: JoinOptions): Promise<Agent> {
  checkJoin(options);
  const profile = profileFrom(options);
  const settings = settingsFrom({ ...options.settings });
  const subjects = subjectsOf(options.fleet ?? 'default', {
    arePrefixesPinned: options.arePrefixesPinned ?? false,
  });
  const id = options.id as AgentId;
  const log = options.log ?? defaultLog(options.id);
  const ports = await openNatsPorts({
    ...addressOf(options, { role: 'agent', id, log }),
    inboxPrefix: subjects.replies(id),
    ...(options.replicas === undefined ? {} : { replicas: options.replicas }),
    ...(options.ledgerPlacement === undefined ? {} : { placement: options.ledgerPlacement }),
  });
  try {
    checkBroker(ports, settings, log);
  } catch (error) {
    await ports.close();
    throw error;
  }
  const { joinTimeoutMs } = options;
  const joined = deferred();
  const ended = deferred();
  const node = new FleetNode({
    ports,
    subjects,
    settings,
    id,
    profile,
    handlers: options.tasks ?? {},
    vote: options.vote ?? null,
    version: VERSION,
    ...(joinTimeoutMs === undefined ? {} : { joinTimeoutMs }),
    log,
    onJoined: joined.resolve,
    onEnded: (problem) => {
      void end({ ports, fleet, problem, ended, joined });
    },
  });
  const fleet = new Fleet(
    ports,
    subjects.fleet,
    options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs },
  );
  const agent = new Agent({ node, fleet, ended: ended.promise, log });
  if (options.handleSignals !== false) leaveOnSignals(agent);
  node.start();
  await joined.promise;
  return agent;
}

/** Throws `INVALID`. Half of what the broker takes: a message may come on top of an entry that is nearly full. */
function checkBroker({ bus, serverInfo }: NatsPorts, { entryBytesMax }: Settings, log: Log): void {
  const { version = '' } = serverInfo ?? {};
  if (isVersion(version) && !isAtLeast({ version, floor: wantedVersion }))
    log.warn({ version }, `this NATS server may lose acknowledged entries: use ${wantedVersion} or newer`);
  const bytesMax = Math.floor(bus.payloadBytesMax / 2);
  if (entryBytesMax <= bytesMax) return;
  const message =
    `must be at most ${bytesMax}, since this broker takes messages of ${bus.payloadBytesMax} bytes; ` +
    `lower it, or raise max_payload of the NATS server to ${2 * entryBytesMax} or more`;
  throw new ConclaveError('INVALID', `settings.entryBytesMax ${message}`, {
    fields: [{ field: 'settings.entryBytesMax', message }],
  });
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function deferred(): Deferred {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Whoever does not wait for it must not be killed by it.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

async function end(parts: {
  ports: NatsPorts;
  fleet: Fleet;
  problem: Problem | null;
  ended: Deferred;
  joined: Deferred;
}): Promise<void> {
  const error = parts.problem === null ? null : errorOf(parts.problem);
  parts.joined.reject(error ?? new ConclaveError('CLOSED', 'left before it had joined'));
  await parts.fleet.close();
  await parts.ports.close();
  if (error === null) parts.ended.resolve();
  else parts.ended.reject(error);
}

function leaveOnSignals(agent: Agent): void {
  const leave = (): void => {
    void agent.leave().catch(() => undefined);
  };
  // Not once: a second signal must not kill an agent that is leaving.
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
  const forget = (): void => {
    process.removeListener('SIGTERM', leave);
    process.removeListener('SIGINT', leave);
  };
  agent.ended.then(forget, forget);
}
