/** How agents are let in, or not: SPEC A1 and A2. */
import { expectThat, play, type Behaviours, type Stage } from './stage.ts';

const worker = { electable: false };
const PAIRS = 20;

async function withLeader(stage: Stage): Promise<void> {
  stage.join({ a: { handlers: {} } });
  await stage.led('a');
  await stage.stand({ a: 'alive' });
}

export const admissions: Behaviours = {
  'an agent that nobody lets in gives up after as long as it was told to': play({}, async (stage) => {
    stage.join({ w: { ...worker, joinTimeoutMs: 4_000 } });
    await stage.run(3_900);
    expectThat(!stage.fleet.ended.has('w'), 'w still waits');
    await stage.ends('w', 'NO_LEADER', 200);
  }),

  'an agent that is not connected gives up, too': play({}, async (stage) => {
    stage.world.broker.restart(30_000);
    stage.join({ w: { ...worker, joinTimeoutMs: 4_000 } });
    await stage.ends('w', 'NO_NATS', 4_100);
  }),

  'an agent whose id is held by a silent process gives up and says so': play({}, async (stage) => {
    await withLeader(stage);
    stage.join({ w: worker });
    await stage.stand({ w: 'alive' });
    stage.world.host('w').pause();
    stage.join({ w: { ...worker, host: 'elsewhere', joinTimeoutMs: 2_000 } });
    await stage.ends('elsewhere', 'HOLDER_SILENT', 2_200);
    stage.world.host('w').resume();
    await stage.run(3_000);
    expectThat(stage.member('w') === 'alive', 'w lives on');
  }),

  'an agent that was let in has no time to lose any more': play({}, async (stage) => {
    await withLeader(stage);
    stage.join({ w: { ...worker, joinTimeoutMs: 1_000 } });
    await stage.stand({ w: 'alive' }, 500);
    stage.fleet.kill('a');
    await stage.run(5_000);
    expectThat(!stage.fleet.ended.has('w'), 'w waits for the next leader');
    stage.fleet.revive('a');
    await stage.led('a');
  }),

  'of two processes that join with one id at the same moment, one holds it': play({}, async (stage) => {
    await withLeader(stage);
    const ids = Array.from({ length: PAIRS }, (_, i) => `w${i}`);
    for (const id of ids) {
      stage.join({ [id]: { ...worker, host: `${id}_left` } });
      await stage.world.advance(Number(id.slice(1)) / 4);
      stage.join({ [id]: { ...worker, host: `${id}_right` } });
    }
    await stage.run(5_000);
    for (const id of ids) {
      const hosts = [`${id}_left`, `${id}_right`];
      const [loser = '', ...more] = hosts.filter((host) => stage.fleet.ended.has(host));
      const holder = hosts.find((host) => host !== loser) ?? '';
      expectThat(more.length === 0 && loser !== '', `one of ${id} goes`);
      await stage.ends(loser, 'ID_TAKEN', 0);
      const incarnation = stage.ledger.members.get(stage.node(holder).id)?.incarnation;
      expectThat(incarnation === stage.node(holder).incarnation, `${holder} holds ${id}`);
    }
    expectThat(stage.ledger.counts.deaths === 0, 'nobody was taken for dead');
  }),
};
