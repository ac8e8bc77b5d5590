/**
 * Sends a seeded stream of requests, several at a time, and has every answer judged. Elections are rare, since each
 * stops the fleet for a moment; an agent that was drained is resumed.
 */
import fc from 'fast-check';
import { clientOf, type FuzzClient } from './fuzz-client.ts';
import type { ApiDocument, Operation } from './fuzz-document.ts';
import { Judge } from './fuzz-judge.ts';
import { requestOf, type FuzzRequest } from './fuzz-request.ts';
import { verdictOf } from './fuzz-verdict.ts';

export interface FuzzOptions {
  readonly url: string;
  readonly document: ApiDocument;
  readonly seed: number;
  readonly requests: number;
  /** Ids of agents that exist. */
  readonly agents: readonly string[];
}

const SOCKETS = 16;
/** Made at once: a request may have a body of a megabyte. */
const BATCH = 250;
/** Answers after an election in which another 503 needs no reason. */
const UNSETTLED_ANSWERS = 100;

/** How often an operation is asked for; the others ten times. */
const weights: Readonly<Record<string, number>> = {
  createTask: 40,
  propose: 20,
  castBallot: 20,
  drainAgent: 3,
  resumeAgent: 5,
};
/** One election in so many requests. */
const REQUESTS_PER_ELECTION = 500;

export async function fuzz(options: FuzzOptions): Promise<Judge> {
  const { url, document, agents, requests } = options;
  const client = clientOf({ url, sockets: SOCKETS, agents });
  const judge = new Judge(document);
  const queue = streamOf(options);
  const elections = { running: 0, answersUntil: 0 };
  let answers = 0;
  const work = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      const request = next.value;
      const isElection = request.operation.id === 'triggerElection';
      if (isElection) elections.running += 1;
      const wasUnsettled = elections.running > 0;
      const segments = client.segmentsOf(request);
      const answer = await client.send(request, segments);
      answers += 1;
      if (isElection) {
        elections.running -= 1;
        elections.answersUntil = answers + UNSETTLED_ANSWERS;
      }
      const isUnsettled = wasUnsettled || elections.running > 0 || answers <= elections.answersUntil;
      const verdict = verdictOf(document, request, segments);
      judge.hear({ request, verdict, segments, answer, isUnsettled });
      if (request.operation.id === 'drainAgent' && answer.status === 200)
        await resume(client, document, segments);
    }
  };
  await Promise.all(Array.from({ length: SOCKETS }, work));
  client.close();
  if (answers !== requests) judge.fault('some requests had no answer', String(requests - answers));
  return judge;
}

async function resume(
  client: FuzzClient,
  { operations }: ApiDocument,
  segments: ReadonlyMap<string, string>,
): Promise<void> {
  const operation = operations.find(({ id }) => id === 'resumeAgent');
  if (operation === undefined) throw new Error('nobody can be resumed');
  const empty = { path: {}, query: [], headers: [], contentType: null, body: null };
  await client.send({ operation, ...empty }, segments);
}

function* streamOf({ document, seed, requests }: FuzzOptions): Generator<FuzzRequest, undefined> {
  const election = document.operations.find(({ id }) => id === 'triggerElection');
  const others = document.operations.filter((each) => each !== election);
  const weighted = (operation: Operation) => ({
    weight: weights[operation.id] ?? 10,
    arbitrary: requestOf(operation),
  });
  const stream = fc.oneof(...others.map(weighted));
  const trigger = election === undefined ? stream : requestOf(election);
  for (let made = 0; made < requests; made += BATCH) {
    const isDue = (i: number): boolean => (made + i + 1) % REQUESTS_PER_ELECTION === 0;
    const size = Math.min(BATCH, requests - made);
    const [ordinary, elections] = [stream, trigger].map((each) =>
      fc.sample(each, { seed: seed + made, numRuns: size }),
    ) as [FuzzRequest[], FuzzRequest[]];
    for (const [i, each] of ordinary.entries()) yield isDue(i) ? (elections[i] ?? each) : patient(each);
  }
  return undefined;
}

const WAITED_SECONDS = 0.05;

/** A proposal whose decision is waited for ends soon. */
function patient(request: FuzzRequest): FuzzRequest {
  const { query, body } = request;
  const isWaiting = query.some(([name, value]) => name === 'wait' && value === 'true');
  if (!isWaiting || body === null) return request;
  try {
    const proposal = JSON.parse(body.toString('utf8')) as Record<string, unknown> | null;
    const seconds = proposal?.['timeout_seconds'] ?? WAITED_SECONDS;
    if (
      proposal === null ||
      typeof proposal !== 'object' ||
      typeof seconds !== 'number' ||
      seconds < WAITED_SECONDS
    )
      return request;
    const soon = { ...proposal, timeout_seconds: WAITED_SECONDS };
    return { ...request, body: Buffer.from(JSON.stringify(soon)) };
  } catch {
    return request;
  }
}
