/**
 * What kind of ordeal a seed stands for. A restless one strikes every second or two, so that faults meet faults; a long
 * one gives the fleet the time to become whole between two strikes, and lets what takes minutes expire; a large one has
 * up to sixty agents. Settings vary too: what holds only by the defaults does not hold.
 */
import type { Settings } from '../../src/domain/settings.ts';
import { restlessPace, type Pace, type Range, type SeededRandom } from '../../src/simulation/index.ts';

export const courseNames = ['restless', 'long', 'large'] as const;
export type CourseName = (typeof courseNames)[number];

export interface Course {
  readonly name: CourseName;
  readonly agents: number;
  readonly clients: number;
  /** Virtual time under the nemesis. */
  readonly troubledMs: number;
  readonly pace: Pace;
  /** Between two requests of a client. */
  readonly askMs: Range;
  readonly settings: Partial<Settings>;
}

const longPace: Pace = {
  lullMs: { min: 5_000, max: 60_000 },
  lastsMs: { min: 100, max: 30_000 },
  phaseMs: { min: 10_000, max: 120_000 },
};

/** Of eight seeds in a row one is large and two are restless. */
export function courseOf(seed: number, random: SeededRandom): Course {
  switch (seed % 8) {
    case 0:
      return {
        name: 'large',
        agents: 9 + random.below(52),
        clients: 2,
        troubledMs: 30_000,
        pace: restlessPace,
        askMs: { min: 10, max: 1_500 },
        settings: { ...knobs(seed), heartbeatsPerSecondMax: 20 },
      };
    case 1:
    case 2:
      return {
        name: 'restless',
        agents: 3 + random.below(6),
        clients: 1 + random.below(2),
        troubledMs: 40_000,
        pace: restlessPace,
        askMs: { min: 10, max: 1_500 },
        settings: knobs(seed),
      };
    default:
      return {
        name: 'long',
        agents: 3 + random.below(4),
        clients: 1,
        troubledMs: 1_200_000,
        pace: longPace,
        askMs: { min: 200, max: 20_000 },
        settings: { ...knobs(seed), ...slowKnobs(random) },
      };
  }
}

function knobs(seed: number): Partial<Settings> {
  return {
    idempotencyWindowMs: 600_000,
    // Every other world shortens its ledger all the time.
    ...(seed % 2 === 0 ? { snapshotEntries: 30, snapshotLookMs: 300 } : {}),
    // In two worlds of three most of those who may lead sleep, and in one of five a leader gives way.
    ...(seed % 3 === 0 ? {} : { standbysMax: seed % 3 }),
    ...(seed % 5 === 0 ? { preemptMargin: 0.5, preemptTenureMs: 2_000 } : {}),
    // Beats are fewer where there are more than four agents.
    ...(seed % 4 === 1 ? { heartbeatsPerSecondMax: 4 } : {}),
  };
}

/** As operators set them who would rather wait than be woken; and what is kept is kept for minutes. */
function slowKnobs(random: SeededRandom): Partial<Settings> {
  const probeIntervalMs = pick(random, [250, 500, 1_000]);
  return {
    heartbeatIntervalMs: pick(random, [1_000, 2_000, 5_000]),
    probeIntervalMs,
    leaderSilenceMs: 3_000 + 2 * probeIntervalMs,
    snapshotLookMs: 5_000,
    endedTasksMs: 300_000,
    endedTasksMax: 20,
    tasksMax: 1_000,
    decidedProposalsMs: 300_000,
    decidedProposalsMax: 10,
    forgetMembersMs: 120_000,
  };
}

function pick<T>(random: SeededRandom, of: readonly [T, ...T[]]): T {
  return of[random.below(of.length)] ?? of[0];
}
