/** The lives of proposals: SPEC V1–V7. */
import type { ProposalId } from '../../../src/domain/ids.ts';
import type { Decision } from '../../../src/domain/events.ts';
import { expectThat, play, type Behaviours, type Stage } from './stage.ts';

async function fleetOf(stage: Stage, votes: Readonly<Record<string, Decision>>): Promise<void> {
  for (const [id, decision] of Object.entries(votes)) stage.join({ [id]: { vote: () => decision } });
  await stage.until('all are there', () => Object.keys(votes).every((id) => stage.member(id) === 'alive'));
}

async function decides(stage: Stage, expected: string, more: object = {}): Promise<void> {
  const { status } = await stage.ask(stage.client.propose({ type: 'policy', quorum: 1, ...more }), 40_000);
  expectThat(status === expected, `it is ${expected}, not ${status}`);
}

export const proposals: Behaviours = {
  'more for it than against it: approved': play({}, async (stage) => {
    await fleetOf(stage, { a: 'approve', b: 'approve', c: 'reject' });
    await decides(stage, 'approved');
  }),

  'as many against it as for it: rejected': play({}, async (stage) => {
    await fleetOf(stage, { a: 'approve', b: 'reject' });
    await decides(stage, 'rejected');
  }),

  'too few take part: expired, at the deadline': play({}, async (stage) => {
    await fleetOf(stage, { a: 'approve' });
    await decides(stage, 'expired', { voters: ['x', 'y'], timeoutMs: 3_000 });
  }),

  'the vote of an outsider counts, once': play({}, async (stage) => {
    await fleetOf(stage, { a: 'reject' });
    const proposal = await stage.ask(
      stage.client.openProposal({ type: 'policy', quorum: 1, voters: ['x', 'y'] }),
    );
    const vote = (voter: string, decision: Decision): Promise<void> =>
      stage.client.vote({ proposal, voter, decision });
    await stage.ask(vote('x', 'approve'));
    await stage.ask(vote('x', 'approve'));
    expectThat((await stage.refusalOf(vote('x', 'reject'))) === 'ALREADY_VOTED', 'x has voted');
    expectThat((await stage.refusalOf(vote('z', 'reject'))) === 'NOT_A_VOTER', 'z may not vote');
    await stage.ask(vote('y', 'approve'));
    const { status } = await stage.ask(stage.client.decision(proposal));
    expectThat(status === 'approved', 'two of three approve');
  }),

  'ballots cast before and after a change of leader count, each once': play({}, async (stage) => {
    await fleetOf(stage, { a: 'approve', b: 'approve', c: 'reject' });
    await stage.led('a');
    const proposal = await stage.ask(stage.client.openProposal({ type: 'policy', quorum: 1, voters: ['x'] }));
    const known = () => stage.ledger.proposals.get(proposal as ProposalId);
    await stage.until('all members have voted', () => known()?.ballots.size === 3);
    stage.fleet.kill('a');
    await stage.led('b');
    await stage.ask(stage.client.vote({ proposal, voter: 'x', decision: 'reject' }));
    await stage.until('it is decided', () => known()?.status === 'rejected');
    expectThat(known()?.ballots.size === 4, 'four ballots');
  }),

  'nobody waits for the vote of the dead': play({}, async (stage) => {
    await fleetOf(stage, { a: 'approve', b: 'approve', c: 'approve', d: 'approve' });
    await stage.led('a');
    stage.world.host('d').pause();
    const { status } = await stage.ask(
      stage.client.propose({ type: 'policy', quorum: 0.75, timeoutMs: 20_000 }),
    );
    expectThat(status === 'approved', 'without d');
    const waits = stage.client.propose({ type: 'policy', quorum: 1, timeoutMs: 60_000 });
    const late = await stage.ask(waits, 15_000);
    expectThat(late.status === 'expired', 'd was missing, and is dead before the deadline');
    stage.world.host('d').resume();
    await stage.stand({ d: 'alive' });
  }),
};
