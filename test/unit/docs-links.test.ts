/** The documents name files that are there. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { root, textOf } from '../support/docs.ts';

const documents = [
  'README.md',
  'ARCHITECTURE.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

test.each(documents)('%s links to files that are there', (path) => {
  const links = [...textOf(path).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, link]) => link ?? '');
  const local = links.filter((link) => !/^[a-z]+:/.test(link));
  expect(local.filter((link) => !existsSync(join(root, dirname(path), link)))).toEqual([]);
});

test.each(documents)('%s names files that are there', (path) => {
  const named = [...textOf(path).matchAll(/`((?:src|actors|test|infra|docs|examples)\/[A-Za-z0-9_./-]+)`/g)];
  const missing = named.map(([, file]) => file ?? '').filter((file) => !existsSync(join(root, file)));
  expect(missing).toEqual([]);
});
