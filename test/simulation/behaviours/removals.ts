/** Agents that are removed by hand, whatever they do at that moment: SPEC A7. */
import { subjectsOf } from '../../../src/wire/subjects.ts';
import { expectThat, play, type Behaviours, type Stage } from './stage.ts';

const deaf = { ms: 3_600_000, isDeaf: true };
const worker = { electable: false };
const mine = { requiredCapabilities: ['x'] };

/** A leader, and two workers; `w` runs a task that never ends. */
async function withBusyWorker(stage: Stage): Promise<string> {
  stage.join({ a: { handlers: {} }, w: { ...worker, capabilities: ['x'] }, v: worker });
  await stage.led('a');
  await stage.stand({ a: 'alive', w: 'alive', v: 'alive' });
  const id = await stage.submit(deaf, mine);
  await stage.becomes(id, 'running');
  return id;
}

/** Kills the leader so long after the removal was asked for, and has it back afterwards. */
async function removeAndKill(stage: Stage, id: string, afterMs: number): Promise<void> {
  await stage.until('somebody leads', () => stage.fleet.leaders().length === 1);
  const leader = stage.fleet.leader()?.id ?? '';
  const removed = stage.client.remove(id);
  await stage.run(afterMs);
  stage.fleet.kill(leader);
  await stage.ask(removed);
  await stage.ends(id, 'REMOVED', 5_000);
  expectThat(stage.member(id) === 'unknown', `${id} is no member`);
  stage.fleet.revive(leader);
  await stage.stand({ [leader]: 'alive' });
}

