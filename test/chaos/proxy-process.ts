/**
 * The proxies of one agent, one for each server, in a process that stands where the agent stands: what the network
 * does to the two places, it does to them. They understand NATS, and do to single messages what no network could.
 */
import { SeededRandom } from '../../src/simulation/random.ts';
import { startTcpProxy, type FrameFate, type TcpProxy } from '../support/tcp-proxy.ts';
import type { ProxyAddresses, ProxyTargets, Weather, WeatherReport } from './weather.ts';

const { seed, servers } = JSON.parse(process.argv[2] ?? '') as ProxyTargets;
const random = new SeededRandom(seed);
const proxies = new Map<string, TcpProxy>();
for (const { name, host, port } of servers) proxies.set(name, await startTcpProxy({ host, port }));

process.on('disconnect', () => process.exit());
process.on('message', ({ weather, server }: WeatherReport) => {
  for (const [name, proxy] of proxies) if (server === undefined || name === server) expose(proxy, weather);
});
const addresses: ProxyAddresses = { urls: [...proxies.values()].map(({ url }) => url) };
process.send?.(addresses);

function expose(proxy: TcpProxy, weather: Weather): void {
  const { acksSwallowed, overtaken, delayMs, stalled } = weather;
  proxy.delay(delayMs);
  proxy.judge(acksSwallowed === 0 && overtaken === 0 ? null : (frame) => fateOf(frame, weather));
  proxy.heal();
  if (stalled !== null) proxy.stall(stalled);
}

function fateOf(frame: Buffer, { acksSwallowed, overtaken, overtakenMs }: Weather): FrameFate {
  if (!isMessage(frame)) return { heldMs: 0 };
  if (acksSwallowed > 0 && isPublishAck(frame) && random.next() < acksSwallowed) return 'lost';
  return { heldMs: random.next() < overtaken ? random.next() * overtakenMs : 0 };
}

function isMessage(frame: Buffer): boolean {
  return (
    frame.length > 4 &&
    (frame.toString('latin1', 0, 4) === 'MSG ' || frame.toString('latin1', 0, 5) === 'HMSG ')
  );
}

/** `{"stream":"CONCLAVE_…", "seq":…}` and no more: what JetStream answers a publish with. */
function isPublishAck(frame: Buffer): boolean {
  return frame.includes('{"stream":"') && frame.includes('"seq":') && frame.length < 512;
}
