/**
 * The faults that a fleet is built to withstand, each with what must hold through it and the tests that hold it. Where a
 * fault has parts, each part has its own; what cannot be done here says why.
 */
import type { Fault, Part } from './faults/fault.ts';
import { leaders } from './faults/leaders.ts';
import { others } from './faults/others.ts';
import { servers } from './faults/servers.ts';

export const faults: readonly Fault[] = [...leaders, ...servers, ...others].sort(
  (a, b) => a.number - b.number,
);

/** What a run says of a part: all its tests passed; one failed, or is not there; this machine, or any, cannot try it. */
export type Verdict = 'held' | 'FAILED' | 'not here';

const cell = (text: string): string => text.trim().replace(/\s+/g, ' ').replaceAll('|', '\\|');

export function rowsOf({ number, fault, invariant, parts }: Fault): string[][] {
  return parts.map((part, i) => [
    ...(i === 0 ? [String(number), cell(fault), cell(invariant)] : ['', '', '']),
    cell(part.when),
    'notHere' in part
      ? `not here: ${cell(part.notHere)}`
      : part.tests.map(({ file, name }) => `${cell(name)} (\`${file}\`)`).join('; '),
  ]);
}

/** The last column is what the tests of the part did when they were run. */
export function pageOf(all: readonly Fault[], judge: (part: Part) => Verdict): string {
  const rows = all.flatMap((fault) => {
    const verdicts = fault.parts.map(judge);
    return rowsOf(fault).map((row, i) => [...row, verdicts[i]]);
  });
  return `# Faults

What befalls a fleet and its servers, what must hold through it, and the tests that hold it, on real processes and real servers
unless it says otherwise. \`make fault-table\` runs exactly these tests, also those that take too long for every day
(\`FAULTS=all\`), and writes this page from \`test/chaos/faults/\`; the last column is what it found. Power cuts and full disks
need root on Linux, and are skipped elsewhere; what cannot be done here at all says why.

| # | fault | what must hold | when | held by | found |
|---|---|---|---|---|---|
${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}
`;
}
