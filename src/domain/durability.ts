/**
 * What an acknowledgement of the broker is worth (DESIGN §7): a pure judgement of what is known of it. No client can see how
 * often a server writes to disk (its system account and its monitoring port can), so that is asserted, or known because the
 * server is our own, or unknown; what is unknown is said to be, and promised by nobody.
 */

export const fsyncPolicies = ['always', 'lazy'] as const;
/** `always`: written to disk before it is acknowledged. `lazy`: some time after. */
export type FsyncPolicy = (typeof fsyncPolicies)[number];

/** Who knows: `started`, whoever started the server and wrote its configuration; `asserted`, an operator says so. */
export const fsyncSources = ['started', 'asserted'] as const;

export interface Fsync {
  readonly policy: FsyncPolicy;
  readonly source: (typeof fsyncSources)[number];
}

/** What one process sees of the broker that holds the ledger. */
export interface Broker {
  /** Of the server that this process reached it through; null: it does not say. */
  readonly version: string | null;
  /** Whether servers of that version keep what they acknowledge; null: not known. */
  readonly isSound: boolean | null;
  readonly replicas: number;
  readonly storage: string;
  readonly fsync: Fsync | null;
  /** What of the stream's configuration breaks a guarantee, in words. */
  readonly faults: readonly string[];
}

export const durabilityWords = ['durable', 'unknown', 'at_risk'] as const;

export interface Durability {
  /** `at_risk`: something is known to be wrong; `unknown`: nothing is, and not everything is known. */
  readonly word: (typeof durabilityWords)[number];
  /** What has happened to an entry when it is acknowledged, in words. */
  readonly meaning: string;
  /** Why it is not `durable`. */
  readonly reasons: readonly string[];
}

const notLooked: Durability = {
  word: 'unknown',
  meaning: 'not known',
  reasons: ['the broker has not been looked at'],
};

/** Null: nobody has looked yet. */
export function durabilityOf(broker: Broker | null): Durability {
  if (broker === null) return notLooked;
  const risks = risksOf(broker);
  const gaps = gapsOf(broker);
  const word = risks.length > 0 ? 'at_risk' : gaps.length > 0 ? 'unknown' : 'durable';
  return { word, meaning: meaningOf(broker), reasons: [...risks, ...gaps] };
}

function risksOf({ version, isSound, fsync, faults }: Broker): string[] {
  const risks = [...faults];
  if (isSound === false) risks.push(`nats-server ${version ?? ''} may lose what it has acknowledged`);
  if (fsync?.policy === 'lazy')
    risks.push('the server writes to disk some time after it has acknowledged: a power cut loses entries');
  return risks;
}

function gapsOf({ isSound, fsync }: Broker): string[] {
  const gaps: string[] = [];
  if (isSound === null) gaps.push('the server does not say its version');
  if (fsync === null) gaps.push('whether the server writes to disk before it acknowledges is not known');
  return gaps;
}

function meaningOf({ replicas, storage, fsync }: Broker): string {
  const where = replicas === 1 ? 'one server' : `a majority of ${replicas} servers`;
  if (storage !== 'file') return `in the memory of ${where}`;
  if (fsync === null) return `stored by ${where}; on disk then, or later`;
  const when = fsync.policy === 'always' ? 'on the disk of' : 'stored, and not yet on the disk, of';
  return `${when} ${where}${fsync.source === 'asserted' ? ', as is asserted' : ''}`;
}
