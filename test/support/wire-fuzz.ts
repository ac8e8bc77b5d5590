/**
 * A seeded stream of messages for every subject that anybody may publish on: sound ones, changed ones, and bytes that are
 * no message at all. Says of each whether a door must refuse it.
 */
import Type, { type TSchema } from 'typebox';
import type { AgentId } from '../../src/domain/ids.ts';
import type { Headers } from '../../src/ports.ts';
import type { SeededRandom } from '../../src/simulation/index.ts';
import { contentTypes, DEPTH_FORWARDED_MAX, DEPTH_MAX, encode } from '../../src/wire/codec.ts';
import { doorFor, type Door } from '../../src/wire/door.ts';
import * as messages from '../../src/wire/messages.ts';
import { apiVerbs, subjectsOf, type AgentVerb, type ApiVerb } from '../../src/wire/subjects.ts';
import { changed, sound } from './wire-values.ts';

export interface FuzzMessage {
  readonly kind: AgentVerb | 'inbox' | 'watch' | 'api';
  readonly verb: string;
  readonly subject: string;
  /** Whom the subject names; null: nobody. */
  readonly id: string | null;
  readonly data: Uint8Array;
  readonly headers: Headers;
  /** Whoever hears it has to refuse it. */
  readonly isBad: boolean;
}

export interface Cast {
  readonly fleet: string;
  /** Who is there: their inboxes are written to, and in their names only what is refused. */
  readonly agents: readonly string[];
  /** Who is not: in their names anything may be said. */
  readonly strangers: readonly string[];
}

const schemas: Readonly<Record<string, TSchema>> = {
  heartbeat: messages.HeartbeatSchema,
  orders: messages.OrdersSchema,
  election: messages.ElectionMessageSchema,
  join: messages.JoinSchema,
  report: messages.ReportSchema,
  ballot: messages.BallotSchema,
  inbox: messages.InboxSchema,
  watch: messages.WatchSchema,
  propose: messages.ProposeSchema,
  vote: messages.VoteSchema,
  task: messages.ByIdSchema,
  explain: messages.ByIdSchema,
  proposal: messages.ByIdSchema,
  agent: messages.ByIdSchema,
  drain: messages.ByIdSchema,
  resume: messages.ByIdSchema,
  cancel: messages.ChangeSchema,
  retry: messages.ChangeSchema,
  remove: messages.ChangeSchema,
  outcomes: messages.OutcomesSchema,
  tasks: messages.TasksSchema,
  proposals: messages.ProposalsSchema,
  agents: messages.AgentsSchema,
  status: messages.NothingSchema,
  barrier: messages.NothingSchema,
  trigger: messages.NothingSchema,
  // One task or many, with limits of its own: what is wrong with it is not judged here.
  submit: Type.Unknown(),
};
const doors = new Map<string, Door<unknown>>(
  Object.entries(schemas).map(([name, schema]) => [
    name,
    doorFor(schema, name === 'inbox' ? DEPTH_FORWARDED_MAX : DEPTH_MAX),
  ]),
);
const agentVerbs: readonly AgentVerb[] = ['heartbeat', 'orders', 'election', 'join', 'report', 'ballot'];
/** What a broker takes, with room for headers. */
const BYTES_MAX = 1_000_000;
const oddIds = ['x'.repeat(64), 'ü', '__proto__', 'a$b', 'constructor'];

