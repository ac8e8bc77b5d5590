/** Holds what the handlers of agents in processes of their own began against what the ledger says, all of it. */
import { expect } from 'vitest';
import { verifyLedger, type HistoryReport } from '../../src/index.ts';
import { Executions } from '../chaos/executions.ts';
import type { Start } from './agent-process.ts';

export interface Begun {
  readonly servers: string | readonly string[];
  readonly fleet: string;
  /** Of all agents that the fleet has had. */
  readonly starts: readonly Start[];
}

/**
 * No handler began without an entry that assigned just that to its agent, in that term, nor twice in one process; and
 * what an `echo` was given came back. The ledger must be at rest, and have its first entry.
 */
export async function verifyStarts({ servers, fleet, starts }: Begun): Promise<HistoryReport> {
  const executions = new Executions();
  const payloads = new Map<string, unknown>();
  const swapped: string[] = [];
  let next = 1;
  const report = await verifyLedger({
    servers,
    fleet,
    onEntry: (entry, sequence) => {
      expect(sequence).toBe(next++);
      executions.entry(sequence, entry);
      for (const event of entry.events) {
        if (event.type === 'task.submitted' && event.task.type === 'echo')
          payloads.set(event.task.id, event.task.payload);
        if (event.type !== 'task.completed' || !payloads.has(event.id)) continue;
        if (JSON.stringify(event.result) !== JSON.stringify(payloads.get(event.id))) swapped.push(event.id);
      }
    },
  });
  for (const start of starts) executions.started(start);
  expect(executions.checks().filter(({ found }) => found > 0)).toEqual([]);
  expect(swapped).toEqual([]);
  return report;
}
