/**
 * The Ledger on JetStream: opens connections that do not reconnect, each after the stream has been verified,
 * and followers on the bus.
 */
import type { Bus, Clock, Ledger, LedgerFollower, OpenOutcome, Random, Subscription } from '../ports.ts';
import type { Broker, Fsync } from '../domain/durability.ts';
import { ConclaveError } from '../domain/errors.ts';
import { found, type Streak } from '../domain/streak.ts';
import { brokerOf } from './broker.ts';
import { connectNats, type ReadyAddress, type RefusalHeard } from './connection.ts';
import { reasonOf } from './errors.ts';
import { Follower } from './follower.ts';
import { inDomain } from './jetstream-api.ts';
import { NatsLedgerConnection } from './ledger-connection.ts';
import { fence, type NatsLog } from './log.ts';
import type { SnapshotSubjects } from './snapshot-subjects.ts';
import { streamMismatch, type StreamConfig, type StreamWish } from './stream-config.ts';
import { setUpStream, streamGone, type SetupOutcome } from './stream-setup.ts';

/** A broker that restarts, or fails over, may not know a stream for a while: NATS's own fail-over takes 4–10 s. */
const gonePatienceMs = 12_000;
/** For the whole of connecting, creating and verifying. */
const openTimeoutMs = 5_000;

export interface NatsLedgerOptions {
  readonly address: ReadyAddress;
  readonly wish: StreamWish;
  readonly snapshots: SnapshotSubjects;
  /** Whether streams that are not there are created. */
  readonly mayCreate: boolean;
  /** What is known of the server's writing to disk, which it does not tell. */
  readonly fsync?: Fsync;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: NatsLog;
}

export class NatsLedger implements Ledger {
  readonly #options: NatsLedgerOptions;
  readonly #connections = new Set<NatsLedgerConnection>();
  readonly #followers = new Set<Follower>();
  /** A broker that had JetStream once and has not now is restarting, or its leader is away. */
  #hasOpened = false;
  /** The broker says that the stream, which was there, is not; monotonic. */
  #gone: Streak | null = null;
  #broker: Broker | null = null;
  #isClosed = false;

  constructor(options: NatsLedgerOptions) {
    this.#options = options;
  }

  get broker(): Broker | null {
    return this.#broker;
  }

