/**
 * nats.js's TCP transport, minus two ways in which it outlives a dead link, one in which it trusts the wrong certificate,
 * and one in which it does not say why it was cut off (nats.js 2.29.3, node_transport.js):
 *
 * 1. A link found stale is closed only after a last write has been taken by the kernel. While a partition
 *    lasts and the send buffer is full that is never, and with the heartbeat already stopped nothing else
 *    would ever reconnect. Here the socket is destroyed at once.
 * 2. A dial that times out while the server is silent (frozen: its kernel still accepts) leaves its socket
 *    behind: one leak per attempt, and a process that cannot exit. Here it is destroyed as well.
 * 3. The certificate of a server that is addressed by its IP is held against the name `localhost`. Here it is held
 *    against the address.
 * 4. In TLS 1.3 a server judges the client's certificate when the client's handshake is over. What it says then is dropped,
 *    and the dial ends with a timeout. Here it ends with what the server said; or, when the reset of the connection was
 *    faster than what was said before it, with that.
 *
 * The library keeps one transport factory per process, set by each of its own `connect` calls: an application
 * that also uses nats.js directly brings the plain transport back for later dials, and loses only this.
 */
import { createConnection, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ErrorCode, type ConnectionOptions, type NatsConnection } from 'nats';
import { NatsConnectionImpl } from 'nats/lib/nats-base-client/nats.js';
import { setTransportFactory } from 'nats/lib/nats-base-client/transport.js';
import { NodeTransport, nodeResolveHost } from 'nats/lib/src/node_transport.js';
import { codeOf, tlsCutOff } from './errors.ts';

class PromptTransport extends NodeTransport {
  readonly #failed: (error: Error) => void;

  constructor(failed: (error: Error) => void) {
    super();
    this.#failed = failed;
  }

  /** As the library's, but the socket is known from the start, so that `close` can end an unanswered dial. */
  override dial(to: { hostname: string; port: number }): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(to.port, to.hostname);
      this.socket = socket;
      let failure = new Error('the connection was closed while it was being opened');
      socket.setNoDelay(true);
      socket.on('connect', () => {
        socket.removeAllListeners();
        resolve(socket);
      });
      socket.on('error', (error) => (failure = error));
      socket.on('close', () => reject(failure));
    });
  }

  override startTLS(): Promise<TLSSocket> {
    const { remoteAddress: host } = this.socket;
    // Only where there is no name: a name goes to the server, an address must not.
    if (this.tlsName === '' && host !== undefined) {
      this.options = { ...this.options, tls: { ...this.options.tls, ...{ host } } };
    }
    return super.startTLS();
  }

  override setupHandlers(): void {
    super.setupHandlers();
    const isEncrypted = this.isEncrypted();
    this.socket.on('error', (error) => {
      this.#failed(isEncrypted && codeOf(error) === 'ECONNRESET' ? cutOff(error) : error);
    });
  }

  override disconnect(): void {
    void this.close();
  }

  override async close(error?: Error): Promise<void> {
    // The declaration hides that there is none before the dial and after the close.
    const socket = this.socket as NodeTransport['socket'] | undefined;
    await super.close(error);
    socket?.destroy();
  }
}

/** What ends a dial without saying why, while the socket knows more. */
const unsaid: ReadonlySet<string> = new Set([ErrorCode.Timeout, 'ECONNRESET']);

export async function connectPromptly(options: ConnectionOptions): Promise<NatsConnection> {
  let failure: Error | undefined;
  const failed = (error: Error): void => {
    failure = error;
  };
  setTransportFactory({ factory: () => new PromptTransport(failed), dnsResolveFn: nodeResolveHost });
  try {
    return await NatsConnectionImpl.connect(options);
  } catch (error) {
    const code = codeOf(error);
    if (failure !== undefined && unsaid.has(code)) throw failure;
    throw code === 'ECONNRESET' && (options.tls ?? null) !== null && error instanceof Error
      ? cutOff(error)
      : error;
  }
}

function cutOff(cause: Error): Error {
  return Object.assign(new Error('the server ended it', { cause }), { code: tlsCutOff });
}
