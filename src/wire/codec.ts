/**
 * Bytes to values and back: MessagePack between our own processes, JSON for everything that a person may watch.
 * Either is understood everywhere: `Content-Type` decides, else the first byte (JSON text starts below 0x80, a
 * MessagePack map or array at 0x80 or above). An empty message is an empty object.
 */
import { Packr } from 'msgpackr';
import { ConclaveError } from '../domain/errors.ts';
import type { Headers } from '../ports.ts';

export type Format = 'json' | 'msgpack';

export const contentTypes: Readonly<Record<Format, string>> = {
  json: 'application/json',
  msgpack: 'application/msgpack',
};

/** Nesting of a message, maps and lists. */
export const DEPTH_MAX = 32;
/** Of a message in which the leader passes on what others sent. */
export const DEPTH_FORWARDED_MAX = 40;

// Records would use first bytes that JSON uses, and no other decoder reads them.
const packr = new Packr({
  useRecords: false,
  int64AsType: 'number',
  largeBigIntToFloat: true,
  moreTypes: false,
  copyBuffers: true,
});
const text = new TextEncoder();
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The bytes are the caller's: they share no memory with later ones. */
export function encode(value: unknown, format: Format): Uint8Array {
  return format === 'json' ? text.encode(JSON.stringify(value)) : packr.pack(value);
}

/** Throws `INVALID` when the bytes are neither, too deep, name prototype keys, or hold what JSON has no word for. */
export function decode(data: Uint8Array, headers: Headers = {}, depthMax = DEPTH_MAX): unknown {
  if (data.length === 0) return {};
  const value = parse(data, formatOf(data, headers));
  checkShape(value, depthMax, prototypeKeys);
  return value;
}

/** Of a leader's answer: its keys may be names that users chose, as the type `constructor` of a task. */
export function decodeAnswer(data: Uint8Array, headers: Headers): unknown {
  if (data.length === 0) return {};
  const value = parse(data, formatOf(data, headers));
  checkShape(value, DEPTH_FORWARDED_MAX, noKeys);
  return value;
}

/** Decodes bytes that this project's own processes wrote and somebody has already checked. */
export function decodeTrusted(data: Uint8Array): unknown {
  return packr.unpack(data);
}

export function formatOf(data: Uint8Array, headers: Headers): Format {
  const declared = headers['Content-Type'] ?? headers['content-type'];
  if (declared !== undefined) return declared.includes('json') ? 'json' : 'msgpack';
  return (data[0] ?? 0) < 0x80 ? 'json' : 'msgpack';
}

function parse(data: Uint8Array, format: Format): unknown {
  try {
    return format === 'json' ? (JSON.parse(utf8.decode(data)) as unknown) : (packr.unpack(data) as unknown);
  } catch (cause) {
    throw new ConclaveError('INVALID', `the message is not ${format === 'json' ? 'JSON' : 'MessagePack'}`, {
      cause,
    });
  }
}

/** `__proto_` is what msgpackr makes of `__proto__`. */
const prototypeKeys: ReadonlySet<string> = new Set(['__proto__', '__proto_', 'constructor', 'prototype']);
const noKeys: ReadonlySet<string> = new Set();

/** Half of a surrogate pair: valid in JSON text, lost in UTF-8, so that two readers would differ. */
const loneSurrogate = /\p{Surrogate}/u;

function checkShape(value: unknown, depth: number, forbidden: ReadonlySet<string>): void {
  if (typeof value === 'string') checkText(value);
  if (typeof value === 'bigint')
    throw new ConclaveError('INVALID', 'the message holds an integer above 64 bits');
  // JSON has no word for it, and would turn it into null.
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new ConclaveError('INVALID', `the message holds ${value}, which is no finite number`);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof Date)
    return;
  if (depth === 0) throw new ConclaveError('INVALID', 'the message nests too deep');
  if (Array.isArray(value)) {
    for (const item of value) checkShape(item, depth - 1, forbidden);
    return;
  }
  // MessagePack extensions that nobody here writes (sets, errors, regular expressions), which JSON would lose.
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    throw new ConclaveError('INVALID', `the message holds a ${value.constructor.name}; send plain data`);
  }
  for (const [key, item] of Object.entries(value)) {
    if (forbidden.has(key)) throw new ConclaveError('INVALID', `the key ${key} is not allowed`);
    checkText(key);
    checkShape(item, depth - 1, forbidden);
  }
}

function checkText(text: string): void {
  if (loneSurrogate.test(text))
    throw new ConclaveError('INVALID', 'the message holds half of a surrogate pair');
}
