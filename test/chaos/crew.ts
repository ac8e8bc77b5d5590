/**
 * The agents of a run, each behind proxies of its own, and looked after as a service manager would: one that ends by
 * itself is started again. Who was killed stays dead until it is revived.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../../src/index.ts';
import { launchAgent, type AgentProcess, type Copy, type Start } from '../support/agent-process.ts';
import type { Place } from './ground.ts';
import { fairWeather, type ProxyAddresses, type ProxyTargets, type Weather } from './weather.ts';

export interface CrewOptions {
  readonly fleet: string;
  readonly seed: string;
  /** By id; the first is the best. */
  readonly places: ReadonlyMap<string, Place>;
  readonly servers: ProxyTargets['servers'];
  readonly settings: Partial<Settings>;
  /** For what they say. */
  readonly folder: string;
  /** Hears of every handler that begins. */
  readonly onStart: (start: Start) => void;
  /** And of every process that ends, and whose it was. */
  readonly onEnd: (id: string) => void;
}

const SLOTS = 50;
const RESTART_MS = 500;
const proxyProgram = fileURLToPath(new URL('./proxy-process.ts', import.meta.url));

interface Member {
  readonly id: string;
  readonly place: Place;
  readonly proxies: ChildProcess;
  readonly urls: readonly string[];
  readonly priority: number;
  readonly output: number;
  process: AgentProcess | null;
  /** Killed, and not to be started again. */
  isDown: boolean;
  wallSkewMs: number;
}

export class Crew {
  readonly #options: CrewOptions;
  readonly #members = new Map<string, Member>();
  /** Why agents ended by themselves, with how many did. */
  readonly ends = new Map<string, number>();
  #isOver = false;

  private constructor(options: CrewOptions) {
    this.#options = options;
  }

  /** Resolves when all have joined. */
  static async start(options: CrewOptions): Promise<Crew> {
    const crew = new Crew(options);
    const best = options.places.size;
    await Promise.all([...options.places].map(([id, place], rank) => crew.#add(id, place, best - rank)));
    const [first = '', ...others] = options.places.keys();
    // It creates the ledger, and leads.
    await crew.#launch(first)?.joined;
    await Promise.all(others.map(async (id) => crew.#launch(id)?.joined));
    return crew;
  }

  get ids(): readonly string[] {
    return [...this.#options.places.keys()];
  }

  placeOf(id: string): Place {
    return this.#member(id).place;
  }

  async kill(id: string): Promise<void> {
    const member = this.#member(id);
    member.isDown = true;
    member.process?.signal('SIGKILL');
    await member.process?.ended;
  }

  /** It need not have joined when this returns. */
  revive(id: string): void {
    this.#member(id).isDown = false;
    this.#launch(id);
  }

  signal(id: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#member(id).process?.signal(signal);
  }

  setWallSkew(id: string, ms: number): void {
    const member = this.#member(id);
    member.wallSkewMs = ms;
    member.process?.setWallSkew(ms);
  }

  /** On its link to one server, or to all. */
  expose(id: string, weather: Weather, server?: string): void {
    this.#member(id).proxies.send({ weather, ...(server === undefined ? {} : { server }) });
  }

  /** As before anything befell them. */
  heal(): void {
    for (const id of this.ids) {
      this.expose(id, fairWeather);
      this.setWallSkew(id, 0);
      this.signal(id, 'SIGCONT');
      if (this.#member(id).isDown) this.revive(id);
    }
  }

  /** What each has of the fleet; null: it is ahead of the ledger just now, or not there. */
  copies(): Promise<readonly (Copy | null)[]> {
    return Promise.all(
      [...this.#members.values()].map(async ({ process }) => (await process?.copy()) ?? null),
    );
  }

  async end(): Promise<void> {
    this.#isOver = true;
    for (const { process, proxies } of this.#members.values()) {
      process?.signal('SIGKILL');
      await process?.ended;
      proxies.disconnect();
    }
  }

  async #add(id: string, place: Place, priority: number): Promise<void> {
    const { seed, servers, folder } = this.#options;
    const { proxies, urls } = await startProxies(place, { seed: `${seed}/${id}`, servers });
    const output = openSync(join(folder, `${id}.log`), 'a');
    const rest = { process: null, isDown: false, wallSkewMs: 0 };
    this.#members.set(id, { id, place, proxies, urls, priority, output, ...rest });
  }

  #member(id: string): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw new Error(`there is no agent ${id}`);
    return member;
  }

  #launch(id: string): AgentProcess | null {
    const member = this.#member(id);
    if (member.isDown || this.#isOver) return null;
    const { fleet, settings, onStart } = this.#options;
    const { urls: servers, priority, wallSkewMs, output, place } = member;
    const about = { servers, fleet, id, priority, slots: SLOTS, replicas: 3, settings, wallSkewMs } as const;
    const agent = launchAgent(about, { within: place.within, output, onStart });
    member.process = agent;
    // Whether it joins shows in the fleet.
    let hasJoined = false;
    agent.joined.then(
      () => (hasJoined = true),
      () => undefined,
    );
    void agent.ended.then(() => {
      this.#options.onEnd(id);
      if (member.isDown || this.#isOver) return;
      const code = agent.problem()?.code ?? 'no reason given';
      const why = hasJoined ? code : `${code} before it joined`;
      this.ends.set(why, (this.ends.get(why) ?? 0) + 1);
      setTimeout(() => {
        if (member.process === agent) this.#launch(id);
      }, RESTART_MS);
    });
    return agent;
  }
}

async function startProxies(
  { within }: Place,
  targets: ProxyTargets,
): Promise<{ readonly proxies: ChildProcess; readonly urls: readonly string[] }> {
  const [execPath, ...words] = [...within, process.execPath];
  const proxies = fork(proxyProgram, [JSON.stringify(targets)], {
    execPath,
    execArgv: [...words, '--conditions=source', '--import', 'tsx'],
  });
  const [{ urls }] = (await once(proxies, 'message')) as [ProxyAddresses];
  return { proxies, urls };
}
