/** The manifests of infra/kubernetes: against Kubernetes' schemas, our command and nats-server. */
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Namespace, Service, type IContainer } from 'kubernetes-models/v1';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { defaultSettings } from '../../src/index.ts';
import { checkConfiguration } from '../support/configured-servers.ts';
import { newScratch, runWithoutNats } from '../support/deployed-command.ts';
import { textOf } from '../support/docs.ts';

/** A process for each command, on a machine that may be busy. */
vi.setConfig({ testTimeout: 60_000 });

const scratch = newScratch();
afterAll(() => {
  scratch.remove();
});

const models = [ConfigMap, Deployment, Namespace, PodDisruptionBudget, Service, StatefulSet] as const;
type Kind = 'ConfigMap' | 'Deployment' | 'Namespace' | 'PodDisruptionBudget' | 'Service' | 'StatefulSet';
type Manifest = Readonly<Record<string, unknown>> & {
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: { readonly name: string; readonly namespace?: string };
};

const folder = 'infra/kubernetes';
const { resources, namespace } = parse(textOf(`${folder}/kustomization.yaml`)) as {
  readonly resources: readonly string[];
  readonly namespace: string;
};
const manifests = resources.flatMap((name) =>
  parseAllDocuments(textOf(`${folder}/${name}`)).map((document) => document.toJS() as Manifest),
);
const named = manifests.map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, manifest] as const);

/** What the user makes, as docs/deployment.md says. */
const secrets: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'nats-login': { NATS_USER: 'fleet', NATS_PASSWORD: 'secret' },
  'nats-routes': { NATS_ROUTE_PASSWORD: 'secret' },
  'http-tokens': {},
};

test.each(named)('%s is as Kubernetes has it, and in our namespace', (_, manifest) => {
  const model = models.find(
    ({ apiVersion, kind }) => apiVersion === manifest.apiVersion && kind === manifest.kind,
  );
  expect(model).toBeDefined();
  if (model !== undefined) new model(manifest).validate();
  if (manifest.kind !== 'Namespace') expect(manifest.metadata.namespace).toBe(namespace);
});

const workloads = manifests.filter(({ kind }) => kind === 'StatefulSet' || kind === 'Deployment');
const pods = workloads.map((manifest) => {
  const { spec } = new StatefulSet(manifest);
  const [container] = spec?.template.spec?.containers ?? [];
  if (spec === undefined || container === undefined)
    throw new Error(`${manifest.metadata.name}: no container`);
  return { name: manifest.metadata.name, spec, container };
});

test('a selector finds its pods, and a service and a budget theirs', () => {
  const labels = pods.map(({ spec }) => JSON.stringify(spec.template.metadata?.labels));
  const selectors = [
    ...pods.map(({ spec }) => spec.selector.matchLabels),
    ...specsOf<{ selector: unknown }>('Service').map(({ selector }) => selector),
    ...specsOf<{ selector: { matchLabels: unknown } }>('PodDisruptionBudget').map(
      ({ selector }) => selector.matchLabels,
    ),
  ].map((selector) => JSON.stringify(selector));
  expect(selectors).toHaveLength(9);
  expect(selectors.filter((selector) => !labels.includes(selector))).toEqual([]);
});

test.each(pods)('the probes of $name go to ports that it has', ({ container }) => {
  const ports = (container.ports ?? []).map(({ name }) => name);
  for (const probe of [container.readinessProbe, container.livenessProbe]) {
    expect(ports).toContain(probe?.httpGet?.port);
  }
});

test.each(pods.filter(({ container }) => container.image === 'conclave'))(
  'the command understands what $name tells it',
  async ({ container }) => {
    const env = environmentOf(container, { 'metadata.name': 'agent-0' });
    const words = (container.args ?? []).map((word) => expanded(word, env));
    const handlers = dataOf('handlers')['handlers.mjs'] ?? '';
    const files = {
      '/handlers/handlers.mjs': scratch.file('handlers.mjs', handlers),
      '/tokens/http-tokens.json': scratch.tokens(),
    };
    const ended = await runWithoutNats({ words, env, files });
    expect(ended).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('no NATS server answers') });
  },
);

