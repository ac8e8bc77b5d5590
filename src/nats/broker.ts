/** What is seen of the broker that holds the ledger: its version, and the stream's configuration as it says it is. */
import type { ConclaveError } from '../domain/errors.ts';
import type { Broker, Fsync } from '../domain/durability.ts';
import { isAtLeast, isVersion, wantedVersion } from './server-version.ts';
import type { StreamConfig } from './stream-config.ts';

export interface Sight {
  readonly version: string | undefined;
  readonly config: StreamConfig;
  /** Asserted or known; undefined: neither. */
  readonly fsync: Fsync | undefined;
  /** What is wrong with the configuration. */
  readonly mismatch: ConclaveError | null;
}

export function brokerOf({ version, config, fsync, mismatch }: Sight): Broker {
  return {
    version: version ?? null,
    isSound: isSound(version),
    replicas: Number(config['num_replicas']),
    storage: String(config['storage']),
    fsync: fsync ?? null,
    faults: mismatch === null ? [] : [mismatch.message],
  };
}

/** Null: it does not say which version it has, in a form that we know. */
export function isSound(version: string | undefined): boolean | null {
  if (version === undefined || !isVersion(version)) return null;
  return isAtLeast({ version, floor: wantedVersion });
}
