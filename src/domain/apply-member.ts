/** How ledger events change members. */
import { assert, assertNever, present } from './assert.ts';
import type { EventOf } from './events.ts';
import type { FleetState, Member, MemberStatus } from './state.ts';
import { follow, type Chart } from './transitions.ts';

export type MemberEvent = EventOf<
  | 'member.joined'
  | 'member.updated'
  | 'member.draining'
  | 'member.resumed'
  | 'member.left'
  | 'member.died'
  | 'member.forgotten'
  | 'member.removed'
>;

export function applyMember(state: FleetState, event: MemberEvent, chart: Chart): void {
  const known = state.members.get(event.id);
  const what = `member ${event.id}`;
  const status = follow(chart, {}, { what, status: known?.status ?? chart.initial }, event) as MemberStatus;
  switch (event.type) {
    case 'member.joined':
      state.members.set(event.id, {
        id: event.id,
        incarnation: event.incarnation,
        profile: event.profile,
        status,
        since: state.at,
        joinedAt: state.at,
        held: new Set(),
        lingering: new Set(),
        completed: known?.completed ?? 0,
      });
      break;
    case 'member.updated':
      present(known, what).profile = event.profile;
      break;
    case 'member.draining':
    case 'member.resumed':
      change(state, present(known, what), status);
      break;
    case 'member.died':
      state.counts.deaths += 1;
      end(state, present(known, what), status);
      break;
    case 'member.left':
      end(state, present(known, what), status);
      break;
    case 'member.forgotten':
      state.members.delete(event.id);
      break;
    case 'member.removed':
      state.members.delete(event.id);
      state.removed.set(event.incarnation, { id: event.id, expiresAt: event.refusedUntil });
      break;
    default:
      assertNever(event);
  }
}

function change(state: FleetState, member: Member, status: MemberStatus): void {
  member.status = status;
  member.since = state.at;
}

/** Its tasks were ended or handed on by events before this one in the same entry. */
function end(state: FleetState, member: Member, status: MemberStatus): void {
  assert(member.held.size === 0, `member ${member.id} ends with ${member.held.size} tasks`);
  member.lingering.clear();
  change(state, member, status);
}
