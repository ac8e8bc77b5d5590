/** Progress of running attempts: what of it a beat carries, and whose word is shown. */
import { describe, expect, it } from 'vitest';
import type { TaskId } from '../../src/domain/ids.ts';
import { encode } from '../../src/wire/codec.ts';
import { doorFor } from '../../src/wire/door.ts';
import { HeartbeatSchema, NOTE_LENGTH_MAX } from '../../src/wire/messages.ts';
import { TasksPageSchema } from '../../src/wire/views.ts';
import { cutNote, listed, type RunningBeat } from '../../src/runtime/progress.ts';
import type { Beat } from '../../src/runtime/roster.ts';
import { type Harness, life } from './harness.ts';
import { ReaderStage } from './reader-stage.ts';

/** Half of a character. */
const TORN = '\ud83d';
const BYTES_MAX = 32_768;

const said = (note: string | null, share = 1 / 3) => ({ share, note, at: 100 });
const bytesOf = (running: readonly RunningBeat[]): number =>
  running.reduce(
    (sum, { progress }) => sum + (progress === undefined ? 0 : encode({ progress }, 'json').length),
    0,
  );

function beatWith(running: readonly RunningBeat[]): Partial<Beat> {
  return { running: [...running] };
}

describe('a note', () => {
  it('is cut after 255 characters, and no character is torn', () => {
    expect(cutNote('half of it')).toBe('half of it');
    expect(cutNote('x'.repeat(300))).toBe('x'.repeat(NOTE_LENGTH_MAX));
    expect(cutNote('𝛼'.repeat(300))).toBe('𝛼'.repeat(NOTE_LENGTH_MAX));
    expect(cutNote(`a${'𝛼'.repeat(300)}`)).toBe(`a${'𝛼'.repeat(NOTE_LENGTH_MAX - 1)}`);
  });

  it.each(['x', 'ü', '"', '\n', '𝛼', '👩‍👩‍👧', TORN])('of many %j passes the door in a beat', (character) => {
    const stage = new ReaderStage();
    const note = cutNote(character.repeat(400));
    expect(note.startsWith(character === TORN ? '\ufffd' : character)).toBe(true);
    stage.beat('ada', beatWith(listed([{ id: 't', attempt: 1, progress: said(note) }], 200)));
    const { id: _, heardAt: __, ...beat } = stage.beats.get('ada') as Beat;
    const admitted = doorFor(HeartbeatSchema).admit(encode(beat, 'json'), {
      'Content-Type': 'application/json',
    });
    expect(admitted).toMatchObject({ kind: 'ok', value: { running: [{ progress: { note, agoMs: 100 } }] } });
  });
});

describe('a beat', () => {
  it('lists every attempt, and says nothing of the progress of those that said nothing', () => {
    const running = listed(
      [
        { id: 'a', attempt: 1, progress: null },
        { id: 'b', attempt: 2, progress: said(null, 0.5) },
      ],
      150,
    );
    expect(running).toEqual([
      { id: 'a', attempt: 1 },
      { id: 'b', attempt: 2, progress: { share: 0.5, agoMs: 50 } },
    ]);
  });

  it('has room for so much progress: later notes are left out, then later shares, never an attempt', () => {
    const noted = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ id: `t${i}`, attempt: 1, progress: said('"'.repeat(255)) }));
    const some = listed(noted(200), 100);
    expect(bytesOf(some)).toBeLessThanOrEqual(BYTES_MAX);
    expect(some[0]?.progress?.note).toHaveLength(255);
    expect(some.at(-1)?.progress).toEqual({ share: 1 / 3, agoMs: 0 });
    const full = listed(noted(10_000), 100);
    expect(full).toHaveLength(10_000);
    expect(bytesOf(full)).toBeLessThanOrEqual(BYTES_MAX);
    expect(bytesOf(full)).toBeGreaterThan(BYTES_MAX - 100);
    expect(full.at(-1)).toEqual({ id: 't9999', attempt: 1 });
  });
});

describe('the progress that is shown', () => {
  function running(): { stage: ReaderStage; id: TaskId; fleet: Harness } {
    const stage = new ReaderStage();
    const { fleet } = stage;
    fleet.join('ada');
    return { stage, id: fleet.running('ada'), fleet };
  }
  const half = { share: 0.5, note: 'half', agoMs: 30 };

  it('is of the last beat, and as old as the word of the handler', () => {
    const { stage, id } = running();
    expect(stage.reader.task(id)?.progress).toBeNull();
    stage.beat('ada', beatWith([{ id, attempt: 1, progress: half }]));
    stage.now += 400;
    expect(stage.reader.task(id)?.progress).toEqual({ share: 0.5, note: 'half', agoMs: 430 });
    const page = stage.reader.tasks();
    expect(page.tasks[0]?.progress?.share).toBe(0.5);
    expect(doorFor(TasksPageSchema).check(page)).toMatchObject({ kind: 'ok' });
  });

  it('is not taken from another process of the agent, another agent, or about another attempt', () => {
    const { stage, id, fleet } = running();
    fleet.join('bob');
    stage.beat('bob', beatWith([{ id, attempt: 1, progress: half }]));
    expect(stage.reader.task(id)?.progress).toBeNull();
    stage.beat('ada', {
      incarnation: life('ada-2'),
      ...beatWith([{ id, attempt: 1, progress: half }]),
    });
    expect(stage.reader.task(id)?.progress).toBeNull();
    stage.beat('ada', beatWith([{ id, attempt: 2, progress: half }]));
    expect(stage.reader.task(id)?.progress).toBeNull();
    stage.beat('ada', beatWith([{ id: 'another', attempt: 1, progress: half }]));
    expect(stage.reader.task(id)?.progress).toBeNull();
  });

  it('is gone when the attempt has ended', () => {
    const { stage, id, fleet } = running();
    stage.beat('ada', beatWith([{ id, attempt: 1, progress: half }]));
    fleet.failed(id);
    expect(stage.reader.task(id)?.progress).toBeNull();
    fleet.wait(60_000);
    fleet.emit({ type: 'task.due', id });
    fleet.assign(id, 'ada');
    expect(stage.reader.task(id)?.progress).toBeNull();
  });
});
