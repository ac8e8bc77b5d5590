/** What a leader orders: who stands by and who sleeps, how often to beat, and when it gives way. SPEC A6, E6, DESIGN §3. */
import type { AgentId } from '../../../src/domain/ids.ts';
import type { FleetNode } from '../../../src/runtime/node.ts';
import { encode } from '../../../src/wire/codec.ts';
import { subjectsOf } from '../../../src/wire/subjects.ts';
import { expectThat, play, type Behaviours, type Stage } from './stage.ts';

const two = { standbysMax: 2 };
const abcde = {
  a: { priority: 50 },
  b: { priority: 40 },
  c: { priority: 30 },
  d: { priority: 20 },
  e: { priority: 10 },
};

/** Who has read the latest entry of the ledger, or will have: the others do not read it at all. */
async function followers(stage: Stage): Promise<string[]> {
  await stage.submit({});
  await stage.run(1_000);
  const { sequence } = stage.ledger;
  return idsOf(stage, ({ contender }) => contender?.replica.state.sequence === sequence);
}

function sleepers(stage: Stage): string[] {
  return idsOf(stage, ({ contender }) => contender?.states.election === 'dormant');
}

function idsOf(stage: Stage, isOne: (node: FleetNode) => boolean): string[] {
  return [...stage.fleet.nodes.values()]
    .filter(isOne)
    .map(({ id }) => id as string)
    .sort();
}

/** All have joined, and so many sleep. */
async function settled(stage: Stage, asleep: readonly string[]): Promise<void> {
  await stage.stand(Object.fromEntries([...stage.fleet.nodes.keys()].map((id) => [id, 'alive'])));
  await stage.until(`asleep are ${asleep.join(', ')}`, () => sleepers(stage).join() === asleep.join());
}

function intervalOf(stage: Stage, id: string): number | undefined {
  return stage.fleet.leader()?.contender?.office?.options.roster.get(stage.node(id).id)?.intervalMs;
}

