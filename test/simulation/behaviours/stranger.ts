/** A process that speaks the wire by hand: it says and leaves out what no agent of ours would. */
import type { AgentId } from '../../../src/domain/ids.ts';
import type { Bus, Incoming } from '../../../src/ports.ts';
import { decode, encode } from '../../../src/wire/codec.ts';
import type { ElectionMessage } from '../../../src/wire/messages.ts';
import { subjectsOf } from '../../../src/wire/subjects.ts';
import type { Stage } from './stage.ts';

const headers = { 'Content-Type': 'application/json' };

export class Stranger {
  readonly id: AgentId;
  readonly bus: Bus;
  /** What others say in elections. */
  readonly heard: { readonly from: string; readonly said: ElectionMessage }[] = [];
  readonly #subjects;

  constructor(stage: Stage, id: string) {
    this.id = id as AgentId;
    this.#subjects = subjectsOf(stage.fleet.name);
    this.bus = stage.world.host(id).ports(stage.fleet.name).bus;
  }

  listen(answer: (from: string, said: ElectionMessage) => void = () => undefined): void {
    this.bus.subscribe(this.#subjects.agent('election', '*'), (message) => {
      const from = this.#subjects.senderOf(message.subject) ?? '';
      if (from === this.id) return;
      const said = decode(message.data, message.headers) as ElectionMessage;
      this.heard.push({ from, said });
      answer(from, said);
    });
  }

  /** Says that it stands, with the best score of all. */
  stand(term = 0): void {
    this.#say({ kind: 'candidacy', incarnation: this.id, term, score: 1_000 });
  }

  answer(to: string, term = 0): void {
    this.#say({ kind: 'answer', incarnation: this.id, term, score: 1_000, to });
  }

  /** Becomes a member that answers its inbox as `serve` says, and never beats. */
  join(serve: (message: Incoming) => void): void {
    this.bus.subscribe(this.#subjects.inbox(this.id), serve);
    const profile = { capabilities: [], priority: 0, slots: 1, electable: false, labels: {}, handles: [] };
    const data = encode({ kind: 'join', incarnation: this.id, profile }, 'json');
    this.bus.request(
      { subject: this.#subjects.agent('join', this.id), data, headers, timeoutMs: 1_000 },
      () => undefined,
    );
  }

  reply(message: Incoming): void {
    const reply = { incarnation: this.id, isLeading: false, term: 0, sequence: 0 };
    message.respond(encode(reply, 'json'), headers);
  }

  #say(message: ElectionMessage): void {
    this.bus.publish({
      subject: this.#subjects.agent('election', this.id),
      data: encode(message, 'json'),
      headers,
    });
  }
}
