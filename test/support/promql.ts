/** Which metrics and labels a PromQL expression names: as much of the language as the alerts and the dashboard use. */

export interface Named {
  /** Metric name as written: of a histogram, with `_bucket`, `_sum` or `_count`. */
  readonly metrics: readonly string[];
  /** Label → the metrics that it must belong to: the ones it selects from, or all of the expression. */
  readonly labels: readonly { readonly label: string; readonly metric: string | null }[];
}

const functions = new Set([
  ...['sum', 'min', 'max', 'avg', 'count', 'rate', 'increase', 'histogram_quantile', 'label_values', 'topk'],
]);
const grouping = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const operators = new Set(['and', 'or', 'unless', 'bool', 'offset']);
const tokenPattern =
  /"(?:[^"\\]|\\.)*"|[A-Za-z_:][A-Za-z0-9_:]*|\[[^\]]*\]|\d[\d.]*[a-z]*|[(){},]|[=!<>~+\-*/%^]+|\s+|./g;

/** Throws when it meets something that it does not know, or brackets that do not match. */
export function namedIn(expression: string): Named {
  const tokens = (expression.match(tokenPattern) ?? []).filter((token) => token.trim() !== '');
  const metrics: string[] = [];
  const labels: { label: string; metric: string | null }[] = [];
  let depth = 0;
  for (let i = 0; i < tokens.length; i += 1) {
    const token = tokens[i] ?? '';
    if (token === '(') depth += 1;
    else if (token === ')') depth -= 1;
    else if (token === '{') i = matchers(tokens, i + 1, metrics.at(-1) ?? null, labels);
    else if (/^[A-Za-z_:]/.test(token)) {
      if (grouping.has(token)) i = groupLabels(tokens, i + 1, labels);
      else if (['(', 'by', 'without'].includes(tokens[i + 1] ?? '')) {
        if (!functions.has(token)) throw new Error(`unknown function ${token} in ${expression}`);
        if (token === 'label_values') {
          labels.push({ label: tokens[i + 4] ?? '', metric: tokens[i + 2] ?? '' });
          metrics.push(tokens[i + 2] ?? '');
          return { metrics, labels };
        }
      } else if (!operators.has(token)) metrics.push(token);
    } else if (!/^(?:\[[^\]]+\]|\d[\d.]*[a-z]*|,|[=!<>+\-*/%^]+)$/.test(token)) {
      throw new Error(`unexpected ${token} in ${expression}`);
    }
    if (depth < 0) throw new Error(`brackets do not match in ${expression}`);
  }
  if (depth !== 0) throw new Error(`brackets do not match in ${expression}`);
  return { metrics, labels };
}

function matchers(
  tokens: readonly string[],
  from: number,
  metric: string | null,
  labels: { label: string; metric: string | null }[],
): number {
  let i = from;
  for (; tokens[i] !== '}'; i += 4) {
    const [label = '', operator = '', value = ''] = tokens.slice(i, i + 3);
    if (!/^(?:=|!=|=~|!~)$/.test(operator) || !value.startsWith('"')) throw new Error(`bad matcher ${label}`);
    labels.push({ label, metric });
    if (tokens[i + 3] === '}') return i + 3;
    if (tokens[i + 3] !== ',') throw new Error(`bad matchers after ${label}`);
  }
  return i;
}

function groupLabels(
  tokens: readonly string[],
  from: number,
  labels: { label: string; metric: string | null }[],
): number {
  if (tokens[from] !== '(') throw new Error('labels are missing');
  const to = tokens.indexOf(')', from);
  for (const token of tokens.slice(from + 1, to))
    if (token !== ',') labels.push({ label: token, metric: null });
  return to;
}
