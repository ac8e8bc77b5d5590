/**
 * One run, as a process of its own: sets the stage, puts load on it, torments it, heals it, and tells its parent what
 * was found. Started by launch.ts, in namespaces of its own or not; when it ends, everything that it started does.
 */
import { rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { connectFleet } from '../../src/index.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { SeededRandom } from '../../src/simulation/random.ts';
import { findNatsServer } from '../../src/nats/server-binary.ts';
import {
  serverNames,
  startClusterServers,
  type ServerName,
  type ServerPlace,
} from '../support/cluster-servers.ts';
import { freePort } from '../support/free-port.ts';
import { settle } from './aftermath.ts';
import { Audit } from './audit.ts';
import { Crew } from './crew.ts';
import { prepareLoopback, prepareNamespaces, type Place } from './ground.ts';
import { startLoad } from './load.ts';
import { judge } from './judgement.ts';
import { torment } from './nemesis.ts';
import { startRecorder } from './recorder.ts';
import { Recovery } from './recovery.ts';
import type { Report } from './report.ts';
import { scheduleOf } from './schedule.ts';

/** What it is started with. */
export interface RunOptions {
  readonly seed: string;
  readonly minutes: number;
  readonly tasksPerSecond: number;
  /** Leaves the machine to others first. */
  readonly isModest: boolean;
  readonly binary: string | undefined;
  readonly loopbackBecause: string | null;
  readonly folder: string;
}

const FLEET = 'chaos';
const AGENTS = 5;
const PROPOSALS_PER_SECOND = 3;
/**
 * The ledger is shortened in each run, but never past the recorder, which is cut off for many seconds at times: what it has not
 * read it cannot judge. And no task is forgotten before its client was told.
 */
const settingsFor = (isModest: boolean): Record<string, number> => ({
  snapshotEntries: isModest ? 2_000 : 4_000,
  snapshotLookMs: 1_000,
  endedTasksMax: 20_000,
});

const options = JSON.parse(process.argv[2] ?? '') as RunOptions;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
process.on('disconnect', () => process.exit(1));
if (options.isModest) setPriority(10);
const report = await run(options);
process.send?.(report, () => process.exit());

async function run({
  seed,
  minutes,
  folder,
  tasksPerSecond,
  loopbackBecause,
  binary,
  isModest,
}: RunOptions): Promise<Report> {
  const random = new SeededRandom(seed);
  const startedAt = performance.now();
  const say = (line: string): void => {
    const at = ((performance.now() - startedAt) / 1_000).toFixed(1);
    process.stdout.write(`${at.padStart(7)} s  ${line}\n`);
  };
  const isIsolated = loopbackBecause === null;
  const ground = isIsolated ? await prepareNamespaces() : prepareLoopback(folder);
  const serverPlaces = await each(serverNames, (name) => ground.place(name));
  const disks = await each(serverNames, (name) => ground.disk(name));
  const at = async (name: ServerName): Promise<ServerPlace> => ({
    host: serverPlaces[name].address,
    port: isIsolated ? 4222 : await freePort(),
    routePort: isIsolated ? 6222 : await freePort(),
    store: disks[name],
    within: serverPlaces[name].within,
  });
  const places = await each(serverNames, at);
  const servers = await startClusterServers({ binary, places, folder, isAdvertised: false });
  say('three servers keep three copies');
  const agentPlaces = new Map<string, Place>();
  for (let i = 1; i <= AGENTS; i++) agentPlaces.set(`agent_${i}`, await ground.place(`agent_${i}`));
  const targets = serverNames.map((name) => ({ name, host: places[name].host, port: places[name].port }));
  const audit = new Audit();
  const crew = await Crew.start({
    fleet: FLEET,
    seed,
    places: agentPlaces,
    servers: targets,
    settings: settingsFor(isModest),
    folder,
    onStart: (start) => {
      audit.started(start);
    },
    onEnd: (id) => {
      audit.died(id);
    },
  });
  say('all agents have joined');

  const recorder = await startRecorder(servers.urls, FLEET, audit);
  const fleet = await connectFleet({
    servers: servers.urls,
    fleet: FLEET,
    timeoutMs: 60_000,
    log: silentLog,
  });
  const load = startLoad({
    fleet,
    random: random.fork('load'),
    tasksPerSecond,
    proposalsPerSecond: PROPOSALS_PER_SECOND,
    tell: (told) => audit.told(told),
  });
  const recovery = new Recovery({
    untilAcknowledged: () => load.untilAcknowledged(),
    now: () => performance.now(),
  });
  const rounds = scheduleOf({
    random: random.fork('faults'),
    ms: minutes * 60_000,
    agents: crew.ids,
    hasLinks: ground.links !== null,
  });
  const faults = await torment(
    {
      servers,
      serverPlaces,
      disks,
      crew,
      links: ground.links,
      leader: () => recorder.leader,
      onLeaderStruck: (verb) => recorder.struck(verb),
      onStrike: () => {
        recovery.struck();
      },
      onRelief: () => {
        recorder.relieved();
        recovery.relieved();
      },
      say,
    },
    rounds,
  );
  crew.heal();
  say('everything is healed');
  const aftermath = await settle({ servers: servers.urls, fleet, crew, load, recorder, say });
  const { version } = await findNatsServer({ binary });
  const agentEnds = Object.fromEntries(crew.ends);
  const found: Report = {
    seed,
    minutes,
    loopbackBecause,
    tasksPerSecond,
    agents: AGENTS,
    natsVersion: version,
    load: load.figures,
    audit: audit.figures,
    faults: Object.fromEntries(faults),
    failOvers: recorder.failOvers,
    agentEnds,
    recoveries: { count: recovery.count, longestMs: recovery.longestMs },
    ...aftermath,
    checks: [...audit.report(), ...recorder.checks(), ...aftermath.checks, ...judge(load.figures, agentEnds)],
  };
  await Promise.allSettled([fleet.close(), recorder.close()]);
  await servers.stop();
  return found;
}

/** By hand: nobody will look at what is left. */
function interrupt(): void {
  rmSync(options.folder, { recursive: true, force: true });
  process.exit(130);
}

/** One after the other. */
async function each<T>(
  names: readonly ServerName[],
  make: (name: ServerName) => Promise<T>,
): Promise<Readonly<Record<ServerName, T>>> {
  const made: [string, T][] = [];
  for (const name of names) made.push([name, await make(name)]);
  return Object.fromEntries(made) as Record<ServerName, T>;
}
