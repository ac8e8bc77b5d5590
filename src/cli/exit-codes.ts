/** How the command ends: one table for people, and one from error codes to it. */
import type { ErrorCode } from '../domain/errors.ts';

export const exitCodes = { ok: 0, failed: 1, badInput: 2, unavailable: 3, warned: 4 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeMeanings: readonly (readonly [ExitCode, string])[] = [
  [exitCodes.ok, 'done, and the answer is yes'],
  [
    exitCodes.failed,
    'it failed, was refused, or the answer is no (task failed, proposal not approved, ledger not ok)',
  ],
  [exitCodes.badInput, 'bad input: the message names the field and what is allowed; nothing was done'],
  [
    exitCodes.unavailable,
    'not now: no NATS, no leader, no answer in time, or at a limit; the same may work later',
  ],
  [exitCodes.warned, 'the doctor warns: something deserves a look, and nothing is broken'],
];

const { failed, badInput, unavailable } = exitCodes;

export const exitCodeOf: Readonly<Record<ErrorCode, ExitCode>> = {
  INVALID: badInput,
  TOO_LARGE: badInput,
  FORBIDDEN: failed,
  NOT_FOUND: failed,
  CONFLICT: failed,
  ID_TAKEN: failed,
  NOT_A_MEMBER: failed,
  ALREADY_ENDED: failed,
  ALREADY_VOTED: failed,
  NOT_A_VOTER: failed,
  PROPOSAL_CLOSED: failed,
  REPLACED: failed,
  REMOVED: failed,
  CLOSED: failed,
  LEDGER_MISCONFIGURED: failed,
  LEDGER_BROKEN: failed,
  INTERNAL: failed,
  HOLDER_SILENT: unavailable,
  LIMIT_REACHED: unavailable,
  NO_LEADER: unavailable,
  NOBODY_ELECTABLE: unavailable,
  NO_NATS: unavailable,
  TIMEOUT: unavailable,
  NATS_TOO_OLD: unavailable,
  JETSTREAM_MISSING: unavailable,
  NATS_SERVER_MISSING: unavailable,
  NATS_SERVER_FAILED: unavailable,
};
