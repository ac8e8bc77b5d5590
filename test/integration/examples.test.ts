/** The README shows examples/hello-fleet.ts as it is, and what it prints is what it prints. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { root, textOf } from '../support/docs.ts';
import { withServer } from '../support/nats-server.ts';

const server = withServer();
const readme = textOf('README.md');

test('the README shows the example word for word', () => {
  const example = textOf('examples/hello-fleet.ts');
  expect(readme).toContain('```ts\n' + example + '```\n');
  expect(example.trimEnd().split('\n')).toHaveLength(20);
});

test('the example runs on a server of its own and prints what the README says', async () => {
  const program = join(root, 'dist', 'examples', 'hello-fleet.js');
  expect(existsSync(program), 'examples are compiled by `make build`').toBe(true);
  const env = { ...process.env, NATS_URL: server().url };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], { env, timeout: 25_000 });
  expect(stderr).toBe('');
  expect(stdout).toBe('hello world, says ada\nthe fleet agrees\n');
  expect(readme).toContain('```\n' + stdout + '```\n');
});
