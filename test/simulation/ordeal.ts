/** One seed's ordeal: a random fleet at work under a nemesis, then a healed world in which everything must end. */
import { charts } from '../../actors/table.ts';
import { isEnded } from '../../src/domain/state.ts';
import { SimulatedFleet, SimulatedWorld, type TraceSink } from '../../src/simulation/index.ts';
import type { Log } from '../../src/runtime/log.ts';
import { unleash } from './chaos.ts';
import { Witness } from './witness.ts';
import { handlerOn, keepAsking, type Workload } from './workload.ts';

export interface OrdealOptions {
  readonly seed: number;
  readonly troubledMs?: number;
  readonly trace?: TraceSink;
  readonly log?: (line: string) => void;
}

export interface Verdict {
  readonly seed: number;
  readonly problems: readonly string[];
  readonly virtualMs: number;
  readonly steps: number;
  readonly hash: string;
  readonly summary: string;
}

/** After the world is whole again everything must have ended within this long. */
const CONVERGES_WITHIN_MS = 180_000;
const LOOK_MS = 250;

export async function ordeal(options: OrdealOptions): Promise<Verdict> {
  const { seed, troubledMs = 40_000 } = options;
  const world = new SimulatedWorld({
    seed,
    ...(options.trace === undefined ? {} : { trace: options.trace }),
  });
  const random = world.random('ordeal');
  const log = logFor(world, options.log);
  const fleet = new SimulatedFleet(world, {
    ...(log === null ? {} : { log }),
    settings: {
      idempotencyWindowMs: 600_000,
      // Every other world shortens its ledger all the time.
      ...(seed % 2 === 0 ? { snapshotEntries: 30, snapshotLookMs: 300 } : {}),
      // In two worlds of three most of those who may lead sleep, and in one of five a leader gives way.
      ...(seed % 3 === 0 ? {} : { standbysMax: seed % 3 }),
      ...(seed % 5 === 0 ? { preemptMargin: 0.5, preemptTenureMs: 2_000 } : {}),
      // Beats are fewer where there are more than four agents.
      ...(seed % 4 === 0 ? { heartbeatsPerSecondMax: 4 } : {}),
    },
  });
  const witness = new Witness(fleet, charts);
  const work = { fleet, witness, random, untilMs: troubledMs };
  const hosts = Array.from({ length: 3 + random.below(6) }, (_, i) => `agent-${i + 1}`);
  for (const [i, id] of hosts.entries()) {
    fleet.join(id, {
      priority: random.below(3),
      slots: 1 + random.below(4),
      electable: i < 3 || random.next() < 0.6,
      handlers: { work: handlerOn(id, id, work) },
      vote: () => (['approve', 'approve', 'reject', 'abstain'] as const)[random.below(4)] ?? 'abstain',
    });
  }
  const clients = Array.from({ length: 1 + random.below(2) }, (_, i) => `client-${i + 1}`);
  const workloads = clients.map((id) => keepAsking(fleet.client(id, 120_000), id, work));
  unleash({ fleet, random: random.fork('chaos'), untilMs: troubledMs, hosts });

  const look = async (): Promise<void> => {
    await world.advance(LOOK_MS);
    witness.inspect();
  };
  try {
    while (world.now < troubledMs && witness.problems.length === 0) await look();
    // What was begun before may still strike; then the world is healed for good.
    for (let i = 0; i < 40 && witness.problems.length === 0; i += 1) await look();
    world.heal();
    for (const host of hosts) if (!fleet.nodes.has(host)) fleet.revive(host);
    const healedAt = world.now;
    while (witness.problems.length === 0 && missing(fleet, witness, workloads) !== null) {
      await look();
      if (world.now - healedAt > CONVERGES_WITHIN_MS) {
        witness.note(`not whole again in time: ${missing(fleet, witness, workloads) ?? ''}`);
      }
    }
  } catch (error) {
    witness.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const { term, counts, sequence } = witness.state;
  return {
    seed,
    problems: witness.problems,
    virtualMs: world.now,
    steps: world.steps,
    hash: world.trace.hash,
    summary: `${hosts.length} agents, ${sequence} entries, ${term} terms, ${counts.deaths} deaths, ${JSON.stringify(counts.tasks)}`,
  };
}

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

function logFor(world: SimulatedWorld, sink: OrdealOptions['log']): ((id: string) => Log) | null {
  if (sink === undefined) return null;
  return (id) => {
    const out = (fields: object, message: string): void => {
      sink(
        `${world.now.toFixed(0)} ${id} ${message} ${JSON.stringify(fields, (_, v: unknown) => (v instanceof Error ? v.stack : v))}`,
      );
    };
    return { debug: out, info: out, warn: out, error: out };
  };
}
