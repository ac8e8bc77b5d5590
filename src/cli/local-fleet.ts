/**
 * A fleet on one machine, from start to end: server, agents, a summary, what happens meanwhile, and leaving nothing
 * behind. Owns the order of these steps; processes and server know how to end themselves.
 */
import { ConclaveError } from '../domain/errors.ts';
import { settingsFrom, type Settings } from '../domain/settings.ts';
import type { PrivateServer } from '../nats/private-server.ts';
import { connectFleet } from '../sdk/connect.ts';
import type { HttpOptions, HttpServer } from '../http/options.ts';
import { startHttpServer } from '../http/start.ts';
import type { Fleet } from '../index.ts';
import { AgentProcesses, type AgentEnd, type AgentProcess } from './agent-processes.ts';
import { DEFAULT_HTTP_PORT } from '../http/default-port.ts';
import { connectOptionsOf } from './fleet-connection.ts';
import { DEFAULT_PORT, isFree, startLocalServer } from './local-server.ts';
import { printItem, remark } from './output.ts';
import { progressOf } from './progress.ts';
import type { SharedOptions } from './shared-options.ts';
import { addressWords, summaryOf, type Summary } from './up-summary.ts';

export interface LocalFleetOptions {
  readonly agents: number;
  readonly port?: number;
  readonly dir?: string;
  /** The nats-server to run. */
  readonly binary?: string;
  readonly hasHttp: boolean;
  /** Of the HTTP API. */
  readonly httpPort?: number;
  readonly requestsPerSecond?: number;
  readonly settings: Partial<Settings>;
  readonly shared: SharedOptions;
  /** Commands would log in somehow, and here they must not. */
  readonly needsNoLogin: boolean;
  /** Give an agent's process the configuration of this one. */
  readonly words: readonly string[];
}

/** Agents that have not joined, or a fleet that has no leader, by then: something is wrong. */
const START_PATIENCE_MS = 30_000;

/** Resolves when it was told to end and nothing is left. Throws when it cannot start, leaving nothing either. */
export async function runLocalFleet(options: LocalFleetOptions): Promise<void> {
  const { shared } = options;
  const { leaveGraceMs } = settingsFrom({ ...options.settings });
  const interrupt = new Interrupt();
  const httpPort = options.hasHttp ? await chosenHttpPort(options.httpPort) : null;
  const server = await startLocalServer(options);
  const sync = { fsync: server.fsync, fsyncSource: 'started' } as const;
  const address = { ...shared, servers: [server.url], sync };
  const agents = new AgentProcesses({
    leaveGraceMs,
    onEnd: (end) => {
      tellOfEnd(end, address, options.needsNoLogin);
    },
  });
  interrupt.onSecond(() => {
    agents.kill();
  });
  let fleet: Fleet | undefined;
  let http: HttpServer | undefined;
  try {
    const started = startAgents(agents, { ...options, shared: address });
    fleet = await interrupt.or(
      connectFleet({ ...(await connectOptionsOf(address, 'up')), timeoutMs: START_PATIENCE_MS }),
    );
    if (fleet === undefined) return;
    const leader = await interrupt.or(untilLed(fleet, started, shared.isJson));
    if (leader === undefined) return;
    if (httpPort !== null)
      http = await startHttpServer({ ...(await httpOptionsOf(options, address)), port: httpPort });
    const summary = summaryFor({ options, server, started, leader, http });
    printItem(shared.isJson, summary.document, () => summary.text);
    tellOfElections(fleet, shared.isJson);
    await interrupt.happened;
  } finally {
    if (!shared.isJson && interrupt.hasHappened)
      remark(
        `\nleaving: agents get ${leaveGraceMs / 1_000} s to finish what they run; once more Ctrl-C: at once`,
      );
    await http?.close();
    await agents.stop();
    await fleet?.close();
    await server.stop();
    if (interrupt.hasHappened)
      printItem(shared.isJson, { kind: 'down' }, () => 'all agents and the server have ended');
  }
}

function startAgents(agents: AgentProcesses, options: LocalFleetOptions): AgentProcess[] {
  const started: AgentProcess[] = [];
  for (let i = 1; i <= options.agents; i++) started.push(agents.start(`agent_${i}`, wordsOf(i, options)));
  return started;
}

/** What holds for agents elsewhere and not on one machine with one server. */
const onOneMachine = ['agent.electable=true', 'agent.replicas=1', 'agent.arePrefixesPinned=false'];

