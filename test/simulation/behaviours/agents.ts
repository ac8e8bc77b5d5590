/** The lives of agents, as they are lived and as the leader sees them: SPEC A1–A7. */
import type { AgentId } from '../../../src/domain/ids.ts';
import { subjectsOf } from '../../../src/wire/subjects.ts';
import { expectThat, play, type Behaviours, type Stage } from './stage.ts';
import { Stranger } from './stranger.ts';

const deaf = { ms: 3_600_000, isDeaf: true };
const worker = { electable: false };

/** A leader, and a worker that is in the fleet. */
async function withWorker(stage: Stage, more: object = {}): Promise<void> {
  stage.join({ a: { handlers: {} }, w: { ...worker, ...more }, v: worker });
  await stage.led('a');
  await stage.stand({ a: 'alive', w: 'alive', v: 'alive' });
}

const offline = (stage: Stage, host: string): boolean => stage.node(host).worker.state === 'offline';

export const agents: Behaviours = {
  'an agent that comes before any leader is let in when there is one': play({}, async (stage) => {
    stage.join({ w: worker });
    await stage.run(3_000);
    stage.join({ a: {} });
    await stage.stand({ w: 'alive', a: 'alive' }, 5_000);
  }),

  'an agent shows whether it is idle, busy or full': play({}, async (stage) => {
    await withWorker(stage, { slots: 2, capabilities: ['x'] });
    const shows = async (what: string): Promise<void> => {
      await stage.run(1_200);
      const { activity } = await stage.seen('w');
      expectThat(activity === `online.active.${what}`, `w is ${what}, not ${String(activity)}`);
    };
    await shows('idle');
    await stage.submit({ ms: 4_000 }, { requiredCapabilities: ['x'] });
    await shows('busy');
    await stage.submit({ ms: 10_000 }, { requiredCapabilities: ['x'] });
    await shows('full');
    await stage.run(2_000);
    await shows('busy');
    await stage.run(7_000);
    await shows('idle');
  }),

  'an agent that is told to leave before it is connected goes at once': play({}, async (stage) => {
    stage.world.broker.restart(5_000);
    stage.join({ w: worker });
    stage.node('w').leave();
    await stage.ends('w', null, 100);
  }),

  'an agent that is told to leave while nobody lets it in goes after a while': play({}, async (stage) => {
    stage.join({ w: worker });
    await stage.run(1_000);
    stage.node('w').leave();
    await stage.ends('w', null, 4_000);
  }),

  'an idle agent that leaves is gone at once, and is not dead': play({}, async (stage) => {
    await withWorker(stage);
    stage.node('w').leave();
    await stage.ends('w', null, 500);
    await stage.stand({ w: 'left' }, 100);
  }),

  'a busy agent that leaves finishes its work and takes no other': play({}, async (stage) => {
    await withWorker(stage, { slots: 2, capabilities: ['x'] });
    const mine = { requiredCapabilities: ['x'] };
    const first = await stage.submit({ ms: 1_000 }, mine);
    await stage.becomes(first, 'running');
    stage.node('w').leave();
    await stage.stand({ w: 'draining' });
    const second = await stage.submit({}, mine);
    await stage.becomes(first, 'completed', 2_000);
    await stage.ends('w', null, 500);
    await stage.stand({ w: 'left' }, 100);
    expectThat(stage.task(second).attempt === 0, 'the second task waits for another');
  }),

  'an agent that cannot finish in time hands its work back': play(
    { settings: { leaveGraceMs: 2_000 } },
    async (stage) => {
      await withWorker(stage, { capabilities: ['x'] });
      const id = await stage.submit({ ...deaf, ms: 20_000 }, { requiredCapabilities: ['x'] });
      await stage.becomes(id, 'running');
      stage.node('w').leave();
      await stage.ends('w', null, 4_000);
      await stage.stand({ w: 'left' }, 100);
      expectThat(stage.aborted.includes(`w ${id}/1`), 'its handler was told to stop');
      expectThat(
        stage.task(id).attempts[0]?.end === 'returned' && stage.task(id).failures === 0,
        'it does not count',
      );
      stage.join({ u: { ...worker, capabilities: ['x'] } });
      await stage.becomes(id, 'running');
    },
  ),

  'a connection that is lost and found again changes nothing': play({}, async (stage) => {
    await withWorker(stage);
    const id = await stage.submit({ ms: 3_000 });
    await stage.becomes(id, 'running');
    stage.world.broker.restart(1_000);
    await stage.until('w is offline', () => offline(stage, 'w'), 500);
    await stage.until('w is back', () => stage.node('w').worker.state.startsWith('online.active'), 3_000);
    await stage.becomes(id, 'completed');
    expectThat(stage.task(id).attempt === 1, 'in the same attempt');
    stage.node('w').leave();
    await stage.ends('w', null);
    await stage.stand({ w: 'left' }, 100);
  }),

  'an agent that is told to leave while it is offline goes at once': play({}, async (stage) => {
    await withWorker(stage);
    await stage.submit({ ms: 5_000 });
    stage.world.broker.restart(4_000);
    await stage.until('w is offline', () => offline(stage, 'w'), 500);
    stage.node('w').leave();
    await stage.ends('w', null, 100);
    await stage.stand({ w: 'dead' }, 15_000);
  }),

  'an agent that joins, drains or leaves when the connection breaks goes on where it was': play(
    {},
    async (stage) => {
      stage.join({ w: worker });
      await stage.run(100);
      stage.world.broker.restart(500);
      await stage.run(50);
      stage.join({ a: {} });
      await stage.stand({ w: 'alive' });
      const id = await stage.submit({ ms: 3_000 }, { requiredCapabilities: [] });
      await stage.becomes(id, 'running');
      stage.node('w').leave();
      await stage.run(5);
      stage.world.broker.restart(500);
      await stage.ends('w', null, 8_000);
      await stage.stand({ w: 'left' });
    },
  ),

  'an agent that was silent is suspect, and alive again when it answers': play({}, async (stage) => {
    await withWorker(stage);
    const id = await stage.submit({ ms: 8_000 });
    await stage.becomes(id, 'running');
    const agent = stage.task(id).attempts[0]?.agent ?? '';
    stage.world.host(agent).pause();
    await stage.run(4_000);
    expectThat((await stage.seen(agent)).state === 'suspect', `${agent} is suspect`);
    stage.world.host(agent).resume();
    await stage.run(300);
    expectThat((await stage.seen(agent)).state === 'alive', `${agent} is alive again`);
    await stage.becomes(id, 'completed');
    expectThat(stage.task(id).attempt === 1, 'its work was not touched');
  }),

  'a suspect is asked again and again, not once': play({}, async (stage) => {
    await withWorker(stage);
    const stranger = new Stranger(stage, 'z');
    let asked = 0;
    stranger.join((message) => {
      asked += 1;
      if (asked > 1) stranger.reply(message);
    });
    await stage.stand({ z: 'alive' });
    await stage.run(12_000);
    expectThat(stage.member('z') === 'alive', 'z answers, so it lives');
  }),

  'a suspect can be drained, and stays so when it answers': play({}, async (stage) => {
    await withWorker(stage);
    stage.world.host('w').pause();
    await stage.run(3_800);
    expectThat((await stage.seen('w')).state === 'suspect', 'w is suspect');
    await stage.ask(stage.client.drain('w'));
    stage.world.host('w').resume();
    await stage.run(300);
    expectThat((await stage.seen('w')).state === 'draining', 'w is draining');
  }),

  'a drained agent gets no work until it is resumed': play({}, async (stage) => {
    await withWorker(stage, { capabilities: ['x'] });
    await stage.ask(stage.client.drain('w'));
    const id = await stage.submit({}, { requiredCapabilities: ['x'] });
    await stage.run(1_500);
    expectThat(stage.task(id).status === 'pending', 'the task waits');
    await stage.ask(stage.client.resume('w'));
    await stage.becomes(id, 'completed', 2_000);
    expectThat((await stage.seen('w')).state === 'alive', 'w is alive');
  }),

  'a draining agent that dies is dead, and its work goes to another': play({}, async (stage) => {
    await withWorker(stage);
    const ids = [await stage.submit({ ms: 2_000 }), await stage.submit({ ms: 2_000 })];
    for (const id of ids) await stage.becomes(id, 'running');
    await stage.ask(stage.client.drain('w'));
    stage.world.host('w').pause();
    await stage.stand({ w: 'dead' }, 8_000);
    for (const id of ids) await stage.becomes(id, 'completed');
    expectThat(stage.ledger.counts.reassigned === 1, 'one task went to another');
    stage.world.host('w').resume();
    await stage.stand({ w: 'alive' });
  }),

  'a draining agent that was not to be reached for a moment is asked again, and keeps its work': play(
    { settings: { heartbeatIntervalMs: 5_000 } },
    async (stage) => {
      await withWorker(stage, { capabilities: ['x'] });
      const id = await stage.submit({ ms: 20_000 }, { requiredCapabilities: ['x'] });
      await stage.becomes(id, 'running');
      await stage.ask(stage.client.drain('w'));
      // As while it connects anew: a new leader asks everybody, it is not there, and its next beat is far.
      const inbox = subjectsOf(stage.fleet.name).inbox('w' as AgentId);
      stage.world.broker.mute('w', inbox, 'barred');
      await stage.ask(stage.client.elect());
      await stage.run(100);
      stage.world.broker.mute('w', inbox, null);
      await stage.becomes(id, 'completed', 30_000);
      expectThat(stage.task(id).attempt === 1, 'its work was not touched');
      expectThat((await stage.seen('w')).state === 'draining', 'w is draining');
    },
  ),

  'an agent that was declared dead joins again when it wakes': play({}, async (stage) => {
    await withWorker(stage);
    const { incarnation } = stage.node('w');
    stage.world.host('w').pause();
    await stage.stand({ w: 'dead' }, 8_000);
    stage.world.host('w').resume();
    await stage.stand({ w: 'alive' }, 4_000);
    expectThat(stage.node('w').incarnation === incarnation, 'it is the same process');
  }),

  'an id that a living agent holds is refused to another': play({}, async (stage) => {
    await withWorker(stage);
    await stage.run(100);
    stage.join({ w: { ...worker, host: 'elsewhere' } });
    await stage.ends('elsewhere', 'ID_TAKEN', 3_000);
    await stage.run(1_000);
    expectThat(stage.member('w') === 'alive', 'w lives on');
  }),

  'a process whose id was taken while it slept stops its work and ends': play({}, async (stage) => {
    await withWorker(stage, { capabilities: ['x'] });
    const id = await stage.submit(deaf, { requiredCapabilities: ['x'] });
    await stage.becomes(id, 'running');
    stage.world.host('w').pause();
    stage.join({ w: { ...worker, capabilities: ['x'], host: 'elsewhere' } });
    const { incarnation } = stage.node('elsewhere');
    const holds = (): boolean =>
      [...stage.ledger.members.values()].some((each) => each.incarnation === incarnation);
    await stage.until('the new one holds the id', holds, 10_000);
    stage.world.host('w').resume();
    await stage.ends('w', 'REPLACED', 5_000);
    expectThat(stage.aborted.includes(`w ${id}/1`), 'its handler was told to stop');
    expectThat(stage.member('w') === 'alive' && holds(), 'the new one stays');
    expectThat(!stage.started.includes(`w ${id}/2`), 'it left alone what is meant for the new one');
    await stage.until('which has the work', () => stage.started.includes(`elsewhere ${id}/2`));
  }),

  'an agent that left can come again': play({}, async (stage) => {
    await withWorker(stage);
    stage.node('w').leave();
    await stage.ends('w', null);
    await stage.stand({ w: 'left' });
    stage.join({ w: worker });
    await stage.stand({ w: 'alive' }, 3_000);
  }),

  'who left or died is forgotten after a while': play(
    { settings: { forgetMembersMs: 2_000 } },
    async (stage) => {
      await withWorker(stage);
      stage.join({ u: worker });
      await stage.stand({ u: 'alive' });
      stage.node('w').leave();
      await stage.ends('w', null);
      stage.fleet.kill('v');
      await stage.stand({ w: 'unknown', v: 'unknown' }, 8_000);
      expectThat((await stage.seen('w')).state === 'unknown', 'w is not listed');
      stage.join({ w: worker });
      await stage.stand({ w: 'alive' });
    },
  ),

  'an agent can change what it offers while it runs': play({}, async (stage) => {
    await withWorker(stage);
    const id = await stage.submit({}, { requiredCapabilities: ['x'] });
    await stage.run(1_000);
    expectThat(stage.task(id).status === 'pending', 'nobody can take it');
    stage.node('w').update({ capabilities: ['x'] });
    await stage.becomes(id, 'completed', 2_000);
  }),
};
