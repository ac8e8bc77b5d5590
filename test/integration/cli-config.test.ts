/** The configuration as the command takes it: from all places, and what it says to mistakes in each. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { conclave, startConclave, type Ended, type Surroundings } from '../support/command.ts';
import { freePort } from '../support/free-port.ts';
import { withServer } from '../support/nats-server.ts';
import { makeOperator } from '../support/operator.ts';
import { startRawServer, type RawServer } from '../support/raw-server.ts';

vi.setConfig({ testTimeout: 60_000 });

const root = mkdtempSync(join(tmpdir(), 'conclave-config-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folder = root;
let count = 0;
beforeEach(() => {
  folder = join(root, String(++count));
  mkdirSync(folder);
});
function file(name: string, text: string | object): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof text === 'string' ? text : JSON.stringify(text));
  return path;
}
const run = (words: readonly string[], env: Surroundings['env'] = {}): Promise<Ended> =>
  conclave(words, { cwd: folder, env: { XDG_CONFIG_HOME: join(folder, 'xdg'), ...env } });

interface Shown {
  readonly file: string | null;
  readonly keys: readonly { readonly key: string; readonly value: unknown; readonly from: object }[];
  readonly warnings: readonly string[];
}
async function shown(words: readonly string[] = [], env: Surroundings['env'] = {}): Promise<Shown> {
  const { exitCode, stdout, stderr } = await run(['config', '--json', ...words], env);
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  return JSON.parse(stdout) as Shown;
}
/** Value and origin of the keys that were given. */
async function given(words: readonly string[] = [], env: Surroundings['env'] = {}): Promise<object> {
  const { keys } = await shown(words, env);
  const some = keys.filter(({ from }) => (from as { kind: string }).kind !== 'default');
  return Object.fromEntries(some.map(({ key, value, from }) => [key, [value, ...Object.values(from)]]));
}

async function refused(words: readonly string[], env: Surroundings['env'] = {}): Promise<string> {
  const ended = await run(words, env);
  expect(ended).toMatchObject({ exitCode: 2, stdout: '' });
  expect(ended.stderr).toMatch(/^conclave: [^\n]+\n$/);
  return ended.stderr;
}

describe('where a value comes from', () => {
  test('option over variable over file over default', async () => {
    const conf = file(
      'conclave.yaml',
      'fleet: filed\nlogLevel: error\ntimeoutMs: 700\nhttp:\n  port: 8300\n',
    );
    const env = { CONCLAVE_FLEET: 'varied', CONCLAVE_LOG_LEVEL: 'info' };
    expect(await given(['--fleet', 'named'], env)).toEqual({
      fleet: ['named', 'option', '--fleet'],
      logLevel: ['info', 'variable', 'CONCLAVE_LOG_LEVEL'],
      timeoutMs: [700, 'file', conf, 3],
      'http.port': [8_300, 'file', conf, 5],
    });
  });

  test('--set gives any key, and the option of its own is stronger', async () => {
    const words = ['--set', 'settings.quorum=0.6', '--set', 'fleet=a', '--fleet', 'b'];
    expect(await given(words)).toEqual({
      fleet: ['b', 'option', '--fleet'],
      'settings.quorum': [0.6, 'option', '--set'],
    });
  });

  test("NATS's variables count, and ours before them", async () => {
    const env = { NATS_URL: 'nats://a:1,nats://b:2', NATS_TIMEOUT: '1m30s', NATS_CREDS: '/x.creds' };
    expect(await given([], env)).toMatchObject({
      servers: [['nats://a:1', 'nats://b:2'], 'variable', 'NATS_URL'],
      timeoutMs: [90_000, 'variable', 'NATS_TIMEOUT'],
      'nats.creds': ['/x.creds', 'variable', 'NATS_CREDS'],
    });
    expect(await given([], { ...env, CONCLAVE_SERVERS: 'nats://c:3' })).toMatchObject({
      servers: [['nats://c:3'], 'variable', 'CONCLAVE_SERVERS'],
    });
  });

  test('the file: named by an option, by a variable, in the working folder, in that of the user', async () => {
    const own = file('xdg/conclave/conclave.json', { fleet: 'own' });
    expect(await shown()).toMatchObject({ file: own });
    const here = file('conclave.yml', 'fleet: here');
    expect(await shown()).toMatchObject({ file: here });
    const varied = file('varied.json', { fleet: 'varied' });
    expect(await shown([], { CONCLAVE_CONFIG: varied })).toMatchObject({ file: varied });
    const named = file('named.yaml', 'fleet: named');
    expect(await given(['--config', named], { CONCLAVE_CONFIG: varied })).toEqual({
      fleet: ['named', 'file', named, 1],
    });
  });

  test('paths in a file start at its folder', async () => {
    file('conclave.yaml', 'nats: { creds: keys/ada.creds, tlsCa: /etc/ca.pem }');
    expect(await given()).toMatchObject({
      'nats.creds': [join(folder, 'keys/ada.creds'), 'file', expect.anything(), 1],
      'nats.tlsCa': ['/etc/ca.pem', 'file', expect.anything(), 1],
    });
  });

  test('secrets are hidden, wherever they stand', async () => {
    const env = { NATS_URL: 'nats://ada:s3cret@a:4222' };
    expect(await given([], env)).toEqual({
      servers: [['nats://a:4222'], 'variable', 'NATS_URL'],
      'nats.user': ['ada', 'variable', 'NATS_URL'],
      'nats.password': ['(hidden)', 'variable', 'NATS_URL'],
    });
    expect(await given([], { NATS_USER: 't0ken' })).toEqual({
      'nats.user': ['(hidden)', 'variable', 'NATS_USER'],
    });
    file('conclave.yaml', 'nats:\n  token: 5');
    expect(await refused(['config'], {})).toContain(
      'nats.token must be a text of 1 to 4096 characters, not what is there',
    );
  });
});

