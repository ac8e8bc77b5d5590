/**
 * Rules broken on purpose. `make mutants` makes each change in a copy of the repository, runs the tests that are
 * said to guard the rule, and fails if they still pass. A rule of DESIGN §3 without a line here is only hoped for.
 */

export interface Mutant {
  /** Where the rule stands: a rule of DESIGN §3, or another place that a reader can find. */
  readonly rule: string;
  /** What the change makes the program do, as a sentence: "a leader whose append is refused keeps writing". */
  readonly breaks: string;
  readonly file: string;
  /** Must stand exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Test files or folders, as vitest takes them; the narrowest that must notice. */
  readonly tests: readonly string[];
}

const fleets = ['test/simulation/fleet.test.ts', 'test/simulation/seeds.test.ts'];

export const mutants: readonly Mutant[] = [
  {
    rule: '3.1',
    breaks: 'a candidate leads as soon as it has sent its term-start',
    file: 'src/runtime/chair.ts',
    find: 'this.#writer.write(data, slot, (outcome: WriteOutcome) => {',
    replace: `this.#options.replica.receive(slot, data);
    this.#options.ports.clock.setTimeout(() => this.#actor.send({ type: 'append.committed' }), 0);
    this.#writer.write(data, slot, (outcome: WriteOutcome) => {`,
    tests: fleets,
  },
  {
    rule: '3.2',
    breaks: 'a leader whose slot is taken goes on in the next one: compare-and-set becomes a plain append',
    file: 'src/runtime/slot-writer.ts',
    find: "this.#finish(sameBytes(outcome.data, write.data) ? 'committed' : 'foreign');",
    replace: `if (sameBytes(outcome.data, write.data)) this.#finish('committed');
        else {
          this.#write = { ...write, slot: write.slot + 1 };
          this.#send();
        }`,
    tests: fleets,
  },
  {
    rule: '3.3',
    breaks: 'the next append does not wait for the one in flight',
    file: 'src/runtime/committer.ts',
    find: 'if (this.#isInFlight || this.#isStopped) return;',
    replace: 'if (this.#isStopped) return;',
    tests: fleets,
  },
  {
    rule: '3.4',
    breaks: 'a refused append is taken for foreign without reading the slot',
    file: 'src/runtime/slot-writer.ts',
    find: `case 'refused':
        this.#inspect(write);`,
    replace: `case 'refused':
        this.#finish('foreign');`,
    tests: fleets,
  },
  {
    rule: '3.4',
    breaks: 'whatever the slot holds is taken for ours',
    file: 'src/runtime/slot-writer.ts',
    find: "sameBytes(outcome.data, write.data) ? 'committed' : 'foreign'",
    replace: "'committed'",
    tests: fleets,
  },
  {
    rule: '3.5',
    breaks: 'an append without an answer is taken for stored',
    file: 'src/runtime/slot-writer.ts',
    find: `        this.#reopen();
        break;
      default:
        assertNever(outcome);
    }
  }

  /** Rule 4`,
    replace: `        this.#finish('committed');
        break;
      default:
        assertNever(outcome);
    }
  }

  /** Rule 4`,
    tests: fleets,
  },
  {
    rule: '3.5',
    breaks: 'an append without an answer is sent again into the next slot',
    file: 'src/runtime/slot-writer.ts',
    find: `        this.#reopen();
        break;
      default:
        assertNever(outcome);
    }
  }

  /** Rule 4`,
    replace: `        this.#write = { ...write, slot: write.slot + 1 };
        this.#reopen();
        break;
      default:
        assertNever(outcome);
    }
  }

  /** Rule 4`,
    tests: fleets,
  },
  {
    rule: '3.5',
    breaks: 'what could not be resolved is written anew, with whatever has come since, into the same slot',
    file: 'src/runtime/committer.ts',
    find: 'else this.#options.onOutcome(outcome);',
    replace: `else {
        this.#isInFlight = false;
        if (this.#queue.length > 1) next.events.push(...(this.#queue.splice(1, 1)[0]?.events ?? []));
        this.#send();
      }`,
    tests: fleets,
  },
  {
    rule: '3.8',
    breaks: 'a leader that cannot resolve a slot goes on for ever',
    file: 'src/runtime/slot-writer.ts',
    find: "this.#finish('unresolved');",
    replace: '',
    tests: fleets,
  },
  {
    rule: '3.9',
    breaks: 'an agent takes work that is meant for another incarnation',
    file: 'src/runtime/inbox.ts',
    find: 'if (work.to !== incarnation) {',
    replace: 'if (work.to === incarnation && work.to !== incarnation) {',
    tests: fleets,
  },
  {
    rule: '3.10',
    breaks: 'something follows the handover in its term',
    file: 'src/runtime/committer.ts',
    find: 'this.#isFinished = true;',
    replace: '',
    tests: ['test/simulation/handover.test.ts'],
  },
  {
    rule: '3, answers',
    breaks: 'answers leave before their entry is in the ledger',
    file: 'src/runtime/committer.ts',
    find: `if (last === undefined) run();
    else last.waiters.push(run);`,
    replace: 'if (last !== null) run();',
    tests: fleets,
  },
  {
    rule: '3, answers',
    breaks: 'effects leave before their entry is in the ledger',
    file: 'src/runtime/committer.ts',
    find: 'const data = encodeEntry(entry);',
    replace: `const data = encodeEntry(entry);
    this.#options.onCommitted(entry, this.#slot);`,
    tests: fleets,
  },
  {
    rule: '3, answers',
    breaks: 'refusals do not wait for a fresh append: a thawed old leader speaks',
    file: 'src/runtime/committer.ts',
    find: 'if (this.#isFinished) this.afterCommit(run);',
    replace: 'if (run !== null) this.afterCommit(run);',
    tests: fleets,
  },
  {
    rule: '6, effects',
    breaks: 'the stop of an attempt that ran too long strikes the attempt after it',
    file: 'src/runtime/dispatch.ts',
    find: 'if (event.lingers) this.#abortEnded(event.id, event.end);',
    replace: "if (event.lingers) this.#abortCurrent(event.id, 'ran too long');",
    tests: fleets,
  },
  {
    rule: '6, effects',
    breaks: 'effects are sent once, not until answered',
    file: 'src/runtime/dispatch.ts',
    find: 'if (this.#settled(id, box, message, outcome)) {',
    replace: 'if (this.#settled(id, box, message, outcome) || outcome !== null) {',
    tests: fleets,
  },
  {
    rule: '6, an agent',
    breaks: 'a leader that loses most of its members at once declares them dead',
    file: 'src/runtime/liveness.ts',
    find: 'if (this.#isMassDeath(now)) {',
    replace: 'if (this.#isMassDeath(now) && now < 0) {',
    tests: fleets,
  },
  {
    rule: '6, the leader',
    breaks: 'an old leader that has nothing to append never learns that it is one',
    file: 'src/runtime/office.ts',
    find: 'if (beat.term > this.options.author.term) this.verify();',
    replace: '',
    tests: fleets,
  },
  {
    rule: '3.7',
    breaks: 'a keeper shortens a ledger that its snapshots are not of',
    file: 'src/runtime/keeper.ts',
    find: 'if (isOurs) run(bounds);',
    replace: 'if (isOurs || !isOurs) run(bounds);',
    tests: ['test/simulation/snapshots.test.ts'],
  },
  {
    rule: '3.7',
    breaks: 'a replica that was passed by a purge looks for no snapshot',
    file: 'src/runtime/replica.ts',
    find: 'if (sequence > state.sequence + 1) {',
    replace: 'if (sequence < 0) {',
    tests: ['test/simulation/snapshots.test.ts'],
  },
  {
    rule: '4, replies',
    breaks: 'an answer goes wherever the request says',
    file: 'src/runtime/respond.ts',
    find: 'if (subjects.isReply(message.replyTo, from)) return true;',
    replace: 'if (subjects.isReply(message.replyTo, from) || message.subject !== "") return true;',
    tests: ['test/integration/replies.test.ts'],
  },
  {
    rule: '4, terms',
    breaks: 'a client believes a leader of the past',
    file: 'src/sdk/caller.ts',
    find: 'if (term < this.#term && now - this.#termAt < TERM_REMEMBERED_MS) return true;',
    replace: '',
    tests: ['test/simulation/caller.test.ts'],
  },
  {
    rule: '2, imports',
    breaks: 'a domain file may import anything',
    file: 'test/support/tidy.ts',
    find: "'src/domain/': [],",
    replace: "'src/domain/': ['src/', 'node:'],",
    tests: ['test/tidy.test.ts'],
  },
];
