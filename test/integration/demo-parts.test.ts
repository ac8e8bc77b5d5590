/** The parts of the demo that must not go wrong on somebody's files, on real files. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cutIntoTasks } from '../../examples/threat-hunt/cut.ts';
import { eicarString, holdsEicar, sha256Of } from '../../examples/threat-hunt/evidence.ts';
import { parseIndicators } from '../../examples/threat-hunt/indicators.ts';
import { quarantine } from '../../examples/threat-hunt/quarantine.ts';
import { filesMax } from '../../examples/threat-hunt/work.ts';

let folder = '';

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'conclave-demo-parts-')));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

describe('quarantine', () => {
  test('moves a file of the scratch folder, once, however often it is run', async () => {
    const path = file('scratch/home/bad', 'bad');
    const finding = { path, sha256: sha256('bad') };
    const { movedTo } = await quarantine(finding, join(folder, 'scratch'));
    expect(existsSync(path)).toBe(false);
    expect(existsSync(movedTo)).toBe(true);
    expect(await quarantine(finding, join(folder, 'scratch'))).toEqual({ movedTo });
  });

  test.each(['outside', 'scratch/../outside', 'scratch/link', 'scratchy'])('refuses %s', async (name) => {
    file('outside', 'bad');
    file('scratchy', 'bad');
    mkdirSync(join(folder, 'scratch'));
    symlinkSync(join(folder, 'outside'), join(folder, 'scratch', 'link'));
    const finding = { path: `${folder}/${name}`, sha256: sha256('bad') };
    await expect(quarantine(finding, join(folder, 'scratch'))).rejects.toMatchObject({ name: 'DoNotRetry' });
    expect(readdirSync(folder).sort()).toEqual(['outside', 'scratch', 'scratchy']);
  });

  test('refuses a file that is not the one that was voted on, or gone', async () => {
    const path = file('scratch/bad', 'changed');
    const finding = { path, sha256: sha256('bad') };
    await expect(quarantine(finding, join(folder, 'scratch'))).rejects.toMatchObject({ name: 'DoNotRetry' });
    expect(existsSync(path)).toBe(true);
    rmSync(path);
    await expect(quarantine(finding, join(folder, 'scratch'))).rejects.toMatchObject({ name: 'DoNotRetry' });
  });
});

describe('evidence', () => {
  const chunk = 256 * 1024;

  test.each([0, 1, chunk - 68, chunk - 67, chunk - 34, chunk - 1, chunk, 2 * chunk - 30])(
    'finds the EICAR string %i bytes into a file',
    async (before) => {
      const path = file('f', `${'x'.repeat(before)}${eicarString()}${'y'.repeat(1_000)}`);
      expect(await holdsEicar(path)).toBe(true);
    },
  );

  test('does not find half of it, and hashes as it should', async () => {
    const content = eicarString().slice(1).repeat(10_000);
    const path = file('f', content);
    expect(await holdsEicar(path)).toBe(false);
    expect(await sha256Of(path)).toEqual({ sha256: sha256(content), bytes: content.length });
    expect(await sha256Of(file('empty', ''))).toEqual({ sha256: sha256(''), bytes: 0 });
  });

  test('opens neither a symbolic link nor a folder', async () => {
    symlinkSync(file('f', 'x'), join(folder, 'link'));
    await expect(sha256Of(join(folder, 'link'))).rejects.toMatchObject({ code: 'ELOOP' });
    await expect(sha256Of(folder)).rejects.toMatchObject({ code: 'NOT_A_FILE' });
  });
});

test('a tree is cut by directory, a large one in parts, without links and without what is left out', async () => {
  for (let i = 0; i <= filesMax; i += 1) file(`tree/large/${i}`, '');
  file('tree/small/a', '');
  file('tree/left-out/a', '');
  mkdirSync(join(folder, 'tree', 'void'));
  symlinkSync(join(folder, 'tree', 'small'), join(folder, 'tree', 'link'));
  const cut = await cutIntoTasks(join(folder, 'tree'), { except: [join(folder, 'tree', 'left-out')] });
  expect(cut.works.map(({ directory, names }) => [directory, names.length])).toEqual([
    [join(folder, 'tree', 'large'), filesMax],
    [join(folder, 'tree', 'large'), 1],
    [join(folder, 'tree', 'small'), 1],
  ]);
  expect(cut).toMatchObject({ directories: 4, files: filesMax + 2, symbolicLinks: 1, skipped: [] });
});

test('an indicator list is read, and a bad line is named', () => {
  const hash = sha256('x');
  const { hashes, names } = parseIndicators(`# comment\n\nhash ${hash} sample\nname a.scr rumour\n`);
  expect([...hashes]).toEqual([[hash, 'sample']]);
  expect([...names]).toEqual([['a.scr', 'rumour']]);
  expect(() => parseIndicators('# fine\nhash 12 short\n')).toThrow('line 2');
});
