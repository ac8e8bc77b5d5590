/**
 * Compares what clients were told with what the ledger says, entry by entry and telling by telling, in whatever order
 * the two come. A task is forgotten once both sides have said all of it and agree, so memory is that of what is open.
 *
 * Tasks carry a mark, a number that no other task of the run has, and their results carry the same: a task that is stored
 * twice shows by it, and so does a result that is another task's.
 */
import { Bitmap } from '../../src/domain/bitmap.ts';
import type { Entry, EventOf, LedgerEvent } from '../../src/domain/events.ts';
import type { TaskOutcome } from '../../src/domain/state.ts';
import type { Start } from '../support/agent-process.ts';
import { Executions } from './executions.ts';
import { Finding, type Check } from './finding.ts';

export type Told =
  | { readonly kind: 'accepted'; readonly mark: number; readonly id: string }
  | {
      readonly kind: 'ended';
      readonly id: string;
      readonly status: TaskOutcome;
      /** Of one that completed. */
      readonly result: unknown;
    }
  | { readonly kind: 'opened'; readonly id: string }
  | { readonly kind: 'decided'; readonly id: string; readonly outcome: string };

/** As one side has it; undefined: it has not said so yet. */
interface TaskAccount {
  mark?: number;
  acceptedMark?: number;
  end?: string;
  toldEnd?: string;
}

interface ProposalAccount {
  isOpened: boolean;
  isAcknowledged: boolean;
  outcome?: string;
  toldOutcome?: string;
}

export interface AuditFigures {
  readonly submitted: number;
  readonly ended: number;
  readonly proposalsOpened: number;
  readonly proposalsDecided: number;
  readonly terms: number;
  readonly entries: number;
  /** Attempts that handlers began. */
  readonly started: number;
}

export class Audit {
  readonly #tasks = new Map<string, TaskAccount>();
  readonly #proposals = new Map<string, ProposalAccount>();
  readonly #marks = new Bitmap();
  readonly #executions = new Executions();
  readonly #lost = new Finding('acknowledged tasks that the ledger does not have');
  readonly #unended = new Finding('tasks of the ledger that have not ended');
  readonly #again = new Finding('tasks with two outcomes');
  readonly #twice = new Finding('tasks that are in the ledger twice');
  readonly #swapped = new Finding('results that are not those of their tasks');
  readonly #redecided = new Finding('proposals with two decisions');
  readonly #differently = new Finding('outcomes and decisions told otherwise than the ledger has them');
  readonly #lostProposals = new Finding('acknowledged proposals that the ledger does not have');
  readonly #unclosed = new Finding('proposals that have not closed');
  readonly #oldTerms = new Finding('entries of an old term after a newer term-start');
  readonly #doubleTerms = new Finding('terms that started twice');
  readonly #counts = { submitted: 0, ended: 0, opened: 0, decided: 0, terms: 0, entries: 0 };
  #term = 0;

  get figures(): AuditFigures {
    const { submitted, ended, opened, decided, terms, entries } = this.#counts;
    const started = this.#executions.heard;
    return { submitted, ended, proposalsOpened: opened, proposalsDecided: decided, terms, entries, started };
  }

  /** As the process of an agent told it. */
  started(start: Start): void {
    this.#executions.started(start);
  }

  told(told: Told): void {
    switch (told.kind) {
      case 'accepted':
        this.#task(told.id).acceptedMark = told.mark;
        return this.#settle(told.id);
      case 'ended':
        this.#task(told.id).toldEnd = endOf(told.status, told.result);
        return this.#settle(told.id);
      case 'opened':
        this.#proposal(told.id).isAcknowledged = true;
        return;
      case 'decided':
        this.#proposal(told.id).toldOutcome = told.outcome;
        return this.#compareDecision(told.id);
    }
  }

  /** A process of this agent has ended. */
  died(agent: string): void {
    this.#executions.died(agent);
  }

