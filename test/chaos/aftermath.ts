/**
 * After the last fault: somebody leads, what was begun ends, everybody has the same, and the ledger is read as each of
 * its servers keeps it. What does not come in time is a finding, and the rest is checked all the same.
 */
import { verifyLedger, type Fleet } from '../../src/index.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { compareHashes, compareReplicas, compareWithRead } from './comparison.ts';
import type { Crew } from './crew.ts';
import { Finding, type Check } from './finding.ts';
import type { Load } from './load.ts';
import type { Recorder } from './recorder.ts';
import { readReplicas } from './replicas.ts';

export interface AftermathOptions {
  readonly servers: readonly string[];
  readonly fleet: Fleet;
  readonly crew: Crew;
  readonly load: Load;
  readonly recorder: Recorder;
  readonly say: (line: string) => void;
}

export interface Aftermath {
  readonly leaderAfterMs: number | null;
  readonly restAfterMs: number | null;
  readonly slotsCompared: number;
  readonly checks: readonly Check[];
}

/** For each step: far beyond what it takes on a busy machine. */
const PATIENCE_MS = 240_000;
const LOOK_MS = 100;

/** Ends the agents. */
export async function settle(options: AftermathOptions): Promise<Aftermath> {
  const { load, recorder, crew, fleet, servers, say } = options;
  const unrest = new Finding('steps towards rest that took too long');
  const step = async (what: string, run: () => Promise<unknown>): Promise<number | null> => {
    const ms = await timed(run);
    say(`${what}: ${ms === null ? 'not in time' : `${(ms / 1_000).toFixed(1)} s`}`);
    if (ms === null) unrest.note(what);
    return ms;
  };
  const leaderAfterMs = await step('a request is acknowledged', () => load.untilAcknowledged());
  const answeredMs = await step('all that was asked is answered', () => load.stop());
  const endedMs = await step('nothing is open any more', () => untilNothingIsOpen(fleet));
  let states: Awaited<ReturnType<typeof statesAtRest>> = new Map();
  const sameMs = await step('all agents have every entry', async () => {
    states = await statesAtRest(crew, recorder);
  });
  await crew.end();
  let replicas: Awaited<ReturnType<typeof readReplicas>> = [];
  await step('the ledger is read on each server', async () => {
    replicas = await readReplicas(servers, `CONCLAVE_${fleet.name}`);
  });
  const verified = await verifyLedger({ servers, fleet: fleet.name, log: silentLog });
  const rest = [answeredMs, endedMs, sameMs];
  return {
    leaderAfterMs,
    restAfterMs: rest.includes(null) ? null : rest.reduce<number>((sum, ms) => sum + (ms ?? 0), 0),
    slotsCompared: replicas[0]?.slots.size ?? 0,
    checks: [
      unrest.check(),
      compareHashes(states),
      compareReplicas(replicas),
      ...replicas.slice(0, 1).map((copy) => compareWithRead(copy, recorder.hashes)),
      {
        name: 'problems that `conclave verify` finds',
        found: verified.problems.length,
        evidence: verified.problems.slice(0, 10),
      },
    ],
  };
}

/** Null: it took too long, and may still be under way. */
async function timed(run: () => Promise<unknown>): Promise<number | null> {
  const from = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), PATIENCE_MS);
  });
  const first = await Promise.race([run(), late]);
  clearTimeout(timer);
  return first === 'late' ? null : Math.round(performance.now() - from);
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, LOOK_MS));

async function untilNothingIsOpen(fleet: Fleet): Promise<void> {
  for (;;) {
    const status = await fleet.status().catch(() => null);
    if (status !== null) {
      const { completed, failed, cancelled, ...open } = status.tasks.byStatus;
      const tasks = Object.values(open).reduce((sum, count) => sum + count, 0);
      if (tasks + status.proposals.byStatus.open === 0) return;
    }
    await pause();
  }
}

/** Until all have every entry at one moment: hashes by who has them, a replay of all entries too. */
async function statesAtRest(crew: Crew, recorder: Recorder): Promise<ReadonlyMap<string, string>> {
  for (;;) {
    const copies = (await crew.copies()).filter((copy) => copy !== null);
    const isSame = copies.every(({ sequence }) => sequence === recorder.lastSequence);
    if (isSame && copies.length === crew.ids.length) {
      const replayed = ['a replay of every entry', recorder.stateHash()] as const;
      return new Map([replayed, ...crew.ids.map((id, i) => [id, copies[i]?.hash ?? ''] as const)]);
    }
    await pause();
  }
}
