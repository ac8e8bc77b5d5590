/**
 * What it costs to show a fleet with 100 tasks, and one with 100,000: pages of 50 and the status, as the leader and
 * an HTTP server answer them, without the wire. Nothing else is needed: no server, no agents.
 */
import { charts } from '../actors/table.ts';
import { apply, beginEntry, type Author } from '../src/domain/apply.ts';
import type { LedgerEvent } from '../src/domain/events.ts';
import type { AgentId, Incarnation, TaskId } from '../src/domain/ids.ts';
import { emptyState } from '../src/domain/state.ts';
import type { Reader } from '../src/runtime/reader.ts';
import { stillReader } from '../src/runtime/still-reader.ts';
import type { TasksQuery } from '../src/wire/messages.ts';

const sizes = [100, 100_000] as const;
const ROUNDS = 2_000;
const ROUNDS_FED = 5;
const START = 1_750_000_000_000;
const leader = 'agent_0' as AgentId;
const author: Author = { term: 1, id: leader, incarnation: 'life' as Incarnation, genesis: 'bench' };

/** Nine of ten are completed, nine of ten are scans, most are with one agent and need a capability. */
function* historyOf(tasks: number): Iterable<LedgerEvent> {
  yield { type: 'term.started', cause: 'start', candidates: [], durationMs: 0 };
  for (let i = 0; i < 4; i += 1) yield joined(`agent_${i}` as AgentId, tasks);
  for (let i = 0; i < tasks; i += 1) {
    const id = String(i).padStart(26, '0') as TaskId;
    yield submitted(id, i);
    if (i % 10 === 0) continue;
    yield { type: 'task.assigned', id, agent: `agent_${i % 7 < 4 ? 0 : i % 4}` as AgentId, attempt: 1 };
    yield { type: 'task.completed', id, attempt: 1, result: { found: i } };
  }
}

function joined(id: AgentId, slots: number): LedgerEvent {
  const profile = { capabilities: ['x'], priority: 0, slots, electable: true, labels: {}, handles: ['*'] };
  return { type: 'member.joined', id, incarnation: 'life' as Incarnation, profile };
}

function submitted(id: TaskId, i: number): LedgerEvent {
  const rest = { maxRetries: 3, runTimeoutMs: null, notBefore: null, proposal: null, payload: { depth: i } };
  const requiredCapabilities = i % 8 === 0 ? [] : ['x'];
  const spec = {
    id,
    type: i % 9 === 0 ? 'clean' : 'scan',
    priority: 5,
    requiredCapabilities,
    target: `host-${i}`,
    ...rest,
  };
  return { type: 'task.submitted', task: spec };
}

/** Of the fastest of several batches: what the machine does beside only makes it slower. */
function microsecondsOf(run: () => unknown, rounds = ROUNDS): number {
  let best = Infinity;
  for (let batch = 0; batch < 10; batch += 1) {
    const start = performance.now();
    for (let i = 0; i < rounds / 10; i += 1) run();
    best = Math.min(best, ((performance.now() - start) * 1_000) / (rounds / 10));
  }
  return best;
}

/** The deepest page of 50 of a list. */
function deepest(reader: Reader, query: TasksQuery): TasksQuery {
  const { total } = reader.tasks({ ...query, limit: 1 });
  return { ...query, skip: Math.max(0, (total ?? 0) - 50) };
}

function measured(tasks: number): Record<string, number> {
  const events = [...historyOf(tasks)];
  const state = emptyState();
  beginEntry(state, { sequence: 1, term: 1, at: START });
  for (const event of events) apply(state, event, author, charts);
  const reader = stillReader(state, 'bench');
  const building = microsecondsOf(() => {
    stillReader(state, 'bench').prepare();
  }, 20);
  const silent = feeding(events, () => undefined);
  const page = (query: TasksQuery): number => microsecondsOf(() => reader.tasks(query));
  const two: TasksQuery = { status: 'completed', type: 'scan' };
  return {
    'first page': page({}),
    'last page': page(deepest(reader, {})),
    'last page of one status': page(deepest(reader, { status: 'completed' })),
    'last page of one status and type': page(deepest(reader, two)),
    'newest of one agent and capability': page({ agent: 'agent_0', capability: 'x', order: 'newest' }),
    'first page with a text': page({ text: 'host-' }),
    status: microsecondsOf(() => reader.status()),
    'building, each task': building / tasks,
    'keeping the catalog in step': (feeding(events, (reader) => reader.tasks()) - silent) / events.length,
    'keeping the figures in step': (feeding(events, (reader) => reader.status()) - silent) / events.length,
  };
}

/** Microseconds for all, `applied` to a new state and told to a reader that was asked before. */
function feeding(events: readonly LedgerEvent[], ask: (reader: Reader) => unknown): number {
  let best = Infinity;
  for (let round = 0; round < ROUNDS_FED; round += 1) {
    const state = emptyState();
    beginEntry(state, { sequence: 1, term: 1, at: START });
    const reader = stillReader(state, 'bench');
    ask(reader);
    const start = performance.now();
    for (const event of events) {
      apply(state, event, author, charts);
      reader.touch(event);
    }
    best = Math.min(best, (performance.now() - start) * 1_000);
  }
  return best;
}

measured(10_000);
const [small, large] = sizes.map(measured);
for (const [what, few] of Object.entries(small ?? {})) {
  const lots = large?.[what] ?? NaN;
  console.log(
    `${what.padEnd(36)} ${few.toFixed(2).padStart(9)} µs ${lots.toFixed(2).padStart(9)} µs  × ${(lots / few).toFixed(1)}`,
  );
}
