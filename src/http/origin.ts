/**
 * Who may call from a browser. A browser says in `Origin` which page a request comes from; whoever is no browser
 * sends none. Without tokens a page that lures a browser to this machine (DNS rebinding) is known by its Host.
 */

/**
 * Whether a request may come from there: it says nothing of a page (`origin` undefined), the page is of this very
 * host, or its origin is in the list, letter by letter. The origin `null` (a file, a sandbox) never may.
 */
export function isAllowedOrigin(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined || allowed.includes(origin)) return true;
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}

/** Whether a Host header, or an address to listen on, means this machine alone. */
export function isLoopback(host: string | undefined): boolean {
  if (host === undefined) return false;
  const name = host
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
  return name === 'localhost' || name === '::1' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}

/** A web origin: scheme, host, and a port that is not the scheme's own. */
export function isOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;
}
