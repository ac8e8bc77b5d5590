/** Rules of what may be said, and when: nothing that is not in the ledger, and no refusal by one that leads no more. */
import { fleet, of, seeds, type Mutant } from './mutant.ts';

export const answers: readonly Mutant[] = [
  {
    rule: '3, answers',
    breaksAlso: [6],
    breaks: 'answers leave before their entry is in the ledger',
    file: 'src/runtime/committer.ts',
    find: `if (last === undefined) run();
    else last.waiters.push(run);`,
    replace: 'if (last !== null) run();',
    tests: seeds,
  },
  {
    rule: '3, answers',
    breaksAlso: [6],
    breaks: 'effects leave before their entry is in the ledger',
    file: 'src/runtime/committer.ts',
    find: 'const data = encodeEntry(entry);',
    replace: `const data = encodeEntry(entry);
    this.#options.onCommitted(entry, this.#slot);`,
    tests: seeds,
  },
  {
    rule: '3, answers',
    breaksAlso: [6],
    breaks: 'refusals do not wait for a fresh append: a thawed old leader speaks',
    file: 'src/runtime/committer.ts',
    find: 'if (this.#isFinished) this.afterCommit(run);',
    replace: 'if (run !== null) this.afterCommit(run);',
    tests: fleet('a frozen leader is replaced, finds that out when it thaws, and can lead again'),
  },
  {
    rule: '3, answers',
    breaksAlso: [6],
    breaks: 'a read is answered before what it shows is in the ledger',
    file: 'src/runtime/reception.ts',
    find: `this.#wait(message.data.length + encoded.data.length, isConsistent, () => {
      send(message, encoded, voice());
    });`,
    replace: `const say = () => {
      send(message, encoded, voice());
    };
    if (isConsistent) this.#wait(message.data.length + encoded.data.length, true, say);
    else say();`,
    tests: of('simulation/committer', 'a read shows nothing that is not in the ledger'),
  },
  {
    rule: '3, answers',
    breaksAlso: [18],
    breaks: 'a consistent read is answered without an append that proves the leader still leads',
    file: 'src/runtime/reception.ts',
    find: 'this.#wait(message.data.length + encoded.data.length, isConsistent, () => {',
    replace: 'this.#wait(message.data.length + encoded.data.length, false, () => {',
    tests: of(
      'integration/replies',
      'every answer says its term and sequence; a barrier comes after a fresh append',
    ),
  },
  {
    rule: '3, answers',
    breaksAlso: [18],
    breaks: 'an answer does not say how recent it is',
    file: 'src/runtime/respond.ts',
    find: 'return { [answerHeaders.term]: String(term), [answerHeaders.sequence]: String(sequence) };',
    replace: 'return { [answerHeaders.term]: String(term), [answerHeaders.sequence]: String(sequence * 0) };',
    tests: of(
      'simulation/caller',
      'an answer says in which term it was given, and up to which sequence it can be seen',
    ),
  },
  {
    rule: '3, answers',
    breaksAlso: [8],
    breaks: 'anybody may report an attempt',
    file: 'src/domain/decide-tasks.ts',
    find: "if (attempt.agent !== from.agent || attempt.incarnation !== from.incarnation) return 'stale';",
    replace: '',
    tests: of('unit/decide-reports', '%s: stale'),
  },
];
