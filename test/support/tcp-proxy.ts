/**
 * A TCP proxy in front of a NATS server: one per client, so that a test can cut that client's link, stall it,
 * or keep back a message of the server. Bytes go through as they are; towards the client they are cut into NATS
 * protocol frames, which is what makes a single message droppable.
 */
import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

export interface TcpProxy {
  readonly url: string;
  /** Ends every connection and refuses new ones until `heal`. */
  cut(): void;
  /** Takes no more bytes from either side until `heal`, and closes nothing: a partition as TCP sees it. */
  stall(): void;
  heal(): void;
  /** The next frame for the client that `isIt` accepts is dropped. */
  swallowNext(isIt: (frame: Buffer) => boolean): void;
  /** Connections open now. */
  readonly connections: number;
  stop(): Promise<void>;
}

/**
 * `delayMs`: how long every byte is on its way, in each direction; default 0. `edit`: what becomes of each frame for the
 * client; default itself.
 */
export async function startTcpProxy(
  target: { readonly port: number },
  {
    delayMs = 0,
    edit = itself,
  }: { readonly delayMs?: number; readonly edit?: (frame: Buffer) => Buffer } = {},
): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let mode: 'open' | 'cut' | 'stalled' = 'open';
  let swallow: ((frame: Buffer) => boolean) | null = null;

  const passes = (frame: Buffer): boolean => {
    if (swallow?.(frame) !== true) return true;
    swallow = null;
    return false;
  };
  // Timers of one length run in the order in which they were set.
  const send = (to: Socket, bytes: Buffer): void => {
    if (delayMs === 0) to.write(bytes);
    else setTimeout(() => to.writable && to.write(bytes), delayMs);
  };
  const server = createServer((client) => {
    if (mode === 'cut') {
      client.destroy();
      return;
    }
    const upstream = connect({ host: '127.0.0.1', port: target.port });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
      pairs.delete(pair);
    };
    const split = frameSplitter();
    upstream.on('data', (chunk) => {
      for (const frame of split(chunk)) if (passes(frame)) send(client, edit(frame));
    });
    client.on('data', (chunk) => send(upstream, chunk));
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('close', end);
      // The close that follows says it all.
      socket.on('error', () => undefined);
      if (mode === 'stalled') socket.pause();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const endAll = (): void => {
    for (const [client, upstream] of pairs) {
      client.destroy();
      upstream.destroy();
    }
    pairs.clear();
  };
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return pairs.size;
    },
    cut() {
      mode = 'cut';
      endAll();
    },
    stall() {
      mode = 'stalled';
      for (const socket of [...pairs].flat()) socket.pause();
    },
    heal() {
      mode = 'open';
      for (const socket of [...pairs].flat()) socket.resume();
    },
    swallowNext(isIt) {
      swallow = isIt;
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      endAll();
      await closed;
    },
  };
}

function itself(frame: Buffer): Buffer {
  return frame;
}

/** Whole frames out of a stream of chunks: a line, and for messages of either side the payload after it. */
export function frameSplitter(): (chunk: Buffer) => Buffer[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const frames: Buffer[] = [];
    for (;;) {
      const lineEnd = rest.indexOf('\r\n');
      if (lineEnd < 0) return frames;
      const line = rest.toString('latin1', 0, lineEnd);
      const size = /^H?(MSG|PUB) /.test(line) ? Number(line.slice(line.lastIndexOf(' ') + 1)) + 2 : 0;
      const frameEnd = lineEnd + 2 + size;
      if (rest.length < frameEnd) return frames;
      frames.push(rest.subarray(0, frameEnd));
      rest = rest.subarray(frameEnd);
    }
  };
}
