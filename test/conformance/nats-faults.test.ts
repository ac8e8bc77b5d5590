/** What only a real broker and a real link can do to the adapter. */
import { connect, type NatsConnection } from 'nats';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BusStatus, LedgerFollower, ServiceDefinition } from '../../src/ports.ts';
import { openNatsPorts } from '../../src/nats/ports.ts';
import { startPrivateServer, type PrivateServer } from '../../src/nats/private-server.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { binary, withServer } from '../support/nats-server.ts';
import { startRawServer } from '../support/raw-server.ts';
import { makeNatsWorld, type NatsWorld } from './nats-world.ts';
import {
  append,
  ask,
  bytes,
  fill,
  Heard,
  known,
  listen,
  openLedger,
  readSlot,
  text,
  untilStatus,
} from './patience.ts';

const server = withServer();
let world: NatsWorld;
beforeEach(async () => {
  world = await makeNatsWorld(server());
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.stop();
});

async function withNats<T>(run: (nc: NatsConnection) => Promise<T>): Promise<T> {
  const nc = await connect({ servers: server().url });
  try {
    return await run(nc);
  } finally {
    await nc.close();
  }
}

const reading = (heard: Heard<string>, stopped = new Heard<string>()): LedgerFollower => ({
  entry: (sequence, data) => heard.push(`${sequence} ${text(data)}`),
  stopped: stopped.push,
});

