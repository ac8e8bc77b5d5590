/**
 * One agent, or one client, sends all that it may at 50,000 messages a second, fewer where the machine is busy: the others'
 * tasks go on, about as fast as before, nobody else leads, the leader's memory stays bounded, and it says how many messages it
 * turned away. The flood, the leader and the worker are processes of their own.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { connect, JSONCodec } from 'nats';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { connectFleet, type Fleet } from '../../src/index.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { endAgents, startAgent, type AgentProcess } from '../support/agent-process.ts';
import { startPermittedServer, type PermittedServer } from '../support/permitted-server.ts';

const fleet = 'guarded';
const PER_SECOND_MAX = 50_000;
/** Looked at one after the other, in the calm and in the flood. */
const TASKS = 60;
/** What a median task may take in the flood, of what it takes in the calm; without bounds it is hundreds of times that. */
const SLOWER_MAX = 40;
const MEMORY_BYTES_MAX = 256 * 1024 * 1024;
const program = fileURLToPath(new URL('../support/flooder.mjs', import.meta.url));
let server: PermittedServer;
let leader: AgentProcess;
let client: Fleet;

beforeAll(async () => {
  const users = { 'electable-agent': ['ada', 'bob'], agent: ['cas'], client: ['shop', 'mal'] };
  server = await startPermittedServer(fleet, users);
  leader = await startAgent({
    servers: server.urlOf('ada'),
    fleet,
    id: 'ada',
    priority: 9,
    handles: ['none'],
  });
  await startAgent({ servers: server.urlOf('bob'), fleet, id: 'bob' });
  const inboxPrefix = `_INBOX_client.${fleet}.shop`;
  client = await connectFleet({ ...server.login('shop'), fleet, inboxPrefix, log: silentLog });
});

afterAll(async () => {
  await client.close();
  await endAgents();
  await server.stop();
});

async function flood(name: string, subject: string, body: object): Promise<() => Promise<number>> {
  const inboxPrefix = `_INBOX_${name === 'mal' ? 'client' : 'agent'}.${fleet}.${name}`;
  const logins = { login: server.login(name), probeLogin: server.login('root') };
  const words = { ...logins, inboxPrefix, subject, body, perSecondMax: PER_SECOND_MAX };
  const child = fork(program, [JSON.stringify(words)], { execArgv: [] });
  await once(child, 'message');
  return async () => {
    const over = once(child, 'message');
    child.send('stop');
    const [{ sent }] = (await over) as [{ sent: number }];
    if (child.exitCode === null) await once(child, 'exit');
    return sent;
  };
}

/** Milliseconds, of the task in the middle. */
async function medianOfTasks(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < TASKS; i += 1) {
    const startedAt = performance.now();
    await (await client.submit({ type: 'echo', payload: i })).result();
    times.push(performance.now() - startedAt);
  }
  return times.sort((a, b) => a - b)[TASKS / 2] ?? Infinity;
}

/** As the leader's micro service says it. */
async function refusedByLeader(): Promise<number> {
  const nc = await connect({ ...server.login('root'), inboxPrefix: `_INBOX_client.${fleet}.root` });
  try {
    const answer = await nc.request('$SRV.STATS.conclave', undefined, { timeout: 10_000 });
    const { endpoints } = JSONCodec<{ endpoints: { data?: { messagesRefused: number } }[] }>().decode(
      answer.data,
    );
    return endpoints.find(({ data }) => data !== undefined)?.data?.messagesRefused ?? Number.NaN;
  } finally {
    await nc.close();
  }
}

function residentBytes(): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${leader.pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1_024;
}

const profile = { capabilities: [], priority: 0, slots: 1, electable: false, labels: {}, handles: [] };
const beat = { incarnation: 'x', health: 1, load: 0, isLoadSet: false, intervalMs: 1_000, lagMs: 0 };
const mode = { state: 'online.active.idle', electable: false, priority: 0, isStandby: false, ledgerAt: null };
const result = { kind: 'completed', id: 't', attempt: 1, result: 1 };
const floods: readonly (readonly [string, string, object])[] = [
  ['cas', 'agent.heartbeat.cas', { ...beat, ...mode, term: 1, running: [], reportsPending: 0 }],
  ['cas', 'agent.report.cas', { incarnation: 'x', reports: Array.from({ length: 10 }, () => result) }],
  ['cas', 'agent.ballot.cas', { proposal: 'p', decision: 'approve' }],
  ['cas', 'agent.join.cas', { kind: 'join', incarnation: 'x', profile }],
  ['mal', 'api.status', {}],
  ['mal', 'api.barrier', {}],
];

test.skipIf(process.platform !== 'linux').each(floods)(
  '%s floods %s',
  async (name, subject, body) => {
    const { term } = await client.election();
    const calm = await medianOfTasks();
    const [refusedBefore, memoryBefore] = [await refusedByLeader(), residentBytes()];
    const stop = await flood(name, `conclave.${fleet}.${subject}`, body);
    const flooded = await medianOfTasks();
    const memory = residentBytes();
    const sent = await stop();
    expect(flooded / calm).toBeLessThan(SLOWER_MAX);
    expect(memory - memoryBefore).toBeLessThan(MEMORY_BYTES_MAX);
    // What is neither looked at nor under way is counted: much of a full flood, little of one that a busy machine can take.
    await vi.waitFor(async () => {
      expect((await refusedByLeader()) - refusedBefore).toBeGreaterThan(sent / 100);
    }, 20_000);
    expect(await client.election()).toMatchObject({ leader: 'ada', term });
  },
  120_000,
);
