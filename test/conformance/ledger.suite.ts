/** What every Ledger must do, on JetStream and simulated: DESIGN §3, as far as it is the port's. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AppendOutcome, LedgerFollower } from '../../src/ports.ts';
import {
  append,
  bytes,
  fill,
  Heard,
  known,
  openLedger,
  pass,
  readBounds,
  readSlot,
  said,
  text,
  untilStatus,
} from './patience.ts';
import type { ConformanceWorld, MakeWorld } from './world.ts';

export function ledgerSuite(makeWorld: MakeWorld): void {
  let world: ConformanceWorld;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world.stop());
  const connect = async (id: string) => openLedger(world, await world.ledger(id));

  describe('ledger: append', () => {
    it('starts empty, and stores at the expected last sequence plus one', async () => {
      const ledger = await connect('a');
      expect(await readBounds(world, ledger)).toMatchObject({ kind: 'bounds', last: 0 });
      await fill(world, ledger, ['one', 'two', 'three']);
      expect(await readBounds(world, ledger)).toMatchObject({ kind: 'bounds', first: 1, last: 3 });
      expect(said(await readSlot(world, ledger, 2))).toBe('two');
    });

    it.each([
      ['too low', 1],
      ['too high', 3],
    ])('refuses when the expectation is %s, and stores nothing', async (_, expectedLast) => {
      const ledger = await connect('a');
      await fill(world, ledger, ['one', 'two']);
      expect(await append(world, ledger, { text: 'wrong', expectedLast })).toEqual({ kind: 'refused' });
      expect(await readBounds(world, ledger)).toMatchObject({ last: 2 });
    });

    it('does not store identical bytes twice, and shows them in their slot', async () => {
      const ledger = await connect('a');
      await fill(world, ledger, ['mine']);
      const again = await append(world, ledger, { text: 'mine', expectedLast: 0 });
      expect([{ kind: 'refused' }, { kind: 'stored', sequence: 1 }]).toContainEqual(again);
      expect(said(await readSlot(world, ledger, 1))).toBe('mine');
      expect(await readBounds(world, ledger)).toMatchObject({ last: 1 });
    });

    it('knows nothing of an append whose acknowledgement was lost; the slot shows it', async () => {
      const ledger = await connect('a');
      world.swallowNextAcknowledgement('a');
      const outcome = await append(world, ledger, { text: 'mine', expectedLast: 0, timeoutMs: 300 });
      expect(outcome.kind).toBe('unknown');
      expect(said(await readSlot(world, ledger, 1))).toBe('mine');
      await fill(world, ledger, ['next'], 1);
    });

    it('lets exactly one of two connections have a slot, fifty times', async () => {
      const [a, b] = [await connect('a'), await connect('b')];
      for (let last = 0; last < 50; last++) {
        const race = await Promise.all([
          append(world, a, { text: `a${last}`, expectedLast: last }),
          append(world, b, { text: `b${last}`, expectedLast: last }),
        ]);
        const winner = race[0].kind === 'stored' ? 'a' : 'b';
        expect(race.map(({ kind }) => kind).sort()).toEqual(['refused', 'stored']);
        expect(said(await readSlot(world, a, last + 1))).toBe(`${winner}${last}`);
      }
    });

    it('is never done before it has returned', async () => {
      const ledger = await connect('a');
      const order: string[] = [];
      const done = new Promise<AppendOutcome>((resolve) => {
        ledger.append({ data: bytes('x'), expectedLast: 0, timeoutMs: 5_000 }, (outcome) => {
          order.push('done');
          resolve(outcome);
        });
        order.push('returned');
      });
      await world.settle(done);
      expect(order).toEqual(['returned', 'done']);
    });

    it('stores bytes of any value, and none at all', async () => {
      const ledger = await connect('a');
      const every = Uint8Array.from({ length: 256 }, (_, index) => index);
      for (const [expectedLast, data] of [every, new Uint8Array(0)].entries()) {
        const stored = new Promise((resolve) =>
          ledger.append({ data, expectedLast, timeoutMs: 5_000 }, resolve),
        );
        expect(await world.settle(stored)).toEqual({ kind: 'stored', sequence: expectedLast + 1 });
        const slot = await readSlot(world, ledger, expectedLast + 1);
        expect(slot.kind === 'entry' && Array.from(slot.data)).toEqual(Array.from(data));
      }
    });
  });

  describe('ledger: reading', () => {
    it('tells a slot that is not there yet from one that is there no more', async () => {
      const ledger = await connect('a');
      await fill(world, ledger, ['one', 'two', 'three', 'four']);
      await world.settle(world.purgeBelow(3));
      expect(said(await readSlot(world, ledger, 5))).toBe('absent');
      expect(said(await readSlot(world, ledger, 1))).toBe('compacted');
      expect(said(await readSlot(world, ledger, 3))).toBe('three');
      expect(await readBounds(world, ledger)).toMatchObject({ first: 3, last: 4 });
      await fill(world, ledger, ['five'], 4);
    });

    it('finds nothing in an empty ledger', async () => {
      const ledger = await connect('a');
      expect(said(await readSlot(world, ledger, 1))).toBe('absent');
    });
  });

  describe('ledger: the connection', () => {
    it('ends every append as unknown when it is closed, and takes no more', async () => {
      const ledger = await connect('a');
      const closed = new Heard<string>();
      ledger.onClosed(() => closed.push('closed'));
      world.swallowNextAcknowledgement('a');
      const inFlight = append(world, ledger, { text: 'x', expectedLast: 0, timeoutMs: 60_000 });
      ledger.close();
      expect((await inFlight).kind).toBe('unknown');
      await world.settle(closed.until(1));
      expect(ledger.isClosed).toBe(true);
      ledger.close();

      const order: string[] = [];
      const after = new Promise<AppendOutcome>((resolve) => {
        ledger.append({ data: bytes('y'), expectedLast: 0, timeoutMs: 5_000 }, (outcome) => {
          order.push('done');
          resolve(outcome);
        });
        order.push('returned');
      });
      expect((await world.settle(after)).kind).toBe('unknown');
      expect(order).toEqual(['returned', 'done']);
      expect((await readSlot(world, ledger, 1)).kind).toBe('unavailable');
      expect((await readBounds(world, ledger)).kind).toBe('unavailable');
      expect(closed.all).toEqual(['closed']);
    });

    it('closes when the link is cut, and does not come back: a fresh one is opened', async () => {
      const ledger = await world.ledger('a');
      const first = await openLedger(world, ledger);
      await fill(world, first, ['one']);
      const closed = new Heard<string>();
      first.onClosed(() => closed.push('closed'));
      world.swallowNextAcknowledgement('a');
      const inFlight = append(world, first, { text: 'two', expectedLast: 1, timeoutMs: 60_000 });
      world.cut('a');
      expect((await inFlight).kind).toBe('unknown');
      await world.settle(closed.until(1));
      expect(first.isClosed).toBe(true);

      const offline = new Promise<string>((resolve) => ledger.connect(({ kind }) => resolve(kind)));
      expect(await world.settle(offline)).toBe('unavailable');
      world.heal('a');
      const second = await openLedger(world, ledger);
      expect(first.isClosed).toBe(true);
      expect(said(await readSlot(world, second, 1))).toBe('one');
    });

    it('is one of many: closing it leaves the others and the bus alone', async () => {
      const ledger = await world.ledger('a');
      const [first, second] = [await openLedger(world, ledger), await openLedger(world, ledger)];
      first.close();
      await fill(world, second, ['one']);
      await known(world, await world.bus('a'));
    });
  });

  describe('ledger: following', () => {
    const follower = (heard: Heard<string>, stopped: Heard<string>): LedgerFollower => ({
      entry: (sequence, data) => heard.push(`${sequence} ${text(data)}`),
      stopped: (reason) => stopped.push(reason),
    });

    it('delivers what is there from any sequence on, then each new entry, in order', async () => {
      const writer = await connect('a');
      await fill(world, writer, ['one', 'two', 'three']);
      const ledger = await world.ledger('b');
      const [all, some, coming] = [new Heard<string>(), new Heard<string>(), new Heard<string>()];
      const stopped = new Heard<string>();
      ledger.follow(1, follower(all, stopped));
      ledger.follow(3, follower(some, stopped));
      ledger.follow(4, follower(coming, stopped));
      expect(await world.settle(all.until(3))).toEqual(['1 one', '2 two', '3 three']);
      await world.settle(some.until(1));
      await fill(world, writer, ['four', 'five'], 3);
      expect(await world.settle(all.until(5))).toEqual(['1 one', '2 two', '3 three', '4 four', '5 five']);
      expect(await world.settle(some.until(3))).toEqual(['3 three', '4 four', '5 five']);
      expect(await world.settle(coming.until(2))).toEqual(['4 four', '5 five']);
      expect(stopped.all).toEqual([]);
    });

    it('starts before the first entry is there', async () => {
      const writer = await connect('a');
      const heard = new Heard<string>();
      (await world.ledger('b')).follow(1, follower(heard, new Heard()));
      await fill(world, writer, ['one']);
      expect(await world.settle(heard.until(1))).toEqual(['1 one']);
    });

    it('jumps over what was compacted', async () => {
      const writer = await connect('a');
      await fill(world, writer, ['one', 'two', 'three', 'four']);
      await world.settle(world.purgeBelow(3));
      const heard = new Heard<string>();
      (await world.ledger('b')).follow(2, follower(heard, new Heard()));
      expect(await world.settle(heard.until(2))).toEqual(['3 three', '4 four']);
    });

    it('delivers nothing after it was closed', async () => {
      const writer = await connect('a');
      const ledger = await world.ledger('b');
      const [closed, open] = [new Heard<string>(), new Heard<string>()];
      const subscription = ledger.follow(1, follower(closed, new Heard()));
      ledger.follow(1, follower(open, new Heard()));
      await fill(world, writer, ['one']);
      await world.settle(Promise.all([closed.until(1), open.until(1)]));
      subscription.close();
      subscription.close();
      await fill(world, writer, ['two'], 1);
      await world.settle(open.until(2));
      await known(world, await world.bus('b'));
      expect(closed.all).toEqual(['1 one']);
    });

    it('goes on where it was after the link was cut, without a gap and without a repeat', async () => {
      const writer = await connect('a');
      const ledger = await world.ledger('b');
      const bus = await world.bus('b');
      const heard = new Heard<string>();
      // A follower may stop; its reader then starts it again where it is.
      const follow = (): void => {
        const next = heard.all.length + 1;
        ledger.follow(next, {
          entry: (sequence, data) => heard.push(`${sequence} ${text(data)}`),
          stopped: () => world.clock.setTimeout(follow, 100),
        });
      };
      follow();
      await fill(world, writer, ['one', 'two']);
      await world.settle(heard.until(2));
      world.cut('b');
      await untilStatus(world, bus, false);
      await fill(world, writer, ['three', 'four'], 2);
      await pass(world, 50);
      world.heal('b');
      await world.settle(heard.until(4));
      await fill(world, writer, ['five'], 4);
      expect(await world.settle(heard.until(5))).toEqual(['1 one', '2 two', '3 three', '4 four', '5 five']);
    });
  });
}
