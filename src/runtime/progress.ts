/**
 * How far a running attempt is, as its handler says: soft state. It travels in the agent's heartbeats, decides nothing
 * and is never recorded (ADR 0012). What it adds to a beat is bounded; what does not fit is left out.
 */
import type { AgentId } from '../domain/ids.ts';
import { currentAttempt, type Task } from '../domain/state.ts';
import { encode } from '../wire/codec.ts';
import { NOTE_LENGTH_MAX, type Heartbeat } from '../wire/messages.ts';
import type { ProgressView } from '../wire/views.ts';
import type { Beat } from './roster.ts';

export interface Progress {
  /** 0–1. */
  readonly share: number;
  readonly note: string | null;
  /** Monotonic time at which the handler said so. */
  readonly at: number;
}

export type RunningBeat = Heartbeat['running'][number];

/** Of one beat. */
const PROGRESS_BYTES_MAX = 32_768;

/** The first characters of it, none of them torn: with half of one the whole beat would be refused. */
export function cutNote(note: string): string {
  // A character has two code units at the most.
  const characters = Array.from(note.slice(0, 2 * NOTE_LENGTH_MAX + 1));
  return characters
    .slice(0, NOTE_LENGTH_MAX)
    .join('')
    .replaceAll(/\p{Surrogate}/gu, '\ufffd');
}

/** What runs, as a beat lists it: with as much progress as it can carry, first the shares, then the notes. */
export function listed(
  running: Iterable<{ readonly id: string; readonly attempt: number; readonly progress: Progress | null }>,
  now: number,
): RunningBeat[] {
  const room = { bytes: PROGRESS_BYTES_MAX };
  const shares = Array.from(running, ({ id, attempt, progress }) => {
    const said = progress === null ? null : { share: progress.share, agoMs: agoOf(progress, now) };
    const isThere = said !== null && takes(room, { progress: said });
    return {
      beat: isThere ? { id, attempt, progress: said } : { id, attempt },
      note: progress?.note ?? null,
    };
  });
  return shares.map(({ beat, note }) => {
    if (note === null || !('progress' in beat) || !takes(room, { note })) return beat;
    return { ...beat, progress: { ...beat.progress, note } };
  });
}

function agoOf({ at }: Progress, now: number): number {
  return Math.max(0, Math.round(now - at));
}

function takes(room: { bytes: number }, said: object): boolean {
  const bytes = encode(said, 'json').length;
  if (bytes > room.bytes) return false;
  room.bytes -= bytes;
  return true;
}

/** Of the attempt that the task is in, by the last beat of the very process that runs it; `now`: monotonic. */
export function progressOf(
  task: Task,
  { beat, now }: { readonly beat: (agent: AgentId) => Beat | undefined; readonly now: number },
): ProgressView | null {
  const attempt = currentAttempt(task);
  if (attempt === undefined || attempt.end !== null) return null;
  const heard = beat(attempt.agent);
  if (heard?.incarnation !== attempt.incarnation) return null;
  const said = heard.running.find((each) => each.id === task.spec.id && each.attempt === attempt.attempt);
  if (said?.progress === undefined) return null;
  const { share, note = null, agoMs } = said.progress;
  return { share, note, agoMs: Math.round(agoMs + now - heard.heardAt) };
}
