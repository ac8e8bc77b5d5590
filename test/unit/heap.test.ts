/** Both heaps against the slow obvious twin: an array that is sorted whenever somebody looks. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Heap, KeyedHeap } from '../../src/domain/heap.ts';

const byNumber = (a: number, b: number): boolean => a < b;

it('a heap gives back what an always sorted list would', () => {
  const item = fc.integer({ min: -20, max: 20 });
  const step = fc.oneof(
    { weight: 6, arbitrary: item },
    { weight: 3, arbitrary: fc.constant('pop' as const) },
    { weight: 1, arbitrary: fc.record({ atMost: item }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const heap = new Heap<number>(byNumber);
      let list: number[] = [];
      for (const given of steps) {
        if (given === 'pop') {
          expect(heap.pop()).toBe(list.shift());
        } else if (typeof given === 'object') {
          const stays = (item: number): boolean => item <= given.atMost;
          heap.keep(stays);
          list = list.filter(stays);
        } else {
          heap.push(given);
          list.push(given);
          list.sort((a, b) => a - b);
        }
        expect(heap.size).toBe(list.length);
        expect(heap.peek()).toBe(list[0]);
      }
      while (list.length > 0) expect(heap.pop()).toBe(list.shift());
      expect(heap.pop()).toBeUndefined();
    }),
  );
});

it('a keyed heap replaces and removes by key, and its top is always the least', () => {
  const key = fc.nat(40).map(String);
  const value = fc.integer({ min: 0, max: 15 });
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('set' as const), key, value }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), key }) },
  );
  interface Item {
    readonly key: string;
    readonly value: number;
  }
  const before = (a: Item, b: Item): boolean => (a.value === b.value ? a.key < b.key : a.value < b.value);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const heap = new KeyedHeap<Item>(before);
      const twin = new Map<string, Item>();
      const least = (): Item | undefined => [...twin.values()].sort((a, b) => (before(a, b) ? -1 : 1))[0];
      for (const each of steps) {
        if (each.kind === 'set') {
          heap.set(each);
          twin.set(each.key, each);
        } else {
          heap.remove(each.key);
          twin.delete(each.key);
        }
        expect(heap.size).toBe(twin.size);
        expect(heap.peek()).toEqual(least());
      }
      for (let top = least(); top !== undefined; top = least()) {
        expect(heap.peek()).toEqual(top);
        heap.remove(top.key);
        twin.delete(top.key);
      }
      expect(heap.size).toBe(0);
    }),
    { numRuns: 300 },
  );
});
