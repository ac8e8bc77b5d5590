/** SPEC A1–A7. */
import { leading, of, real, simulated, type Behaviour } from './row.ts';

const decisions = 'src/domain/decide-members.ts';
const decided = (...names: readonly string[]) => of('test/unit/decide-members.test.ts', ...names);
const members = (...names: readonly string[]) => of('test/integration/members.test.ts', ...names);

export const agents: readonly Behaviour[] = [
  {
    id: 'A1',
    says: 'bad values are refused, and the field is named',
    file: 'src/sdk/options.ts',
    line: 'fields.push(...renamed);',
    tests: real('bad options to join and connect name the field'),
  },
  {
    id: 'A1',
    says: 'an agent joins with what it says of itself',
    file: decisions,
    line: "context.emit({ type: 'member.joined', id, incarnation, profile });",
    tests: [
      ...decided('makes a member that is alive'),
      ...real('the first agent leads, and its fleet completes a task and decides a proposal'),
    ],
  },
  {
    id: 'A2',
    says: 'an id that a living agent holds is refused, naming the holder',
    file: 'src/runtime/desk.ts',
    line: "else if (outcome.reply.incarnation === incarnation) done('alive');",
    tests: [
      ...simulated('an id that a living agent holds is refused to another'),
      ...members(
        'of two processes that join with one id at once, one holds it and the other is told who does',
      ),
    ],
  },
  {
    id: 'A2',
    says: 'one whose holder is gone is taken over, and what the holder had ends as lost',
    file: decisions,
    line: 'decideDeath(context, member, `replaced by incarnation ${incarnation}`);',
    tests: decided('takes the id of a holder that is gone: its attempts end as lost, in one entry'),
  },
  {
    id: 'A2',
    says: 'a replaced process that wakes up aborts its handlers and ends',
    file: 'actors/agent.ts',
    line: "expelled: { target: 'left', actions: 'abandonWork' },",
    tests: simulated('a process whose id was taken while it slept stops its work and ends'),
  },
  {
    id: 'A3',
    says: 'a leaving agent takes no new task',
    file: decisions,
    line: "if (member.status === 'alive') context.emit({ type: 'member.draining', id });",
    tests: [
      ...simulated('a busy agent that leaves finishes its work and takes no other'),
      ...decided('keeps the work and takes no more, until resumed'),
    ],
  },
  {
    id: 'A3',
    says: 'it hands back what it cannot finish in time, which does not count',
    file: decisions,
    line: 'takeBack(context, task);',
    tests: [
      ...simulated('an agent that cannot finish in time hands its work back'),
      ...decided('hands everything back, which does not count, and is left, not dead'),
    ],
  },
  {
    id: 'A3',
    says: 'the fleet sees it as left, not dead',
    file: decisions,
    line: "context.emit({ type: 'member.left', id: member.id });",
    tests: [
      ...simulated('an idle agent that leaves is gone at once, and is not dead'),
      ...real('a leader that leaves hands over, and its work goes on'),
    ],
  },
  {
    id: 'A4',
    says: 'health and load are the author’s to set; out of range they are clamped and logged',
    file: 'src/domain/share.ts',
    line: 'return Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;',
    instead: 'return value;',
    tests: members('a health or load out of range is clamped and logged, and shows at once'),
  },
  {
    id: 'A4',
    says: 'one that the leader does not know is told to join again',
    file: 'src/runtime/reconcile.ts',
    line: 'tellToRejoin(office, beat);',
    tests: simulated('an agent that was declared dead joins again when it wakes'),
  },
  {
    id: 'A5',
    says: 'who is late is suspect, and alive again when it answers',
    file: 'actors/member.ts',
    line: "answered: 'alive', ",
    tests: simulated('an agent that was silent is suspect, and alive again when it answers'),
  },
  {
    id: 'A5',
    says: 'a suspect is probed until it answers',
    file: 'actors/member.ts',
    line: ", missed: { actions: 'probe' }",
    tests: simulated('a suspect is asked again and again, not once'),
  },
  {
    id: 'A5',
    says: 'silence until the timeout means dead, and the work goes to others',
    file: 'actors/member.ts',
    line: "silent: { actions: 'declareDead' },",
    tests: simulated(
      'what a dead agent had goes to another',
      'a draining agent that dies is dead, and its work goes to another',
    ),
  },
  {
    id: 'A5',
    says: 'who beats and does not answer its inbox is suspect and gets no work',
    file: 'src/runtime/liveness.ts',
    line: 'watched.unansweredSince ??= this.#options.clock.now();',
    instead: 'void 0;',
    tests: [
      ...simulated(
        'an agent that beats and does not answer its inbox is suspect until it does',
        'what a deaf agent was not given goes to another and does not count',
      ),
      ...members('an agent that may not subscribe to its inbox gets no work until it may'),
    ],
  },
  {
    id: 'A6',
    says: 'the leader stretches the interval as the fleet grows, so that heartbeats stay under a cap',
    file: 'src/runtime/orders.ts',
    line: 'this.#intervalMs = intervalFor({ agents, presentMs: this.#intervalMs }, settings);',
    tests: [
      ...simulated(
        'the leader stretches the interval of a fleet that beats too much, and takes nobody for dead',
      ),
      ...leading('the leader stretches the interval so that heartbeats stay under the cap'),
    ],
  },
  {
    id: 'A7',
    says: 'agents are listed and filtered by state and capability',
    file: 'src/runtime/reader.ts',
    line: '.filter(({ member, state }) => isAsked(member, state, query))',
    tests: of('test/unit/reader.test.ts', 'has those in a state, as this process sees it, with a capability'),
  },
  {
    id: 'A7',
    says: 'capabilities, priority, slots and labels change while it runs',
    file: decisions,
    line: "if (!sameProfile(member.profile, profile)) context.emit({ type: 'member.updated', id, profile });",
    tests: [
      ...decided('again, by the same life with another profile, updates it and touches no work'),
      ...simulated(
        'an agent can change what it offers while it runs',
        'a new capability ends a wait and its reason, a lost one begins them',
        'with more slots an agent is given more at once',
      ),
    ],
  },
  {
    id: 'A7',
    says: 'it can be drained and resumed from outside',
    file: decisions,
    line: "if (member.status === 'draining') context.emit({ type: 'member.resumed', id });",
    tests: [
      ...simulated('a drained agent gets no work until it is resumed'),
      ...decided('keeps the work and takes no more, until resumed'),
    ],
  },
  {
    id: 'A7',
    says: 'it can be removed from outside, and its process ends',
    file: decisions,
    line: "if (isPresent(member)) decideDeath(context, member, 'was removed');",
    tests: [
      ...simulated('a removed agent is gone at once, its work goes to another, and its process ends'),
      ...members('an agent that is removed drops its work and ends; a new one of its id is let in'),
    ],
  },
  {
    id: 'A7',
    says: 'who left or died is forgotten after a while',
    file: 'src/domain/decide-time.ts',
    line: "context.emit({ type: 'member.forgotten', id: timer.id });",
    tests: [...simulated('who left or died is forgotten after a while')],
  },
];
