/**
 * nats-servers of other releases than the installed one, where somebody has put them: nothing downloads them. A test that
 * needs one is skipped without it, and says so.
 *
 * - `CONCLAVE_OLDER_NATS_SERVER`: of the minor release before the installed one, and no older than what durability is
 *   promised on;
 * - `CONCLAVE_TOO_OLD_NATS_SERVER`: older than what Conclave works on.
 */
export type OlderServer = 'CONCLAVE_OLDER_NATS_SERVER' | 'CONCLAVE_TOO_OLD_NATS_SERVER';

/** The path of its binary; undefined, once that is said, if nobody has named one. */
export function olderServer(variable: OlderServer): string | undefined {
  const path = process.env[variable];
  if (path === undefined) process.stdout.write(`SKIPPED: ${variable} names no nats-server\n`);
  return path;
}
