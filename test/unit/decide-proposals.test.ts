/** Proposals and ballots: SPEC V1–V7. */
import { describe, expect, it } from 'vitest';
import { decideDeath, decideDrain, decideJoin, decideLeave } from '../../src/domain/decide-members.ts';
import { decideBallot, decidePropose, type ProposalRequest } from '../../src/domain/decide-proposals.ts';
import { decideTimer } from '../../src/domain/decide-time.ts';
import type { Decision } from '../../src/domain/events.ts';
import type { ProposalId } from '../../src/domain/ids.ts';
import type { Settings } from '../../src/domain/settings.ts';
import { accept, agent, goneHolder, Harness, life, profileOf, proposalOf, refusalOf } from './harness.ts';

function fleetOf(...names: string[]): Harness {
  const fleet = new Harness();
  for (const name of names) fleet.join(name);
  return fleet;
}

const cast = (fleet: Harness, proposal: ProposalId, voter: string, decision: Decision = 'approve') =>
  decideBallot(fleet, { proposal, voter, decision, reason: null });

/** `a+ b- co`: a approves, b rejects, c abstains. */
function vote(fleet: Harness, proposal: ProposalId, votes: string): void {
  const decisions = { '+': 'approve', '-': 'reject', o: 'abstain' } as const;
  for (const each of votes.split(' ')) {
    accept(cast(fleet, proposal, each.slice(0, -1), decisions[each.slice(-1) as keyof typeof decisions]));
  }
}

const deadline = (fleet: Harness, id: ProposalId): void => {
  fleet.wait(fleet.proposal(id).spec.deadlineAt - fleet.at);
  decideTimer(fleet, { kind: 'proposal.deadline', at: fleet.at, id });
};

describe('the electorate', () => {
  it('is the members that are alive when the proposal opens, and the outsiders it names', () => {
    const fleet = fleetOf('a', 'b', 'dead', 'left', 'draining');
    decideDeath(fleet, fleet.member('dead'), 'fell silent');
    decideLeave(fleet, fleet.member('left'));
    decideDrain(fleet, agent('draining'));
    const id = fleet.propose({ voters: ['bob'] });
    fleet.join('later');
    const { electorate, outsiders } = fleet.proposal(id).spec;
    expect(electorate).toEqual([
      { id: 'a', weight: 1_000 },
      { id: 'b', weight: 1_000 },
      { id: 'bob', weight: 1_000 },
    ]);
    expect(outsiders).toEqual(['bob']);
    expect(refusalOf(cast(fleet, id, 'later'))).toBe('NOT_A_VOTER');
  });

  it('has nobody twice: not a member that is named as well, not an outsider named twice', () => {
    const fleet = fleetOf('a');
    const { electorate, outsiders } = fleet.proposal(fleet.propose({ voters: ['a', 'bob', 'bob'] })).spec;
    expect(electorate.map((voter) => voter.id)).toEqual(['a', 'bob']);
    expect(outsiders).toEqual(['bob']);
  });

  it('weighs by health as last reported', () => {
    const fleet = fleetOf('a', 'b');
    fleet.health.set('a', 0.25);
    const { electorate } = fleet.proposal(fleet.propose({ weighting: 'health', voters: ['bob'] })).spec;
    expect(electorate.map((voter) => voter.weight)).toEqual([250, 1_000, 1_000]);
  });

  it('weighs by priority; a negative one is nothing', () => {
    const fleet = new Harness();
    fleet.join('a', { priority: 2.5 });
    fleet.join('b', { priority: -1 });
    const { electorate } = fleet.proposal(fleet.propose({ weighting: 'priority' })).spec;
    expect(electorate.map((voter) => voter.weight)).toEqual([2_500, 0]);
  });

  it('keeps its weights when the members change', () => {
    const fleet = fleetOf('a', 'b');
    const id = fleet.propose({ weighting: 'health' });
    fleet.health.set('a', 0);
    fleet.join('b', { priority: 100 });
    expect(fleet.proposal(id).spec.electorate.map((voter) => voter.weight)).toEqual([1_000, 1_000]);
  });
});

