/** The environment. Which variables there are is said in config/keys.ts; those of terminals here. */

/** One that is empty counts as none. */
export function variable(name: string): string | undefined {
  const { [name]: value } = process.env;
  return value === undefined || value === '' ? undefined : value;
}

/** Names of all that are set. */
export function variableNames(): readonly string[] {
  return Object.keys(process.env).filter((name) => variable(name) !== undefined);
}

/** https://no-color.org: any value, also of a terminal that could. */
export function hasColors(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR: none, FORCE_COLOR: forced, TERM: terminal } = process.env;
  if (none !== undefined && none !== '') return false;
  if (forced !== undefined && forced !== '' && forced !== '0') return true;
  return stream.isTTY === true && terminal !== 'dumb';
}
