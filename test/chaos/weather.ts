/** What the links of an agent do to what passes through its proxies, beyond what the network does. */
import type { Direction } from '../support/tcp-proxy.ts';

export interface Weather {
  /** Of the acknowledgements of JetStream to the agent, this share never comes. */
  readonly acksSwallowed: number;
  /** Every byte is so long on its way. */
  readonly delayMs: number;
  /** This share of the messages to the agent is overtaken by those that come within `overtakenMs`. */
  readonly overtaken: number;
  readonly overtakenMs: number;
  /** Bytes that way stay where they are; no connection ends. */
  readonly stalled: Direction | 'both' | null;
}

export const fairWeather: Weather = {
  acksSwallowed: 0,
  delayMs: 0,
  overtaken: 0,
  overtakenMs: 0,
  stalled: null,
};

/** To the process of an agent's proxies. `server`: on the link to that one; not given: on all. */
export interface WeatherReport {
  readonly weather: Weather;
  readonly server?: string;
}

/** What the process of an agent's proxies is started with. */
export interface ProxyTargets {
  readonly seed: string;
  readonly servers: readonly { readonly name: string; readonly host: string; readonly port: number }[];
}

/** And what it says once it listens: an address for each server, in that order. */
export interface ProxyAddresses {
  readonly urls: readonly string[];
}
