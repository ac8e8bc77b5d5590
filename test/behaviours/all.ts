/** The behaviours of SPEC sections 2–5, each with its tests and the lines that they hang on. */
import { agents } from './agents.ts';
import { elections } from './elections.ts';
import type { Behaviour } from './row.ts';
import { tasks } from './tasks.ts';
import { votes } from './votes.ts';

export const behaviours: readonly Behaviour[] = [...agents, ...elections, ...votes, ...tasks];

const numbered = (letter: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${letter}${i + 1}`);

/** Every id that must have a row. */
export const behaviourIds: readonly string[] = [
  ...numbered('A', 7),
  ...numbered('E', 7),
  ...numbered('V', 8),
  ...numbered('T', 12),
];

const cell = (text: string): string => text.trim().replace(/\s+/g, ' ').replaceAll('|', '\\|');

export function rowOf({ id, says, file, line, tests }: Behaviour): string[] {
  const named = tests.map((test) => `${test.name} (\`${test.file}\`)`).join('; ');
  const code = cell(line);
  // Code with backticks in it needs a longer fence.
  const quoted = code.includes('`') ? `\`\`${code}\`\`` : `\`${code}\``;
  return [id, cell(says), cell(named), `${quoted} in \`${file}\``];
}

export function pageOf(rows: readonly Behaviour[]): string {
  return `# Behaviours

What a fleet does, by the ids of its specification: agents (A1–A7), elections (E1–E7), votes (V1–V8), tasks (T1–T12).
Each row names tests and one line: with that line taken out of a copy of the repository (or, where nothing would run without it,
replaced by what does nothing), every test of the row fails.
\`make behaviours\` shows that and writes this page from \`test/behaviours/\`; a test holds that every id has a row, and
that each test and line named here is there.

| id | what it says | tests | the line that they hang on |
|---|---|---|---|
${rows.map((row) => `| ${rowOf(row).join(' | ')} |`).join('\n')}
`;
}
