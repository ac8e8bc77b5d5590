/**
 * Reads the ledger while it is written, past every fault, and hands each entry to the checks: nothing is kept of an
 * entry but a hash of its bytes, and what the fleet's state needs.
 */
import { createHash } from 'node:crypto';
import { charts } from '../../actors/table.ts';
import { HistoryChecker } from '../../src/domain/history.ts';
import { canonical } from '../../src/domain/state-hash.ts';
import { decodeEntry, hashOf } from '../../src/wire/entry.ts';
import { watchLedger } from '../support/ledger-record.ts';
import type { Audit } from './audit.ts';
import { Finding, type Check } from './finding.ts';
import type { Verb } from './schedule.ts';

/** How long it took until somebody led after the leader was struck. */
export interface FailOver {
  readonly verb: Verb;
  readonly ms: number;
}

export interface Recorder {
  /** Of the latest term. */
  readonly leader: string | null;
  readonly lastSequence: number;
  /** By sequence. */
  readonly hashes: ReadonlyMap<number, string>;
  readonly failOvers: readonly FailOver[];
  /** The next term-start is a fail-over from now. */
  struck(verb: Verb): void;
  /** What a leader that was not killed has lived through is none. */
  relieved(): void;
  /** Of the state that all entries so far give. */
  stateHash(): string;
  checks(): readonly Check[];
  close(): Promise<void>;
}

/** The ledger must be there. */
export async function startRecorder(
  servers: readonly string[],
  fleet: string,
  audit: Audit,
): Promise<Recorder> {
  const checker = new HistoryChecker(charts);
  const hashes = new Map<number, string>();
  const failOvers: FailOver[] = [];
  const missed = new Finding('entries that the recorder missed (then the others are no judgement)');
  let leader: string | null = null;
  let last = 0;
  let strike: { readonly verb: Verb; readonly at: number } | null = null;
  const ports = await watchLedger(servers, fleet, (sequence, data) => {
    if (sequence !== last + 1) missed.note(`entry ${sequence} came after ${last}`);
    last = sequence;
    const entry = decodeEntry(data);
    const hash = hashOf(data);
    hashes.set(sequence, hash);
    checker.add({ sequence, entry, hash });
    if (entry === null) return;
    audit.entry(sequence, entry);
    if (entry.events[0]?.type !== 'term.started') return;
    leader = entry.leader;
    if (strike !== null) failOvers.push({ verb: strike.verb, ms: Math.round(performance.now() - strike.at) });
    strike = null;
  });
  return {
    get leader() {
      return leader;
    },
    get lastSequence() {
      return last;
    },
    hashes,
    failOvers,
    struck: (verb) => {
      strike = { verb, at: performance.now() };
    },
    relieved: () => {
      if (strike?.verb !== 'kill leader') strike = null;
    },
    stateHash: () => createHash('sha256').update(canonical(checker.state)).digest('hex'),
    checks: () => {
      const { problems } = checker.report();
      const name = 'problems in the history, from its first entry';
      return [missed.check(), { name, found: problems.length, evidence: problems.slice(0, 10) }];
    },
    close: () => ports.close(),
  };
}
