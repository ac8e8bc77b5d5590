/**
 * What the broker keeps each role from, with the permissions of infra/nats/permissions: every subject of another, the
 * private root, and JetStream. The broker's own word is asked for: a refusal for each attempt.
 */
import { execa } from 'execa';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { AgentId } from '../../src/domain/ids.ts';
import { snapshotSubjectsOf } from '../../src/nats/snapshot-subjects.ts';
import { apiVerbs, subjectsOf, type AgentVerb } from '../../src/wire/subjects.ts';
import { root } from '../support/docs.ts';
import {
  permissionsFolder,
  startPermittedServer,
  type PermittedServer,
} from '../support/permitted-server.ts';
import { startRawServer } from '../support/raw-server.ts';

const fleet = 'guarded';
const subjects = subjectsOf(fleet);
const snapshots = snapshotSubjectsOf(fleet);
const ada = 'ada' as AgentId;
let server: PermittedServer;
const connections: NatsConnection[] = [];

beforeAll(async () => {
  server = await startPermittedServer(fleet, {
    'electable-agent': ['ada', 'bob'],
    agent: ['cas'],
    client: ['shop'],
    'http-server': ['web'],
    operator: ['olga'],
    viewer: ['vic'],
  });
});

afterEach(async () => {
  await Promise.all(connections.splice(0).map((nc) => nc.close()));
});
afterAll(() => server.stop());

async function connectAs(name: string): Promise<NatsConnection> {
  const nc = await connect(server.login(name));
  connections.push(nc);
  return nc;
}

/** Everything that an agent may say, as somebody says it. */
const verbs: readonly AgentVerb[] = ['heartbeat', 'orders', 'election', 'join', 'report', 'ballot'];
const saidBy = (id: string): string[] => [
  ...verbs.map((verb) => subjects.agent(verb, id as AgentId)),
  subjects.inspect(id as AgentId),
];
const leading = (id: string): string[] =>
  (['orders', 'election'] as const).map((verb) => subjects.agent(verb, id as AgentId));
const asking = apiVerbs.map((verb) => subjects.api(verb));
const ordering = (['drain', 'resume', 'remove', 'trigger'] as const).map((verb) => subjects.api(verb));
const telling = [subjects.event('leader.elected'), subjects.event('task.completed')];
const inboxes = [subjects.inbox(ada), `_conclave.${fleet}.inbox.cas`];
const ledger = [subjects.ledger, snapshots.manifest('5-x'), snapshots.chunk('5-x', 0)];
const replies = ['_INBOX.x.y', `${subjects.replies(ada)}.x`, `_INBOX_client.${fleet}.shop.x`];
const streams = [subjects.stream, snapshots.stream];

