/**
 * An agent's ear for its leader: opened before anybody may probe it, and answered at once, by whoever leads or not. It
 * drops work that is late or meant for another process of this id; what is to be done with the rest is not its matter.
 */
import type { AgentId, Incarnation } from '../domain/ids.ts';
import type { Bus, Incoming, Subscription } from '../ports.ts';
import { DEPTH_FORWARDED_MAX } from '../wire/codec.ts';
import { doorFor } from '../wire/door.ts';
import { InboxSchema, type InboxReply, type WorkMessage } from '../wire/messages.ts';
import type { Subjects } from '../wire/subjects.ts';
import type { Log } from './log.ts';
import type { Rejections } from './rejections.ts';
import { answer, mayAnswer } from './respond.ts';

export interface InboxOptions {
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly id: AgentId;
  readonly incarnation: Incarnation;
  readonly rejections: Rejections;
  readonly log: Log;
  readonly standing: () => Pick<InboxReply, 'isLeading' | 'sequence'>;
  /** Highest term that this process has heard of. */
  readonly term: () => number;
  readonly onTerm: (term: number) => void;
  /** A leader of a higher term than any before it has spoken: whoever was asked before will not answer. */
  readonly onNewLeader: () => void;
  /** For this process, and of the latest term. */
  readonly onWork: (work: WorkMessage) => void;
}

// What the leader forwards stands deeper in its message than it stood in the sender's.
const door = doorFor(InboxSchema, DEPTH_FORWARDED_MAX);

export class Inbox {
  readonly #options: InboxOptions;
  #subscription: Subscription | null = null;
  /** Highest term whose leader has spoken to us. */
  #servedTerm = 0;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** Answers probes from now on. */
  open(): void {
    const { bus, subjects, id } = this.#options;
    this.#subscription ??= bus.subscribe(subjects.inbox(id), (message) => {
      this.#receive(message);
    });
  }

  close(): void {
    this.#subscription?.close();
    this.#subscription = null;
  }

  #receive(message: Incoming): void {
    const { rejections, incarnation, standing, term, onNewLeader } = this.#options;
    if (!mayAnswer(message, null, this.#options)) return;
    const admitted = door.admit(message.data, message.headers);
    if (admitted.kind === 'bad') {
      rejections.count(message.subject, admitted.problem);
      return;
    }
    const { value } = admitted;
    if (value.term > this.#servedTerm) {
      this.#servedTerm = value.term;
      onNewLeader();
    }
    if (value.kind === 'work' && !this.#accept(value)) return;
    const { isLeading, sequence } = standing();
    const voice = { term: term(), sequence };
    answer(message, { incarnation, isLeading, ...voice } satisfies InboxReply, voice);
  }

  /** False when it is meant for another process, which is to answer. */
  #accept(work: WorkMessage): boolean {
    const { incarnation, term, onTerm, onWork, log } = this.#options;
    if (work.term < term()) return true;
    // First: who does not know us tells us nothing of terms.
    if (work.to !== incarnation) {
      log.debug({ to: work.to }, 'work for another incarnation');
      return false;
    }
    onTerm(work.term);
    onWork(work);
    return true;
  }
}
