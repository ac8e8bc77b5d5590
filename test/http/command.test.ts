/** The API as the command serves it: `up`, `serve` and `token`, as their users run them. */
import { execa } from 'execa';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { answerOf, conclave, startConclave, startUp, type UpDocument } from '../support/command.ts';
import { freePort } from '../support/free-port.ts';

vi.setConfig({ testTimeout: 90_000 });

const folder = mkdtempSync(join(tmpdir(), 'conclave-http-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Made {
  readonly token: string;
  readonly entry: { readonly name: string; readonly scopes: readonly string[] };
}

test('`up` serves the API, and the commands that it prints work as they stand', async () => {
  const port = await freePort();
  const up = startConclave([
    'up',
    '--agents',
    '1',
    '--port',
    String(await freePort()),
    '--http',
    String(port),
  ]);
  await up.line(/Ctrl-C ends all of it/);
  const curls = up.lines.map((line) => line.trim()).filter((line) => line.startsWith('curl'));
  expect(curls).toHaveLength(4);
  for (const line of curls) {
    const { stdout } = await execa('sh', ['-c', `${line} -sS -w '\\n%{http_code}'`]);
    expect(stdout.split('\n').at(-1), line).toMatch(/^20[01]$/);
  }
  const page = /\S+\/docs/.exec(up.lines.find((line) => line.includes('/docs')) ?? '')?.[0] ?? '';
  expect((await fetch(page)).status).toBe(200);
  const second = await conclave(['up', '--http', String(port)]);
  expect(second).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining(`http port ${port} is in use`),
  });
  up.signal('SIGTERM');
  expect(await up.ended).toMatchObject({ exitCode: 0 });
  await expect(fetch(page)).rejects.toThrow();
});

test('`up --no-http` serves none', async () => {
  const { up, document } = await startUp(['--agents', '1', '--no-http']);
  expect(document as UpDocument & { readonly http: unknown }).toMatchObject({ http: null });
  up.signal('SIGTERM');
  expect((await up.ended).exitCode).toBe(0);
});

test('`serve` serves a fleet to those whose tokens `token` has made', async () => {
  const { up, document } = await startUp(['--agents', '1', '--no-http']);
  const reader = await answerOf<Made>(['token', '--name', 'reader']);
  const ci = await answerOf<Made>(['token', '--name', 'ci', '--scope', 'read', '--scope', 'operate']);
  expect([reader.entry.scopes, ci.entry.scopes]).toEqual([['read'], ['read', 'operate']]);
  const file = join(folder, 'tokens.json');
  writeFileSync(file, JSON.stringify({ tokens: [reader.entry, ci.entry] }));

  const where = ['--servers', document.servers, '--port', String(await freePort()), '--tokens', file];
  const serve = startConclave(['serve', '--json', '--host', '0.0.0.0', ...where]);
  const { url } = JSON.parse(await serve.line(/"kind":"serving"/)) as { url: string };
  const local = url.replace('0.0.0.0', '127.0.0.1');
  const post = async (token: string): Promise<number> => {
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` };
    const body = JSON.stringify({ task_type: 'echo' });
    return (await fetch(`${local}/coordination/tasks`, { method: 'POST', headers, body })).status;
  };
  expect([await post('none'), await post(reader.token), await post(ci.token)]).toEqual([401, 403, 201]);

  const second = await conclave(['serve', ...where]);
  expect(second).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/port \d+ of 127\.0\.0\.1 is in use/),
  });
  serve.signal('SIGINT');
  expect(await serve.ended).toMatchObject({ exitCode: 0, stderr: '' });
  up.signal('SIGTERM');
  await up.ended;
});

test('`token` prints the token once, and for the file only its digest', async () => {
  const { stdout, exitCode } = await conclave(['token', '--name', 'ci', '--scope', 'admin']);
  expect(exitCode).toBe(0);
  const token = /conclave_[\w-]+/.exec(stdout)?.[0] ?? '';
  expect(stdout.split(token)).toHaveLength(2);
  expect(JSON.parse(/\{.*\}/.exec(stdout)?.[0] ?? '')).toEqual({
    name: 'ci',
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    scopes: ['admin'],
  });
});
