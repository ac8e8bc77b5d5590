/**
 * What the checks of `conclave doctor` look at: one connection, what was asked of the broker and of the fleet over it
 * before the checks began, and what was heard meanwhile. Each question is asked once and waits for a bounded time.
 */
import type { Settings } from '../../domain/settings.ts';
import type { Refusal } from '../../nats/connection.ts';
import { readOutcome, type ApiOutcome } from '../../nats/jetstream-api.ts';
import type { NatsPorts } from '../../nats/ports.ts';
import { snapshotSubjectsOf } from '../../nats/snapshot-subjects.ts';
import type { RequestOutcome } from '../../ports.ts';
import { silentLog } from '../../runtime/log.ts';
import { Rejections } from '../../runtime/rejections.ts';
import { Roster, type Beat } from '../../runtime/roster.ts';
import { Fleet } from '../../sdk/fleet.ts';
import { subjectsOf, type Subjects } from '../../wire/subjects.ts';
import type { AgentView, StatusView } from '../../wire/views.ts';

export type Asked<T> = { readonly value: T } | { readonly failure: Error };

export interface Patient {
  readonly ports: Pick<NatsPorts, 'bus' | 'clock' | 'random' | 'serverInfo'>;
  readonly subjects: Subjects;
  readonly settings: Settings;
  /** What the broker's permissions forbade so far. */
  readonly refusals: readonly Refusal[];
  readonly ledgerStream: ApiOutcome;
  readonly snapshotStream: ApiOutcome;
  readonly account: ApiOutcome;
  /** What the server says of the user who is logged in, and of its own clock. */
  readonly user: ApiOutcome;
  /** Wall clock here, when the server had just said each of these. */
  readonly wallAt: { readonly ledgerStream: number; readonly user: number };
  readonly status: Asked<StatusView>;
  readonly agents: Asked<readonly AgentView[]>;
  /** Who was heard while we listened, by incarnation. */
  readonly beats: readonly Beat[];
}

export interface Admission {
  readonly ports: Patient['ports'];
  readonly fleet: string;
  readonly settings: Settings;
  readonly refusals: readonly Refusal[];
  /** How long one question waits. */
  readonly timeoutMs: number;
  /** How long heartbeats are listened to. */
  readonly listenMs: number;
}

export async function admit(admission: Admission): Promise<Patient> {
  const { ports, fleet, settings, refusals, timeoutMs, listenMs } = admission;
  const subjects = subjectsOf(fleet);
  const listening = listen(admission, subjects);
  const client = new Fleet(ports, fleet, { timeoutMs });
  const api = (verb: string): Promise<ApiOutcome> => ask(ports, `$JS.API.${verb}`, timeoutMs);
  const ledgerStream = await api(`STREAM.INFO.${subjects.stream}`);
  const wallAtLedger = ports.clock.wallNow();
  const user = await ask(ports, '$SYS.REQ.USER.INFO', timeoutMs);
  const wallAt = { ledgerStream: wallAtLedger, user: ports.clock.wallNow() };
  const [snapshotStream, account, status, agents] = await Promise.all([
    api(`STREAM.INFO.${snapshotSubjectsOf(fleet).stream}`),
    api('INFO'),
    asked(client.status({ timeoutMs })),
    asked(client.agents()),
  ]);
  const beats = await listening.end(listenMs);
  await client.close();
  return {
    ports,
    subjects,
    settings,
    refusals,
    ledgerStream,
    snapshotStream,
    account,
    user,
    wallAt,
    status,
    agents,
    beats,
  };
}

/** Also of what is no JetStream: the answers have the same form. */
async function ask(ports: Patient['ports'], subject: string, timeoutMs: number): Promise<ApiOutcome> {
  return readOutcome(await request(ports, subject, timeoutMs));
}

/** One message, and what came of it. */
export function request(
  { bus }: Patient['ports'],
  subject: string,
  timeoutMs: number,
): Promise<RequestOutcome> {
  return new Promise((resolve) => {
    bus.request({ subject, data: new Uint8Array(0), timeoutMs }, resolve);
  });
}

async function asked<T>(question: Promise<T>): Promise<Asked<T>> {
  try {
    return { value: await question };
  } catch (error) {
    return { failure: error instanceof Error ? error : new Error(String(error)) };
  }
}

interface Listening {
  /** The latest beat of each incarnation that was heard, once enough time has passed since the beginning. */
  end(afterMs: number): Promise<readonly Beat[]>;
}

function listen({ ports, settings }: Admission, subjects: Subjects): Listening {
  const { clock, bus } = ports;
  const beats = new Map<string, Beat>();
  const rejections = new Rejections(clock, silentLog);
  const presumedMs = (): number => settings.heartbeatIntervalMs;
  const roster = new Roster({ clock, bus, subjects, rejections, presumedMs });
  roster.onBeat((beat) => beats.set(`${beat.id} ${beat.incarnation}`, beat));
  // Also heard by nobody here, but a subscription that is refused is told.
  const events = bus.subscribe(subjects.event('>'), () => undefined);
  return {
    end: (afterMs) =>
      new Promise((resolve) => {
        clock.setTimeout(
          () => {
            roster.close();
            events.close();
            resolve([...beats.values()]);
          },
          Math.max(0, afterMs - roster.listeningMs),
        );
      }),
  };
}
