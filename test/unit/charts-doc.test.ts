/**
 * docs/charts.md draws the charts that run. After a change in actors/, `UPDATE_DOCS=1 npx vitest run
 * test/unit/charts-doc.test.ts` draws them again.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chartOf, mermaidOf } from '../../src/cli/chart-graph.ts';
import { charts } from '../../src/cli/charts.ts';
import { blocksByHeading, root, textOf } from '../support/docs.ts';

const path = 'docs/charts.md';
const drawings = new Map(
  Object.entries(charts).map(([name, machine]) => [name, mermaidOf(chartOf(machine))]),
);

if (process.env['UPDATE_DOCS'] !== undefined) {
  let text = textOf(path);
  for (const [name, drawing] of drawings) {
    const section = new RegExp('(^## ' + name + '\\n[\\s\\S]*?^```mermaid\\n)[\\s\\S]*?(^```$)', 'm');
    text = text.replace(section, (_, before: string, after: string) => before + drawing + after);
  }
  writeFileSync(join(root, path), text);
}

test.each([...drawings])('the drawing of %s is that of the chart which runs', (name, drawing) => {
  expect(blocksByHeading(textOf(path), 'mermaid').get(name)).toEqual([drawing]);
});
