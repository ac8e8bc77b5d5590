/**
 * What logs in stays a secret: passwords, tokens, seeds, JWTs, credentials and HTTP tokens are in no log (also at debug), no
 * finding of the doctor, no error, no metric and no entry of the ledger, whether the login is taken or refused.
 */
import { createUser } from 'nkeys.js';
import { connect, type ConnectionOptions, jwtAuthenticator, nkeyAuthenticator } from 'nats';
import { afterAll, afterEach, expect, test } from 'vitest';
import { makeToken } from '../../src/http/tokens.ts';
import { conclave, startConclave, type Ended } from '../support/command.ts';
import { newScratch } from '../support/deployed-command.ts';
import { freePort } from '../support/free-port.ts';
import { makeOperator, seedOf } from '../support/operator.ts';
import { startRawServer, type RawServer } from '../support/raw-server.ts';

const scratch = newScratch();
afterAll(() => {
  scratch.remove();
});
const servers: RawServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

type Variables = Readonly<Record<string, string>>;

interface Way {
  readonly name: string;
  readonly config: string;
  /** `url`: of the server, without a login. */
  readonly env: (url: string) => Variables;
  readonly wrong: (url: string) => Variables;
  /** None of these may be seen, neither of the right login nor of the wrong one. */
  readonly secrets: readonly string[];
  readonly login: ConnectionOptions;
}

const text = new TextEncoder();
const [pair, other] = [createUser(), createUser()];
const operator = makeOperator();
const [ada, eve] = [operator.user('ada'), makeOperator().user('eve')];
const ofJwt = {
  config: operator.config,
  login: { authenticator: jwtAuthenticator(ada.jwt, text.encode(ada.seed)) },
};
const jwtSecrets = [ada, eve].flatMap(({ jwt, seed }) => [jwt, seed]);

const ways: readonly Way[] = [
  {
    name: 'a password in a variable',
    config: 'authorization { users: [ { user: ada, password: "pa55-of-ada" } ] }',
    env: (url) => ({ NATS_URL: url, NATS_USER: 'ada', NATS_PASSWORD: 'pa55-of-ada' }),
    wrong: (url) => ({ NATS_URL: url, NATS_USER: 'ada', NATS_PASSWORD: 'wr0ng-of-ada' }),
    secrets: ['pa55-of-ada', 'wr0ng-of-ada'],
    login: { user: 'ada', pass: 'pa55-of-ada' },
  },
  {
    name: 'a password in an address',
    config: 'authorization { users: [ { user: ada, password: "p@55/of:ada" } ] }',
    env: (url) => ({ NATS_URL: url.replace('//', '//ada:p%4055%2Fof%3Aada@') }),
    wrong: (url) => ({ NATS_URL: url.replace('//', '//ada:wr0ng@') }),
    secrets: ['p@55/of:ada', 'p%4055%2Fof%3Aada', 'wr0ng'],
    login: { user: 'ada', pass: 'p@55/of:ada' },
  },
  {
    name: 'a token',
    config: 'authorization { token: "t0ken-of-all" }',
    env: (url) => ({ NATS_URL: url, NATS_TOKEN: 't0ken-of-all' }),
    wrong: (url) => ({ NATS_URL: url.replace('//', '//wr0ng-token@') }),
    secrets: ['t0ken-of-all', 'wr0ng-token'],
    login: { token: 't0ken-of-all' },
  },
  {
    name: 'the seed of an nkey',
    config: `authorization { users: [ { nkey: ${pair.getPublicKey()} } ] }`,
    env: (url) => ({ NATS_URL: url, CONCLAVE_NATS_SEED: seedOf(pair) }),
    wrong: (url) => ({ NATS_URL: url, NATS_NKEY: scratch.file('other.nk', seedOf(other)) }),
    secrets: [seedOf(pair), seedOf(other)],
    login: { authenticator: nkeyAuthenticator(pair.getSeed()) },
  },
  {
    name: 'a credentials file',
    ...ofJwt,
    env: (url) => ({ NATS_URL: url, NATS_CREDS: scratch.file('ada.creds', ada.creds) }),
    wrong: (url) => ({ NATS_URL: url, NATS_CREDS: scratch.file('eve.creds', eve.creds) }),
    secrets: jwtSecrets,
  },
  {
    name: 'a JWT and its seed',
    ...ofJwt,
    env: (url) => ({ NATS_URL: url, CONCLAVE_NATS_JWT: ada.jwt, CONCLAVE_NATS_SEED: ada.seed }),
    // The text itself, where mostly a path stands.
    wrong: (url) => ({ NATS_URL: url, NATS_CREDS: eve.creds }),
    secrets: jwtSecrets,
  },
];

