/**
 * Every edge of every chart matters to a whole fleet: without it, some behaviour is lost. The behaviours that take
 * the edge are played without it, quickest first, until one fails.
 */
import { beforeAll, expect, test } from 'vitest';
import { behaviours } from './behaviours/all.ts';
import { chartEdges, chartsWithout, recordingCharts, type ChartEdge } from './edges.ts';

const SEED = 1;
/** Edge → behaviours that take it, quickest first. */
const takers = new Map<ChartEdge, string[]>();

beforeAll(async () => {
  const played: { name: string; ms: number; taken: Set<ChartEdge> }[] = [];
  for (const [name, behaviour] of Object.entries(behaviours)) {
    const taken = new Set<ChartEdge>();
    const startedAt = performance.now();
    await behaviour(
      recordingCharts((edge) => taken.add(edge)),
      SEED,
    );
    played.push({ name, ms: performance.now() - startedAt, taken });
  }
  played.sort((a, b) => a.ms - b.ms);
  for (const edge of chartEdges) {
    takers.set(
      edge,
      played.filter(({ taken }) => taken.has(edge)).map(({ name }) => name),
    );
  }
}, 60_000);

test.each(chartEdges)('$name', async (edge) => {
  const names = takers.get(edge) ?? [];
  expect(names, 'behaviours that take this edge').not.toEqual([]);
  const charts = chartsWithout(edge);
  for (const name of names) if (await isLost(() => behaviours[name]?.(charts, SEED))) return;
  expect.fail(`no behaviour is lost without it; it is taken by: ${names.join('; ')}`);
});

async function isLost(play: () => Promise<void> | undefined): Promise<boolean> {
  try {
    await play();
    return false;
  } catch {
    return true;
  }
}
