/**
 * Errors as HTTP says them: RFC 9457 problem documents. Owns the table from codes to statuses and titles; the codes
 * are those of `src/domain/errors.ts`, and a few that only HTTP has. Nothing of the inside is told: what should not
 * happen is in the log, under the request's id.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ConclaveError, errorKinds, type ErrorCode, type FieldProblem } from '../domain/errors.ts';
import { BODY_BYTES_MAX } from './limits.ts';

/** What only a server of HTTP has to refuse. */
export const httpKinds = {
  UNAUTHENTICATED: { status: 401 },
  METHOD_NOT_ALLOWED: { status: 405 },
  URL_TOO_LONG: { status: 414 },
  UNSUPPORTED_MEDIA_TYPE: { status: 415 },
  HEADERS_TOO_LARGE: { status: 431 },
  /** This server has not read the ledger as far as it was asked to. */
  BEHIND: { status: 503 },
} as const satisfies Record<string, { readonly status: number }>;

export type HttpCode = ErrorCode | keyof typeof httpKinds;

/** Codes whose status on HTTP is another than their own: a gateway is not what timed out, and a broken ledger is no bug of ours. */
const statuses: Partial<Record<ErrorCode, number>> = { TIMEOUT: 503, LEDGER_BROKEN: 503, CLOSED: 503 };

const titles: Readonly<Record<number, string>> = {
  400: 'The request is not valid',
  401: 'A token is needed',
  403: 'Not allowed',
  404: 'Not found',
  405: 'The method is not allowed here',
  409: 'It does not go together with what is there',
  413: 'Too large',
  414: 'The URL is too long',
  415: 'Only application/json is taken',
  429: 'At a limit',
  431: 'The headers are too large',
  500: 'Something that should not happen',
  503: 'Not now',
};

/** Sent with every 503 and 429 that names no other time. */
const RETRY_AFTER_SECONDS = 1;

export const PROBLEM_TYPE = 'application/problem+json';

/** As it stands in the body. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: HttpCode;
  readonly errors: readonly FieldProblem[];
  readonly request_id: string;
}

/** An error with a code that only HTTP has. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly code: keyof typeof httpKinds;

  constructor(code: keyof typeof httpKinds, message: string) {
    super(message);
    this.code = code;
  }
}

export function statusOf(code: HttpCode): number {
  if (code in httpKinds) return httpKinds[code as keyof typeof httpKinds].status;
  return statuses[code as ErrorCode] ?? errorKinds[code as ErrorCode].status;
}

export function documentOf(error: unknown, requestId: string): ProblemDocument {
  const { code, detail, errors } = toldOf(error);
  const status = statusOf(code);
  return {
    type: `urn:conclave:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title: titles[status] ?? 'Refused',
    status,
    detail,
    code,
    errors,
    request_id: requestId,
  };
}

/** Answers with the problem; sets `Retry-After` where another try may help. */
export function sendProblem(reply: FastifyReply, request: FastifyRequest, error: unknown): FastifyReply {
  const document = documentOf(error, request.id);
  const { status } = document;
  if ((status === 503 || status === 429) && !reply.hasHeader('Retry-After')) {
    void reply.header('Retry-After', String(RETRY_AFTER_SECONDS));
  }
  return reply.code(status).type(PROBLEM_TYPE).send(document);
}

interface Told {
  readonly code: HttpCode;
  readonly detail: string;
  readonly errors: readonly FieldProblem[];
}

function toldOf(error: unknown): Told {
  if (error instanceof HttpError) return { code: error.code, detail: error.message, errors: [] };
  if (error instanceof ConclaveError && error.code !== 'INTERNAL') {
    return { code: error.code, detail: error.message, errors: error.fields };
  }
  return (
    ofFramework(error) ?? {
      code: 'INTERNAL',
      detail: 'the log has it, under the id of this request',
      errors: [],
    }
  );
}

/** What Fastify refuses by itself; undefined: not of that kind. */
function ofFramework(error: unknown): Told | undefined {
  if (!(error instanceof Error) || error instanceof ConclaveError) return undefined;
  const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown };
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return {
      code: 'UNSUPPORTED_MEDIA_TYPE',
      detail: 'send JSON, with Content-Type: application/json',
      errors: [],
    };
  }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return { code: 'TOO_LARGE', detail: `a body has at most ${BODY_BYTES_MAX} bytes`, errors: [] };
  }
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode >= 500) return undefined;
  return { code: 'INVALID', detail: error.message, errors: [] };
}
