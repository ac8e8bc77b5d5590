/**
 * The faults that a fleet is built to withstand, each with what must hold through it and the tests that hold it. Where a
 * fault has parts, each part has its own; what cannot be done here says why.
 */
import type { Fault } from './faults/fault.ts';
import { leaders } from './faults/leaders.ts';
import { others } from './faults/others.ts';
import { servers } from './faults/servers.ts';

export const faults: readonly Fault[] = [...leaders, ...servers, ...others].sort(
  (a, b) => a.number - b.number,
);

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

export function pageOf(all: readonly Fault[]): string {
  return `# Faults

What befalls a fleet and its servers, what must hold through it, and the tests that hold it, on real processes and real servers
unless it says otherwise. \`make fault-table\` runs exactly these tests, also those that take too long for every day
(\`FAULTS=all\`), says of each fault whether it is held, and writes this page from \`test/chaos/faults/\`. Power cuts and full
disks need root on Linux, and are skipped elsewhere; what cannot be done here at all says why.

| # | fault | what must hold | when | held by |
|---|---|---|---|---|
${all
  .flatMap(rowsOf)
  .map((row) => `| ${row.join(' | ')} |`)
  .join('\n')}
`;
}
