/** Decisions about proposals and ballots. SPEC V1–V8; the arithmetic is in `quorum.ts`. */
import {
  accepted,
  bytesLimitOf,
  refused,
  type DecisionContext,
  type Refusal,
  type Verdict,
} from './decision.ts';
import type { Decision, ProposalOutcome, ProposalSpec, RequestKey, Voter, Weighting } from './events.ts';
import { timeOrderedId, type AgentId, type ProposalId, type TaskId } from './ids.ts';
import { keyLimitOf, rememberedKey, repeatOf, type NamedRequest } from './request-keys.ts';
import { outcomeOf, settledOutcome, tally, weightOf } from './quorum.ts';
import { isPresent, type FleetState, type Proposal } from './state.ts';

/** Checked at the door. */
export interface ProposalRequest {
  readonly type: string;
  readonly description: string;
  readonly data: unknown;
  readonly proposer: string;
  readonly quorum: number | null;
  readonly timeoutMs: number | null;
  readonly weighting: Weighting;
  /** Names of people or programs that may vote beside the members. */
  readonly voters: readonly string[];
}

export function decidePropose(
  context: DecisionContext,
  request: ProposalRequest,
  key: NamedRequest,
): Verdict<ProposalId> {
  const repeat = repeatOf(context, key);
  if (repeat !== undefined && 'kind' in repeat) return repeat;
  if (repeat !== undefined) {
    if (repeat.proposal !== null) return accepted(repeat.proposal);
    return refused('CONFLICT', `key ${key.key} was used before for something else than a proposal`);
  }
  const limit = context.refusalOfNew?.() ?? bytesLimitOf(context) ?? keyLimitOf(context, key);
  if (limit !== null) return refused('LIMIT_REACHED', limit);
  const refusal = refusalOf(context, [request]);
  if (refusal !== null) return refusal;
  return accepted(openProposal(context, request, null, rememberedKey(context, key)).id);
}

/** Why these proposals cannot all be opened now; null: they can. */
export function refusalOf(context: DecisionContext, requests: readonly ProposalRequest[]): Refusal | null {
  const { state, settings } = context;
  if (requests.length > 0 && state.counts.proposals.open + requests.length > settings.proposalsOpenMax) {
    return refused('LIMIT_REACHED', `at most ${settings.proposalsOpenMax} proposals are open at once`);
  }
  for (const request of requests) {
    const electorate = electorateOf(context, request);
    if (electorate.length > settings.votersMax) {
      return refused(
        'TOO_LARGE',
        `a proposal has at most ${settings.votersMax} voters, this one would have ${electorate.length}`,
      );
    }
    if (totalWeight(electorate) === 0) {
      return refused(
        'CONFLICT',
        `nobody's vote would weigh anything: no member is alive, or all weigh 0 by ${request.weighting}`,
      );
    }
  }
  return null;
}

/** Opens a proposal. With a task: the task waits for its approval. */
export function openProposal(
  context: DecisionContext,
  request: ProposalRequest,
  task: TaskId | null,
  key?: RequestKey,
): ProposalSpec {
  const { state, settings, at } = context;
  const { genesis, proposalsCreated: ordinal } = state;
  const id = timeOrderedId({ kind: 'proposal', at, genesis, ordinal }) as ProposalId;
  const proposal: ProposalSpec = {
    id,
    type: request.type,
    description: request.description,
    data: request.data,
    proposer: request.proposer,
    quorum: request.quorum ?? settings.quorum,
    weighting: request.weighting,
    deadlineAt: at + (request.timeoutMs ?? settings.proposalTimeoutMs),
    electorate: electorateOf(context, request),
    outsiders: outsidersOf(state, request.voters),
    task,
  };
  context.emit({ type: 'proposal.opened', proposal, ...(key === undefined ? {} : { key }) });
  return proposal;
}

function electorateOf(context: DecisionContext, request: ProposalRequest): Voter[] {
  const { state } = context;
  const voters: Voter[] = [];
  for (const member of state.members.values()) {
    if (member.status !== 'alive') continue;
    const health = context.healthOf(member.id);
    voters.push({
      id: member.id,
      weight: weightOf(request.weighting, { health, priority: member.profile.priority }),
    });
  }
  for (const id of outsidersOf(state, request.voters)) voters.push({ id, weight: 1_000 });
  return voters;
}

/** A member that is named as a voter votes as a member; who is named twice votes once. */
function outsidersOf(state: FleetState, voters: readonly string[]): string[] {
  return [...new Set(voters)].filter((id) => state.members.get(id as AgentId)?.status !== 'alive');
}

