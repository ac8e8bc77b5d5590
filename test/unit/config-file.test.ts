/** The configuration file: mistakes are named with file, line, key, what is allowed, and what was perhaps meant. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { configurationOf, type Configuration } from '../../src/cli/config/configuration.ts';
import { keyAt, keyPaths, variableOf, variablesOf } from '../../src/cli/config/keys.ts';
import { layersOfFile } from '../../src/cli/config/layers.ts';
import { ConclaveError } from '../../src/domain/errors.ts';
import { defaultSettings, settingsFrom } from '../../src/domain/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'conclave-file-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const conf = join(folder, 'conclave.yaml');

async function read(text: string): Promise<Configuration> {
  writeFileSync(conf, text);
  return configurationOf(await layersOfFile(conf), { hasLogin: true });
}

describe('a mistake', () => {
  test.each([
    ['fleet: a b', 'fleet must be 1–63 of A-Z a-z 0-9 _ -, not "a b" (FILE:1)'],
    ['\nflet: a', 'flet is unknown; did you mean fleet? (FILE:2)'],
    ['http:\n  prot: 1', 'http.prot is unknown; did you mean http.port? (FILE:2)'],
    ['http:\n  nonsense: 1', 'http.nonsense is unknown; known are port, host, tokens, origins'],
    ['settings:\n  heartbeatIntervallMs: 5', 'did you mean settings.heartbeatIntervalMs? (FILE:2)'],
    ['http: 8200', 'http must be a map of port, host, tokens, origins'],
    ['http: { port: "8200" }', 'http.port must be an integer from 1 to 65535, not "8200" (FILE:1)'],
    ['http: { port: 0 }', 'http.port must be an integer from 1 to 65535, not 0 (FILE:1)'],
    ['agent: { electable: yes }', 'agent.electable must be true or false, not "yes" (FILE:1)'],
    ['agent: { capabilities: scan }', 'agent.capabilities must be a list of names, not "scan" (FILE:1)'],
    ['agent: { replicas: 2 }', 'agent.replicas must be one of 1, 3, not 2 (FILE:1)'],
    ['agent: { labels: { a b: c } }', 'agent.labels must be a map of names to texts'],
    ['servers: [http://a]', 'servers must be like nats://127.0.0.1:4222'],
    ['settings: { quorum: 2 }', 'settings.quorum must not be above 1 (settings.quorum is 2, FILE:1)'],
    ['settings: { quorum: -1 }', 'settings.quorum must be a number above 0, not -1 (FILE:1)'],
    ['fleet:', 'fleet must be 1–63 of A-Z a-z 0-9 _ -, not null (FILE:1)'],
    ['a: 1\nb: 2', 'a is unknown; known are fleet, servers, context'],
    ['fleet: a\nfleet: b', 'which is no YAML: line 2:'],
    ['fleet: [', 'which is no YAML: line 1:'],
    ['- fleet', 'which must be a map of keys'],
  ])('%j', async (text, message) => {
    const error: unknown = await read(text).catch((reason: unknown) => reason);
    if (!(error instanceof ConclaveError)) throw new Error(`it was taken: ${text}`);
    expect(error.code).toBe('INVALID');
    expect(error.message).toContain(message.replace('FILE', conf));
    expect(error.message).not.toContain('\n');
  });
});

test('all mistakes are named at once', async () => {
  const error: unknown = await read('flet: a\nhttp: { port: 0 }').catch((reason: unknown) => reason);
  expect((error as ConclaveError).fields.map(({ field }) => field)).toEqual(['flet', 'http.port']);
});

test.each(['', '# nothing\n', 'http:\n', '{}', '---\n'])('%j: the defaults', async (text) => {
  const configuration = await read(text);
  expect(configuration.settings).toEqual({});
  expect(configuration.value('http.port')).toBe(8_200);
});

test('anchors and aliases, as YAML has them', async () => {
  const configuration = await read(
    'agent: { capabilities: &c [a, b], id: x }\nhttp: { origins: [] }\nup:\n  dir: &d data',
  );
  expect(configuration.value('agent.capabilities')).toEqual(['a', 'b']);
  expect(configuration.value('up.dir')).toBe(join(folder, 'data'));
});

test('every default is one that a file may give', async () => {
  const paths = keyPaths.filter((path) => keyAt(path).fallback !== undefined);
  for (const path of paths) {
    const [first = '', second] = path.split('.');
    const value = JSON.stringify(keyAt(path).fallback);
    const text = second === undefined ? `${first}: ${value}` : `${first}: { ${second}: ${value} }`;
    expect((await read(text)).entry(path).value, path).toEqual(keyAt(path).fallback);
  }
});

test('what the file takes of a setting is what the fleet takes', () => {
  for (const name of Object.keys(defaultSettings)) {
    const path = `settings.${name}` as 'settings.maxRetries';
    const isZeroAllowed = isTaken(
      () => settingsFrom({ [name]: 0 }),
      `settings.${name} must be a number above 0`,
    );
    expect(
      isTaken(() => keyAt(path).shape.parse(path)('0'), 'above 0'),
      name,
    ).toBe(isZeroAllowed);
  }
});

/** Whether it is not refused with that message. */
function isTaken(give: () => unknown, message: string): boolean {
  try {
    give();
    return true;
  } catch (error) {
    return !(error as Error).message.includes(message);
  }
}

test('no two keys have a variable in common, and each has one of its own', () => {
  const all = keyPaths.flatMap((path) => variablesOf(path).map(({ variable }) => variable));
  expect(new Set(all).size).toBe(all.length);
  expect(variableOf('settings.heartbeatIntervalMs')).toBe('CONCLAVE_SETTINGS_HEARTBEAT_INTERVAL_MS');
  expect(variableOf('natsServer')).toBe('CONCLAVE_NATS_SERVER');
});
