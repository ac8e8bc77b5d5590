/** How a client waits: for as long as it was told to, and no longer than somebody could still answer. */
import { expect, test } from 'vitest';
import { problem, type ErrorCode } from '../../src/domain/errors.ts';
import type { Incoming } from '../../src/ports.ts';
import { answer, refuse } from '../../src/runtime/respond.ts';
import { Fleet, type FleetOptions } from '../../src/sdk/fleet.ts';
import { SimulatedWorld } from '../../src/simulation/index.ts';
import { subjectsOf, type ApiVerb } from '../../src/wire/subjects.ts';
import { soundAnswers } from '../support/answer-values.ts';

const subjects = subjectsOf('red');
const mark = { term: 1, sequence: 5 };

interface Played {
  readonly world: SimulatedWorld;
  readonly fleet: Fleet;
  /** Whoever leads answers this verb so. */
  readonly serve: (verb: ApiVerb, handle: (message: Incoming) => void) => void;
  /** What came of it: a value or an error. */
  readonly outcome: (call: Promise<unknown>) => Promise<unknown>;
}

function play(options: FleetOptions = {}): Played {
  const world = new SimulatedWorld({ seed: 1 });
  const { bus } = world.host('leader').ports('red');
  return {
    world,
    fleet: new Fleet(world.host('client').ports('red'), 'red', options),
    serve: (verb, handle) => {
      bus.subscribe(subjects.api(verb), handle);
    },
    outcome: (call) =>
      world.settle(
        call.catch((error: unknown) => error),
        { withinMs: 120_000 },
      ),
  };
}

/** A leader that answers a trigger, and is followed by the next one so much later. */
function slowElection({ world, serve }: Played, ms: number): void {
  serve('trigger', (message) => answer(message, { term: 1 }, mark));
  serve('status', (message) => {
    const isOver = world.now >= ms;
    const who = { hasLeader: isOver, leader: isOver ? 'b' : null, term: isOver ? 2 : 1 };
    answer(message, { ...(soundAnswers.status as object), ...who }, mark);
  });
}

test("an election is awaited for as long as the fleet's other calls", async () => {
  const patient = play({ timeoutMs: 60_000 });
  slowElection(patient, 30_000);
  expect(await patient.outcome(patient.fleet.elect())).toEqual({ leader: 'b', term: 2 });
  const hasty = play({ timeoutMs: 1_000 });
  slowElection(hasty, 10_000);
  expect(await hasty.outcome(hasty.fleet.elect())).toMatchObject({ code: 'TIMEOUT' });
});

const waits = {
  result: ({ fleet }) => fleet.handle('t').result(),
  outcome: ({ fleet }) => fleet.handle('t').outcome(),
  assigned: ({ fleet }) => fleet.handle('t').assigned(),
  decision: ({ fleet }) => fleet.decision('p'),
} satisfies Record<string, (played: Played) => Promise<unknown>>;

const verbs = {
  result: 'outcomes',
  outcome: 'outcomes',
  assigned: 'outcomes',
  decision: 'proposal',
} as const;
const kinds = Object.keys(waits) as (keyof typeof waits)[];
const refusals: readonly ErrorCode[] = ['FORBIDDEN', 'INVALID'];

test.each(kinds.flatMap((kind) => refusals.map((code) => ({ kind, code }))))(
  '$kind that is refused with $code ends with the refusal, and waits no longer',
  async ({ kind, code }) => {
    const played = play();
    played.serve(verbs[kind], (message) => refuse(message, problem(code, 'no'), mark));
    expect(await played.outcome(waits[kind](played))).toMatchObject({ code, message: 'no' });
  },
);

test('a wait that is under way ends when the question is refused for good later on', async () => {
  const played = play();
  let isRefused = false;
  played.serve('outcomes', (message) => {
    if (isRefused) refuse(message, problem('FORBIDDEN', 'not any more'), mark);
    else answer(message, { outcomes: [{ id: 't', status: 'running', agent: 'a', attempt: 1 }] }, mark);
  });
  const ended = played.fleet.handle('t').outcome();
  played.world.runFor(5_000);
  isRefused = true;
  expect(await played.outcome(ended)).toMatchObject({ code: 'FORBIDDEN' });
});

test('a wait outlives every refusal that may pass, and silence', async () => {
  const played = play({ timeoutMs: 1_000 });
  const waiting = played.fleet.handle('t').result();
  played.world.runFor(20_000);
  let isReady = false;
  played.serve('outcomes', (message) => {
    if (!isReady) refuse(message, problem('NO_LEADER', 'not yet'), mark);
    else
      answer(
        message,
        { outcomes: [{ id: 't', status: 'completed', result: 7, agent: 'a', attempt: 1 }] },
        mark,
      );
  });
  played.world.runFor(20_000);
  isReady = true;
  expect(await played.outcome(waiting)).toBe(7);
});
