/**
 * A micro service on a bus: its endpoints, and the discovery subjects `$SRV.{PING,INFO,STATS}` that
 * `nats micro` asks (NATS ADR-32). Every instance answers discovery; endpoints are queue subscriptions.
 */
import type { Incoming, ServiceDefinition, Subscription } from '../ports.ts';

interface Host {
  subscribe(subject: string, handle: (message: Incoming) => void): Subscription;
  subscribeIn(queue: string | null, subject: string, handle: (message: Incoming) => void): Subscription;
}

/** Counts would be the only use of a date here; the world has none. */
const STARTED = '2025-01-01T00:00:00.000Z';
const encoder = new TextEncoder();

export function serveEndpoints(host: Host, of: { service: ServiceDefinition; id: string }): Subscription {
  const { service } = of;
  const requests = new Map<string, number>();
  const subscriptions = service.endpoints.map((endpoint) =>
    host.subscribeIn(service.queue, endpoint.subject, (message) => {
      requests.set(endpoint.name, (requests.get(endpoint.name) ?? 0) + 1);
      endpoint.handle(message);
    }),
  );
  const identity = { name: service.name, id: of.id, version: service.version, metadata: service.metadata };
  const answers: Record<string, () => object> = {
    PING: () => ({ type: 'io.nats.micro.v1.ping_response', ...identity }),
    INFO: () => ({
      type: 'io.nats.micro.v1.info_response',
      ...identity,
      description: service.description,
      endpoints: service.endpoints.map((endpoint) => endpointOf(service, endpoint)),
    }),
    STATS: () => ({
      type: 'io.nats.micro.v1.stats_response',
      ...identity,
      started: STARTED,
      endpoints: service.endpoints.map((endpoint, place) => ({
        ...endpointOf(service, endpoint),
        num_requests: requests.get(endpoint.name) ?? 0,
        // Said once per service, as the real adapter does.
        ...(place === 0 ? { data: service.stats() } : {}),
      })),
    }),
  };
  for (const [verb, answer] of Object.entries(answers)) {
    for (const whom of ['', `.${service.name}`, `.${service.name}.${of.id}`]) {
      const handle = (message: Incoming): void => {
        message.respond(encoder.encode(JSON.stringify(answer())));
      };
      subscriptions.push(host.subscribe(`$SRV.${verb}${whom}`, handle));
    }
  }
  return {
    close: () => {
      for (const subscription of subscriptions) subscription.close();
    },
  };
}

function endpointOf(service: ServiceDefinition, endpoint: ServiceDefinition['endpoints'][number]): object {
  return { name: endpoint.name, subject: endpoint.subject, queue_group: service.queue };
}
