/**
 * Plays what a scenario says is done, on a simulated fleet, and hears everything that comes of it. Tasks and proposals
 * have names of the scenario's own; these stand in the trace in place of their ids.
 */
import type { AgentId, ProposalId, TaskId } from '../../src/domain/ids.ts';
import type { Bus, Incoming } from '../../src/ports.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { defaultCharts } from '../../src/runtime/node.ts';
import { Observer } from '../../src/runtime/observer.ts';
import { ConclaveError } from '../../src/domain/errors.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { Stage } from '../simulation/behaviours/stage.ts';
import { eventsIn, logsTo, transitionIn } from '../simulation/narration.ts';
import { msOf, valueOf, type Command } from './script.ts';

const json = { 'Content-Type': 'application/json' };
const PATIENCE_MS = 60_000;

export class Scene {
  readonly #stage: Stage;
  readonly #came: string[] = [];
  /** Id → the name that the scenario gives it. */
  readonly #names = new Map<string, string>();
  readonly #ids = new Map<string, string>();
  readonly #observers = new Map<string, { readonly observer: Observer; shown: boolean | null }>();
  /** Heartbeats that were overheard, by who sent them, the latest last. */
  readonly #overheard = new Map<string, Incoming[]>();

  /** Options are settings of the fleet, but for `seed` and `ledgerReplicas`. */
  constructor({ seed = '1', ledgerReplicas = '1', ...settings }: Command['options']) {
    this.#stage = new Stage(defaultCharts, Number(seed), {
      settings: valuesOf(settings),
      world: { ledgerReplicas: Number(ledgerReplicas) },
      log: logsTo((logged) => {
        const line = transitionIn(logged);
        if (line !== null) this.#say(logged.id, line);
      }),
      onEntry: (sequence, entry) => {
        for (const line of eventsIn(sequence, entry)) this.#say('ledger', line);
      },
    });
  }

  /** What comes of one thing that is done. */
  async do({ verb, words, options }: Command): Promise<readonly string[]> {
    const act = this.#verbs[verb];
    if (act === undefined) throw new Error(`no such verb: ${verb}`);
    await act(words, options);
    this.#look();
    return this.#came.splice(0);
  }

  /** Names in place of ids. */
  named(line: string): string {
    return [...this.#names].reduce((text, [id, name]) => text.replaceAll(id, name), line);
  }

  /** Nothing was wrong at any moment. */
  over(): void {
    this.#stage.over();
  }

  readonly #verbs: Readonly<
    Record<string, (words: readonly string[], options: Command['options']) => void | Promise<void>>
  > = {
    join: ([id = ''], { capabilities, vote, handles, ...options }) => {
      this.#stage.join({
        [id]: {
          ...valuesOf(options),
          capabilities: namesIn(capabilities),
          ...(handles === 'nothing' ? { handlers: {} } : {}),
          ...(vote === undefined ? {} : { vote: () => vote as 'approve' | 'reject' | 'abstain' }),
        },
      });
    },
    kill: ([host = '']) => this.#stage.fleet.kill(host),
    revive: ([host = '']) => void this.#stage.fleet.revive(host),
    leave: ([host = '']) => this.#stage.fleet.leave(host),
    pause: ([host = '']) => this.#host(host).pause(),
    resume: ([host = '']) => this.#host(host).resume(),
    cut: ([host = '', way]) => this.#host(host).cut(way === undefined ? undefined : { [way]: true }),
    heal: ([host = '']) => this.#host(host).heal(),
    skew: ([host = '', by]) => this.#host(host).skewWall(msOf(by)),
    health: ([host = '', health]) => {
      this.#stage.node(host).condition.health = Number(health);
    },
    broker: ([what, forMs]) => {
      if (what === 'down') this.#stage.world.broker.restart(msOf(forMs));
      else if (what === 'fails-over') this.#ledger.failOver(msOf(forMs));
      else throw new Error('the broker is down, or fails-over, for some time');
    },
    hold: ([host = '']) => this.#ledger.holdNextAppend(host),
    release: () => void this.#ledger.releaseHeld(),
    swallow: ([host = '']) => this.#ledger.swallowNextAck(host),
    disk: ([what]) => (what === 'full' ? this.#ledger.fillDisk() : this.#ledger.freeDisk()),
    mute: ([host = '']) => this.#mute(host, 'lost'),
    unmute: ([host = '']) => this.#mute(host, null),
    watch: ([host = '']) => this.#watch(host),
    overhear: ([id = '']) => this.#overhear(id),
    repeat: ([id = '', back]) => this.#repeat(id, Number(back ?? 0)),
    say: ([kind = '', id = '', body = '']) => {
      const subject = `conclave.${this.#stage.fleet.name}.agent.${kind}.${id}`;
      this.#stranger.publish({ subject, data: new TextEncoder().encode(body), headers: json });
    },
    elect: () => {
      this.#ask('elect', this.#stage.client.elect(), ({ leader, term }) => `${leader} leads term ${term}`);
    },
    remove: ([id = '']) => this.#ask(`remove ${id}`, this.#stage.client.remove(id), () => 'done'),
    submit: ([name = ''], options) => this.#submit(name, options),
    cancel: ([name = '']) => this.#ask(`cancel ${name}`, this.#stage.client.cancel(this.#id(name)), String),
    propose: ([name = ''], { voters, ...options }) => {
      const proposal = { type: name, voters: namesIn(voters), ...valuesOf(options) };
      const opened = this.#stage.client.openProposal(proposal);
      this.#ask(`propose ${name}`, opened, (id) => this.#name(name, id));
    },
    vote: ([name = '', voter = '', decision]) => {
      const ballot = { voter, decision: decision as 'approve' | 'reject' | 'abstain' };
      this.#ask(
        `vote ${name}`,
        this.#stage.client.vote({ proposal: this.#id(name), ...ballot }),
        () => 'taken',
      );
    },
    wait: async ([time]) => {
      const untilMs = this.#stage.world.now + msOf(time);
      await this.#until(`${String(time)} are over`, () => this.#stage.world.now >= untilMs);
    },
    until: async ([what = '', ...words]) => {
      const state = words.at(-1) ?? '';
      const isSo = (): boolean => (state === 'leads' ? this.#leader === what : this.#stateOf(what) === state);
      await this.#until(`${what} ${words.join(' ')}`, isSo);
    },
    show: () => this.#show(),
  };

  /** Who speaks the wire by hand. */
  get #stranger(): Bus {
    return this.#host('stranger').ports(this.#stage.fleet.name).bus;
  }

  get #ledger() {
    return this.#stage.world.ledger(this.#stage.fleet.name);
  }

  /** Who leads the ledger's term and knows it; else null. */
  get #leader(): string | null {
    const id = this.#stage.fleet.leader()?.id;
    return id !== undefined && this.#stage.ledger.leader?.id === id ? id : null;
  }

  #host(id: string) {
    return this.#stage.world.host(id);
  }

  #stateOf(name: string): string {
    const id = this.#ids.get(name);
    if (id === undefined) return this.#stage.member(name);
    const { tasks, proposals } = this.#stage.ledger;
    return tasks.get(id as TaskId)?.status ?? proposals.get(id as ProposalId)?.status ?? 'unknown';
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    const isSo = (): boolean => {
      this.#look();
      return holds();
    };
    await this.#stage.until(what, isSo, PATIENCE_MS);
  }

  /** What no log and no entry says: who has ended, and what those show who only look on. */
  #look(): void {
    const { ended } = this.#stage.fleet;
    for (const [host, code] of ended) this.#say(host, `ended: ${code ?? 'as it was told to'}`);
    ended.clear();
    for (const [host, watcher] of this.#observers) {
      const { hasLeader, state } = watcher.observer;
      if (hasLeader === watcher.shown) continue;
      watcher.shown = hasLeader;
      this.#say(host, hasLeader ? `shows that ${state.leader?.id ?? ''} leads` : 'shows that nobody leads');
    }
  }

  #mute(host: string, how: 'lost' | null): void {
    const inbox = subjectsOf(this.#stage.fleet.name).inbox(host as AgentId);
    this.#stage.world.broker.mute(host, inbox, how);
  }

  #watch(host: string): void {
    const { fleet } = this.#stage;
    const observer = new Observer({
      ...this.#host(host).ports(fleet.name),
      subjects: subjectsOf(fleet.name),
      settings: fleet.settings,
      log: silentLog,
    });
    observer.start();
    this.#observers.set(host, { observer, shown: null });
  }

  #overhear(id: string): void {
    const beats: Incoming[] = [];
    this.#overheard.set(id, beats);
    this.#stranger.subscribe(subjectsOf(this.#stage.fleet.name).agent('heartbeat', id as AgentId), (beat) => {
      beats.push(beat);
    });
  }

  /** Says a heartbeat of it once more: the latest, or one of so many before that. */
  #repeat(id: string, back: number): void {
    const beat = this.#overheard.get(id)?.at(-1 - back);
    if (beat === undefined) throw new Error(`no such heartbeat of ${id} was overheard`);
    const { subject, data, headers } = beat;
    this.#stranger.publish({ subject, data, headers });
  }

  #submit(name: string, { ms, failures, key, approval, voters, ...options }: Command['options']): void {
    const submitted = this.#stage.client.submit({
      type: 'work',
      payload: valuesOf({
        ...(ms === undefined ? {} : { ms }),
        ...(failures === undefined ? {} : { failures }),
      }),
      ...(key === undefined ? {} : { idempotencyKey: key }),
      ...(approval === undefined ? {} : { approval: { type: approval, voters: namesIn(voters) } }),
      ...valuesOf(options),
    });
    this.#ask(`submit ${name}`, submitted, ({ id }) => this.#name(name, id));
  }

  /** The first name of an id stays. */
  #name(name: string, id: string): string {
    this.#ids.set(name, id);
    const known = this.#names.get(id);
    if (known === undefined) this.#names.set(id, name);
    return known === undefined ? 'taken' : `it is ${known}`;
  }

  #id(name: string): string {
    const id = this.#ids.get(name);
    if (id === undefined) throw new Error(`nothing is named ${name} yet`);
    return id;
  }

  /** What the client is told, whenever that is. */
  #ask<T>(what: string, answer: Promise<T>, told: (answer: T) => string): void {
    const refused = (error: unknown): string =>
      error instanceof ConclaveError ? `${error.code}: ${error.message}` : String(error);
    this.#stage.world.track(
      answer.then(told, refused).then((line) => this.#say('client', `${what}: ${line}`)),
    );
  }

  #show(): void {
    const { term, members, tasks, proposals } = this.#stage.ledger;
    this.#say('ledger', `${this.#leader ?? 'nobody'} leads, term ${term}`);
    for (const [id, { status }] of members) this.#say('ledger', `agent ${id} is ${status}`);
    for (const [id, { status, attempt }] of tasks)
      this.#say('ledger', `task ${id} is ${status}, attempt ${attempt}`);
    for (const [id, { status }] of proposals) this.#say('ledger', `proposal ${id} is ${status}`);
  }

  #say(who: string, what: string): void {
    const at = (this.#stage.world.now / 1_000).toFixed(2);
    this.#came.push(`${at.padStart(7)} ${who.padEnd(8)} ${what}`);
  }
}

const valuesOf = (options: Command['options']): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [name, valueOf(value)]));

const namesIn = (list: string | undefined): readonly string[] => list?.split(',') ?? [];
