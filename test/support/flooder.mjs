/**
 * Sends one message again and again, so many a second, in a process of its own: what a flood costs its sender must not slow
 * down who measures. A machine that is busy with other things delivers less to one process: it sends a third of that at the
 * most, as a leader that cannot even read what reaches it gives up by design. Configured by one JSON argument; tells when it
 * floods, and when it is told to stop how much it sent.
 */
import { performance } from 'node:perf_hooks';
import { connect, JSONCodec } from 'nats';

const { login, probeLogin, inboxPrefix, subject, body, perSecondMax } = JSON.parse(process.argv[2]);
const AT_ONCE = 500;
const PROBES = 20_000;
const nc = await connect({ ...login, inboxPrefix });
const data = JSONCodec().encode(body);
const perSecond = Math.min(perSecondMax, (await deliveredPerSecond()) / 3);
nc.subscribe(`${inboxPrefix}.>`, { callback: () => undefined });
const startedAt = performance.now();
let sent = 0;
let isOver = false;
process.on('message', () => (isOver = true));
process.on('disconnect', () => process.exit(1));

while (!isOver) {
  await send(nc, subject);
  if (sent === 0) process.send('flooding');
  sent += AT_ONCE;
  const earlyMs = startedAt + (sent / perSecond) * 1_000 - performance.now();
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, earlyMs)));
}
process.send({ sent });
await nc.close();
process.disconnect();

async function send(by, to) {
  for (let i = 0; i < AT_ONCE; i += 1) by.publish(to, data, { reply: `${inboxPrefix}.x` });
  await by.flush();
}

/** Measured on the way from this process to itself, as a user who may do that. */
async function deliveredPerSecond() {
  const prober = await connect(probeLogin);
  const probe = prober.subscribe('probe', { max: PROBES });
  const from = performance.now();
  for (let i = 0; i < PROBES; i += AT_ONCE) await send(prober, 'probe');
  for await (const _ of probe);
  const tookMs = performance.now() - from;
  await prober.close();
  return (PROBES * 1_000) / tookMs;
}
