/**
 * Texts that were written to do harm to whoever looks at them or handles them: escape sequences for terminals, lines for logs,
 * names of prototypes, patterns for regular expressions; in every field that takes text, over NATS, as the command shows them.
 */
import { connect, StringCodec, type NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectFleet, joinFleet, verifyLedger, type Agent, type Fleet } from '../../src/index.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { conclave, startConclave, type Running } from '../support/command.ts';
import { withServer } from '../support/nats-server.ts';

const server = withServer();
const text = StringCodec();
const escape = '\u001b]0;pwned\u0007\u001b[2J\u009b31m\r\u202e\nconclave: all is well';
let agent: Agent;
let fleet: Fleet;
let nc: NatsConnection;

beforeAll(async () => {
  const servers = server().url;
  agent = await joinFleet({
    servers,
    id: 'ada',
    labels: { zone: escape },
    handleSignals: false,
    log: silentLog,
    vote: () => 'approve',
    tasks: {
      echo: ({ payload }) => payload,
      fail: () => {
        throw new Error(escape);
      },
      note: (_, { progress, signal }) => {
        progress(0.5, escape);
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(new Error('told to stop'));
          });
        });
      },
    },
  });
  fleet = await connectFleet({ servers, log: silentLog });
  nc = await connect({ servers });
});

afterAll(async () => {
  await nc.close();
  await fleet.close();
  await agent.leave();
});

/** Everything below a space but line feeds and tabs, delete, C1, and what turns the direction. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

test('no command lets a text of others speak to the terminal', async () => {
  const failed = await fleet.submit({ type: 'fail', target: escape, payload: escape, maxRetries: 0 });
  await failed.outcome();
  const noting = await fleet.submit({ type: 'note', target: escape });
  await noting.assigned();
  const waiting = await fleet.submit({ type: 'nobody', target: escape });
  const proposal = await fleet.openProposal({
    type: 'policy_change',
    description: escape,
    data: { [escape]: escape },
    voters: ['olga'],
    quorum: 1,
  });
  await fleet.vote({ proposal, voter: 'olga', decision: 'approve', reason: escape });
  const commands = [
    ['tasks'],
    ['task', failed.id],
    ['task', noting.id],
    ['explain', waiting.id],
    ['proposals'],
    ['agents'],
    ['replay'],
    ['replay', '--task', failed.id],
    ['task', escape],
    ['status', '--fleet', escape],
  ];
  for (const words of commands) {
    const { stdout, stderr } = await conclave(words, { env: { NATS_URL: server().url, FORCE_COLOR: '' } });
    expect(stdout.length + stderr.length).toBeGreaterThan(0);
    expect([words[0], control.exec(stdout + stderr)]).toEqual([words[0], null]);
    expect([words[0], /^conclave: all is well/m.exec(stdout + stderr)]).toEqual([words[0], null]);
  }
  await noting.cancel();
  await waiting.cancel();
});

test('a refused message is one line of the log, whatever its subject and its fields are called', async () => {
  const logs: Running = startConclave(
    ['agent', '--id', 'eve', '--run', 'x=true', '--json', '--fleet', 'logged'],
    { env: { NATS_URL: server().url } },
  );
  await logs.line(/"kind":"joined"/);
  const nasty = '\u001b[2J\u009b{"level":60,"msg":"fake"}';
  const body = JSON.stringify({ [`${nasty}\n{"level":60}`]: 1, type: `${nasty}\n` });
  const ask = async (subject: string): Promise<unknown> =>
    JSON.parse(text.decode((await nc.request(subject, text.encode(body), { timeout: 5_000 })).data));
  expect(await ask('conclave.logged.api.submit')).toMatchObject({ code: 'INVALID' });
  nc.publish(`conclave.logged.agent.heartbeat.${nasty.replaceAll(/\s/g, '')}`, text.encode('{}'));
  await ask('conclave.logged.api.status');
  const lines = logs.said().trim().split('\n');
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) {
    expect(JSON.parse(line)).toMatchObject({
      level: expect.any(Number),
      msg: expect.not.stringMatching(/^fake/),
    });
    expect(line).not.toContain('\u001b');
  }
});

const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'];

test('names that every object has are names as any other, in subjects, types, ids and keys', async () => {
  const ask = async (subject: string, body: unknown): Promise<Record<string, unknown>> =>
    JSON.parse(
      text.decode(
        (
          await nc.request(`conclave.default.${subject}`, text.encode(JSON.stringify(body)), {
            timeout: 5_000,
          })
        ).data,
      ),
    ) as Record<string, unknown>;
  const profile = {
    capabilities: names,
    priority: 0,
    slots: 1,
    electable: false,
    labels: {},
    handles: names,
  };
  for (const name of names) {
    const joined = await ask(`agent.join.${name}`, { kind: 'join', incarnation: `of-${name}`, profile });
    expect([name, joined]).toEqual([name, expect.objectContaining({ term: expect.any(Number) })]);
    const submitted = await ask('api.submit', { type: name, target: name, requiredCapabilities: ['no_one'] });
    expect(submitted).toMatchObject({ id: expect.any(String) });
    for (const verb of ['task', 'proposal', 'explain', 'cancel', 'retry'])
      expect([verb, await ask(`api.${verb}`, { id: name })]).toEqual([
        verb,
        expect.objectContaining({ code: 'NOT_FOUND' }),
      ]);
    expect(await ask('api.tasks', { type: name })).toMatchObject({ total: 1 });
    expect(await ask('api.agent', { id: name })).toMatchObject({ id: name });
    await ask('api.cancel', { id: submitted['id'] });
    expect(await ask('api.remove', { id: name })).toMatchObject({ id: name });
  }
  const raw = async (body: string): Promise<unknown> =>
    JSON.parse(
      text.decode(
        (await nc.request('conclave.default.api.submit', text.encode(body), { timeout: 5_000 })).data,
      ),
    );
  for (const body of [
    '{"type":"echo","__proto__":{"isAdmin":true}}',
    '{"type":"echo","payload":{"__proto__":{"isAdmin":true}}}',
    '{"type":"echo","payload":{"constructor":{"prototype":{"isAdmin":true}}}}',
  ])
    expect(await raw(body)).toMatchObject({ code: 'INVALID' });
  expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined();
  expect(await (await fleet.submit({ type: 'echo', payload: 'after' })).result()).toBe('after');
});

test('patterns of regular expressions are texts to look for', async () => {
  const patterns = ['(a+)+$', '.*', '[', '\\', '(?=', '^(?:a|a)*$', '$&'];
  const target = `${'a'.repeat(900)}!`;
  const { id } = await fleet.submit({ type: 'pattern', target });
  for (const pattern of patterns) {
    expect([pattern, (await fleet.tasks({ type: 'pattern', text: pattern })).total]).toEqual([pattern, 0]);
    const own = await fleet.submit({ type: 'pattern', target: `x${pattern}x` });
    expect((await fleet.tasks({ type: 'pattern', text: pattern })).tasks.map((task) => task.id)).toEqual([
      own.id,
    ]);
    await own.cancel();
  }
  await fleet.cancel(id);
  const report = await verifyLedger({ servers: server().url, log: silentLog });
  expect({ ok: report.ok, problems: report.problems }).toEqual({ ok: true, problems: [] });
});