describe('a proposal', () => {
  it('keeps what was asked, and fills in quorum and deadline', () => {
    const fleet = fleetOf('a', 'b');
    const given = { type: 'change', description: 'why', data: { x: 1 }, proposer: 'eve' };
    expect(fleet.proposal(fleet.propose(given))).toMatchObject({
      status: 'open',
      openedAt: fleet.at,
      decidedAt: null,
      spec: { ...given, quorum: 0.5, weighting: 'equal', deadlineAt: fleet.at + 30_000, task: null },
    });
    const own = fleet.proposal(fleet.propose({ quorum: 0.9, timeoutMs: 77 }));
    expect(own.spec).toMatchObject({ quorum: 0.9, deadlineAt: fleet.at + 77 });
  });

  it.each<[string, Partial<ProposalRequest>, (fleet: Harness) => void]>([
    ['nobody is there', {}, () => undefined],
    ['all weigh nothing', { weighting: 'priority' }, (fleet) => fleet.join('a', { priority: 0 })],
    ['everybody is sick', { weighting: 'health' }, (fleet) => fleet.health.set(fleet.join('a').id, 0)],
  ])('whose votes would weigh nothing is refused: %s', (_, request, prepare) => {
    const fleet = new Harness();
    prepare(fleet);
    const types = fleet.typesOf(() => {
      expect(refusalOf(decidePropose(fleet, proposalOf(request), { key: 'k', digest: 'd' }))).toBe(
        'CONFLICT',
      );
    });
    expect(types).toEqual([]);
  });

  it('with outside voters needs no member', () => {
    expect(new Harness().propose({ voters: ['bob'] })).toBeTypeOf('string');
  });

  it.each<[string, Partial<Settings>, Partial<ProposalRequest>, string]>([
    ['proposals are open', { proposalsOpenMax: 1 }, {}, 'LIMIT_REACHED'],
    ['keys are remembered', { requestKeysMax: 1 }, {}, 'LIMIT_REACHED'],
    ['voters are named', { votersMax: 2 }, { voters: ['b', 'c'] }, 'TOO_LARGE'],
  ])('is refused when too many %s', (_, settings, request, code) => {
    const fleet = new Harness(settings);
    fleet.join('a');
    fleet.propose();
    const verdict = decidePropose(fleet, proposalOf(request), { key: 'k', digest: 'd' });
    expect(refusalOf(verdict)).toBe(code);
  });

  it('made again with the same key is the first one; with another body it is refused', () => {
    const fleet = fleetOf('a');
    const key = { key: 'k', digest: 'd' };
    const first = accept(decidePropose(fleet, proposalOf(), key));
    expect(accept(decidePropose(fleet, proposalOf(), key))).toBe(first);
    expect(refusalOf(decidePropose(fleet, proposalOf(), { key: 'k', digest: 'other' }))).toBe('CONFLICT');
    expect(fleet.state.proposals.size).toBe(1);
  });
});