describe('the bus', () => {
  it('logs what a handler throws, and goes on', async () => {
    const a = await world.bus('a');
    a.subscribe('faults.throw', () => {
      throw new Error('a broken handler');
    });
    a.onStatus(() => {
      throw new Error('a broken listener');
    });
    const heard = listen(a, 'faults.throw');
    a.publish({ subject: 'faults.throw', data: bytes('1') });
    await heard.until(1);
    a.request({ subject: 'faults.nobody', data: bytes(''), timeoutMs: 5_000 }, () => {
      throw new Error('a broken callback');
    });
    await known(world, a);
    expect(world.logged.filter((line) => line.includes('a handler failed'))).toHaveLength(2);
  });

  it('does not send what is too large, and says so', async () => {
    const a = await world.bus('a');
    const message = { subject: 'faults.large', data: new Uint8Array(a.payloadBytesMax + 1) };
    expect(a.publish(message)).toBe(false);
    expect(await ask(world, a, { ...message, timeoutMs: 5_000 })).toEqual({ kind: 'offline' });
    expect(world.logged.filter((line) => line.includes('a message was not sent'))).toHaveLength(2);
    await known(world, a);
  });

  it('takes no subject that would be a protocol command', async () => {
    const a = await world.bus('a');
    expect(() => a.publish({ subject: 'x 0\r\n\r\nPUB y', data: bytes('') })).toThrow('not a subject');
  });

  it('finds a stalled link out within seconds though its buffers are full, bounds them, and comes back', async () => {
    const a = await world.bus('a');
    const { proxy } = await world.client('a');
    const data = new Uint8Array(512 * 1024);
    proxy.stall();
    let sent = 0;
    while (sent < 200 && a.publish({ subject: 'faults.flood', data })) sent += 1;
    expect(sent).toBeLessThan(200);
    await untilStatus(world, a, false);
    proxy.heal();
    await untilStatus(world, a, true);
    await known(world, a);
    expect(a.publish({ subject: 'faults.flood', data })).toBe(true);
  });

  it('reconnects at once though the wall clock went back by an hour', async () => {
    const a = await world.bus('a');
    const { proxy } = await world.client('a');
    // A first loss gives the library a time of its last attempt.
    proxy.cut();
    await untilStatus(world, a, false);
    proxy.heal();
    await untilStatus(world, a, true);
    const now = Date.now.bind(Date);
    vi.spyOn(Date, 'now').mockImplementation(() => now() - 3_600_000);
    proxy.cut();
    await untilStatus(world, a, false);
    proxy.heal();
    // In the time of this test; a library that counts from its last attempt waits for an hour.
    await untilStatus(world, a, true);
  });

  it('can be closed while it is offline', async () => {
    const { ports, proxy } = await world.client('a');
    proxy.cut();
    await untilStatus(world, ports.bus, false);
    const statuses = new Heard<BusStatus>();
    ports.bus.onStatus(statuses.push);
    await ports.close();
    await statuses.until(1);
    proxy.heal();
    expect(proxy.connections).toBe(0);
  });

  const serviceWith = (figures: unknown): ServiceDefinition => ({
    name: world.fleet,
    version: '1.2.3',
    description: 'coordinates',
    metadata: { fleet: world.fleet },
    queue: 'q1',
    endpoints: [{ name: 'submit', subject: 'faults.api.submit', handle: () => undefined }],
    stats: () => figures,
  });

  it('shows its service, its endpoints and its figures to the nats command', async () => {
    const a = await world.bus('a');
    a.serve(serviceWith({ role: 'leader', term: 7 }));
    await known(world, a);
    const query = async (verb: string): Promise<unknown> => {
      const message = { subject: `$SRV.${verb}.${world.fleet}`, data: bytes(''), timeoutMs: 5_000 };
      const outcome = await ask(world, a, message);
      return outcome.kind === 'reply' ? JSON.parse(text(outcome.data)) : outcome;
    };
    expect(await query('INFO')).toMatchObject({
      description: 'coordinates',
      endpoints: [{ name: 'submit', subject: 'faults.api.submit', queue_group: 'q1' }],
    });
    expect(await query('STATS')).toMatchObject({ endpoints: [{ data: { role: 'leader', term: 7 } }] });
  });

  it('survives figures that cannot be shown', async () => {
    const a = await world.bus('a');
    a.serve(serviceWith({ big: 1n }));
    await known(world, a);
    const message = { subject: `$SRV.STATS.${world.fleet}`, data: bytes(''), timeoutMs: 5_000 };
    expect((await ask(world, a, message)).kind).toBe('reply');
  });

  it('brings a subscription and a service back when the broker allows them again', async () => {
    const users = (denied: string): string =>
      `authorization { users: [ { user: u, password: p, permissions: { publish: ">", subscribe: { deny: "${denied}" } } } ] }`;
    const guarded = await startRawServer(users('denied.>'));
    const log = { warn: vi.fn(), error: vi.fn() };
    const address = { servers: guarded.url, role: 'test', id: 'a', user: 'u', pass: 'p' };
    const ports = await openNatsPorts({ ...address, fleet: world.fleet, log });
    const heard = listen(ports.bus, 'denied.plain');
    ports.bus.serve({
      name: 'guarded',
      version: '1.0.0',
      description: '',
      metadata: {},
      queue: 'q1',
      endpoints: [
        { name: 'free', subject: 'free.api', handle: (message) => message.respond(bytes('free')) },
        { name: 'denied', subject: 'denied.api', handle: (message) => message.respond(bytes('denied')) },
      ],
      stats: () => null,
    });
    await vi.waitFor(() => {
      expect(log.error).toHaveBeenCalledWith(
        expect.objectContaining({ subject: 'denied.plain' }),
        expect.any(String),
      );
      expect(log.warn).toHaveBeenCalledWith(
        expect.objectContaining({ service: 'guarded' }),
        expect.any(String),
      );
    });
    await guarded.reload(users('other.>'));
    await vi.waitFor(
      async () => {
        ports.bus.publish({ subject: 'denied.plain', data: bytes('x') });
        for (const name of ['free', 'denied']) {
          const outcome = await ask(world, ports.bus, {
            subject: `${name}.api`,
            data: bytes(''),
            timeoutMs: 200,
          });
          expect(outcome.kind === 'reply' && text(outcome.data)).toBe(name);
        }
        expect(heard.all.length).toBeGreaterThan(0);
      },
      { timeout: 10_000, interval: 100 },
    );
    await ports.close();
    await guarded.stop();
  });
});

