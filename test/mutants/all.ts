/**
 * Rules broken on purpose. `make mutants` makes each change in a copy of the repository, runs the tests that are
 * said to guard the rule, and fails if they still pass. A rule without a line here is only hoped for.
 */
import { answers } from './answers.ts';
import { limits } from './limits.ts';
import { liveness } from './liveness.ts';
import { messages } from './messages.ts';
import type { Mutant } from './mutant.ts';
import { permissions } from './permissions.ts';
import { reading } from './reading.ts';
import { excused, excusedSentences, reliability, sentences } from './rules.ts';
import { writing } from './writing.ts';

export const mutants: readonly Mutant[] = [
  ...writing,
  ...answers,
  ...reading,
  ...messages,
  ...permissions,
  ...liveness,
  ...limits,
];

/** The rules of DESIGN §3 that have numbers. */
export const numbered: readonly string[] = Array.from({ length: 10 }, (_, i) => `3.${i + 1}`);

/** A row of the first table, without who noticed. */
export function rowOf({ rule, breaksAlso = [], breaks }: Mutant): string[] {
  return [rule, breaksAlso.map((number) => `R${number}`).join(', '), breaks];
}

/** `by`: who noticed, in the order of `mutants`. */
export function pageOf(by: readonly string[]): string {
  const rows = mutants.map((mutant, i) => `| ${[...rowOf(mutant), by[i] ?? ''].join(' | ')} |`);
  return `# Mutants

Rules of the design, each broken on purpose in a copy of the repository, and the first test that noticed. Written by
\`make mutants\` from \`test/mutants/\`; a mutant that no test notices fails that command.

| rule (DESIGN §) | breaks | the change makes it so that | noticed by |
|---|---|---|---|
${rows.join('\n')}

## Rules of reliability

What the second column means: rules that hold for any fleet with one writer, and how many of the mutants above break each.

| | rule | mutants |
|---|---|---|
${reliability.map((text, i) => `| ${ruleRowOf(text, i + 1).join(' | ')} |`).join('\n')}

## Rules without a number

What the sentences of DESIGN §3 (the ledger) without a number, §4 (who speaks on what) and §6 (who is there) ask, by the names
that the first column of the first table has for them.

| | rule | mutants |
|---|---|---|
${sentenceRows()
  .map((row) => `| ${row.join(' | ')} |`)
  .join('\n')}
`;
}

/** The third table. */
export function sentenceRows(): string[][] {
  return Object.entries(sentences).map(([name, text]) => {
    const count = mutants.filter(({ rule }) => rule === name).length;
    return [name, text, excusedSentences[name] ?? String(count)];
  });
}

/** Of the second table. */
export function ruleRowOf(text: string, number: number): string[] {
  const count = mutants.filter(({ breaksAlso = [] }) => breaksAlso.includes(number)).length;
  return [`R${number}`, text, excused[number] ?? String(count)];
}
