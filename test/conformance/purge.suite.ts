/** What every Ledger must do when entries are removed from its beginning: DESIGN §3 rule 7. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { append, fill, Heard, openLedger, purge, readBounds, readSlot, said, text } from './patience.ts';
import type { ConformanceWorld, MakeWorld } from './world.ts';

export function purgeSuite(makeWorld: MakeWorld): void {
  let world: ConformanceWorld;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world.stop());
  const connect = async (id: string) => openLedger(world, await world.ledger(id));

  describe('ledger: the byte limit', () => {
    it('is said with the bounds', async () => {
      const ledger = await connect('a');
      await fill(world, ledger, ['one']);
      const bounds = await readBounds(world, ledger);
      expect(bounds).toMatchObject({ kind: 'bounds', bytesMax: world.ledgerBytesMax });
      expect(bounds.kind === 'bounds' && bounds.bytes).toBeGreaterThan(0);
    });
  });

  describe('ledger: purge', () => {
    it('removes what is up to the sequence, and says what is first now', async () => {
      const ledger = await connect('a');
      await fill(world, ledger, ['one', 'two', 'three', 'four', 'five']);
      expect(await purge(world, ledger, 2)).toEqual({ kind: 'purged', first: 3 });
      expect(await readBounds(world, ledger)).toMatchObject({ first: 3, last: 5 });
      const slots = [1, 2, 3, 4, 5].map(async (sequence) => said(await readSlot(world, ledger, sequence)));
      expect(await Promise.all(slots)).toEqual(['compacted', 'compacted', 'three', 'four', 'five']);
    });

    it('can be repeated, and by less: nothing more is removed', async () => {
      const ledger = await connect('a');
      await fill(world, ledger, ['one', 'two', 'three', 'four']);
      await purge(world, ledger, 2);
      for (const upTo of [2, 1, 0]) {
        expect(await purge(world, ledger, upTo)).toEqual({ kind: 'purged', first: 3 });
      }
      expect(await readBounds(world, ledger)).toMatchObject({ first: 3, last: 4 });
    });

    it.each([
      ['at', 3],
      ['after', 4],
      ['far after', 1_000],
    ])('is refused %s the last entry, and removes nothing', async (_, upTo) => {
      const ledger = await connect('a');
      await fill(world, ledger, ['one', 'two', 'three']);
      expect(await purge(world, ledger, upTo)).toEqual({ kind: 'refused', last: 3 });
      expect(await readBounds(world, ledger)).toMatchObject({ first: 1, last: 3 });
      await fill(world, ledger, ['four'], 3);
    });

    it('of an empty ledger is refused', async () => {
      const ledger = await connect('a');
      expect(await purge(world, ledger, 1)).toEqual({ kind: 'refused', last: 0 });
      await fill(world, ledger, ['one']);
    });

    it('leaves sequences and expectations as they were', async () => {
      const ledger = await connect('a');
      await fill(world, ledger, ['one', 'two', 'three']);
      await purge(world, ledger, 2);
      expect(await append(world, ledger, { text: 'wrong', expectedLast: 1 })).toEqual({ kind: 'refused' });
      expect(await append(world, ledger, { text: 'wrong', expectedLast: 0 })).toEqual({ kind: 'refused' });
      await fill(world, ledger, ['four', 'five'], 3);
    });

    it('makes a follower that starts below jump to the first there is, and one that is ahead notices nothing', async () => {
      const ledger = await connect('a');
      const [ahead, below] = [new Heard<string>(), new Heard<string>()];
      const follow = async (id: string, from: number, heard: Heard<string>): Promise<void> => {
        (await world.ledger(id)).follow(from, {
          entry: (sequence, data) => heard.push(`${sequence} ${text(data)}`),
          stopped: (reason) => heard.push(reason),
        });
      };
      await follow('b', 1, ahead);
      await fill(world, ledger, ['one', 'two', 'three', 'four']);
      await world.settle(ahead.until(4));
      await purge(world, ledger, 2);
      await follow('c', 1, below);
      await fill(world, ledger, ['five'], 4);
      expect(await world.settle(below.until(3))).toEqual(['3 three', '4 four', '5 five']);
      expect(await world.settle(ahead.until(5))).toEqual(['1 one', '2 two', '3 three', '4 four', '5 five']);
    });

    it('and appends at the same time do each what they say', async () => {
      const [writer, keeper] = [await connect('a'), await connect('b')];
      await fill(world, writer, ['one', 'two']);
      for (let last = 2; last < 42; last++) {
        const [stored, purged] = await Promise.all([
          append(world, writer, { text: `${last + 1}`, expectedLast: last }),
          purge(world, keeper, last - 1),
        ]);
        expect(stored).toEqual({ kind: 'stored', sequence: last + 1 });
        expect(purged).toEqual({ kind: 'purged', first: last });
      }
      expect(await readBounds(world, writer)).toMatchObject({ first: 41, last: 42 });
    });

    it('is unavailable on a connection that is closed or cut, and never done before it has returned', async () => {
      const [closed, cut] = [await connect('a'), await connect('b')];
      closed.close();
      const order: string[] = [];
      const after = new Promise((resolve) => {
        closed.purge(1, ({ kind }) => {
          order.push('done');
          resolve(kind);
        });
        order.push('returned');
      });
      expect(await world.settle(after)).toBe('unavailable');
      expect(order).toEqual(['returned', 'done']);
      world.cut('b');
      expect((await purge(world, cut, 1)).kind).toBe('unavailable');
    });
  });
}
