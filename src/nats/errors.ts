/**
 * What NATS's errors mean to Conclave: the client library's codes, and the numbers of JetStream's API errors
 * (nats-server, server/errors.json). By code, never by text. No other file looks at either.
 */
import { ErrorCode, NatsError } from 'nats';
import { ConclaveError } from '../domain/errors.ts';

/** What a JetStream API error says, as far as it makes a difference to us. */
export type JetStreamFault =
  | 'wrongLastSequence'
  | 'messageMissing'
  | 'streamMissing'
  | 'streamExists'
  | 'subjectTaken'
  | 'noCluster'
  | 'noResources'
  | 'noJetStream'
  | 'other';

const faults: Readonly<Record<number, JetStreamFault>> = {
  10071: 'wrongLastSequence',
  // The same, without the number: a copy is in flight.
  10164: 'wrongLastSequence',
  10037: 'messageMissing',
  10059: 'streamMissing',
  10058: 'streamExists',
  10065: 'subjectTaken',
  10074: 'noCluster',
  10023: 'noResources',
  10028: 'noResources',
  10047: 'noResources',
  10039: 'noJetStream',
  10076: 'noJetStream',
};

/** The `error` object of a JetStream reply. */
export interface JetStreamError {
  readonly err_code: number;
  readonly description: string;
}

export function faultOf(error: JetStreamError): JetStreamFault {
  return faults[error.err_code] ?? 'other';
}

/** For logs and reasons, which nobody parses. */
export function reasonOf(error: unknown): string {
  if (error instanceof NatsError) return `${error.code}: ${error.message}`;
  if (error instanceof Error) return error.message;
  return String(error);
}

export function jetStreamReason(error: JetStreamError): string {
  return `${error.description} (JetStream error ${error.err_code})`;
}

const refusals: ReadonlySet<string> = new Set([
  ErrorCode.AuthorizationViolation,
  ErrorCode.AuthenticationExpired,
  ErrorCode.AuthenticationTimeout,
  ErrorCode.AccountExpired,
  ErrorCode.BadAuthentication,
  ErrorCode.BadCreds,
  ErrorCode.PermissionsViolation,
]);

/** A connection that was reset when its TLS handshake was over, so that nobody knows what the server thought of it. */
export const tlsCutOff = 'ERR_TLS_CUT_OFF';

const tlsFailures: ReadonlySet<string> = new Set([ErrorCode.Tls, ErrorCode.ServerOptionNotAvailable]);

/** How Node says that a certificate is not to be trusted (X509_V_ERR_… in its documentation of `tls`), or any TLS error. */
function isTlsFailure(code: string): boolean {
  return (
    tlsFailures.has(code) ||
    /^(ERR_SSL_|ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA)/.test(code)
  );
}

/** A connection that could not be opened: who was asked, what went wrong, and what to do about it. */
export function connectError(cause: unknown, servers: readonly string[]): ConclaveError {
  const where = servers.join(', ');
  const code = codeOf(cause);
  if (refusals.has(code)) {
    return new ConclaveError(
      'FORBIDDEN',
      `${where} refused the credentials (${code}); check them, and the service that judges them, if there is one`,
      {
        cause,
      },
    );
  }
  if (isTlsFailure(code)) {
    return new ConclaveError('NO_NATS', `TLS with ${where} failed: ${tlsReason(cause)}; ${tlsHelp(code)}`, {
      cause,
    });
  }
  const help = 'start one with `conclave up` or `nats-server -js`, or name the address of one that runs';
  return new ConclaveError(
    'NO_NATS',
    `no NATS server answers at ${where} (${code || reasonOf(cause)}); ${help}`,
    {
      cause,
    },
  );
}

/** Of OpenSSL's errors without its places in the source. */
function tlsReason(error: unknown): string {
  if (error instanceof Error && 'reason' in error && typeof error.reason === 'string') return error.reason;
  return reasonOf(error);
}

function tlsHelp(code: string): string {
  // Of the server's certificate Node says it, of ours an alert of the server's.
  if (code === 'CERT_HAS_EXPIRED') return "renew the server's certificate, or set the clock of this machine";
  if (/_ALERT_CERTIFICATE_EXPIRED$/.test(code)) return 'renew the certificate in tls.certFile';
  if (/_ALERT_CERTIFICATE_REQUIRED$/.test(code)) return 'give tls.certFile and tls.keyFile';
  if (code === tlsCutOff)
    return 'check tls.certFile: whether the server asks for one, and whether it has expired';
  return 'check the certificates, that of the authority too, and whether the server speaks TLS first';
}

/** Node's own errors carry a code too, which their type does not say; none: empty. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

export const jetStreamMissing = (): ConclaveError =>
  new ConclaveError(
    'JETSTREAM_MISSING',
    'the NATS server has JetStream off, and the ledger is a JetStream stream; ' +
      'start it with `nats-server -js`, or add `jetstream {}` to its configuration (and to the account)',
  );
