/** A keeper of the ledger that is no agent: it does what it is told, when it is told. */
import type { AgentId } from '../../src/domain/ids.ts';
import { settingsFrom } from '../../src/domain/settings.ts';
import { Keeper, type KeeperOptions } from '../../src/runtime/keeper.ts';
import { silentLog } from '../../src/runtime/log.ts';
import type { Stage } from './behaviours/stage.ts';

/** On a host of its own, with what `b` has read. */
export function keeperOf(stage: Stage, options: Partial<KeeperOptions>): Keeper {
  const { contender } = stage.node('b');
  if (contender === null) throw new Error('b cannot lead');
  return new Keeper({
    ...stage.world.host('keeper').ports(stage.fleet.name),
    settings: settingsFrom(),
    replica: contender.replica,
    roster: { candidates: () => [] },
    id: 'keeper' as AgentId,
    log: silentLog,
    isFollowing: () => true,
    isLeader: () => false,
    isVacant: () => false,
    isSettled: () => true,
    settle: (run) => {
      run();
    },
    ...options,
  });
}
