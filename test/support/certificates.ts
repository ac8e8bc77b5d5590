/** Keys and certificates, made by openssl for one test file and gone after it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificates {
  readonly ca: string;
  /** Of 127.0.0.1, and of no name. */
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
  /** The same, whose time is over. */
  readonly expired: Pick<Certificates, 'server' | 'client'>;
  /** An authority that signed none of them. */
  readonly strangerCa: string;
  remove(): void;
}

export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    // Not on this machine.
    return false;
  }
}

export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'conclave-tls-'));
  const openssl = (...words: string[]): void =>
    void execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' });
  const elliptic = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const authority = (name: string): string => {
    openssl(
      'req',
      '-x509',
      ...elliptic,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      `/CN=${name}`,
    );
    return join(folder, `${name}.pem`);
  };
  const signed = (name: string, extensions: string, days = 30): { cert: string; key: string } => {
    writeFileSync(join(folder, `${name}.ext`), extensions);
    openssl('req', ...elliptic, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${name}.ext`];
    openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-days', String(days), '-out', `${name}.pem`);
    return { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  };
  return {
    ca: authority('ca'),
    server: signed('server', 'subjectAltName=IP:127.0.0.1'),
    client: signed('client', 'extendedKeyUsage=clientAuth'),
    // Over a day before it begins.
    expired: {
      server: signed('old-server', 'subjectAltName=IP:127.0.0.1', -1),
      client: signed('old-client', 'extendedKeyUsage=clientAuth', -1),
    },
    strangerCa: authority('stranger'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
