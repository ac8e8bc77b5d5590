/** What came of the hunt: judged, as text for people, and as one line of JSON for programs. */
import { relative } from 'node:path';
import type { HistoryReport } from 'conclave';
import type { Account } from './account.ts';
import type { Cut } from './cut.ts';
import type { Verdict } from './hunt.ts';
import type { Kill } from './orders.ts';
import { isInside } from './quarantine.ts';
import type { SecondLook } from './second-look.ts';
import type { Skipped, Suspicion } from './work.ts';

/** All that is known at the end. */
export interface Facts {
  readonly dir: string;
  readonly scratch: string;
  readonly cut: Cut;
  readonly account: Account;
  readonly history: HistoryReport;
  /** Ids that the client was given, and the status that it was told for each. */
  readonly acknowledged: ReadonlySet<string>;
  readonly told: ReadonlyMap<string, { readonly status: string }>;
  readonly verdicts: readonly Verdict[];
  readonly kill: Kill | null;
  readonly failOverMs: number | null;
  readonly secondLook: SecondLook;
  /** The planted file that is innocent is where it was. */
  readonly isInnocentThere: boolean;
  readonly seconds: number;
}

export interface Summary {
  readonly tasks: number;
  readonly completed: number;
  /** Without those that the fleet voted down, which nobody ran. */
  readonly failed: number;
  /** Acknowledged, but without an outcome in the ledger, or with another one than the client was told. */
  readonly lost: number;
  readonly double_outcomes: number;
  readonly files: number;
  readonly bytes: number;
  readonly skipped: number;
  readonly findings: number;
  readonly quarantined: number;
  readonly voted_down: number;
  readonly leader_killed: boolean;
  readonly failover_ms: number | null;
  readonly term: number;
  readonly retries: number;
  readonly reassigned: number;
  readonly wrong_hashes: number;
  readonly ledger_ok: boolean;
  readonly seconds: number;
}

export function summaryOf(facts: Facts): Summary {
  const { account, history, verdicts, secondLook } = facts;
  const statuses = [...account.outcomes.values()];
  const failed = statuses.filter((status) => status === 'failed').length;
  return {
    tasks: account.tasks.size,
    completed: statuses.filter((status) => status === 'completed').length,
    failed: failed - account.unapproved.size,
    lost: lostIn(facts).length,
    double_outcomes: history.doubleOutcomes,
    files: account.hashed.size,
    bytes: account.bytes,
    skipped: facts.cut.skipped.length + account.skipped.length,
    findings: verdicts.length,
    quarantined: verdicts.filter(({ movedTo }) => movedTo !== null).length,
    voted_down: verdicts.filter(({ status }) => status === 'rejected').length,
    leader_killed: facts.kill !== null,
    failover_ms: facts.failOverMs,
    term: history.terms.at(-1)?.term ?? 0,
    retries: history.retries,
    reassigned: history.reassigned,
    wrong_hashes: secondLook.wrong.length,
    ledger_ok: history.ok,
    seconds: Math.round(facts.seconds * 10) / 10,
  };
}

/** What must not be; empty when all is well. */
export function complaintsOf(facts: Facts): string[] {
  const { history, secondLook, account } = facts;
  const { lost, failed, double_outcomes, files, skipped } = summaryOf(facts);
  const expected = facts.cut.files + facts.cut.skipped.length;
  const rules: [boolean, string][] = [
    [lost === 0, `${lost} tasks were lost: ${lostIn(facts).slice(0, 10).join(', ')}`],
    [failed === 0, `${failed} tasks failed`],
    [double_outcomes === 0, `${double_outcomes} tasks have two outcomes`],
    [account.tasks.size === facts.acknowledged.size, 'the ledger holds tasks that nobody was told of'],
    [files + skipped === expected, `${expected} files were seen, but ${files} hashed and ${skipped} skipped`],
    [secondLook.wrong.length === 0, `wrong hashes: ${secondLook.wrong.join(', ')}`],
    [history.ok, `the ledger is not in order: ${history.problems.join('; ')}`],
    [facts.kill !== null, 'no leader was killed'],
    [facts.kill === null || facts.failOverMs !== null, 'nothing was assigned after the leader was killed'],
    [facts.isInnocentThere, 'the innocent file is gone'],
  ];
  return rules.filter(([holds]) => !holds).map(([, complaint]) => complaint);
}

export function reportOf(facts: Facts): string {
  const sections: [string, readonly string[]][] = [
    ['hunted', huntedLines(facts)],
    ['findings', facts.verdicts.flatMap((verdict) => verdictLines(verdict, facts.scratch))],
    ['agents', agentLines(facts)],
    ['fail-over', failOverLines(facts)],
    ['tasks', taskLines(facts)],
    [
      'hashes',
      [`${facts.secondLook.checked} of them computed again here: ${facts.secondLook.wrong.length} differ`],
    ],
    ['ledger', [ledgerLine(facts.history)]],
    ['lost', [lostLine(facts)]],
  ];
  const text = sections.flatMap(([title, lines]) =>
    (lines.length === 0 ? ['none'] : lines).map((line, i) => `  ${(i === 0 ? title : '').padEnd(11)}${line}`),
  );
  return text.join('\n');
}

