/** Agents that live and that nothing reaches: SPEC A4 and A5, on the path that assignments take. */
import type { AgentId } from '../../../src/domain/ids.ts';
import { subjectsOf } from '../../../src/wire/subjects.ts';
import { expectThat, play, type Behaviours, type Stage } from './stage.ts';

const worker = { electable: false };
const mine = { requiredCapabilities: ['x'] };

function mute(stage: Stage, id: string, how: 'lost' | 'barred' | null): void {
  stage.world.broker.mute(id, subjectsOf(stage.fleet.name).inbox(id as AgentId), how);
}

/** `w` is known to be deaf: a task that it was given last has come back. */
async function withDeafWorker(
  stage: Stage,
  how: 'lost' | 'barred',
  before: () => Promise<void> = () => Promise.resolve(),
): Promise<string> {
  stage.join({ a: { handlers: {} }, w: { ...worker, capabilities: ['x'], slots: 2 } });
  await stage.led('a');
  await stage.stand({ a: 'alive', w: 'alive' });
  await before();
  mute(stage, 'w', how);
  const id = await stage.submit({}, mine);
  await stage.becomes(id, 'assigned', 100);
  await stage.becomes(id, 'pending', 4_000);
  return id;
}

const suspicionOf = async (stage: Stage, id: string): Promise<string | null> =>
  (await stage.ask(stage.client.agents())).find((agent) => agent.id === id)?.suspicion ?? null;

/** Many looks of the leader, and many beats. */
async function staysSuspect(stage: Stage, id: string): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await stage.run(530);
    const { state } = await stage.seen(id);
    expectThat(state === 'suspect', `${id} is ${state} although it does not answer`);
  }
}

export const inboxes: Behaviours = {
  'an agent that beats and does not answer its inbox is suspect until it does': play({}, async (stage) => {
    const id = await withDeafWorker(stage, 'lost');
    await staysSuspect(stage, 'w');
    expectThat((await suspicionOf(stage, 'w')) === 'inbox', 'its inbox is why');
    const { reasons } = await stage.ask(stage.client.status());
    expectThat(
      reasons.some((each) => each.startsWith('w is suspect: it beats')),
      reasons.join('; '),
    );
    expectThat(stage.task(id).attempt === 1, 'it is given nothing new');
    mute(stage, 'w', null);
    await stage.becomes(id, 'completed', 1_000);
    expectThat((await stage.seen('w')).state === 'alive', 'w is alive again');
    expectThat((await suspicionOf(stage, 'w')) === null, 'nothing is held against it');
  }),

  'an agent whose inbox is not there is suspect and not dead while it beats': play(
    { settings: { heartbeatIntervalMs: 2_500, unreachableMs: 2_000 } },
    async (stage) => {
      const id = await withDeafWorker(stage, 'barred', async () => {
        // Its next beat comes before its silence could be taken for death.
        for (let heardMsAgo = 0; heardMsAgo < 1_500;) {
          await stage.run(50);
          const agents = await stage.ask(stage.client.agents());
          heardMsAgo = agents.find((agent) => agent.id === 'w')?.heardMsAgo ?? 0;
        }
      });
      await staysSuspect(stage, 'w');
      expectThat(stage.ledger.counts.deaths === 0, 'nobody is dead');
      mute(stage, 'w', null);
      await stage.becomes(id, 'completed', 1_000);
    },
  ),

  'what a deaf agent was not given goes to another and does not count': play({}, async (stage) => {
    const able = { ...worker, capabilities: ['x'] };
    stage.join({ a: { handlers: {} }, w: able, v: able });
    await stage.led('a');
    await stage.stand({ a: 'alive', w: 'alive', v: 'alive' });
    mute(stage, 'w', 'lost');
    const ids = [await stage.submit({}, mine), await stage.submit({}, mine)];
    for (const id of ids) await stage.becomes(id, 'completed', 5_000);
    const [given] = ids.filter((id) => stage.task(id).attempts[0]?.agent === 'w');
    const task = stage.task(given ?? '');
    expectThat(task.attempts[0]?.end === 'returned' && task.failures === 0, 'it does not count');
    expectThat(task.attempts[1]?.agent === 'v', 'v has done it');
  }),

  'what an agent has confirmed goes on while its inbox is silent': play({}, async (stage) => {
    stage.join({ a: { handlers: {} }, w: { ...worker, capabilities: ['x'], slots: 2 } });
    await stage.led('a');
    await stage.stand({ a: 'alive', w: 'alive' });
    const first = await stage.submit({ ms: 8_000 }, mine);
    await stage.becomes(first, 'running');
    mute(stage, 'w', 'lost');
    const second = await stage.submit({}, mine);
    await stage.becomes(second, 'assigned', 100);
    await stage.becomes(second, 'pending', 4_000);
    await stage.becomes(first, 'completed', 8_000);
    expectThat(stage.task(first).attempt === 1 && stage.aborted.length === 0, 'in the same attempt');
    mute(stage, 'w', null);
    await stage.becomes(second, 'completed', 1_000);
  }),

  'a deaf agent that dies is dead by its silence': play({}, async (stage) => {
    await withDeafWorker(stage, 'barred');
    stage.fleet.kill('w');
    await stage.stand({ w: 'dead' }, 6_000);
  }),

  'a new leader finds a deaf agent by itself': play({}, async (stage) => {
    const id = await withDeafWorker(stage, 'lost');
    stage.join({ b: { handlers: {} } });
    await stage.stand({ b: 'alive' });
    await stage.run(2_000);
    stage.fleet.kill('a');
    await stage.led('b');
    await stage.run(4_000);
    expectThat((await stage.seen('w')).state === 'suspect', 'w is suspect');
    expectThat(stage.task(id).status === 'pending', 'the task waits');
    mute(stage, 'w', null);
    await stage.becomes(id, 'completed', 1_000);
  }),
};
