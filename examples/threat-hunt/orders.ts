/** What main tells the processes that it starts (their one argument, JSON) and what they tell it (over IPC). */

export interface AgentOrders {
  readonly servers: string;
  readonly fleet: string;
  readonly id: string;
  readonly capabilities: readonly string[];
  readonly priority: number;
  readonly slots: number;
  readonly scratch: string;
  readonly indicatorsFile: string;
}

export interface AssassinOrders {
  readonly servers: string;
  readonly fleet: string;
  /** It strikes when this many tasks are completed. */
  readonly afterCompleted: number;
}

/** How the leader died. Told when it is over. */
export interface Kill {
  readonly agent: string;
  readonly pid: number;
  /** The term that it led. */
  readonly term: number;
  /** Tasks completed when the signal was sent. */
  readonly completed: number;
  /** When the signal was sent: the machine's monotonic clock, ms. */
  readonly at: number;
}

export type Told = { readonly kind: 'ready' } | { readonly kind: 'killed'; readonly kill: Kill };

interface Orders {
  readonly agent: AgentOrders;
  readonly assassin: AssassinOrders;
}

/** Both ends are this program. */
export function readOrders<R extends keyof Orders>(_role: R): Orders[R] {
  return JSON.parse(process.argv[2] ?? '') as Orders[R];
}

export function tell(message: Told): void {
  process.send?.(message);
}

/** A child of main lives no longer than main. */
export function dieWithParent(): void {
  process.once('disconnect', () => process.exit(1));
}
