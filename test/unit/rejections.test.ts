/** Messages that were refused at the door. */
import { expect, it } from 'vitest';
import { silentLog } from '../../src/runtime/log.ts';
import { Rejections } from '../../src/runtime/rejections.ts';
import { SimulatedWorld } from '../../src/simulation/index.ts';

it('are counted, each of them, and said once a second', () => {
  const world = new SimulatedWorld({ seed: 1 });
  const said: object[] = [];
  const log = { ...silentLog, warn: (fields: object) => said.push(fields) };
  const rejections = new Rejections(world.host('a').ports('f').clock, log);
  for (let i = 0; i < 100; i += 1) rejections.count('s', null);
  world.runFor(1_001);
  for (let i = 0; i < 100; i += 1) rejections.count('s', null);
  expect(rejections.total).toBe(200);
  expect(said).toEqual([
    { subject: 's', problem: null, total: 1 },
    { subject: 's', problem: null, total: 101 },
  ]);
});
