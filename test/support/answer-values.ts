/** A sound answer for each request, and a sound event for each kind that clients wait for: what a fuzzer changes. */
import { apiVerbs, type ApiVerb } from '../../src/wire/subjects.ts';
import { blocksByHeading, textOf } from './docs.ts';

const blocks = blocksByHeading(textOf('docs/wire.md'), 'json');

/** As `docs/wire.md` shows them. */
export const soundAnswers: Readonly<Record<ApiVerb, unknown>> = Object.fromEntries(
  apiVerbs.map((verb) => [verb, JSON.parse(blocks.get(verb)?.[1] ?? 'null') as unknown]),
) as Record<ApiVerb, unknown>;

export const soundReplies = {
  join: { term: 1, heartbeatIntervalMs: 1_000, ledgerAt: 1 },
  report: { term: 1, answers: ['recorded'] },
  ballot: { term: 1 },
  inbox: { incarnation: 'i', isLeading: true, term: 1, sequence: 1 },
  problem: { code: 'INVALID', message: 'no', fields: [{ field: 'type', message: 'is required' }] },
} as const;

const where = { sequence: 5, term: 1, at: 1, indexes: [0] };
export const soundEvents: readonly { readonly kind: string; readonly [field: string]: unknown }[] = [
  ...(['completed', 'failed', 'cancelled'] as const).map((status) => ({
    kind: `task.${status}`,
    ...where,
    items: [{ id: 't', status, agent: 'nobody', attempt: 1, type: 'work' }],
  })),
  { kind: 'task.assigned', ...where, items: [{ id: 't', agent: 'nobody', attempt: 1, type: 'work' }] },
  { kind: 'proposal.decided', ...where, items: [{ id: 'p', outcome: 'approved' }] },
];
