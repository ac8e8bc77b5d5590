/** What the command must answer to something that is wrong: one line that says what to do, also as JSON, and an exit code. */
import { expect } from 'vitest';
import { conclave } from './command.ts';

export const agentWords = ['agent', '--id', 'ada', '--run', 'x=true'];

/** What a command is given, and what it must say. */
export interface Case {
  readonly words: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly says: readonly (string | RegExp)[];
  readonly exitCode: number;
}

export async function expectAnswer({ words, env, says, exitCode }: Case): Promise<void> {
  const surroundings = env === undefined ? {} : { env };
  const [ended, asJson] = await Promise.all([
    conclave(words, surroundings),
    conclave([...words, '--json'], surroundings),
  ]);
  // An agent says after 5 s that it waits, and the library logs why.
  expect(ended.stderr).toMatch(/^(ada waits: [^\n]+\n|\[[^\n]+not let in yet[^\n]+\n)*conclave: [^\n]+\n$/);
  for (const each of says)
    expect(ended.stderr).toMatch(each instanceof RegExp ? each : new RegExp(escaped(each)));
  expect(ended.exitCode).toBe(exitCode);
  expect(ended.stdout).toBe('');
  expect(asJson.exitCode).toBe(exitCode);
  const document = asJson.stderr.trim().split('\n').at(-1) ?? '';
  expect(JSON.parse(document)).toMatchObject({
    error: { code: expect.stringMatching(/^[A-Z_]+$/), message: expect.any(String) },
  });
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