  /** In the order of the ledger. */
  entry(sequence: number, entry: Entry): void {
    this.#counts.entries += 1;
    const isStart = entry.events[0]?.type === 'term.started';
    if (entry.term < this.#term)
      this.#oldTerms.note(`entry ${sequence}: term ${entry.term} after ${this.#term}`);
    if (isStart && entry.term === this.#term) this.#doubleTerms.note(`entry ${sequence}: term ${entry.term}`);
    if (isStart) this.#counts.terms += 1;
    this.#term = Math.max(this.#term, entry.term);
    for (const event of entry.events) this.#event(sequence, event);
    this.#executions.entry(sequence, entry);
  }

  /** What stands at the end, when the ledger has come to rest and all of it was handed over. */
  report(): readonly Check[] {
    for (const [id, { mark, acceptedMark, end, toldEnd }] of this.#tasks) {
      if (end === undefined && toldEnd !== undefined)
        this.#differently.note(`task ${id} was told ${toldEnd} and has not ended`);
      if (mark === undefined && acceptedMark !== undefined)
        this.#lost.note(`task ${id}, mark ${acceptedMark}`);
      else if (mark !== undefined && end === undefined) this.#unended.note(`task ${id}, mark ${mark}`);
    }
    for (const [id, { isOpened, outcome, toldOutcome }] of this.#proposals) {
      if (outcome === undefined && toldOutcome !== undefined)
        this.#differently.note(`proposal ${id} was told ${toldOutcome} and is not decided`);
      if (!isOpened) this.#lostProposals.note(`proposal ${id}`);
      else if (outcome === undefined) this.#unclosed.note(`proposal ${id}`);
    }
    const findings = [
      this.#lost,
      this.#unended,
      this.#again,
      this.#twice,
      this.#swapped,
      this.#redecided,
      this.#differently,
      this.#lostProposals,
      this.#unclosed,
      this.#oldTerms,
      this.#doubleTerms,
    ];
    return [...findings.map((finding) => finding.check()), ...this.#executions.checks()];
  }

  #event(sequence: number, event: LedgerEvent): void {
    switch (event.type) {
      case 'task.submitted': {
        this.#counts.submitted += 1;
        const { id, payload } = event.task;
        const mark = markIn(payload);
        if (this.#marks.has(mark)) this.#twice.note(`entry ${sequence}: mark ${mark}, again as task ${id}`);
        this.#marks.set(mark);
        this.#task(id).mark = mark;
        return this.#settle(id);
      }
      case 'task.completed':
        this.#compareMark(event.id, event.result);
        return this.#end(sequence, event.id, endOf('completed', event.result));
      case 'task.failed':
        return this.#end(sequence, event.id, endOf('failed', null));
      case 'task.cancelled':
        return this.#end(sequence, event.id, endOf('cancelled', null));
      case 'proposal.opened':
        this.#counts.opened += 1;
        this.#proposal(event.proposal.id).isOpened = true;
        return;
      case 'proposal.decided':
        return this.#decided(sequence, event);
      default:
        return;
    }
  }

  /** A task that is settled is not known any more, which is as good as its first outcome. */
  #end(sequence: number, id: string, end: string): void {
    const task = this.#tasks.get(id);
    if (task?.mark === undefined || task.end !== undefined) {
      this.#again.note(`entry ${sequence}: task ${id} is ${end}, and had ended before, or never begun`);
      return;
    }
    this.#counts.ended += 1;
    task.end = end;
    this.#settle(id);
  }

  /** Of a task that nobody knows any more another finding tells. */
  #compareMark(id: string, result: unknown): void {
    const mark = this.#tasks.get(id)?.mark;
    if (mark !== undefined && markIn(result) !== mark)
      this.#swapped.note(`task ${id}, mark ${mark}: ${JSON.stringify(result)}`);
  }

  #decided(sequence: number, { id, outcome }: EventOf<'proposal.decided'>): void {
    const proposal = this.#proposal(id);
    if (proposal.outcome !== undefined)
      this.#redecided.note(`entry ${sequence}: proposal ${id} is ${outcome}, and was ${proposal.outcome}`);
    this.#counts.decided += 1;
    proposal.outcome = outcome;
    this.#compareDecision(id);
  }

  #settle(id: string): void {
    const { mark, acceptedMark, end, toldEnd } = this.#task(id);
    if (mark !== undefined && acceptedMark !== undefined && mark !== acceptedMark)
      this.#differently.note(`task ${id} was acknowledged for mark ${acceptedMark} and has mark ${mark}`);
    if (end === undefined || toldEnd === undefined) return;
    if (end !== toldEnd) this.#differently.note(`task ${id} was told ${toldEnd} and is ${end}`);
    if (acceptedMark !== undefined) this.#tasks.delete(id);
  }

  #compareDecision(id: string): void {
    const { outcome, toldOutcome } = this.#proposal(id);
    if (outcome === undefined || toldOutcome === undefined || outcome === toldOutcome) return;
    this.#differently.note(`proposal ${id} was told ${toldOutcome} and is ${outcome}`);
  }

  #task(id: string): TaskAccount {
    const known = this.#tasks.get(id) ?? {};
    this.#tasks.set(id, known);
    return known;
  }

  #proposal(id: string): ProposalAccount {
    const known = this.#proposals.get(id) ?? { isOpened: false, isAcknowledged: false };
    this.#proposals.set(id, known);
    return known;
  }
}

function markIn(payload: unknown): number {
  return Number((payload as { readonly mark?: unknown } | null)?.mark);
}

function endOf(status: TaskOutcome, result: unknown): string {
  return status === 'completed' ? `completed with ${JSON.stringify(result)}` : status;
}
