/** The three copies of a fleet's ledger: which server leads them, and whether all are complete. */
import { connect } from 'nats';
import type { NatsCluster, ServerName } from '../../support/nats-cluster.ts';
import { until } from '../../support/until.ts';

export const servers: readonly ServerName[] = ['one', 'two', 'three'];

/** Asked again while they elect. */
export async function leaderOf(cluster: NatsCluster, stream: string): Promise<ServerName> {
  for (;;) {
    const standing = await cluster.standing(stream).catch(() => null);
    if (standing !== null && standing.leader !== null) return standing.leader;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export function untilWhole(cluster: NatsCluster, stream: string): Promise<void> {
  return until(() =>
    cluster.standing(stream).then(
      ({ isWhole }) => isWhole,
      () => false,
    ),
  );
}

/** Until another server leads the stream; that one. */
export async function moveLeaderFrom(
  server: ServerName,
  cluster: NatsCluster,
  stream: string,
): Promise<ServerName> {
  for (;;) {
    const leader = await leaderOf(cluster, stream);
    if (leader !== server) return leader;
    const nc = await connect({ servers: [...cluster.urls] });
    await nc.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`);
    await nc.close();
  }
}
