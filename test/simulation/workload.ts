/** What a fleet has to do while it is troubled: handlers of every temper, and a client that asks for everything. */
import {
  DoNotRetry,
  type Handler,
  type HandlerContext,
  type RunningTask,
} from '../../src/runtime/attempts.ts';
import type { Range, SeededRandom, SimulatedFleet } from '../../src/simulation/index.ts';
import type { Fleet } from '../../src/sdk/fleet.ts';
import type { TaskInput } from '../../src/index.ts';
import type { Clock } from '../../src/ports.ts';
import type { Witness } from './witness.ts';

export interface Workload {
  /** Calls to the fleet that have not been answered. */
  readonly pending: number;
}

export interface WorkloadOptions {
  readonly fleet: SimulatedFleet;
  readonly witness: Witness;
  readonly random: SeededRandom;
  readonly untilMs: number;
  /** Between two requests of a client. */
  readonly askMs: Range;
}

/** What a caller may be told while nobody could help it. */
const excuses = new Set(['NO_LEADER', 'TIMEOUT', 'NO_NATS', 'LIMIT_REACHED']);

/** What is said of an agent that has left or died meanwhile. */
const gone = new Set(['NOT_FOUND', 'CONFLICT', 'NOT_A_MEMBER']);
/** How long a drained agent rests. */
const REST_MS = { min: 500, max: 20_000 };

/** One that works for a while, fails now and then, and mostly listens when it is told to stop. */
export function handlerOn(hostId: string, id: string, { fleet, witness, random }: WorkloadOptions): Handler {
  const draw = random.fork(`handler/${hostId}`);
  return (task, { signal }) => {
    const { clock } = fleet.world.host(hostId).ports(fleet.name);
    const incarnation = fleet.nodes.get(hostId)?.incarnation ?? '';
    witness.handlerStarted(id, task);
    signal.addEventListener('abort', () => {
      const node = fleet.nodes.get(hostId);
      const isLeaving = node === undefined || !/active|joining|offline/.test(node.worker.state);
      witness.handlerAborted({ id, incarnation, isLeaving }, task);
    });
    return work(task, signal, clock, draw);
  };
}

function work(
  task: RunningTask,
  signal: HandlerContext['signal'],
  clock: Clock,
  draw: SeededRandom,
): Promise<unknown> {
  const temper = draw.next();
  const ms = temper < 0.1 ? draw.within({ min: 2_000, max: 6_000 }) : draw.within({ min: 0, max: 400 });
  return new Promise((resolve, reject) => {
    if (temper > 0.2) signal.addEventListener('abort', () => reject(new Error('told to stop')));
    clock.setTimeout(() => {
      if (temper > 0.97) reject(new DoNotRetry('for good'));
      else if (temper > 0.8) reject(new Error('once more'));
      else resolve({ id: task.id, attempt: task.attempt });
    }, ms);
  });
}

/** Goes on asking until the time is over. */
export function keepAsking(client: Fleet, clientId: string, options: WorkloadOptions): Workload {
  const { fleet, witness, untilMs, askMs } = options;
  const { world } = fleet;
  const random = options.random.fork(`client/${clientId}`);
  const workload = { pending: 0 };
  let asked = 0;
  const follow = (what: string, call: Promise<unknown>): void => {
    workload.pending += 1;
    world.track(call);
    call.then(
      () => (workload.pending -= 1),
      (error: unknown) => {
        workload.pending -= 1;
        if (!isExcused(error)) witness.note(`${what} was answered with ${String(error)}`);
      },
    );
  };
  const ask = (): void => {
    if (world.now >= untilMs) return;
    asked += 1;
    const mark = `${clientId}-${asked}`;
    const dice = random.next();
    if (dice < 0.6) follow('submit', submit(client, witness, [taskFor(mark, random)], [mark]));
    else if (dice < 0.7) {
      const marks = [`${mark}a`, `${mark}b`, `${mark}c`];
      const tasks = marks.map((each) => taskFor(each, random));
      follow('submit a batch', submit(client, witness, tasks, marks));
    } else if (dice < 0.83)
      follow('submit and cancel', submitAndCancel(client, witness, taskFor(mark, random), mark));
    else if (dice < 0.89) follow('propose', propose(client, witness, []));
    else if (dice < 0.95) follow('propose to others', propose(client, witness, ['eve', 'joe']));
    else if (dice < 0.98) follow('elect', client.elect({ timeoutMs: 60_000 }));
    else {
      const hosts = [...fleet.nodes.keys()];
      const id = hosts[random.below(hosts.length)];
      if (id !== undefined)
        follow('drain and resume', drainAndResume(client, id, random.within(REST_MS), fleet));
    }
    world.after(random.within(askMs), ask);
  };
  ask();
  return workload;
}