describe('the login of the strongest place counts, as a whole', () => {
  const login = { 'nats.creds': ['/x.creds', 'variable', 'NATS_CREDS'] };

  test('another way of a weaker place is dropped', async () => {
    file('conclave.yaml', 'nats: { user: ada, password: s3cret }');
    expect(await given([], { NATS_CREDS: '/x.creds' })).toEqual(login);
  });

  test('a password may stand elsewhere than its name', async () => {
    file('conclave.yaml', 'nats: { user: ada }');
    expect(await given([], { NATS_PASSWORD: 's3cret' })).toMatchObject({
      'nats.user': ['ada', 'file', expect.anything(), 1],
      'nats.password': ['(hidden)', 'variable', 'NATS_PASSWORD'],
    });
  });

  test('two ways in one place are refused', async () => {
    const text = await refused(['config'], { NATS_CREDS: '/x', NATS_TOKEN: 't0ken' });
    expect(text).toContain('nats.token (NATS_TOKEN) and nats.creds (NATS_CREDS)');
    expect(text).not.toContain('t0ken');
  });

  test('--no-login drops what is not on the command line', async () => {
    expect(await given(['--no-login'], { NATS_CREDS: '/x.creds', NATS_CA: '/ca.pem' })).toEqual({});
    expect(await given(['--no-login', '--token', 'x'], { NATS_CREDS: '/x.creds' })).toEqual({
      'nats.token': ['(hidden)', 'option', '--token'],
    });
  });
});

