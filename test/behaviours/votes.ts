/** SPEC V1–V8. */
import { of, real, simulated, type Behaviour } from './row.ts';

const decisions = 'src/domain/decide-proposals.ts';
const arithmetic = 'src/domain/quorum.ts';
const decided = (...names: readonly string[]) => of('test/unit/decide-proposals.test.ts', ...names);
const counted = (...names: readonly string[]) => of('test/unit/quorum.test.ts', ...names);
const overHttp = (...names: readonly string[]) => of('test/http/consensus.test.ts', ...names);

export const votes: readonly Behaviour[] = [
  {
    id: 'V1',
    says: 'a proposal keeps what was asked, with the default quorum where none was given',
    file: decisions,
    line: 'quorum: request.quorum ?? settings.quorum,',
    tests: decided('keeps what was asked, and fills in quorum and deadline'),
  },
  {
    id: 'V1',
    says: 'it has a deadline, and expires there without a quorum',
    file: 'src/domain/decide-time.ts',
    line: "if (proposal?.status === 'open') expireProposal(context, proposal);",
    tests: [
      ...simulated('too few take part: expired, at the deadline'),
      ...overHttp('without a quorum by the deadline it expires'),
    ],
  },
  {
    id: 'V1',
    says: 'weights are whole thousandths; a negative priority weighs nothing',
    file: arithmetic,
    line: 'return Math.max(0, Math.round(voter.priority * 1_000));',
    tests: decided('weighs by priority; a negative one is nothing'),
  },
  {
    id: 'V1',
    says: 'weighting by health takes what was last reported',
    file: arithmetic,
    line: 'return Math.round(voter.health * 1_000);',
    tests: decided('weighs by health as last reported'),
  },
  {
    id: 'V1',
    says: 'one in which nobody weighs anything is refused',
    file: decisions,
    line: 'if (totalWeight(electorate) === 0) {',
    instead: 'if (false) {',
    tests: decided('whose votes would weigh nothing is refused: %s'),
  },
  {
    id: 'V2',
    says: 'the electorate is the members that are alive when it opens',
    file: decisions,
    line: "if (member.status !== 'alive') continue;",
    tests: decided('is the members that are alive when the proposal opens, and the outsiders it names'),
  },
  {
    id: 'V2',
    says: 'outside voters named in it have a vote each',
    file: decisions,
    line: 'for (const id of outsidersOf(state, request.voters)) voters.push({ id, weight: 1_000 });',
    tests: [
      ...decided('with outside voters needs no member'),
      ...simulated('the vote of an outsider counts, once'),
      ...real('outside voters vote once, members through their handlers, strangers not at all'),
      ...overHttp('a voter whom the proposal names casts a ballot once, and nobody else does'),
    ],
  },
  {
    id: 'V3',
    says: 'the same ballot again is answered as before',
    file: decisions,
    line: 'if (before.decision === ballot.decision) return accepted(null);',
    tests: [
      ...decided('cast again is answered as before, also after the end; another one is refused'),
      ...simulated('the vote of an outsider counts, once'),
    ],
  },
  {
    id: 'V3',
    says: 'a different ballot of the same voter is refused',
    file: decisions,
    line: "return refused('ALREADY_VOTED', `${ballot.voter} already voted ${before.decision}`);",
    instead: 'return accepted(null);',
    tests: [
      ...decided('cast again is answered as before, also after the end; another one is refused'),
      ...real('outside voters vote once, members through their handlers, strangers not at all'),
    ],
  },
  {
    id: 'V3',
    says: 'so are ballots of those who have no vote',
    file: decisions,
    line: 'if (!proposal.spec.electorate.some((voter) => voter.id === ballot.voter)) {',
    instead: 'if (false) {',
    tests: decided('of %s is refused'),
  },
  {
    id: 'V3',
    says: 'so are ballots on proposals that are closed',
    file: decisions,
    line: `if (proposal.status !== 'open')
    return refused('PROPOSAL_CLOSED', \`proposal \${ballot.proposal} is \${proposal.status}\`);`,
    tests: decided('of %s is refused'),
  },
  {
    id: 'V4',
    says: 'approved with quorum and more for it than against it',
    file: arithmetic,
    line: 'sum[0] += voter.weight;',
    tests: [
      ...simulated('more for it than against it: approved'),
      ...overHttp(
        'with wait, the answer is the decision: approved by a majority, rejected by one or by a tie',
      ),
    ],
  },
  {
    id: 'V4',
    says: 'a tie rejects',
    file: arithmetic,
    line: "if (counted.approve.weight + open <= counted.reject.weight) return 'rejected';",
    instead: "if (counted.approve.weight + open < counted.reject.weight) return 'rejected';",
    tests: counted('happens exactly when there is quorum and every way to go on ends the same'),
  },
  {
    id: 'V4',
    says: 'it is decided as soon as the outcome cannot change',
    file: arithmetic,
    line: "if (counted.approve.weight > counted.reject.weight + open) return 'approved';",
    tests: [
      ...counted('happens exactly when there is quorum and every way to go on ends the same'),
      ...simulated('nobody waits for the vote of the dead'),
    ],
  },
  {
    id: 'V4',
    says: 'a death ends the waiting, and the denominator never shrinks',
    file: decisions,
    line: 'if (proposal.spec.electorate.some((each) => each.id === voter)) settle(context, proposal);',
    tests: decided('ends the waiting for it, but the denominator never shrinks'),
  },
  {
    id: 'V5',
    says: 'the result has weights, counts, the quorum needed and the approval rate',
    file: arithmetic,
    line: 'approvalRate: voted === 0 ? 0 : approve.weight / voted,',
    tests: [
      ...counted(
        'gives weights, counts, the quorum needed and the approval rate',
        'has an approval rate of 0 when nobody voted',
      ),
      ...overHttp('one proposal can be looked at, with its tally, its rate and who voted what'),
    ],
  },
  {
    id: 'V6',
    says: 'ballots cast before and after a change of leader count, each once',
    file: 'src/domain/apply-proposal.ts',
    line: 'ballots.set(event.voter, { decision: event.decision, reason: event.reason, at: state.at });',
    tests: [
      ...simulated('ballots cast before and after a change of leader count, each once'),
      ...decided('counts under the next leader too, and none twice'),
    ],
  },
  {
    id: 'V7',
    says: 'an agent votes as its handler says',
    file: 'src/runtime/ballots.ts',
    line: 'if (vote !== null) decision = decisionIn(await vote(request));',
    tests: [
      ...simulated('more for it than against it: approved'),
      ...real('outside voters vote once, members through their handlers, strangers not at all'),
    ],
  },
  {
    id: 'V8',
    says: 'a task that needs approval waits until the fleet approves',
    file: decisions,
    line: 'if (task !== null) settleApproval(context, task, id, outcome);',
    tests: [
      ...simulated('a task waits for its approval, and then for its time'),
      ...real('a task that needs approval runs only when the fleet approves'),
    ],
  },
  {
    id: 'V8',
    says: 'it fails with the reason when it is not approved',
    file: decisions,
    line: "context.emit({ type: 'task.failed', id, end: null, error, lingers: false });",
    tests: [
      ...simulated('a task that is not approved fails and never runs'),
      ...real('a task that needs approval runs only when the fleet approves'),
    ],
  },
];
