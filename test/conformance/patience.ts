/** What the suites wait with: callbacks as promises, messages as they are heard, text as bytes. */
import { expect } from 'vitest';
import type {
  AppendOutcome,
  BoundsOutcome,
  Bus,
  DropOutcome,
  Incoming,
  Ledger,
  LedgerConnection,
  LoadOutcome,
  Outgoing,
  PurgeOutcome,
  RequestOutcome,
  SaveOutcome,
  SlotOutcome,
  StoredSnapshot,
} from '../../src/ports.ts';
import type { ConformanceWorld } from './world.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const bytes = (text: string): Uint8Array => encoder.encode(text);
export const text = (data: Uint8Array): string => decoder.decode(data);

/** Collects what a callback hears; `until` resolves when it has heard that many. */
export class Heard<T> {
  readonly all: T[] = [];
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  readonly push = (item: T): void => {
    this.all.push(item);
    for (const { count, resolve } of this.#waiting) if (this.all.length >= count) resolve();
  };

  until(count: number): Promise<T[]> {
    return new Promise((resolve) => {
      const ready = (): void => resolve(this.all);
      if (this.all.length >= count) ready();
      else this.#waiting.push({ count, resolve: ready });
    });
  }
}

/** Texts of the messages that arrive at `subject`. */
export function listen(bus: Bus, subject: string): Heard<string> {
  const heard = new Heard<string>();
  bus.subscribe(subject, (message: Incoming) => heard.push(text(message.data)));
  return heard;
}

export function ask(
  world: ConformanceWorld,
  bus: Bus,
  message: Outgoing & { readonly timeoutMs: number },
): Promise<RequestOutcome> {
  return world.settle(new Promise((resolve) => bus.request(message, resolve)));
}

/** When this resolves, the broker knows every subscription that the bus made before. */
export async function known(world: ConformanceWorld, bus: Bus): Promise<void> {
  const outcome = await ask(world, bus, { subject: 'conformance.nobody', data: bytes(''), timeoutMs: 5_000 });
  expect(outcome.kind).toBe('noResponders');
}

export function pass(world: ConformanceWorld, ms: number): Promise<void> {
  return world.settle(new Promise((resolve) => world.clock.setTimeout(resolve, ms)));
}

export async function untilStatus(world: ConformanceWorld, bus: Bus, isOnline: boolean): Promise<void> {
  await world.settle(
    new Promise<void>((resolve) => {
      if (bus.isOnline === isOnline) resolve();
      else bus.onStatus(() => bus.isOnline === isOnline && resolve());
    }),
  );
}

export async function openLedger(world: ConformanceWorld, ledger: Ledger): Promise<LedgerConnection> {
  const outcome = await world.settle(
    new Promise<Parameters<Parameters<Ledger['connect']>[0]>[0]>((resolve) => ledger.connect(resolve)),
  );
  if (outcome.kind !== 'opened') throw new Error(`the ledger did not open: ${JSON.stringify(outcome)}`);
  return outcome.connection;
}

export function append(
  world: ConformanceWorld,
  connection: LedgerConnection,
  entry: { readonly text: string; readonly expectedLast: number; readonly timeoutMs?: number },
): Promise<AppendOutcome> {
  const { expectedLast, timeoutMs = 5_000 } = entry;
  return world.settle(
    new Promise((resolve) =>
      connection.append({ data: bytes(entry.text), expectedLast, timeoutMs }, resolve),
    ),
  );
}

/** Appends texts one after the other, each expected to be stored. */
export async function fill(
  world: ConformanceWorld,
  connection: LedgerConnection,
  texts: readonly string[],
  after = 0,
): Promise<void> {
  for (const [index, each] of texts.entries()) {
    const expectedLast = after + index;
    expect(await append(world, connection, { text: each, expectedLast })).toEqual({
      kind: 'stored',
      sequence: expectedLast + 1,
    });
  }
}

export function readSlot(
  world: ConformanceWorld,
  connection: LedgerConnection,
  sequence: number,
): Promise<SlotOutcome> {
  return world.settle(new Promise((resolve) => connection.readSlot(sequence, resolve)));
}

export function readBounds(world: ConformanceWorld, connection: LedgerConnection): Promise<BoundsOutcome> {
  return world.settle(new Promise((resolve) => connection.readBounds(resolve)));
}

export function purge(
  world: ConformanceWorld,
  connection: LedgerConnection,
  upTo: number,
): Promise<PurgeOutcome> {
  return world.settle(new Promise((resolve) => connection.purge(upTo, resolve)));
}

export function save(
  world: ConformanceWorld,
  connection: LedgerConnection,
  snapshot: { readonly sequence: number; readonly data: Uint8Array },
): Promise<SaveOutcome> {
  return world.settle(new Promise((resolve) => connection.snapshots.saveSnapshot(snapshot, resolve)));
}

/** Saves, and expects it to be saved: its name. */
export async function saved(
  world: ConformanceWorld,
  connection: LedgerConnection,
  snapshot: { readonly sequence: number; readonly data: Uint8Array },
): Promise<string> {
  const outcome = await save(world, connection, snapshot);
  if (outcome.kind !== 'saved') throw new Error(`not saved: ${JSON.stringify(outcome)}`);
  return outcome.name;
}

/** What the store lists, expecting that it can be asked. */
export async function listed(
  world: ConformanceWorld,
  connection: LedgerConnection,
): Promise<readonly StoredSnapshot[]> {
  const outcome = await world.settle(
    new Promise<Parameters<Parameters<LedgerConnection['snapshots']['listSnapshots']>[0]>[0]>((resolve) =>
      connection.snapshots.listSnapshots(resolve),
    ),
  );
  if (outcome.kind !== 'snapshots') throw new Error(`not listed: ${outcome.reason}`);
  return outcome.snapshots;
}

export function load(
  world: ConformanceWorld,
  connection: LedgerConnection,
  name: string,
): Promise<LoadOutcome> {
  return world.settle(new Promise((resolve) => connection.snapshots.loadSnapshot(name, resolve)));
}

export function drop(
  world: ConformanceWorld,
  connection: LedgerConnection,
  name: string,
): Promise<DropOutcome> {
  return world.settle(new Promise((resolve) => connection.snapshots.dropSnapshot(name, resolve)));
}

/** Bytes that no compression and no repeat makes alike: a test can tell any two places from each other. */
export function noise(length: number, salt = 1): Uint8Array {
  const data = new Uint8Array(length);
  let word = salt;
  for (let place = 0; place < length; place += 1) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) | 0;
    data[place] = word >>> 24;
  }
  return data;
}

/** The text of an entry, or what the outcome is instead. */
export function said(outcome: SlotOutcome): string {
  return outcome.kind === 'entry' ? text(outcome.data) : outcome.kind;
}
