/**
 * How a process logs in to NATS: from what users give (a credentials file, an nkey, a token …) to what the library
 * takes, checked before anything is dialled.
 *
 * Invariants:
 * - A message names the option and the file, never what is secret in them.
 * - Files are read again at every connect, so that what replaces them counts from the next one on. One that cannot be
 *   read or is half written at that moment changes nothing: what was read before goes on counting.
 */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { jwtAuthenticator, nkeyAuthenticator, type Authenticator, type ConnectionOptions } from 'nats';
import { invalidField, type ConclaveError } from '../domain/errors.ts';
import { reasonOf } from './errors.ts';
import { looksSecret } from './secret-text.ts';

/** What the library takes as it is. */
export type LibraryAuth = Pick<ConnectionOptions, 'authenticator' | 'token' | 'user' | 'pass' | 'tls'>;

/** One way to log in, or none; `tls` goes with any. */
export interface NatsAuth extends LibraryAuth {
  /** A credentials file, as `nsc` makes them: its path, or its text. */
  readonly creds?: string;
  /** The seed of a user's nkey (`SU…`), or the path of a file that holds it. */
  readonly nkey?: string;
  /** A user's JWT, whose nkey `nkey` then is. */
  readonly jwt?: string;
}

type Way = 'authenticator' | 'token' | 'user' | 'creds' | 'nkey';
const ways: readonly Way[] = ['authenticator', 'token', 'user', 'creds', 'nkey'];

/** Throws `INVALID` that names the option, and the file where one is meant. */
export function libraryAuth(auth: NatsAuth): LibraryAuth {
  const given = ways.filter((way) => auth[way] !== undefined);
  const [first, second] = given;
  if (first !== undefined && second !== undefined)
    throw invalidField(second, `must not be given with ${first}: only one way to log in counts`);
  if (auth.pass !== undefined && auth.user === undefined) throw invalidField('pass', 'needs a user');
  if (auth.jwt !== undefined && auth.nkey === undefined)
    throw invalidField('jwt', 'needs the nkey that it was made for');
  const { authenticator = authenticatorOf(auth), token, user, pass, tls } = auth;
  checkTls(tls);
  return {
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(token === undefined ? {} : { token }),
    ...(user === undefined ? {} : { user }),
    ...(pass === undefined ? {} : { pass }),
    ...(tls === undefined ? {} : { tls }),
  };
}

function authenticatorOf({ creds, nkey, jwt }: NatsAuth): Authenticator | undefined {
  if (creds !== undefined) {
    const read = rereading({ field: 'creds', given: creds, isText: isCreds, parse: credsIn });
    return (nonce) => {
      const { jwt: token, seed } = read();
      return jwtAuthenticator(token, seed)(nonce);
    };
  }
  if (nkey === undefined) return undefined;
  const read = rereading({ field: 'nkey', given: nkey, isText: isSeed, parse: seedIn });
  return (nonce) =>
    jwt === undefined ? nkeyAuthenticator(read())(nonce) : jwtAuthenticator(jwt, read())(nonce);
}

interface Secret<T> {
  readonly field: string;
  readonly given: string;
  /** Whether `given` is the thing itself, and no path. */
  readonly isText: (text: string) => boolean;
  /** Null: it is none. */
  readonly parse: (text: string) => T | null;
}

function rereading<T>(secret: Secret<T>): () => T {
  let latest = readSecret(secret);
  let isFirst = true;
  return () => {
    if (isFirst) isFirst = false;
    else {
      try {
        latest = readSecret(secret);
      } catch {
        // Being replaced, perhaps: the broker judges what we have.
      }
    }
    return latest;
  };
}

function readSecret<T>({ field, given, isText, parse }: Secret<T>): T {
  const what = field === 'creds' ? 'a user JWT and its seed' : "a user's seed (SU…)";
  if (isText(given)) {
    const found = parse(given);
    if (found === null) throw invalidField(field, `must hold ${what}`);
    return found;
  }
  const found = parse(fileText(field, given));
  if (found === null) throw invalidField(field, `names ${fileNamed(given)}, which does not hold ${what}`);
  return found;
}

function fileText(field: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(field, path, error);
  }
}

function isCreds(text: string): boolean {
  return text.includes('-----');
}

function isSeed(text: string): boolean {
  return /^\s*S[A-Z2-7]{57}\s*$/.test(text);
}

/** The two blocks of a credentials file: a JWT, and the seed that it was made for. */
function credsIn(text: string): { readonly jwt: string; readonly seed: Uint8Array } | null {
  const blocks = [...text.matchAll(/-{3,}BEGIN [^\n]*-{3,}\s+(\S+)\s+-{3,}END [^\n]*-{3,}/g)];
  const [jwt, seed] = blocks.map(([, content = '']) => content);
  if (jwt === undefined || seed === undefined || jwt.split('.').length !== 3) return null;
  const key = seedIn(seed);
  return key === null ? null : { jwt, seed: key };
}

/** Of a file that may say more around it, as `nk -gen user` and `nsc` write them. */
function seedIn(text: string): Uint8Array | null {
  const seed = /^\s*(SU[A-Z2-7]{56})\s*$/m.exec(text)?.[1];
  if (seed === undefined) return null;
  const bytes = new TextEncoder().encode(seed);
  try {
    // Computes the key of it.
    nkeyAuthenticator(bytes)();
    return bytes;
  } catch {
    // A checksum that does not fit: mistyped, or cut off.
    return null;
  }
}

/** Node says at the dial what is wrong with them, and not in which file. */
function checkTls(tls: LibraryAuth['tls']): void {
  if (tls === undefined || tls === null) return;
  const cert = pem('tls.certFile', tls.certFile) ?? tls.cert;
  const key = pem('tls.keyFile', tls.keyFile) ?? tls.key;
  const ca = pem('tls.caFile', tls.caFile) ?? tls.ca;
  if ((cert === undefined) !== (key === undefined)) {
    const [missing, there] = cert === undefined ? ['certFile', 'keyFile'] : ['keyFile', 'certFile'];
    throw invalidField(`tls.${missing}`, `must be given with tls.${there}: a certificate goes with its key`);
  }
  if (ca !== undefined) checkPem('tls.caFile', tls.caFile, { ca });
  if (cert !== undefined) checkPem('tls.certFile', tls.certFile, { cert });
  if (cert !== undefined && key !== undefined) checkPem('tls.keyFile', tls.keyFile, { cert, key });
}

function pem(field: string, path: string | undefined): string | undefined {
  return path === undefined ? undefined : fileText(field, path);
}

function checkPem(
  field: string,
  path: string | undefined,
  parts: { readonly ca?: string; readonly cert?: string; readonly key?: string },
): void {
  try {
    // An authority with nothing in it is taken for none, without a word.
    if (parts.ca?.includes('-----BEGIN CERTIFICATE-----') === false) throw new Error('no certificate in it');
    createSecureContext(parts);
  } catch (error) {
    const where = path === undefined ? 'cannot be used' : `names ${fileNamed(path)}, which cannot be used`;
    throw invalidField(field, `${where} (${reasonOf(error)})`, error);
  }
}

function unreadable(field: string, path: string, error: unknown): ConclaveError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : reasonOf(error);
  // What the platform says names the path, too.
  const cause = looksSecret(path) ? undefined : error;
  return invalidField(field, `names ${fileNamed(path)}, which cannot be read (${code})`, cause);
}

function fileNamed(path: string): string {
  return looksSecret(path) ? 'a file by what looks like the secret itself' : `the file ${path}`;
}
