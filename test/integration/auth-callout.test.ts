/**
 * A service says who may connect (NATS's auth callout): while it is down, slow or wrong nobody comes in, and who is in goes
 * on. On a real server, with the permissions of infra/nats/permissions in the JWTs that the service gives.
 */
import { connect } from 'nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConclaveError, connectFleet, joinFleet, type Agent, type Fleet } from '../../src/index.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { startCalloutServer, type CalloutServer, type Manner } from '../support/auth-callout.ts';

const fleet = 'called';
const agents: Agent[] = [];
let callout: CalloutServer;
let client: Fleet;

beforeAll(async () => {
  callout = await startCalloutServer(fleet, {
    ada: 'electable-agent',
    cas: 'agent',
    dot: 'agent',
    shop: 'client',
  });
  await join('ada');
  await join('cas');
  const inboxPrefix = `_INBOX_client.${fleet}.shop`;
  client = await connectFleet({ ...callout.login('shop'), fleet, inboxPrefix, log: silentLog });
});

afterAll(async () => {
  await client.close();
  await Promise.all(agents.map((agent) => agent.leave()));
  await callout.stop();
});

async function join(id: string, pass = callout.login(id).pass): Promise<Agent> {
  const agent = await joinFleet({
    ...callout.login(id),
    pass,
    fleet,
    id,
    electable: id === 'ada',
    arePrefixesPinned: true,
    settings: { heartbeatIntervalMs: 200, leaveGraceMs: 100 },
    tasks: id === 'ada' ? {} : { echo: ({ payload }) => payload },
    handleSignals: false,
    log: silentLog,
  });
  agents.push(agent);
  return agent;
}

async function refusalOf(joining: Promise<Agent>): Promise<ConclaveError> {
  const error: unknown = await joining.then(
    () => 'it was let in',
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConclaveError)) throw new Error(String(error));
  return error;
}

async function expectClosed(): Promise<void> {
  const asked = callout.asked.length;
  const refusal = await refusalOf(join('dot'));
  expect(refusal).toMatchObject({ code: 'FORBIDDEN', message: expect.stringContaining('check') });
  expect(refusal.message).toContain(callout.server.url);
  expect(refusal.message).not.toContain(callout.login('dot').pass);
  expect(callout.asked.length - asked).toBeLessThanOrEqual(1);
  // Nor anybody who says less.
  const { servers } = callout.login('dot');
  for (const login of [{}, { user: 'dot' }, { token: 'callout' }, { user: 'callout', pass: 'no' }])
    await expect(connect({ servers, ...login, reconnect: false })).rejects.toThrow();
}

async function expectWork(payload: string): Promise<void> {
  expect(await (await client.submit({ type: 'echo', payload })).result()).toBe(payload);
}

test('a fleet works with what the service gives, and a wrong password is told as such', async () => {
  await expectWork('asked');
  const refusal = await refusalOf(join('dot', 'wrong'));
  expect(refusal).toMatchObject({ code: 'FORBIDDEN' });
  expect(callout.server.complaints.filter((line) => line.includes('Violation'))).toEqual([]);
});

test('while the service is down nobody comes in, and who is in goes on', async () => {
  await callout.down();
  try {
    await expectClosed();
    await expectWork('down');
  } finally {
    await callout.up();
  }
  const dot = await join('dot');
  await dot.leave();
});

const manners: readonly Exclude<Manner, 'right'>[] = [
  'silent',
  'late',
  'garbage',
  'stranger',
  'otherUser',
  'otherServer',
  'otherAccount',
  'expired',
];

test.each(manners)(
  'a service whose answer is %s lets nobody in, and who is in goes on',
  async (manner) => {
    callout.behave(manner);
    try {
      await expectClosed();
      await expectWork(manner);
    } finally {
      callout.behave('right');
    }
  },
  30_000,
);
