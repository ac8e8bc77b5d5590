import { expect, test } from 'vitest';
import { SimulatedFleet } from '../../src/simulation/fleet.ts';
import { SimulatedWorld } from '../../src/simulation/world.ts';

test('smoke', async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const log = (id: string) => {
    const out = (level: string) => (fields: object, message: string) => {
      if (process.env['LOG'] !== undefined) console.log(world.now.toFixed(0), level, id, message, JSON.stringify(fields, (_, v: unknown) => v instanceof Error ? v.stack : v));
    };
    return { debug: out('d'), info: out('i'), warn: out('w'), error: out('e') };
  };
  const fleet = new SimulatedFleet(world, { log });
  for (const [i, id] of ['a', 'b', 'c'].entries()) {
    fleet.join(id, { priority: i, handlers: { echo: (task) => task.payload } });
  }
  await world.advance(3000);
  expect(fleet.leaders().length).toBe(1);
  const client = fleet.client();
  const task = await world.settle(client.submit({ type: 'echo', payload: 42 }));
  expect(await world.settle(task.result())).toBe(42);
  const status = await world.settle(client.status());
  console.log(JSON.stringify(status));
  fleet.kill(fleet.leader()?.id ?? '');
  await world.advance(3000);
  const status2 = await world.settle(client.status());
  console.log(JSON.stringify(status2));
  expect(status2.term).toBeGreaterThan(status.term);
  const many = await world.settle(client.submitMany(Array.from({ length: 100 }, (_, i) => ({ type: 'echo', payload: i }))));
  const results = await world.settle(Promise.all(many.map((each) => each.result())));
  expect(results).toEqual(Array.from({ length: 100 }, (_, i) => i));
  const result = await world.settle(client.propose({ type: 'policy', data: 1 }));
  console.log(JSON.stringify(result.status));
  console.log(JSON.stringify(await world.settle(client.elect())));
});
