/** The arithmetic of votes, SPEC V1, V4, V5; early closing is compared with every way in which a vote can go on. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decision, ProposalOutcome, Voter } from '../../src/domain/events.ts';
import { outcomeOf, settledOutcome, tally, weightOf, type Tally } from '../../src/domain/quorum.ts';

const electorate = (...weights: number[]): Voter[] => weights.map((weight, i) => ({ id: `v${i}`, weight }));

/** `+` approve, `-` reject, `o` abstain, `.` has not voted; one voter a letter. */
const ballotsOf = (votes: string): Map<string, { decision: Decision }> => {
  const decisions: Record<string, Decision> = { '+': 'approve', '-': 'reject', o: 'abstain' };
  return new Map(
    Array.from(votes).flatMap((vote, i) => {
      const decision = decisions[vote];
      return decision === undefined ? [] : [[`v${i}`, { decision }] as const];
    }),
  );
};

const count = (votes: string, quorum: number, weights?: number[]): Tally =>
  tally(electorate(...(weights ?? Array.from(votes, () => 1_000))), ballotsOf(votes), quorum);

describe('a voter weighs', () => {
  it.each([
    ['equal', { health: 0, priority: -5 }, 1_000],
    ['health', { health: 0.5, priority: 9 }, 500],
    ['health', { health: 0.33333, priority: 9 }, 333],
    ['priority', { health: 0, priority: 2.5 }, 2_500],
    ['priority', { health: 1, priority: 0 }, 0],
    ['priority', { health: 1, priority: -1 }, 0],
  ] as const)('by %s, with %o: %d', (weighting, voter, weight) => {
    expect(weightOf(weighting, voter)).toBe(weight);
  });
});

describe('if no further ballot came', () => {
  it.each<[string, number, ProposalOutcome]>([
    ['....', 0.5, 'expired'],
    ['+...', 0.5, 'expired'],
    ['++..', 0.5, 'approved'],
    ['+-..', 0.5, 'rejected'],
    ['+o..', 0.5, 'approved'],
    ['oo..', 0.5, 'rejected'],
    ['++--', 0.5, 'rejected'],
    ['++-o', 1, 'approved'],
    ['++-.', 1, 'expired'],
    ['---.', 0.5, 'rejected'],
    ['+.........', 0.1, 'approved'],
    ['+++.......', 0.3, 'approved'],
    ['.', 0.000_000_001, 'expired'],
    ['+...', 0.000_000_001, 'approved'],
  ])('%s at a quorum of %d is %s', (votes, quorum, outcome) => {
    expect(outcomeOf(count(votes, quorum))).toBe(outcome);
  });

  it('weighs: one heavy voter is quorum and majority alone', () => {
    expect(outcomeOf(count('+--', 0.5, [5_000, 1_000, 1_000]))).toBe('approved');
    expect(outcomeOf(count('+..', 0.5, [5_000, 1_000, 1_000]))).toBe('approved');
    expect(outcomeOf(count('.++', 0.5, [5_000, 1_000, 1_000]))).toBe('expired');
  });

  it('nobody took part in a vote in which nobody weighs anything', () => {
    expect(outcomeOf(count('+', 0.5, [0]))).toBe('expired');
  });
});

describe('the result', () => {
  it('gives weights, counts, the quorum needed and the approval rate', () => {
    expect(count('+-o.', 0.5, [2_000, 1_000, 500, 1_500])).toEqual({
      approve: { weight: 2_000, count: 1 },
      reject: { weight: 1_000, count: 1 },
      abstain: { weight: 500, count: 1 },
      notVoted: { weight: 1_500, count: 1 },
      quorumWeight: 2_500,
      hasQuorum: true,
      approvalRate: 2_000 / 3_500,
    });
  });

  it('has an approval rate of 0 when nobody voted', () => {
    expect(count('...', 0.5).approvalRate).toBe(0);
  });

  it('does not see the ballot of somebody outside the electorate', () => {
    const counted = tally(electorate(1_000), new Map([['stranger', { decision: 'approve' as const }]]), 0.5);
    expect(counted.approve.count).toBe(0);
  });

  it('needs the least weight whose share is the quorum, whatever floats make of the product', () => {
    const wrong: string[] = [];
    for (let percent = 1; percent <= 100; percent++) {
      for (let total = 1; total <= 400; total++) {
        const { quorumWeight } = tally([{ id: 'v0', weight: total }], new Map(), percent / 100);
        if (quorumWeight !== Math.ceil((percent * total) / 100)) wrong.push(`${percent} % of ${total}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('closing early', () => {
  it.each<[string, number, ProposalOutcome | null]>([
    ['+++..', 0.5, 'approved'],
    ['++...', 0.5, null],
    ['---..', 0.5, 'rejected'],
    ['--o..', 0.5, 'rejected'],
    ['++-..', 0.5, null],
    ['+++..', 1, null],
    ['ooo..', 0.5, null],
    ['ooo', 0.5, 'rejected'],
  ])('%s at a quorum of %d: %s', (votes, quorum, outcome) => {
    expect(settledOutcome(count(votes, quorum))).toBe(outcome);
  });

  it('happens exactly when there is quorum and every way to go on ends the same', () => {
    const weights = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 5 });
    const votes = fc.array(fc.constantFrom('+', '-', 'o', '.', '.'), { minLength: 5, maxLength: 5 });
    const quorum = fc.constantFrom(0.01, 0.25, 0.5, 0.75, 1);
    fc.assert(
      fc.property(weights, votes, quorum, (weights, letters, quorum) => {
        const now = letters.slice(0, weights.length).join('');
        const ends = new Set(completions(now).map((end) => outcomeOf(count(end, quorum, weights))));
        const counted = count(now, quorum, weights);
        const certain = counted.hasQuorum && ends.size === 1 ? [...ends][0] : null;
        expect(settledOutcome(counted)).toBe(certain);
      }),
      { numRuns: 300 },
    );
  });

  it('is what the deadline would say: the open ballots never matter any more', () => {
    for (const votes of completions('....')) {
      const counted = count(votes, 0.5);
      const settled = settledOutcome(counted);
      if (settled !== null) expect(outcomeOf(counted)).toBe(settled);
    }
  });
});

/** Every way in which those who have not voted still may, or may not. */
function completions(votes: string): string[] {
  const open = votes.indexOf('.');
  if (open === -1) return [votes];
  return ['+', '-', 'o', '_'].flatMap((vote) =>
    completions(votes.slice(0, open) + vote + votes.slice(open + 1)),
  );
}