describe('a ballot', () => {
  it('is kept with its reason and time', () => {
    const fleet = fleetOf('a', 'b', 'c');
    const proposal = fleet.propose();
    fleet.wait(3);
    accept(decideBallot(fleet, { proposal, voter: 'a', decision: 'reject', reason: 'too early' }));
    const ballot = { decision: 'reject', reason: 'too early', at: fleet.at };
    expect([...fleet.proposal(proposal).ballots]).toEqual([['a', ballot]]);
  });

  it('cast again is answered as before, also after the end; another one is refused', () => {
    const fleet = fleetOf('a', 'b', 'c');
    const id = fleet.propose();
    vote(fleet, id, 'a+');
    const types = fleet.typesOf(() => {
      expect(refusalOf(cast(fleet, id, 'a', 'approve'))).toBe('accepted');
      expect(refusalOf(cast(fleet, id, 'a', 'reject'))).toBe('ALREADY_VOTED');
    });
    expect(types).toEqual([]);
    deadline(fleet, id);
    expect(refusalOf(cast(fleet, id, 'a', 'approve'))).toBe('accepted');
    expect(refusalOf(cast(fleet, id, 'a', 'reject'))).toBe('ALREADY_VOTED');
  });

  it.each([
    ['a stranger', 'eve', 'NOT_A_VOTER'],
    ['somebody who comes after the end', 'c', 'PROPOSAL_CLOSED'],
  ])('of %s is refused', (_, voter, code) => {
    const fleet = fleetOf('a', 'b', 'c');
    const id = fleet.propose();
    vote(fleet, id, 'a+ b+');
    expect(fleet.proposal(id).status).toBe('approved');
    expect(refusalOf(cast(fleet, id, voter))).toBe(code);
  });

  it('on an unknown proposal is refused', () => {
    expect(refusalOf(cast(fleetOf('a'), 'nothing' as ProposalId, 'a'))).toBe('NOT_FOUND');
  });

  it('counts under the next leader too, and none twice', () => {
    const fleet = fleetOf('a', 'b', 'c', 'd', 'e');
    const id = fleet.propose();
    vote(fleet, id, 'a+ b+');
    fleet.lead('another');
    expect(fleet.typesOf(() => accept(cast(fleet, id, 'a')))).toEqual([]);
    expect(fleet.proposal(id).status).toBe('open');
    vote(fleet, id, 'c+');
    expect(fleet.proposal(id).status).toBe('approved');
  });
});

describe('a vote ends', () => {
  it.each([
    ['when the outcome cannot change: approved', 'a+ b+ c+', 'approved'],
    ['when the outcome cannot change: rejected', 'a- b- c-', 'rejected'],
    ['when a tie is certain', 'a- b- co', 'rejected'],
    ['when everybody has voted', 'a+ bo co do e-', 'rejected'],
    ['when everybody has voted, and abstentions are the quorum', 'a+ bo co do eo', 'approved'],
  ])('%s', (_, votes, outcome) => {
    const fleet = fleetOf('a', 'b', 'c', 'd', 'e');
    const id = fleet.propose();
    const all = votes.split(' ');
    vote(fleet, id, all.slice(0, -1).join(' '));
    expect(fleet.proposal(id).status).toBe('open');
    vote(fleet, id, all.at(-1) ?? '');
    expect(fleet.proposal(id)).toMatchObject({ status: outcome, decidedAt: fleet.at });
  });

  it.each([
    ['a+', 'expired'],
    ['a+ b+', 'approved'],
    ['a+ b-', 'rejected'],
    ['ao bo', 'rejected'],
    ['a- bo', 'rejected'],
  ])('at the deadline with %s: %s', (votes, outcome) => {
    const fleet = fleetOf('a', 'b', 'c', 'd');
    const id = fleet.propose();
    vote(fleet, id, votes);
    expect(fleet.proposal(id).status).toBe('open');
    deadline(fleet, id);
    expect(fleet.proposal(id)).toMatchObject({ status: outcome, decidedAt: fleet.at });
    expect(fleet.state.counts.proposals).toMatchObject({ open: 0, [outcome]: 1 });
  });

  it('at the deadline without a ballot: expired', () => {
    const fleet = fleetOf('a');
    const id = fleet.propose({ quorum: 0.000_000_1 });
    deadline(fleet, id);
    expect(fleet.proposal(id).status).toBe('expired');
  });

  it('once: a deadline that comes after the end decides nothing', () => {
    const fleet = fleetOf('a');
    const id = fleet.propose();
    vote(fleet, id, 'a+');
    expect(fleet.typesOf(() => decideTimer(fleet, { kind: 'proposal.deadline', at: fleet.at, id }))).toEqual(
      [],
    );
  });

  it('not early while there is no quorum, however clear it looks', () => {
    const fleet = fleetOf('a', 'b', 'c', 'd');
    const id = fleet.propose({ quorum: 1 });
    vote(fleet, id, 'a+ b+ c+');
    expect(fleet.proposal(id).status).toBe('open');
  });
});

