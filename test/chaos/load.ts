/**
 * Clients of the fleet: tasks at a steady rate however long they take (an open loop, bounded by what is outstanding),
 * some of which the fleet must approve, and proposals. Everything that they are told goes to the audit.
 */
import { ConclaveError } from '../../src/domain/errors.ts';
import type { SeededRandom } from '../../src/simulation/random.ts';
import type { Fleet, TaskHandle, TaskInput } from '../../src/index.ts';
import type { Told } from './audit.ts';

export interface LoadOptions {
  readonly fleet: Fleet;
  readonly random: SeededRandom;
  readonly tasksPerSecond: number;
  readonly proposalsPerSecond: number;
  readonly tell: (told: Told) => void;
}

export interface LoadFigures {
  /** Tasks handed to the client, answered or not. */
  readonly offered: number;
  readonly acknowledged: number;
  /** Tasks whose outcome the client was told. */
  readonly told: number;
  /** Tasks that were due while as many as may be were outstanding. */
  readonly heldBack: number;
  readonly proposalsAcknowledged: number;
  readonly decisionsTold: number;
  /** Calls that ended otherwise, by what the client was told of them. */
  readonly refused: Readonly<Record<string, number>>;
  readonly seconds: number;
}

export interface Load {
  readonly figures: LoadFigures;
  /** When the first request was acknowledged that began after this call. */
  untilAcknowledged(): Promise<void>;
  /** Nothing new; resolves when all that was asked is answered. */
  stop(): Promise<void>;
}

const TURN_MS = 20;
/** Neither answered nor ended. */
const OUTSTANDING_MAX = 5_000;
const APPROVAL_MS = 8_000;
/** In a batch; the others come one by one. */
const BATCHED_SHARE = 0.8;

export function startLoad({ fleet, random, tasksPerSecond, proposalsPerSecond, tell }: LoadOptions): Load {
  const counts = {
    offered: 0,
    acknowledged: 0,
    told: 0,
    heldBack: 0,
    proposalsAcknowledged: 0,
    decisionsTold: 0,
  };
  const refused = new Map<string, number>();
  const pending = new Set<Promise<void>>();
  const startedAt = performance.now();
  let stoppedAt: number | null = null;
  let mark = 0;
  let outstanding = 0;
  let due = { tasks: 0, proposals: 0 };

  const track = (call: Promise<void>): void => {
    const settled = call
      .catch((error: unknown) => {
        const code = error instanceof ConclaveError ? error.code : String(error);
        refused.set(code, (refused.get(code) ?? 0) + 1);
      })
      .finally(() => pending.delete(settled));
    pending.add(settled);
  };
  const follow = async (handle: TaskHandle): Promise<void> => {
    const outcome = await handle.outcome();
    const { id, status, result } = outcome;
    if (status !== 'completed' && status !== 'failed' && status !== 'cancelled') return;
    counts.told += 1;
    tell({ kind: 'ended', id, status, result: result ?? null });
  };
  const submit = async (tasks: number): Promise<void> => {
    const marks = Array.from({ length: tasks }, () => mark++);
    counts.offered += tasks;
    outstanding += tasks;
    try {
      const inputs = marks.map((each) => someTask(each, random));
      const handles =
        tasks === 1 ? [await fleet.submit(inputs[0] as TaskInput)] : await fleet.submitMany(inputs);
      counts.acknowledged += tasks;
      handles.forEach(({ id }, i) => tell({ kind: 'accepted', mark: marks[i] ?? -1, id }));
      await Promise.all(handles.map(follow));
    } finally {
      outstanding -= tasks;
    }
  };
  const propose = async (): Promise<void> => {
    const id = await fleet.openProposal({ type: 'policy', data: { at: mark }, timeoutMs: APPROVAL_MS });
    counts.proposalsAcknowledged += 1;
    tell({ kind: 'opened', id });
    const { status } = await fleet.decision(id);
    counts.decisionsTold += 1;
    tell({ kind: 'decided', id, outcome: status });
  };
  const turn = (sinceMs: number): void => {
    due = {
      tasks: due.tasks + (tasksPerSecond * sinceMs) / 1_000,
      proposals: due.proposals + (proposalsPerSecond * sinceMs) / 1_000,
    };
    const tasks = Math.floor(due.tasks);
    const proposals = Math.floor(due.proposals);
    due = { tasks: due.tasks - tasks, proposals: due.proposals - proposals };
    const room = Math.min(tasks, Math.max(0, OUTSTANDING_MAX - outstanding));
    counts.heldBack += tasks - room;
    const batched = Math.floor(room * BATCHED_SHARE);
    if (batched > 0) track(submit(batched));
    for (let i = batched; i < room; i++) track(submit(1));
    if (room > 0 || outstanding < OUTSTANDING_MAX) for (let i = 0; i < proposals; i++) track(propose());
  };
  let latest = startedAt;
  const timer = setInterval(() => {
    const now = performance.now();
    turn(now - latest);
    latest = now;
  }, TURN_MS);

  return {
    get figures() {
      const seconds = ((stoppedAt ?? performance.now()) - startedAt) / 1_000;
      return { ...counts, refused: Object.fromEntries(refused), seconds };
    },
    untilAcknowledged: async () => {
      const given = mark++;
      counts.offered += 1;
      for (;;) {
        try {
          const handle = await fleet.submit({
            type: 'echo',
            payload: { mark: given },
            idempotencyKey: `after-${given}`,
          });
          counts.acknowledged += 1;
          tell({ kind: 'accepted', mark: given, id: handle.id });
          track(follow(handle));
          return;
        } catch (error) {
          if (error instanceof ConclaveError && error.code === 'CLOSED') throw error;
        }
      }
    },
    stop: async () => {
      clearInterval(timer);
      stoppedAt ??= performance.now();
      while (pending.size > 0) await Promise.all(pending);
    },
  };
}

/** Mostly quick ones; some fail at first, some take a while, some need the fleet's approval. */
function someTask(mark: number, random: SeededRandom): TaskInput {
  const dice = random.next();
  if (dice < 0.01) return { type: 'echo', payload: { mark }, approval: { timeoutMs: APPROVAL_MS } };
  if (dice < 0.03) return { type: 'flaky', payload: { mark, failures: 1 } };
  if (dice < 0.05) return { type: 'slow', payload: { mark, ms: 300, value: { mark } } };
  if (dice < 0.06) return { type: 'echo', payload: { mark }, delayMs: 500 };
  return { type: 'echo', payload: { mark }, priority: 1 + random.below(10) };
}
