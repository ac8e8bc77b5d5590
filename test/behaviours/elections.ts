/** SPEC E1–E7. */
import { leading, of, real, simulated, type Behaviour } from './row.ts';

const score = 'src/domain/score.ts';
const watch = 'src/runtime/leader-watch.ts';
const overHttp = (...names: readonly string[]) => of('test/http/election.test.ts', ...names);
const faults = (...names: readonly string[]) => of('test/integration/faults.test.ts', ...names);

export const elections: readonly Behaviour[] = [
  {
    id: 'E1',
    says: 'the highest score leads: priority + health − load',
    file: score,
    line: 'of.priority + ',
    tests: [
      ...simulated('the best score leads, and nobody disturbs it'),
      ...leading('an election goes to the highest score: priority, health and load count'),
    ],
  },
  {
    id: 'E1',
    says: 'health raises it, load lowers it',
    file: score,
    line: '+ of.health - of.load;',
    instead: ';',
    tests: [
      ...of(
        'test/simulation/elections.test.ts',
        'health counts: the leader that feels ill loses the next election',
        'load counts: a leader with all its slots used loses the next election',
      ),
      ...leading('an election goes to the highest score: priority, health and load count'),
    ],
  },
  {
    id: 'E1',
    says: 'equal scores: the smallest id',
    file: score,
    line: 'return a.score === b.score ? a.id < b.id : a.score > b.score;',
    instead: 'return a.score === b.score ? a.id > b.id : a.score > b.score;',
    tests: [
      ...simulated('among equal scores the smallest id leads'),
      ...of('test/unit/score.test.ts', 'puts the highest score first, and the smallest id among equals'),
    ],
  },
  {
    id: 'E2',
    says: 'a candidate that hears a better one stand waits for it; only better ones answer',
    file: 'actors/election.ts',
    line: "{ guard: 'isBetterAndNotIgnored', target: 'deferring', actions: 'noteDeferral' },",
    tests: simulated('a better one that stands and does not claim is ignored, and not told to wait'),
  },
  {
    id: 'E2',
    says: 'one that answered and does not claim in time is ignored',
    file: 'actors/election.ts',
    line: "after: { claimWindow: { target: 'campaigning', actions: 'ignoreDeferredTo' } },",
    tests: simulated('a better one that answers and does not claim is ignored'),
  },
  {
    id: 'E2',
    says: 'a claim counts only when the ledger accepts it',
    file: 'src/runtime/slot-writer.ts',
    line: "this.#finish(sameBytes(outcome.data, write.data) ? 'committed' : 'foreign');",
    instead: "this.#finish('committed');",
    tests: simulated('who claims too late gives way, and can claim again'),
  },
  {
    id: 'E3',
    says: 'no agents: no leader, and the status says so',
    file: 'src/runtime/views.ts',
    line: 'leader: of.hasLeader ? (state.leader?.id ?? null) : null,',
    instead: "leader: state.leader?.id ?? 'nobody',",
    tests: overHttp('a fleet that nobody has led has no leader, and says so'),
  },
  {
    id: 'E4',
    says: 'the death of the leader is noticed through the broker, and another leads',
    file: watch,
    line: `case 'noResponders':
        this.#missing('leader.gone');`,
    instead: "case 'noResponders':",
    tests: simulated(
      'a killed leader is followed by the best, who knows that it is the best and claims at once',
    ),
  },
  {
    id: 'E4',
    says: 'a frozen one is noticed by timeout',
    file: watch,
    line: "if (clock.now() - this.#aliveAt >= settings.leaderSilenceMs) this.#missing('leader.silent');",
    tests: [
      ...simulated('a frozen leader is replaced, finds that out when it thaws, and can lead again'),
      ...faults('a leader that is frozen until another leads stops nothing when it thaws'),
    ],
  },
  {
    id: 'E5',
    says: 'a trigger starts an election, and the term grows by one whoever wins',
    file: 'src/runtime/api.ts',
    line: "office.resign('trigger');",
    tests: [
      ...simulated('a trigger raises the term by one, and the best leads again'),
      ...real('an election can be asked for, and raises the term whoever wins'),
      ...overHttp('each trigger raises the term, whoever wins'),
    ],
  },
  {
    id: 'E6',
    says: 'a better agent that joins later does not depose a healthy leader',
    file: 'src/domain/preemption.ts',
    line: 'const isOutscored = preemptMargin > 0 && best !== null && best - own > preemptMargin;',
    instead: 'const isOutscored = best !== null && best - own > 0;',
    tests: [
      ...of('test/unit/preemption.test.ts', 'by default it never does'),
      ...simulated('a better one that joins later does not depose a healthy leader'),
    ],
  },
  {
    id: 'E6',
    says: 'with a margin and a minimum tenure it is given the lead',
    file: 'src/domain/preemption.ts',
    line: 'const outscored = isOutscored ? reign.outscored + 1 : 0;',
    instead: 'const outscored = 0;',
    tests: [
      ...simulated(
        'a leader that is told to gives way to a much better one, once, and not before its tenure is over',
      ),
      ...leading('with a margin and a tenure it is given the lead, once'),
    ],
  },
  {
    id: 'E7',
    says: 'anyone may ask for the leader, the term, since when, candidates with scores, counts and durations',
    file: 'src/runtime/views.ts',
    line: 'candidates: lastElection?.candidates ?? [],',
    instead: 'candidates: [],',
    tests: overHttp(
      'afterwards the status of the election tells of it, with the candidates and their scores',
    ),
  },
];
