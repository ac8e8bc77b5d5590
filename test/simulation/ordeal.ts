/** One seed's ordeal: a random fleet at work under a nemesis, then a healed world in which everything must end. */
import { charts } from '../../actors/table.ts';
import { isEnded } from '../../src/domain/state.ts';
import {
  SimulatedFleet,
  SimulatedWorld,
  unleash,
  type StrikeKind,
  type TraceSink,
} from '../../src/simulation/index.ts';
import { courseOf, type CourseName } from './courses.ts';
import { logsTo, type Logged } from './narration.ts';
import { Witness, type EntrySink } from './witness.ts';
import { handlerOn, keepAsking, type Workload } from './workload.ts';

export interface OrdealOptions {
  readonly seed: number;
  /** Default: what the course of that seed says. */
  readonly troubledMs?: number;
  /** Everything that happens in the world, a line each. */
  readonly trace?: TraceSink;
  /** What each process logs. */
  readonly log?: (logged: Logged, atMs: number) => void;
  readonly onStrike?: (kind: StrikeKind, hostId: string, atMs: number) => void;
  readonly onEntry?: EntrySink;
}

export interface Verdict {
  readonly seed: number;
  readonly course: CourseName;
  readonly problems: readonly string[];
  readonly virtualMs: number;
  readonly steps: number;
  readonly strikes: number;
  readonly entries: number;
  /** Of every line of the trace. */
  readonly hash: string;
  readonly summary: string;
}

/** After the world is whole again everything must have ended within this long. */
const CONVERGES_WITHIN_MS = 180_000;
const LOOK_MS = 250;
/** What was begun before the end of the trouble may still strike for so long. */
const AFTERMATH_MS = 10_000;

export async function ordeal(options: OrdealOptions): Promise<Verdict> {
  const { seed } = options;
  const world = new SimulatedWorld({
    seed,
    ledgerReplicas: replicasOf(seed),
    ...(options.trace === undefined ? {} : { trace: options.trace }),
  });
  const random = world.random('ordeal');
  const course = courseOf(seed, random);
  const { troubledMs = course.troubledMs } = options;
  const { log } = options;
  const fleet = new SimulatedFleet(world, {
    ...(log === undefined ? {} : { log: logsTo((logged) => log(logged, world.now)) }),
    settings: course.settings,
  });
  const witness = new Witness(fleet, charts, options.onEntry);
  const work = { fleet, witness, random, untilMs: troubledMs, askMs: course.askMs };
  const hosts = Array.from({ length: course.agents }, (_, i) => `agent-${i + 1}`);
  for (const [i, id] of hosts.entries()) {
    fleet.join(id, {
      priority: random.below(3),
      slots: 1 + random.below(4),
      electable: i < 3 || random.next() < 0.6,
      handlers: { work: handlerOn(id, id, work) },
      vote: () => (['approve', 'approve', 'reject', 'abstain'] as const)[random.below(4)] ?? 'abstain',
    });
  }
  const clients = Array.from({ length: course.clients }, (_, i) => `client-${i + 1}`);
  const workloads = clients.map((id) => keepAsking(fleet.client(id, 120_000), id, work));
  let strikes = 0;
  const onStrike = (kind: StrikeKind, hostId: string): void => {
    strikes += 1;
    options.onStrike?.(kind, hostId, world.now);
  };
  unleash(fleet, { random: random.fork('nemesis'), untilMs: troubledMs, hosts, pace: course.pace, onStrike });

  const look = async (): Promise<void> => {
    await world.advance(LOOK_MS);
    witness.inspect();
  };
  try {
    while (world.now < troubledMs + AFTERMATH_MS && witness.problems.length === 0) await look();
    // The world is healed for good.
    world.heal();
    for (const host of hosts) if (!fleet.nodes.has(host)) fleet.revive(host);
    const healedAt = world.now;
    while (witness.problems.length === 0 && missing(fleet, witness, workloads) !== null) {
      await look();
      if (world.now - healedAt > CONVERGES_WITHIN_MS) {
        witness.note(`not whole again in time: ${missing(fleet, witness, workloads) ?? ''}`);
      }
    }
    if (witness.problems.length === 0) witness.conclude();
  } catch (error) {
    witness.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const { term, counts, sequence } = witness.state;
  return {
    seed,
    course: course.name,
    problems: witness.problems,
    virtualMs: world.now,
    steps: world.steps,
    strikes,
    entries: sequence,
    hash: world.trace.hash,
    summary: `${course.name}: ${hosts.length} agents, ${sequence} entries, ${term} terms, ${counts.deaths} deaths, ${strikes} strikes, ${JSON.stringify(counts.outcomes)}`,
  };
}

/** Two thirds of the worlds have three copies of the ledger, and the longer patience that comes with them. */
const replicasOf = (seed: number): number => (seed % 3 === 0 ? 1 : 3);

/** What keeps the fleet from being whole; null: nothing. */
function missing(fleet: SimulatedFleet, witness: Witness, workloads: readonly Workload[]): string | null {
  const { tasks, proposals } = witness.state;
  if (fleet.leaders().length !== 1) return `${fleet.leaders().length} leaders`;
  const open = [...tasks.values()].filter((task) => !isEnded(task));
  if (open.length > 0)
    return `${open.length} tasks, the first ${open[0]?.spec.id ?? ''} is ${open[0]?.status ?? ''}`;
  const undecided = [...proposals.values()].filter(({ status }) => status === 'open');
  if (undecided.length > 0) return `${undecided.length} open proposals`;
  const asked = workloads.reduce((sum, { pending }) => sum + pending, 0);
  return asked > 0 ? `${asked} calls without an answer` : null;
}
