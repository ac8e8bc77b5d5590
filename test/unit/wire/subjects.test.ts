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

describe('an answer goes to', () => {
  const pinned = subjectsOf('red', { arePrefixesPinned: true });
  it.each([
    ['nowhere when none is wanted', null, null, true, true],
    ["a client's inbox", '_INBOX.x.1', null, true, true],
    ["a client's own prefix", '_INBOX_alice.x.1', null, true, true],
    ["an agent's own prefix", '_INBOX_agent.red.a.x.1', 'a', true, true],
    ['a plain inbox of an agent, unless prefixes are pinned', '_INBOX.x.1', 'a', true, false],
    ['not the ledger', '_conclave.red.ledger', null, false, false],
    ['not an inbox of work', '_conclave.red.inbox.b', 'a', false, false],
    ['not a heartbeat', 'conclave.red.agent.heartbeat.b', 'a', false, false],
    ['not an API of JetStream', '$JS.API.STREAM.PURGE.CONCLAVE_red', null, false, false],
    ["not another agent's prefix", '_INBOX_agent.red.b.x.1', 'a', false, false],
    ['not one whose id only starts like it', '_INBOX_agent.red.ab.x.1', 'a', false, false],
    ['not the same id in another fleet', '_INBOX_agent.blue.a.x.1', 'a', false, false],
    ['not what only looks like an inbox', 'x_INBOX.1', null, false, false],
  ])('%s', (_, subject, from, isOpen, isPinned) => {
    const id = from === null ? null : agent(from);
    expect(subjects.isReply(subject, id)).toBe(isOpen);
    expect(pinned.isReply(subject, id)).toBe(isPinned);
  });
});
