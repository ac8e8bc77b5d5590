/**
 * The configuration of a fleet's two streams, ledger and snapshots (DESIGN §3): what they are created with, and what
 * is verified: the ledger's each time a connection is opened, that of the snapshots before a connection's first save.
 * Every field here carries a guarantee; those that carry none are not looked at.
 */
import { ConclaveError, type FieldProblem } from '../domain/errors.ts';

export interface StreamWish {
  readonly stream: string;
  /** The one subject that it captures; with a wildcard, all below it. */
  readonly subject: string;
  /** Not given: a new stream gets 1, and an existing one may have any. */
  readonly replicas?: number;
  /** An existing stream may have more. Default 1 GiB. */
  readonly bytesMax?: number;
  /** Of a new stream. One that exists may have been moved, and keeps every guarantee where it is. */
  readonly placement?: StreamPlacement;
}

/** Which servers of a supercluster may hold it: those of a cluster, and that have all the tags. */
export interface StreamPlacement {
  readonly cluster?: string;
  readonly tags?: readonly string[];
}

const ledgerBytesMaxDefault = 1024 ** 3;

/** A JetStream stream configuration as the broker's API has it. */
export type StreamConfig = Readonly<Record<string, unknown>>;

/** What must hold exactly. An optional field that the broker leaves out means false, zero or none. */
function required(wish: StreamWish): StreamConfig {
  return {
    name: wish.stream,
    subjects: [wish.subject],
    retention: 'limits',
    storage: 'file',
    discard: 'new',
    // Nothing leaves but by a purge that one of us asks for.
    max_age: 0,
    max_msgs: -1,
    max_msgs_per_subject: -1,
    deny_delete: true,
    deny_purge: false,
    sealed: false,
    allow_rollup_hdrs: false,
    // One consumer per follower, and entries as large as the broker takes.
    max_consumers: -1,
    max_msg_size: -1,
    // Reads come from the stream's leader, appends are acknowledged after they are stored.
    allow_direct: false,
    no_ack: false,
  };
}

/** What would break the streams. Not sent: a server leaves it out by itself, and older ones refuse unknown fields. */
const forbidden: StreamConfig = {
  // Acknowledged before it is stored.
  persist_mode: undefined,
  // Written, or taken out, by the broker itself: past every compare-and-set.
  mirror: undefined,
  sources: undefined,
  allow_msg_ttl: false,
  subject_delete_marker_ttl: 0,
  allow_msg_counter: false,
  allow_msg_schedules: false,
  // Stored elsewhere, or said elsewhere: in the broker's own name, on subjects that nobody may speak on.
  subject_transform: undefined,
  republish: undefined,
  // Followers that the broker does not take as they are.
  consumer_limits: undefined,
};

export function newStreamConfig(wish: StreamWish): StreamConfig {
  return {
    ...required(wish),
    num_replicas: wish.replicas ?? 1,
    max_bytes: wish.bytesMax ?? ledgerBytesMaxDefault,
    ...(wish.placement === undefined ? {} : { placement: wish.placement }),
  };
}

/** The fields that are not as we need them, as an error that says how to change them; null when all are. */
export function streamMismatch(actual: StreamConfig, wish: StreamWish): ConclaveError | null {
  const fields = mismatchesOf(actual, wish);
  if (fields.length === 0) return null;
  const { stream } = wish;
  const message =
    `stream ${stream}: ${fields.map(({ field, message }) => `${field} ${message}`).join('; ')}; ` +
    `change it with \`nats stream edit ${stream}\`, or move the stream away and let Conclave create its own`;
  return new ConclaveError('LEDGER_MISCONFIGURED', message, { fields });
}

function mismatchesOf(actual: StreamConfig, wish: StreamWish): FieldProblem[] {
  const wrong: FieldProblem[] = [];
  const note = (field: string, expected: string): void => {
    wrong.push({ field, message: `is ${shown(actual[field])} and must be ${expected}` });
  };
  for (const [field, expected] of Object.entries({ ...required(wish), ...forbidden })) {
    if (!isSame(actual[field], expected)) note(field, shown(expected));
  }
  if (wish.replicas !== undefined && actual['num_replicas'] !== wish.replicas) {
    note('num_replicas', shown(wish.replicas));
  }
  if (![undefined, 0, 1].includes(actual['first_seq'] as number | undefined)) note('first_seq', '1');
  const bytesMin = wish.bytesMax ?? ledgerBytesMaxDefault;
  const bytes = actual['max_bytes'];
  if (typeof bytes !== 'number' || bytes < bytesMin) note('max_bytes', `a limit of at least ${bytesMin}`);
  return wrong;
}

function isSame(actual: unknown, expected: unknown): boolean {
  if (actual === undefined || actual === null)
    return expected === undefined || expected === false || expected === 0;
  // The default, when the broker says it.
  if (expected === undefined) return actual === 'default' || JSON.stringify(actual) === '{}';
  return JSON.stringify(actual) === JSON.stringify(expected);
}

function shown(value: unknown): string {
  return value === undefined ? 'not set' : JSON.stringify(value);
}
