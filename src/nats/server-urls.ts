/**
 * Addresses of NATS servers, as people write them: `nats://host:4222`, `tls://host`, `host`, and with a login in front
 * of the host. The library takes digits of a password for the port, so the login is taken out here.
 */

export interface ServerUrls {
  /** Without a login. */
  readonly servers: readonly string[];
  /** Of the first address that has one. */
  readonly login: { readonly user?: string; readonly pass?: string; readonly token?: string };
  /** One of them says `tls://`: a connection without TLS is none. */
  readonly isTls: boolean;
}

export function serverUrls(given: string | readonly string[]): ServerUrls {
  const urls = (typeof given === 'string' ? given.split(',') : given).map((url) => url.trim());
  const logins = urls.flatMap((url) => /^(?:[a-z]+:\/\/)?(.*)@/.exec(url)?.[1] ?? []);
  return {
    servers: urls.map(withoutLogin),
    login: logins[0] === undefined ? {} : loginOf(logins[0]),
    isTls: urls.some((url) => /^(tls|wss):/.test(url)),
  };
}

/** `nats://ada:secret@host` → `nats://host`. */
export function withoutLogin(url: string): string {
  return url.replace(/^([a-z]+:\/\/)?.*@/, '$1');
}

/** A name without a password is a token, as every NATS client has it. */
function loginOf(text: string): ServerUrls['login'] {
  const at = text.indexOf(':');
  if (at < 0) return { token: decoded(text) };
  return { user: decoded(text.slice(0, at)), pass: decoded(text.slice(at + 1)) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that stands for itself.
    return text;
  }
}
