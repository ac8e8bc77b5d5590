/** What whoever starts an HTTP server says, checked at once, and what they get. */
import { invalidField } from '../domain/errors.ts';
import { settingsFrom, type Settings } from '../domain/settings.ts';
import { checkConnect, checkLedgerWay, type ConnectOptions } from '../sdk/options.ts';
import { DEFAULT_HTTP_HOST, DEFAULT_HTTP_PORT } from './default-port.ts';
import { isLoopback, isOrigin } from './origin.ts';
import { checkTokens, type TokenEntry } from './tokens.ts';

export interface HttpOptions extends Omit<ConnectOptions, 'settings'> {
  /** How long a write goes on trying while nobody leads or answers; then 503. Default 3 s. */
  readonly timeoutMs?: number;
  /** Default 8200; 0: a free one. */
  readonly port?: number;
  /** Address to listen on. Default 127.0.0.1. Anything that is not loopback needs `tokens`. */
  readonly host?: string;
  /** Who may call, as `conclave token` prints them. Default: nobody is asked for a token. */
  readonly tokens?: readonly TokenEntry[];
  /** Origins of web pages that may call, like `https://ops.example.org`. Default none but the server's own. */
  readonly origins?: readonly string[];
  /** Taken per second of one client. Default 1,000. */
  readonly requestsPerSecond?: number;
  /** Those that the fleet's agents have: what is shown of silent agents and of limits depends on them. */
  readonly settings?: Partial<Settings>;
}

export interface HttpServer {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Ends connections and sockets at once, then leaves NATS. Idempotent. */
  close(): Promise<void>;
}

/** Throws `INVALID`. */
export function checkHttp(options: HttpOptions): void {
  checkConnect(options);
  checkLedgerWay(options);
  settingsFrom({ ...options.settings });
  const {
    port = DEFAULT_HTTP_PORT,
    host = DEFAULT_HTTP_HOST,
    tokens,
    origins = [],
    requestsPerSecond = 1,
  } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw invalidField('port', 'must be 0 to 65535');
  if (tokens === undefined && !isLoopback(host)) {
    throw invalidField(
      'host',
      `${host} can be reached from other machines: give tokens (conclave token), or use 127.0.0.1`,
    );
  }
  if (tokens !== undefined) checkTokens(tokens);
  const foreign = origins.find((origin) => !isOrigin(origin));
  if (foreign !== undefined)
    throw invalidField('origins', `must be like https://ops.example.org, not ${foreign}`);
  if (!(requestsPerSecond >= 1)) throw invalidField('requestsPerSecond', 'must be 1 or more');
}