function isExcused(error: unknown): boolean {
  const { code = '', message } = error as { code?: string; message: string };
  return excuses.has(code) || (code === 'CONFLICT' && message.includes('no member is alive'));
}

function taskFor(mark: string, random: SeededRandom): TaskInput {
  const dice = random.next();
  return {
    type: 'work',
    payload: { mark },
    maxRetries: random.below(4),
    ...(dice < 0.2 ? { runTimeoutMs: 1_000 } : {}),
    ...(dice > 0.9 ? { approval: { timeoutMs: 4_000 } } : {}),
    ...(dice > 0.8 && dice < 0.95 ? { delayMs: 2_000 } : {}),
    ...(dice > 0.4 && dice < 0.5 ? { idempotencyKey: mark } : {}),
  };
}

/** All of them in one request. */
async function submit(
  client: Fleet,
  witness: Witness,
  tasks: readonly TaskInput[],
  marks: readonly string[],
): Promise<void> {
  const handles = await client.submitMany(tasks);
  for (const [i, { id }] of handles.entries()) witness.acknowledged(marks[i] ?? '', id);
  const outcomes = await Promise.all(handles.map((handle) => handle.outcome()));
  for (const [i, { status }] of outcomes.entries()) witness.outcomeTold(handles[i]?.id ?? '', status);
}

/** With ballots of these, who are no agents, each cast twice: what is asked again is answered again. */
async function propose(client: Fleet, witness: Witness, voters: readonly string[]): Promise<void> {
  const id = await client.openProposal({ type: 'policy', timeoutMs: 5_000, quorum: 0.4, voters });
  const ballots = [...voters, ...voters].map((voter) =>
    client.vote({ proposal: id, voter, decision: 'approve' }).catch((error: unknown) => {
      if ((error as { code?: string }).code !== 'PROPOSAL_CLOSED') throw error;
    }),
  );
  const { status } = await client.decision(id);
  witness.decisionTold(id, status);
  await Promise.all(ballots);
}

/** It takes tasks again afterwards, whatever became of the first call. */
async function drainAndResume(
  client: Fleet,
  id: string,
  restMs: number,
  { world }: SimulatedFleet,
): Promise<void> {
  const unlessGone = (error: unknown): void => {
    if (!isExcused(error) && !gone.has((error as { code?: string }).code ?? '')) throw error;
  };
  await client.drain(id).catch(unlessGone);
  await new Promise<void>((resolve) => world.after(restMs, resolve));
  await client.resume(id).catch(unlessGone);
}

async function submitAndCancel(
  client: Fleet,
  witness: Witness,
  task: TaskInput,
  mark: string,
): Promise<void> {
  const handle = await client.submit(task);
  witness.acknowledged(mark, handle.id);
  try {
    if ((await handle.cancel()) === 'cancelled') witness.outcomeTold(handle.id, 'cancelled');
  } catch (error) {
    if ((error as { code?: string }).code !== 'ALREADY_ENDED') throw error;
  }
  const outcome = await handle.outcome();
  witness.outcomeTold(handle.id, outcome.status);
}
