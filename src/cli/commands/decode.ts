/**
 * `conclave decode`: a filter that shows any message of Conclave's as JSON, as in
 * `nats sub --translate 'conclave decode' 'conclave.>'`. Input of several JSON lines is decoded line by line.
 */
import type { Command } from 'commander';
import { buffer } from 'node:stream/consumers';
import { invalidField } from '../../domain/errors.ts';
import { sharedOptionsOf } from '../shared-options.ts';

export function addDecode(program: Command): void {
  program
    .command('decode')
    .description('standard input, JSON or MessagePack, as readable JSON')
    .action(decode);
}

async function decode(_options: object, command: Command): Promise<void> {
  const { isJson } = sharedOptionsOf(command);
  const input = await buffer(process.stdin);
  for (const value of await valuesIn(input)) {
    process.stdout.write(`${JSON.stringify(value, readable, isJson ? undefined : 2)}\n`);
  }
}

async function valuesIn(input: Buffer): Promise<unknown[]> {
  const codec = await import('../../wire/codec.ts');
  const format = codec.formatOf(input, {});
  try {
    return [codec.decode(input)];
  } catch (error) {
    const lines = input
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '');
    if (format === 'json' && lines.length > 1) return lines.map((line) => parsed(line));
    throw invalidField(
      'input',
      `must be a message in JSON or MessagePack (${input.length} bytes were read)`,
      error,
    );
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (error) {
    throw invalidField('input', `has a line that is not JSON: ${line.slice(0, 60)}`, error);
  }
}

/** JSON has no bytes: they are shown in base64. */
function readable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (!isBytes(value)) return value;
  return { base64: Buffer.from(value instanceof Uint8Array ? value : value.data).toString('base64') };
}

/** A Buffer arrives here already turned into `{type: 'Buffer', data: […]}` by its own toJSON. */
function isBytes(value: unknown): value is Uint8Array | { readonly data: readonly number[] } {
  if (value instanceof Uint8Array) return true;
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    value.type === 'Buffer' &&
    'data' in value
  );
}
