/**
 * A TCP proxy between one client and a NATS server that keeps back single messages: one of the client, until the test
 * lets it go, even if the client is gone by then; and any of the server, for good. Cuts and stalls are `tcp-proxy.ts`'s.
 */
import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { frameSplitter } from './tcp-proxy.ts';

export interface HoldingProxy {
  readonly url: string;
  /** The next frame of the client that `isIt` accepts is kept back, and all that follows it on that connection. */
  holdNext(isIt: (frame: Buffer) => boolean): Held;
  /** Every frame for the client that `isIt` accepts is dropped; all of them: a cut in one direction. Null: none. */
  swallow(isIt: ((frame: Buffer) => boolean) | null): void;
  stop(): Promise<void>;
}

/** Its connection to the server stays open, whatever the client does. */
export interface Held {
  readonly taken: Promise<void>;
  /** Lets it go, once it is taken. Resolves with the server's next message on that connection. */
  release(): Promise<string>;
}

interface Hold {
  readonly isIt: (frame: Buffer) => boolean;
  readonly take: (upstream: Socket) => void;
  readonly keeps: (frame: Buffer) => boolean;
}

export async function startHoldingProxy(target: { readonly port: number }): Promise<HoldingProxy> {
  const sockets = new Set<Socket>();
  let swallow: ((frame: Buffer) => boolean) | null = null;
  let next: Hold | null = null;

  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: target.port });
    let held: Hold | null = null;
    const fromServer = frameSplitter();
    upstream.on('data', (chunk) => {
      for (const frame of fromServer(chunk)) if (swallow?.(frame) !== true) client.write(frame);
    });
    const fromClient = frameSplitter();
    client.on('data', (chunk) => {
      for (const frame of fromClient(chunk)) {
        if (next?.isIt(frame) === true) {
          held = next;
          next = null;
          held.take(upstream);
        }
        if (held?.keeps(frame) !== true) upstream.write(frame);
      }
    });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      // The close that follows says it all.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        if (held === null) upstream.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    holdNext: (isIt) => {
      const { hold, held } = holdOf(isIt);
      next = hold;
      return held;
    },
    swallow: (isIt) => {
      swallow = isIt;
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function holdOf(isIt: Hold['isIt']): { readonly hold: Hold; readonly held: Held } {
  const kept: Buffer[] = [];
  let isReleased = false;
  let take: Hold['take'] = () => undefined;
  const taken = new Promise<Socket>((resolve) => (take = resolve));
  const release = async (): Promise<string> => {
    const upstream = await taken;
    const said = new Promise<string>((resolve) => {
      upstream.on('data', (data: Buffer) => {
        const text = data.toString('latin1');
        if (/^H?MSG /m.test(text)) resolve(text);
      });
    });
    isReleased = true;
    upstream.write(Buffer.concat(kept));
    return said;
  };
  return {
    hold: { isIt, take, keeps: (frame) => !isReleased && kept.push(frame) > 0 },
    held: { taken: taken.then(() => undefined), release },
  };
}