describe('contexts of the NATS command', () => {
  const context = (name: string, fields: object): string => file(`xdg/nats/context/${name}.json`, fields);

  test('the selected one gives what nothing else does', async () => {
    const at = context('prod', {
      description: 'x',
      ...{ url: 'nats://a:1,nats://b:2', creds: '/x.creds', cert: '', nkey: '', tls_first: true },
      ...{ jetstream_domain: 'hub', inbox_prefix: '_INBOX_me', ca: '/ca.pem' },
    });
    file('xdg/nats/context.txt', 'prod\n');
    const from = ['context', 'prod', at];
    expect(await given()).toEqual({
      servers: [['nats://a:1', 'nats://b:2'], ...from],
      'nats.creds': ['/x.creds', ...from],
      'nats.tlsCa': ['/ca.pem', ...from],
      'nats.tlsFirst': [true, ...from],
      'nats.jetstreamDomain': ['hub', ...from],
      'nats.inboxPrefix': ['_INBOX_me', ...from],
    });
    expect(await given(['--no-context'])).toEqual({});
    file('conclave.yaml', 'servers: nats://filed:1');
    expect(await given()).toMatchObject({ servers: [['nats://filed:1'], 'file', expect.anything(), 1] });
  });

  test('one that an option or a variable names is stronger than the file, and weaker than variables', async () => {
    context('prod', { url: 'nats://prod:1' });
    const other = context('test', { url: 'nats://test:1' });
    file('xdg/nats/context.txt', 'prod');
    file('conclave.yaml', 'servers: nats://filed:1');
    const servers = [['nats://test:1'], 'context', 'test', other];
    expect(await given(['--context', 'test'])).toMatchObject({ servers });
    expect(await given([], { NATS_CONTEXT: 'test' })).toMatchObject({ servers });
    expect(await given(['--context', other])).toMatchObject({ servers });
    expect(await given(['--context', 'test'], { NATS_URL: 'nats://varied:1' })).toMatchObject({
      servers: [['nats://varied:1'], 'variable', 'NATS_URL'],
    });
  });

  test('what is not understood is warned of', async () => {
    context('odd', { url: 'nats://a:1', nsc: 'nsc://o/a/u', jetstream_api_prefix: '' });
    const { warnings } = await shown(['--context', 'odd']);
    expect(warnings).toEqual([expect.stringMatching(/^context odd has nsc, which is not understood here/)]);
  });

  test('mistakes name the context and its file', async () => {
    context('prod', { url: 'http://a' });
    file('xdg/nats/context/broken.json', '{"password":"s3cret"');
    const there = 'there are broken, prod; --no-context does without';
    expect(await refused(['status', '--context', 'none'])).toContain(there);
    expect(await refused(['status', '--context', '../prod'])).toContain('must be the name of a context');
    const broken = await refused(['status', '--context', 'broken']);
    expect(broken).toMatch(/context names broken, whose file \S+\/broken\.json is no JSON/);
    expect(broken).not.toContain('s3cret');
    expect(await refused(['status', '--context', 'prod'])).toMatch(
      /servers must be like .* \(url of context prod, /,
    );
    file('xdg/nats/context.txt', 'gone');
    expect(await refused(['status'])).toContain('context names gone');
  });
});

describe('mistakes are named with their place, what is allowed, and what was perhaps meant', () => {
  test('in a file', async () => {
    const conf = file('conclave.yaml', '\nflet: a');
    const message = `flet is unknown; did you mean fleet? (${conf}:2)`;
    expect(await refused(['config', '--check', conf])).toContain(message);
    expect(await refused(['status'])).toContain(message);
  });

  test('relations hold over all places together, and each value is named with its place', async () => {
    const conf = file('conclave.yaml', 'settings:\n  deadAfterIntervals: 4\n');
    const env = { CONCLAVE_SETTINGS_SUSPECT_AFTER_INTERVALS: '4' };
    expect(await refused(['status'], env)).toContain(
      `settings.deadAfterIntervals must be above suspectAfterIntervals (settings.deadAfterIntervals is 4, ${conf}:2; ` +
        'settings.suspectAfterIntervals is 4, CONCLAVE_SETTINGS_SUSPECT_AFTER_INTERVALS)',
    );
  });

  test('in variables and in --set', async () => {
    expect(await refused(['status'], { CONCLAVE_HTTP_PORT: 'tcp://10.0.0.1:8200' })).toContain(
      'http.port must be an integer from 1 to 65535 (CONCLAVE_HTTP_PORT)',
    );
    expect(await refused(['status'], { NATS_TIMEOUT: 'soon' })).toContain(
      'a duration like 5s or 500ms (NATS_TIMEOUT)',
    );
    expect(await refused(['status', '--set', 'flet=a'])).toContain(
      'flet is unknown; did you mean fleet? (--set)',
    );
    expect(await refused(['status', '--set', 'fleet'])).toContain('set must be key=value');
    expect(await refused(['status', '--config', '/nowhere.yaml'])).toContain(
      'config names the file /nowhere.yaml, which cannot be read (ENOENT)',
    );
    const { warnings } = await shown([], { CONCLAVE_HTTP_PROT: '1' });
    expect(warnings).toEqual([expect.stringContaining("CONCLAVE_HTTP_PROT is no variable of Conclave's")]);
  });

  test('a login that cannot be used is named with its place, before anything is dialled', async () => {
    expect(await refused(['status'], { NATS_CREDS: '/nowhere.creds' })).toContain(
      'creds names the file /nowhere.creds, which cannot be read (ENOENT) (NATS_CREDS)',
    );
    expect(await refused(['agent', '--id', 'a', '--run', 'x=true', '--nkey', root])).toContain(
      `nkey names the file ${root}, which cannot be read (EISDIR) (--nkey)`,
    );
    expect(await refused(['status', '--tlscert', '/a.pem'])).toContain(
      'nats.tlsCert needs nats.tlsKey (--tlscert)',
    );
  });

  test('commands that need no fleet work all the same', async () => {
    file('conclave.yaml', 'nonsense: 1');
    expect(await run(['graph', 'task'])).toMatchObject({ exitCode: 0 });
    expect(await run(['config', '--schema'])).toMatchObject({ exitCode: 0 });
  });
});

test('--schema is a JSON Schema that takes what the command takes, and no more', async () => {
  const { stdout } = await run(['config', '--schema']);
  const check = new Ajv2020({ allowUnionTypes: true, strictTypes: false }).compile(
    JSON.parse(stdout) as object,
  );
  const right =
    'fleet: a\nservers: [nats://a]\nagent: { labels: { zone: b }, run: { "*": ./x } }\nsettings: { maxRetries: 0 }';
  expect(check(parse(right))).toBe(true);
  const conf = file('right.yaml', right);
  const checked = await run(['config', '--check', conf, '--json']);
  expect(JSON.parse(checked.stdout)).toEqual({
    ok: true,
    file: conf,
    keys: ['fleet', 'servers', 'agent.labels', 'agent.run', 'settings.maxRetries'],
  });
  for (const wrong of ['flet: a', 'http: { port: 0 }', 'settings: { resendMs: 0 }'])
    expect(check(parse(wrong)), wrong).toBe(false);
});

describe('what is configured is what runs', () => {
  const server = withServer();

  test('an agent by its file alone, a server by variables: id, capabilities, labels, settings', async () => {
    const conf = file(
      'agent.yaml',
      [
        `servers: ${server().url}`,
        'fleet: filed',
        'agent: { id: ada, capabilities: [scan], priority: 7, slots: 3, labels: { zone: b }, run: { echo: cat } }',
        'settings: { maxRetries: 0, retryBackoffMs: 1 }',
      ].join('\n'),
    );
    const agent = startConclave(['agent', '--config', conf], { cwd: folder });
    await agent.line(/ada has joined fleet filed/);
    const env = { CONCLAVE_FLEET: 'filed', CONCLAVE_SERVERS: server().url };
    const { stdout } = await run(['agents', '--json'], env);
    expect(JSON.parse(stdout)).toMatchObject([
      { id: 'ada', capabilities: ['scan'], priority: 7, slots: 3, labels: { zone: 'b' } },
    ]);
    // The leader's settings are those of its file: a failed task is not tried again.
    const bad = startConclave(
      ['agent', '--id', 'bob', '--run', 'fail=false', '--servers', server().url, '--fleet', 'filed'],
      { cwd: folder },
    );
    await bad.line(/bob has joined/);
    const task = await run(['submit', 'fail', '--wait', '--json'], env);
    expect(task.exitCode).toBe(1);
    const { id } = JSON.parse(task.stdout) as { id: string };
    const { attempts } = JSON.parse((await run(['task', id, '--json'], env)).stdout) as {
      attempts: object[];
    };
    expect(attempts).toHaveLength(1);
    const port = await freePort();
    const serve = startConclave(['serve'], { env: { ...env, CONCLAVE_HTTP_PORT: String(port) } });
    expect(await serve.line(/is served at/)).toContain(`http://127.0.0.1:${port}`);
  });

  test('`up` is a fleet of its own whatever is selected, and its hints say so', async () => {
    file('xdg/nats/context/far.json', {
      url: 'nats://far.example:1',
      creds: '/nowhere.creds',
      jetstream_domain: 'far',
    });
    file('xdg/nats/context.txt', 'far');
    file('conclave.yaml', 'agent: { electable: false, replicas: 3 }\nup: { agents: 1 }\nfleet: own\n');
    const up = startConclave(['up', '--no-http', '--set', 'settings.quorum=0.9'], {
      cwd: folder,
      env: { XDG_CONFIG_HOME: join(folder, 'xdg'), CONCLAVE_UP_PORT: '' },
    });
    await up.line(/own: agent_1 leads/);
    const hint = (await up.line(/conclave agents/)).trim().split(' ').slice(1);
    expect(hint).toEqual(expect.arrayContaining(['--no-context', '--no-login', '--fleet', 'own']));
    expect(await run(hint)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('agent_1') });
  });
});