describe('an agent that is to end', () => {
  const agent = pods.find(({ name }) => name === 'agent');
  const [shell, option, script = ''] = agent?.container.lifecycle?.preStop?.exec?.command ?? [];
  const env = agent === undefined ? {} : environmentOf(agent.container, { 'metadata.name': 'agent-0' });
  // What no kubelet expands there, the shell does.
  const [name, ...words] = script.replaceAll('"$POD_NAME"', env['POD_NAME'] ?? '').split(' ');

  test('is drained first, by a command that is understood and gives up in time', async () => {
    expect([shell, option, name, ...words.slice(0, 2)]).toEqual(['sh', '-c', 'conclave', 'drain', 'agent-0']);
    const ended = await runWithoutNats({ words, env, files: {} });
    expect(ended).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('no NATS server answers') });
  });

  test('has more time than draining and leaving take', () => {
    const drainMs = Number(words[words.indexOf('--timeout') + 1]);
    const { leaveGraceMs, resendMs } = defaultSettings;
    const neededMs = drainMs + leaveGraceMs + 4 * resendMs;
    expect(drainMs).toBeGreaterThan(0);
    expect(1_000 * (agent?.spec.template.spec?.terminationGracePeriodSeconds ?? 0)).toBeGreaterThan(
      neededMs + 5_000,
    );
  });
});

test('NATS is configured by infra/nats, and accepts it', async () => {
  const data = dataOf('nats');
  expect(data['server.conf']).toBe(textOf('infra/nats/server.conf'));
  expect(data['cluster.conf']).toBe(textOf('infra/nats/three-nodes/cluster.conf'));
  const nats = pods.find(({ name }) => name === 'nats');
  if (nats === undefined) throw new Error('no pod of NATS');
  const volume = nats.spec.template.spec?.volumes?.find(({ name }) => name === 'configuration');
  const etc = mkdtempSync(join(tmpdir(), 'conclave-nats-conf-'));
  for (const { key, path } of volume?.configMap?.items ?? []) {
    mkdirSync(dirname(join(etc, path)), { recursive: true });
    writeFileSync(join(etc, path), data[key] ?? '');
  }
  const file = nats.container.args?.at(-1)?.replace('/etc/nats', etc) ?? '';
  const env = environmentOf(nats.container, { 'metadata.name': 'nats-0' });
  expect(await checkConfiguration(file, env)).toMatch(/configuration file .* is valid/);
  rmSync(etc, { recursive: true, force: true });
});

function specsOf<T>(kind: Kind): T[] {
  return manifests.filter((manifest) => manifest.kind === kind).map((manifest) => manifest['spec'] as T);
}

function dataOf(name: string): Readonly<Record<string, string>> {
  const found = manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name);
  if (found === undefined) throw new Error(`no ConfigMap ${name}`);
  return found['data'] as Readonly<Record<string, string>>;
}

/** As the kubelet puts it together. */
function environmentOf(
  container: IContainer,
  fields: Readonly<Record<string, string>>,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef?.name !== undefined) Object.assign(env, dataOf(configMapRef.name));
    if (secretRef?.name !== undefined) Object.assign(env, secretNamed(secretRef.name));
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const { fieldRef, secretKeyRef } = valueFrom ?? {};
    const found =
      value === undefined
        ? (fields[fieldRef?.fieldPath ?? ''] ??
          secretNamed(secretKeyRef?.name ?? '')[secretKeyRef?.key ?? ''])
        : expanded(value, env);
    if (found === undefined) throw new Error(`${name} has no value`);
    env[name] = found;
  }
  return env;
}

function secretNamed(name: string): Readonly<Record<string, string>> {
  const found = secrets[name];
  if (found === undefined) throw new Error(`no secret ${name}`);
  return found;
}

/** `$(NAME)`; one that is not known yet stays as it is, and is a fault. */
function expanded(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\(([A-Z_]+)\)/g, (_, name: string) => {
    const value = env[name];
    if (value === undefined) throw new Error(`${name} is not known where it is used`);
    return value;
  });
}
