/** What an agent of the hunt does: its handlers by task type, and its vote, which looks at the file again. */
import { join } from 'node:path';
import type { Decision, Handler } from 'conclave';
import { holdsEicar, sha256Of, unreadableCode } from './evidence.ts';
import type { Indicators } from './indicators.ts';
import { quarantine } from './quarantine.ts';
import {
  capabilityOf,
  readPayload,
  type Finding,
  type HashedFile,
  type HashResult,
  type HashWork,
  type MatchResult,
  type MatchWork,
  type Skipped,
  type TaskType,
} from './work.ts';

export interface HunterOptions {
  readonly capabilities: readonly string[];
  readonly indicators: Indicators;
  /** Real path of the folder in which files may be moved. */
  readonly scratch: string;
}

/** Handlers for what the capabilities allow. */
export function handlersFor(options: HunterOptions): Record<string, Handler> {
  const { capabilities, indicators, scratch } = options;
  const all: Record<TaskType, Handler> = {
    hash: (task, { signal }) => hashFiles(readPayload('hash', task.payload), signal),
    match: (task, { signal }) => matchFiles(readPayload('match', task.payload), indicators, signal),
    quarantine: (task) => quarantine(readPayload('quarantine', task.payload), scratch),
  };
  return Object.fromEntries(
    Object.entries(all).filter(([type]) => capabilities.includes(capabilityOf[type as TaskType])),
  );
}

/** Approves what the file itself proves. A name proves nothing; a file that cannot be read, neither. */
export async function judge(finding: Finding, indicators: Indicators): Promise<Decision> {
  try {
    const { sha256 } = await sha256Of(finding.path);
    return indicators.hashes.has(sha256) || (await holdsEicar(finding.path)) ? 'approve' : 'reject';
  } catch (error) {
    if (unreadableCode(error) === null) throw error;
    return 'abstain';
  }
}

async function hashFiles(work: HashWork, signal: AbortSignal): Promise<HashResult> {
  const files: HashedFile[] = [];
  const skipped: Skipped[] = [];
  for (const name of work.names) {
    const sum = await orSkip(name, skipped, () => sha256Of(join(work.directory, name), signal));
    if (sum !== null) files.push({ name, ...sum });
  }
  return { files, skipped };
}

async function matchFiles(
  work: MatchWork,
  indicators: Indicators,
  signal: AbortSignal,
): Promise<MatchResult> {
  const findings: Finding[] = [];
  const skipped: Skipped[] = [];
  for (const { name, sha256 } of work.files) {
    const path = join(work.directory, name);
    const hasEicar = await orSkip(name, skipped, () => holdsEicar(path, signal));
    const finding = suspicionOf({ name, sha256, hasEicar: hasEicar === true }, indicators);
    if (finding !== null) findings.push({ path, sha256, ...finding });
  }
  return { findings, skipped };
}

/** The strongest reason first. */
function suspicionOf(
  file: { readonly name: string; readonly sha256: string; readonly hasEicar: boolean },
  { hashes, names }: Indicators,
): Pick<Finding, 'suspicion' | 'label'> | null {
  if (file.hasEicar) return { suspicion: 'eicar', label: 'EICAR test string' };
  const known = hashes.get(file.sha256);
  if (known !== undefined) return { suspicion: 'hash', label: known };
  const rumour = names.get(file.name);
  return rumour === undefined ? null : { suspicion: 'name', label: rumour };
}

async function orSkip<T>(name: string, skipped: Skipped[], look: () => Promise<T>): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    const why = unreadableCode(error);
    if (why === null) throw error;
    skipped.push({ name, why });
    return null;
  }
}
