/**
 * The table of operating errors: every error that leaves Conclave carries one of these stable codes.
 * Protocol outcomes (a refused append, a lost election) are data, not errors, and are not here.
 * `docs/errors.md` explains each code to users; HTTP, NATS and the command map codes in one table each.
 */

export interface ErrorKind {
  /** HTTP-like number, also sent in `Nats-Service-Error-Code`. */
  readonly status: number;
  /** Whether the same call may succeed later with nothing changed by the caller. */
  readonly isRetryable: boolean;
}

export const errorKinds = {
  INVALID: { status: 400, isRetryable: false },
  FORBIDDEN: { status: 403, isRetryable: false },
  NOT_FOUND: { status: 404, isRetryable: false },
  CONFLICT: { status: 409, isRetryable: false },
  ID_TAKEN: { status: 409, isRetryable: false },
  HOLDER_SILENT: { status: 409, isRetryable: true },
  NOT_A_MEMBER: { status: 409, isRetryable: false },
  ALREADY_ENDED: { status: 409, isRetryable: false },
  ALREADY_VOTED: { status: 409, isRetryable: false },
  NOT_A_VOTER: { status: 403, isRetryable: false },
  PROPOSAL_CLOSED: { status: 409, isRetryable: false },
  NOBODY_ELECTABLE: { status: 409, isRetryable: false },
  TOO_LARGE: { status: 413, isRetryable: false },
  LIMIT_REACHED: { status: 429, isRetryable: true },
  REMOVED: { status: 409, isRetryable: false },
  REPLACED: { status: 409, isRetryable: false },
  NO_LEADER: { status: 503, isRetryable: true },
  NO_NATS: { status: 503, isRetryable: true },
  TIMEOUT: { status: 504, isRetryable: true },
  CLOSED: { status: 409, isRetryable: false },
  LEDGER_MISCONFIGURED: { status: 500, isRetryable: false },
  LEDGER_BROKEN: { status: 500, isRetryable: false },
  NATS_TOO_OLD: { status: 500, isRetryable: false },
  JETSTREAM_MISSING: { status: 500, isRetryable: false },
  NATS_SERVER_MISSING: { status: 500, isRetryable: false },
  NATS_SERVER_FAILED: { status: 500, isRetryable: false },
  INTERNAL: { status: 500, isRetryable: false },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

/** One bad field: where it is, what is wrong, and what is allowed. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

export interface ErrorDetails {
  readonly cause?: unknown;
  readonly fields?: readonly FieldProblem[];
}

/** An error with a stable code. `fields` lists every bad field of an `INVALID` one. */
export class ConclaveError extends Error {
  override readonly name = 'ConclaveError';
  readonly code: ErrorCode;
  readonly fields: readonly FieldProblem[];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.fields = details.fields ?? [];
  }

  get status(): number {
    return errorKinds[this.code].status;
  }

  get isRetryable(): boolean {
    return errorKinds[this.code].isRetryable;
  }
}

/** The error as it crosses the wire: plain data, the same on NATS and HTTP. */
export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fields?: readonly FieldProblem[];
}

export function problem(code: ErrorCode, message: string, fields?: readonly FieldProblem[]): Problem {
  return fields === undefined || fields.length === 0 ? { code, message } : { code, message, fields };
}

/** `INVALID`, saying every bad field. */
export function invalid(fields: readonly FieldProblem[]): Problem {
  return problem('INVALID', fields.map((each) => `${each.field} ${each.message}`).join('; '), fields);
}

/** `invalid` as an error. */
export function invalidFields(fields: readonly FieldProblem[], cause?: unknown): ConclaveError {
  return new ConclaveError('INVALID', invalid(fields).message, { fields, cause });
}

/** `INVALID` for one field: `message` says what is allowed, like `must be above 0 milliseconds`. */
export function invalidField(field: string, message: string, cause?: unknown): ConclaveError {
  return invalidFields([{ field, message }], cause);
}

export function errorOf(what: Problem): ConclaveError {
  return new ConclaveError(what.code, what.message, what.fields === undefined ? {} : { fields: what.fields });
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ConclaveError) return problem(error.code, error.message, error.fields);
  return problem('INTERNAL', error instanceof Error ? error.message : String(error));
}
