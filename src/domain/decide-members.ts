/** Decisions about members: join, update, drain, leave, death. SPEC A1–A7. */
import { accepted, refused, type DecisionContext, type Verdict } from './decision.ts';
import { settleWithout } from './decide-proposals.ts';
import { lose, takeBack } from './decide-tasks.ts';
import type { Profile } from './events.ts';
import type { AgentId, Incarnation } from './ids.ts';
import { isPresent, presentMember, type Member } from './state.ts';

export interface JoinRequest {
  readonly id: AgentId;
  readonly incarnation: Incarnation;
  readonly profile: Profile;
}

export type HolderVerdict = 'alive' | 'silent' | 'gone';

/** What a probe of the holder of an id found, and of which process: another one may hold the id by now. */
export interface ProbedHolder {
  readonly incarnation: Incarnation;
  readonly verdict: HolderVerdict;
}

/** Whether the holder of the id must be probed before the join can be decided. */
export function holderToProbe(context: DecisionContext, request: JoinRequest): Member | null {
  const member = context.state.members.get(request.id);
  if (member === undefined || !isPresent(member) || member.incarnation === request.incarnation) return null;
  return member;
}

/** A join. `holder` is what was found of the holder that `holderToProbe` named. Joining again changes the profile. */
export function decideJoin(
  context: DecisionContext,
  request: JoinRequest,
  holder: ProbedHolder | null = null,
): Verdict<null> {
  const { state, settings } = context;
  const { id, incarnation, profile } = request;
  if (state.removed.has(incarnation)) return refused('REMOVED', removalOf(id));
  const member = state.members.get(id);
  if (member !== undefined && isPresent(member)) {
    if (member.incarnation === incarnation) {
      if (!sameProfile(member.profile, profile)) context.emit({ type: 'member.updated', id, profile });
      return accepted(null);
    }
    const verdict = holder?.incarnation === member.incarnation ? holder.verdict : 'silent';
    if (verdict === 'alive') {
      return refused('ID_TAKEN', `id ${id} is held by incarnation ${member.incarnation}, which is alive`);
    }
    if (verdict === 'silent') {
      return refused(
        'HOLDER_SILENT',
        `id ${id} is held by incarnation ${member.incarnation}, which does not answer yet`,
      );
    }
    decideDeath(context, member, `replaced by incarnation ${incarnation}`);
  } else if (member === undefined && state.members.size >= settings.membersMax) {
    return refused('LIMIT_REACHED', `the fleet has ${settings.membersMax} members`);
  }
  context.emit({ type: 'member.joined', id, incarnation, profile });
  return accepted(null);
}

export function sameProfile(a: Profile, b: Profile): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Of an id that nobody has, or whose agent was forgotten. */
export function noAgent(id: string): string {
  return `no agent ${id} in the fleet`;
}

/** Takes no new task from now on. */
export function decideDrain(context: DecisionContext, id: AgentId): Verdict<null> {
  const member = context.state.members.get(id);
  if (member === undefined || !isPresent(member)) return refused('NOT_FOUND', noAgent(id));
  if (member.status === 'alive') context.emit({ type: 'member.draining', id });
  return accepted(null);
}

export function decideResume(context: DecisionContext, id: AgentId): Verdict<null> {
  const member = context.state.members.get(id);
  if (member === undefined || !isPresent(member)) return refused('NOT_FOUND', noAgent(id));
  if (member.status === 'draining') context.emit({ type: 'member.resumed', id });
  return accepted(null);
}

/** Goes for good; what it still has goes to others and does not count as an attempt. */
export function decideLeave(
  context: DecisionContext,
  from: { readonly id: AgentId; readonly incarnation: Incarnation },
): Verdict<null> {
  const member = presentMember(context.state, from);
  if (member === undefined) return accepted(null);
  for (const task of heldBy(context, member)) {
    takeBack(context, task);
    context.mayBreak?.();
  }
  context.emit({ type: 'member.left', id: member.id });
  settleWithout(context, member.id);
  return accepted(null);
}

/** Its attempts end as lost and the tasks wait for others, within their retries. */
export function decideDeath(context: DecisionContext, member: Member, reason: string): void {
  for (const task of heldBy(context, member)) {
    lose(context, task, `agent ${member.id} ${reason}`);
    context.mayBreak?.();
  }
  context.emit({ type: 'member.died', id: member.id, reason });
  settleWithout(context, member.id);
}

/**
 * By hand, whatever became of it: it is gone at once, what it had goes to others within their retries, and this
 * process of it cannot come back. A new one can.
 */
export function decideRemove(context: DecisionContext, id: AgentId): Verdict<null> {
  const { state, settings, at } = context;
  const member = state.members.get(id);
  if (member === undefined) return refused('NOT_FOUND', noAgent(id));
  if (state.removed.size >= settings.membersMax)
    return refused('LIMIT_REACHED', `the fleet remembers ${settings.membersMax} removed processes`);
  if (isPresent(member)) decideDeath(context, member, 'was removed');
  const { incarnation } = member;
  context.emit({ type: 'member.removed', id, incarnation, refusedUntil: at + settings.refuseRemovedMs });
  return accepted(null);
}

/** What a removed process is told. */
export function removalOf(id: AgentId): string {
  return `agent ${id} was removed from the fleet; only a new process can join as ${id}`;
}

function heldBy(context: DecisionContext, member: Member) {
  return [...member.held].flatMap((id) => context.state.tasks.get(id) ?? []);
}
