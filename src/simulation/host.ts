/**
 * One simulated machine: at most one process at a time, a cable to the broker, a wall clock that can be wrong.
 * A host is made running. What a process held (ports, timers, connections) is dead once it has crashed.
 */
import type { Ports, ServiceDefinition } from '../ports.ts';
import type { SimulatedBroker } from './broker.ts';
import { SimulatedBus } from './bus.ts';
import { Cable } from './cable.ts';
import { SimulatedClock } from './clock.ts';
import type { Laws } from './laws.ts';
import { LedgerClient } from './ledger-client.ts';
import type { SimulatedLedger } from './ledger.ts';
import { SimulatedProcess } from './process.ts';
import type { SeededRandom } from './random.ts';

export interface HostParts {
  readonly id: string;
  readonly laws: Laws;
  readonly broker: SimulatedBroker;
  readonly ledger: (fleet: string) => SimulatedLedger;
}

interface Opened {
  readonly ports: Ports;
  readonly bus: SimulatedBus;
  readonly ledger: LedgerClient;
}

interface Running {
  readonly process: SimulatedProcess;
  readonly random: SeededRandom;
  readonly clock: SimulatedClock;
  readonly ports: Map<string, Opened>;
}

const CLOCK_ORIGIN_MS_MAX = 1_000_000;

export class SimulatedHost {
  readonly id: string;
  readonly #parts: HostParts;
  readonly #random: SeededRandom;
  readonly #cable: Cable;
  #running: Running;
  #wallSkewMs = 0;

  constructor(parts: HostParts) {
    const { id, laws, broker } = parts;
    this.id = id;
    this.#parts = parts;
    this.#random = laws.random.fork(`host/${id}`);
    this.#cable = new Cable({ laws, random: this.#random.fork('cable'), acceptor: broker });
    this.#running = this.#start(1);
  }

  get isAlive(): boolean {
    return this.#running.process.isAlive;
  }

  get isPaused(): boolean {
    return this.#running.process.isPaused;
  }

  /** Counts its processes from 1. */
  get life(): number {
    return this.#running.process.life;
  }

  /** What the process serves now, over all fleets: tests call `stats`. */
  get services(): readonly ServiceDefinition[] {
    return [...this.#running.ports.values()].flatMap(({ bus }) => bus.services);
  }

  /**
   * The ports of the running process for one fleet; the same ones each time until it crashes. The bus is
   * connected at once if the broker can be reached. `inboxPrefix` counts when the fleet's ports are made.
   */
  ports(fleet: string, inboxPrefix = '_INBOX'): Ports {
    const { process, random, clock, ports } = this.#running;
    const known = ports.get(fleet);
    if (known !== undefined) return known.ports;
    const cable = this.#cable;
    const { broker } = this.#parts;
    const bus = new SimulatedBus({
      process,
      cable,
      broker,
      random: random.fork(`bus/${fleet}`),
      inboxPrefix,
    });
    const ledger = new LedgerClient({ process, cable, bus, ledger: this.#parts.ledger(fleet) });
    const made: Ports = { clock, random: random.fork(`fleet/${fleet}`), bus, ledger };
    ports.set(fleet, { ports: made, bus, ledger });
    return made;
  }

  /** Closes the ports of the running process for good, as its orderly end does. What was sent arrives. */
  close(): void {
    for (const { bus, ledger } of this.#running.ports.values()) {
      ledger.close();
      bus.close();
    }
  }

  /**
   * SIGKILL: the broker sees a TCP reset, nothing of the process runs again. Bytes in its sockets still
   * arrive, unless `losesBytes`, as when the machine loses power.
   */
  crash(how: { readonly losesBytes?: boolean } = {}): void {
    if (!this.isAlive) return;
    this.#record('crash');
    const { process } = this.#running;
    process.die();
    this.#cable.reset(process, how.losesBytes ?? false);
  }

  /** A fresh process; crashes the running one first. Ask for its `ports`. */
  restart(): void {
    this.crash();
    this.#record('restart');
    this.#running = this.#start(this.life + 1);
  }

  /** SIGSTOP: connections stay, messages and timers wait. */
  pause(): void {
    if (!this.isAlive || this.isPaused) return;
    this.#record('pause');
    this.#running.process.pause();
  }

  /** SIGCONT: what waited runs now, in the order in which it fell due. */
  resume(): void {
    if (!this.isPaused) return;
    this.#record('resume');
    this.#running.process.resume();
  }

  /** Silently cuts the network to the broker, by default both ways. `in`: towards the host. */
  cut(direction: { readonly in?: boolean; readonly out?: boolean } = { in: true, out: true }): void {
    const wanted = { in: direction.in ?? false, out: direction.out ?? false };
    this.#record(`cut in ${wanted.in} out ${wanted.out}`);
    this.#cable.cut(wanted);
  }

  heal(): void {
    this.#record('heal');
    this.#cable.heal();
  }

  /** Moves the wall clock, from where it is. Monotonic time is not touched. */
  skewWall(byMs: number): void {
    this.#record(`skew wall ${byMs}`);
    this.#wallSkewMs += byMs;
  }

  #start(life: number): Running {
    const { id, laws } = this.#parts;
    const process = new SimulatedProcess({ hostId: id, life, laws });
    const random = this.#random.fork(`life-${life}`);
    const originMs = random.fork('clock').below(CLOCK_ORIGIN_MS_MAX);
    const wallOriginMs = (): number => laws.constants.wallStartMs + this.#wallSkewMs;
    const clock = new SimulatedClock({ process, originMs, wallOriginMs });
    return { process, random, clock, ports: new Map() };
  }

  #record(what: string): void {
    this.#parts.laws.trace.record(this.id, what);
  }
}
