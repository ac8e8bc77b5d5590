/** Which nats-servers Conclave works on, and which ones it promises durability on (SPEC, docs/failure-modes.md). */
import { ConclaveError } from '../domain/errors.ts';

/** Older servers lack what the ledger needs. */
export const oldestVersion = '2.10.0';
/** Older ones may lose what they have acknowledged. */
export const wantedVersion = '2.14.6';

/** Both `major.minor.patch`; what stands behind a dash (`-beta.1`) is not looked at. */
export function isAtLeast(compared: { readonly version: string; readonly floor: string }): boolean {
  const version = numbersOf(compared.version);
  const floor = numbersOf(compared.floor);
  const firstDifference = version.map((part, index) => part - (floor[index] ?? 0)).find((sign) => sign !== 0);
  return (firstDifference ?? 0) >= 0;
}

/** Null: new enough, or of a version that is not told in a form that we know. */
export function tooOld(where: string, version: string | undefined): ConclaveError | null {
  if (version === undefined || !isVersion(version)) return null;
  if (isAtLeast({ version, floor: oldestVersion })) return null;
  return new ConclaveError(
    'NATS_TOO_OLD',
    `the NATS server at ${where} has version ${version}, and the ledger needs ${oldestVersion} or newer; ` +
      `upgrade it, best to ${wantedVersion} or newer`,
  );
}

export function isVersion(text: string): boolean {
  return /^v?\d+\.\d+\.\d+/.test(text);
}

function numbersOf(version: string): number[] {
  return version.replace(/^v/, '').replace(/-.*$/, '').split('.').map(Number);
}
