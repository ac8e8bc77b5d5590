/**
 * `/metrics`, for Prometheus: what `metric-list.ts` names, in two registries of our own. The fleet's figures are those
 * of the ledger, so they grow from its first entry on whichever server counts them, and are shown once it was read:
 * nobody takes a replay for a busy minute. The only file that knows prom-client.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { appendBucketsMs } from '../runtime/append-times.ts';
import type { Observer } from '../runtime/observer.ts';
import { Recoveries } from '../runtime/recoveries.ts';
import { EVENTS_PATH } from './event-socket.ts';
import {
  countEvent,
  fillFleet,
  fillServer,
  LAG_RESOLUTION_MS,
  OTHER,
  type FigureSources,
  type Meter,
} from './figures.ts';
import { metricList, type MetricDefinition, type MetricName, type NamesOf } from './metric-list.ts';

export interface MetricsOptions extends FigureSources {
  readonly observer: FigureSources['observer'] & Pick<Observer, 'onEntry' | 'roster'>;
}

export interface Metrics {
  /** Of the answer to a scrape. */
  readonly contentType: string;
  text(): Promise<string>;
  /** `route` as it was declared, so that there are few; null: there is none. */
  observeRequest(request: {
    readonly method: string;
    readonly route: string | null;
    readonly status: number;
    readonly durationMs: number;
  }): void;
  close(): void;
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export function createMetrics(options: MetricsOptions): Metrics {
  const { observer } = options;
  const fleet = new Instruments('fleet', () => appendsOf(options));
  const server = new Instruments('server', () => []);
  const recoveries = new Recoveries(() => observer.state);
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  lag.enable();
  const subscription = observer.onEntry((entry) => {
    fleet.observe('conclave_ledger_entry_events', {}, entry.events.length);
    for (const event of entry.events) {
      countEvent(fleet, options, event, entry);
      const recovery = recoveries.observe(event, entry.at);
      if (recovery === null) continue;
      fleet.add('conclave_recoveries_total');
      fleet.observe('conclave_recovery_seconds', {}, recovery.durationMs / 1_000);
    }
  });
  return {
    contentType: server.contentType,
    text: async () => {
      fillServer(server, options, lag);
      if (!observer.isCaughtUp) return server.text();
      fillFleet(fleet, options);
      return `${await fleet.text()}\n${await server.text()}`;
    },
    observeRequest: ({ method, route, status, durationMs }) => {
      // A socket that was opened is no request that took hours.
      if (route === EVENTS_PATH && status < 400) return;
      const labels = {
        method: methods.has(method) ? method : OTHER,
        route: route ?? OTHER,
        status: `${Math.floor(status / 100)}xx`,
      };
      server.observe('conclave_http_request_seconds', labels, durationMs / 1_000);
    },
    close: () => {
      subscription.close();
      lag.disable();
    },
  };
}

interface AppendSeries {
  readonly agent: string;
  readonly buckets: readonly number[];
  readonly sumMs: number;
  readonly count: number;
}

/** What the leader says of itself; nobody else says anything. */
function appendsOf({ observer }: MetricsOptions): AppendSeries[] {
  const { leader } = observer.state;
  if (leader === null) return [];
  const beat = observer.roster.get(leader.id);
  if (beat?.appends === undefined || beat.incarnation !== leader.incarnation) return [];
  return [{ agent: leader.id, ...beat.appends }];
}

/** The metrics of one scope, by name. */
class Instruments implements Meter {
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();
  readonly #histograms = new Map<string, Histogram>();

  constructor(of: MetricDefinition['of'], appends: () => AppendSeries[]) {
    for (const [name, definition] of Object.entries<MetricDefinition>(metricList)) {
      if (definition.of !== of) continue;
      const { help, labels, buckets = [] } = definition;
      const configuration = { name, help, labelNames: [...labels], registers: [this.#registry] };
      if (definition.type === 'gauge') this.#gauges.set(name, new Gauge(configuration));
      else if (definition.type === 'counter') this.#counters.set(name, new Counter(configuration));
      else if (name === appendsName) {
        this.#histograms.set(name, new ToldHistogram({ ...configuration, buckets: [...buckets] }, appends));
      } else this.#histograms.set(name, new Histogram({ ...configuration, buckets: [...buckets] }));
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  set(name: NamesOf<'gauge'>, label: string, values: readonly (readonly [string, number])[]): void {
    const found = this.#gauges.get(name);
    found?.reset();
    for (const [of, value] of values) found?.set({ [label]: of }, value);
  }

  setOne(name: NamesOf<'gauge'>, value: number | null): void {
    if (value === null) this.#gauges.get(name)?.remove();
    else this.#gauges.get(name)?.set(value);
  }

  setTotal(name: NamesOf<'counter'>, value: number): void {
    const found = this.#counters.get(name);
    found?.reset();
    found?.inc(value);
  }

  add(name: NamesOf<'counter'>, labels: Readonly<Record<string, string>> = {}): void {
    this.#counters.get(name)?.inc(labels);
  }

  observe(name: NamesOf<'histogram'>, labels: Readonly<Record<string, string>>, value: number): void {
    this.#histograms.get(name)?.observe(labels, value);
  }
}

const appendsName: MetricName = 'conclave_ledger_append_seconds';

/** A histogram that somebody else keeps. `getForPromString` is what prom-client 15 asks for when it writes text. */
class ToldHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #told: () => AppendSeries[];

  constructor(configuration: ConstructorParameters<typeof Histogram>[0], told: () => AppendSeries[]) {
    super(configuration);
    this.#name = configuration.name;
    this.#help = configuration.help;
    this.#told = told;
  }

  getForPromString(): Promise<object> {
    const values = this.#told().flatMap(({ agent, buckets, sumMs, count: total }) => {
      const bucket = (le: number | string, value: number) => ({
        metricName: `${this.#name}_bucket`,
        labels: { le, agent },
        value,
      });
      return [
        ...appendBucketsMs.map((bound, i) => bucket(bound / 1_000, buckets[i] ?? total)),
        bucket('+Inf', total),
        { metricName: `${this.#name}_sum`, labels: { agent }, value: sumMs / 1_000 },
        { metricName: `${this.#name}_count`, labels: { agent }, value: total },
      ];
    });
    return Promise.resolve({ name: this.#name, help: this.#help, type: 'histogram', values });
  }
}
