/**
 * A TCP proxy in front of a NATS server: one per client, so that a test can cut that client's link, stall it in one
 * direction or both, or decide what becomes of each message of the server. Bytes go through as they are; towards the
 * client they are cut into NATS protocol frames, which is what makes a single message droppable.
 */
import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

export type Direction = 'toClient' | 'toServer';

/** What becomes of a frame for the client: never delivered, or delivered after a while in which others overtake it. */
export type FrameFate = 'lost' | { readonly heldMs: number };

export interface TcpProxy {
  readonly url: string;
  /** Ends every connection and refuses new ones until `heal`. */
  cut(): void;
  /** Takes no more bytes on the way there until `heal`, and closes nothing: a partition as TCP sees it. */
  stall(way?: Direction | 'both'): void;
  /** Ends `cut` and `stall`. What was stalled goes on its way late. */
  heal(): void;
  /** The next frame for the client that `isIt` accepts is dropped. */
  swallowNext(isIt: (frame: Buffer) => boolean): void;
  /** From now on decides for every frame for the client; null: all pass. */
  judge(fateOf: ((frame: Buffer) => FrameFate) | null): void;
  /** How long every byte is on its way from now on, in each direction. The order of the bytes stays. */
  delay(ms: number): void;
  /** Connections open now. */
  readonly connections: number;
  stop(): Promise<void>;
}

/**
 * `host`: of the server, default this machine. `delayMs`: see `delay`, default 0. `edit`: what becomes of each frame for
 * the client; default itself.
 */
export async function startTcpProxy(
  { host = '127.0.0.1', port }: { readonly host?: string; readonly port: number },
  {
    delayMs: delayAtFirstMs = 0,
    edit = itself,
  }: { readonly delayMs?: number; readonly edit?: (frame: Buffer) => Buffer } = {},
): Promise<TcpProxy> {
  const pairs = new Set<Readonly<Record<Direction, Socket>>>();
  let mode: 'open' | 'cut' | Direction | 'both' = 'open';
  let swallow: ((frame: Buffer) => boolean) | null = null;
  let judge: ((frame: Buffer) => FrameFate) | null = null;
  let delayMs = delayAtFirstMs;

  const fateOf = (frame: Buffer): FrameFate => {
    if (swallow?.(frame) === true) {
      swallow = null;
      return 'lost';
    }
    return judge?.(frame) ?? { heldMs: 0 };
  };
  // Keyed by where its bytes go; a socket is paused by the way of what it reads.
  const restrain = (sockets: Readonly<Record<Direction, Socket>>): void => {
    if (mode === 'both' || mode === 'toClient') sockets.toServer.pause();
    if (mode === 'both' || mode === 'toServer') sockets.toClient.pause();
  };
  const server = createServer((client) => {
    if (mode === 'cut') {
      client.destroy();
      return;
    }
    const upstream = connect({ host, port });
    const pair = { toClient: client, toServer: upstream };
    pairs.add(pair);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
      pairs.delete(pair);
    };
    const split = frameSplitter();
    const toClient = orderedWriter(client);
    const toServer = orderedWriter(upstream);
    upstream.on('data', (chunk) => {
      for (const frame of split(chunk)) {
        const fate = fateOf(frame);
        if (fate === 'lost') continue;
        if (fate.heldMs === 0) toClient(edit(frame), delayMs);
        else setTimeout(() => toClient(edit(frame), delayMs), fate.heldMs);
      }
    });
    client.on('data', (chunk) => toServer(chunk, delayMs));
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('close', end);
      // The close that follows says it all.
      socket.on('error', () => undefined);
    }
    restrain(pair);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const endAll = (): void => {
    for (const { toClient, toServer } of pairs) {
      toClient.destroy();
      toServer.destroy();
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
    stall(way = 'both') {
      mode = way;
      for (const pair of pairs) restrain(pair);
    },
    heal() {
      mode = 'open';
      for (const { toClient, toServer } of pairs) {
        toClient.resume();
        toServer.resume();
      }
    },
    swallowNext(isIt) {
      swallow = isIt;
    },
    judge(fate) {
      judge = fate;
    },
    delay(ms) {
      delayMs = ms;
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      endAll();
      await closed;
    },
  };
}

/** Writes in the order in which it was told to, however the delay changes between. */
function orderedWriter(to: Socket): (bytes: Buffer, delayMs: number) => void {
  const waiting: { readonly at: number; readonly bytes: Buffer }[] = [];
  const flush = (): void => {
    const now = performance.now();
    for (;;) {
      const first = waiting[0];
      if (first === undefined) return;
      if (first.at > now) break;
      waiting.shift();
      if (to.writable) to.write(first.bytes);
    }
    setTimeout(flush, Math.ceil((waiting[0]?.at ?? now) - now));
  };
  return (bytes, delayMs) => {
    if (delayMs === 0 && waiting.length === 0) {
      if (to.writable) to.write(bytes);
      return;
    }
    const at = Math.max(performance.now() + delayMs, waiting.at(-1)?.at ?? 0);
    if (waiting.push({ at, bytes }) === 1) setTimeout(flush, delayMs);
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
