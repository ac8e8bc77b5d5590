/**
 * Where the scenarios of the fault table are played: a fleet of agents in processes of their own, a client that keeps
 * it at work, and the question at the end of each of them: is everything that was acknowledged there, once?
 */
import { afterEach, expect } from 'vitest';
import { connectFleet, type Fleet, type HistoryReport, type TaskHandle } from '../../../src/index.ts';
import {
  endAgents,
  startAgent,
  type AgentProcess,
  type AgentProcessOptions,
  type Copy,
  type Start,
} from '../../support/agent-process.ts';
import { until } from '../../support/until.ts';
import { verifyStarts } from '../../support/verify-starts.ts';

/** The scenarios that take long play too. */
export const isLong = process.env['FAULTS'] === 'all';

type Servers = string | readonly string[];

export interface Scene {
  readonly fleet: string;
  readonly stream: string;
  readonly client: Fleet;
  /** What the handlers of its agents began. */
  readonly starts: Start[];
  /** Resolves when it has joined. `servers`: another way to the same. */
  start(
    options: Omit<AgentProcessOptions, 'servers' | 'fleet'> & { readonly servers?: Servers },
  ): Promise<AgentProcess>;
}

export interface Stage {
  /** A fleet that no other test of the file has; `settings` are those of its agents. */
  scene(servers: Servers, settings?: Record<string, number>): Promise<Scene>;
  /** Ends with the test, too. */
  ending<T extends { stop(): Promise<void> }>(begun: T): T;
}

/** Call it at the top of a file. What a test begins ends with it. */
export function withStage(prefix: string): Stage {
  const clients: Fleet[] = [];
  const ends: (() => Promise<void>)[] = [];
  let count = 0;
  afterEach(async () => {
    await endAgents();
    await Promise.all(clients.splice(0).map((client) => client.close()));
    // The disk after the server that is on it.
    for (const end of ends.splice(0).reverse()) await end();
  });
  return {
    scene: async (servers, settings = {}) => {
      count += 1;
      const fleet = `${prefix}_${count}`;
      const client = await connectFleet({ servers, fleet, timeoutMs: 60_000 });
      clients.push(client);
      const starts: Start[] = [];
      const onStart = (each: Start): void => void starts.push(each);
      const start: Scene['start'] = (options) =>
        startAgent({ servers, fleet, settings, ...options }, { onStart });
      return { fleet, stream: `CONCLAVE_${fleet}`, client, starts, start };
    },
    ending: (begun) => {
      ends.push(() => begun.stop());
      return begun;
    },
  };
}

/** An entry on its way to the ledger. */
export const isAppend = (frame: Buffer): boolean =>
  /^H?PUB _conclave\.\w+\.ledger /.test(frame.toString('latin1'));

/** The broker's word that an entry is stored. */
export const isAcknowledgement = (frame: Buffer): boolean =>
  /\{"stream":"CONCLAVE_[^"]+",\s*"seq":\d+/.test(frame.toString('latin1'));

export function echoes(client: Fleet, n: number): Promise<TaskHandle[]> {
  return client.submitMany(Array.from({ length: n }, (_, i) => ({ type: 'echo', payload: i })));
}

/** Tasks without end, one after the other in each of a few loops, until it is told to stop; then all that it submitted. */
export interface Work {
  readonly done: () => number;
  /** So many more are done. */
  readonly goesOn: (tasks?: number) => Promise<void>;
  readonly stop: () => Promise<readonly TaskHandle[]>;
}

export function keepWorking(client: Fleet, loops = 4): Work {
  const handles: TaskHandle[] = [];
  let isStopped = false;
  let asked = 0;
  let done = 0;
  const loop = async (): Promise<void> => {
    while (!isStopped) {
      const handle = await client.submit({ type: 'echo', payload: asked++ });
      handles.push(handle);
      await handle.outcome();
      done += 1;
    }
  };
  const all = Promise.all(Array.from({ length: loops }, loop));
  // A scenario may end its fleet, and nobody is answered any more.
  all.catch(() => undefined);
  return {
    done: () => done,
    goesOn: (tasks = 20) => {
      const before = done;
      return until(() => done >= before + tasks);
    },
    stop: async () => {
      isStopped = true;
      await all;
      return handles;
    },
  };
}

/** The ledger is whole, each of these tasks is in it once, completed, and no other, and nothing was begun without it. */
export async function expectEachOnce(
  { fleet, starts }: Scene,
  handles: readonly TaskHandle[],
  servers: Servers,
): Promise<HistoryReport> {
  const outcomes = await Promise.all(handles.map((handle) => handle.outcome()));
  expect(outcomes.filter(({ status }) => status !== 'completed')).toEqual([]);
  const report = await verifyStarts({ servers, fleet, starts });
  expect(report.problems).toEqual([]);
  expect(report.doubleOutcomes).toBe(0);
  expect(new Set(handles.map(({ id }) => id)).size).toBe(handles.length);
  expect(report.outcomes).toEqual({ completed: handles.length, failed: 0, cancelled: 0 });
  return report;
}

/** Who led, in which term. */
export const leadersOf = ({ terms }: HistoryReport): readonly string[] =>
  terms.map(({ term, leader }) => `${term} ${leader}`);

export async function untilLeads({ client }: Scene, isIt: (leader: string) => boolean): Promise<string> {
  let found = '';
  await until(async () => {
    const leader = await client.status({ timeoutMs: 1_000 }).then(
      (status) => status.leader,
      () => null,
    );
    found = leader ?? '';
    return leader !== null && isIt(leader);
  });
  return found;
}

/** Until every one of them has every entry at the same moment. */
export async function untilSame(agents: readonly AgentProcess[]): Promise<readonly Copy[]> {
  for (;;) {
    const copies = (await Promise.all(agents.map((agent) => agent.copy()))).filter((copy) => copy !== null);
    const isSame = new Set(copies.map(({ sequence }) => sequence)).size === 1;
    if (isSame && copies.length === agents.length) return copies;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
