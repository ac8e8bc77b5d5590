/** Checks of JetStream: whether it is there, what the account may use, and how the fleet's two streams are. */
import { numberAt, objectAt, whyNot, type ApiOutcome, type Json } from '../../nats/jetstream-api.ts';
import { snapshotSubjectsOf } from '../../nats/snapshot-subjects.ts';
import { streamMismatch } from '../../nats/stream-config.ts';
import { error, ok, unknown, warning, type Finding } from './finding.ts';
import type { Patient } from './patient.ts';

export function checkJetStream({ account, ports }: Patient): Finding {
  if (account.kind === 'answer') return ok('JetStream', 'is on');
  if (account.kind === 'noResponders' || (account.kind === 'fault' && account.fault === 'noJetStream')) {
    const where = ports.serverInfo?.jetstream === true ? 'for this account' : 'on this server';
    const advice =
      'start the server with `nats-server -js`, or add `jetstream {}` to its configuration and `jetstream: enabled` to the account';
    return error('JetStream', `is off ${where}`, advice);
  }
  return unknown('JetStream', whyNot(account), 'let these credentials publish to `$JS.API.INFO`');
}

const limits = [
  ['storage', 'max_storage', 'bytes of storage'],
  ['streams', 'max_streams', 'streams'],
  ['consumers', 'max_consumers', 'consumers'],
] as const;
/** Of a limit. */
const SHARE_LEFT = 0.1;

export function checkAccount({ account, ledgerStream }: Patient): Finding {
  const check = 'account limits';
  if (account.kind !== 'answer')
    return unknown(check, 'not told', 'see `JetStream`; `nats account info` shows them');
  const { body } = account;
  const of = objectAt(body, 'limits');
  const left = limits.flatMap(([used, max, what]) => {
    const limit = numberAt(of, max) ?? -1;
    return limit < 0 ? [] : [{ what, limit, left: limit - (numberAt(body, used) ?? 0) }];
  });
  const found =
    left.length === 0
      ? 'none set'
      : `left: ${left.map((each) => `${each.left} of ${each.limit} ${each.what}`).join(', ')}`;
  const isThere = ledgerStream.kind === 'answer';
  const out = left.find((each) => each.left <= 0 && !(each.what === 'streams' && isThere));
  if (out !== undefined) return error(check, found, `raise the account's limit of ${out.what}`);
  const low = left.find((each) => each.left < each.limit * SHARE_LEFT && each.what !== 'streams');
  if (low !== undefined)
    return warning(check, found, `raise the account's limit of ${low.what}, or remove some`);
  return ok(check, found);
}

export function checkStreams({ ledgerStream, snapshotStream, subjects }: Patient): Finding[] {
  const snapshots = snapshotSubjectsOf(subjects.fleet);
  const findings = [
    checkStream('ledger stream', ledgerStream, { stream: subjects.stream, subject: subjects.ledger }),
  ];
  const { stream, all: subject } = snapshots;
  // Created with the first snapshot: a ledger that is short has none.
  if (ledgerStream.kind === 'answer' && !isMissing(snapshotStream))
    findings.push(checkStream('snapshot stream', snapshotStream, { stream, subject }));
  return findings;
}

function checkStream(
  check: string,
  outcome: ApiOutcome,
  wish: { readonly stream: string; readonly subject: string },
): Finding {
  if (isMissing(outcome))
    return unknown(
      check,
      `${wish.stream} is not there: nobody has led this fleet`,
      'start an electable agent',
    );
  if (outcome.kind !== 'answer') {
    const advice = `see \`JetStream\`; these credentials need to publish to \`$JS.API.STREAM.INFO.${wish.stream}\``;
    return unknown(check, whyNot(outcome), advice);
  }
  const mismatch = streamMismatch(objectAt(outcome.body, 'config'), wish);
  if (mismatch === null) return ok(check, `${wish.stream} is as it must be`);
  const found = mismatch.fields.map(({ field, message }) => `${field} ${message}`).join('; ');
  const advice = `change it with \`nats stream edit ${wish.stream}\`, or move the stream away and let Conclave create its own`;
  return error(check, found, advice);
}

export function checkReplicas({ ledgerStream }: Patient): Finding[] {
  if (ledgerStream.kind !== 'answer') return [];
  const { body } = ledgerStream;
  const count = numberAt(objectAt(body, 'config'), 'num_replicas') ?? 1;
  if (count === 1) return [ok('replicas', '1: the ledger is as safe as one disk')];
  const cluster = objectAt(body, 'cluster');
  const others = Array.isArray(cluster['replicas']) ? (cluster['replicas'] as readonly Json[]) : [];
  const behind = others.filter((each) => each['current'] !== true || each['offline'] === true);
  if (typeof cluster['leader'] !== 'string' || cluster['leader'] === '') {
    const advice = 'see that most of its servers run: `nats server report jetstream`';
    return [error('replicas', `${count}, and none of them leads: nothing can be written`, advice)];
  }
  if (behind.length === 0) return [ok('replicas', `${count}, all current`)];
  const names = behind.map(
    (each) =>
      `${String(each['name'])} (${each['offline'] === true ? 'offline' : `${numberAt(each, 'lag') ?? 0} behind`})`,
  );
  const found = `${count}, of which ${names.join(', ')}`;
  return [warning('replicas', found, 'see what holds these servers up: `nats server report jetstream`')];
}

/** Above it, only half of what is left until nothing is taken. */
const CROWDED_SHARE = 0.6;

export function checkSpace({ ledgerStream, settings }: Patient): Finding[] {
  if (ledgerStream.kind !== 'answer') return [];
  const { body } = ledgerStream;
  const bytes = numberAt(objectAt(body, 'state'), 'bytes') ?? 0;
  const bytesMax = numberAt(objectAt(body, 'config'), 'max_bytes') ?? -1;
  if (bytesMax <= 0) return [];
  const share = bytes / bytesMax;
  const found = `${Math.floor(share * 100)} % of ${bytesMax} bytes`;
  const advice =
    'see that an electable agent runs and can save snapshots (they shorten the ledger), or raise max_bytes of the stream';
  if (share >= settings.ledgerFullShare)
    return [error('ledger space', `${found}: submits and proposals are refused`, advice)];
  return [share >= CROWDED_SHARE ? warning('ledger space', found, advice) : ok('ledger space', found)];
}

export function isMissing(outcome: ApiOutcome): boolean {
  return outcome.kind === 'fault' && outcome.fault === 'streamMissing';
}
