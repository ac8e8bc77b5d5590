/** Every subject, and who speaks on it: DESIGN §4. */
import { describe, expect, it } from 'vitest';
import { ConclaveError } from '../../../src/domain/errors.ts';
import { apiVerbs, subjectsOf, type AgentVerb } from '../../../src/wire/subjects.ts';
import { agent } from '../harness.ts';

const subjects = subjectsOf('red');
const verbs: readonly AgentVerb[] = ['heartbeat', 'election', 'join', 'report', 'ballot'];

it('are those of the table in the design', () => {
  expect({
    stream: subjects.stream,
    ledger: subjects.ledger,
    inbox: subjects.inbox(agent('a')),
    event: subjects.event('task.completed'),
    submit: subjects.api('submit'),
    heartbeat: subjects.agent('heartbeat', agent('a')),
    everyJoin: subjects.agent('join', '*'),
  }).toEqual({
    stream: 'CONCLAVE_red',
    ledger: '_conclave.red.ledger',
    inbox: '_conclave.red.inbox.a',
    event: 'conclave.red.event.task.completed',
    submit: 'conclave.red.api.submit',
    heartbeat: 'conclave.red.agent.heartbeat.a',
    everyJoin: 'conclave.red.agent.join.*',
  });
});

it('what relies on “no responders” is under the private root, and nothing else is', () => {
  const watchable = [
    ...apiVerbs.map((verb) => subjects.api(verb)),
    ...verbs.map((verb) => subjects.agent(verb, '*')),
  ];
  for (const subject of [...watchable, subjects.event('x')]) expect(subject).toMatch(/^conclave\.red\./);
  for (const subject of [subjects.ledger, subjects.inbox(agent('a'))])
    expect(subject).toMatch(/^_conclave\.red\./);
});

it('verbs are tokens, each once', () => {
  expect(new Set(apiVerbs).size).toBe(apiVerbs.length);
  for (const verb of apiVerbs) expect(verb).toMatch(/^[a-z]+$/);
});

describe('a fleet’s name', () => {
  it.each(['default', 'a', 'A-b_9', 'x'.repeat(63)])('may be %s', (name) => {
    expect(subjectsOf(name).fleet).toBe(name);
  });

  it.each(['', 'a.b', 'a b', '*', '>', 'ä', 'x'.repeat(64), 'a\n'])(
    'may not be %j, and the field is named',
    (name) => {
      const error = errorOf(() => subjectsOf(name));
      expect(error).toMatchObject({ code: 'INVALID', fields: [{ field: 'fleet' }] });
    },
  );
});

describe('who sends', () => {
  it.each(verbs)('is read from the subject of a %s', (verb) => {
    expect(subjects.senderOf(subjects.agent(verb, agent('agent_001')))).toBe('agent_001');
  });

  it.each([
    ['another fleet', 'conclave.tan.agent.join.a'],
    ['a fleet whose name begins the same', 'conclave.redder.agent.join.a'],
    ['no agent subject', 'conclave.red.api.submit'],
    ['the private root', '_conclave.red.inbox.a'],
    ['no id', 'conclave.red.agent.join.'],
    ['an id too many', 'conclave.red.agent.join.a.b'],
    ['a wildcard', 'conclave.red.agent.join.*'],
    ['an id that is no name', 'conclave.red.agent.join.a b'],
    ['an id that is too long', `conclave.red.agent.join.${'x'.repeat(64)}`],
    ['nothing', ''],
  ])('is nobody for %s', (_, subject) => {
    expect(subjects.senderOf(subject)).toBeNull();
  });
});

function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ConclaveError);
    return error;
  }
  throw new Error('nothing was thrown');
}
