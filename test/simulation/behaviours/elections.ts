/** Who leads, and how it changes: SPEC E1–E7, DESIGN §6. */
import type { Candidate } from '../../../src/domain/events.ts';
import type { AgentId } from '../../../src/domain/ids.ts';
import { expectThat, play, type Behaviours } from './stage.ts';
import { Stranger } from './stranger.ts';

const abc = { a: { priority: 0 }, b: { priority: 2 }, c: { priority: 1 } };

/** Puts two absent rivals before whoever knows of a good score: it stands late although it would win. */
function lateBest(candidates: readonly Candidate[]): readonly Candidate[] {
  const isBest = candidates.some(({ score }) => score > 2);
  const absent = ['x', 'y'].map((id) => ({ id: id as AgentId, score: 9 }));
  return isBest ? [...absent, ...candidates] : candidates;
}

export const elections: Behaviours = {
  'the best score leads, and nobody disturbs it': play({}, async (stage) => {
    stage.join(abc);
    await stage.led('b', 3_000);
    await stage.stand({ a: 'alive', b: 'alive', c: 'alive' });
    await stage.run(6_000);
    expectThat(stage.ledger.term === 1 && stage.ledger.leader?.id === 'b', 'b leads on in term 1');
  }),

  'among equal scores the smallest id leads': play({}, async (stage) => {
    stage.join({ c: {}, b: {}, a: {} });
    await stage.led('a', 3_000);
  }),

  'a killed leader is followed by the best, who knows that it is the best and claims at once': play(
    {},
    async (stage) => {
      stage.join(abc);
      await stage.led('b');
      await stage.run(4_000);
      stage.fleet.kill('b');
      await stage.led('c', 1_000);
      const { lastElection } = stage.ledger;
      expectThat(
        lastElection !== null && lastElection.durationMs < 50,
        'c claims without waiting for answers',
      );
      await stage.run(6_000);
      expectThat(stage.ledger.term === 2, 'one election');
    },
  ),

  'a better one that is not ready to stand says so, and the weaker one waits for it': play(
    { rank: lateBest },
    async (stage) => {
      stage.join({ a: { priority: 0 }, b: { priority: 2 } });
      await stage.led('b', 3_000);
      expectThat(stage.ledger.term === 1, 'a did not claim first');
    },
  ),

  'a better one that answers and does not claim is ignored': play({}, async (stage) => {
    const stranger = new Stranger(stage, 'z');
    stranger.listen((from, said) => {
      if (said.kind === 'candidacy') stranger.answer(from, said.term);
    });
    stage.join({ a: {} });
    await stage.led('a', 5_000);
  }),

  'a better one that stands and does not claim is ignored, and not told to wait': play({}, async (stage) => {
    const stranger = new Stranger(stage, 'z');
    stranger.listen((_, said) => {
      if (said.kind === 'candidacy') stranger.stand(said.term);
    });
    stage.join({ a: {} });
    await stage.led('a', 5_000);
    expectThat(!stranger.heard.some(({ said }) => said.kind === 'answer'), 'only better ones answer');
  }),

  'who stands while somebody leads is told who': play({}, async (stage) => {
    stage.join({ a: {} });
    await stage.led('a');
    await stage.run(500);
    const stranger = new Stranger(stage, 'z');
    stranger.listen();
    stranger.stand(1);
    await stage.run(200);
    expectThat(
      stranger.heard.some(({ from, said }) => from === 'a' && said.kind === 'victory'),
      'a says that it leads',
    );
    expectThat(stage.ledger.term === 1, 'and leads on');
  }),

  'a leader that answers again in time is not replaced, and who had deferred stands at the next chance': play(
    { settings: { answerWindowMs: 2_000, claimWindowMs: 60_000 } },
    async (stage) => {
      stage.join({ a: { priority: 9 }, b: { priority: 2 }, c: { priority: 1 }, d: { priority: 3 } });
      await stage.led('a');
      await stage.run(4_000);
      // Nobody knows that it is the best while d is silent.
      stage.world.host('d').pause();
      await stage.run(2_000);
      stage.world.host('a').pause();
      await stage.until(
        'b stands',
        () => stage.node('b').contender?.states.election === 'campaigning.standing',
      );
      await stage.until('c defers', () => stage.node('c').contender?.states.election === 'deferring');
      stage.world.host('a').resume();
      stage.world.host('d').resume();
      await stage.run(3_000);
      expectThat(stage.ledger.term === 1, 'a leads on');
      for (const id of ['a', 'b', 'd']) stage.fleet.kill(id);
      await stage.led('c', 5_000);
    },
  ),

  'who deferred to the new leader does not stand against it': play(
    { settings: { claimWindowMs: 100, answerWindowMs: 20 } },
    async (stage) => {
      stage.join({ a: { priority: 9 }, b: { priority: 2 }, c: { priority: 1 } });
      await stage.led('a');
      await stage.run(4_000);
      stage.fleet.kill('a');
      await stage.led('b', 1_000);
      await stage.run(3_000);
      expectThat(stage.ledger.term === 2, 'b leads on');
    },
  ),

  'a better one that comes too late does not stand against the new leader': play(
    { settings: { answerWindowMs: 20 }, rank: lateBest },
    async (stage) => {
      stage.join({ a: { priority: 9 }, b: { priority: 1 }, c: { priority: 1.5 } });
      await stage.led('a');
      stage.node('c').condition.health = 0;
      await stage.run(4_000);
      // Nobody else has heard yet that c is better now.
      stage.fleet.kill('a');
      stage.node('c').condition.health = 1;
      await stage.led('b', 1_000);
      await stage.run(3_000);
      expectThat(stage.ledger.term === 2, 'b leads on');
    },
  ),

  'a trigger raises the term by one, and the best leads again': play({}, async (stage) => {
    stage.join(abc);
    await stage.led('b');
    await stage.run(4_000);
    for (const term of [2, 3]) {
      const outcome = await stage.ask(stage.client.elect());
      expectThat(outcome.leader === 'b' && outcome.term === term, `b leads in term ${term}`);
    }
    await stage.run(3_000);
    expectThat(stage.ledger.term === 3, 'and in no further one');
  }),
};