  connect(done: (outcome: OpenOutcome) => void): void {
    let isOver = false;
    const end = (outcome: OpenOutcome): void => {
      if (isOver) {
        if (outcome.kind === 'opened') outcome.connection.close();
        return;
      }
      isOver = true;
      clearTimeout(timer);
      fence(this.#options.log, 'ledger connect', () => done(outcome));
    };
    const late = { kind: 'unavailable', reason: `no ledger within ${openTimeoutMs} ms` } as const;
    const timer = setTimeout(() => end(late), openTimeoutMs);
    this.#open().then(end, (error: unknown) => end({ kind: 'unavailable', reason: reasonOf(error) }));
  }

  follow(from: number, follower: LedgerFollower): Subscription {
    const { address, bus, clock, log, random, wish } = this.#options;
    const newConsumer = (): { name: string; inbox: string } => {
      const name = `${address.role}-${address.id}-${random.id()}`;
      return { name, inbox: `${address.inboxPrefix ?? '_INBOX'}.${name}` };
    };
    const { stream } = wish;
    const reader: LedgerFollower = {
      entry: follower.entry,
      stopped: (reason, end) => {
        this.#followers.delete(following);
        follower.stopped(reason, end);
      },
    };
    const request = inDomain(bus.request.bind(bus), address.jetstreamDomain);
    const following = new Follower({ bus, request, clock, log, stream, newConsumer }, from, reader);
    this.#followers.add(following);
    return {
      close: () => {
        following.close();
        this.#followers.delete(following);
      },
    };
  }

  close(): void {
    this.#isClosed = true;
    for (const follower of this.#followers) follower.close();
    for (const connection of this.#connections) connection.close();
  }

  async #open(): Promise<OpenOutcome> {
    const { address, wish, mayCreate, random, snapshots, log } = this.#options;
    const nc = await connectNats(address, false);
    const { stream, subject, replicas: _, ...likeTheLedger } = wish;
    const { inboxPrefix, jetstreamDomain } = address;
    const refusal = refusalOf(stream);
    const connection = new NatsLedgerConnection(nc, {
      stream,
      subject,
      log,
      onConfig: (config) => this.#saw(nc.info?.version, config),
      refused: refusal.heard,
      snapshots: { subjects: snapshots, mayCreate, random, ...likeTheLedger },
      ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
      ...(jetstreamDomain === undefined ? {} : { jetstreamDomain }),
    });
    // A server that we only pass through need not have it.
    const hasJetStream = this.#hasOpened || jetstreamDomain !== undefined || nc.info?.jetstream === true;
    const outcome = await new Promise<SetupOutcome>((resolve) => {
      refusal.told = (error) => resolve({ kind: 'broken', error });
      setUpStream(
        {
          request: connection.request,
          wish,
          hasJetStream,
          mayCreate: mayCreate && !this.#hasOpened,
          isMissingFinal: !mayCreate,
        },
        resolve,
      );
    });
    refusal.told = null;
    if (outcome.kind !== 'ready' || this.#isClosed) {
      connection.close();
      return outcome.kind === 'ready' ? { kind: 'unavailable', reason: 'closed' } : this.#judged(outcome);
    }
    this.#gone = null;
    connection.replicas = Number(outcome.config['num_replicas']);
    this.#saw(nc.info?.version, outcome.config);
    this.#hasOpened = true;
    this.#connections.add(connection);
    connection.onClosed(() => this.#connections.delete(connection));
    return { kind: 'opened', connection };
  }

  /** A stream that somebody changes while it is used goes on being used: who is there hears what is wrong with it. */
  #saw(version: string | undefined, config: StreamConfig): void {
    const { fsync, wish, log } = this.#options;
    const before = this.#broker?.faults.join();
    const mismatch = streamMismatch(config, wish);
    this.#broker = brokerOf({ version, config, fsync, mismatch });
    if (mismatch !== null && mismatch.message !== before) log.error({ err: mismatch }, mismatch.message);
  }

  /** A stream that was there is given time; gone for good, it is not made anew in silence. */
  #judged(outcome: Exclude<SetupOutcome, { kind: 'ready' }>): OpenOutcome {
    const isGone = outcome.kind === 'unavailable' && outcome.isMissing === true && this.#hasOpened;
    const { clock, wish } = this.#options;
    const now = clock.now();
    this.#gone = isGone ? found(this.#gone, { now, gapMsMax: gonePatienceMs }) : null;
    if (this.#gone === null || now - this.#gone.since < gonePatienceMs) return outcome;
    return { kind: 'broken', error: streamGone(wish.stream) };
  }
}

interface RefusalWatch {
  readonly heard: RefusalHeard;
  /** Null: nobody waits for it. */
  told: ((error: ConclaveError) => void) | null;
}

/** A request that the permissions forbid is never answered; the broker's complaint says why. */
function refusalOf(stream: string): RefusalWatch {
  const watch: RefusalWatch = {
    told: null,
    heard: ({ operation, subject }) => {
      const isOurs = subject.startsWith('$JS.API.STREAM.') || subject.startsWith('_INBOX');
      if (!isOurs || watch.told === null) return 'open';
      const verb = operation === 'publish' ? 'publish' : 'subscribe';
      const message =
        `stream ${stream} cannot be looked at or created: these credentials may not ${verb} to ${subject}; ` +
        `allow it for this user, or create the stream with one that may`;
      watch.told(new ConclaveError('FORBIDDEN', message));
      return 'handled';
    },
  };
  return watch;
}
