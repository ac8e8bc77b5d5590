/**
 * The frame of every decision. A `decide…` function reads the state, refuses before it has emitted anything, or
 * emits events, which are applied at once, so that its next line sees their effect. All events of one call stand
 * in one entry (I2). Time, chance and soft state come in through the context; the outcome is in the events.
 */
import type { LedgerEvent } from './events.ts';
import { problem, type ErrorCode, type FieldProblem, type Problem } from './errors.ts';
import type { AgentId } from './ids.ts';
import type { Settings } from './settings.ts';
import type { FleetState } from './state.ts';

export interface DecisionContext {
  readonly state: FleetState;
  readonly settings: Settings;
  /** Ledger time of the entry that these events will stand in. */
  readonly at: number;
  /** A number in [0, 1), for jitter. */
  chance(): number;
  /** Last reported health of a member, 0–1. */
  healthOf(id: AgentId): number;
  emit(event: LedgerEvent): void;
  /** Why nothing new is taken now, though repeats are answered; null: it is. Default: it is. */
  refusalOfNew?(): string | null;
  /** What comes next is a decision of its own: it may stand in another entry. `bytes`: more than its events say. */
  mayBreak?(bytes?: number): void;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly problem: Problem;
}

export type Verdict<T> = { readonly kind: 'accepted'; readonly value: T } | Refusal;

export function accepted<T>(value: T): Verdict<T> {
  return { kind: 'accepted', value };
}

export function refused(code: ErrorCode, message: string, fields?: readonly FieldProblem[]): Refusal {
  return { kind: 'refused', problem: problem(code, message, fields) };
}

/** Why nothing more can be kept now; null: it can. */
export function bytesLimitOf({ state, settings }: DecisionContext): string | null {
  const { keptBytesMax } = settings;
  if (state.bytes.kept < keptBytesMax) return null;
  return `the fleet keeps ${keptBytesMax} bytes of tasks, proposals and keys`;
}
