/** What every Bus must do, on NATS and simulated. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BusStatus, Incoming, RequestOutcome, ServiceDefinition } from '../../src/ports.ts';
import { ask, bytes, Heard, known, listen, pass, text, untilStatus } from './patience.ts';
import type { ConformanceWorld, MakeWorld } from './world.ts';

export function busSuite(makeWorld: MakeWorld): void {
  let world: ConformanceWorld;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world.stop());

  describe('bus: publish and subscribe', () => {
    it('delivers data, subject and headers, and no reply subject where no answer is wanted', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      const heard = new Heard<Incoming>();
      b.subscribe('conformance.plain', heard.push);
      await known(world, b);
      expect(a.publish({ subject: 'conformance.plain', data: bytes('one') })).toBe(true);
      const headers = { 'Content-Type': 'text/plain', 'X-Term': '7' };
      expect(a.publish({ subject: 'conformance.plain', data: bytes('two'), headers })).toBe(true);

      const [one, two] = await world.settle(heard.until(2));
      expect(one && text(one.data)).toBe('one');
      expect(one?.subject).toBe('conformance.plain');
      expect(one?.replyTo).toBeNull();
      expect({ ...one?.headers }).toEqual({});
      expect(one?.respond(bytes('nobody wants this'))).toBe(false);
      expect(two && text(two.data)).toBe('two');
      expect({ ...two?.headers }).toEqual(headers);
    });

    it('delivers to wildcards: * is one token, > is one or more', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      const one = listen(b, 'conformance.*.leaf');
      const rest = listen(b, 'conformance.tree.>');
      await known(world, b);
      for (const subject of ['tree.leaf', 'bush.leaf', 'tree', 'tree.a.b', 'tree.a.leaf']) {
        a.publish({ subject: `conformance.${subject}`, data: bytes(subject) });
      }
      expect(await world.settle(rest.until(3))).toEqual(['tree.leaf', 'tree.a.b', 'tree.a.leaf']);
      expect(one.all).toEqual(['tree.leaf', 'bush.leaf']);
    });

    it('delivers in the order of publication, also across subjects', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      const heard = listen(b, 'conformance.order.*');
      await known(world, b);
      const texts = Array.from({ length: 200 }, (_, index) => `${index}`);
      for (const [index, each] of texts.entries()) {
        a.publish({ subject: `conformance.order.${index % 3}`, data: bytes(each) });
      }
      expect(await world.settle(heard.until(200))).toEqual(texts);
    });

    it('delivers to every subscription, the publisher’s own included', async () => {
      const a = await world.bus('a');
      const [first, second] = [listen(a, 'conformance.own'), listen(a, 'conformance.own')];
      a.publish({ subject: 'conformance.own', data: bytes('x') });
      await world.settle(Promise.all([first.until(1), second.until(1)]));
    });

    it('never delivers before publish has returned', async () => {
      const a = await world.bus('a');
      const order: string[] = [];
      const heard = new Heard<Incoming>();
      a.subscribe('conformance.own', (message) => {
        order.push('heard');
        heard.push(message);
      });
      await known(world, a);
      a.publish({ subject: 'conformance.own', data: bytes('x') });
      order.push('returned');
      await world.settle(heard.until(1));
      expect(order).toEqual(['returned', 'heard']);
    });

    it('delivers nothing after a subscription was closed, not even what had arrived', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      const closed: string[] = [];
      const subscription = b.subscribe('conformance.close', (message) => {
        closed.push(text(message.data));
        if (closed.length === 2) subscription.close();
      });
      const open = listen(b, 'conformance.close');
      await known(world, b);
      for (const each of ['1', '2', '3', '4']) a.publish({ subject: 'conformance.close', data: bytes(each) });
      await world.settle(open.until(4));
      expect(closed).toEqual(['1', '2']);
      subscription.close();
    });

    it('carries a message of the largest size that it names', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      const heard = new Heard<Incoming>();
      b.subscribe('conformance.large', heard.push);
      await known(world, b);
      const data = new Uint8Array(a.payloadBytesMax).fill(65);
      expect(data.length).toBeGreaterThan(1_000);
      expect(a.publish({ subject: 'conformance.large', data })).toBe(true);
      const [message] = await world.settle(heard.until(1));
      expect(message?.data.length).toBe(data.length);
    });
  });

  describe('bus: request', () => {
    it('gives the answer with its headers', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      let isSent = false;
      b.subscribe('conformance.echo', (message) => {
        const headers = { 'X-Echo': message.headers['X-Question'] ?? '' };
        isSent = message.replyTo !== null && message.respond(bytes(`${text(message.data)}!`), headers);
      });
      await known(world, b);
      const question = {
        subject: 'conformance.echo',
        data: bytes('hello'),
        headers: { 'X-Question': 'why' },
      };
      const outcome = await ask(world, a, { ...question, timeoutMs: 5_000 });
      expect(outcome.kind === 'reply' && text(outcome.data)).toBe('hello!');
      expect(outcome.kind === 'reply' && { ...outcome.headers }).toEqual({ 'X-Echo': 'why' });
      expect(isSent).toBe(true);
    });

    it('keeps many apart', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      const waiting: Incoming[] = [];
      b.subscribe('conformance.echo', (message) => {
        waiting.push(message);
        // The last one is answered first.
        if (waiting.length === 50) for (const each of waiting.reverse()) each.respond(each.data);
      });
      await known(world, b);
      const answers = Array.from({ length: 50 }, (_, index) =>
        ask(world, a, { subject: 'conformance.echo', data: bytes(`${index}`), timeoutMs: 5_000 }),
      );
      const texts = (await Promise.all(answers)).map((each) => each.kind === 'reply' && text(each.data));
      expect(texts).toEqual(Array.from({ length: 50 }, (_, index) => `${index}`));
    });

    it('says so when nobody subscribes', async () => {
      const a = await world.bus('a');
      const outcome = await ask(world, a, {
        subject: 'conformance.nobody',
        data: bytes(''),
        timeoutMs: 5_000,
      });
      expect(outcome).toEqual({ kind: 'noResponders' });
    });

    it('ends with a timeout, in time, when the subscriber stays silent', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      b.subscribe('conformance.silent', () => undefined);
      await known(world, b);
      const startedAt = world.clock.now();
      const outcome = await ask(world, a, { subject: 'conformance.silent', data: bytes(''), timeoutMs: 40 });
      expect(outcome).toEqual({ kind: 'timeout' });
      expect(world.clock.now() - startedAt).toBeGreaterThanOrEqual(38);
    });

    it('gives one outcome only: not a second answer, and none that comes too late', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      const late = new Heard<Incoming>();
      b.subscribe('conformance.twice', (message) => {
        message.respond(bytes('first'));
        message.respond(bytes('second'));
      });
      b.subscribe('conformance.late', late.push);
      await known(world, b);
      const outcomes = new Heard<RequestOutcome>();
      a.request({ subject: 'conformance.twice', data: bytes(''), timeoutMs: 5_000 }, outcomes.push);
      await world.settle(outcomes.until(1));
      a.request({ subject: 'conformance.late', data: bytes(''), timeoutMs: 10 }, outcomes.push);
      await world.settle(outcomes.until(2));
      const [question] = await world.settle(late.until(1));
      question?.respond(bytes('too late'));
      await known(world, b);
      await known(world, a);
      expect(outcomes.all.map(({ kind }) => kind)).toEqual(['reply', 'timeout']);
    });

    it('is never done before it has returned, and never once it was cancelled', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      b.subscribe('conformance.echo', (message) => message.respond(message.data));
      await known(world, b);
      const order: string[] = [];
      const message = { subject: 'conformance.echo', data: bytes(''), timeoutMs: 20 };
      const done = new Promise<RequestOutcome>((resolve) => {
        const cancel = a.request(message, () => order.push('cancelled one'));
        cancel();
        cancel();
        a.request(message, (outcome) => {
          order.push('done');
          resolve(outcome);
        });
        order.push('returned');
      });
      await world.settle(done);
      await pass(world, 40);
      expect(order).toEqual(['returned', 'done']);
    });
  });

  describe('bus: the link', () => {
    it('refuses while offline, and what it refused is never sent', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      const heard = listen(b, 'conformance.link');
      await known(world, b);
      const statuses: BusStatus[] = [];
      a.onStatus((status) => statuses.push(status));
      world.cut('a');
      await untilStatus(world, a, false);
      expect(a.publish({ subject: 'conformance.link', data: bytes('lost') })).toBe(false);

      const order: string[] = [];
      const refused = new Promise<RequestOutcome>((resolve) => {
        const message = { subject: 'conformance.link', data: bytes('lost too'), timeoutMs: 5_000 };
        a.request(message, (outcome) => {
          order.push('done');
          resolve(outcome);
        });
        a.request(message, () => order.push('cancelled one'))();
        order.push('returned');
      });
      expect(await world.settle(refused)).toEqual({ kind: 'offline' });
      expect(order).toEqual(['returned', 'done']);

      world.heal('a');
      await untilStatus(world, a, true);
      expect(a.publish({ subject: 'conformance.link', data: bytes('after') })).toBe(true);
      await world.settle(heard.until(1));
      expect(heard.all).toEqual(['after']);
      expect(statuses).toEqual(['offline', 'online']);
    });

    it('brings subscriptions and services back, also those made while offline', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      const before = listen(a, 'conformance.before');
      a.serve(serviceOf('q1', { name: 'echo', subject: 'conformance.echo' }));
      await known(world, a);
      world.cut('a');
      await untilStatus(world, a, false);
      const meanwhile = listen(a, 'conformance.meanwhile');
      const gone = new Heard<Incoming>();
      a.subscribe('conformance.meanwhile', gone.push).close();
      world.heal('a');
      await untilStatus(world, a, true);
      await known(world, a);
      b.publish({ subject: 'conformance.before', data: bytes('1') });
      b.publish({ subject: 'conformance.meanwhile', data: bytes('2') });
      await world.settle(Promise.all([before.until(1), meanwhile.until(1)]));
      expect(gone.all).toEqual([]);
      const outcome = await ask(world, b, {
        subject: 'conformance.echo',
        data: bytes('x'),
        timeoutMs: 5_000,
      });
      expect(outcome.kind === 'reply' && text(outcome.data)).toBe('q1: x');
    });

    it('ends a request in flight when the link is cut with a timeout, at its deadline or before', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      const heard = new Heard<Incoming>();
      b.subscribe('conformance.silent', heard.push);
      await known(world, b);
      const outcome = new Promise<RequestOutcome>((resolve) =>
        a.request({ subject: 'conformance.silent', data: bytes(''), timeoutMs: 300 }, resolve),
      );
      await world.settle(heard.until(1));
      world.cut('a');
      expect(await world.settle(outcome)).toEqual({ kind: 'timeout' });
    });

    it('is closed for good: says so once, refuses, and ends what still waits', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      const heard = new Heard<Incoming>();
      b.subscribe('conformance.silent', heard.push);
      await known(world, b);
      const statuses = new Heard<BusStatus>();
      a.onStatus(statuses.push);
      const deaf = new Heard<BusStatus>();
      a.onStatus(deaf.push).close();
      const outcome = new Promise<RequestOutcome>((resolve) =>
        a.request({ subject: 'conformance.silent', data: bytes(''), timeoutMs: 60_000 }, resolve),
      );
      await world.settle(heard.until(1));
      await world.settle(world.closeBus('a'));
      await world.settle(statuses.until(1));
      expect(await world.settle(outcome)).toEqual({ kind: 'timeout' });
      expect([statuses.all, deaf.all]).toEqual([['closed'], []]);
      expect(a.isOnline).toBe(false);
      expect(a.publish({ subject: 'conformance.silent', data: bytes('') })).toBe(false);
      const message = { subject: 'conformance.silent', data: bytes(''), timeoutMs: 5_000 };
      expect(await ask(world, a, message)).toEqual({ kind: 'offline' });
      a.subscribe('conformance.silent', () => undefined).close();
    });
  });

  describe('bus: services', () => {
    it('answers at every endpoint, with headers', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      const endpoints = [
        { name: 'echo', subject: 'conformance.api.echo' },
        { name: 'other', subject: 'conformance.api.other' },
      ];
      b.serve(serviceOf('q1', ...endpoints));
      await known(world, b);
      for (const { name, subject } of endpoints) {
        const outcome = await ask(world, a, { subject, data: bytes(name), timeoutMs: 5_000 });
        expect(outcome.kind === 'reply' && text(outcome.data)).toBe(`q1: ${name}`);
        expect(outcome.kind === 'reply' && { ...outcome.headers }).toEqual({ 'X-Endpoint': name });
      }
    });

    it('gives each request to one member of a queue group, and to every group', async () => {
      const [a, b, c] = [await world.bus('a'), await world.bus('b'), await world.bus('c')];
      const heard = new Heard<string>();
      const counting = (queue: string, who: string): ServiceDefinition => ({
        ...serviceOf(queue),
        endpoints: [{ name: 'count', subject: 'conformance.count', handle: () => heard.push(who) }],
      });
      b.serve(counting('shared', 'b'));
      c.serve(counting('shared', 'c'));
      c.serve(counting('alone', 'alone'));
      await known(world, b);
      await known(world, c);
      for (let i = 0; i < 20; i++) a.publish({ subject: 'conformance.count', data: bytes('') });
      await world.settle(heard.until(40));
      await known(world, b);
      await known(world, c);
      const alone = heard.all.filter((who) => who === 'alone');
      expect([alone.length, heard.all.length]).toEqual([20, 40]);
    });

    it('hears nothing more once closed, not even what had arrived', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      const served: string[] = [];
      const handle = (message: Incoming): void => {
        served.push(text(message.data));
        if (served.length === 2) service.close();
      };
      const endpoints = [{ name: 'count', subject: 'conformance.api.count', handle }];
      const service = b.serve({ ...serviceOf('q1'), endpoints });
      const open = listen(b, 'conformance.api.count');
      await known(world, b);
      for (const each of ['1', '2', '3', '4']) {
        a.publish({ subject: 'conformance.api.count', data: bytes(each) });
      }
      await world.settle(open.until(4));
      await known(world, b);
      expect(served).toEqual(['1', '2']);
    });

    it('is gone when closed', async () => {
      const [a, b] = [await world.bus('a'), await world.bus('b')];
      const service = b.serve(serviceOf('q1', { name: 'echo', subject: 'conformance.api.echo' }));
      await known(world, b);
      service.close();
      service.close();
      await known(world, b);
      const outcome = await ask(world, a, {
        subject: 'conformance.api.echo',
        data: bytes(''),
        timeoutMs: 5_000,
      });
      expect(outcome).toEqual({ kind: 'noResponders' });
    });
  });
}

/** A service whose endpoints answer with the queue's name and what they were sent. */
function serviceOf(
  queue: string,
  ...endpoints: { readonly name: string; readonly subject: string }[]
): ServiceDefinition {
  return {
    name: 'conformance',
    version: '1.0.0',
    description: 'answers',
    metadata: {},
    queue,
    endpoints: endpoints.map(({ name, subject }) => ({
      name,
      subject,
      handle: (message) => message.respond(bytes(`${queue}: ${text(message.data)}`), { 'X-Endpoint': name }),
    })),
    stats: () => ({ role: 'standby' }),
  };
}