const words: readonly (readonly string[])[] = [
  ['status', '--log-level', 'debug'],
  ['doctor'],
  ['doctor', '--json'],
  ['config', '--json'],
  ['verify'],
];

function outputs(env: Variables): Promise<readonly Ended[]> {
  return Promise.all(words.map((each) => conclave(each, { env })));
}

/** Every message of every stream, as text, with its headers. */
async function storedText(login: ConnectionOptions, url: string): Promise<string> {
  const nc = await connect({ ...login, servers: url });
  const manager = await nc.jetstreamManager();
  let stored = '';
  for await (const { config, state } of manager.streams.list()) {
    for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
      const message = await manager.streams.getMessage(config.name, { seq });
      stored += `${Buffer.from(message.data).toString('latin1')}\n`;
    }
  }
  await nc.close();
  return stored;
}

test.each(ways.map((way) => [way.name, way] as const))(
  '%s',
  async (_, { config, env, wrong, secrets, login }) => {
    const server = await startRawServer(`jetstream { store_dir: "$FOLDER/js" }\n${config}`);
    servers.push(server);
    const [right, refused] = [env(server.url), wrong(server.url)];
    const token = makeToken('web', ['read', 'operate']);
    const agent = startConclave(
      ['agent', '--id', 'ada', '--run', 'x=true', '--json', '--log-level', 'debug'],
      { env: right },
    );
    await agent.line(/"kind":"joined"/);
    const serve = startConclave(
      ['serve', '--json', '--log-level', 'debug', '--port', String(await freePort())],
      {
        env: {
          ...right,
          CONCLAVE_HTTP_TOKENS: scratch.file('tokens.json', JSON.stringify({ tokens: [token.entry] })),
        },
      },
    );
    const { url } = JSON.parse(await serve.line(/"kind":"serving"/)) as { url: string };
    const shown: string[] = [];
    for (const [path, authorization] of [
      ['/coordination/status', `Bearer ${token.token}`],
      ['/coordination/agents', `Bearer ${token.token}`],
      ['/metrics', `Bearer ${token.token}`],
      ['/coordination/tasks/none', `Bearer ${token.token}`],
      [`/coordination/tasks?token=${token.token}`, `Basic ${token.token}`],
    ] as const) {
      const answer = await fetch(`${url}${path}`, { headers: { Authorization: authorization } });
      shown.push(`${path.split('?')[0] ?? ''} ${answer.status} ${await answer.text()}`);
    }
    expect(shown.map((each) => each.split(' ')[1])).toEqual(['200', '200', '200', '404', '401']);
    const submitted = await conclave(['submit', 'x', '--wait', '--json'], { env: right });
    expect(submitted).toMatchObject({ exitCode: 0 });
    const taken = await outputs(right);
    // The doctor warns of what it cannot know; everything else works.
    expect(taken.map(({ exitCode }) => exitCode).filter((code) => code !== 0 && code !== 4)).toEqual([]);
    const turnedAway = await outputs(refused);
    expect(turnedAway.filter(({ exitCode }) => exitCode !== 0).length).toBeGreaterThanOrEqual(3);
    const stored = await storedText(login, server.url);
    expect(stored.length).toBeGreaterThan(0);

    const everything = [
      ...[...taken, ...turnedAway, submitted].flatMap(({ stdout, stderr }) => [stdout, stderr]),
      ...[agent, serve].flatMap((each) => [each.lines.join('\n'), each.said()]),
      ...shown,
      stored,
    ];
    expect(agent.said().length + serve.said().length).toBeGreaterThan(0);
    for (const secret of [...secrets, token.token]) {
      const where = everything.filter((each) => each.includes(secret));
      expect(where).toEqual([]);
    }
  },
  90_000,
);
