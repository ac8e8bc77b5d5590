/** The event log: bounded, and from every position that it still keeps without a gap or a repeat. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../src/domain/events.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import { emptyState } from '../../src/domain/state.ts';
import { snakeKeys } from '../../src/http/event-json.ts';
import { EventLog, type EventLogOptions, type Position } from '../../src/http/event-log.ts';

/** A ledger that says what the test wants: `n` events in an entry. */
class Source {
  readonly state = emptyState();
  startedBehind: number | null = 0;
  #listen: ((entry: Entry, sequence: number) => void) | null = null;
  #gap: (() => void) | null = null;

  onEntry(listen: (entry: Entry, sequence: number) => void): { close: () => void } {
    this.#listen = listen;
    return { close: () => (this.#listen = null) };
  }

  onGap(listen: () => void): { close: () => void } {
    this.#gap = listen;
    return { close: () => (this.#gap = null) };
  }

  /** Entries up to here were purged: the state went on from a snapshot. */
  jump(sequence: number): void {
    this.state.sequence = sequence;
    this.#gap?.();
  }

  add(n: number): void {
    this.state.sequence += 1;
    const events = Array.from({ length: n }, (_, i) => ({
      type: 'task.due' as const,
      id: `task-${i}` as TaskId,
    }));
    const entry = {
      v: 1,
      genesis: 'g',
      term: 3,
      leader: 'ada',
      incarnation: 'ada-1',
      at: 1_000 + this.state.sequence,
    };
    this.#listen?.({ ...entry, previous: '', events } as unknown as Entry, this.state.sequence);
  }
}

function logOf(given: Omit<EventLogOptions, 'observer'> = {}): { source: Source; log: EventLog } {
  const source = new Source();
  return { source, log: new EventLog({ observer: source, ...given }) };
}

const idOf = ({ sequence, index }: Position): string => `${sequence}.${index}`;

/** Ids from an ordinal to the end. */
function idsFrom(log: EventLog, ordinal: number): string[] {
  const ids: string[] = [];
  for (let at = ordinal; at < log.end; at += 1) {
    const event = log.at(at);
    ids.push(event === undefined ? 'gone' : idOf(event));
  }
  return ids;
}

const sizes = fc.array(fc.nat(6), { minLength: 1, maxLength: 60 });
const idsIn = (entries: readonly number[]): string[] =>
  entries.flatMap((n, i) => Array.from({ length: n }, (_, index) => `${i + 1}.${index}`));

describe('the event log', () => {
  it('forgets all that was before a gap, and says where it begins now', () => {
    const { source, log } = logOf();
    source.add(2);
    source.add(1);
    const before = log.end;
    source.jump(50);
    // Whoever stood at the end is behind what begins now.
    expect([log.first, log.end, log.bytes, log.oldest]).toEqual([before + 1, before + 1, 0, '51.0']);
    expect(log.after({ sequence: 2, index: Infinity })).toBeNull();
    expect(log.after({ sequence: 50, index: Infinity })).toBe(before + 1);
    source.add(2);
    expect(idsFrom(log, log.first)).toEqual(['51.0', '51.1']);
  });

  it('gives everything after any position that it keeps, and refuses every other', () => {
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 1, max: 40 }),
        fc.nat(65),
        fc.nat(7),
        (entries, eventsMax, sequence, index) => {
          const { source, log } = logOf({ eventsMax });
          for (const n of entries) source.add(n);
          const all = idsIn(entries);
          const kept = idsFrom(log, log.first);
          expect(kept).toEqual(all.slice(all.length - kept.length));
          expect(kept.length).toBeLessThanOrEqual(eventsMax);
          if (kept.length > 0) expect([log.oldest, log.oldest.split('.')[1]]).toEqual([kept[0], '0']);
          const position = { sequence, index: index === 7 ? Infinity : index };
          const isAfter = (id: string): boolean => {
            const [of = 0, place = 0] = id.split('.').map(Number);
            return of > sequence || (of === sequence && place > position.index);
          };
          const expected = all.filter(isAfter);
          const from = log.after(position);
          if (from === null) expect(expected.length).toBeGreaterThan(kept.length);
          else expect(idsFrom(log, from)).toEqual(expected);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('keeps as much as it can: what was dropped would not have fit with its entry', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 6, max: 40 }), (entries, eventsMax) => {
        const { source, log } = logOf({ eventsMax });
        for (const n of entries) source.add(n);
        const dropped = idsIn(entries).length - (log.end - log.first);
        const last = idsIn(entries)[dropped - 1]?.split('.')[0];
        const size = last === undefined ? Infinity : (entries[Number(last) - 1] ?? 0);
        expect(log.end - log.first + size).toBeGreaterThan(eventsMax);
      }),
    );
  });

  it('lets readers that come and go, at any time, see each event once', () => {
    fc.assert(
      fc.property(sizes, fc.array(fc.nat(20), { maxLength: 60 }), (entries, pauses) => {
        const { source, log } = logOf();
        const seen: string[] = [];
        let position: Position = { sequence: 0, index: Infinity };
        entries.forEach((n, i) => {
          source.add(n);
          const from = log.after(position) ?? -1;
          for (let at = from; at < Math.min(log.end, from + (pauses[i] ?? 3)); at += 1) {
            position = log.at(at) ?? position;
            seen.push(idOf(position));
          }
        });
        expect([...seen, ...idsFrom(log, log.after(position) ?? -1)]).toEqual(idsIn(entries));
      }),
    );
  });

  it('is bounded in bytes of text', () => {
    const { source, log } = logOf({ bytesMax: 2_000 });
    for (let i = 0; i < 100; i += 1) source.add(3);
    expect(log.bytes).toBeLessThanOrEqual(2_000);
    const texts = idsFrom(log, log.first).map((_, i) => log.at(log.first + i)?.text ?? '');
    expect(log.bytes).toBe(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0));
    expect(log.after({ sequence: 1, index: Infinity })).toBeNull();
  });

