/**
 * The client's side of the hunt. Each directory is hashed, then matched; for each finding in the scratch folder there is a
 * task that quarantines it once the fleet has approved, and not before. It waits for every outcome and remembers what it was told.
 */
import type { Fleet, OutcomeView, ProposalView, TaskInput } from 'conclave';
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

interface Pursued {
  readonly proposal: ProposalView;
  readonly movedTo: string | null;
}

interface Asking {
  readonly key: string;
  readonly target: string;
  readonly approval?: NonNullable<TaskInput['approval']>;
}

interface Asked<T extends TaskType> {
  readonly id: string;
  readonly result: ResultOf<T> | null;
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
    if (hashed.result === null) return;
    const { directory } = work;
    const { files } = hashed.result;
    const matched = await this.#ask('match', { directory, files }, { key, target: directory });
    const findings = matched.result?.findings ?? [];
    await Promise.all(findings.map((finding, index) => this.#pursue(finding, `${key}-${index}`)));
  }

  /** What may be moved is, if the fleet approves; of anything else the fleet only says what it thinks. */
  async #pursue(finding: Finding, key: string): Promise<void> {
    const { path, label, suspicion } = finding;
    const isOurs = isInside(path, this.#options.scratch);
    const description = `${path} looks like ${label} (by its ${suspicion})`;
    const { proposal, movedTo } = isOurs
      ? await this.#quarantine(finding, { key, description })
      : await this.#opinionOn(finding, description);
    const { status, tally } = proposal;
    const { approve, reject } = tally;
    this.#verdicts.push({ finding, status, approve: approve.count, reject: reject.count, movedTo });
  }

  /** A task that waits for the fleet's approval, and is never run without. */
  async #quarantine(
    finding: Finding,
    { key, description }: { readonly key: string; readonly description: string },
  ): Promise<Pursued> {
    const { fleet } = this.#options;
    this.#total += 1;
    const approval = { type: 'quarantine', description };
    const asked = await this.#ask('quarantine', finding, { key, target: finding.path, approval });
    const { proposal } = await fleet.task(asked.id);
    return { proposal: await fleet.proposal(proposal ?? ''), movedTo: asked.result?.movedTo ?? null };
  }

  /** The question of the approval, with no task behind it. */
  async #opinionOn(finding: Finding, description: string): Promise<Pursued> {
    const data = { type: 'quarantine', target: finding.path, payload: finding };
    const { proposal } = await this.#options.fleet.propose({ type: 'quarantine', description, data });
    return { proposal, movedTo: null };
  }

  /** Submits and waits. The result is null when it failed; the outcome is kept either way. */
  async #ask<T extends TaskType>(type: T, payload: PayloadOf<T>, how: Asking): Promise<Asked<T>> {
    const { key, target, approval } = how;
    const handle = await this.#submitter.submit({
      type,
      payload,
      priority: priorityOf[type],
      requiredCapabilities: [capabilityOf[type]],
      target: target.slice(-1_024),
      idempotencyKey: `${type}-${key}`,
      ...(approval === undefined ? {} : { approval }),
    });
    const { id } = handle;
    this.#open.set(id, `${type} ${target}`);
    const ended = await handle.outcome();
    this.#open.delete(id);
    this.#outcomes.set(id, ended);
    this.#options.onProgress({ done: this.#outcomes.size, total: this.#total });
    return { id, result: ended.status === 'completed' ? readResult(type, ended.result) : null };
  }
}
