/** What every store of snapshots must do, on JetStream and simulated. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LedgerConnection } from '../../src/ports.ts';
import { bytes, drop, listed, load, noise, openLedger, save, saved, text } from './patience.ts';
import type { ConformanceWorld, MakeWorld } from './world.ts';

/** More than two chunks on either adapter. */
const LARGE = 1_200_001;
const MISSING = '7-nobodyhasthatname';

export function snapshotSuite(makeWorld: MakeWorld): void {
  let world: ConformanceWorld;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world.stop());
  const connect = async (id: string) => openLedger(world, await world.ledger(id));
  const names = async (ledger: LedgerConnection) => (await listed(world, ledger)).map(({ name }) => name);

  /** Leaves what a writer leaves that dies between two chunks, or between the last and its end. */
  const interrupt = async (id: string, sequence: number): Promise<void> => {
    const writer = await connect(id);
    world.swallowNextPartAcknowledgement(id);
    const outcome = new Promise<string>((resolve) =>
      writer.snapshots.saveSnapshot({ sequence, data: noise(LARGE) }, ({ kind }) => resolve(kind)),
    );
    let held: string[] = [];
    while (!held.some((name) => name.startsWith(`${sequence}-`))) {
      await world.settle(new Promise<void>((resolve) => world.clock.setTimeout(resolve, 5)));
      held = await world.heldSnapshots().catch(() => []);
    }
    world.cut(id);
    expect(await world.settle(outcome)).toBe('unavailable');
  };

  describe('snapshots', () => {
    it('are none before the first is saved, and looking makes no store', async () => {
      const ledger = await connect('a');
      expect(await listed(world, ledger)).toEqual([]);
      expect(await load(world, ledger, MISSING)).toEqual({ kind: 'missing' });
      expect(await drop(world, ledger, MISSING)).toEqual({ kind: 'dropped' });
    });

    it.each([0, 1, 4_096, LARGE])('of %i bytes come back as they were, to anybody', async (length) => {
      const [writer, reader] = [await connect('a'), await connect('b')];
      const data = noise(length);
      const hash = createHash('sha256').update(data).digest('hex');
      const outcome = await save(world, writer, { sequence: 9, data });
      expect(outcome).toMatchObject({ kind: 'saved', hash });
      const name = outcome.kind === 'saved' ? outcome.name : '';
      expect(name).toMatch(/^9-[A-Za-z0-9]+$/);
      expect(await listed(world, reader)).toEqual([{ name, sequence: 9, bytes: length, hash }]);
      const loaded = await load(world, reader, name);
      expect(loaded.kind === 'snapshot' && Buffer.compare(loaded.data, data)).toBe(0);
    });

    it('are listed by sequence, as numbers', async () => {
      const ledger = await connect('a');
      for (const sequence of [10, 9, 100])
        await saved(world, ledger, { sequence, data: bytes(`${sequence}`) });
      expect((await listed(world, ledger)).map(({ sequence }) => sequence)).toEqual([9, 10, 100]);
    });

    it('of one sequence by two writers at once are two, and neither has a byte of the other', async () => {
      const writers = [await connect('a'), await connect('b')];
      const data = [noise(LARGE, 1), noise(LARGE, 2)];
      const outcomes = await Promise.all(
        writers.map((writer, index) => saved(world, writer, { sequence: 5, data: data[index] ?? bytes('') })),
      );
      expect(new Set(outcomes).size).toBe(2);
      for (const [index, name] of outcomes.entries()) {
        const loaded = await load(world, writers[0] as LedgerConnection, name);
        expect(loaded.kind === 'snapshot' && Buffer.compare(loaded.data, data[index] ?? bytes(''))).toBe(0);
      }
      expect((await listed(world, writers[0] as LedgerConnection)).map(({ sequence }) => sequence)).toEqual([
        5, 5,
      ]);
    });

    it('that are dropped leave nothing, and can be dropped again', async () => {
      const ledger = await connect('a');
      const [first, second] = [
        await saved(world, ledger, { sequence: 1, data: noise(LARGE) }),
        await saved(world, ledger, { sequence: 2, data: bytes('two') }),
      ];
      for (let times = 0; times < 2; times += 1) {
        expect(await drop(world, ledger, first)).toEqual({ kind: 'dropped' });
        expect(await names(ledger)).toEqual([second]);
      }
      expect(await load(world, ledger, first)).toEqual({ kind: 'missing' });
      expect(await world.heldSnapshots()).toEqual([second]);
      const kept = await load(world, ledger, second);
      expect(kept.kind === 'snapshot' && text(kept.data)).toBe('two');
    });

    it.each(['', 'x', '*', '>', '1-*', '1.manifest', '1-a.b', '-1-a'])(
      'have no name like %j: it is missing, and dropping it drops nothing',
      async (name) => {
        const ledger = await connect('a');
        const kept = await saved(world, ledger, { sequence: 1, data: bytes('one') });
        expect(await load(world, ledger, name)).toEqual({ kind: 'missing' });
        expect(await drop(world, ledger, name)).toEqual({ kind: 'dropped' });
        expect(await names(ledger)).toEqual([kept]);
      },
    );

    it('of which a byte was changed are corrupt', async () => {
      const ledger = await connect('a');
      const name = await saved(world, ledger, { sequence: 1, data: noise(LARGE) });
      const other = await saved(world, ledger, { sequence: 2, data: bytes('two') });
      await world.damageSnapshot(name);
      expect(await load(world, ledger, name)).toMatchObject({ kind: 'corrupt' });
      expect((await load(world, ledger, other)).kind).toBe('snapshot');
    });

    it('whose writer was interrupted are not visible', async () => {
      await interrupt('a', 5);
      const reader = await connect('b');
      const [name = ''] = await world.heldSnapshots();
      expect(await listed(world, reader)).toEqual([]);
      expect(await load(world, reader, name)).toEqual({ kind: 'missing' });
    });

    it('whose writer was interrupted can be dropped by name', async () => {
      await interrupt('a', 5);
      const [name = ''] = await world.heldSnapshots();
      expect(await drop(world, await connect('b'), name)).toEqual({ kind: 'dropped' });
      expect(await world.heldSnapshots()).toEqual([]);
    });

    it('whose writer was interrupted are removed by the first save after two newer ones', async () => {
      await interrupt('a', 5);
      await interrupt('c', 25);
      const keeper = await connect('b');
      const isLeft = async (sequence: number): Promise<boolean> =>
        (await world.heldSnapshots()).some((name) => name.startsWith(`${sequence}-`));
      for (const sequence of [10, 20]) {
        await saved(world, keeper, { sequence, data: bytes('x') });
        expect(await isLeft(5)).toBe(true);
      }
      await saved(world, keeper, { sequence: 30, data: bytes('x') });
      expect([await isLeft(5), await isLeft(25)]).toEqual([false, true]);
      expect((await listed(world, keeper)).map(({ sequence }) => sequence)).toEqual([10, 20, 30]);
    });

    it('larger than the limit are refused as such', async () => {
      const ledger = await connect('a');
      const data = new Uint8Array(256 * 1024 ** 2 + 1);
      expect(await save(world, ledger, { sequence: 1, data })).toEqual({
        kind: 'tooLarge',
        bytesMax: 256 * 1024 ** 2,
      });
      expect(await listed(world, ledger)).toEqual([]);
    });

    it('that find no room are not saved, leave nothing behind, and find it once others are dropped', async () => {
      const ledger = await connect('a');
      const data = noise(Math.floor(world.ledgerBytesMax * 0.6));
      const first = await saved(world, ledger, { sequence: 1, data });
      expect((await save(world, ledger, { sequence: 2, data })).kind).toBe('unavailable');
      expect(await world.heldSnapshots()).toEqual([first]);
      await drop(world, ledger, first);
      const second = await saved(world, ledger, { sequence: 2, data });
      expect(await names(ledger)).toEqual([second]);
    });

    it('whose last part was stored and not acknowledged stay, as others may count on them', async () => {
      const [writer, reader] = [await connect('a'), await connect('b')];
      world.swallowNextPartAcknowledgement('a');
      // Without bytes there are no chunks: its manifest is all of it.
      expect((await save(world, writer, { sequence: 5, data: noise(0) })).kind).toBe('unavailable');
      const [left, ...more] = await listed(world, reader);
      expect([left?.sequence, more]).toEqual([5, []]);
      expect((await load(world, reader, left?.name ?? '')).kind).toBe('snapshot');
    });

    it('are unavailable on a connection that is closed, and never done before they have returned', async () => {
      const ledger = await connect('a');
      ledger.close();
      const order: string[] = [];
      const asked: Promise<string>[] = [
        new Promise((resolve) =>
          ledger.snapshots.saveSnapshot({ sequence: 1, data: bytes('x') }, said(resolve)),
        ),
        new Promise((resolve) => ledger.snapshots.listSnapshots(said(resolve))),
        new Promise((resolve) => ledger.snapshots.loadSnapshot(MISSING, said(resolve))),
        new Promise((resolve) => ledger.snapshots.dropSnapshot(MISSING, said(resolve))),
      ];
      order.push('returned');
      expect(await world.settle(Promise.all(asked))).toEqual(Array.from(asked, () => 'unavailable'));
      expect(order[0]).toBe('returned');

      function said(resolve: (kind: string) => void): (outcome: { readonly kind: string }) => void {
        return ({ kind }) => {
          order.push(kind);
          resolve(kind);
        };
      }
    });

    it('leave the ledger as it is', async () => {
      const ledger = await connect('a');
      await saved(world, ledger, { sequence: 1, data: noise(LARGE) });
      const bounds = new Promise((resolve) => ledger.readBounds(resolve));
      expect(await world.settle(bounds)).toMatchObject({ last: 0, bytes: 0 });
    });
  });
}
