/**
 * Sends what fetch would not: paths as they stand, header bytes, bodies where none belong. Keeps connections, and
 * remembers ids of what came to be, so that later requests can name them.
 */
import { Agent, request as send } from 'node:http';
import type { Answered } from './fuzz-document.ts';
import type { FuzzRequest } from './fuzz-request.ts';

export interface Answer extends Answered {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface FuzzClient {
  /** Values of the path's parameters, as they will stand in the URL. */
  segmentsOf(request: FuzzRequest): ReadonlyMap<string, string>;
  send(request: FuzzRequest, segments: ReadonlyMap<string, string>): Promise<Answer>;
  close(): void;
}

/** Of each kind; later ones take the place of earlier ones. */
const IDS_MAX = 500;

export function clientOf(of: {
  readonly url: string;
  readonly sockets: number;
  readonly agents: readonly string[];
}): FuzzClient {
  const { hostname, port } = new URL(of.url);
  const agent = new Agent({ keepAlive: true, maxSockets: of.sockets });
  const ids = new Map<string, string[]>([['agent_id', [...of.agents]]]);
  const learn = (name: string, id: unknown): void => {
    if (typeof id !== 'string') return;
    const known = ids.get(name) ?? [];
    ids.set(name, [id, ...known].slice(0, IDS_MAX));
  };
  return {
    segmentsOf: ({ path, operation }) => {
      // The agents are needed to the end: none of them is removed.
      const known = operation.id === 'removeAgent' ? undefined : ids;
      return new Map(
        Object.entries(path).map(([name, part]) => [
          name,
          'raw' in part ? part.raw : idAt(known?.get(name), part.known),
        ]),
      );
    },
    async send(request, segments) {
      const answer = await exchange({ hostname, port, agent }, request, pathOf(request, segments));
      if (answer.status === 201) {
        const made = JSON.parse(answer.text) as Readonly<Record<string, unknown>>;
        learn('task_id', made['task_id']);
        if (request.operation.id === 'propose') learn('proposal_id', made['proposal_id']);
      }
      return answer;
    },
    close: () => {
      agent.destroy();
    },
  };
}

function idAt(known: readonly string[] | undefined, at: number): string {
  return known?.[at % known.length] ?? 'nothing_yet';
}

function pathOf({ operation, query }: FuzzRequest, segments: ReadonlyMap<string, string>): string {
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => segments.get(name) ?? '');
  const text = query.map(([name, value]) => `${name}=${value}`).join('&');
  return text === '' ? path : `${path}?${text}`;
}

function exchange(
  to: { readonly hostname: string; readonly port: string; readonly agent: Agent },
  { operation, headers, contentType, body }: FuzzRequest,
  path: string,
): Promise<Answer> {
  const named = Object.fromEntries(headers);
  const type = contentType === null ? {} : { 'Content-Type': contentType };
  const length = body === null ? {} : { 'Content-Length': String(body.length) };
  return new Promise((resolve, reject) => {
    const outgoing = send(
      { ...to, path, method: operation.method, headers: { ...named, ...type, ...length } },
      (incoming) => {
        const parts: Buffer[] = [];
        incoming.on('data', (part: Buffer) => parts.push(part));
        incoming.on('error', reject);
        incoming.on('end', () => {
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            contentType: (incoming.headers['content-type'] ?? '').split(';', 1)[0] ?? '',
            text: Buffer.concat(parts).toString('utf8'),
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body ?? undefined);
  });
}