describe('a voter that goes', () => {
  it('ends the waiting for it, but the denominator never shrinks', () => {
    const fleet = fleetOf('a', 'b', 'c', 'd');
    const id = fleet.propose();
    vote(fleet, id, 'a+');
    decideDeath(fleet, fleet.member('b'), 'fell silent');
    decideDeath(fleet, fleet.member('c'), 'fell silent');
    expect(fleet.proposal(id).status).toBe('open');
    fleet.wait(1);
    decideLeave(fleet, fleet.member('d'));
    // One of four: with the three that are left out it would have been approved.
    expect(fleet.proposal(id).status).toBe('expired');
    const types = fleet.entries.at(-1)?.events.map((event) => event.type);
    expect(types).toEqual(['member.left', 'proposal.decided']);
  });

  it('leaves its ballot behind, which counts', () => {
    const fleet = fleetOf('a', 'b', 'c');
    const id = fleet.propose();
    vote(fleet, id, 'a+');
    decideDeath(fleet, fleet.member('a'), 'fell silent');
    vote(fleet, id, 'b+');
    expect(fleet.proposal(id).status).toBe('approved');
  });

  it('and comes back may still vote', () => {
    const fleet = fleetOf('a', 'b', 'c', 'd');
    const id = fleet.propose();
    decideDeath(fleet, fleet.member('b'), 'fell silent');
    fleet.join('b', {}, 'b-2');
    vote(fleet, id, 'b+');
    expect(fleet.proposal(id).ballots.get('b')?.decision).toBe('approve');
  });

  it('and is replaced at once is no longer waited for in that moment, as its death says', () => {
    const fleet = fleetOf('a', 'b');
    const id = fleet.propose();
    vote(fleet, id, 'a+');
    accept(
      decideJoin(
        fleet,
        { id: agent('b'), incarnation: life('b-2'), profile: profileOf() },
        goneHolder(fleet, 'b'),
      ),
    );
    expect(fleet.proposal(id).status).toBe('approved');
  });

  it('is still waited for while it only drains', () => {
    const fleet = fleetOf('a', 'b');
    const id = fleet.propose();
    decideDrain(fleet, agent('b'));
    vote(fleet, id, 'a+');
    expect(fleet.proposal(id).status).toBe('open');
  });

  it('touches no proposal in which it has no vote', () => {
    const fleet = fleetOf('a');
    const id = fleet.propose();
    fleet.join('later');
    expect(fleet.typesOf(() => decideDeath(fleet, fleet.member('later'), 'fell silent'))).toEqual([
      'member.died',
    ]);
    expect(fleet.proposal(id).status).toBe('open');
  });
});

describe('an outside voter', () => {
  it('is waited for until the deadline: nobody knows whether it lives', () => {
    const fleet = fleetOf('a');
    const id = fleet.propose({ voters: ['bob'] });
    vote(fleet, id, 'a+');
    expect(fleet.proposal(id).status).toBe('open');
    vote(fleet, id, 'bob-');
    expect(fleet.proposal(id).status).toBe('rejected');
  });

  it('counts like a member', () => {
    const fleet = fleetOf('a');
    const id = fleet.propose({ voters: ['bob', 'eve'], quorum: 1 });
    vote(fleet, id, 'a+ bob+ eve-');
    expect(fleet.proposal(id).status).toBe('approved');
  });
});

it('a voter without weight is not waited for when the others are gone', () => {
  const fleet = new Harness();
  for (const id of ['one', 'two']) fleet.join(id, { priority: 1 });
  fleet.join('light', { priority: 0 });
  const id = fleet.propose({ weighting: 'priority', quorum: 1 });
  vote(fleet, id, 'one+');
  decideDeath(fleet, fleet.member('two'), 'fell silent');
  expect(fleet.proposal(id).status).toBe('expired');
});

it('a voter without weight decides nothing', () => {
  const fleet = new Harness();
  fleet.join('heavy', { priority: 1 });
  fleet.join('light', { priority: 0 });
  const id = fleet.propose({ weighting: 'priority' });
  vote(fleet, id, 'light-');
  expect(fleet.proposal(id).status).toBe('open');
  vote(fleet, id, 'heavy+');
  expect(fleet.proposal(id).status).toBe('approved');
});
