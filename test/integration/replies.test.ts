/** Where answers go, and what they say of when they were given: on a real nats-server, asked by hand. */
import { connect, headers as natsHeaders, StringCodec, type NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectFleet, joinFleet, type Agent, type Fleet } from '../../src/index.ts';
import { apiVerbs } from '../../src/wire/subjects.ts';
import { withServer } from '../support/nats-server.ts';

const server = withServer();
const text = StringCodec();
let agent: Agent;
let fleet: Fleet;
let hand: NatsConnection;

beforeAll(async () => {
  agent = await joinFleet({ servers: server().url, id: 'ada', handleSignals: false });
  fleet = await connectFleet({ servers: server().url });
  hand = await connect({ servers: server().url });
});
afterAll(async () => {
  await hand.close();
  await fleet.close();
  await agent.leave();
});

const asked = [
  ...apiVerbs.map((verb) => `conclave.default.api.${verb}`),
  'conclave.default.agent.join.eve',
  'conclave.default.agent.report.eve',
  'conclave.default.agent.ballot.eve',
  `conclave.default.agent.ballot.${'x'.repeat(64)}`,
  '_conclave.default.inbox.ada',
  // Answered by the library.
  '$SRV.PING',
  '$SRV.INFO.conclave',
  '$SRV.STATS.conclave',
];

test('a forged reply subject leads nowhere: no request of any kind is answered there', async () => {
  const targets = [
    'conclave.default.agent.heartbeat.bob',
    '_conclave.default.inbox.bob',
    'somewhere.else',
    '_conclave.default.ledger',
  ];
  const heard: string[] = [];
  for (const target of targets) {
    hand.subscribe(target, {
      callback: (_, { subject, data }) => heard.push(`${subject} ${text.decode(data)}`),
    });
  }
  const { sequence } = await fleet.status();
  for (const target of targets) {
    for (const subject of asked) {
      hand.publish(subject, text.encode('{}'), { reply: target });
      hand.publish(subject, text.encode('not even a request'), { reply: target });
    }
    hand.publish('conclave.default.api.submit', text.encode('{"type":"forged"}'), { reply: target });
  }
  await hand.flush();
  // Answered after all of the above was looked at: the leader hears its requests in order.
  const answer = await hand.request('conclave.default.api.status', text.encode('{}'));
  await hand.flush();
  expect(heard).toEqual([]);
  const status = answer.json<{ sequence: number; tasks: { total: number }; term: number }>();
  expect(status.tasks.total).toBe(0);
  expect([status.term, status.sequence]).toEqual([1, sequence]);
});

test("an agent's request is not answered at another agent's prefix, but at its own and at a plain inbox", async () => {
  const ask = async (prefix: string): Promise<string> => {
    const inbox = `${prefix}.${String(Math.floor(performance.now() * 1_000))}`;
    const replies = hand.subscribe(inbox, { max: 1, timeout: 500 });
    hand.publish('conclave.default.agent.ballot.eve', text.encode('{}'), { reply: inbox });
    try {
      for await (const reply of replies) return reply.headers?.get('Nats-Service-Error-Code') ?? 'no error';
    } catch {
      // Nobody answered.
    }
    return 'silence';
  };
  expect(await ask('_INBOX_agent.default.eve')).toBe('400');
  expect(await ask('_INBOX')).toBe('400');
  expect(await ask('_INBOX_agent.default.bob')).toBe('silence');
});

test('every answer says its term and sequence; a barrier comes after a fresh append', async () => {
  const ask = async (verb: string, body: object) => {
    const reply = await hand.request(`conclave.default.api.${verb}`, text.encode(JSON.stringify(body)));
    const of = (name: string): number => Number(reply.headers?.get(name));
    return { term: of('Conclave-Term'), sequence: of('Conclave-Sequence') };
  };
  const submitted = await ask('submit', { type: 'nobody_does_this' });
  expect(submitted.term).toBe(1);
  const refused = await ask('submit', { type: 'not a name' });
  expect(refused).toEqual(submitted);
  const barrier = await ask('barrier', {});
  expect(barrier.sequence).toBeGreaterThan(submitted.sequence);
});

test('an idempotency key of a whole submit, or of a proposal, gives the first answer again, or a conflict', async () => {
  const ask = async (verb: string, body: object): Promise<{ ids?: string[]; id?: string; code?: string }> =>
    (
      await hand.request(`conclave.default.api.${verb}`, text.encode(JSON.stringify(body)), {
        timeout: 2_000,
        headers: natsHeaders(),
      })
    ).json();
  const tasks = [{ type: 'one' }, { type: 'two' }];
  const first = await ask('submit', { idempotencyKey: 'k1', tasks });
  expect(first.ids).toHaveLength(2);
  expect(await ask('submit', { tasks, idempotencyKey: 'k1' })).toEqual(first);
  expect(await ask('submit', { tasks: tasks.slice(1), idempotencyKey: 'k1' })).toMatchObject({
    code: 'CONFLICT',
  });
  const proposal = { type: 'policy_change', idempotencyKey: 'k2' };
  const opened = await ask('propose', proposal);
  expect(opened.id).toBeTypeOf('string');
  expect(await ask('propose', proposal)).toEqual(opened);
  expect(await ask('propose', { ...proposal, description: 'else' })).toMatchObject({ code: 'CONFLICT' });
  expect(await ask('propose', { type: 'other', idempotencyKey: 'k1' })).toMatchObject({ code: 'CONFLICT' });
});