describe('the inbox prefix', () => {
  it('is where every reply and every entry comes: no other subject need be allowed', async () => {
    const permissions = '{ publish: ">", subscribe: { allow: ["REPLY_a.>"] } }';
    const guarded = await startRawServer(
      `authorization { users: [ { user: u, password: p, permissions: ${permissions} } ] }
       jetstream { store_dir: "$FOLDER" }`,
    );
    const log = { warn: vi.fn(), error: vi.fn() };
    const address = {
      servers: guarded.url,
      role: 'test',
      id: 'a',
      user: 'u',
      pass: 'p',
      inboxPrefix: 'REPLY_a',
    };
    const ports = await openNatsPorts({ ...address, fleet: world.fleet, ledgerBytesMax: 1024 ** 2, log });
    const heard = new Heard<string>();
    const ledger = await openLedger(world, ports.ledger);
    ports.ledger.follow(1, reading(heard));
    await fill(world, ledger, ['one']);
    expect(await heard.until(1)).toEqual(['1 one']);
    await known(world, ports.bus);
    expect([log.warn.mock.calls, log.error.mock.calls]).toEqual([[], []]);
    await ports.close();
    await guarded.stop();
  });
});

describe('the ledger', () => {
  it('stores and reads an entry as large as the broker takes', async () => {
    const ledger = await openLedger(world, await world.ledger('a'));
    const bus = await world.bus('a');
    const data = new Uint8Array(bus.payloadBytesMax - 200).map((_, index) => index % 251);
    const stored = await new Promise((resolve) =>
      ledger.append({ data, expectedLast: 0, timeoutMs: 5_000 }, resolve),
    );
    expect(stored).toEqual({ kind: 'stored', sequence: 1 });
    const slot = await readSlot(world, ledger, 1);
    expect(slot.kind === 'entry' && Buffer.compare(slot.data, data)).toBe(0);
  });

  it('knows that nothing was stored when nobody stores', async () => {
    const ledger = await openLedger(world, await world.ledger('a'));
    await withNats(async (nc) =>
      (await nc.jetstreamManager()).streams.delete(subjectsOf(world.fleet).stream),
    );
    expect(await append(world, ledger, { text: 'x', expectedLast: 0 })).toEqual({ kind: 'notStored' });
  });

  it('does not know, when the broker says something else than yes or wrong sequence', async () => {
    const ledger = await openLedger(world, await world.ledger('a'));
    await withNats(async (nc) => {
      const { streams } = await nc.jetstreamManager();
      const { stream } = subjectsOf(world.fleet);
      const { config } = await streams.info(stream);
      await streams.update(stream, { ...config, max_bytes: 1 });
    });
    const outcome = await append(world, ledger, { text: 'x', expectedLast: 0 });
    expect(outcome.kind === 'unknown' && outcome.reason).toContain('10077');
  });

  it('finds a stalled link out within seconds, and what was under way is unknown', async () => {
    const ledger = await openLedger(world, await world.ledger('a'));
    const { proxy } = await world.client('a');
    proxy.stall();
    const outcome = await append(world, ledger, { text: 'x', expectedLast: 0, timeoutMs: 60_000 });
    expect(outcome.kind).toBe('unknown');
    expect(ledger.isClosed).toBe(true);
    proxy.heal();
  });
});

