/** Looks at answers: what must hold of every one of them, and how many there were of which kind. */
import { isDeepStrictEqual } from 'node:util';
import type { Answer } from './fuzz-client.ts';
import type { ApiDocument } from './fuzz-document.ts';
import type { FuzzRequest } from './fuzz-request.ts';
import type { Verdict } from './fuzz-verdict.ts';

export interface Judged {
  readonly request: FuzzRequest;
  readonly verdict: Verdict;
  /** The path's parameters, as sent. */
  readonly segments: ReadonlyMap<string, string>;
  readonly answer: Answer;
  /** An election was held meanwhile, or just before. */
  readonly isUnsettled: boolean;
}

export class Judge {
  readonly #document: ApiDocument;
  readonly #statuses = new Map<string, Map<number, number>>();
  readonly #faults = new Map<string, { count: number; readonly example: string }>();
  readonly #verdicts = new Map<Verdict, number>();
  /** 503 around elections. */
  unsettled = 0;

  constructor(document: ApiDocument) {
    this.#document = document;
  }

  /** What went wrong, each once, with its count and its first example. */
  get faults(): readonly string[] {
    return [...this.#faults].map(([fault, { count, example }]) => `${fault} (${count}×)\n    ${example}`);
  }

  hear(judged: Judged): void {
    const { request, answer, verdict } = judged;
    const counts = this.#statuses.get(request.operation.id) ?? new Map<number, number>();
    counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
    this.#statuses.set(request.operation.id, counts);
    this.#verdicts.set(verdict, (this.#verdicts.get(verdict) ?? 0) + 1);
    if (answer.status === 503 && judged.isUnsettled) this.unsettled += 1;
    for (const fault of [
      ...this.#misshapen(judged),
      ...misled(judged),
      ...altered(judged),
      ...unkind(judged),
    ])
      this.fault(`${request.operation.id}: ${fault}`, exampleOf(judged));
  }

  fault(fault: string, example: string): void {
    const known = this.#faults.get(fault);
    if (known === undefined) this.#faults.set(fault, { count: 1, example });
    else known.count += 1;
  }

  /** Statuses by operation, as lines of text. */
  table(): string {
    const statuses = [...new Set([...this.#statuses.values()].flatMap((each) => [...each.keys()]))].sort();
    const row = (name: string, cells: readonly (string | number)[]): string =>
      name.padEnd(18) + cells.map((each) => String(each).padStart(7)).join('');
    const rows = [...this.#statuses].map(([id, counts]) =>
      row(
        id,
        statuses.map((status) => counts.get(status) ?? ''),
      ),
    );
    const verdicts = [...this.#verdicts].map(([verdict, count]) => `${count} ${verdict}`).join(', ');
    return [row('', statuses), ...rows.sort(), verdicts].join('\n');
  }

  #misshapen({ request, segments, answer }: Judged): readonly string[] {
    // Not an address of this operation: `/tasks/` has no id.
    if ([...segments.values()].includes('') && [404, 405].includes(answer.status)) return [];
    return this.#document.faultsOf(request.operation, answer);
  }
}

/** The answer is not one that the request deserves. */
function misled({ request, verdict, answer, isUnsettled }: Judged): readonly string[] {
  const { status } = answer;
  const isAhead = request.headers.some(([name]) => name === 'Min-Sequence');
  return [
    ...(status >= 500 && status !== 503 ? [`status ${status}`] : []),
    ...(status === 503 && !isUnsettled && !isAhead ? ['503 for no reason'] : []),
    ...(verdict === 'valid' && status === 400 ? ['400 for what the document allows'] : []),
    ...(verdict === 'refused' && status < 300 ? [`${status} for what the document refuses`] : []),
  ];
}

/** Fields that are shown as they were given. */
const kept = [
  'task_type',
  'payload',
  'target',
  'priority',
  'max_retries',
  'proposal_type',
  'description',
  'data',
];

/** What was made is not what was asked for. */
function altered({ request, answer }: Judged): readonly string[] {
  if (answer.status !== 201 || !['createTask', 'propose'].includes(request.operation.id)) return [];
  // As JSON has it: what JavaScript alone tells apart, like -0, is not looked at.
  const [given, shown] = [new TextDecoder().decode(request.body ?? Buffer.from('{}')), answer.text].map(
    (text) => JSON.parse(JSON.stringify(JSON.parse(text))) as Readonly<Record<string, unknown>>,
  );
  if (given === undefined || shown === undefined || 'task_ids' in shown) return [];
  const changed = kept.filter((name) => name in given && !isDeepStrictEqual(given[name], shown[name]));
  return changed.map((name) => `${name} is not what was given`);
}

/** What every answer must have, and none may. */
function unkind({ request, answer }: Judged): readonly string[] {
  const { status, headers, text } = answer;
  const id = headers['x-request-id'];
  const given = request.headers.find(([name]) => name === 'X-Request-Id')?.[1];
  const isSane = given !== undefined && /^[A-Za-z0-9_-]{1,64}$/.test(given);
  const expected = isSane ? id === given : typeof id === 'string' && /^[0-9a-f-]{36}$/.test(id);
  const isProblem = answer.contentType === 'application/problem+json';
  const problem = isProblem ? (JSON.parse(text) as Readonly<Record<string, unknown>>) : null;
  return [
    ...(expected ? [] : ['the request id is not the one to expect']),
    ...(headers['x-content-type-options'] === 'nosniff' ? [] : [`${status} without nosniff`]),
    ...((status === 503 || status === 429) && headers['retry-after'] === undefined
      ? [`${status} without Retry-After`]
      : []),
    ...(problem !== null && problem['status'] !== status ? ['the problem has another status'] : []),
    ...(problem !== null && problem['request_id'] !== id ? ['the problem has another request id'] : []),
    ...(/\bnode_modules\b|\n\s+at /.test(text) && isProblem ? ['a stack trace'] : []),
  ];
}

const EXAMPLE_LENGTH_MAX = 300;

function exampleOf({ request, verdict, segments, answer }: Judged): string {
  const { operation, query, headers, contentType, body } = request;
  const asked = { path: Object.fromEntries(segments), query, headers, contentType };
  const sent = body === null ? '' : body.toString('utf8').slice(0, EXAMPLE_LENGTH_MAX);
  const told = answer.text.slice(0, EXAMPLE_LENGTH_MAX);
  return `${verdict}: ${operation.method} ${operation.path} ${JSON.stringify(asked)} ${sent}\n    → ${answer.status} ${told}`;
}
