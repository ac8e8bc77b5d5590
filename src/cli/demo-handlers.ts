/**
 * What the agents of `conclave up` can do, to try a fleet out:
 *
 *   scan   {path}  looks at a file or folder and lists what is worth a look; default: the working folder
 *   echo   any     gives the payload back
 *   sleep  {ms}    takes that long; stops when it is aborted
 *   vote           rejects when proposal.data.threshold is above 0.99, approves everything else
 */
import { lstat, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Stats } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { DoNotRetry, type Handler } from '../runtime/attempts.ts';
import type { HandlerSet } from './handler-module.ts';
import { codeOf } from './values.ts';

const THRESHOLD_MAX = 0.99;
const ENTRIES_MAX = 10_000;
const FINDINGS_MAX = 100;
const LARGE_BYTES = 100 * 1024 ** 2;

const scan: Handler = async ({ payload }, { signal }) => {
  const path = resolve(field(payload, 'path', 'string', '.'));
  const about = await stats(path);
  const entries = about.isDirectory() ? (await readdir(path)).slice(0, ENTRIES_MAX) : [];
  const findings = findingsIn(path, about);
  let bytes = about.isFile() ? about.size : 0;
  for (const entry of entries) {
    signal.throwIfAborted();
    const inner = await lstat(join(path, entry)).catch(() => null);
    if (inner === null) continue;
    if (inner.isFile()) bytes += inner.size;
    findings.push(...findingsIn(join(path, entry), inner));
  }
  return { path, entries: entries.length, bytes, findings: findings.slice(0, FINDINGS_MAX) };
};

const sleep: Handler = async ({ payload }, { signal }) => {
  const ms = field(payload, 'ms', 'number', 1_000);
  await pause(ms, undefined, { signal });
  return { slept: ms };
};

export const demoHandlers: HandlerSet = {
  tasks: { scan, echo: ({ payload }) => payload, sleep },
  vote: ({ data }) => {
    const { threshold } = (data ?? {}) as { readonly threshold?: unknown };
    return typeof threshold === 'number' && threshold > THRESHOLD_MAX ? 'reject' : 'approve';
  },
};

async function stats(path: string): Promise<Stats> {
  try {
    return await lstat(path);
  } catch (error) {
    throw new DoNotRetry(`${path} cannot be looked at (${codeOf(error)})`);
  }
}

function findingsIn(path: string, about: Stats): { readonly path: string; readonly what: string }[] {
  const rules: [boolean, string][] = [
    [!about.isSymbolicLink() && (about.mode & 0o1002) === 0o002, 'anybody may write to it'],
    [about.isFile() && (about.mode & 0o6000) !== 0, 'it runs with the rights of its owner'],
    [about.isFile() && about.size > LARGE_BYTES, `it is large: ${about.size} bytes`],
  ];
  return rules.filter(([holds]) => holds).map(([, what]) => ({ path, what }));
}

/** A field of the payload, or its default. */
function field(payload: unknown, name: string, type: 'string', otherwise: string): string;
function field(payload: unknown, name: string, type: 'number', otherwise: number): number;
function field(payload: unknown, name: string, type: string, otherwise: unknown): unknown {
  const fields = (typeof payload === 'object' && payload !== null ? payload : {}) as Readonly<
    Record<string, unknown>
  >;
  const value = fields[name] ?? otherwise;
  if (typeof value !== type) throw new DoNotRetry(`payload.${name} must be a ${type}`);
  return value;
}
