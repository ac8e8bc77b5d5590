/**
 * Scenarios with all that comes of them, one for each bug that a simulated fleet can show, and for each fault that users
 * ask about first. `make scenarios-update` writes what comes of them now; what has changed is then looked at.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Scene } from './scene.ts';
import { linesIn, textOf, type Line } from './script.ts';

const folder = import.meta.dirname;
const files = readdirSync(folder).filter((file) => file.endsWith('.txt'));

test('there are scenarios', () => {
  expect(files.length).toBeGreaterThan(0);
});

test.each(files)('%s', async (file) => {
  const path = join(folder, file);
  await expect(await played(readFileSync(path, 'utf8'))).toMatchFileSnapshot(path);
});

async function played(text: string): Promise<string> {
  const lines = linesIn(text);
  const came = new Map<Line, readonly string[]>();
  let scene: Scene | null = null;
  for (const line of lines) {
    if (line.kind !== 'done') continue;
    if (line.command.verb === 'fleet') scene = new Scene(line.command.options);
    else if (scene === null) throw new Error('a scenario begins with `> fleet`');
    else came.set(line, await scene.do(line.command));
  }
  if (scene === null) throw new Error('a scenario begins with `> fleet`');
  scene.over();
  return textOf(lines, new Map([...came].map(([line, all]) => [line, all.map((each) => scene.named(each))])));
}