function totalWeight(electorate: readonly Voter[]): number {
  return electorate.reduce((sum, voter) => sum + voter.weight, 0);
}

/** Of an id that is unknown: nobody can tell the two apart. */
export function noProposal(id: string): string {
  return `no proposal ${id}: it was dropped, or never existed`;
}

/** One vote of one voter. The same again is answered as before. */
export function decideBallot(
  context: DecisionContext,
  ballot: {
    readonly proposal: ProposalId;
    readonly voter: string;
    readonly decision: Decision;
    readonly reason: string | null;
  },
): Verdict<null> {
  const proposal = context.state.proposals.get(ballot.proposal);
  if (proposal === undefined) return refused('NOT_FOUND', noProposal(ballot.proposal));
  if (!proposal.spec.electorate.some((voter) => voter.id === ballot.voter)) {
    return refused('NOT_A_VOTER', `${ballot.voter} is not in the electorate of ${ballot.proposal}`);
  }
  const before = proposal.ballots.get(ballot.voter);
  if (before !== undefined) {
    if (before.decision === ballot.decision) return accepted(null);
    return refused('ALREADY_VOTED', `${ballot.voter} already voted ${before.decision}`);
  }
  if (proposal.status !== 'open')
    return refused('PROPOSAL_CLOSED', `proposal ${ballot.proposal} is ${proposal.status}`);
  const { voter, decision, reason } = ballot;
  context.emit({ type: 'ballot.cast', id: ballot.proposal, voter, decision, reason });
  settle(context, proposal);
  return accepted(null);
}

/** Closes the proposal if its outcome cannot change, or nobody is left who could still vote. */
export function settle(context: DecisionContext, proposal: Proposal): void {
  if (proposal.status !== 'open') return;
  const { electorate, quorum } = proposal.spec;
  const counted = tally(electorate, proposal.ballots, quorum);
  const outcome = settledOutcome(counted) ?? (isAwaited(context.state, proposal) ? null : outcomeOf(counted));
  if (outcome !== null) conclude(context, proposal, outcome);
}

/** The deadline has come. */
export function expireProposal(context: DecisionContext, proposal: Proposal): void {
  const { electorate, quorum } = proposal.spec;
  conclude(context, proposal, outcomeOf(tally(electorate, proposal.ballots, quorum)));
}

/** The task that waits for it is being cancelled, in the same entry: there is nothing left to vote on. */
export function withdrawProposal(context: DecisionContext, id: ProposalId): void {
  if (context.state.proposals.get(id)?.status !== 'open') return;
  context.emit({ type: 'proposal.decided', id, outcome: 'withdrawn' });
}

/** The decision and its task's next step stand in one entry. */
function conclude(context: DecisionContext, proposal: Proposal, outcome: ProposalOutcome): void {
  const { id, task } = proposal.spec;
  context.emit({ type: 'proposal.decided', id, outcome });
  if (task !== null) settleApproval(context, task, id, outcome);
}

/** The task's approval was decided: goes on or ends. */
function settleApproval(context: DecisionContext, id: TaskId, proposal: ProposalId, outcome: string): void {
  const task = context.state.tasks.get(id);
  if (task?.status !== 'awaiting_approval') return;
  if (outcome === 'approved') {
    const { notBefore } = task.spec;
    const isLater = notBefore !== null && notBefore > context.at;
    context.emit({ type: 'task.approved', id, notBefore: isLater ? notBefore : null });
    return;
  }
  const error = { message: `not approved: proposal ${proposal} was ${outcome}`, code: 'NOT_APPROVED' };
  context.emit({ type: 'task.failed', id, end: null, error, lingers: false });
}

function isAwaited(state: FleetState, proposal: Proposal): boolean {
  return proposal.spec.electorate.some((voter) => {
    if (voter.weight === 0 || proposal.ballots.has(voter.id)) return false;
    if (proposal.spec.outsiders.includes(voter.id)) return true;
    const member = state.members.get(voter.id as AgentId);
    return member !== undefined && isPresent(member);
  });
}

/** A voter is gone: nobody waits for it any longer. */
export function settleWithout(context: DecisionContext, voter: AgentId): void {
  for (const proposal of context.state.proposals.values()) {
    if (proposal.status !== 'open') continue;
    if (proposal.spec.electorate.some((each) => each.id === voter)) settle(context, proposal);
  }
}
