/** Tasks that wait, by what they ask for. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskSpec } from '../../src/domain/events.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import { first, goesFirst, signatureOf, WaitingTasks, type Waiting } from '../../src/domain/waiting.ts';

const waiting = (ordinal: number, given: Partial<TaskSpec> = {}, status = 'pending') => ({
  spec: {
    id: `t${ordinal}` as TaskId,
    type: 'scan',
    payload: null,
    priority: 5,
    requiredCapabilities: [],
    target: null,
    maxRetries: 0,
    runTimeoutMs: null,
    notBefore: null,
    proposal: null,
    ...given,
  },
  ordinal,
  status,
});

const tasks = fc.array(fc.record({ priority: fc.integer({ min: 1, max: 10 }), isPending: fc.boolean() }), {
  minLength: 1,
  maxLength: 30,
});

it('a queue gives its tasks by priority, then age, and skips what waits no more', () => {
  fc.assert(
    fc.property(tasks, (given) => {
      const all = given.map(({ priority, isPending }, i) =>
        waiting(i, { priority }, isPending ? 'pending' : 'cancelled'),
      );
      const index = new WaitingTasks();
      for (const task of all) index.add(task);
      const [queue] = [...index.queues()];
      const order: Waiting[] = [];
      for (let task = queue && first(queue); task !== undefined; task = queue && first(queue)) {
        order.push(task);
        queue?.heap.pop();
      }
      const expected = all
        .filter((task) => task.status === 'pending')
        .sort((a, b) => b.spec.priority - a.spec.priority || a.ordinal - b.ordinal);
      expect(order).toEqual(expected);
      expect([...index.queues()]).toEqual([]);
    }),
  );
});

it('a queue that nobody takes from holds at most about twice as many tasks as wait in it', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(7), { minLength: 1, maxLength: 200, size: 'max' }), (fates) => {
      const index = new WaitingTasks();
      // Never cancelled, and the first: the others are never at the top.
      index.add(waiting(0, { priority: 9 }));
      const [queue] = [...index.queues()];
      let live = 1;
      fates.forEach((fate, i) => {
        const task = waiting(i + 1);
        index.add(task);
        live += 1;
        if (fate > 0) {
          task.status = 'cancelled';
          index.cancelled(task);
          live -= 1;
        }
        expect(queue?.heap.size).toBeGreaterThanOrEqual(live);
        expect(queue?.heap.size).toBeLessThanOrEqual(2 * live);
      });
    }),
  );
});

describe('a requirement', () => {
  it('is the type and the capabilities, and nothing else', () => {
    const index = new WaitingTasks();
    index.add(waiting(0, { priority: 1, target: 'here' }));
    index.add(waiting(1, { priority: 9, target: 'there' }));
    index.add(waiting(2, { requiredCapabilities: ['a'] }));
    index.add(waiting(3, { type: 'clean' }));
    const queues = [...index.queues()].map((queue) => [
      queue.requirement.type,
      queue.requirement.capabilities,
    ]);
    expect(queues).toEqual([
      ['scan', []],
      ['scan', ['a']],
      ['clean', []],
    ]);
  });

  it('has a signature of its own', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,3}$/);
    const requirement = fc.record({
      type: name,
      requiredCapabilities: fc.uniqueArray(name, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(requirement, requirement, (a, b) => {
        expect(signatureOf(a) === signatureOf(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});

it('of two tasks exactly one goes first', () => {
  fc.assert(
    fc.property(fc.nat(9), fc.nat(9), fc.nat(3), fc.nat(3), (p, q, i, j) => {
      fc.pre(i !== j);
      const [a, b] = [waiting(i, { priority: p }), waiting(j, { priority: q })];
      expect(goesFirst(a, b)).toBe(!goesFirst(b, a));
    }),
  );
});