/** The command line of one agent. The first has the highest priority. */
function wordsOf(i: number, { agents: count, shared, words }: LocalFleetOptions): string[] {
  const priority = count + 1 - i;
  const capabilities = ['--capability', 'scanning', ...(i % 2 === 1 ? ['--capability', 'auditing'] : [])];
  const who = ['agent', '--demo', '--id', `agent_${i}`, '--priority', String(priority), '--slots', '4'];
  const where = ['--servers', shared.servers.join(), '--fleet', shared.fleet];
  return [
    ...who,
    ...words,
    ...onOneMachine.flatMap((each) => ['--set', each]),
    ...capabilities,
    ...where,
    ...(shared.sync.fsync === undefined ? [] : ['--set', `fsync=${shared.sync.fsync}`, '--own-server']),
    '--no-context',
    '--no-login',
    '--log-level',
    shared.logLevel,
    ...(shared.isJson ? ['--json'] : []),
  ];
}

async function untilLed(
  fleet: Fleet,
  started: readonly AgentProcess[],
  isQuiet: boolean,
): Promise<{ id: string; term: number }> {
  const progress = progressOf({ total: started.length, isQuiet, of: 'agents have joined' });
  for (const { joined } of started)
    joined.then(
      () => {
        progress.step();
      },
      () => undefined,
    );
  const joins = await within(Promise.allSettled(started.map(({ joined }) => joined))).finally(() => {
    progress.end();
  });
  const failed = joins.filter((join) => join.status === 'rejected');
  if (failed.length === started.length)
    throw new ConclaveError('INTERNAL', 'no agent has joined; see the lines above');
  const { leader, term } = await fleet.status({ timeoutMs: START_PATIENCE_MS });
  return { id: leader ?? 'nobody', term };
}

function within<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(
        new ConclaveError('TIMEOUT', `the agents have not joined within ${START_PATIENCE_MS / 1_000} s`),
      );
    }, START_PATIENCE_MS);
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
    });
  });
}

function summaryFor(of: {
  readonly options: LocalFleetOptions;
  readonly server: PrivateServer;
  readonly started: readonly AgentProcess[];
  readonly leader: { readonly id: string; readonly term: number };
  readonly http: HttpServer | undefined;
}): Summary {
  const { options, server, started, leader, http } = of;
  const agents = started.map(({ id, pid }) => ({ id, pid }));
  const isTemporary = options.dir === undefined;
  const isHttpFallback =
    options.httpPort === undefined && http !== undefined && http.port !== DEFAULT_HTTP_PORT;
  const isFallback = options.port === undefined && server.port !== DEFAULT_PORT;
  return summaryOf({
    fleet: options.shared.fleet,
    needsNoLogin: options.needsNoLogin,
    server,
    agents,
    leader,
    isTemporary,
    isFallback,
    http: http?.url ?? null,
    isHttpFallback,
  });
}

/** The port asked for, else the usual one if nobody has it, else any. Throws `CONFLICT` for one that is in use. */
async function chosenHttpPort(port: number | undefined): Promise<number> {
  if (port === undefined) return (await isFree(DEFAULT_HTTP_PORT)) ? DEFAULT_HTTP_PORT : 0;
  if (await isFree(port)) return port;
  throw new ConclaveError('CONFLICT', `http port ${port} is in use; give another --http, or --no-http`);
}

async function httpOptionsOf(options: LocalFleetOptions, shared: SharedOptions): Promise<HttpOptions> {
  const { timeoutMs: _, ...where } = await connectOptionsOf(shared, 'http');
  const { settings, requestsPerSecond } = options;
  return { ...where, settings, ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }) };
}

function tellOfEnd(end: AgentEnd, shared: SharedOptions, needsNoLogin: boolean): void {
  const again = `conclave agent --demo --id ${end.id} --capability scanning${addressWords({ ...shared, needsNoLogin })}`;
  printItem(shared.isJson, { kind: 'agent.ended', ...end }, () => {
    return `${end.id} (process ${end.pid}) has ended: ${end.how}. The others go on. To start it again: ${again}`;
  });
}

function tellOfElections(fleet: Fleet, isJson: boolean): void {
  fleet.onEvent('leader.elected', ({ cause }) => {
    const tell = async (): Promise<void> => {
      const { leader, term } = await fleet.status();
      printItem(isJson, { kind: 'leader.elected', leader, term, cause }, () => {
        return `${leader ?? 'nobody'} leads now, term ${term} (${String(cause)})`;
      });
    };
    // At the end nobody answers any more, and nobody asks.
    tell().catch(() => undefined);
  });
}

/** Ctrl-C and its like: the first one asks for an end in good order, the second for one at once. */
class Interrupt {
  readonly happened: Promise<void>;
  hasHappened = false;
  #second: () => void = () => undefined;

  constructor() {
    this.happened = new Promise((resolve) => {
      const hear = (): void => {
        if (this.hasHappened) this.#second();
        this.hasHappened = true;
        resolve();
      };
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, hear);
    });
  }

  onSecond(act: () => void): void {
    this.#second = act;
  }

  /** The work's outcome; undefined when an interrupt came first. */
  or<T>(work: Promise<T>): Promise<T | undefined> {
    return Promise.race([work, this.happened.then(() => undefined)]);
  }
}
