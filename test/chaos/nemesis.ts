/** Carries out a schedule: each round's faults are struck, stay for its time, and are undone. */
import { assertNever } from '../../src/domain/assert.ts';
import { serverNames, type ClusterServers, type ServerName } from '../support/cluster-servers.ts';
import type { Crew } from './crew.ts';
import type { Links, Place, Undo } from './ground.ts';
import type { Fault, Round, Verb, Whom } from './schedule.ts';
import { fairWeather, type Weather } from './weather.ts';

export interface Stage {
  readonly servers: ClusterServers;
  readonly serverPlaces: Readonly<Record<ServerName, Place>>;
  readonly disks: Readonly<Record<ServerName, string>>;
  readonly crew: Crew;
  readonly links: Links | null;
  /** The agent of the latest term; null: nobody has led yet. */
  readonly leader: () => string | null;
  /** Somebody who leads is about to be struck. */
  readonly onLeaderStruck: (verb: Verb) => void;
  /** A round with faults begins. */
  readonly onStrike: () => void;
  /** All that a round did is undone. */
  readonly onRelief: () => void;
  readonly say: (line: string) => void;
}

/** How long all servers are away. */
const AWAY_MS = 1_500;

/** How often each verb was struck. Everything is undone when it returns. */
export async function torment(
  stage: Stage,
  rounds: readonly Round[],
): Promise<ReadonlyMap<Verb | 'calm', number>> {
  const counts = new Map<Verb | 'calm', number>();
  for (const [i, { ms, faults }] of rounds.entries()) {
    const undos: Undo[] = [];
    const words = faults.map((fault) => JSON.stringify(fault)).join(' ');
    stage.say(`round ${i + 1} of ${rounds.length}, ${(ms / 1_000).toFixed(1)} s: ${words || 'calm'}`);
    if (faults.length > 0) stage.onStrike();
    for (const fault of faults) {
      undos.push(await strike(stage, fault));
      counts.set(fault.verb, (counts.get(fault.verb) ?? 0) + 1);
    }
    if (faults.length === 0) counts.set('calm', (counts.get('calm') ?? 0) + 1);
    await pass(ms);
    for (const undo of undos) await undo();
    stage.onRelief();
  }
  return counts;
}

async function strike(stage: Stage, fault: Fault): Promise<Undo> {
  const { servers, crew, serverPlaces } = stage;
  switch (fault.verb) {
    case 'kill server':
      await servers.kill(fault.server);
      return () => servers.restart(fault.server);
    case 'pause server':
      servers.signal(fault.server, 'SIGSTOP');
      return async () => servers.signal(fault.server, 'SIGCONT');
    case 'kill all servers':
      await Promise.all(serverNames.map((name) => servers.kill(name)));
      await pass(AWAY_MS);
      await Promise.all(serverNames.map((name) => servers.restart(name)));
      return nothing;
    case 'cut off server':
      return (await stage.links?.unplug(serverPlaces[fault.server])) ?? nothing;
    case 'cut servers':
      return cutServers(stage, fault);
    case 'fill disk':
      return fillDisk(stage, fault.server);
    case 'kill leader':
    case 'kill agent':
      return ofAgent(stage, fault, async (id) => {
        await crew.kill(id);
        return async () => crew.revive(id);
      });
    case 'pause leader':
    case 'pause agent':
      return ofAgent(stage, fault, async (id) => {
        crew.signal(id, 'SIGSTOP');
        return async () => crew.signal(id, 'SIGCONT');
      });
    case 'cut off leader':
    case 'cut off agent':
      return ofAgent(stage, fault, (id) => cutOff(stage, id));
    case 'cut agent':
      return ofAgent(stage, fault, (id) => cutAgent(stage, { ...fault, id }));
    case 'jump clocks':
      for (const [id, ms] of fault.byMs) crew.setWallSkew(id, ms);
      // Back again is a jump too.
      return async () => {
        for (const [id] of fault.byMs) crew.setWallSkew(id, 0);
      };
    case 'swallow acknowledgements':
      return expose(crew, crew.ids, { ...fairWeather, acksSwallowed: fault.share });
    case 'delay':
      return expose(crew, fault.agents, { ...fairWeather, delayMs: fault.ms });
    case 'reorder':
      return expose(crew, crew.ids, { ...fairWeather, overtaken: fault.share, overtakenMs: fault.withinMs });
    case 'stall link':
      return ofAgent(stage, fault, async (id) => expose(crew, [id], { ...fairWeather, stalled: fault.way }));
    default:
      return assertNever(fault);
  }
}

const nothing: Undo = () => Promise.resolve();
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Struck = { readonly verb: Verb; readonly whom?: Whom; readonly agent?: string };

/** Whoever it is meant for by now; nobody, while nobody has led. */
async function ofAgent(stage: Stage, fault: Struck, run: (id: string) => Promise<Undo>): Promise<Undo> {
  const { verb, whom = 'leader', agent = whom } = fault;
  const leader = stage.leader();
  const id = agent === 'leader' ? leader : agent;
  if (id === null) return nothing;
  if (id === leader) stage.onLeaderStruck(verb);
  return run(id);
}

function expose(crew: Crew, ids: readonly string[], weather: Weather): Undo {
  for (const id of ids) crew.expose(id, weather);
  return async () => {
    for (const id of ids) crew.expose(id, fairWeather);
  };
}

async function cutServers(
  { links, serverPlaces }: Stage,
  { from, to, isOneWay }: Extract<Fault, { verb: 'cut servers' }>,
): Promise<Undo> {
  if (links === null) return nothing;
  const there = await links.block(serverPlaces[from], serverPlaces[to]);
  const back = isOneWay ? nothing : await links.block(serverPlaces[to], serverPlaces[from]);
  return async () => {
    await there();
    await back();
  };
}

/** A server that could not write gives JetStream up; once there is room it is restarted, as its operator would. */
async function fillDisk({ links, disks, servers }: Stage, server: ServerName): Promise<Undo> {
  const free = await links?.fill(disks[server]);
  return async () => {
    await free?.();
    await servers.restart(server);
  };
}

async function cutOff({ links, crew }: Stage, id: string): Promise<Undo> {
  if (links !== null) return links.unplug(crew.placeOf(id));
  return expose(crew, [id], { ...fairWeather, stalled: 'both' });
}

/** From one server or all, in one direction or both. */
async function cutAgent(
  { links, crew, serverPlaces }: Stage,
  { id, servers, way }: Extract<Fault, { verb: 'cut agent' }> & { readonly id: string },
): Promise<Undo> {
  if (links === null) {
    for (const server of servers) crew.expose(id, { ...fairWeather, stalled: way }, server);
    return async () => crew.expose(id, fairWeather);
  }
  const undos: Undo[] = [];
  const place = crew.placeOf(id);
  for (const server of servers) {
    if (way !== 'toClient') undos.push(await links.block(place, serverPlaces[server]));
    if (way !== 'toServer') undos.push(await links.block(serverPlaces[server], place));
  }
  return async () => {
    for (const undo of undos) await undo();
  };
}
