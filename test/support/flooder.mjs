/**
 * Sends one message again and again, so many a second, in a process of its own: what a flood costs its sender must not slow
 * down who measures. Configured by one JSON argument; tells when it floods, and when it is told to stop how much it sent.
 */
import { performance } from 'node:perf_hooks';
import { connect, JSONCodec } from 'nats';

const { login, inboxPrefix, subject, body, perSecond } = JSON.parse(process.argv[2]);
const AT_ONCE = 500;
const nc = await connect({ ...login, inboxPrefix });
nc.subscribe(`${inboxPrefix}.>`, { callback: () => undefined });
const data = JSONCodec().encode(body);
const startedAt = performance.now();
let sent = 0;
let isOver = false;
process.on('message', () => (isOver = true));
process.on('disconnect', () => process.exit(1));

while (!isOver) {
  for (let i = 0; i < AT_ONCE; i += 1) nc.publish(subject, data, { reply: `${inboxPrefix}.x` });
  await nc.flush();
  if (sent === 0) process.send('flooding');
  sent += AT_ONCE;
  const earlyMs = startedAt + (sent / perSecond) * 1_000 - performance.now();
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, earlyMs)));
}
process.send({ sent });
await nc.close();
process.disconnect();
