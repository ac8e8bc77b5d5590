/** docs/configuration.md says what the keys are, and its example is right. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configurationOf } from '../../src/cli/config/configuration.ts';
import { keyAt, keyPaths, variablesOf, type KeyPath } from '../../src/cli/config/keys.ts';
import { layersOfFile } from '../../src/cli/config/layers.ts';
import { blocksByHeading, tableRows, textOf } from '../support/docs.ts';

const text = textOf('docs/configuration.md');

test('every key is documented as it is, and no other', () => {
  const documented = tableRows(text).filter((row) => row.length === 6);
  const expected = keyPaths.filter((path) => !path.startsWith('settings.')).map(rowOf);
  expect(documented).toEqual(expected);
});

function rowOf(path: KeyPath): string[] {
  const { shape, unit, reason } = keyAt(path);
  const variables = variablesOf(path).map(({ variable }) => `\`${variable}\``);
  return [`\`${path}\``, shape.allowed, defaultOf(path), unit, variables.join(', '), reason];
}

function defaultOf(path: KeyPath): string {
  const { fallback } = keyAt(path);
  const shown = Array.isArray(fallback)
    ? fallback.join()
    : typeof fallback === 'object'
      ? ''
      : (fallback as string | undefined);
  return shown === undefined || shown === '' ? '' : `\`${shown}\``;
}

test('its example is a file that is taken, and says what it seems to', async () => {
  const [example = ''] = blocksByHeading(text, 'yaml').get('The file') ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'conclave-doc-'));
  const file = join(folder, 'conclave.yaml');
  writeFileSync(file, example);
  const configuration = configurationOf(await layersOfFile(file), { hasLogin: true });
  rmSync(folder, { recursive: true });
  expect(configuration.value('agent.slots')).toBe(4);
  expect(configuration.value('nats.creds')).toBe(join(folder, 'keys/ada.creds'));
  expect(configuration.settings).toEqual({ heartbeatIntervalMs: 500 });
});
