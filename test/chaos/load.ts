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

/** How many calls of a kind there were, and how they ended. */
export interface Tally {
  readonly asked: number;
  readonly answered: number;
  readonly refused: number;
}

type Counted = { -readonly [K in keyof Tally]: Tally[K] };

export interface LoadFigures {
  /** Tasks and proposals that were handed to the client, and what became of those that were acknowledged. */
  readonly calls: {
    readonly tasks: Tally;
    readonly outcomes: Tally;
    readonly proposals: Tally;
    readonly decisions: Tally;
  };
  /** Tasks that were due while as many as may be were outstanding. */
  readonly heldBack: number;
  /** Calls that ended otherwise, by what the client was told of them. */
  readonly refused: Readonly<Record<string, number>>;
  readonly seconds: number;
}

export interface Load {
  readonly figures: LoadFigures;
  /** When the first request was acknowledged that began after this call. Rejects when it was refused for good. */
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
  const calls = {
    tasks: nothingYet(),
    outcomes: nothingYet(),
    proposals: nothingYet(),
    decisions: nothingYet(),
  };
  let heldBack = 0;
  const refused = new Map<string, number>();
  const pending = new Set<Promise<void>>();
  const startedAt = performance.now();
  let stoppedAt: number | null = null;
  let mark = 0;
  let outstanding = 0;
  let due = { tasks: 0, proposals: 0 };

  const refuse = (error: unknown): void => {
    const code = error instanceof ConclaveError ? error.code : String(error);
    refused.set(code, (refused.get(code) ?? 0) + 1);
  };
  const track = (call: Promise<void>): void => {
    const settled = call
      .catch((error: unknown) => {
        refuse(error);
      })
      .finally(() => pending.delete(settled));
    pending.add(settled);
  };
  const follow = async (handle: TaskHandle): Promise<void> => {
    const { id, status, result } = await counted(calls.outcomes, 1, handle.outcome());
    if (status !== 'completed' && status !== 'failed' && status !== 'cancelled')
      throw new Error(`the outcome of a task is ${status}`);
    tell({ kind: 'ended', id, status, result: result ?? null });
  };
  const submit = async (tasks: number): Promise<void> => {
    const marks = Array.from({ length: tasks }, () => mark++);
    outstanding += tasks;
    try {
      const inputs = marks.map((each) => someTask(each, random));
      const [first] = inputs;
      const submitted =
        tasks === 1 && first !== undefined
          ? fleet.submit(first).then((handle) => [handle])
          : fleet.submitMany(inputs);
      const handles = await counted(calls.tasks, tasks, submitted);
      handles.forEach(({ id }, i) => tell({ kind: 'accepted', mark: marks[i] ?? -1, id }));
      const followed = handles.map(follow);
      followed.forEach(track);
      await Promise.allSettled(followed);
    } finally {
      outstanding -= tasks;
    }
  };
  const propose = async (): Promise<void> => {
    const opened = fleet.openProposal({ type: 'policy', data: { at: mark }, timeoutMs: APPROVAL_MS });
    const id = await counted(calls.proposals, 1, opened);
    tell({ kind: 'opened', id });
    const { status } = await counted(calls.decisions, 1, fleet.decision(id));
    tell({ kind: 'decided', id, outcome: status });
  };
  /** One task, as often as it takes. */
  const askOne = async (): Promise<void> => {
    const given = mark++;
    const input = { type: 'echo', payload: { mark: given }, idempotencyKey: `after-${given}` };
    for (;;) {
      try {
        const handle = await counted(calls.tasks, 1, fleet.submit(input));
        tell({ kind: 'accepted', mark: given, id: handle.id });
        track(follow(handle));
        return;
      } catch (error) {
        if (!(error instanceof ConclaveError) || !error.isRetryable) throw error;
        refuse(error);
      }
    }
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
    heldBack += tasks - room;
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
      return { calls, heldBack, refused: Object.fromEntries(refused), seconds };
    },
    untilAcknowledged: () => {
      const asked = askOne();
      track(asked);
      return asked;
    },
    stop: async () => {
      clearInterval(timer);
      stoppedAt ??= performance.now();
      while (pending.size > 0) await Promise.all(pending);
    },
  };
}

const nothingYet = (): Counted => ({ asked: 0, answered: 0, refused: 0 });

/** The call itself; what becomes of it is in the tally. */
async function counted<T>(tally: Counted, count: number, call: Promise<T>): Promise<T> {
  tally.asked += count;
  try {
    const answer = await call;
    tally.answered += count;
    return answer;
  } catch (error) {
    tally.refused += count;
    throw error;
  }
}

/** Mostly quick ones; some fail at first, some take a while, some need the fleet's approval. The result of each has its mark. */
function someTask(mark: number, random: SeededRandom): TaskInput {
  const dice = random.next();
  if (dice < 0.01) return { type: 'echo', payload: { mark }, approval: { timeoutMs: APPROVAL_MS } };
  if (dice < 0.03) return { type: 'flaky', payload: { mark, failures: 1, value: { mark } } };
  if (dice < 0.05) return { type: 'slow', payload: { mark, ms: 300, value: { mark } } };
  if (dice < 0.06) return { type: 'echo', payload: { mark }, delayMs: 500 };
  return { type: 'echo', payload: { mark }, priority: 1 + random.below(10) };
}
