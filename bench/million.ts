/**
 * A million tasks through one fleet with the retention that it has by default: whether memory and ledger stay flat.
 * One private nats-server with fsync, four agent processes, eight loops of 100 tasks each, so never more than 800
 * tasks outstanding. Prints a line of a Markdown table every 25,000 tasks, and how the last quarter compares with the
 * quarter before it. `TASKS=n`, default 1,000,000.
 */
import { connectFleet, startPrivateServer, verifyLedger, type Fleet } from 'conclave';
import { startCrew, type Crew } from './crew.ts';
import { openLedgerGauge, type LedgerGauge } from './gauge.ts';

const AGENTS = 4;
const LOOPS = 8;
const BATCH = 100;
const SAMPLE_EVERY = 25_000;
const total = Number(process.env['TASKS'] ?? 1_000_000);
const fleetName = 'million';

interface Sample {
  readonly tasks: number;
  readonly tasksPerSecond: number;
  readonly leaderResidentMb: number;
  readonly leaderHeapMb: number;
  /** The largest of the others. */
  readonly standbyResidentMb: number;
  readonly ledgerMb: number;
  readonly ledgerEntries: number;
  readonly tasksKept: number;
}

const headings: Readonly<Record<keyof Sample, string>> = {
  tasks: 'tasks',
  tasksPerSecond: 'tasks/s',
  leaderResidentMb: 'leader, resident MB',
  leaderHeapMb: 'leader, heap MB',
  standbyResidentMb: 'largest standby, resident MB',
  ledgerMb: 'ledger MB',
  ledgerEntries: 'ledger entries',
  tasksKept: 'tasks kept',
};
const columns = Object.keys(headings) as (keyof Sample)[];
const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10;

interface Watched {
  readonly fleet: Fleet;
  readonly crew: Crew;
  readonly gauge: LedgerGauge;
}

/** Submits all, and takes a sample whenever another 25,000 have their outcome. */
async function work({ fleet, crew, gauge }: Watched): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  let submitted = 0;
  let done = 0;
  let latest = performance.now();
  const sample = async (): Promise<void> => {
    const now = performance.now();
    const tasksPerSecond = Math.round((SAMPLE_EVERY * 1_000) / (now - latest));
    const tasks = done;
    latest = now;
    const [usages, ledger, status] = await Promise.all([crew.usages(), gauge.read(), fleet.status()]);
    const leader = usages.find(({ isLeader }) => isLeader);
    const others = usages.filter(({ isLeader }) => !isLeader);
    const taken = {
      tasks,
      tasksPerSecond,
      leaderResidentMb: megabytes(leader?.residentBytes ?? NaN),
      leaderHeapMb: megabytes(leader?.heapBytes ?? NaN),
      standbyResidentMb: megabytes(Math.max(...others.map(({ residentBytes }) => residentBytes))),
      ledgerMb: megabytes(ledger.bytes),
      ledgerEntries: ledger.entries,
      tasksKept: status.tasks.total,
    };
    samples.push(taken);
    console.log(row(columns.map((column) => taken[column])));
  };
  const loop = async (): Promise<void> => {
    while (submitted < total) {
      submitted += BATCH;
      const batch = Array.from({ length: BATCH }, (_, i) => ({ type: 'echo', payload: i }));
      const handles = await fleet.submitMany(batch);
      await Promise.all(handles.map((handle) => handle.outcome()));
      done += handles.length;
      if (done % SAMPLE_EVERY === 0) await sample();
    }
  };
  await Promise.all(Array.from({ length: LOOPS }, loop));
  return samples;
}

/** Mean of the last quarter over the mean of the quarter before it. */
function growth(samples: readonly Sample[], column: keyof Sample): string {
  const quarter = Math.floor(samples.length / 4);
  const mean = (of: readonly Sample[]): number => of.reduce((sum, each) => sum + each[column], 0) / of.length;
  return (mean(samples.slice(-quarter)) / mean(samples.slice(-2 * quarter, -quarter))).toFixed(3);
}

const server = await startPrivateServer({ binary: process.env['CONCLAVE_NATS_SERVER'] });
try {
  const address = { servers: server.url, fleet: fleetName };
  const crew = await startCrew({ ...address, agents: AGENTS, canCollect: true });
  try {
    const fleet = await connectFleet(address);
    const gauge = await openLedgerGauge(server.url, fleetName);
    console.log(row(columns.map((column) => headings[column])));
    console.log(row(columns.map(() => '---')));
    const samples = await work({ fleet, crew, gauge });
    await gauge.close();
    await fleet.close();
    const figures = columns.filter((column) => column !== 'tasks');
    console.log('\nLast quarter over the quarter before:\n');
    console.log(row(figures.map((column) => headings[column])));
    console.log(row(figures.map(() => '---')));
    console.log(row(figures.map((column) => growth(samples, column))));
    const report = await verifyLedger(address);
    const { completed } = report.outcomes;
    console.log(`\n\`verify\`: ${report.problems.length} problems, ${completed} tasks completed.`);
  } finally {
    await crew.end();
  }
} finally {
  await server.stop();
}
