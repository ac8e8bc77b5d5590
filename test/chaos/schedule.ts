/**
 * What befalls the fleet, when and whom: drawn from a seed before the run begins, so that the same seed gives the same
 * schedule. Who "the leader" is shows when its time has come.
 *
 * At most one fault of a round is of the servers, so a majority of them is untouched, all-at-once kills aside.
 */
import type { SeededRandom } from '../../src/simulation/random.ts';
import { serverNames, type ServerName } from '../support/cluster-servers.ts';
import type { Direction } from '../support/tcp-proxy.ts';

export type Whom = 'leader' | (string & {});

export type Fault =
  | {
      readonly verb: 'kill server' | 'pause server' | 'cut off server' | 'fill disk';
      readonly server: ServerName;
    }
  | {
      readonly verb: 'cut servers';
      readonly from: ServerName;
      readonly to: ServerName;
      readonly isOneWay: boolean;
    }
  | { readonly verb: 'kill all servers' }
  | { readonly verb: 'kill leader' | 'pause leader' | 'cut off leader' }
  | { readonly verb: 'kill agent' | 'pause agent' | 'cut off agent'; readonly agent: string }
  | {
      readonly verb: 'cut agent';
      readonly whom: Whom;
      /** The servers it is cut off from, one or all. */
      readonly servers: readonly ServerName[];
      readonly way: Direction | 'both';
    }
  | { readonly verb: 'jump clocks'; readonly byMs: readonly (readonly [agent: string, ms: number])[] }
  | { readonly verb: 'swallow acknowledgements'; readonly share: number }
  | { readonly verb: 'delay'; readonly ms: number; readonly agents: readonly string[] }
  | { readonly verb: 'reorder'; readonly share: number; readonly withinMs: number }
  | { readonly verb: 'stall link'; readonly whom: Whom; readonly way: Direction | 'both' };

export type Verb = Fault['verb'];

export interface Round {
  readonly ms: number;
  /** None: calm. */
  readonly faults: readonly Fault[];
}

export interface ScheduleOptions {
  readonly random: SeededRandom;
  readonly ms: number;
  readonly agents: readonly string[];
  /** False: links between servers stay whole, and disks do not fill. */
  readonly hasLinks: boolean;
}

const ROUND_MS = { min: 3_000, max: 8_000 };
const LAST_MS = 500;
/** In a cycle of this many rounds one is calm. */
const CALM_EVERY = 4;
const AN_HOUR_MS = 3_600_000;

type Draw = (random: SeededRandom, agents: readonly string[]) => Fault;

const ofServers: Readonly<Record<string, Draw>> = {
  'kill server': (random) => ({ verb: 'kill server', server: oneOf(random, serverNames) }),
  'pause server': (random) => ({ verb: 'pause server', server: oneOf(random, serverNames) }),
  'kill all servers': () => ({ verb: 'kill all servers' }),
};

const ofLinks: Readonly<Record<string, Draw>> = {
  'cut off server': (random) => ({ verb: 'cut off server', server: oneOf(random, serverNames) }),
  'cut servers': (random) => {
    const [from = 'one', to = 'two'] = shuffled(random, serverNames);
    return { verb: 'cut servers', from, to, isOneWay: random.next() < 0.5 };
  },
  'fill disk': (random) => ({ verb: 'fill disk', server: oneOf(random, serverNames) }),
};

