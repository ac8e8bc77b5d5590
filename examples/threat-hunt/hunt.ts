/**
 * The client's side of the hunt. Each directory is hashed, then matched; each finding is put to the vote; what is
 * approved and lies in the scratch folder is quarantined. It waits for every outcome and remembers what it was told.
 */
import type { Fleet, OutcomeView } from 'conclave';
import { isInside } from './quarantine.ts';
import { Submitter } from './submitter.ts';
import {
  capabilityOf,
  readResult,
  type Finding,
  type HashWork,
  type PayloadOf,
  type ResultOf,
  type TaskType,
} from './work.ts';

export interface Verdict {
  readonly finding: Finding;
  readonly status: string;
  readonly approve: number;
  readonly reject: number;
  /** Where the file is now; null: where it was. */
  readonly movedTo: string | null;
}

export interface Progress {
  readonly done: number;
  /** As far as it is known. */
  readonly total: number;
}

export interface HuntOptions {
  readonly fleet: Fleet;
  readonly scratch: string;
  readonly onProgress: (progress: Progress) => void;
}

/** Hashing has a head start, quarantine never waits. */
const priorityOf: Readonly<Record<TaskType, number>> = { hash: 5, match: 5, quarantine: 9 };

export class Hunt {
  readonly #options: HuntOptions;
  readonly #submitter: Submitter;
  /** Task → what is being waited for, for people. */
  readonly #open = new Map<string, string>();
  readonly #outcomes = new Map<string, OutcomeView>();
  readonly #verdicts: Verdict[] = [];
  #total = 0;

  constructor(options: HuntOptions) {
    this.#options = options;
    this.#submitter = new Submitter(options.fleet);
  }

  get acknowledged(): ReadonlySet<string> {
    return this.#submitter.acknowledged;
  }

  /** Task → the outcome that this client was given. */
  get outcomes(): ReadonlyMap<string, OutcomeView> {
    return this.#outcomes;
  }

  get verdicts(): readonly Verdict[] {
    return this.#verdicts;
  }

  /** What has not ended: at most `limit` lines. */
  stillOpen(limit: number): string[] {
    return [...this.#open].slice(0, limit).map(([id, what]) => `${id} ${what}`);
  }

  /** Resolves when every task has an outcome and every finding a verdict. */
  async run(works: readonly HashWork[]): Promise<void> {
    // A task to hash and one to match, for each.
    this.#total = 2 * works.length;
    await Promise.all(works.map((work, index) => this.#search(work, String(index))));
  }

  async #search(work: HashWork, key: string): Promise<void> {
    const hashed = await this.#ask('hash', work, { key, target: work.directory });
    if (hashed === null) return;
    const { directory } = work;
    const matched = await this.#ask('match', { directory, files: hashed.files }, { key, target: directory });
    await Promise.all((matched?.findings ?? []).map((finding) => this.#pursue(finding)));
  }

  async #pursue(finding: Finding): Promise<void> {
    const { path, label, suspicion } = finding;
    const { status, approved, proposal } = await this.#options.fleet.propose({
      type: 'quarantine',
      description: `${path} looks like ${label} (by its ${suspicion})`,
      data: finding,
    });
    const { approve, reject } = proposal.tally;
    const verdict = { finding, status, approve: approve.count, reject: reject.count };
    const isOurs = approved && isInside(path, this.#options.scratch);
    if (isOurs) this.#total += 1;
    const moved = isOurs ? await this.#ask('quarantine', finding, { key: proposal.id, target: path }) : null;
    this.#verdicts.push({ ...verdict, movedTo: moved?.movedTo ?? null });
  }

  /** Submits and waits. Null when it failed; the outcome is kept either way. */
  async #ask<T extends TaskType>(
    type: T,
    payload: PayloadOf<T>,
    { key, target }: { readonly key: string; readonly target: string },
  ): Promise<ResultOf<T> | null> {
    const handle = await this.#submitter.submit({
      type,
      payload,
      priority: priorityOf[type],
      requiredCapabilities: [capabilityOf[type]],
      target: target.slice(-1_024),
      idempotencyKey: `${type}-${key}`,
    });
    this.#open.set(handle.id, `${type} ${target}`);
    const ended = await handle.outcome();
    this.#open.delete(handle.id);
    this.#outcomes.set(handle.id, ended);
    this.#options.onProgress({ done: this.#outcomes.size, total: this.#total });
    return ended.status === 'completed' ? readResult(type, ended.result) : null;
  }
}
