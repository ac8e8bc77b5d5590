/**
 * Finds one of the fleet's streams, or creates it, and verifies it. Two nodes may do so at once; the one that comes
 * second finds the stream.
 */
import { ConclaveError } from '../domain/errors.ts';
import { jetStreamMissing } from './errors.ts';
import { callApi, objectAt, whyNot, type ApiOutcome, type Request } from './jetstream-api.ts';
import { newStreamConfig, streamMismatch, type StreamConfig, type StreamWish } from './stream-config.ts';

export type SetupOutcome =
  | { readonly kind: 'ready'; readonly config: StreamConfig }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly isMissing?: true }
  | { readonly kind: 'broken'; readonly error: ConclaveError };

export interface StreamSetup {
  readonly request: Request;
  readonly wish: StreamWish;
  /** What the server says of itself; a server that has JetStream and does not serve it is starting or cut off. */
  readonly hasJetStream: boolean;
  /** False once the stream has been seen: one that is gone is not made anew in silence. */
  readonly mayCreate: boolean;
  /** One that is missing will not come: nobody here creates it. */
  readonly isMissingFinal: boolean;
}

export function setUpStream(setup: StreamSetup, done: (outcome: SetupOutcome) => void): void {
  const { request, wish } = setup;
  const { stream } = wish;
  const look = (mayCreate: boolean): void =>
    callApi(request, { verb: `STREAM.INFO.${stream}` }, (outcome) => {
      if (mayCreate && outcome.kind === 'fault' && outcome.fault === 'streamMissing') create();
      else done(judge(outcome, setup));
    });
  const create = (): void =>
    callApi(request, { verb: `STREAM.CREATE.${stream}`, body: newStreamConfig(wish) }, (outcome) => {
      // Somebody else created it meanwhile, perhaps differently.
      if (outcome.kind === 'fault' && outcome.fault === 'streamExists') look(false);
      else done(judge(outcome, setup));
    });
  look(setup.mayCreate);
}

function judge(outcome: ApiOutcome, setup: StreamSetup): SetupOutcome {
  if (outcome.kind === 'answer') {
    const config = objectAt(outcome.body, 'config');
    const error = streamMismatch(config, setup.wish);
    return error === null ? { kind: 'ready', config } : { kind: 'broken', error };
  }
  if (outcome.kind === 'noResponders' && !setup.hasJetStream)
    return { kind: 'broken', error: jetStreamMissing() };
  if (outcome.kind === 'fault' && outcome.fault === 'streamMissing' && setup.isMissingFinal) {
    const error = new ConclaveError(
      'NOT_FOUND',
      `there is no stream ${setup.wish.stream}: nobody has led this fleet`,
    );
    return { kind: 'broken', error };
  }
  if (outcome.kind === 'fault') {
    const error = lasting(outcome, setup.wish);
    if (error !== null) return { kind: 'broken', error };
  }
  const reason = whyNot(outcome);
  const isMissing = outcome.kind === 'fault' && outcome.fault === 'streamMissing';
  return isMissing ? { kind: 'unavailable', reason, isMissing } : { kind: 'unavailable', reason };
}

/** It was there, and somebody removed it. */
export function streamGone(stream: string): ConclaveError {
  return new ConclaveError(
    'LEDGER_BROKEN',
    `stream ${stream} is gone: somebody deleted it, and with it the fleet's ledger; ` +
      'restore it from a backup, or start the agents again for a new ledger',
  );
}

/** The faults that stay until somebody changes something. */
function lasting(outcome: Extract<ApiOutcome, { kind: 'fault' }>, wish: StreamWish): ConclaveError | null {
  const { stream } = wish;
  const misconfigured = (field: string, advice: string): ConclaveError =>
    new ConclaveError(
      'LEDGER_MISCONFIGURED',
      `stream ${stream} cannot be created: ${outcome.reason}; ${advice}`,
      {
        fields: [{ field, message: outcome.reason }],
      },
    );
  switch (outcome.fault) {
    case 'noJetStream':
      return jetStreamMissing();
    case 'subjectTaken':
      return misconfigured('subjects', 'another stream captures its subject: narrow or remove that one');
    case 'noCluster':
      return misconfigured('num_replicas', 'this server is not part of a cluster: ask for 1 replica');
    case 'noResources':
      return misconfigured('max_bytes', "ask for a smaller ledger, or raise JetStream's storage limit");
    default:
      return null;
  }
}
