/** `conclave replay`: the fleet as it was after any entry, or the entries themselves, each event in words. */
import type { Command } from 'commander';
import { ConclaveError, invalidField } from '../../domain/errors.ts';
import type { Entry } from '../../domain/events.ts';
import type { AgentView, Replayed } from '../../index.ts';
import { isAbout, timeOf, wordsFor, type Subject } from '../event-words.ts';
import { exitCodes } from '../exit-codes.ts';
import { connectOptionsOf } from '../fleet-connection.ts';
import { colors, factsOf, printAnswer, printItem, remark } from '../output.ts';
import { progressOf } from '../progress.ts';
import { proposalText } from '../proposal-text.ts';
import { sharedOptionsOf, type SharedOptions } from '../shared-options.ts';
import { given, integer, name, text } from '../values.ts';
import { statusText } from './status.ts';
import { taskText } from './tasks.ts';

interface Options {
  readonly at?: number;
  readonly until?: number;
  readonly entries?: Span;
  readonly task?: string;
  readonly agent?: string;
  readonly proposal?: string;
}

interface Span {
  readonly from?: number;
  readonly to?: number;
}

const help = `
The state comes from the ledger itself, and nothing is written. What only heartbeats say (health, load) is not in it.`;

export function addReplay(program: Command): void {
  program
    .command('replay')
    .description('the fleet as it was after an earlier entry of its ledger, or what the entries say')
    .option('--at <sequence>', 'after this entry (default: the last one)', integer('at', { min: 1 }))
    .option('--until <time>', 'after the last entry up to this time', momentOf)
    .option('--entries <a..b>', 'these entries, not a state; either end may be left out', spanOf)
    .option('--task <id>', 'this task alone', text('task', { min: 1, max: 63 }))
    .option('--agent <id>', 'this agent alone', name('agent'))
    .option('--proposal <id>', 'this proposal alone', text('proposal', { min: 1, max: 63 }))
    .addHelpText('after', help)
    .action(replay);
}

function momentOf(given: string): number {
  const ms = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(given)
    ? Date.parse(given)
    : NaN;
  if (Number.isNaN(ms)) throw invalidField('until', 'must be a time like 2026-03-01T12:00:00Z');
  return ms;
}

function spanOf(given: string): Span {
  const [, from = '', dots, to = ''] = /^(\d{0,15})(?:(\.\.)(\d{0,15}))?$/.exec(given) ?? [];
  const span = dots === undefined ? { from, to: from } : { from, to };
  const [first, last] = [Number(span.from || '1'), Number(span.to || String(Number.MAX_SAFE_INTEGER))];
  if (given === '' || first < 1 || last < first) {
    throw invalidField('entries', 'must be like 10..20, 10.., ..20, 10, or .. for all');
  }
  return { ...(span.from === '' ? {} : { from: first }), ...(span.to === '' ? {} : { to: last }) };
}

async function replay(options: Options, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  const subject = subjectOf(options);
  const { at, until, entries } = options;
  if ([at, until, entries].filter((each) => each !== undefined).length > 1)
    throw invalidField(
      'at',
      'must not be given with --until or --entries: each says which entries are meant',
    );
  if (entries === undefined) await showState(shared, { at, untilMs: until }, subject);
  else await showEntries(shared, entries, subject);
}

/** One thing at most. */
function subjectOf({ task, agent, proposal }: Options): Subject | null {
  const subjects: Subject[] = [];
  if (task !== undefined) subjects.push({ kind: 'task', id: task });
  if (agent !== undefined) subjects.push({ kind: 'agent', id: agent });
  if (proposal !== undefined) subjects.push({ kind: 'proposal', id: proposal });
  const [first, second] = subjects;
  if (first !== undefined && second !== undefined)
    throw invalidField(first.kind, `must not be given with --${second.kind}: one thing at a time`);
  return first ?? null;
}

async function showState(
  shared: SharedOptions,
  moment: { readonly at: number | undefined; readonly untilMs: number | undefined },
  subject: Subject | null,
): Promise<void> {
  const { replayLedger } = await import('../../sdk/replay.ts');
  const progress = progressOf({ total: 1, isQuiet: shared.isJson });
  let replayed: Replayed;
  try {
    const options = { ...(await connectOptionsOf(shared, 'replay')), ...given(moment) };
    replayed = await replayLedger({ ...options, onProgress: progress.show });
  } finally {
    progress.end();
  }
  const { sequence, term, at, problems } = replayed;
  const shown = shownOf(replayed, subject);
  if (problems.length > 0) process.exitCode = exitCodes.failed;
  if (!shared.isJson) {
    remark(colors.dim(`as of entry ${sequence}, term ${term}, ${timeOf(at)}`));
    for (const problem of problems) remark(colors.red(`problem: ${problem}`));
  }
  printAnswer(shared.isJson, { sequence, term, at, problems, ...shown.document }, shown.text);
}

interface Shown {
  readonly document: Readonly<Record<string, unknown>>;
  readonly text: () => string;
}

function shownOf(replayed: Replayed, subject: Subject | null): Shown {
  const { status, at } = replayed;
  if (subject === null) return { document: { status }, text: () => statusText(status) };
  const { kind, id } = subject;
  switch (kind) {
    case 'task': {
      const task = replayed.task(id) ?? missing(subject, replayed);
      return { document: { task }, text: () => taskText(task, at) };
    }
    case 'proposal': {
      const proposal = replayed.proposal(id) ?? missing(subject, replayed);
      return { document: { proposal }, text: () => proposalText(proposal, at) };
    }
    case 'agent': {
      const agent = replayed.agent(id) ?? missing(subject, replayed);
      return { document: { agent }, text: () => agentText(agent) };
    }
  }
}

function missing({ kind, id }: Subject, { sequence }: Replayed): never {
  const advice = `\`conclave replay --entries .. --${kind} ${id}\` says when it came and went`;
  throw new ConclaveError('NOT_FOUND', `there was no ${kind} ${id} after entry ${sequence}; ${advice}`);
}

function agentText(agent: AgentView): string {
  return factsOf([
    ['agent', agent.id],
    ['state', agent.state],
    ['leads', agent.isLeader ? 'yes' : 'no'],
    ['joined', timeOf(agent.joinedAt)],
    ['incarnation', agent.incarnation],
    ['slots', `${agent.running} of ${agent.slots} used`],
    ['completed', agent.completed],
    ['priority', agent.priority],
    ['capabilities', agent.capabilities.join(', ')],
    ['handles', agent.handles.join(', ')],
  ]);
}

async function showEntries(shared: SharedOptions, span: Span, subject: Subject | null): Promise<void> {
  const { readEntries } = await import('../../sdk/replay.ts');
  const options = { ...(await connectOptionsOf(shared, 'replay')), ...span };
  await readEntries({
    ...options,
    onEntry: (entry, sequence) => {
      printEntry(shared.isJson, { entry, sequence }, subject);
    },
  });
}

function printEntry(
  isJson: boolean,
  { entry, sequence }: { readonly entry: Entry; readonly sequence: number },
  subject: Subject | null,
): void {
  const events =
    subject === null ? entry.events : entry.events.filter((each) => isAbout(each, entry, subject));
  if (subject !== null && events.length === 0) return;
  const { term, leader, at } = entry;
  printItem(isJson, { sequence, term, leader, at, events }, () => {
    const head = colors.dim(`${sequence} ${timeOf(at)} term ${term} ${leader}`);
    // A leader that proves that it leads appends an entry without events.
    if (events.length === 0) return `${head} –`;
    return events.map((event) => `${head} ${wordsFor(event, entry)}`).join('\n');
  });
}
