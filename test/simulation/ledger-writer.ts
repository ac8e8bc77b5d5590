/** How the tests of the simulated ledger write and read: outcomes as words. */
import type { AppendOutcome, LedgerConnection } from '../../src/ports.ts';
import { SimulatedWorld, type FaultRates, type SimulatedLedger } from '../../src/simulation/index.ts';
import { bytes, text } from './talk.ts';

export interface Writer {
  readonly connection: LedgerConnection;
  /** Appends; the list gets the outcome, `stored` with its sequence. */
  append(word: string, expectedLast: number, timeoutMs?: number): string[];
}

export function connect(world: SimulatedWorld, id: string, fleet = 'f'): Writer {
  let opened: LedgerConnection | null = null;
  world
    .host(id)
    .ports(fleet)
    .ledger.connect((outcome) => {
      if (outcome.kind === 'opened') opened = outcome.connection;
    });
  world.runUntil(() => opened !== null, { withinMs: 1_000 });
  const connection = opened as unknown as LedgerConnection;
  const said = (outcome: AppendOutcome): string =>
    outcome.kind === 'stored' ? `stored ${outcome.sequence}` : outcome.kind;
  return {
    connection,
    append: (word, expectedLast, timeoutMs = 2_000) => {
      const outcomes: string[] = [];
      connection.append({ data: bytes(word), expectedLast, timeoutMs }, (outcome) =>
        outcomes.push(said(outcome)),
      );
      return outcomes;
    },
  };
}

export function setUp(faults: Partial<FaultRates> = {}): {
  world: SimulatedWorld;
  ledger: SimulatedLedger;
  a: Writer;
  b: Writer;
} {
  const world = new SimulatedWorld({ seed: 11 });
  const [a, b] = [connect(world, 'a'), connect(world, 'b')];
  world.setFaults(faults);
  return { world, ledger: world.ledger('f'), a, b };
}

export const words = (ledger: SimulatedLedger): string[] => ledger.entries.map(({ data }) => text(data));

export function slot(world: SimulatedWorld, { connection }: Writer, sequence: number): string[] {
  const said: string[] = [];
  connection.readSlot(sequence, (outcome) =>
    said.push(outcome.kind === 'entry' ? text(outcome.data) : outcome.kind),
  );
  world.runUntil(() => said.length > 0, { withinMs: 3_000 });
  return said;
}