  it('renders nothing that lies so far behind that it would be dropped again', () => {
    const { source, log } = logOf({ eventsMax: 10 });
    source.startedBehind = 100;
    for (let i = 0; i < 90; i += 1) source.add(1);
    expect([log.first, log.end, log.oldest]).toEqual([0, 0, '91.0']);
    for (let i = 0; i < 10; i += 1) source.add(1);
    expect([log.end - log.first, log.oldest]).toEqual([10, '91.0']);
    expect(log.after({ sequence: 89, index: Infinity })).toBeNull();
    expect(log.after({ sequence: 90, index: Infinity })).toBe(log.first);
  });

  it('drops what is old without keeping it in memory: ordinals go on', () => {
    const { source, log } = logOf({ eventsMax: 100 });
    for (let i = 0; i < 20_000; i += 1) source.add(1);
    expect([log.first, log.end]).toEqual([19_900, 20_000]);
    expect(log.at(19_899)).toBeUndefined();
    expect(log.at(19_900)?.sequence).toBe(19_901);
  });

  it('writes one envelope for each event', () => {
    const { source, log } = logOf();
    source.add(2);
    expect(JSON.parse(log.at(1)?.text ?? '')).toEqual({
      id: '1.1',
      sequence: 1,
      kind: 'task.due',
      term: 3,
      at: 1_001,
      committed: true,
      item: { id: 'task-1', type: null },
    });
  });
});

describe('keys in snake_case', () => {
  it('are ours alone: what users gave stays as it is', () => {
    const theirs = { camelCase: [{ innerKey: 1 }] };
    const item = {
      durationMs: 1,
      payload: theirs,
      result: theirs,
      data: theirs,
      labels: { aB: 'c' },
      list: [{ notBefore: null }],
    };
    expect(snakeKeys(item)).toEqual({
      duration_ms: 1,
      payload: theirs,
      result: theirs,
      data: theirs,
      labels: { aB: 'c' },
      list: [{ not_before: null }],
    });
  });
});
