/** Rules of writing to the ledger: who may, what, where, and what may be said before it is known to be there. */
import { fleet, of, onTheWallClock, seeds, type Mutant } from './mutant.ts';

/** Where an append has not been answered. */
const noAnswer = `        this.#reopen();
        break;
      default:
        assertNever(outcome);
    }
  }

  /** Rule 4`;
const unanswered = fleet(
  'a leader whose appends are not answered resigns, and what lands later changes nothing',
);

const unfit = of(
  'simulation/unfit',
  'who leads and is cut off says soon that it does not lead, and leads no more when an append would be given up',
);

export const writing: readonly Mutant[] = [
  {
    rule: '3.1',
    breaksAlso: [1, 2],
    breaks: 'a candidate leads as soon as it has sent its term-start',
    file: 'src/runtime/chair.ts',
    find: 'this.#writer.write(data, slot, (outcome: WriteOutcome) => {',
    replace: `this.#options.replica.receive(slot, data);
    this.#options.ports.clock.setTimeout(() => this.#actor.send({ type: 'append.committed' }), 0);
    this.#writer.write(data, slot, (outcome: WriteOutcome) => {`,
    tests: seeds,
  },
  {
    rule: '3.1',
    breaksAlso: [2],
    breaks: 'a claim is written behind entries that were not read',
    file: 'src/runtime/chair.ts',
    find: "else if (state.sequence >= last) this.#actor.send({ type: 'caughtUp' });",
    replace: "else if (last >= 0) this.#actor.send({ type: 'caughtUp' });",
    tests: of('simulation/claims', 'a claim that is behind reads what it has missed, and wins'),
  },
  {
    rule: '3.1',
    breaksAlso: [1, 2],
    breaks: 'whoever reads its own id in a term-start leads, acknowledged or not',
    file: 'src/runtime/chair.ts',
    find: `    this.#options.replica.pause();
    const slot = state.sequence + 1;`,
    replace: `    const { term } = state;
    const read = (): void => {
      if (state.term > term && state.leader?.id === id) {
        this.#writer.abandon();
        this.#actor.send({ type: 'append.committed' });
      } else if (this.isClaiming) ports.clock.setTimeout(read, 10);
    };
    ports.clock.setTimeout(read, 10);
    const slot = state.sequence + 1;`,
    tests: of(
      'simulation/claims',
      'whoever reads its own id in a term-start that another process wrote does not lead that term',
    ),
  },
  {
    rule: '3.1',
    breaks: 'the term goes up by two',
    file: 'src/runtime/chair.ts',
    find: 'term: state.term + 1,',
    replace: 'term: state.term + 2,',
    tests: fleet('a trigger raises the term by one, and the best leads again'),
  },
  {
    rule: '3.1',
    breaks: 'the fencing token is the number of the term, and not the sequence of its start',
    file: 'src/domain/apply.ts',
    find: 'state.fencingToken = state.sequence;',
    replace: 'state.fencingToken = state.term;',
    tests: of('unit/apply', 'names its leader, its token, and how the one before ended'),
  },
  {
    rule: '3.1',
    breaks: 'who is no member, or drains, stands while somebody leads',
    file: 'src/runtime/candidacy.ts',
    find: "return !isLeaderAlive || (this.#isMember() && state().members.get(id)?.status === 'alive');",
    replace: "return !isLeaderAlive || id !== '';",
    tests: of('unit/candidacy', 'who is no member, or drains, stands only while nobody leads'),
  },
  {
    rule: '3.1',
    breaks: 'a term-start does not say who stood',
    file: 'src/runtime/chair.ts',
    find: 'candidates: claim.candidates,',
    replace: 'candidates: [],',
    tests: of(
      'simulation/elections',
      'everybody can know who leads, since when, in which term, who stood, and how many elections there were',
    ),
  },
  {
    rule: '3.1',
    breaks: 'a term-start does not say what it was for',
    file: 'src/runtime/chair.ts',
    find: 'cause: state.handover === null ? claim.cause : causeOf(state.handover),',
    replace: "cause: 'start',",
    tests: of(
      'simulation/elections',
      'everybody can know who leads, since when, in which term, who stood, and how many elections there were',
    ),
  },
  {
    rule: '3.1',
    breaks: 'a term-start does not say how long it took',
    file: 'src/runtime/chair.ts',
    find: 'durationMs: Math.round(ports.clock.now() - claim.since),',
    replace: 'durationMs: 0,',
    tests: of(
      'simulation/elections',
      'everybody can know who leads, since when, in which term, who stood, and how many elections there were',
    ),
  },
  {
    rule: '3.2',
    breaksAlso: [3],
    breaks: 'a leader whose slot is taken goes on in the next one: compare-and-set becomes a plain append',
    file: 'src/runtime/slot-writer.ts',
    find: "this.#finish(sameBytes(outcome.data, write.data) ? 'committed' : 'foreign');",
    replace: `if (sameBytes(outcome.data, write.data)) this.#finish('committed');
        else {
          this.#write = { ...write, slot: write.slot + 1 };
          this.#send();
        }`,
    tests: seeds,
  },
  {
    rule: '3.2',
    breaksAlso: [3],
    breaks: 'an append does not say which sequence it expects',
    file: 'src/nats/ledger-connection.ts',
    find: "headers: { 'Nats-Expected-Last-Sequence': String(entry.expectedLast) },",
    replace: 'headers: {},',
    tests: of('conformance/nats', 'lets exactly one of two connections have a slot, fifty times'),
  },
  {
    rule: '3.3',
    breaks: 'the next append does not wait for the one in flight',
    file: 'src/runtime/committer.ts',
    find: 'if (this.#isInFlight || this.#isStopped) return;',
    replace: 'if (this.#isStopped) return;',
    tests: seeds,
  },
  {
    rule: '3.3',
    breaks: 'the events of one decision are in entries of their own',
    file: 'src/runtime/committer.ts',
    find: `const entry = this.#openEntry() ?? this.#open();
    apply(`,
    replace: `const entry = this.#open();
    apply(`,
    tests: of('simulation/committer', 'what one decision does stands in one entry'),
  },
  {
    rule: '3.3',
    breaks: 'an entry takes whatever comes while it waits',
    file: 'src/runtime/committer.ts',
    find: 'if (size > entryBytesMax || entry.events.length >= entryEventsMax) this.#open();',
    replace: '',
    tests: of('simulation/committer', 'an entry is bounded by its bytes and by its events'),
  },
  {
    rule: '3.4',
    breaksAlso: [4],
    breaks: 'a refused append is taken for foreign without reading the slot',
    file: 'src/runtime/slot-writer.ts',
    find: `case 'refused':
        this.#inspect(write);`,
    replace: `case 'refused':
        this.#finish('foreign');`,
    tests: fleet('a leader whose append is stored and not acknowledged leads on'),
  },
  {
    rule: '3.4',
    breaksAlso: [4],
    breaks: 'whatever the slot holds is taken for ours',
    file: 'src/runtime/slot-writer.ts',
    find: "sameBytes(outcome.data, write.data) ? 'committed' : 'foreign'",
    replace: "'committed'",
    tests: of(
      'simulation/slot-writer',
      'a slot that holds other bytes is foreign, also when they are as long',
    ),
  },
  {
    rule: '3.4',
    breaksAlso: [4],
    breaks: 'a slot that was purged is taken for ours',
    file: 'src/runtime/slot-writer.ts',
    find: `case 'compacted':
        this.#finish('foreign');`,
    replace: `case 'compacted':
        this.#finish('committed');`,
    tests: of('simulation/slot-writer', 'a slot below what the stream still has is foreign'),
  },
  {
    rule: '3.4',
    breaks: 'a slot is read from whichever copy is at hand, which may not have it yet',
    file: 'src/nats/ledger-connection.ts',
    find: 'verb: `STREAM.MSG.GET.${this.#stream}`',
    replace: 'verb: `DIRECT.GET.${this.#stream}`',
    tests: of('conformance/nats', 'tells a slot that is not there yet from one that is there no more'),
  },
  {
    rule: '3.4',
    breaks: 'the ledger is created so that any of its copies answers reads',
    file: 'src/nats/stream-config.ts',
    find: 'allow_direct: false,',
    replace: 'allow_direct: true,',
    tests: of('conformance/nats-stream', 'is created as the ledger needs it, and accepted the next time'),
  },
  {
    rule: '3.4',
    breaks: 'a leader whose slot is foreign keeps what it had made up',
    file: 'src/runtime/chair.ts',
    find: 'else this.#options.replica.restart();',
    replace: 'else this.#options.replica.follow();',
    tests: fleet('a frozen leader is replaced, finds that out when it thaws, and can lead again'),
  },
  {
    rule: '3.4',
    breaks: 'an append carries a message id, which the broker looks at before the expected sequence',
    file: 'src/nats/ledger-connection.ts',
    find: "headers: { 'Nats-Expected-Last-Sequence': String(entry.expectedLast) },",
    replace:
      "headers: { 'Nats-Expected-Last-Sequence': String(entry.expectedLast), 'Nats-Msg-Id': String(entry.expectedLast) },",
    tests: of(
      'conformance/nats-stream',
      'gets appends that name the sequence they expect, and no message id',
    ),
  },
  {
    rule: '3.5',
    breaksAlso: [5],
    breaks: 'an append without an answer is taken for stored',
    file: 'src/runtime/slot-writer.ts',
    find: noAnswer,
    replace: noAnswer.replace(
      '        this.#reopen();\n',
      `        this.#finish('committed');
`,
    ),
    tests: unanswered,
  },
  {
    rule: '3.5',
    breaksAlso: [5],
    breaks: 'an append without an answer is sent again into the next slot',
    file: 'src/runtime/slot-writer.ts',
    find: noAnswer,
    replace: noAnswer.replace(
      '        this.#reopen();\n',
      `        this.#write = { ...write, slot: write.slot + 1 };
        this.#reopen();
`,
    ),
    tests: unanswered,
  },
  {
    rule: '3.5',
    breaksAlso: [5],
    breaks: 'what could not be resolved is written anew, with whatever has come since, into the same slot',
    file: 'src/runtime/committer.ts',
    find: 'else this.#options.onOutcome(outcome);',
    replace: `else {
        this.#isInFlight = false;
        if (this.#queue.length > 1) next.events.push(...(this.#queue.splice(1, 1)[0]?.events ?? []));
        this.#send();
      }`,
    tests: fleet('a frozen leader is replaced, finds that out when it thaws, and can lead again'),
  },
  {
    rule: '3.5',
    breaksAlso: [5],
    breaks: 'an answer that proves nothing counts as "not stored"',
    file: 'src/nats/ledger-connection.ts',
    find: `: { kind: 'unknown', reason: answer.reason };
      case 'answer'`,
    replace: `: { kind: 'notStored' };
      case 'answer'`,
    tests: of(
      'conformance/nats-faults',
      'does not know, when the broker says something else than yes or wrong sequence',
    ),
  },
  {
    rule: '3.8',
    breaksAlso: [16],
    breaks: 'an append without an answer is sent again over the same connection',
    file: 'src/runtime/slot-writer.ts',
    find: noAnswer,
    replace: noAnswer.replace('this.#reopen();', 'this.#later(write);'),
    tests: of('simulation/slot-writer', 'an append without an answer goes on over a fresh connection'),
  },
  {
    rule: '3.8',
    breaksAlso: [9],
    breaks: 'how long nothing could be appended is measured by the wall clock',
    file: 'src/runtime/slot-writer.ts',
    find: `this.#options = options;
    this.#disconnectedSince = options.`,
    replace: `this.#options = ${onTheWallClock};
    this.#disconnectedSince = this.#options.`,
    tests: of('simulation/slot-writer', 'how long there has been no connection is measured by no wall clock'),
  },
  {
    rule: '3.8',
    breaksAlso: [9],
    breaks: 'every deadline of a process is measured by its wall clock',
    file: 'src/nats/clock.ts',
    find: 'now: () => performance.now(),',
    replace: 'now: () => Date.now(),',
    tests: of('unit/clock', 'of a process goes on when the wall clock is set %s by an hour'),
  },
  {
    rule: '3.8',
    breaksAlso: [16],
    breaks: 'a leader that cannot resolve a slot goes on for ever',
    file: 'src/runtime/slot-writer.ts',
    find: "this.#finish('unresolved');",
    replace: '',
    tests: of('simulation/slot-writer', 'what cannot be known in time is unresolved'),
  },
  {
    rule: '3.8',
    breaksAlso: [16],
    breaks:
      "the ledger's connection reconnects by itself, and what was written before lands behind what came since",
    file: 'src/nats/ledger.ts',
    find: 'const nc = await connectNats(address, false);',
    replace: 'const nc = await connectNats(address, true);',
    tests: of(
      'integration/brought-connections',
      'every connection is opened by the caller, as one that does not reconnect where it must not, and closed',
    ),
  },
  {
    rule: '3.8',
    breaksAlso: [16],
    breaks: 'nobody pings: a link that is silently dead is found out by nobody',
    file: 'src/nats/connection.ts',
    find: 'const pingIntervalMs = 1_000;',
    replace: 'const pingIntervalMs = 120_000;',
    tests: of(
      'integration/brought-connections',
      'every connection is opened by the caller, as one that does not reconnect where it must not, and closed',
    ),
  },
  {
    rule: '3.8',
    breaksAlso: [16],
    breaks: 'a leader that has nothing to append, and no connection to append on, leads on',
    file: 'src/runtime/office.ts',
    find: "if (!this.#isClosed && writer.disconnectedMs() > writer.patienceMs) onOver('unresolved');",
    replace: "if (writer.disconnectedMs() < 0) onOver('unresolved');",
    tests: unfit,
  },
  {
    rule: '3.8',
    breaksAlso: [17],
    breaks:
      "with three copies an append may wait no longer than with one: a fail-over of the broker's ends the term",
    file: 'src/runtime/slot-writer.ts',
    find: 'return this.#replicas > 1 ? settings.appendResignReplicatedMs : settings.appendResignMs;',
    replace: 'return settings.appendResignMs;',
    tests: of(
      'simulation/slot-writer',
      'with several copies of the stream an append may wait for as long as their fail-over takes',
    ),
  },
  {
    rule: '3.8',
    breaks: 'who leads and has no connection to append on says that it leads',
    file: 'src/runtime/chair.ts',
    find: '!this.#office.isResigning && this.#writer.disconnectedMs() < UNFIT_MS;',
    replace: '!this.#office.isResigning;',
    tests: unfit,
  },
  {
    rule: '3.9',
    breaksAlso: [7],
    breaks: 'while the connection is down, what is published is kept by the library and sent later',
    file: 'src/nats/bus.ts',
    find: 'if (!this.isOnline || !this.#outbound.hasRoom) return false;',
    replace: 'if (!this.#outbound.hasRoom) return false;',
    tests: of('conformance/nats', 'refuses while offline, and what it refused is never sent'),
  },
  {
    rule: '3.9',
    breaksAlso: [7],
    breaks: 'an agent takes work that is meant for another incarnation',
    file: 'src/runtime/inbox.ts',
    find: 'if (work.to !== incarnation) {',
    replace: 'if (work.to === incarnation && work.to !== incarnation) {',
    tests: fleet('a process whose id was taken while it slept stops its work and ends'),
  },
  {
    rule: '3.9',
    breaksAlso: [7],
    breaks: 'an agent takes work of a leader whose term is over',
    file: 'src/runtime/inbox.ts',
    find: 'if (work.term < term()) return true;',
    replace: '',
    tests: of('simulation/late', 'work of a term that is over is answered, and not done'),
  },
  {
    rule: '3.9',
    breaksAlso: [7],
    breaks: 'orders of a leader of the past send agents to sleep',
    file: 'src/runtime/order-watch.ts',
    find: 'if (orders.term < term() || this.#isOutdone(orders)) return;',
    replace: '',
    tests: of('simulation/late', 'orders of a term that is over are not heeded'),
  },
  {
    rule: '3.10',
    breaks: 'something follows the handover in its term',
    file: 'src/runtime/committer.ts',
    find: 'this.#isFinished = true;',
    replace: '',
    tests: of(
      'simulation/handover',
      'nothing is appended in a term after its handover, whatever is asked while it is under way',
    ),
  },
  {
    rule: '3.10',
    breaks: 'a leader that gave way stands at once against those to whom it gave it',
    file: 'src/runtime/candidacy.ts',
    find: "return shouldNot || members.get(id)?.status === 'draining';",
    replace: 'return false;',
    tests: of('unit/candidacy', 'who handed over because another should lead lets the others go first'),
  },
  {
    rule: '3.10',
    breaks: 'a leader that gave way never stands again, though nobody else claims',
    file: 'src/runtime/candidacy.ts',
    find: 'const patience = this.#isReluctant() ? settings.handoverPatienceMs : 0;',
    replace: 'const patience = this.#isReluctant() ? 1e9 : 0;',
    tests: fleet('a leader that loses most of its members at once hands over, once'),
  },
  {
    rule: '3.10',
    breaks: 'a better one that joins later deposes a healthy leader, though nobody asked for that',
    file: 'src/domain/preemption.ts',
    find: 'const isOutscored = preemptMargin > 0 && best !== null && best - own > preemptMargin;',
    replace: 'const isOutscored = best !== null && best - own > preemptMargin;',
    tests: of('unit/preemption', 'by default it never does'),
  },
];