export const removals: Behaviours = {
  'a removed agent is gone at once, its work goes to another, and its process ends': play(
    {},
    async (stage) => {
      const id = await withBusyWorker(stage);
      stage.join({ u: { ...worker, capabilities: ['x'], handlers: { work: () => 'done by u' } } });
      await stage.stand({ u: 'alive' });
      await stage.ask(stage.client.remove('w'));
      expectThat(stage.member('w') === 'unknown', 'w is no member');
      await stage.ends('w', 'REMOVED', 500);
      expectThat(stage.aborted.includes(`w ${id}/1`), 'its handler was told to stop');
      await stage.becomes(id, 'completed', 1_000);
      const [first, second] = stage.task(id).attempts;
      expectThat(first?.end === 'lost' && second?.agent === 'u', 'the task went to u');
    },
  ),

  'an open proposal does not wait for a voter that is removed': play({}, async (stage) => {
    stage.join({ a: {}, w: { ...worker, vote: () => new Promise(() => undefined) } });
    await stage.led('a');
    await stage.stand({ a: 'alive', w: 'alive' });
    const id = await stage.ask(
      stage.client.openProposal({ type: 'x', timeoutMs: 600_000, voters: ['carol'] }),
    );
    await stage.ask(stage.client.vote({ proposal: id, voter: 'carol', decision: 'approve' }));
    await stage.run(2_000);
    expectThat(stage.ledger.counts.proposals.open === 1, 'it waits for w');
    await stage.ask(stage.client.remove('w'));
    expectThat(stage.ledger.counts.proposals.approved === 1, 'it is decided without w');
    await stage.ends('w', 'REMOVED', 500);
  }),

  'a voter that is removed while it thinks votes no more': play({}, async (stage) => {
    const { clock } = stage.world.host('w').ports(stage.fleet.name);
    const vote = (): Promise<'approve'> =>
      new Promise((resolve) => clock.setTimeout(() => resolve('approve'), 3_000));
    stage.join({ a: {}, w: { ...worker, vote } });
    await stage.led('a');
    await stage.stand({ a: 'alive', w: 'alive' });
    const open = { type: 'x', quorum: 1, timeoutMs: 60_000, voters: ['carol'] };
    const id = await stage.ask(stage.client.openProposal(open));
    await stage.run(1_000);
    stage.world.host('w').pause();
    await stage.ask(stage.client.remove('w'));
    await stage.run(3_000);
    stage.world.host('w').resume();
    await stage.ends('w', 'REMOVED', 3_000);
    const { ballots, status } = await stage.ask(stage.client.proposal(id));
    expectThat(status === 'open' && ballots.every(({ voter }) => voter !== 'w'), 'w has no ballot');
  }),

  'a removed process that was frozen does no harm when it thaws, and ends': play(
    { settings: { forgetMembersMs: 2_000 } },
    async (stage) => {
      const id = await withBusyWorker(stage);
      stage.world.host('w').pause();
      await stage.ask(stage.client.remove('w'));
      stage.join({ w: { ...worker, capabilities: ['x'], host: 'elsewhere' } });
      await stage.stand({ w: 'alive' }, 2_000);
      await stage.until('the new process has the work', () => stage.started.includes(`elsewhere ${id}/2`));
      await stage.run(10_000);
      stage.world.host('w').resume();
      await stage.ends('w', 'REMOVED', 3_000);
      expectThat(stage.aborted.includes(`w ${id}/1`), 'its handler was told to stop');
      await stage.run(2_000);
      expectThat(stage.member('w') === 'alive' && stage.task(id).attempt === 2, 'the new process goes on');
    },
  ),

  'who left or died can be removed, and is forgotten at once': play({}, async (stage) => {
    stage.join({ a: {}, w: worker, v: worker });
    await stage.led('a');
    await stage.stand({ w: 'alive', v: 'alive' });
    stage.node('w').leave();
    await stage.ends('w', null);
    stage.fleet.kill('v');
    await stage.stand({ w: 'left', v: 'dead' });
    for (const id of ['w', 'v']) {
      await stage.ask(stage.client.remove(id));
      expectThat(stage.member(id) === 'unknown', `${id} is forgotten`);
      const again = await stage.refusalOf(stage.client.remove(id));
      expectThat(again === 'NOT_FOUND', `removing ${id} once more is ${again}`);
    }
    stage.join({ w: worker, v: worker });
    await stage.stand({ w: 'alive', v: 'alive' }, 2_000);
  }),

  'a leader that is removed hands over and ends': play({}, async (stage) => {
    stage.join({ a: { priority: 2 }, b: { priority: 1 } });
    await stage.led('a');
    await stage.stand({ a: 'alive', b: 'alive' });
    await stage.ask(stage.client.remove('a'));
    await stage.ends('a', 'REMOVED', 1_000);
    await stage.led('b', 1_000);
    expectThat(stage.member('a') === 'unknown', 'a is no member');
    expectThat(stage.ledger.lastElection?.cause === 'handover', 'it handed over');
  }),

  'a leader that is removed ends although nobody follows it and nothing reaches it': play(
    {},
    async (stage) => {
      stage.join({ a: {}, w: worker });
      await stage.led('a');
      await stage.stand({ a: 'alive', w: 'alive' });
      stage.world.broker.mute('a', subjectsOf(stage.fleet.name).inbox(stage.node('a').id), 'lost');
      await stage.ask(stage.client.remove('a'));
      await stage.ends('a', 'REMOVED', 1_000);
      await stage.run(5_000);
      expectThat(stage.ledger.term === 1, 'it stood no more');
      stage.join({ a: {} });
      await stage.led('a', 15_000);
      await stage.stand({ a: 'alive' });
    },
  ),

  'a standby that is removed while it is frozen never stands again': play({}, async (stage) => {
    stage.join({ a: { priority: 1 }, b: { priority: 2, handlers: {} } });
    await stage.run(3_000);
    const leader = stage.fleet.leader()?.id ?? '';
    const other = leader === 'a' ? 'b' : 'a';
    await stage.stand({ a: 'alive', b: 'alive' });
    stage.world.host(other).pause();
    await stage.ask(stage.client.remove(other));
    stage.fleet.kill(leader);
    stage.world.host(other).resume();
    await stage.ends(other, 'REMOVED', 5_000);
    expectThat(stage.ledger.term === 1, 'nobody led after it was removed');
    stage.join({ [leader]: {} });
    await stage.led(leader, 15_000);
  }),

  'a removal goes on through the death of the leader in the middle, and happens once': play(
    {},
    async (stage) => {
      const ids = [1, 2, 3, 5, 9].map((ms) => `w${ms}`);
      stage.join({ a: { handlers: {} }, b: { handlers: {} } });
      stage.join(Object.fromEntries(ids.map((id) => [id, worker])));
      await stage.run(3_000);
      await stage.stand(Object.fromEntries(['a', 'b', ...ids].map((id) => [id, 'alive'])));
      for (const id of ids) await removeAndKill(stage, id, Number(id.slice(1)));
      expectThat(stage.ledger.removed.size === ids.length, 'each was removed once');
    },
  ),
};
