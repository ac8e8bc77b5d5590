/**
 * The fleet as it was: the state after any entry that the ledger still reaches, made from the nearest snapshot before
 * it and the entries since; and the entries themselves. Reads only.
 */
import { DEFAULT_FLEET } from './defaults.ts';
import { charts } from '../../actors/table.ts';
import { ConclaveError } from '../domain/errors.ts';
import type { Entry } from '../domain/events.ts';
import { HistoryChecker } from '../domain/history.ts';
import type { Restored } from '../domain/snapshot.ts';
import type { FleetState } from '../domain/state.ts';
import type { Reader } from '../runtime/reader.ts';
import { stillReader } from '../runtime/still-reader.ts';
import type { AgentView, ProposalView, StatusView, TaskView } from '../wire/views.ts';
import { unshortened, withArchive, type Archive } from './ledger-archive.ts';
import type { ConnectOptions } from './options.ts';
import { uncovered } from './verify.ts';

export interface ReplayOptions extends ConnectOptions {
  /** Up to this entry, with it. Default: the last one that there is. */
  readonly at?: number;
  /** No entry that was written later than this, in milliseconds since 1970 by the ledger's own time. */
  readonly untilMs?: number;
  /** After each entry: how many were read, of how many. */
  readonly onProgress?: (read: number, total: number) => void;
}

export interface Replayed {
  /** Of the last entry applied. */
  readonly sequence: number;
  readonly term: number;
  /** Ledger time of that entry, milliseconds since 1970. */
  readonly at: number;
  /** What is wrong with the entries that were read, in plain words; empty if nothing is. */
  readonly problems: readonly string[];
  /** As it was then; health and load, which only heartbeats say, are not known. */
  readonly status: StatusView;
  /** Null: it was not known then, or not kept any more. So with the others. */
  task(id: string): TaskView | null;
  proposal(id: string): ProposalView | null;
  agent(id: string): AgentView | null;
}

/**
 * Throws `NOT_FOUND` for an entry that was purged (naming the oldest state that can be shown), is not there yet, or when
 * there is no ledger; `NO_NATS` when it cannot be read; `LEDGER_BROKEN` when an entry on the way cannot be applied.
 */
export function replayLedger(options: ReplayOptions = {}): Promise<Replayed> {
  return withArchive(options, async (archive) => {
    if (archive === null) throw noLedger(options);
    return unshortened(() => replay(archive, options));
  });
}

export interface EntriesOptions extends ConnectOptions {
  /** Default: the first one that is kept. */
  readonly from?: number;
  /** Default: the last one there is now. */
  readonly to?: number;
  readonly onEntry: (entry: Entry, sequence: number) => void;
}

/** Reads entries as they were written. Throws as `replayLedger` does. */
export function readEntries(options: EntriesOptions): Promise<void> {
  return withArchive(options, async (archive) => {
    if (archive === null) throw noLedger(options);
    const { first, last } = await archive.bounds();
    const { from = first, to = last } = options;
    if (from < first) throw notFound(`entry ${from} was purged: the oldest one that is kept is ${first}`);
    if (Math.max(from, to) > last) throw notYet(Math.max(from, to), last);
    const unknown: { sequence: number | null } = { sequence: null };
    await archive.read({ from, last: to }, ({ entry, sequence }) => {
      if (entry === null) unknown.sequence = sequence;
      else options.onEntry(entry, sequence);
      return entry === null ? 'enough' : 'more';
    });
    if (unknown.sequence !== null) throw broken(`entry ${unknown.sequence} is not of a known version`);
  });
}

async function replay(archive: Archive, options: ReplayOptions): Promise<Replayed> {
  const { first, last } = await archive.bounds();
  const { at = last, untilMs = Infinity, onProgress } = options;
  if (at > last) throw notYet(at, last);
  const checker = new HistoryChecker(charts);
  const start = first > 1 ? await latestBefore(archive, { first, at, untilMs }) : null;
  if (start !== null) checker.begin(start);
  const from = checker.state.sequence + 1;
  const later: { at: number | null } = { at: null };
  await archive.read({ from, last: at }, (record) => {
    onProgress?.(record.sequence - from + 1, at - from + 1);
    if (record.entry !== null && record.entry.at > untilMs) {
      later.at = record.entry.at;
      return 'enough';
    }
    checker.add(record);
    return 'more';
  });
  const { state } = checker;
  const { problems } = checker.report();
  if (later.at === null && state.sequence !== at)
    throw broken(problems.at(-1) ?? `entry ${at} cannot be applied`);
  if (state.sequence === 0) throw notFound(beforeTheFirst(untilMs, later.at));
  return replayedOf(state, stillReader(state, options.fleet ?? DEFAULT_FLEET), problems);
}

interface Wanted {
  /** The first entry that the ledger keeps. */
  readonly first: number;
  readonly at: number;
  readonly untilMs: number;
}

/** The newest snapshot that does not reach beyond what is asked for. */
async function latestBefore(archive: Archive, { first, at, untilMs }: Wanted): Promise<Restored> {
  let found: Restored | null = null;
  let oldest: FleetState | null = null;
  for await (const restored of archive.usableSnapshots(first)) {
    oldest ??= restored.state;
    if (restored.state.sequence <= at && restored.state.at <= untilMs) found = restored;
  }
  if (found !== null) return found;
  if (oldest === null) throw uncovered(first);
  const { sequence, at: time } = oldest;
  const what = oldest.sequence > at ? `entry ${at}` : `what was at ${iso(untilMs)}`;
  throw notFound(
    `${what} was purged: the oldest state that can be shown is that of entry ${sequence} (${iso(time)})`,
  );
}

function replayedOf(state: FleetState, reader: Reader, problems: readonly string[]): Replayed {
  const { sequence, term, at } = state;
  return {
    sequence,
    term,
    at,
    problems,
    status: reader.status(),
    task: (id) => reader.task(id),
    proposal: (id) => reader.proposal(id),
    agent: (id) => reader.agent(id),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function beforeTheFirst(untilMs: number, firstAt: number | null): string {
  if (firstAt === null) return 'the ledger has no entry yet';
  return `at ${iso(untilMs)} there was no entry yet: the first one is of ${iso(firstAt)}`;
}

function noLedger({ fleet = DEFAULT_FLEET }: ConnectOptions): ConclaveError {
  return notFound(`fleet ${fleet} has no ledger yet: nobody has led it`);
}

function notYet(sequence: number, last: number): ConclaveError {
  return notFound(`entry ${sequence} is not there yet: the ledger ends at ${last}`);
}

function notFound(message: string): ConclaveError {
  return new ConclaveError('NOT_FOUND', message);
}

function broken(message: string): ConclaveError {
  return new ConclaveError('LEDGER_BROKEN', `${message}; \`conclave verify\` lists all that is wrong`);
}
