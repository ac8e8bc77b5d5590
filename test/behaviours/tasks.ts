/** SPEC T1–T12. */
import { leading, of, real, simulated, type Behaviour } from './row.ts';

const decisions = 'src/domain/decide-tasks.ts';
const decided = (...names: readonly string[]) => of('test/unit/decide-tasks.test.ts', ...names);
const reported = (...names: readonly string[]) => of('test/unit/decide-reports.test.ts', ...names);
const overHttp = (...names: readonly string[]) => of('test/http/tasks.test.ts', ...names);

export const tasks: readonly Behaviour[] = [
  {
    id: 'T1',
    says: 'what is not given has its default',
    file: decisions,
    line: 'maxRetries: request.maxRetries ?? settings.maxRetries,',
    tests: [
      ...decided('keeps what was asked and fills in what was not'),
      ...overHttp('a task with nothing but its type is created with the defaults'),
    ],
  },
  {
    id: 'T1',
    says: 'bad input is refused with every bad field, and nothing is stored',
    file: 'src/wire/door.ts',
    line: 'return [...fields.values()].slice(0, PROBLEMS_MAX);',
    instead: 'return [...fields.values()].slice(0, 1);',
    tests: [
      ...real('a submit is all or nothing, and names every bad field'),
      ...overHttp('an invalid task is refused with every bad field, by its own name, and nothing is stored'),
    ],
  },
  {
    id: 'T1',
    says: 'an over-large payload is refused with the limit',
    file: 'src/runtime/submission.ts',
    line: 'if (size > payloadBytesMax) return tooLarge(`the payload of task ${i}`, payloadBytesMax, size).problem;',
    tests: of(
      'test/integration/tasks.test.ts',
      'a payload that is too large is refused with the limit, before sending where NATS could not carry it',
    ),
  },
  {
    id: 'T1',
    says: 'ids are unique, and sort by time',
    file: 'src/domain/apply-task.ts',
    line: 'state.tasksCreated += 1;',
    tests: [
      ...decided('gives every task another id, also within a millisecond'),
      ...overHttp('every task has an id of its own'),
    ],
  },
  {
    id: 'T1',
    says: 'a submit is answered only once the ledger has it',
    file: 'src/runtime/reception.ts',
    line: 'else committer.afterCommit(ready);',
    instead: 'else ready();',
    tests: of(
      'test/integration/faults.test.ts',
      'a leader that is killed when its append is at "%s" loses no acknowledged task',
    ),
  },
  {
    id: 'T2',
    says: 'the same idempotency key returns the first task',
    file: decisions,
    line: 'if (known !== undefined) return known;',
    tests: [
      ...decided('used again returns the first task, whatever the request is called'),
      ...real('an idempotency key stands for one task'),
    ],
  },
  {
    id: 'T2',
    says: 'with another body it is refused',
    file: decisions,
    line: "return refused('CONFLICT', `idempotency key ${key ?? ''} was used before with another body`);",
    tests: [
      ...decided('used again with another body is refused, and nothing of the batch is stored'),
      ...real('an idempotency key stands for one task'),
    ],
  },
  {
    id: 'T2',
    says: 'keys live for their window, whether or not the task is still kept',
    file: 'src/domain/request-keys.ts',
    line: 'const windowMs = request.isIdempotency === true ? settings.idempotencyWindowMs : settings.requestWindowMs;',
    instead: 'const windowMs = 1;',
    tests: [
      ...decided('lives for its window, however the task ended'),
      ...of('test/unit/retention.test.ts', 'the idempotency key and the request key answer with its id'),
    ],
  },
  {
    id: 'T2',
    says: 'when their store is full, submits are refused; nothing is evicted',
    file: 'src/domain/request-keys.ts',
    line: 'return isOver ? `the fleet remembers ${requestKeysMax} request keys` : null;',
    instead: 'return null;',
    tests: decided('%s: no more than the fleet keeps'),
  },
  {
    id: 'T2',
    says: 'a batch is all or nothing',
    file: decisions,
    line: 'const ids = request.tasks.map((task) => submitOne(context, task));',
    instead: 'const ids = request.tasks.slice(1).map((task) => submitOne(context, task));',
    tests: [
      ...decided('makes a task of every request, in their order, in one entry'),
      ...overHttp('many tasks are submitted at once, all or none'),
    ],
  },
  {
    id: 'T3',
    says: 'only agents that handle the type and have the capabilities',
    file: 'src/domain/ability.ts',
    line: 'return canHandle(ability, requirement.type) && missingOf(ability, requirement).length === 0;',
    instead: 'return canHandle(ability, requirement.type);',
    tests: [
      ...of('test/unit/placement.test.ts', 'an agent that has all required capabilities'),
      ...real('tasks go to agents with the capabilities, and others are not held up'),
    ],
  },
  {
    id: 'T3',
    says: 'only agents with a free slot',
    file: 'src/domain/placement.ts',
    line: 'used >= member.profile.slots',
    instead: 'false',
    tests: [...of('test/unit/placement.test.ts', 'nobody who is draining, suspect, dead or full')],
  },
  {
    id: 'T3',
    says: 'least load first',
    file: 'src/domain/placement.ts',
    line: 'if (a.load !== b.load) return a.load < b.load;',
    tests: of('test/unit/placement.test.ts', 'the agent whose author says it has less to do'),
  },
  {
    id: 'T3',
    says: 'ties are spread evenly',
    file: 'src/domain/placement.ts',
    line: 'this.#turns.set(room.key, this.#turn);',
    tests: of(
      'test/unit/placement.test.ts',
      'equal agents take turns also when each task ends before the next one comes',
    ),
  },
  {
    id: 'T3',
    says: 'tasks go by priority, then age',
    file: 'src/domain/waiting.ts',
    line: 'return a.spec.priority === b.spec.priority ? a.ordinal < b.ordinal : a.spec.priority > b.spec.priority;',
    instead: 'return a.ordinal < b.ordinal;',
    tests: [
      ...of('test/unit/placement.test.ts', 'by priority, then age'),
      ...real('higher priority goes first, then age'),
    ],
  },
  {
    id: 'T4',
    says: 'the lifecycle is that of the chart, and every step is in the ledger',
    file: 'src/domain/apply-task.ts',
    line: 'task.status = status;',
    tests: [
      ...simulated('a task is assigned, runs, and completes'),
      ...overHttp('one task can be looked at, with its result and its attempts'),
    ],
  },
  {
    id: 'T4',
    says: 'a handler starts on a committed assignment',
    file: 'src/runtime/office.ts',
    line: 'for (const event of entry.events) {\n      this.dispatch.observe(event);',
    instead: 'for (const event of entry.events) {',
    tests: simulated('a task is assigned, runs, and completes'),
  },
  {
    id: 'T5',
    says: 'completion stores the result',
    file: 'src/domain/apply-task.ts',
    line: 'task.result = event.result;',
    tests: [
      ...real('the first agent leads, and its fleet completes a task and decides a proposal'),
      ...overHttp('one task can be looked at, with its result and its attempts'),
    ],
  },
  {
    id: 'T5',
    says: 'a handler reports its progress while it runs, and it is shown with the task',
    file: 'src/runtime/attempts.ts',
    line: 'this.#progressed(key, running, { share, note });',
    tests: [
      ...of(
        'test/simulation/progress.test.ts',
        'is shown by the leader, by the one after it, and by who looks on; gone when the task has ended',
      ),
      ...of(
        'test/integration/faults.test.ts',
        'progress that was told to a leader that is killed is shown by the next one',
      ),
    ],
  },
  {
    id: 'T5',
    says: 'a result over the limit fails the task, with both sizes',
    file: 'src/runtime/attempts.ts',
    line: 'if (bytes > resultBytesMax) {',
    instead: 'if (false) {',
    tests: of(
      'test/integration/tasks.test.ts',
      'a result that is too large fails its task with its size and the limit, and is not tried again',
    ),
  },
  {
    id: 'T6',
    says: 'a failure is retried after a growing, jittered backoff',
    file: 'src/domain/backoff.ts',
    line: 'const full = Math.min(of.maxMs, of.baseMs * 2 ** Math.min(of.failures - 1, 30));',
    instead: 'const full = 0;',
    tests: [
      ...reported('is tried again after a backoff that grows and is jittered'),
      ...simulated(
        'a failing task is tried again, each time later, until its retries are used up; by hand once more',
      ),
    ],
  },
  {
    id: 'T6',
    says: 'it fails when its retries are used up, with every error kept',
    file: decisions,
    line: 'failures > maxRetries',
    instead: 'false',
    tests: [
      ...reported('ends the task when its retries are used up, with every attempt’s error kept'),
      ...real('retries end, and a handler can end them at once'),
    ],
  },
  {
    id: 'T6',
    says: 'a handler can say “do not retry”',
    file: 'src/runtime/attempts.ts',
    line: 'return thrown instanceof DoNotRetry;',
    instead: 'return false;',
    tests: real('retries end, and a handler can end them at once'),
  },
  {
    id: 'T6',
    says: 'a failed task can be retried by hand, with its retries anew',
    file: 'src/domain/apply-task.ts',
    line: `case 'task.retried':
      task.failures = 0;`,
    instead: "case 'task.retried':",
    tests: [...decided('gives a failed task its retries anew')],
  },
  {
    id: 'T6',
    says: 'attempts that never started do not count',
    file: 'src/domain/apply-task.ts',
    line: 'if (isCurrent(task, event.attempt).startedAt !== null) task.failures += 1;',
    instead: 'task.failures += 1;',
    tests: reported('before it started does not count'),
  },
  {
    id: 'T7',
    says: 'an attempt that runs too long is aborted and counts as failed',
    file: 'src/domain/decide-time.ts',
    line: "fail(context, task, { end: 'timedOut', error: { message, code: 'TIMED_OUT' }, isFinal: false });",
    tests: [
      ...reported('counts as a failure, and the handler keeps its slot until it returns'),
      ...simulated('an attempt that runs too long is stopped and another follows'),
      ...leading('an attempt that runs too long is aborted; a handler that ignores that keeps its slot'),
    ],
  },
  {
    id: 'T7',
    says: 'a handler that ignores the abort keeps its slot until it returns',
    file: 'src/domain/apply-task.ts',
    line: 'if (ending.lingers) member.lingering.add(attemptKey(task.spec.id, attempt.attempt));',
    tests: [
      ...reported('counts as a failure, and the handler keeps its slot until it returns'),
      ...of(
        'test/simulation/attempts.test.ts',
        'a handler that ignores the abort keeps its slot until it returns',
      ),
      ...leading('an attempt that runs too long is aborted; a handler that ignores that keeps its slot'),
    ],
  },
  {
    id: 'T8',
    says: 'a waiting task is cancelled at once',
    file: decisions,
    line: "context.emit({ type: 'task.cancelled', id });\n      return accepted({ status: 'cancelled' });",
    instead: "return accepted({ status: 'cancelled' });",
    tests: [
      ...simulated('a task that nobody has yet is cancelled at once'),
      ...overHttp('a waiting task is cancelled at once, and an ended one not again'),
    ],
  },
  {
    id: 'T8',
    says: 'a running one by its signal, and is cancelling until its agent has answered',
    file: decisions,
    line: "context.emit({ type: 'task.cancelling', id });",
    tests: [
      ...simulated('a running task is cancelled when its handler has stopped'),
      ...real('a running task that is cancelled aborts its handler'),
      ...overHttp('a running task is being cancelled, and then is'),
    ],
  },
  {
    id: 'T8',
    says: 'cancelling an ended task is an error that says its status',
    file: decisions,
    line: "if (isEnded(task)) return refused('ALREADY_ENDED', `task ${id} is ${task.status}`);",
    tests: [
      ...decided('a task that is %s is refused, and says so'),
      ...real('tasks go to agents with the capabilities, and others are not held up'),
    ],
  },
  {
    id: 'T8',
    says: 'an unknown one is not found',
    file: decisions,
    line: "if (task === undefined) return refused('NOT_FOUND', noTask(id));\n  if (isEnded(task))",
    instead: 'if (task === undefined) return accepted({ status: "cancelled" });\n  if (isEnded(task))',
    tests: [...decided('an unknown task is refused'), ...overHttp('cancelling an unknown task: not found')],
  },
  {
    id: 'T9',
    says: 'what a dead agent had ends as lost and goes to others',
    file: 'src/domain/decide-members.ts',
    line: 'lose(context, task, `agent ${member.id} ${reason}`);',
    tests: [...simulated('what a dead agent had goes to another')],
  },
  {
    id: 'T9',
    says: 'a late report of an old attempt is refused',
    file: decisions,
    line: 'attempt.incarnation !== from.incarnation',
    instead: 'false',
    tests: reported('%s: stale'),
  },
  {
    id: 'T9',
    says: 'handlers are given the task id, the attempt and the fencing token of the term that assigned it',
    file: 'src/domain/apply-task.ts',
    line: 'fencingToken: state.fencingToken,',
    instead: 'fencingToken: 0,',
    tests: real('a handler is given the task id, the attempt and the fencing token'),
  },
  {
    id: 'T10',
    says: 'the list can be filtered',
    file: 'src/runtime/catalog.ts',
    line: '[this.#byStatus, status],',
    tests: overHttp('the list can be filtered by status, agent and text'),
  },
  {
    id: 'T11',
    says: 'ended tasks are dropped by count and by age',
    file: 'src/domain/decide-time.ts',
    line: `case 'tasks.drop':
      decideTasksDrop(context);`,
    instead: "case 'tasks.drop':",
    tests: of(
      'test/unit/retention.test.ts',
      'are dropped when there are some more than the maximum, the oldest first, down to it',
      'are dropped when they are old, together with those that are nearly as old',
    ),
  },
  {
    id: 'T12',
    says: 'it survives the death of the leader in the middle of anything',
    file: 'src/runtime/leader-watch.ts',
    line: "this.#missing('leader.gone');\n        break;",
    instead: 'break;',
    tests: [
      ...simulated('work goes on under a new leader: nothing is lost, nothing is done twice'),
      ...of(
        'test/integration/faults.test.ts',
        'a leader that is killed when its append is at "%s" loses no acknowledged task',
      ),
    ],
  },
  {
    id: 'T12',
    says: 'and the death of a minority of a NATS cluster',
    file: 'src/nats/connection.ts',
    line: 'maxReconnectAttempts: -1,',
    instead: 'maxReconnectAttempts: 0,',
    tests: of(
      'test/integration/cluster.test.ts',
      'a ledger of three copies is shortened while servers are killed, and whoever comes later goes on from a snapshot',
    ),
  },
];
