/** Agents that change what they say of themselves while they run: SPEC A7. */
import { expectThat, play, type Behaviours, type Stage } from './stage.ts';

const worker = { electable: false };
const mine = { requiredCapabilities: ['x'] };

async function withWorker(stage: Stage, more: object = {}): Promise<void> {
  stage.join({ a: { handlers: {} }, w: { ...worker, ...more } });
  await stage.led('a');
  await stage.stand({ a: 'alive', w: 'alive' });
}

export const changes: Behaviours = {
  'a new capability ends a wait and its reason, a lost one begins them': play({}, async (stage) => {
    await withWorker(stage);
    const reasons = async (): Promise<string> => (await stage.ask(stage.client.status())).reasons.join('; ');
    const first = await stage.submit({}, mine);
    expectThat((await reasons()).includes('`x`, which no agent has'), 'the first waits for x');
    stage.node('w').update({ capabilities: ['x'] });
    await stage.becomes(first, 'completed', 100);
    expectThat((await reasons()) === '', 'nothing waits');
    stage.node('w').update({ capabilities: [] });
    await stage.until('w has no capability', () => capabilitiesOf(stage, 'w').length === 0, 100);
    const second = await stage.submit({}, mine);
    await stage.run(1_000);
    expectThat(stage.task(second).status === 'pending', 'nobody can take the second');
    expectThat((await reasons()).includes('`x`, which no agent has'), 'and it says so');
  }),

  'with fewer slots than it uses, an agent goes on and gets no more until it has room': play(
    {},
    async (stage) => {
      await withWorker(stage, { slots: 3 });
      const ids = [];
      for (const ms of [2_000, 4_000, 6_000]) ids.push(await stage.submit({ ms }));
      for (const id of ids) await stage.becomes(id, 'running');
      stage.node('w').update({ slots: 1 });
      const next = await stage.submit({});
      await stage.run(5_000);
      expectThat(stage.task(next).attempt === 0, 'the next waits while one runs');
      for (const id of ids) await stage.becomes(id, 'completed');
      await stage.becomes(next, 'completed', 1_000);
      expectThat(
        [...ids, next].every((id) => stage.task(id).attempt === 1),
        'each in one attempt',
      );
    },
  ),

  'with more slots an agent is given more at once': play({}, async (stage) => {
    await withWorker(stage);
    const ids = [await stage.submit({ ms: 60_000 }), await stage.submit({})];
    await stage.run(1_000);
    expectThat(stage.task(ids[1] ?? '').status === 'pending', 'w is full');
    stage.node('w').update({ slots: 2 });
    await stage.becomes(ids[1] ?? '', 'completed', 100);
  }),

  'a change of priority and labels shows at once, and counts in the next election': play(
    {},
    async (stage) => {
      stage.join({ a: { priority: 2 }, b: { priority: 1 } });
      await stage.led('a');
      await stage.run(3_000);
      stage.node('b').update({ priority: 3, labels: { zone: 'north' } });
      await stage.run(100);
      const b = (await stage.ask(stage.client.agents())).find(({ id }) => id === 'b');
      expectThat(b?.priority === 3 && b.score === 4 && b.labels['zone'] === 'north', 'it is shown');
      await stage.ask(stage.client.elect());
      await stage.led('b', 5_000);
    },
  ),

  'a change that is made while it is offline is told when it is back': play({}, async (stage) => {
    await withWorker(stage);
    const id = await stage.submit({}, mine);
    stage.world.broker.restart(1_000);
    await stage.until('w is offline', () => stage.node('w').worker.state === 'offline', 500);
    stage.node('w').update({ capabilities: ['x'] });
    await stage.becomes(id, 'completed', 10_000);
  }),

  'a change that is made while it joins is told when it is in': play({}, async (stage) => {
    stage.join({ a: { handlers: {} } });
    await stage.led('a');
    await stage.stand({ a: 'alive' });
    stage.world.host('a').pause();
    stage.join({ w: worker });
    await stage.run(100);
    expectThat(stage.node('w').worker.state.endsWith('asking'), 'its join is under way');
    stage.node('w').update({ capabilities: ['x'] });
    stage.world.host('a').resume();
    await stage.stand({ w: 'alive' });
    await stage.becomes(await stage.submit({}, mine), 'completed', 1_000);
  }),
};

function capabilitiesOf(stage: Stage, id: string): readonly string[] {
  return stage.ledger.members.get(stage.node(id).id)?.profile.capabilities ?? [];
}