function lostIn({ acknowledged, account, told }: Facts): string[] {
  return [...acknowledged].filter((id) => {
    const recorded = account.outcomes.get(id);
    return recorded === undefined || recorded !== told.get(id)?.status;
  });
}

function huntedLines({ dir, cut, account }: Facts): string[] {
  const skipped = [...cut.skipped, ...account.skipped];
  const gone =
    account.unmatched.length === 0
      ? ''
      : `; ${number(account.unmatched.length)} gone before they were searched`;
  const links = cut.symbolicLinks === 0 ? '' : `; ${number(cut.symbolicLinks)} symbolic links not followed`;
  return [
    `${number(account.hashed.size)} files, ${megabytes(account.bytes)}, in ${number(cut.directories)} directories of ${dir}`,
    `${number(skipped.length)} skipped${reasonsOf(skipped)}${gone}${links}`,
  ];
}

function reasonsOf(skipped: readonly Skipped[]): string {
  if (skipped.length === 0) return '';
  const counts = new Map<string, number>();
  for (const { why } of skipped) counts.set(why, (counts.get(why) ?? 0) + 1);
  return ` (${[...counts].map(([why, count]) => `${number(count)} ${why}`).join(', ')})`;
}

const reasons: Readonly<Record<Suspicion, string>> = {
  eicar: 'holds the',
  hash: 'has the hash of',
  name: 'has the name of',
};

function verdictLines({ finding, status, approve, reject, movedTo }: Verdict, scratch: string): string[] {
  const came = movedTo === null ? 'left where it is' : `moved to ${shortOf(movedTo, scratch)}`;
  return [
    `${shortOf(finding.path, scratch)} ${reasons[finding.suspicion]} ${finding.label}`,
    `  quarantine ${status} ${approve} to ${reject}; ${came}`,
  ];
}

/** Paths in the scratch folder without it. */
function shortOf(path: string, scratch: string): string {
  return isInside(path, scratch) ? relative(scratch, path) : path;
}

function agentLines({ account, kill, history }: Facts): string[] {
  const done = account.outcomes.size;
  return [...account.shares]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([agent, { tasks, files, bytes }]) => {
      const share = `${Math.round((100 * tasks) / done)} %`.padStart(4);
      const led = history.terms
        .filter(({ leader }) => leader === agent)
        .map(({ term }) => `led term ${term}`);
      const notes = [...led, ...(kill?.agent === agent ? ['killed'] : [])].join(', ');
      const figures = `${number(tasks).padStart(6)} tasks ${share}  ${number(files).padStart(6)} files hashed ${megabytes(bytes).padStart(9)}`;
      return `${agent.padEnd(10)}${figures}  ${notes}`.trimEnd();
    });
}

function failOverLines({ kill, failOverMs, history }: Facts): string[] {
  if (kill === null) return ['the leader was not killed'];
  const next = history.terms.find(({ term }) => term > kill.term);
  const after = failOverMs === null ? 'never' : `${number(failOverMs)} ms after the kill`;
  return [
    `${kill.agent} (process ${kill.pid}) led term ${kill.term} and got SIGKILL after ${number(kill.completed)} tasks`,
    next === undefined
      ? 'nobody followed'
      : `${next.leader} leads term ${next.term}; first assignment ${after}`,
  ];
}

function taskLines(facts: Facts): string[] {
  const { completed, failed, retries, reassigned, tasks } = summaryOf(facts);
  const unapproved = facts.account.unapproved.size;
  const lost = [...facts.account.lostAttempts]
    .map(([agent, count]) => `${number(count)} with ${agent}`)
    .join(', ');
  return [
    `${number(tasks)}: ${number(completed)} completed, ${number(unapproved)} not approved, ${number(failed)} failed, ${number(retries)} retried after an error`,
    `attempts that died: ${lost === '' ? 'none' : `${lost}; ${number(reassigned)} tasks given to others`}`,
  ];
}

function ledgerLine(history: HistoryReport): string {
  const state = history.ok ? 'in order' : 'NOT in order';
  return `${number(history.entries)} entries, ${number(history.events)} events, ${history.terms.length} terms; every entry checked: ${state}`;
}

function lostLine(facts: Facts): string {
  const { acknowledged } = facts;
  const lost = lostIn(facts).length;
  if (lost > 0) return `${number(lost)} of ${number(acknowledged.size)} acknowledged tasks`;
  return `nothing: each of ${number(acknowledged.size)} acknowledged tasks has one outcome, the one its client was told`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