const ofAgents: Readonly<Record<string, Draw>> = {
  'kill leader': () => ({ verb: 'kill leader' }),
  'pause leader': () => ({ verb: 'pause leader' }),
  'cut off leader': () => ({ verb: 'cut off leader' }),
  'kill agent': (random, agents) => ({ verb: 'kill agent', agent: oneOf(random, agents) }),
  'pause agent': (random, agents) => ({ verb: 'pause agent', agent: oneOf(random, agents) }),
  'cut off agent': (random, agents) => ({ verb: 'cut off agent', agent: oneOf(random, agents) }),
  'cut agent': (random, agents) => ({
    verb: 'cut agent',
    whom: someone(random, agents),
    servers: random.next() < 0.5 ? serverNames : [oneOf(random, serverNames)],
    way: someWay(random),
  }),
  'jump clocks': (random, agents) => ({
    verb: 'jump clocks',
    byMs: shuffled(random, agents)
      .slice(0, 1 + random.below(agents.length))
      .map((agent) => [agent, Math.round(random.within({ min: -AN_HOUR_MS, max: AN_HOUR_MS }))]),
  }),
  'swallow acknowledgements': (random) => ({
    verb: 'swallow acknowledgements',
    share: random.within({ min: 0.01, max: 0.2 }),
  }),
  delay: (random, agents) => ({
    verb: 'delay',
    ms: Math.round(random.within({ min: 5, max: 150 })),
    agents: shuffled(random, agents).slice(0, 1 + random.below(agents.length)),
  }),
  reorder: (random) => ({
    verb: 'reorder',
    share: random.within({ min: 0.02, max: 0.3 }),
    withinMs: Math.round(random.within({ min: 2, max: 60 })),
  }),
  'stall link': (random, agents) => ({
    verb: 'stall link',
    whom: someone(random, agents),
    way: someWay(random),
  }),
};

/**
 * Rounds that fill the time. Each verb comes once before any comes again. Then the leader dies, when a calm has shown who
 * that is, and a server with it; both are back so soon that nobody leads yet.
 */
export function scheduleOf({ random, ms, agents, hasLinks }: ScheduleOptions): readonly Round[] {
  const fromServers = deck(random.fork('servers'), { ...ofServers, ...(hasLinks ? ofLinks : {}) }, agents);
  const fromAgents = deck(random.fork('agents'), ofAgents, agents);
  const rounds: Round[] = [];
  let spent = 0;
  let calm = random.below(CALM_EVERY);
  while (spent < ms) {
    const isCalm = rounds.length % CALM_EVERY === calm;
    if (rounds.length % CALM_EVERY === CALM_EVERY - 1) calm = random.below(CALM_EVERY);
    const dice = random.below(4);
    const faults = isCalm
      ? []
      : dice === 0
        ? [fromServers()]
        : dice === 1
          ? [fromAgents()]
          : [fromServers(), fromAgents()];
    const round = { ms: Math.round(random.within(ROUND_MS)), faults };
    rounds.push(round);
    spent += round.ms;
  }
  const server = oneOf(random, serverNames);
  return [
    ...rounds,
    { ms: ROUND_MS.min, faults: [] },
    { ms: LAST_MS, faults: [{ verb: 'kill server', server }, { verb: 'kill leader' }] },
  ];
}

/** All verbs in an order of chance, again and again. */
function deck(
  random: SeededRandom,
  draws: Readonly<Record<string, Draw>>,
  agents: readonly string[],
): () => Fault {
  let rest: Draw[] = [];
  return () => {
    if (rest.length === 0) rest = shuffled(random, Object.values(draws));
    const draw = rest.pop();
    if (draw === undefined) throw new Error('there is no fault to draw');
    return draw(random, agents);
  };
}

const someWay = (random: SeededRandom): Direction | 'both' => oneOf(random, ['toClient', 'toServer', 'both']);

/** As often the leader as not. */
function someone(random: SeededRandom, agents: readonly string[]): Whom {
  return random.next() < 0.5 ? 'leader' : oneOf(random, agents);
}

function oneOf<T>(random: SeededRandom, from: readonly T[]): T {
  const one = from[random.below(from.length)];
  if (one === undefined) throw new Error('nothing to choose from');
  return one;
}

/** Fisher and Yates. */
function shuffled<T>(random: SeededRandom, from: readonly T[]): T[] {
  const all = [...from];
  for (let end = all.length - 1; end > 0; end -= 1) {
    const at = random.below(end + 1);
    [all[end], all[at]] = [all[at] as T, all[end] as T];
  }
  return all;
}
