/** Holds the rules of test/support/tidy.ts over the whole repository, and shows that each of them can fail. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importsOf, lineCount, linesToThinkAt, rules, type Files, type RuleName } from './support/tidy.ts';

const root = join(import.meta.dirname, '..');
const ruleNames = Object.keys(rules) as RuleName[];

describe('the repository', () => {
  const files = repository();

  it.each(ruleNames)('%s', (name) => {
    expect(rules[name](files)).toEqual([]);
  });

  it('names no package registry in its lock file', () => {
    const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
    // Written without them because of .npmrc; an `npm install` with other settings puts them back.
    expect(lock).not.toContain('"resolved"');
  });

  it('is read whole', () => {
    expect(files.has('src/ports.ts')).toBe(true);
    expect(importsOf(files).length).toBeGreaterThan(files.size);
    for (const [path, text] of files) {
      const lines = lineCount(text);
      if (lines > linesToThinkAt)
        process.stderr.write(`${path}: ${lines} lines: which two nouns live in it?\n`);
    }
  });
});

describe('each rule notices a planted violation', () => {
  const doors = {
    'src/index.ts': `import './sdk/fleet.ts';`,
    'src/simulation/index.ts': '',
    'src/cli/main.ts': '',
    'src/sdk/fleet.ts': `import type { Bus } from '../ports.ts';`,
    'src/ports.ts': '',
  };
  const planted: [RuleName, Record<string, string>, string][] = [
    [
      'imports go one way',
      { 'src/domain/a.ts': `import { x } from '../wire/x.ts';` },
      'src/domain/a.ts: imports src/wire/x.ts',
    ],
    ['imports go one way', { 'src/domain/a.ts': `import fs from 'node:fs';` }, 'imports node:fs'],
    [
      'imports go one way',
      { 'actors/a.ts': `import {\n  x,\n} from '../src/ports.ts';` },
      'imports src/ports.ts',
    ],
    ['imports go one way', { 'src/runtime/a.ts': `import { pino } from 'pino';` }, 'imports npm:pino'],
    [
      'imports go one way',
      { 'src/nats/a.ts': `export { x } from '../runtime/x.ts';` },
      'imports src/runtime/x.ts',
    ],
    [
      'imports go one way',
      { 'src/wire/a.ts': `const x = await import('../sdk/x.ts');` },
      'imports src/sdk/x.ts',
    ],
    [
      'imports go one way',
      { 'examples/a.ts': `import { x } from '../src/sdk/x.ts';` },
      'may import only src/index.ts',
    ],
    ['imports go one way', { 'src/elsewhere/a.ts': `import 'xstate';` }, 'no row of importTable'],
    ['a package has one home', { 'src/cli/a.ts': `import { connect } from 'nats';` }, 'only src/nats/ may'],
    [
      'a package has one home',
      { 'src/cli/a.ts': `import { x } from 'nats/lib/deep.js';` },
      'only src/nats/ may',
    ],
    [
      'no cycles',
      { 'src/a.ts': `import './b.ts';`, 'src/b.ts': `import type { A } from './a.ts';` },
      'src/a.ts → src/b.ts → src/a.ts',
    ],
    [
      'the core knows no clock and no chance',
      { 'actors/a.ts': '\nconst x = Date.now();' },
      'actors/a.ts:2: Date',
    ],
    ['the core knows no clock and no chance', { 'src/domain/a.ts': 'Math.random()' }, 'Math.random'],
    ['the core knows no clock and no chance', { 'src/domain/a.ts': 'setTimeout(f, 1)' }, 'setTimeout'],
    [
      'only the edge reads the environment',
      { 'src/sdk/a.ts': `process.env['HOME']` },
      'src/sdk/a.ts:1: reads process.env',
    ],
    ['types are not switched off', { 'src/a.ts': 'function f(x: any) {}' }, ': any'],
    ['types are not switched off', { 'actors/a.ts': 'f(x as any)' }, 'as any'],
    ['types are not switched off', { 'src/a.ts': '// @ts-expect-error\nf()' }, '@ts-expect-error'],
    [
      'types are not switched off',
      { 'src/a.ts': '// eslint-disable-next-line no-console\nf()' },
      'eslint-disable',
    ],
    [
      'what was thrown is logged as err',
      { 'src/a.ts': `\nthis.#log.warn({ id, error }, 'bad')` },
      'src/a.ts:2: logs an `error`',
    ],
    [
      'what was thrown is logged as err',
      { 'src/a.ts': `log.error({ error: e, id }, 'bad')` },
      'src/a.ts:1: logs an `error`',
    ],
    ['files stay short', { 'src/a.ts': '\n'.repeat(500) }, 'src/a.ts: 501 lines'],
    ['files are named by a noun', { 'src/taskQueue.ts': '' }, 'kebab-case'],
    ['files are named by a noun', { 'src/nats-utils.ts': '' }, 'not utils'],
    ['nothing is dead', { ...doors, 'src/sdk/lost.ts': '' }, 'src/sdk/lost.ts: reached from none'],
    ['nothing is dead', {}, 'src/index.ts: missing'],
    [
      'the command starts light',
      {
        'src/cli/main.ts': `import { a } from './a.ts';`,
        'src/cli/a.ts': `import type { B } from './b.ts';\nimport { words } from '../wire/views.ts';`,
        'src/cli/b.ts': `import { c } from 'xstate';`,
        'src/wire/views.ts': `import Type from 'typebox';`,
      },
      'src/wire/views.ts: imports npm:typebox',
    ],
    ['no test is switched off', { 'test/a.test.ts': `it.skip('works', f)` }, 'it.skip'],
  ];

  it.each(planted)('%s: %o', (name, files, message) => {
    expect(rules[name](filesOf(files)).join('\n')).toContain(message);
  });

  it('covers every rule', () => {
    expect(new Set(planted.map(([name]) => name))).toEqual(new Set(ruleNames));
  });

  it('and takes no offence at words in comments and strings, or at what is allowed', () => {
    const clean = filesOf({
      ...doors,
      'src/runtime/a.ts': `import type { Logger } from 'pino';\nimport { b } from './b.ts';\nimport { x } from '../domain/x.ts';`,
      'src/runtime/c.ts': `log.error({ err: error, id }, 'bad');\nlog.error({ reason: said(error) }, 'bad');`,
      'src/runtime/b.ts': `// import { a } from './a.ts'; any Date, as any\nconst text = 'new Date(), as any';`,
      'src/cli/main.ts': `import type { A } from 'xstate';\nconst { connect } = await import('../nats/c.ts');`,
      'src/nats/c.ts': `export { connect } from 'nats';`,
      'src/domain/x.ts': `/** Date.now() is not used, nor is process.env. */\nexport const many = ['setTimeout'];`,
      'test/x.test.ts': `it.skipIf(false)('works', f)`,
    });
    for (const name of ruleNames.filter((name) => name !== 'nothing is dead'))
      expect(rules[name](clean)).toEqual([]);
  });
});

/** Every TypeScript file that is ours, the dashboard's own project aside. */
function repository(): Files {
  const paths = ['actors', 'src', 'test', 'examples', 'bench', 'infra'].flatMap((folder) =>
    typescriptIn(join(root, folder)),
  );
  return new Map(
    paths.map((path) => [relative(root, path).split(sep).join('/'), readFileSync(path, 'utf8')]),
  );
}

function typescriptIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.startsWith('dashboard'))
      .map((name) => join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function filesOf(texts: Record<string, string>): Files {
  return new Map(Object.entries(texts));
}
