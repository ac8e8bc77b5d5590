/** How a whole fleet behaves, played in the simulated world. Each is a sentence; together they use every chart. */
import { describe, test } from 'vitest';
import { defaultCharts } from '../../src/runtime/node.ts';
import { topics } from './behaviours/all.ts';

const seed = Number(process.env['SEED'] ?? 1);

describe.each(Object.entries(topics))('%s', (_, behaviours) => {
  test.each(Object.entries(behaviours))('%s', async (_name, behaviour) => {
    await behaviour(defaultCharts, seed);
  });
});