export const standbys: Behaviours = {
  'of twelve who may lead, the leader and the five best follow the ledger, and no other': play(
    {},
    async (stage) => {
      const ids = Array.from({ length: 12 }, (_, i) => `n${String(12 - i).padStart(2, '0')}`);
      stage.join(Object.fromEntries(ids.map((id, i) => [id, { priority: i * 2 }])));
      await stage.led('n01');
      await settled(stage, ['n07', 'n08', 'n09', 'n10', 'n11', 'n12']);
      const following = await followers(stage);
      expectThat(following.join() === 'n01,n02,n03,n04,n05,n06', `${following.join()} follow`);
      stage.fleet.kill('n01');
      await stage.led('n02', 1_000);
      await stage.until('the best that slept stands by', () => !sleepers(stage).includes('n07'), 3_000);
    },
  ),

  'the leader and all that stand by die: one that slept leads': play({ settings: two }, async (stage) => {
    stage.join(abcde);
    await stage.led('a');
    await settled(stage, ['d', 'e']);
    const task = await stage.submit({ ms: 500 });
    for (const id of ['a', 'b', 'c']) stage.fleet.kill(id);
    // Asleep for at most two timeouts, then it has to catch up and to find the leader gone.
    await stage.until('one that slept leads', () => stage.fleet.leaders().length === 1, 12_000);
    await stage.becomes(task, 'completed', 10_000);
    await stage.run(3_000);
    expectThat(sleepers(stage).length === 0, 'and the other one stands by');
  }),

  'one that sleeps and gets a higher priority stands by, and leads when an election is asked for': play(
    { settings: two },
    async (stage) => {
      stage.join(abcde);
      await stage.led('a');
      await settled(stage, ['d', 'e']);
      stage.node('e').update({ priority: 99 });
      await settled(stage, ['c', 'd']);
      await stage.run(2_500);
      expectThat(stage.ledger.term === 1, 'a leads on until then');
      const { leader } = await stage.ask(stage.client.elect());
      expectThat(leader === 'e', `${String(leader)} leads`);
      await stage.run(3_000);
      expectThat(sleepers(stage).join() === 'c,d', 'and a, which is better than they are, stands by');
    },
  ),

  'a wish for an election is heard by those who sleep, if there is nobody else': play(
    { settings: { ...two, deadAfterIntervals: 60 } },
    async (stage) => {
      stage.join(abcde);
      await stage.led('a');
      await settled(stage, ['d', 'e']);
      for (const id of ['a', 'b', 'c']) stage.fleet.kill(id);
      await stage.run(4_000);
      expectThat(sleepers(stage).join() === 'd,e', 'they would sleep for long');
      const { leader, term } = await stage.ask(stage.client.elect());
      expectThat(term > 1 && (leader === 'd' || leader === 'e'), `${String(leader)} leads`);
    },
  ),

  'orders of one that does not lead, whatever term they name, send nobody to sleep': play(
    { settings: two },
    async (stage) => {
      stage.join({ a: { priority: 9 }, b: { priority: 5 }, c: {} });
      await stage.led('a');
      await stage.stand({ a: 'alive', b: 'alive', c: 'alive' });
      const { bus } = stage.world.host('stranger').ports(stage.fleet.name);
      await stage.run(1_000);
      for (const term of [1, 9_999]) {
        const orders = { incarnation: 'x', term, heartbeatIntervalMs: 1_000, repeatMs: 60_000 };
        const data = encode({ ...orders, standbys: [], hasRoom: false }, 'json');
        bus.publish({ subject: subjectsOf(stage.fleet.name).agent('orders', 'stranger' as AgentId), data });
        await stage.run(2_000);
        expectThat(sleepers(stage).length === 0, `${sleepers(stage).join()} sleep`);
      }
      stage.fleet.kill('a');
      await stage.led('b', 2_000);
    },
  ),

  'who sleeps through a cut is told so when it is back, and does nothing meanwhile': play(
    { settings: two },
    async (stage) => {
      stage.join(abcde);
      await stage.led('a');
      await settled(stage, ['d', 'e']);
      stage.world.host('e').cut();
      await stage.stand({ e: 'dead' }, 15_000);
      stage.world.host('e').heal();
      await settled(stage, ['d', 'e']);
      expectThat(stage.ledger.term === 1, 'a leads on');
    },
  ),

  'the leader stretches the interval of a fleet that beats too much, and takes nobody for dead': play(
    { settings: { ...two, heartbeatsPerSecondMax: 3 } },
    async (stage) => {
      stage.join({ ...abcde, f: { electable: false } });
      await stage.led('a');
      await stage.stand({ a: 'alive', b: 'alive', c: 'alive', d: 'alive', e: 'alive', f: 'alive' });
      // 6 agents, 3 beats a second: 2 s, and the step above that is 2.25 s.
      await stage.until('all beat slower', () =>
        ['b', 'c', 'd', 'e', 'f'].every((id) => intervalOf(stage, id) === 2_250),
      );
      expectThat(intervalOf(stage, 'a') === 1_000, 'but the leader');
      await stage.run(30_000);
      stage.fleet.kill('a');
      await stage.led('b', 1_000);
      await stage.run(30_000);
      expectThat(stage.ledger.counts.deaths === 1, 'only a died');
      expectThat(intervalOf(stage, 'f') === 2_250, 'the next leader orders the same');
      stage.world.host('f').pause();
      await stage.stand({ f: 'dead' }, 15_000);
      for (const id of ['d', 'e']) stage.node(id).leave();
      await stage.stand({ d: 'left', e: 'left' });
      for (const id of ['d', 'e']) await stage.ends(id, null);
      await stage.until('c beats faster', () => intervalOf(stage, 'c') === 1_000, 6_000);
      stage.world.host('f').resume();
    },
  ),

  'an agent that drains is not taken for dead when a small fleet is told to beat faster': play(
    { settings: { heartbeatsPerSecondMax: 0.4, suspectAfterIntervals: 2, deadAfterIntervals: 3 } },
    async (stage) => {
      const ids = Array.from({ length: 10 }, (_, i) => `n${i}`);
      stage.join({ a: { priority: 9 }, d: { electable: false, capabilities: ['long'] } });
      stage.join(Object.fromEntries(ids.map((id) => [id, { electable: false }])));
      await stage.led('a');
      await stage.until('d beats slowly', () => (intervalOf(stage, 'd') ?? 0) > 30_000, 100_000);
      const task = await stage.submit({ ms: 45_000 }, { requiredCapabilities: ['long'] });
      await stage.becomes(task, 'running');
      await stage.ask(stage.client.drain('d'));
      for (const id of ids) stage.node(id).leave();
      for (const id of ids) await stage.ends(id, null);
      await stage.until('d is told', () => stage.node('d').worker.pulse.toldMs < 10_000);
      stage.node('d').worker.pulse.now();
      await stage.becomes(task, 'completed', 60_000);
      expectThat(stage.ledger.counts.deaths === 0, 'nobody died');
    },
  ),

  'a better one that joins later does not depose a healthy leader': play({}, async (stage) => {
    stage.join({ a: { priority: 1 } });
    await stage.led('a');
    stage.join({ b: { priority: 99 } });
    await stage.stand({ b: 'alive' });
    await stage.run(120_000);
    expectThat(stage.ledger.term === 1, 'a leads on');
  }),

  'a leader that is told to gives way to a much better one, once, and not before its tenure is over': play(
    { settings: { preemptMargin: 2, preemptTenureMs: 20_000 } },
    async (stage) => {
      stage.join({ a: { priority: 1 } });
      await stage.led('a');
      const ledAt = stage.world.now;
      stage.join({ b: { priority: 2 }, c: { priority: 9 } });
      await stage.stand({ b: 'alive', c: 'alive' });
      await stage.until('c leads', () => stage.ledger.leader?.id === 'c', 30_000);
      expectThat(stage.world.now - ledAt >= 19_000, 'a led for its tenure');
      expectThat(stage.ledger.previousHandover === 'preempt', 'a gave way');
      await stage.run(60_000);
      expectThat(stage.ledger.term === 2, 'and it stays so');
    },
  ),
};