/** Of JetStream's API, what changes or empties a stream, beyond what a leader needs. */
const ruining = streams.flatMap((stream) => [
  ...['UPDATE', 'DELETE', 'MSG.DELETE', 'SNAPSHOT', 'RESTORE', 'LEADER.STEPDOWN', 'PEER.REMOVE'].map(
    (verb) => `$JS.API.STREAM.${verb}.${stream}`,
  ),
  `$JS.API.CONSUMER.DELETE.${stream}.x`,
  `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.x`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.x`,
  `$JS.API.DIRECT.GET.${stream}`,
]);
const writing = streams.flatMap((stream) =>
  ['CREATE', 'PURGE'].map((verb) => `$JS.API.STREAM.${verb}.${stream}`),
);
const reading = [
  ...streams.flatMap((stream) => ['INFO', 'MSG.GET'].map((verb) => `$JS.API.STREAM.${verb}.${stream}`)),
  `$JS.API.CONSUMER.CREATE.${subjects.stream}.x`,
  `$JS.FC.${subjects.stream}.x.y`,
];
const elsewhere = [
  '$JS.API.STREAM.NAMES',
  '$JS.API.STREAM.LIST',
  '$JS.API.META.LEADER.STEPDOWN',
  '$JS.API.STREAM.CREATE.OTHER',
  '$JS.API.STREAM.INFO.CONCLAVE_other',
  `$JS.API.CONSUMER.CREATE.${subjects.stream}`,
  `$JS.ACK.${subjects.stream}.x.1.1.1.1.0`,
  '$KV.bucket.key',
  'conclave.other.api.submit',
  '_conclave.other.ledger',
  'conclave.other.agent.heartbeat.ada',
];
const looking = ['$JS.API.INFO', '$SYS.REQ.USER.INFO', '$SRV.PING', '$SRV.INFO.conclave'];

/** By user: where it may not publish. */
const mute: Readonly<Record<string, readonly string[]>> = {
  cas: [
    ...saidBy('ada'),
    ...leading('cas'),
    ...[asking, telling, inboxes, ledger, replies, ruining, writing, reading, elsewhere, looking].flat(),
    subjects.watch,
  ],
  bob: [...saidBy('ada'), ...asking, '_INBOX.x.y', ...ruining, ...elsewhere, ...looking, subjects.watch],
  shop: [
    ...saidBy('ada'),
    ...saidBy('shop'),
    ...[ordering, telling, inboxes, ledger, replies, ruining, writing, reading, elsewhere, looking].flat(),
    subjects.watch,
  ],
  web: [
    ...saidBy('ada'),
    ...saidBy('web'),
    ...[telling, inboxes, ledger, replies, ruining, writing, elsewhere, looking].flat(),
    subjects.watch,
  ],
  olga: [
    ...saidBy('ada'),
    ...saidBy('olga'),
    ...[telling, ledger, replies, ruining, writing, elsewhere].flat(),
  ],
  vic: [
    ...saidBy('ada'),
    ...saidBy('vic'),
    ...[asking, telling, inboxes, ledger, replies, ruining, writing, reading, elsewhere, looking].flat(),
    subjects.watch,
    'anything',
  ],
};

test.each(Object.keys(mute))(
  '%s may not publish as anybody else, nor touch what is not its own',
  async (user) => {
    const nc = await connectAs(user);
    for (const subject of mute[user] ?? []) nc.publish(subject, '{}', { reply: 'forged.reply' });
    await nc.flush();
    const expected = (mute[user] ?? []).map((subject) => `${user}: Publish ${subject}`);
    await vi.waitFor(() => {
      const refused = new Set(server.refused());
      expect(expected.filter((each) => !refused.has(each))).toEqual([]);
    });
  },
);

const wide = [
  '>',
  '*.>',
  '_conclave.>',
  `_conclave.${fleet}.>`,
  `_conclave.${fleet}.inbox.*`,
  subjects.ledger,
];
const foreignReplies = [
  '_INBOX.>',
  `_INBOX_agent.${fleet}.>`,
  `${subjects.replies(ada)}.>`,
  `_INBOX_client.${fleet}.>`,
];
const system = ['$JS.>', '$SYS.>', '$JS.API.>', `$JS.ACK.>`, snapshots.all, 'conclave.other.>'];
const private_ = [...wide, ...foreignReplies, ...system, subjects.inbox(ada)];
const requests = verbs.filter((verb) => verb !== 'orders').map((verb) => subjects.agent(verb, '*'));

/** By user: what it may not hear. */
const deaf: Readonly<Record<string, readonly string[]>> = {
  cas: [...private_, 'conclave.>', ...requests, ...asking, subjects.event('>'), subjects.inspect(ada)],
  bob: [...private_, 'conclave.>', subjects.event('>'), subjects.inspect(ada)],
  shop: [...private_, 'conclave.>', ...requests, ...asking, subjects.inspect(ada)],
  web: [...private_, 'conclave.>', ...asking, subjects.inspect(ada)],
  olga: [...private_, 'conclave.>'],
  vic: [...private_, 'conclave.>'],
};

test.each(Object.keys(deaf))(
  "%s may not hear others' inboxes, answers and the private root",
  async (user) => {
    const nc = await connectAs(user);
    for (const subject of deaf[user] ?? []) {
      // Alone, and in a queue group, which the broker checks apart.
      for (const queue of [undefined, 'q']) {
        const options = queue === undefined ? {} : { queue };
        nc.subscribe(subject, { ...options, callback: () => undefined });
      }
    }
    await nc.flush();
    const expected = (deaf[user] ?? []).map((subject) => `${user}: Subscription ${subject}`);
    await vi.waitFor(() => {
      const refused = server.refused();
      const times = (text: string): number => refused.filter((each) => each === text).length;
      expect(expected.filter((each) => times(each) < 2)).toEqual([]);
    });
  },
);

test('nobody comes in without a password, or with that of another', async () => {
  const { servers } = server.login('cas');
  for (const login of [{}, { user: 'cas', pass: server.login('ada').pass }, { user: 'nobody', pass: 'x' }])
    await expect(connect({ servers, ...login })).rejects.toMatchObject({ code: 'AUTHORIZATION_VIOLATION' });
});

test('the configuration for one server, with the users that users.sh prints', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'conclave-permissions-'));
  cpSync(join(root, 'infra/nats'), folder, { recursive: true });
  const permissions = join(folder, 'permissions');
  const { stdout } = await execa(join(permissions, 'users.sh'), ['default', 'agent:web-1', 'operator:olga']);
  writeFileSync(join(permissions, 'users.conf'), stdout);
  const started = await startRawServer(`include "../${basename(folder)}/permissions/one-node.conf"`, {
    NATS_SERVER_NAME: 'one',
    NATS_LISTEN: '127.0.0.1:-1',
    NATS_MONITOR_LISTEN: '127.0.0.1:-1',
    NATS_STORE_DIR: join(folder, 'js'),
    NATS_STORE_MAX: '1GB',
    NATS_USER: 'fleet',
    NATS_PASSWORD: 'of-the-fleet',
    NATS_PASSWORD_WEB_1: 'of-web-1',
    NATS_PASSWORD_OLGA: 'of-olga',
  });
  try {
    const agent = await connect({ servers: started.url, user: 'web-1', pass: 'of-web-1' });
    agent.publish('conclave.default.agent.heartbeat.olga');
    await agent.flush();
    await agent.close();
    await vi.waitFor(() => expect(started.complaints.length).toBe(1));
    // The login that all shared is one no more.
    await expect(
      connect({ servers: started.url, user: 'fleet', pass: 'of-the-fleet' }),
    ).rejects.toMatchObject({
      code: 'AUTHORIZATION_VIOLATION',
    });
  } finally {
    await started.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each([
  [['default'], 'usage'],
  [['a.b', 'agent:ada'], 'a.b is no name of a fleet'],
  [['default', 'king:ada'], 'there is no role king'],
  [['default', '../one-node:ada'], 'there is no role ../one-node'],
  [['default', 'agent:a*'], 'a* is no name'],
])('users.sh %j: %s', async (words, says) => {
  const { exitCode, stdout, stderr } = await execa(join(permissionsFolder, 'users.sh'), words, {
    reject: false,
  });
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toContain(says);
});
