/**
 * `make simulate SEEDS=n`: that many ordeals, one thread a core. Says each violation with its seed, and at the end what
 * was simulated and how fast. Every hundredth seed is played twice: its traces must be the same, byte for byte.
 */
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { ordeal, type Verdict } from './ordeal.ts';
import { courseNames } from './courses.ts';

const TWICE_EVERY = 100;
const SAY_EVERY = 100;
const print = (line: string): boolean => process.stdout.write(`${line}\n`);

if (isMainThread) process.exitCode = await simulate();
else parentPort?.on('message', (seed: number) => void play(seed).then((end) => parentPort?.postMessage(end)));

interface Played {
  readonly verdict: Verdict;
  /** Another trace came out the second time. */
  readonly differs: boolean;
}

async function play(seed: number): Promise<Played> {
  const verdict = await ordeal({ seed });
  if (seed % TWICE_EVERY !== 1) return { verdict, differs: false };
  const again = await ordeal({ seed });
  return { verdict, differs: again.hash !== verdict.hash };
}

async function simulate(): Promise<number> {
  const first = numberIn('FIRST', 1);
  const count = numberIn('SEEDS', 50);
  const threads = Math.min(availableParallelism(), count);
  const startedAt = performance.now();
  print(`seeds ${first} to ${first + count - 1}, ${threads} at a time`);
  const seeds = Array.from({ length: count }, (_, i) => first + i);
  const played: Played[] = [];
  const hear = (end: Played): void => {
    played.push(end);
    for (const problem of problemsOf(end)) print(problem);
    if (played.length % SAY_EVERY === 0 && played.length < count) print(`${played.length} played`);
  };
  await Promise.all(Array.from({ length: threads }, () => work(seeds, hear)));
  const realMs = performance.now() - startedAt;
  for (const line of summaryOf(played, realMs)) print(line);
  const bad = played.filter((end) => problemsOf(end).length > 0).map(({ verdict }) => verdict.seed);
  print(
    `seeds ${first} to ${first + count - 1}: ${bad.length === 0 ? 'no violation' : `violated by ${bad.join(', ')}`}`,
  );
  return bad.length === 0 ? 0 : 1;
}

/** One thread, until no seed is left. */
async function work(seeds: number[], hear: (end: Played) => void): Promise<void> {
  const worker = new Worker(new URL(import.meta.url));
  await new Promise<void>((resolve, reject) => {
    const next = (): void => {
      const seed = seeds.shift();
      if (seed === undefined) resolve();
      else worker.postMessage(seed);
    };
    worker.on('message', (end: Played) => {
      hear(end);
      next();
    });
    worker.on('error', reject);
    next();
  });
  await worker.terminate();
}

function problemsOf({ verdict, differs }: Played): string[] {
  const { seed, problems } = verdict;
  const found = problems.map((problem) => `seed ${seed}: ${problem}`);
  if (differs) found.push(`seed ${seed}: its second trace differs from its first`);
  return found.length === 0 ? [] : [...found, `seed ${seed}: see it with \`make replay SEED=${seed}\``];
}

function summaryOf(played: readonly Played[], realMs: number): string[] {
  const lines = courseNames.map((name) => {
    const of = played.filter(({ verdict }) => verdict.course === name).map(({ verdict }) => verdict);
    const sum = (what: 'virtualMs' | 'steps' | 'strikes' | 'entries'): number =>
      of.reduce((total, verdict) => total + verdict[what], 0);
    return (
      `${name.padEnd(8)} ${of.length} seeds, ${(sum('virtualMs') / 1_000).toFixed(0)} s of fleets, ` +
      `${sum('strikes')} strikes, ${sum('entries')} entries, ${sum('steps')} steps`
    );
  });
  const virtualMs = played.reduce((total, { verdict }) => total + verdict.virtualMs, 0);
  const rate = (virtualMs / realMs).toFixed(0);
  lines.push(
    `${(virtualMs / 1_000).toFixed(0)} s of fleets in ${(realMs / 1_000).toFixed(1)} s: ${rate} times real time`,
  );
  return lines;
}

function numberIn(name: string, otherwise: number): number {
  const text = process.env[name] ?? '';
  const value = text === '' ? otherwise : Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`${name} must be a whole number above 0, not ${text}`);
}
