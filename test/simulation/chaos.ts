/** A nemesis: every few seconds something befalls the fleet. What, to whom and when depends on the seed alone. */
import type { FaultRates, SeededRandom, SimulatedFleet } from '../../src/simulation/index.ts';

/** How bad a world is: chances per message, append or read, drawn once per phase. */
const rates: Readonly<Record<keyof FaultRates, number>> = {
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

const LULL_MS = { min: 200, max: 3_000 };
const LASTS_MS = { min: 100, max: 9_000 };
const PHASE_MS = { min: 2_000, max: 10_000 };
/** An hour either way: no wall clock may expire anything. */
const SKEW_MS = { min: -3_600_000, max: 3_600_000 };

export interface ChaosOptions {
  readonly fleet: SimulatedFleet;
  readonly random: SeededRandom;
  /** Virtual time at which it stops starting anything. */
  readonly untilMs: number;
  readonly hosts: readonly string[];
}

/** Starts it. What it broke stays broken until the world is healed and the killed are revived. */
export function unleash(options: ChaosOptions): void {
  const { fleet, random, untilMs } = options;
  const { world } = fleet;
  const phase = (): void => {
    if (world.now >= untilMs) return;
    world.setFaults(someOf(random.fork(`phase-${world.now.toFixed(0)}`)));
    world.after(random.within(PHASE_MS), phase);
  };
  const strike = (): void => {
    if (world.now >= untilMs) return;
    befall(options);
    world.after(random.within(LULL_MS), strike);
  };
  phase();
  strike();
}

/** A third of the phases are calm; in the others about a third of all faults strike. */
function someOf(random: SeededRandom): Partial<FaultRates> {
  if (random.next() < 0.33) return {};
  const chosen = Object.entries(rates).filter(() => random.next() < 0.33);
  return Object.fromEntries(chosen.map(([fault, rate]) => [fault, rate * random.next()]));
}

function befall({ fleet, random, hosts }: ChaosOptions): void {
  const { world } = fleet;
  const leader = [...fleet.nodes].find(([, node]) => node.isLeader)?.[0];
  const anyone = hosts[random.below(hosts.length)] ?? '';
  const whom = leader !== undefined && random.next() < 0.4 ? leader : anyone;
  const host = world.host(whom);
  const later = (run: () => void): void => world.after(random.within(LASTS_MS), run);
  const verbs: readonly (() => void)[] = [
    () => {
      fleet.kill(whom);
      later(() => {
        if (!host.isAlive) fleet.revive(whom);
      });
    },
    () => {
      host.pause();
      later(() => host.resume());
    },
    () => {
      host.cut();
      later(() => host.heal());
    },
    () => {
      host.cut({ in: true });
      later(() => host.heal());
    },
    () => {
      host.cut({ out: true });
      later(() => host.heal());
    },
    () => {
      fleet.nodes.get(whom)?.leave();
      later(() => {
        if (!fleet.nodes.has(whom)) fleet.revive(whom);
      });
    },
    () => host.skewWall(random.within(SKEW_MS)),
    () => world.broker.restart(random.within({ min: 50, max: 3_000 })),
    () => world.broker.lameDuck(random.within({ min: 500, max: 5_000 })),
    () => world.ledger(fleet.name).holdNextAppend(whom),
    () => world.ledger(fleet.name).swallowNextAck(whom),
    () => {
      world.ledger(fleet.name).releaseHeld();
    },
  ];
  verbs[random.below(verbs.length)]?.();
}
