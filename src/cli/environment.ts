/** What the command takes from the environment beside its options (those read theirs in shared-options.ts). */

/** The nats-server to run; default: searched for. */
export function natsServerBinary(): string | undefined {
  const { CONCLAVE_NATS_SERVER: path } = process.env;
  return path === undefined || path === '' ? undefined : path;
}

/** https://no-color.org: any value, also of a terminal that could. */
export function hasColors(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR: none, FORCE_COLOR: forced, TERM: terminal } = process.env;
  if (none !== undefined && none !== '') return false;
  if (forced !== undefined && forced !== '' && forced !== '0') return true;
  return stream.isTTY === true && terminal !== 'dumb';
}
