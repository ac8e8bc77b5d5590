/**
 * A micro service that stays registered: the library stops a whole service when any one of its subscriptions
 * ends, and here it is registered again, with a short and growing wait. The library answers discovery (`$SRV.…`) by
 * itself, wherever it is asked to: here only at reply subjects, since whoever serves may write where the asker may not.
 */
import type { Msg, NatsConnection, Service, ServiceMsg, SubscriptionOptions } from 'nats';
import type { Outgoing, ServiceDefinition, Subscription } from '../ports.ts';
import { isReplyPrefix } from '../wire/subjects.ts';
import { reasonOf } from './errors.ts';
import { fence, type NatsLog } from './log.ts';
import { IncomingMessage } from './message.ts';

const retryWaitMs = 250;
const retryWaitMsMax = 30_000;
/** A registration that lasted this long was a good one: the next wait is short again. */
const settledMs = 60_000;

interface Host {
  readonly nc: NatsConnection;
  readonly log: NatsLog;
  readonly publish: (answer: Outgoing) => boolean;
}

export function keepServing(host: Host, definition: ServiceDefinition): Subscription {
  const { nc, log } = host;
  let isClosed = false;
  let waitMs = retryWaitMs;
  let timer: NodeJS.Timeout | undefined;
  let current: Service | undefined;
  const isWanted = (): boolean => !isClosed && !nc.isClosed();

  const register = async (): Promise<void> => {
    const startedAt = performance.now();
    const service = await carefully(nc).services.add(configOf(definition));
    if (!isWanted()) {
      stop(service, log);
      return;
    }
    current = service;
    try {
      addEndpoints(service, definition, host, () => isClosed);
    } catch (error) {
      stop(service, log);
      throw error;
    }
    const stopped = await service.stopped;
    if (performance.now() - startedAt > settledMs) waitMs = retryWaitMs;
    throw stopped ?? new Error('the service stopped');
  };
  const keep = (): void => {
    register().catch((error: unknown) => {
      if (!isWanted()) return;
      log.warn({ service: definition.name, reason: reasonOf(error), retryInMs: waitMs }, 'a service stopped');
      timer = setTimeout(keep, waitMs);
      waitMs = Math.min(waitMs * 2, retryWaitMsMax);
    });
  };

  keep();
  return {
    close: () => {
      if (isClosed) return;
      isClosed = true;
      clearTimeout(timer);
      if (current !== undefined) stop(current, log);
    },
  };
}

/** The same connection, on which questions of discovery that name no reply subject are not heard. */
function carefully(nc: NatsConnection): NatsConnection {
  const subscribe = (
    subject: string,
    options: SubscriptionOptions = {},
  ): ReturnType<NatsConnection['subscribe']> => {
    const { callback } = options;
    if (callback === undefined || !subject.startsWith('$SRV.')) return nc.subscribe(subject, options);
    const careful = (error: Parameters<typeof callback>[0], message: Msg): void => {
      if (error !== null || isReplyPrefix(message.reply ?? '')) callback(error, message);
    };
    return nc.subscribe(subject, { ...options, callback: careful });
  };
  return Object.create(nc, {
    subscribe: { value: subscribe },
    // Where the library keeps its maker of services, which knows the connection that it was made for.
    _services: { value: undefined, writable: true },
  }) as NatsConnection;
}

function configOf(definition: ServiceDefinition): Parameters<NatsConnection['services']['add']>[0] {
  const first = definition.endpoints[0]?.subject;
  return {
    name: definition.name,
    version: definition.version,
    description: definition.description,
    metadata: { ...definition.metadata },
    queue: definition.queue,
    // Asked once per endpoint; said once per service. A rejection here would be one that nobody handles.
    statsHandler: (endpoint) =>
      Promise.resolve(endpoint.subject === first ? plain(definition.stats) : undefined),
  };
}

/** What can be said in JSON: the library encodes it where an exception has no one to catch it. */
function plain(stats: () => unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(stats() ?? null));
  } catch (error) {
    return { error: reasonOf(error) };
  }
}

function addEndpoints(
  service: Service,
  definition: ServiceDefinition,
  host: Host,
  isClosed: () => boolean,
): void {
  for (const endpoint of definition.endpoints) {
    const handler = (_error: Error | null, message: ServiceMsg): void => {
      // A service that stops drains: requests still come in for a moment.
      if (isClosed()) return;
      fence(host.log, endpoint.subject, () => endpoint.handle(new IncomingMessage(message, host.publish)));
    };
    service.addEndpoint(endpoint.name, { subject: endpoint.subject, queue: definition.queue, handler });
  }
}

function stop(service: Service, log: NatsLog): void {
  service
    .stop()
    .catch((error: unknown) => log.warn({ reason: reasonOf(error) }, 'a service did not stop cleanly'));
}
