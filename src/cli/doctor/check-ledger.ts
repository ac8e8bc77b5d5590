/** Checks that read in the ledger: whether its beginning is covered, and how often somebody new led lately. */
import type { Entry } from '../../domain/events.ts';
import { ConclaveError } from '../../domain/errors.ts';
import { withArchive, type Archive } from '../../sdk/ledger-archive.ts';
import type { ConnectOptions } from '../../sdk/options.ts';
import { error, ok, unknown, warning, type Finding } from './finding.ts';
import type { Patient } from './patient.ts';

export async function checkLedger(options: ConnectOptions, patient: Patient): Promise<Finding[]> {
  try {
    return await withArchive(options, async (archive) => {
      if (archive === null) return [];
      return [await checkSnapshots(archive, patient), await checkElections(archive)];
    });
  } catch (failure) {
    // A stream that is not as it must be has a finding of its own.
    if (failure instanceof ConclaveError && failure.code === 'LEDGER_MISCONFIGURED') return [];
    const reason = failure instanceof Error ? failure.message : String(failure);
    return [
      unknown('snapshots', `the ledger was not read: ${reason}`, 'see what is said of the ledger stream'),
    ];
  }
}

/** So many times what a snapshot is taken after, and none has been. */
const OVERDUE = 3;

async function checkSnapshots(archive: Archive, { settings }: Patient): Promise<Finding> {
  const check = 'snapshots';
  // First the snapshots: what is taken meanwhile is of entries that are there.
  const listed = await archive.snapshots();
  const { first, last } = await archive.bounds();
  const newest = listed.at(-1)?.sequence ?? 0;
  if (newest > last) return beyond(newest, last);
  if (last === 0) return ok(check, 'none yet: the ledger is empty');
  if (first > last) return uncovered(first);
  let usable = 0;
  for await (const _ of archive.usableSnapshots(first)) usable += 1;
  const found = `${usable} usable of ${listed.length}; the ledger has entries ${first} to ${last}`;
  if (first > 1 && usable === 0) return uncovered(first);
  if (usable < listed.length)
    return warning(
      check,
      found,
      'nothing to do while others are left; see the log of the leader if it stays so',
    );
  const entries = last - newest;
  if (entries <= OVERDUE * settings.snapshotEntries) return ok(check, found);
  return warning(
    check,
    `${found}; none for ${entries} entries`,
    'see that an electable agent runs, and its log for why it saves none',
  );
}

function beyond(newest: number, last: number): Finding {
  return error(
    'snapshots',
    `there is one of entry ${newest}, and the ledger ends at ${last}: the stream was deleted, replaced or put back to an older copy`,
    'restore the ledger from a backup; to start over, or go on without what is gone, remove such snapshots: docs/failure-modes.md',
  );
}

function uncovered(first: number): Finding {
  return error(
    'snapshots',
    `the ledger begins at entry ${first}, and no snapshot covers what is gone: agents that start now cannot join`,
    'restore the ledger and its snapshots from a backup, or stop all agents and move both streams away',
  );
}

/** Entries looked at, from the last one back. */
const ENTRIES_MAX = 5_000;
const LATELY_MS = 300_000;
const ELECTIONS_MANY = 3;

/** Terms that began because the leader was gone; those that were asked for do not count. */
async function checkElections(archive: Archive): Promise<Finding> {
  const { first, last } = await archive.bounds();
  const starts: { readonly at: number; readonly cause: string }[] = [];
  let at = 0;
  await archive.read({ from: Math.max(first, last - ENTRIES_MAX + 1), last }, ({ entry }) => {
    if (entry === null) return 'enough';
    at = entry.at;
    const cause = causeOf(entry);
    if (cause !== null) starts.push({ at, cause });
    return 'more';
  });
  const lately = starts.filter((each) => each.at > at - LATELY_MS);
  const found = `${lately.length} leaders were lost in the last 5 minutes of the ledger`;
  if (lately.length < ELECTIONS_MANY) return ok('elections', found);
  const causes = [...new Set(lately.map(({ cause }) => cause))].join(', ');
  const advice =
    'leader.silent: give leaders more CPU or a larger leaderSilenceMs; leader.gone: see why their processes end';
  return warning('elections', `${found} (${causes})`, advice);
}

function causeOf({ events: [head] }: Entry): string | null {
  return head?.type === 'term.started' && head.cause.startsWith('leader.') ? head.cause : null;
}
