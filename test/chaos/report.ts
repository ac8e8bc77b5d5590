/** What a run found, and how that is written down. */
import type { AuditFigures } from './audit.ts';
import type { Check } from './finding.ts';
import type { LoadFigures } from './load.ts';
import type { FailOver } from './recorder.ts';

export interface Report {
  readonly seed: string;
  readonly minutes: number;
  /** Null: in namespaces. Else why they stood on the loopback. */
  readonly loopbackBecause: string | null;
  readonly tasksPerSecond: number;
  readonly agents: number;
  readonly natsVersion: string;
  readonly load: LoadFigures;
  readonly audit: AuditFigures;
  readonly faults: Readonly<Record<string, number>>;
  readonly failOvers: readonly FailOver[];
  /** Why agents ended by themselves and were started again. */
  readonly agentEnds: Readonly<Record<string, number>>;
  /** After each round: until something is acknowledged that was asked when it was over; the longest null: never. */
  readonly recoveries: { readonly count: number; readonly longestMs: number | null };
  /** From the end of the last fault until a request was acknowledged that began after it; null: it never was. */
  readonly leaderAfterMs: number | null;
  /** From then until nothing was open any more and all agents had the same entries; null: they never had. */
  readonly restAfterMs: number | null;
  /** Slots that were compared on three replicas. */
  readonly slotsCompared: number;
  readonly checks: readonly Check[];
}

/** A leader is there this soon after the last fault, and after each while nothing else strikes. */
export const LEADER_AFTER_MS_MAX = 15_000;

export const problemsOf = ({ checks }: Report): readonly string[] =>
  checks.flatMap(({ name, found, evidence }) =>
    found === 0 ? [] : [`${found} ${name}: ${evidence.join('; ')}`],
  );

export const isLeaderInTime = ({ leaderAfterMs, recoveries }: Report): boolean =>
  recoveries.count > 0 &&
  [leaderAfterMs, recoveries.longestMs].every((ms) => ms !== null && ms <= LEADER_AFTER_MS_MAX);

/** Lines of Markdown, which are as readable on a terminal. */
export function textOf(report: Report): string {
  const { load, audit, faults, agentEnds, recoveries } = report;
  const { tasks, outcomes, decisions } = load.calls;
  const ground =
    report.loopbackBecause === null
      ? 'each process in a network namespace of its own'
      : `on the loopback, without cuts between servers and full disks (no namespaces: ${report.loopbackBecause})`;
  return `Seed \`${report.seed}\`, ${report.minutes} minutes of faults, three nats-servers ${report.natsVersion} (R3, \`sync_interval: always\`),
${report.agents} agents, ${ground}.

${table(
  ['figure', ''],
  [
    ['tasks per second, due', report.tasksPerSecond],
    ['tasks offered', tasks.asked],
    ['tasks acknowledged', tasks.answered],
    ['tasks per second, acknowledged', Math.round(tasks.answered / load.seconds)],
    ['tasks held back, as too many were outstanding', load.heldBack],
    ['tasks in the ledger', audit.submitted],
    ['tasks ended', audit.ended],
    ['outcomes told', outcomes.answered],
    ['attempts that handlers began', audit.started],
    ['proposals opened, those of tasks too', audit.proposalsOpened],
    ['proposals decided', audit.proposalsDecided],
    ['decisions told', decisions.answered],
    ['calls refused, or out of time', listed(load.refused)],
    ['terms', audit.terms],
    ['entries', audit.entries],
    ['agents that ended by themselves', listed(agentEnds)],
    ['rounds after which something was asked', recoveries.count],
    ['the longest until that was acknowledged, other faults not counted', seconds(recoveries.longestMs)],
    ['a leader after the last fault', seconds(report.leaderAfterMs)],
    ['at rest after that', seconds(report.restAfterMs)],
    ['slots compared on three replicas', report.slotsCompared],
  ],
)}

${table(
  ['fault', 'struck', 'another leader after it struck the leader'],
  Object.entries(faults)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([verb, count]) => [verb, count, spread(timesOf(report, verb))]),
)}

${table(
  ['check', 'found'],
  report.checks.map(({ name, found }) => [name, found]),
)}
`;
}

/** `faults`: the rows of docs/fault-table.md, whose last column says what was found. */
export const pageOf = (report: Report, faults: readonly (readonly string[])[]): string => `# Chaos

A fleet of real processes on three real servers, with load on it, while servers, agents, links, clocks and disks fail as
a seed decides; then everything is healed, and what clients were told is compared with what the ledger says. Written by
\`make chaos\` from \`test/chaos/\`; any number but 0 in the last table fails that command, and so does a leader that is not
there ${LEADER_AFTER_MS_MAX / 1_000} s after the last fault, or after any round while nothing else strikes. Each fault by itself, with what must hold through it and its tests: [faults](fault-table.md).

${textOf(report)}
## The faults one by one

As their tests found when they were last run; what cannot be tried says why.

${table(['#', 'fault', 'found'], scenariosIn(faults))}
`;

/** A fault has a row for each of its parts; only the first names it. */
function scenariosIn(rows: readonly (readonly string[])[]): string[][] {
  const scenarios: string[][] = [];
  for (const [number = '', fault = '', , when = '', heldBy = '', found = ''] of rows) {
    if (number !== '') scenarios.push([number, fault, found]);
    const last = scenarios.at(-1);
    if (last === undefined || found === 'held') continue;
    last[2] = `${number === '' ? `${last[2] ?? ''}; ` : ''}${when}: ${found === 'not here' ? heldBy : found}`;
  }
  return scenarios;
}

function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [row(headings), row(headings.map(() => '---')), ...rows.map(row)].join('\n');
}

function listed(counts: Readonly<Record<string, number>>): string {
  const all = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
  return all.length === 0 ? 'none' : all.join(', ');
}

const timesOf = ({ failOvers }: Report, verb: string): readonly number[] =>
  failOvers.filter((each) => each.verb === verb).map(({ ms }) => ms);

const seconds = (ms: number | null): string => (ms === null ? 'never' : `${(ms / 1_000).toFixed(1)} s`);

function spread(all: readonly number[]): string {
  const sorted = [...all].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  if (median === undefined) return '';
  return `${sorted.length}: median ${seconds(median)}, longest ${seconds(sorted.at(-1) ?? null)}`;
}
