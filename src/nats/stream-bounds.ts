/** What a stream's INFO says of its ends and its size, and removing entries from its beginning (DESIGN §3 rule 7). */
import type { BoundsOutcome, PurgeOutcome } from '../ports.ts';
import { callApi, numberAt, objectAt, whyNot, type ApiOutcome, type Request } from './jetstream-api.ts';

export function boundsOf(outcome: ApiOutcome): BoundsOutcome {
  if (outcome.kind === 'fault' && outcome.fault === 'streamMissing')
    return { kind: 'unavailable', reason: outcome.reason, isMissing: true };
  if (outcome.kind !== 'answer') return { kind: 'unavailable', reason: whyNot(outcome) };
  const state = objectAt(outcome.body, 'state');
  const first = numberAt(state, 'first_seq');
  const last = numberAt(state, 'last_seq');
  const bytes = numberAt(state, 'bytes');
  const bytesMax = numberAt(objectAt(outcome.body, 'config'), 'max_bytes');
  if (first === null || last === null || bytes === null || bytesMax === null) {
    return { kind: 'unavailable', reason: 'the broker described the stream in a way that is not understood' };
  }
  return { kind: 'bounds', first, last, bytes, bytesMax };
}

function askBounds(
  from: { readonly request: Request; readonly stream: string },
  done: (outcome: BoundsOutcome) => void,
): void {
  callApi(from.request, { verb: `STREAM.INFO.${from.stream}` }, (outcome) => done(boundsOf(outcome)));
}

/**
 * By sequence alone: a `keep` counts from the end there is when it arrives, and one that is late removes what was
 * written since. A sequence above the last would empty the stream and move its end, so the end is looked at first.
 */
export function purgeUpTo(
  of: { readonly request: Request; readonly stream: string; readonly upTo: number },
  done: (outcome: PurgeOutcome) => void,
): void {
  const { request, stream, upTo } = of;
  askBounds(of, (bounds) => {
    if (bounds.kind === 'unavailable') done(bounds);
    else if (upTo >= bounds.last) done({ kind: 'refused', last: bounds.last });
    else if (upTo < bounds.first) done({ kind: 'purged', first: bounds.first });
    else {
      const call = { verb: `STREAM.PURGE.${stream}`, body: { seq: upTo + 1 } };
      callApi(request, call, (outcome) => {
        if (outcome.kind === 'answer') askBounds(of, (after) => done(purgeOutcome(after, upTo)));
        else done({ kind: 'unavailable', reason: whyNot(outcome) });
      });
    }
  });
}

function purgeOutcome(bounds: BoundsOutcome, upTo: number): PurgeOutcome {
  if (bounds.kind === 'unavailable') return bounds;
  if (bounds.first > upTo) return { kind: 'purged', first: bounds.first };
  return { kind: 'unavailable', reason: `the broker purged, and still has entry ${bounds.first}` };
}
