/** How the tests of the simulated world talk: a world, its buses, and what they hear. */
import type { Bus, Ports, RequestOutcome } from '../../src/ports.ts';
import { SimulatedWorld, type WorldOptions } from '../../src/simulation/index.ts';

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array): string => new TextDecoder().decode(data);

export function worldOf(options: Partial<WorldOptions> = {}): SimulatedWorld {
  return new SimulatedWorld({ seed: 7, ...options });
}

export const portsOf = (world: SimulatedWorld, id: string): Ports => world.host(id).ports('f');
export const busOf = (world: SimulatedWorld, id: string): Bus => portsOf(world, id).bus;
export const say = (bus: Bus, subject: string, word = ''): boolean =>
  bus.publish({ subject, data: bytes(word) });

/** What `bus` hears on a subject, as it arrives. */
export function heardBy(bus: Bus, subject: string): string[] {
  const heard: string[] = [];
  bus.subscribe(subject, (message) => heard.push(text(message.data)));
  return heard;
}

export function ask(bus: Bus, subject: string, timeoutMs = 100): RequestOutcome['kind'][] {
  const outcomes: RequestOutcome['kind'][] = [];
  bus.request({ subject, data: bytes('?'), timeoutMs }, ({ kind }) => outcomes.push(kind));
  return outcomes;
}
