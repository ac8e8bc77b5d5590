/** A leader in trouble: frozen, cut off, slow to append, too late to claim. DESIGN §3. */
import { expectThat, play, type Behaviours, type Stage } from './stage.ts';

const ab = { a: { priority: 1 }, b: { priority: 0 } };

/** Nothing of this host's reaches the ledger until the held appends are released. */
function holdAppends(stage: Stage, host: string, times: number): void {
  for (let i = 0; i < times; i += 1) stage.world.ledger(stage.fleet.name).holdNextAppend(host);
}

export const leaders: Behaviours = {
  'a frozen leader is replaced, finds that out when it thaws, and can lead again': play({}, async (stage) => {
    stage.join(ab);
    await stage.led('a');
    await stage.run(3_000);
    stage.world.host('a').pause();
    await stage.until('b leads', () => stage.ledger.leader?.id === 'b', 8_000);
    stage.world.host('a').resume();
    await stage.led('b', 3_000);
    await stage.stand({ a: 'alive' });
    stage.fleet.kill('b');
    await stage.led('a', 5_000);
    expectThat(stage.ledger.term === 3, 'three terms');
  }),

  'a leader that is cut off stops by itself, and follows when it is back': play({}, async (stage) => {
    stage.join({ ...ab, c: {} });
    await stage.led('a');
    await stage.run(3_000);
    stage.world.host('a').cut();
    const task = stage.client.submit({ type: 'work', payload: {} });
    await stage.until('b leads', () => stage.ledger.leader?.id === 'b', 15_000);
    await stage.until('a says that it does not lead', () => !stage.node('a').isLeader);
    await stage.run(8_000);
    stage.world.host('a').heal();
    await stage.led('b');
    const { id } = await stage.ask(task);
    await stage.becomes(id, 'completed');
    await stage.stand({ a: 'alive' });
    await stage.until('a follows', () => stage.node('a').contender?.states.coordinator === 'standby', 10_000);
  }),

  'a leader whose appends are not answered resigns, and what lands later changes nothing': play(
    {},
    async (stage) => {
      stage.join(ab);
      await stage.led('a');
      await stage.run(3_000);
      holdAppends(stage, 'a', 10);
      const task = stage.client.submit({ type: 'work', payload: {} });
      await stage.led('b', 12_000);
      stage.world.ledger(stage.fleet.name).releaseHeld();
      await stage.becomes((await stage.ask(task)).id, 'completed');
      stage.fleet.kill('b');
      await stage.led('a', 12_000);
    },
  ),

  'a leader whose append is stored and not acknowledged leads on': play({}, async (stage) => {
    stage.join(ab);
    await stage.led('a');
    await stage.stand({ b: 'alive' });
    await stage.run(1_000);
    stage.world.ledger(stage.fleet.name).swallowNextAck('a');
    const id = await stage.submit({});
    await stage.becomes(id, 'completed');
    await stage.run(1_000);
    expectThat(stage.ledger.term === 1, 'it found its own entry in the slot');
  }),

  'a leader with nothing to append learns from others that it was replaced': play({}, async (stage) => {
    stage.join({ ...ab, c: { electable: false } });
    await stage.led('a');
    await stage.stand({ b: 'alive', c: 'alive' });
    await stage.run(3_000);
    stage.world.host('a').pause();
    await stage.run(2_000);
    // It never hears that b has won.
    stage.world.setFaults({ drop: 1 });
    await stage.until('b leads', () => stage.ledger.leader?.id === 'b', 8_000);
    await stage.run(100);
    stage.world.setFaults({});
    await stage.run(3_000);
    stage.world.host('a').resume();
    await stage.led('b', 3_000);
  }),

  'who claims too late gives way, and can claim again': play({}, async (stage) => {
    stage.join({ ...ab, c: { priority: 5 } });
    await stage.led('c');
    await stage.run(4_000);
    holdAppends(stage, 'a', 1);
    stage.fleet.kill('c');
    await stage.led('b', 5_000);
    await stage.until('a follows', () => stage.node('a').contender?.states.coordinator === 'standby');
    stage.fleet.kill('b');
    await stage.led('a', 5_000);
  }),

  'a claim whose acknowledgement is lost leads only if nobody has led since': play({}, async (stage) => {
    stage.join({ ...ab, c: { priority: 5 } });
    await stage.led('c');
    await stage.run(4_000);
    stage.world.ledger(stage.fleet.name).swallowNextAck('a');
    stage.fleet.kill('c');
    await stage.until('a has claimed', () => stage.ledger.leader?.id === 'a', 2_000);
    await stage.until('somebody leads', () => stage.fleet.leaders().length === 1, 5_000);
    const task = await stage.submit({});
    await stage.becomes(task, 'completed', 20_000);
    await stage.until('one leads', () => stage.fleet.leaders().length === 1, 20_000);
  }),

  'the only one that may lead claims again when its claim was not answered': play({}, async (stage) => {
    holdAppends(stage, 'a', 3);
    stage.join({ a: {} });
    await stage.led('a', 15_000);
    stage.world.ledger(stage.fleet.name).releaseHeld();
    await stage.run(2_000);
    await stage.led('a', 3_000);
  }),

  'who cannot read the ledger does not lead until it can': play({}, async (stage) => {
    stage.join({ ...ab, c: { priority: 5 } });
    await stage.led('c');
    await stage.run(4_000);
    stage.world.setFaults({ readUnavailable: 1 });
    stage.fleet.kill('c');
    await stage.run(2_500);
    expectThat(stage.ledger.term === 1, 'nobody leads');
    stage.world.setFaults({});
    await stage.until('one leads', () => stage.fleet.leaders().length === 1, 8_000);
  }),

  'a leader that leaves goes on leading until its work is done, then hands over': play({}, async (stage) => {
    stage.join({ a: { priority: 5 }, b: {} });
    await stage.led('a');
    await stage.stand({ a: 'alive', b: 'alive' });
    const tasks = [await stage.submit({ ms: 2_000 }), await stage.submit({ ms: 2_000 })];
    for (const id of tasks) await stage.becomes(id, 'running');
    stage.node('a').leave();
    await stage.stand({ a: 'draining' });
    await stage.submit({ ms: 0 });
    expectThat(stage.ledger.term === 1, 'a still leads');
    await stage.led('b', 4_000);
    await stage.ends('a', null);
    expectThat(
      stage.member('a') === 'left' && stage.ledger.lastElection?.cause === 'handover',
      'a handed over',
    );
    for (const id of tasks) await stage.becomes(id, 'completed');
    expectThat(stage.ledger.term === 2, 'one election');
  }),

  'a leader on a server that goes hands over before it is disconnected': play({}, async (stage) => {
    stage.join(ab);
    await stage.led('a');
    await stage.run(3_000);
    stage.world.broker.lameDuck(5_000);
    await stage.until('a hands over', () => stage.ledger.term === 2, 2_000);
    expectThat(stage.ledger.lastElection?.cause === 'handover', 'by handover');
    await stage.led(stage.ledger.leader?.id ?? '', 10_000);
  }),

  'a leader whose server goes does not hold up a weaker one that stands, though it could lead itself': play(
    {},
    async (stage) => {
      stage.join({ a: { priority: 9 } });
      await stage.led('a');
      stage.join({ b: { priority: 1 } });
      await stage.stand({ b: 'alive' });
      // b does not know yet that it is the best of the others, and asks.
      stage.world.broker.lameDuck(5_000);
      await stage.until('b leads', () => stage.ledger.leader?.id === 'b', 1_000);
      expectThat(stage.ledger.term === 2, 'at once');
    },
  ),

  'all die and are started again: the work goes on': play({}, async (stage) => {
    stage.join({ ...ab, c: {} });
    await stage.led('a');
    await stage.stand({ b: 'alive', c: 'alive' });
    const tasks = [await stage.submit({ ms: 1_000 }), await stage.submit({}, { delayMs: 2_000 })];
    await stage.run(100);
    for (const id of ['a', 'b', 'c']) stage.fleet.kill(id);
    await stage.run(1_000);
    for (const id of ['a', 'b', 'c']) stage.fleet.revive(id);
    await stage.until('one leads', () => stage.fleet.leaders().length === 1, 10_000);
    for (const id of tasks) await stage.becomes(id, 'completed', 15_000);
  }),

  'a leader that loses most of its members at once hands over, once': play({}, async (stage) => {
    const workers = Object.fromEntries(['c', 'd', 'e'].map((id) => [id, { electable: false }]));
    stage.join({ ...ab, ...workers });
    await stage.led('a');
    await stage.stand({ b: 'alive', c: 'alive', d: 'alive', e: 'alive' });
    await stage.run(2_000);
    for (const id of ['b', 'c', 'd', 'e']) stage.world.host(id).pause();
    await stage.until('a hands over', () => stage.ledger.handover === 'cutOff', 8_000);
    expectThat(stage.ledger.counts.deaths === 0, 'nobody is declared dead');
    await stage.until('a leads again, as nobody else can', () => stage.ledger.term === 2, 3_000);
    await stage.stand({ b: 'dead', c: 'dead', d: 'dead', e: 'dead' }, 8_000);
    expectThat(stage.ledger.term === 2, 'it hands over once');
    for (const id of ['b', 'c', 'd', 'e']) stage.world.host(id).resume();
    await stage.stand({ b: 'alive', c: 'alive', d: 'alive', e: 'alive' });
  }),
};
