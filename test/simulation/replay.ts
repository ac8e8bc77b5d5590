/**
 * `make replay SEED=n`: one seed's ordeal, a line for each transition of a statechart, for each event of the ledger, and
 * for each strike of the nemesis. With TRACE=1 every step of the world besides.
 */
import { eventsIn, transitionIn } from './narration.ts';
import { ordeal } from './ordeal.ts';

const seed = Number(process.env['SEED'] ?? '');
if (!Number.isSafeInteger(seed) || seed < 1) {
  throw new Error('SEED must be a whole number above 0: make replay SEED=42');
}
const isTraced = (process.env['TRACE'] ?? '') !== '';
const print = (line: string): boolean => process.stdout.write(`${line}\n`);
const say = (atMs: number, who: string, what: string): void => {
  print(`${(atMs / 1_000).toFixed(3).padStart(9)} ${who.padEnd(9)} ${what}`);
};

const verdict = await ordeal({
  seed,
  log: (logged, atMs) => {
    const transition = transitionIn(logged);
    if (transition !== null) say(atMs, logged.id, transition);
    else if (isTraced) say(atMs, logged.id, `${logged.message} ${JSON.stringify(logged.fields)}`);
  },
  onEntry: (sequence, entry, atMs) => {
    for (const line of eventsIn(sequence, entry)) say(atMs, 'ledger', line);
  },
  onStrike: (kind, hostId, atMs) => {
    say(atMs, 'nemesis', `${kind} ${hostId}`);
  },
  ...(isTraced ? { trace: print } : {}),
});
for (const problem of verdict.problems) print(`seed ${seed}: ${problem}`);
print(`seed ${seed}: ${verdict.summary}; trace ${verdict.hash}`);
process.exitCode = verdict.problems.length === 0 ? 0 : 1;
