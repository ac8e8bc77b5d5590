/** How much is kept, in bytes: near what it takes in a snapshot, on every replica alike, and bounded. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { valueBytes } from '../../src/domain/bytes.ts';
import { decideProposalsDrop, decideTasksDrop } from '../../src/domain/decide-drops.ts';
import { decidePropose } from '../../src/domain/decide-proposals.ts';
import { decideCancel, decideSubmit } from '../../src/domain/decide-tasks.ts';
import { violations } from '../../src/domain/invariants.ts';
import { slackBytesOf } from '../../src/domain/retention.ts';
import { defaultSettings } from '../../src/domain/settings.ts';
import { restore, snapshotOf } from '../../src/domain/snapshot.ts';
import { snapshotBytesMax } from '../../src/nats/snapshot-manifest.ts';
import { decodeTrusted, encode } from '../../src/wire/codec.ts';
import { passed, watched } from './drops.ts';
import { accept, Harness, proposalOf, refusalOf, taskOf } from './harness.ts';
import { act, histories, placeSome, SoftState } from './random-history.ts';

const KIB = 1_024;

describe('a value', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constant('語'.repeat(300)));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      text,
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value')),
      fc.dictionary(fc.string({ maxLength: 8 }), tie('value'), { noNullPrototype: true }),
    ),
  }));

  it('is measured near its length on the wire', () => {
    fc.assert(
      fc.property(value, (each) => {
        const { length } = encode([each], 'msgpack');
        expect(valueBytes(each)).toBeGreaterThanOrEqual(0.5 * length - 4);
        expect(valueBytes(each)).toBeLessThanOrEqual(5 * length + 4);
      }),
    );
  });

  it('is measured alike before and after the wire', () => {
    fc.assert(
      fc.property(value, (each) => {
        expect(valueBytes(decodeTrusted(encode(each, 'msgpack')))).toBe(valueBytes(each));
      }),
    );
    expect(valueBytes(undefined)).toBe(valueBytes(null));
  });

  it.each(['x', 'é', '語', '🐝'])('is measured as the wire has it when it is long: %s', (unit) => {
    const long = unit.repeat(50_000);
    const { length } = encode(long, 'msgpack');
    expect(Math.abs(valueBytes(long) - length)).toBeLessThan(length / 50);
  });
});

it('in any history the sums are those of the records, and a snapshot without them gives them again', () => {
  fc.assert(
    fc.property(histories(80), (steps) => {
      const fleet = new Harness(
        { endedTasksMax: 3, decidedProposalsMax: 1, requestWindowMs: 5_000 },
        [0, 0.5],
      );
      const soft = new SoftState();
      for (const step of steps) {
        if (step.kind === 'place') placeSome(fleet, soft);
        else act(fleet, step, soft);
        decideTasksDrop(fleet);
        decideProposalsDrop(fleet);
      }
      expect(violations(fleet.state)).toEqual([]);
      const snapshot = snapshotOf(fleet.state, { lastHash: 'h' });
      expect(snapshot).not.toHaveProperty('bytes');
      const { state } = restore(decodeTrusted(encode(snapshot, 'msgpack')));
      expect(state.bytes).toEqual(fleet.state.bytes);
      expect(fleet.replayed().bytes).toEqual(fleet.state.bytes);
    }),
    { numRuns: 100 },
  );
});

it('the bound of what is kept leaves room in a snapshot, and what has ended leaves room in the bound', () => {
  const { keptBytesMax, endedTasksBytesMax, decidedProposalsBytesMax } = defaultSettings;
  expect(keptBytesMax).toBeLessThanOrEqual(0.75 * snapshotBytesMax);
  expect(endedTasksBytesMax + decidedProposalsBytesMax).toBeLessThanOrEqual(0.5 * keptBytesMax);
});

it('a fleet of many records is measured near what its snapshot takes, and not far below', () => {
  const fleet = new Harness();
  fleet.join('agent-1', { slots: 10_000 });
  for (let i = 0; i < 300; i += 1) {
    fleet.submit({ payload: { url: `https://example.org/${i}` } });
    fleet.completed(fleet.running('agent-1', { payload: { i } }), { found: [i, 'text'] });
  }
  const { length } = encode(snapshotOf(fleet.state, { lastHash: 'h' }), 'msgpack');
  expect(fleet.state.bytes.kept).toBeGreaterThan(0.85 * length);
  expect(fleet.state.bytes.kept).toBeLessThan(2 * length);
});

describe('beyond their bytes', () => {
  const endedTasksBytesMax = 100 * KIB;

  it('ended tasks are dropped, the oldest first, however few they are', () => {
    const fleet = new Harness({ endedTasksBytesMax });
    fleet.join('a', { slots: 1_000 });
    const timers = watched(fleet);
    const ids = Array.from({ length: 40 }, () => {
      const id = fleet.running('a', { payload: 'p'.repeat(5 * KIB) });
      fleet.completed(id, 'r'.repeat(5 * KIB));
      fleet.wait(2);
      passed(fleet, timers);
      const { ended } = fleet.state.bytes;
      expect(ended).toBeLessThanOrEqual(endedTasksBytesMax + slackBytesOf(endedTasksBytesMax));
      return id;
    });
    const { ended } = fleet.state;
    expect(ended.size).toBeGreaterThan(5);
    expect([...ended]).toEqual(ids.slice(-ended.size));
  });

  it('the proposals that ended tasks waited for count with them', () => {
    const fleet = new Harness({ endedTasksBytesMax });
    fleet.join('a');
    const timers = watched(fleet);
    for (let i = 0; i < 40; i += 1) {
      accept(decideCancel(fleet, fleet.submit({ approval: proposalOf({ data: 'd'.repeat(10 * KIB) }) })));
      fleet.wait(2);
      passed(fleet, timers);
    }
    expect(fleet.state.bytes.kept).toBeLessThan(2 * endedTasksBytesMax);
    expect(fleet.state.proposals.size).toBe(fleet.state.tasks.size);
  });

  it('decided proposals are dropped', () => {
    const decidedProposalsBytesMax = 50 * KIB;
    const fleet = new Harness({ decidedProposalsBytesMax });
    fleet.join('a');
    const timers = watched(fleet);
    for (let i = 0; i < 20; i += 1) {
      fleet.propose({ data: 'd'.repeat(10 * KIB), timeoutMs: 1 });
      fleet.wait(2);
      passed(fleet, timers);
    }
    const { decided } = fleet.state.bytes;
    expect(decided).toBeLessThanOrEqual(decidedProposalsBytesMax + slackBytesOf(decidedProposalsBytesMax));
    expect(fleet.state.proposals.size).toBeGreaterThan(2);
  });

  it('nothing new is taken until less is kept; a repeat and a cancel are', () => {
    const fleet = new Harness({ keptBytesMax: 100 * KIB, endedTasksMs: 10 });
    const timers = watched(fleet);
    const tasks = [taskOf({ payload: 'p'.repeat(60 * KIB) })];
    const submit = (key: string) => decideSubmit(fleet, { key, digest: 'body', tasks });
    const first = accept(submit('1'));
    const second = accept(submit('2'));
    expect(refusalOf(submit('3'))).toBe('LIMIT_REACHED');
    const propose = () => decidePropose(fleet, proposalOf({ voters: ['eve'] }), { key: 'p', digest: 'd' });
    expect(refusalOf(propose())).toBe('LIMIT_REACHED');
    expect(accept(submit('2'))).toEqual(second);
    for (const id of first) accept(decideCancel(fleet, id));
    fleet.wait(20);
    passed(fleet, timers);
    expect(refusalOf(submit('3'))).toBe('accepted');
    expect(refusalOf(propose())).toBe('LIMIT_REACHED');
  });
});
