/**
 * Every limit of requests over HTTP, and every time that one waits for. Those of sockets and of kept events stand with
 * them (`event-*.ts`, `upgrades.ts`); what a fleet takes is in its settings.
 */

/** Of a body as it is sent. A submit's own limit, `entryBytesMax`, is in the leader's settings. */
export const BODY_BYTES_MAX = 1_048_576;
/** Of a request's headers and its URL together. */
export const HEADER_BYTES_MAX = 16_384;
/** Of a request's path and query. */
export const URL_LENGTH_MAX = 4_096;
/** Open at once; beyond it the system refuses. */
export const CONNECTIONS_MAX = 10_000;
/** A request that has not come in whole by then is ended: who sends a byte a second holds nothing up. */
export const REQUEST_RECEIVED_MS = 10_000;
/** How often it looks for those. */
export const SLOW_REQUEST_LOOK_MS = 2_000;
/** A connection without a request is kept this long: longer than proxies keep theirs. */
export const KEEP_ALIVE_MS = 72_000;
/** Requests per second and client, if not said otherwise. */
export const REQUESTS_PER_SECOND = 1_000;
/** Clients whose rate is remembered. */
export const RATED_CLIENTS_MAX = 10_000;

/** How long a server that starts waits for its copy to be complete; it listens, and says that it is not, meanwhile. */
export const CATCH_UP_WAIT_MS = 5_000;
/** How often it looks. */
export const CATCH_UP_LOOK_MS = 10;
/** How long a write goes on trying: a fail-over takes a tenth of it. */
export const WRITE_PATIENCE_MS = 3_000;
/** How long an answer waits for this server to have read the entry that it tells of. */
export const OWN_WRITE_WAIT_MS = 2_000;
/** How long a read waits for the entry that `Min-Sequence`, or `consistent`, asks for. */
export const MIN_SEQUENCE_WAIT_MS = 2_000;
/** How long a trigger waits for the election's outcome. */
export const ELECTION_WAIT_MS = 10_000;
/** How long a decision is waited for, at the most. */
export const DECISION_WAIT_MS = 60_000;
/** How long after its deadline a decision is waited for. */
export const DECISION_GRACE_MS = 5_000;
