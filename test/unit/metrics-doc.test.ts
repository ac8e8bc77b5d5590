/** docs/metrics.md, the dashboard and the alerts name the metrics that there are, and no others. */
import { describe, expect, it } from 'vitest';
import { metricList, type MetricDefinition } from '../../src/http/metric-list.ts';
import { codeIn, tableRows, textOf } from '../support/docs.ts';
import { namedIn } from '../support/promql.ts';

const list: Readonly<Record<string, MetricDefinition>> = metricList;
/** What Prometheus adds to every sample. */
const scraped = new Set(['job', 'instance']);

/** The metric that a sample belongs to, and the labels that it has. */
function sampleOf(name: string): { readonly labels: ReadonlySet<string> } | null {
  const plain = list[name];
  if (plain !== undefined && plain.type !== 'histogram')
    return { labels: new Set([...plain.labels, ...scraped]) };
  const [, base = '', suffix] = /^(.*)_(bucket|sum|count)$/.exec(name) ?? [];
  const found = list[base];
  if (found?.type !== 'histogram') return null;
  return { labels: new Set([...found.labels, ...scraped, ...(suffix === 'bucket' ? ['le'] : [])]) };
}

/** What is wrong with it, in words. */
function problemsOf(expression: string): string[] {
  const { metrics, labels } = namedIn(expression);
  if (metrics.length === 0) return ['names no metric'];
  const unknown = metrics.filter((name) => sampleOf(name) === null).map((name) => `unknown metric ${name}`);
  const misplaced = labels
    .filter(({ label, metric }) =>
      (metric === null ? metrics : [metric]).some((name) => sampleOf(name)?.labels.has(label) !== true),
    )
    .map(({ label }) => `no label ${label}`);
  return [...unknown, ...misplaced];
}

const alerts = [...textOf('infra/prometheus/alerts.yml').matchAll(/^ +expr: (.*)$/gm)].map(
  ([, expr = '']) => expr,
);

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly query: string | { readonly query: string } }[] };
}
const dashboard = JSON.parse(textOf('infra/grafana/conclave.json')) as Dashboard;
const panels = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => [title, expr] as const),
);

describe('metrics', () => {
  it('are documented, each with its type, labels and meaning, and no other', () => {
    const rows = tableRows(textOf('docs/metrics.md')).filter(([name]) =>
      codeIn(name)?.startsWith('conclave_'),
    );
    const documented = rows.map(([name, type, labels, help]) => [codeIn(name), type, labels, help]);
    const expected = Object.entries(list).map(([name, { type, labels, help }]) => [
      ...[name, type, labels.map((label) => `\`${label}\``).join(', '), `${help}.`],
    ]);
    expect(documented).toEqual(expected);
  });

  it('are named as Prometheus asks: counters end in _total, times and sizes in their unit', () => {
    for (const [name, { type, help }] of Object.entries(list)) {
      expect.soft(name.endsWith('_total'), name).toBe(type === 'counter');
      expect.soft(name, name).not.toMatch(/_(?:ms|millis|kb|mb|minutes)(?:_|$)/);
      expect.soft(help, name).toMatch(/^\S.*[^.]$/);
    }
  });

  it('have bounds that grow', () => {
    for (const [name, { type, buckets = [] }] of Object.entries(list)) {
      expect.soft(buckets.length > 0, name).toBe(type === 'histogram');
      expect.soft(buckets, name).toEqual([...buckets].sort((a, b) => a - b));
    }
  });
});

describe('the alerts', () => {
  it.each(alerts)('%s', (expression) => {
    expect(problemsOf(expression)).toEqual([]);
  });

  it('are all read', () => {
    const count = [...textOf('infra/prometheus/alerts.yml').matchAll(/- alert: /g)].length;
    expect([alerts.length, count > 8]).toEqual([count, true]);
  });
});

describe('the dashboard', () => {
  it.each(panels)('shows %s: %s', (_, expression) => {
    expect(problemsOf(expression)).toEqual([]);
  });

  it('lets one choose by what there is', () => {
    const queries = dashboard.templating.list.flatMap(({ query }) =>
      typeof query === 'string' ? [] : [query.query],
    );
    expect(queries.flatMap(problemsOf)).toEqual([]);
  });

  it('shows every metric', () => {
    const shown = new Set(panels.flatMap(([, expression]) => namedIn(expression).metrics));
    const base = (name: string): string => name.replace(/_(?:bucket|sum|count)$/, '');
    const missing = Object.keys(list).filter(
      (name) => ![...shown].some((each) => base(each) === name || each === name),
    );
    expect(missing).toEqual(['conclave_has_leader']);
  });
});

describe('an expression', () => {
  it.each([
    ['conclave_nothing', ['unknown metric conclave_nothing']],
    ['conclave_agents{colour="red"}', ['no label colour']],
    ['sum by (type) (conclave_agents)', ['no label type']],
    ['sum by (le) (conclave_task_run_seconds_count)', ['no label le']],
    ['rate(conclave_task_run_seconds[5m])', ['unknown metric conclave_task_run_seconds']],
    ['1 + 1', ['names no metric']],
  ])('%s is found wrong', (expression, problems) => {
    expect(problemsOf(expression)).toEqual(problems);
  });

  it.each(['sum(conclave_agents', 'frobnicate(conclave_agents)', 'conclave_agents{state}'])(
    '%s is no PromQL',
    (bad) => {
      expect(() => namedIn(bad)).toThrow();
    },
  );
});
