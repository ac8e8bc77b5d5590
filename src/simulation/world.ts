/**
 * A whole world under one seed: hosts, a broker, ledgers, one virtual clock. Synchronous: `step`, `runFor` and
 * `runUntil` run callbacks and nothing else. User code that returns promises needs `settle` or `advance`, which
 * also let promises run between the steps.
 *
 * Same seed and same calls, same trace. No real time, no real chance, no real network is used.
 */
import { SimulatedBroker } from './broker.ts';
import { Faults, type FaultRates } from './faults.ts';
import { SimulatedHost } from './host.ts';
import { defaultConstants, SimulationFailed, type Constants, type Laws } from './laws.ts';
import { SimulatedLedger } from './ledger.ts';
import { SeededRandom } from './random.ts';
import { Scheduler } from './scheduler.ts';
import { Trace, type TraceSink } from './trace.ts';

export interface WorldOptions extends Partial<Constants> {
  readonly seed: number | string;
  /** Default: no faults. */
  readonly faults?: Partial<FaultRates>;
  readonly trace?: TraceSink;
  /** A callback of a simulated process threw. Default: `step` throws it on. */
  readonly onError?: (error: SimulationFailed) => void;
}

export class SimulatedWorld {
  readonly seed: string;
  readonly broker: SimulatedBroker;
  readonly trace: Trace;
  readonly #laws: Laws;
  readonly #hosts = new Map<string, SimulatedHost>();
  readonly #ledgers = new Map<string, SimulatedLedger>();
  /** Promises that user code under simulation waits for. */
  #tracked = 0;
  #steps = 0;

  constructor(options: WorldOptions) {
    const { seed, faults = {}, trace = null, onError = fail, ...constants } = options;
    this.seed = String(seed);
    const scheduler = new Scheduler();
    const random = new SeededRandom(seed);
    this.trace = new Trace(scheduler);
    this.trace.sink = trace;
    this.#laws = {
      seed: this.seed,
      scheduler,
      random,
      faults: new Faults(random.fork('faults')),
      trace: this.trace,
      constants: { ...defaultConstants, ...constants },
      onError,
    };
    this.#laws.faults.set(faults);
    this.broker = new SimulatedBroker(this.#laws);
  }

  /** Virtual milliseconds since the start. */
  get now(): number {
    return this.#laws.scheduler.now;
  }

  /** Events run so far. */
  get steps(): number {
    return this.#steps;
  }

  get hosts(): readonly SimulatedHost[] {
    return [...this.#hosts.values()];
  }

  get faults(): FaultRates {
    return this.#laws.faults.rates;
  }

  /** Chance for the test itself, apart from what the world draws. */
  random(label: string): SeededRandom {
    return this.#laws.random.fork(`test/${label}`);
  }

  /** The host of that name; made, with a running process, when first asked for. */
  host(id: string): SimulatedHost {
    const known = this.#hosts.get(id);
    if (known !== undefined) return known;
    const ledger = (fleet: string): SimulatedLedger => this.ledger(fleet);
    const host = new SimulatedHost({ id, laws: this.#laws, broker: this.broker, ledger });
    this.#hosts.set(id, host);
    return host;
  }

  /** The ledger of a fleet, whether or not anybody has opened it yet. */
  ledger(fleet: string): SimulatedLedger {
    const known = this.#ledgers.get(fleet);
    if (known !== undefined) return known;
    const ledger = new SimulatedLedger({ fleet, laws: this.#laws });
    this.#ledgers.set(fleet, ledger);
    return ledger;
  }

  /** From now on these rates, and 0 for all others. */
  setFaults(rates: Partial<FaultRates>): void {
    this.#laws.faults.set(rates);
  }

  /** No more faults: rates to 0, cables healed, paused processes resumed, held appends released, disks freed. Crashed stay so. */
  heal(): void {
    this.#laws.faults.set({});
    for (const host of this.#hosts.values()) {
      host.heal();
      host.resume();
    }
    for (const ledger of this.#ledgers.values()) {
      ledger.freeDisk();
      ledger.releaseHeld();
    }
  }

  /** Runs `run` after `delayMs`, outside of every process: a nemesis that no pause or crash stops. */
  after(delayMs: number, run: () => void): void {
    this.#laws.scheduler.after(delayMs, run);
  }

  /** Runs the next event. False when there is none. */
  step(): boolean {
    return this.#step(Infinity);
  }

  /** Lets `ms` pass. */
  runFor(ms: number): void {
    const untilMs = this.now + ms;
    while (this.#step(untilMs));
    this.#laws.scheduler.skipTo(untilMs);
  }

  /** Steps until it holds; looks before the first step and after each. Throws when it does not get there. */
  runUntil(holds: () => boolean, within: { readonly withinMs: number }): void {
    const untilMs = this.now + within.withinMs;
    while (!holds()) {
      if (this.#step(untilMs)) continue;
      this.#laws.scheduler.skipTo(untilMs);
      throw this.#notReached(within.withinMs);
    }
  }

  /** Lets virtual time pass until the promise settles, with its value or its error. */
  async settle<T>(
    promise: Promise<T>,
    within: { readonly withinMs: number } = { withinMs: 60_000 },
  ): Promise<T> {
    const untilMs = this.now + within.withinMs;
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    promise.then(settled, settled);
    for (;;) {
      await letPromisesRun();
      if (isSettledNow()) return promise;
      if (this.#step(untilMs)) continue;
      this.#laws.scheduler.skipTo(untilMs);
      throw this.#notReached(within.withinMs);
    }
    function isSettledNow(): boolean {
      return isSettled;
    }
  }

  /** While it is pending, `advance` lets promises run after every step. */
  track(promise: Promise<unknown>): void {
    this.#tracked += 1;
    const ended = (): void => {
      this.#tracked -= 1;
    };
    promise.then(ended, ended);
  }

  /** `runFor` for code with promises. As fast as `runFor` while nothing is tracked. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.now + ms;
    await letPromisesRun();
    for (;;) {
      if (!this.#step(untilMs)) {
        // A promise may have asked for more in this last instant.
        await letPromisesRun();
        if (!this.#step(untilMs)) break;
      }
      if (this.#tracked > 0) await letPromisesRun();
    }
    this.#laws.scheduler.skipTo(untilMs);
  }

  #step(untilMs: number): boolean {
    const hasRun = this.#laws.scheduler.step(untilMs);
    if (hasRun) this.#steps += 1;
    return hasRun;
  }

  #notReached(withinMs: number): SimulationFailed {
    return new SimulationFailed(
      `not reached within ${withinMs} ms (seed ${this.seed}, ${this.now.toFixed(3)} ms, ${this.trace.lines} lines of trace)`,
    );
  }
}

/**
 * Every promise that can go on has gone on when it returns: what is due at the next tick runs only when no promise can.
 * Ten times cheaper than a turn of the real event loop, which handlers have no business to wait for.
 */
async function letPromisesRun(): Promise<void> {
  await Promise.resolve();
  await new Promise<void>((resolve) => process.nextTick(resolve));
}

function fail(error: SimulationFailed): void {
  throw error;
}
