/** A fleet that is upgraded agent by agent: an entry of a newer release comes before an agent that cannot read it. */
import { connect } from 'nats';
import { expect, test } from 'vitest';
import { openLedgerGauge } from '../../../bench/gauge.ts';
import { startHttpServer, verifyLedger } from '../../../src/index.ts';
import { decodeTrusted, encode } from '../../../src/wire/codec.ts';
import { hashOf } from '../../../src/wire/entry.ts';
import { withServer } from '../../support/nats-server.ts';
import { until } from '../../support/until.ts';
import { echoes, withStage, type Scene } from './stage.ts';

const server = withServer();
const stage = withStage('newer');

/** Puts an entry behind the last one, as the leader of its term would, but for `change`. */
async function appendAs({ fleet, stream }: Scene, change: object): Promise<number> {
  const nc = await connect({ servers: server().url });
  const { streams } = await nc.jetstreamManager();
  for (;;) {
    const { last_seq: seq } = (await streams.info(stream)).state;
    const { data } = await streams.getMessage(stream, { seq });
    const last = decodeTrusted(data) as object;
    const entry = encode({ ...last, previous: hashOf(data), events: [], ...change }, 'msgpack');
    const stored = await nc
      .jetstream()
      .publish(`_conclave.${fleet}.ledger`, entry, { expect: { lastSequence: seq } })
      .catch(() => null);
    if (stored === null) continue;
    await nc.close();
    return stored.seq;
  }
}

test.each([
  ['of an unknown kind', { events: [{ type: 'fleet.merged', with: 'other' }] }, 'fleet.merged'],
  ['of a newer version', { v: 2 }, 'not an entry of a known version'],
])(
  'an entry %s stops everybody who cannot read it, and nothing is written behind it',
  async (_, change, says) => {
    const scene = await stage.scene(server().url, { heartbeatIntervalMs: 200 });
    const agents = [
      await scene.start({ id: 'first', priority: 3 }),
      ...(await Promise.all(['second', 'third'].map((id) => scene.start({ id })))),
    ];
    const http = await startHttpServer({ servers: server().url, fleet: scene.fleet, port: 0 });
    const handles = await echoes(scene.client, 20);
    await Promise.all(handles.map((handle) => handle.outcome()));
    const sequence = await appendAs(scene, change);
    await Promise.all(agents.map(({ ended }) => ended));
    for (const agent of agents) {
      expect(agent.problem()).toMatchObject({ code: 'LEDGER_BROKEN' });
      expect(JSON.stringify(agent.problem())).toContain(says);
    }
    // It shows nothing as if it knew.
    await until(async () => (await fetch(`${http.url}/readyz`)).status === 503);
    await http.close();
    const gauge = await openLedgerGauge(server().url, scene.fleet);
    expect((await gauge.read()).last).toBe(sequence);
    await gauge.close();
    const report = await verifyLedger({ servers: server().url, fleet: scene.fleet });
    expect(report.problems).toHaveLength(1);
    expect(report.outcomes.completed).toBe(20);
  },
);
