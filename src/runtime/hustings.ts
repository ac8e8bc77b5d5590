/** What candidates say to each other: `conclave.<fleet>.agent.election.<id>`, JSON. Nothing here is binding. */
import type { Candidate } from '../domain/events.ts';
import type { AgentId, Incarnation } from '../domain/ids.ts';
import type { FleetState } from '../domain/state.ts';
import type { Bus, Subscription } from '../ports.ts';
import { contentTypes, encode } from '../wire/codec.ts';
import { doorFor } from '../wire/door.ts';
import { ElectionMessageSchema, type ElectionMessage } from '../wire/messages.ts';
import type { Subjects } from '../wire/subjects.ts';
import { hear } from './hearing.ts';
import type { Rejections } from './rejections.ts';

export interface HustingsOptions {
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly id: AgentId;
  readonly incarnation: Incarnation;
  readonly rejections: Rejections;
  readonly score: () => number;
  readonly onCandidacy: (from: Candidate) => void;
  readonly onAnswer: (from: AgentId) => void;
  readonly onVictory: (term: number) => void;
}

const door = doorFor(ElectionMessageSchema);
const headers = { 'Content-Type': contentTypes.json };

export class Hustings {
  readonly #options: HustingsOptions;
  readonly #subscription: Subscription;
  /** Highest term that anybody spoke of: what names a lower one is late. */
  #term = 0;

  constructor(options: HustingsOptions) {
    this.#options = options;
    this.#subscription = hear(options, 'election', door, (said, from) => {
      this.#heard(said, from);
    });
  }

  announce(term: number): void {
    this.#say({
      kind: 'candidacy',
      incarnation: this.#options.incarnation,
      term,
      score: this.#options.score(),
    });
  }

  answer(to: string, term: number): void {
    this.#say({
      kind: 'answer',
      incarnation: this.#options.incarnation,
      term,
      score: this.#options.score(),
      to,
    });
  }

  claimVictory({ term, fencingToken }: FleetState): void {
    this.#say({ kind: 'victory', incarnation: this.#options.incarnation, term, sequence: fencingToken });
  }

  close(): void {
    this.#subscription.close();
  }

  #say(message: ElectionMessage): void {
    const { bus, subjects, id } = this.#options;
    bus.publish({ subject: subjects.agent('election', id), data: encode(message, 'json'), headers });
  }

  #heard(said: ElectionMessage, from: AgentId): void {
    const { id, onCandidacy, onAnswer, onVictory } = this.#options;
    if (from === id || said.term < this.#term) return;
    this.#term = said.term;
    switch (said.kind) {
      case 'candidacy':
        onCandidacy({ id: from, score: said.score });
        break;
      case 'answer':
        if (said.to === id) onAnswer(from);
        break;
      case 'victory':
        onVictory(said.term);
        break;
    }
  }
}