describe('with a login', () => {
  const servers: RawServer[] = [];
  afterEach(async () => {
    for (const each of servers.splice(0)) await each.stop();
  });

  test('the selected context brings agents and commands in', async () => {
    const operator = makeOperator();
    const server = await startRawServer(`jetstream { store_dir: "$FOLDER/js" }\n${operator.config}`);
    servers.push(server);
    const creds = file('ada.creds', operator.user('ada').creds);
    file('xdg/nats/context/site.json', { url: server.url, creds });
    file('xdg/nats/context.txt', 'site');
    const env = { XDG_CONFIG_HOME: join(folder, 'xdg') };
    const agent = startConclave(['agent', '--id', 'ada', '--run', 'echo=cat'], { cwd: folder, env });
    await agent.line(/ada has joined/);
    const done = await run(['submit', 'echo', '--payload', '"hello"', '--wait', '--json']);
    expect(JSON.parse(done.stdout)).toMatchObject({ status: 'completed', result: 'hello' });
    const nobody = await run(['status', '--no-login']);
    expect(nobody).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('refused the credentials') });
    const parts = operator.user('bob');
    const byVariables = {
      NATS_URL: server.url,
      NATS_JWT: parts.jwt,
      NATS_SEED: parts.seed,
      XDG_CONFIG_HOME: root,
    };
    expect(await run(['status'], byVariables)).toMatchObject({ exitCode: 0 });
  });
});
