/**
 * A nemesis: every now and then something befalls a simulated fleet. What, to whom and when depends on the seed alone.
 * It knows every kind of fault that the world knows; what it broke stays broken until the world is healed and the
 * killed are revived.
 */
import type { FaultRates } from './faults.ts';
import type { Range, SeededRandom } from './random.ts';
import type { SimulatedWorld } from './world.ts';

/** What it strikes. */
export interface Victims {
  readonly world: SimulatedWorld;
  /** Of the fleet whose ledger it strikes. */
  readonly name: string;
  /** The host of the leader, if there is one. */
  leaderHost(): string | null;
  /** Whether an agent runs there, or should. */
  isRunning(hostId: string): boolean;
  kill(hostId: string): void;
  /** Starts the agent of that host again, in a fresh process. */
  revive(hostId: string): void;
  /** Tells the agent there to leave. Absent: nobody is told to. */
  leave?(hostId: string): void;
}

/** How often and how long. Milliseconds of virtual time. */
export interface Pace {
  /** From one strike to the next. */
  readonly lullMs: Range;
  /** How long what it did lasts. */
  readonly lastsMs: Range;
  /** How long the rates of faults of the network and the ledger stay as they are; a third of such phases is calm. */
  readonly phaseMs: Range;
}

export interface NemesisOptions {
  readonly random: SeededRandom;
  /** Virtual time at which it stops starting anything. */
  readonly untilMs: number;
  /** Whom it strikes. */
  readonly hosts: readonly string[];
  /** Default: `restlessPace`. */
  readonly pace?: Pace;
  /** The worst chances per message, append or read. Default: `worstRates`. */
  readonly rates?: Partial<FaultRates>;
  readonly onStrike?: (kind: StrikeKind, hostId: string) => void;
}

/** A strike every second or two. */
export const restlessPace: Pace = {
  lullMs: { min: 200, max: 3_000 },
  lastsMs: { min: 100, max: 9_000 },
  phaseMs: { min: 2_000, max: 10_000 },
};

export const worstRates: FaultRates = {
  drop: 0.1,
  duplicate: 0.1,
  delay: 0.02,
  reorder: 0.1,
  appendLost: 0.05,
  appendDelayed: 0.03,
  ackLost: 0.1,
  notStored: 0.05,
  commitSlow: 0.03,
  commitDies: 0.03,
  failOver: 0.003,
  ackRepeated: 0.5,
  readUnavailable: 0.1,
  readStale: 0.1,
  connectUnavailable: 0.2,
  followerStops: 0.02,
  followerLate: 0.02,
  bytesLinger: 0.5,
};

/** An hour either way: no wall clock may expire anything. */
const SKEW_MS = { min: -3_600_000, max: 3_600_000 };
const RESTART_MS = { min: 50, max: 3_000 };
const LAME_DUCK_MS = { min: 500, max: 5_000 };
const CALM_SHARE = 0.33;
const LEADER_SHARE = 0.4;

export const strikeKinds = [
  'kill',
  'pause',
  'cut',
  'cutIn',
  'cutOut',
  'leave',
  'skew',
  'brokerRestart',
  'lameDuck',
  'holdAppend',
  'swallowAck',
  'releaseHeld',
  'diskFull',
] as const;

export type StrikeKind = (typeof strikeKinds)[number];

/** Starts it. It goes on while virtual time passes. */
export function unleash(victims: Victims, options: NemesisOptions): void {
  const { world } = victims;
  const { random, untilMs, pace = restlessPace } = options;
  const rates = { ...worstRates, ...options.rates };
  const phase = (): void => {
    if (world.now >= untilMs) return;
    world.setFaults(someOf(rates, random.fork(`phase-${world.now.toFixed(0)}`)));
    world.after(random.within(pace.phaseMs), phase);
  };
  const next = (): void => {
    if (world.now >= untilMs) return;
    befall(victims, { ...options, pace });
    world.after(random.within(pace.lullMs), next);
  };
  phase();
  next();
}

/** In the phases that are not calm about a third of all faults strike. */
function someOf(rates: FaultRates, random: SeededRandom): Partial<FaultRates> {
  if (random.next() < CALM_SHARE) return {};
  const chosen = Object.entries(rates).filter(() => random.next() < 0.33);
  return Object.fromEntries(chosen.map(([fault, rate]) => [fault, (rate as number) * random.next()]));
}

function befall(victims: Victims, options: NemesisOptions & { readonly pace: Pace }): void {
  const { random, hosts, pace, onStrike } = options;
  const leader = victims.leaderHost();
  const anyone = hosts[random.below(hosts.length)] ?? '';
  const hostId = leader !== null && random.next() < LEADER_SHARE ? leader : anyone;
  const later = (run: () => void): void => victims.world.after(random.within(pace.lastsMs), run);
  const kinds = victims.leave === undefined ? strikeKinds.filter((each) => each !== 'leave') : strikeKinds;
  const kind = kinds[random.below(kinds.length)] ?? 'kill';
  onStrike?.(kind, hostId);
  strike(kind, { victims, hostId, random, later });
}

interface Blow {
  readonly victims: Victims;
  readonly hostId: string;
  readonly random: SeededRandom;
  /** Runs it when what was done has lasted long enough. */
  readonly later: (run: () => void) => void;
}

function strike(kind: StrikeKind, { victims, hostId, random, later }: Blow): void {
  const { world } = victims;
  const host = world.host(hostId);
  const ledger = world.ledger(victims.name);
  switch (kind) {
    case 'kill':
      victims.kill(hostId);
      later(() => {
        if (!host.isAlive) victims.revive(hostId);
      });
      break;
    case 'pause':
      host.pause();
      later(() => host.resume());
      break;
    case 'cut':
      host.cut();
      later(() => host.heal());
      break;
    case 'cutIn':
      host.cut({ in: true });
      later(() => host.heal());
      break;
    case 'cutOut':
      host.cut({ out: true });
      later(() => host.heal());
      break;
    case 'leave':
      victims.leave?.(hostId);
      later(() => {
        if (!victims.isRunning(hostId)) victims.revive(hostId);
      });
      break;
    case 'skew':
      host.skewWall(random.within(SKEW_MS));
      break;
    case 'brokerRestart':
      world.broker.restart(random.within(RESTART_MS));
      break;
    case 'lameDuck':
      world.broker.lameDuck(random.within(LAME_DUCK_MS));
      break;
    case 'holdAppend':
      ledger.holdNextAppend(hostId);
      break;
    case 'swallowAck':
      ledger.swallowNextAck(hostId);
      break;
    case 'releaseHeld':
      ledger.releaseHeld();
      break;
    case 'diskFull':
      ledger.fillDisk();
      later(() => ledger.freeDisk());
      break;
  }
}
