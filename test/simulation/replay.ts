/**
 * `make replay SEED=n`: one seed's ordeal, a line for each transition of a statechart, for each event of the ledger, and
 * for each strike of the nemesis. With TRACE=1 every step of the world besides.
 */
import type { Entry } from '../../src/domain/events.ts';
import { wordsFor } from '../../src/cli/event-words.ts';
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
  log: ({ atMs, id, message, fields }) => {
    if (message === 'transition') say(atMs, id, transitionIn(fields));
    else if (isTraced) say(atMs, id, `${message} ${JSON.stringify(fields)}`);
  },
  onEntry: (sequence: number, entry: Entry, atMs: number) => {
    for (const event of entry.events)
      say(atMs, 'ledger', `#${sequence} ${event.type}: ${wordsFor(event, entry)}`);
  },
  onStrike: (kind, hostId, atMs) => {
    say(atMs, 'nemesis', `${kind} ${hostId}`);
  },
  ...(isTraced ? { trace: print } : {}),
});
for (const problem of verdict.problems) print(`seed ${seed}: ${problem}`);
print(`seed ${seed}: ${verdict.summary}; trace ${verdict.hash}`);
process.exitCode = verdict.problems.length === 0 ? 0 : 1;

function transitionIn(fields: object): string {
  const { chart, of, from, to } = fields as Record<'chart' | 'of' | 'from' | 'to', string | undefined>;
  return `${chart ?? ''}${of === undefined ? '' : ` of ${of}`}: ${from === '' ? '' : `${from ?? ''} → `}${to ?? ''}`;
}
