/** The lives of tasks: SPEC T1–T9, V8. */
import type { Decision } from '../../../src/domain/events.ts';
import { expectThat, play, type Behaviours, type Stage } from './stage.ts';

const nobody = { requiredCapabilities: ['nobody-has-this'] };

async function fleetOf(stage: Stage, vote: Decision = 'approve'): Promise<void> {
  const agent = { vote: () => vote, slots: 2 };
  stage.join({ a: { ...agent, priority: 1 }, b: agent, c: { ...agent, electable: false } });
  await stage.led('a');
  await stage.stand({ a: 'alive', b: 'alive', c: 'alive' });
}

async function cancels(stage: Stage, id: string, expected: string): Promise<void> {
  const answer = await stage.ask(stage.client.cancel(id));
  expectThat(answer === expected, `the answer is ${expected}, not ${answer}`);
  await stage.becomes(id, 'cancelled');
  expectThat((await stage.refusalOf(stage.client.cancel(id))) === 'ALREADY_ENDED', 'it has ended');
}

export const tasks: Behaviours = {
  'a task is assigned, runs, and completes': play({}, async (stage) => {
    await fleetOf(stage);
    const handle = await stage.ask(stage.client.submit({ type: 'work', payload: { ms: 500 } }));
    await stage.becomes(handle.id, 'running', 300);
    await stage.ask(handle.result());
    expectThat(stage.task(handle.id).status === 'completed', 'completed');
  }),

  'a failing task is tried again, each time later, until its retries are used up; by hand once more': play(
    {},
    async (stage) => {
      await fleetOf(stage);
      const id = await stage.submit({ failures: 3 }, { maxRetries: 2 });
      await stage.becomes(id, 'failed', 15_000);
      const { attempts, failures } = stage.task(id);
      expectThat(attempts.length === 3 && failures === 3, 'three attempts');
      const pause = (i: number): number => (attempts[i + 1]?.assignedAt ?? 0) - (attempts[i]?.endedAt ?? 0);
      expectThat(pause(0) >= 250 && pause(1) >= 500, 'with growing pauses');
      await stage.ask(stage.client.retry(id));
      await stage.becomes(id, 'completed');
    },
  ),

  'an attempt that runs too long is stopped and another follows': play({}, async (stage) => {
    await fleetOf(stage);
    const id = await stage.submit({ ms: 5_000 }, { runTimeoutMs: 500, maxRetries: 1 });
    await stage.becomes(id, 'failed', 6_000);
    expectThat(
      stage.task(id).attempts.every(({ end }) => end === 'timedOut'),
      'both timed out',
    );
    await stage.run(1_000);
    expectThat(
      stage.aborted.filter((each) => each.includes(id)).length === 2,
      'both handlers were told to stop',
    );
  }),

  'an attempt that runs too long is stopped, and not the one after it, also when the ledger is slow': play(
    {},
    async (stage) => {
      await fleetOf(stage);
      const id = await stage.submit({ ms: 10_000 }, { runTimeoutMs: 500, maxRetries: 5 });
      await stage.becomes(id, 'running');
      await stage.run(400);
      stage.world.ledger(stage.fleet.name).holdNextAppend('a');
      const wasToldToStop = (attempt: number): boolean =>
        stage.aborted.some((each) => each.endsWith(`${id}/${attempt}`));
      await stage.until('the first is told to stop', () => wasToldToStop(1));
      await stage.run(50);
      expectThat(stage.task(id).attempt === 2 && !wasToldToStop(2), 'the second goes on');
    },
  ),

  'a task that nobody has yet is cancelled at once': play({}, async (stage) => {
    await fleetOf(stage);
    await cancels(stage, await stage.submit({}, nobody), 'cancelled');
    await cancels(stage, await stage.submit({}, { delayMs: 60_000 }), 'cancelled');
    const gated = await stage.submit({}, { approval: { voters: ['somebody'], quorum: 1 } });
    expectThat(stage.task(gated).status === 'awaiting_approval', 'it waits for approval');
    await cancels(stage, gated, 'cancelled');
    const proposal = stage.task(gated).spec.proposal ?? '';
    const { status } = await stage.ask(stage.client.decision(proposal));
    expectThat(status === 'withdrawn', 'nobody need vote on it any more');
    const late = stage.client.vote({ proposal, voter: 'somebody', decision: 'approve' });
    expectThat((await stage.refusalOf(late)) === 'PROPOSAL_CLOSED', 'and nobody can');
  }),

  'a running task is cancelled when its handler has stopped': play({}, async (stage) => {
    await fleetOf(stage);
    const id = await stage.submit({ ms: 10_000 });
    await stage.becomes(id, 'running');
    await cancels(stage, id, 'cancelling');
    const deaf = await stage.submit({ ms: 3_000, isDeaf: true });
    await stage.becomes(deaf, 'running');
    await stage.ask(stage.client.cancel(deaf));
    await stage.run(1_000);
    expectThat(stage.task(deaf).status === 'cancelling', 'its handler goes on');
    await stage.becomes(deaf, 'cancelled');
  }),

  'a task that is assigned to a frozen agent is cancelled when that agent is dead': play(
    {},
    async (stage) => {
      await fleetOf(stage);
      stage.join({ w: { electable: false, capabilities: ['x'] } });
      await stage.stand({ w: 'alive' });
      stage.world.host('w').pause();
      const id = await stage.submit({}, { requiredCapabilities: ['x'] });
      await stage.becomes(id, 'assigned');
      expectThat((await stage.ask(stage.client.cancel(id))) === 'cancelling', 'its agent has not answered');
      await stage.becomes(id, 'cancelled', 8_000);
      stage.world.host('w').resume();
      await stage.stand({ w: 'alive' });
    },
  ),

  'a task waits for its approval, and then for its time': play({}, async (stage) => {
    await fleetOf(stage);
    const approval = { quorum: 1 };
    const soon = await stage.submit({}, { approval });
    expectThat(stage.task(soon).spec.proposal !== null, 'it has a proposal');
    await stage.becomes(soon, 'completed', 2_000);
    const later = await stage.submit({}, { approval, delayMs: 3_000 });
    await stage.becomes(later, 'scheduled', 1_000);
    await stage.run(1_500);
    expectThat(stage.task(later).attempt === 0, 'it is not yet time');
    await stage.becomes(later, 'completed', 3_000);
  }),

  'a task that is not approved fails and never runs': play({}, async (stage) => {
    await fleetOf(stage, 'reject');
    const id = await stage.submit({}, { approval: {} });
    await stage.becomes(id, 'failed', 2_000);
    expectThat(
      stage.task(id).attempt === 0 && stage.task(id).error?.code === 'NOT_APPROVED',
      'for that reason',
    );
  }),

  'a task is not started before its time': play({}, async (stage) => {
    await fleetOf(stage);
    const id = await stage.submit({}, { delayMs: 2_000 });
    expectThat(stage.task(id).status === 'scheduled', 'it is scheduled');
    await stage.run(1_500);
    expectThat(stage.task(id).status === 'scheduled', 'it is still scheduled');
    await stage.becomes(id, 'completed', 1_000);
  }),

  'what a dead agent had goes to another': play({}, async (stage) => {
    await fleetOf(stage);
    const ids = await Promise.all([1, 2, 3, 4].map(() => stage.submit({ ms: 1_500 })));
    for (const id of ids) await stage.becomes(id, 'running');
    stage.fleet.kill('c');
    for (const id of ids) await stage.becomes(id, 'completed', 10_000);
    const lost = ids.filter((id) => stage.task(id).attempts.some(({ end }) => end === 'lost'));
    expectThat(lost.length > 0, 'something was lost and done by another');
  }),

  'what a restarted agent does not know of any more goes to another': play({}, async (stage) => {
    await fleetOf(stage);
    stage.join({ w: { electable: false, capabilities: ['x'] } });
    await stage.stand({ w: 'alive' });
    const id = await stage.submit({ ms: 1_000 }, { requiredCapabilities: ['x'] });
    await stage.becomes(id, 'running');
    stage.fleet.revive('w');
    await stage.becomes(id, 'completed', 10_000);
    const { attempts } = stage.task(id);
    expectThat(attempts[0]?.end === 'lost' && attempts[1]?.end === 'completed', 'lost, then done');
  }),

  'work goes on under a new leader: nothing is lost, nothing is done twice': play({}, async (stage) => {
    await fleetOf(stage);
    const ids = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => stage.submit({ ms: 300 * i })));
    await stage.run(200);
    stage.fleet.kill('a');
    for (const id of ids) await stage.becomes(id, 'completed', 10_000);
  }),
};