describe('a follower', () => {
  it('misses nothing when a message is lost on the way', async () => {
    const writer = await openLedger(world, await world.ledger('a'));
    const { ports, proxy } = await world.client('b');
    const heard = new Heard<string>();
    ports.ledger.follow(1, reading(heard));
    await fill(world, writer, ['one']);
    await heard.until(1);
    for (const [index, each] of ['two', 'three', 'four'].entries()) {
      proxy.swallowNext((frame) => frame.toString('latin1').includes(' $JS.ACK.'));
      await fill(world, writer, [each], index + 1);
      await heard.until(index + 2);
    }
    // Lost before others, so that the next message shows it and not the heartbeat.
    proxy.swallowNext((frame) => frame.toString('latin1').includes(' $JS.ACK.'));
    await fill(world, writer, ['five', 'six', 'seven'], 4);
    await heard.until(7);
    expect(heard.all).toEqual(['1 one', '2 two', '3 three', '4 four', '5 five', '6 six', '7 seven']);
  });

  it('goes on when its consumer is deleted', async () => {
    const writer = await openLedger(world, await world.ledger('a'));
    const heard = new Heard<string>();
    (await world.ledger('b')).follow(1, reading(heard));
    await fill(world, writer, ['one']);
    await heard.until(1);
    await withNats(async (nc) => {
      const { stream } = subjectsOf(world.fleet);
      const { consumers } = await nc.jetstreamManager();
      for await (const { name } of consumers.list(stream)) await consumers.delete(stream, name);
    });
    await fill(world, writer, ['two'], 1);
    expect(await heard.until(2)).toEqual(['1 one', '2 two']);
  });

  it('stops when the stream is made anew, or deleted', async () => {
    const writer = await openLedger(world, await world.ledger('a'));
    const [heard, stopped] = [new Heard<string>(), new Heard<string>()];
    (await world.ledger('b')).follow(1, reading(heard, stopped));
    await fill(world, writer, ['one', 'two']);
    await heard.until(2);
    const { stream } = subjectsOf(world.fleet);
    await withNats(async (nc) => {
      const { streams } = await nc.jetstreamManager();
      const { config } = await streams.info(stream);
      await streams.delete(stream);
      await streams.add(config);
    });
    expect(await stopped.until(1)).toEqual(['the stream ends at 0, and entry 2 has been read']);
    await withNats(async (nc) => (await nc.jetstreamManager()).streams.delete(stream));
    const again = new Heard<string>();
    (await world.ledger('b')).follow(1, reading(heard, again));
    await again.until(1);
    expect(heard.all).toHaveLength(2);
  });

  it('keeps up with a backlog larger than its flow control window, in order', async () => {
    const writer = await openLedger(world, await world.ledger('a'));
    const body = 'x'.repeat(100_000);
    const writingFrom = performance.now();
    await fill(
      world,
      writer,
      Array.from({ length: 300 }, (_, index) => `${index}${body}`),
    );
    const sequences: number[] = [];
    const readingFrom = performance.now();
    const done = new Promise<void>((resolve) => {
      const entry = (sequence: number): void => {
        if (sequences.push(sequence) === 300) resolve();
      };
      void world.ledger('b').then((ledger) => ledger.follow(1, { entry, stopped: () => undefined }));
    });
    await done;
    expect(sequences).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    // A window that nobody acknowledges opens with a heartbeat, a second later each time: far longer than the writing.
    const readingMs = performance.now() - readingFrom;
    expect(readingMs).toBeLessThan(3 * (readingFrom - writingFrom));
  });
});

describe('a restart of the server', () => {
  let own: PrivateServer;
  beforeEach(async () => {
    own = await startPrivateServer({ binary });
  });
  afterEach(() => own.stop());

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'by %s keeps bus and follower going, and the ledger whole',
    async (signal) => {
      const local = await makeNatsWorld(own);
      const writer = await openLedger(local, await local.ledger('a'));
      const [heard, stopped] = [new Heard<string>(), new Heard<string>()];
      (await local.ledger('b')).follow(1, reading(heard, stopped));
      await fill(local, writer, ['one', 'two']);
      await heard.until(2);
      await own.kill(signal);
      await untilStatus(local, await local.bus('b'), false);
      expect((await append(local, writer, { text: 'x', expectedLast: 2 })).kind).toBe('unknown');
      await own.restart();
      await untilStatus(local, await local.bus('b'), true);
      const fresh = await openLedger(local, await local.ledger('a'));
      await fill(local, fresh, ['three'], 2);
      await heard.until(3);
      expect(heard.all).toEqual(['1 one', '2 two', '3 three']);
      expect(stopped.all).toEqual([]);
      await local.stop();
    },
  );
});