export function* fuzzMessages(random: SeededRandom, cast: Cast): Generator<FuzzMessage, never> {
  const subjects = subjectsOf(cast.fleet);
  const pick = <T>(items: readonly T[]): T => items[random.below(items.length)] as T;
  const place = (): Pick<FuzzMessage, 'kind' | 'verb' | 'subject' | 'id'> => {
    const draw = random.next();
    if (draw < 0.45) {
      const verb: ApiVerb = pick(apiVerbs);
      return { kind: 'api', verb, subject: subjects.api(verb), id: null };
    }
    if (draw < 0.5) return { kind: 'watch', verb: 'watch', subject: subjects.watch, id: null };
    const ids = random.next() < 0.5 ? cast.agents : random.next() < 0.9 ? cast.strangers : oddIds;
    const id = pick(ids);
    if (draw < 0.6) return { kind: 'inbox', verb: 'inbox', subject: subjects.inbox(id as AgentId), id };
    const verb = pick(agentVerbs);
    return { kind: verb, verb, subject: subjects.agent(verb, id as AgentId), id };
  };
  for (;;) {
    const at = place();
    const { data, headers } = fuzzBody(random, sound[at.verb] ?? [{}]);
    const isNameless = agentVerbs.includes(at.kind as AgentVerb) && subjects.senderOf(at.subject) === null;
    const door = doors.get(at.verb);
    if (door === undefined) throw new Error(`no schema for ${at.verb}`);
    const isBad = isNameless || door.admit(data, headers).kind === 'bad';
    // A broker with permissions lets nobody say what is sound in the name of another; a trigger has its own tests.
    const isHeld = at.id !== null && at.kind !== 'inbox' && cast.agents.includes(at.id);
    if (data.length > BYTES_MAX || (!isBad && (isHeld || at.verb === 'trigger'))) continue;
    yield { ...at, data, headers, isBad };
  }
}

/** A body that is one of these examples, something near one, or nothing of the sort. */
export function fuzzBody(
  random: SeededRandom,
  examples: readonly unknown[],
): { readonly data: Uint8Array; readonly headers: Headers } {
  const draw = random.next();
  if (draw < 0.1) return { data: noise(random), headers: headersOf(random) };
  const value = changed(
    random,
    examples[random.below(examples.length)],
    draw < 0.25 ? 0 : 1 + random.below(3),
  );
  const format = random.next() < 0.5 ? 'json' : 'msgpack';
  const data = encode(value ?? null, format);
  const headers =
    random.next() < 0.7
      ? {}
      : random.next() < 0.7
        ? { 'Content-Type': contentTypes[format] }
        : headersOf(random);
  return { data: draw < 0.4 ? damaged(random, data) : data, headers };
}

function headersOf(random: SeededRandom): Headers {
  const all: readonly Headers[] = [
    {},
    { 'Content-Type': 'application/json' },
    { 'Content-Type': 'application/msgpack' },
    { 'Content-Type': '' },
    { 'content-type': 'text/html; charset=x' },
    { 'Nats-Rollup': 'all', 'Nats-Expected-Last-Sequence': '1' },
    { 'Conclave-Request-Id': 'x'.repeat(5_000), 'Conclave-Term': '9007199254740993' },
  ];
  return all[random.below(all.length)] ?? {};
}

/** Cut off, with some bytes changed, or both ends swapped. */
function damaged(random: SeededRandom, data: Uint8Array): Uint8Array {
  const draw = random.next();
  if (draw < 0.4) return data.slice(0, random.below(data.length + 1));
  const copy = data.slice();
  for (let i = 0; i <= random.below(4) && copy.length > 0; i += 1)
    copy[random.below(copy.length)] = random.below(256);
  return copy;
}

/** What is no message from its first byte on; sizes and depths that are claimed are not there. */
function noise(random: SeededRandom): Uint8Array {
  const draw = random.below(10);
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
  switch (draw) {
    case 0:
      return new Uint8Array(0);
    case 1:
      return Uint8Array.from({ length: random.below(300) }, () => random.below(256));
    // Maps, lists, texts and extensions of four billion.
    case 2:
      return bytes([0xdf, 0xdd, 0xdb, 0xc6, 0xc9][random.below(5)] ?? 0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3);
    case 3:
      return new Uint8Array(1 + random.below(20_000)).fill(0x91);
    case 4:
      return new Uint8Array(1 + random.below(20_000)).fill(0x81);
    case 5:
      return new TextEncoder().encode('['.repeat(1 + random.below(20_000)));
    case 6:
      return new TextEncoder().encode('{"a":'.repeat(1 + random.below(5_000)));
    case 7:
      return new Uint8Array(random.below(100_000)).fill(0x20);
    // Extensions: dates, errors, sets, regular expressions, typed arrays, records.
    case 8:
      return bytes(
        0xd4 + random.below(5),
        [0xff, 0x65, 0x73, 0x78, 0x74, 0x72, 0x69][random.below(7)] ?? 0,
        ...Array.from({ length: 16 }, () => random.below(256)),
      );
    default:
      return new TextEncoder().encode(`{"type":"work","payload":"${'\\u0000'.repeat(random.below(5_000))}"}`);
  }
}
