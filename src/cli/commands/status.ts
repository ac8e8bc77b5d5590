/** `conclave status`: how the fleet stands, on one page. */
import type { Command } from 'commander';
import type { StatusView } from '../../index.ts';
import { exitCodes } from '../exit-codes.ts';
import { withFleet } from '../fleet-connection.ts';
import { countsOf, duration, factsOf, printAnswer, type Cell } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';

export function addStatus(program: Command): void {
  program.command('status').description('leader, term, agents, tasks, proposals, recoveries').action(status);
}

async function status(_options: object, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  await withFleet(shared, async (fleet) => {
    const view = await fleet.status({ timeoutMs: shared.timeoutMs });
    if (!view.hasLeader) process.exitCode = exitCodes.failed;
    printAnswer(shared.isJson, view, () => factsOf(factsAbout(view)));
  });
}

function factsAbout(view: StatusView): (readonly [string, Cell])[] {
  const { election, recovery, tasks, proposals } = view;
  const { cause, durationMs, candidates } = election;
  const how =
    cause === null ? null : `${cause}${durationMs === null ? '' : `, took ${duration(durationMs)}`}`;
  return [
    ['fleet', view.fleet],
    ['leader', view.leader ?? 'nobody'],
    ['term', `${view.term}${view.sinceMs === null ? '' : `, since ${duration(view.sinceMs)}`}`],
    ['last election', how],
    ['candidates', candidates.map(({ id, score }) => `${id} (${Math.round(score * 100) / 100})`).join(', ')],
    ['elections', `${election.elections}, ${election.leaderChanges} changes of leader`],
    ['agents', countsOf(view.agents)],
    ['tasks', `${countsOf(tasks.byStatus)}; ${tasks.retries} retries`],
    ['types', countsOf(tasks.byType)],
    ['proposals', countsOf(proposals.byStatus)],
    [
      'recovery',
      `${recovery.deaths} deaths, ${recovery.reassigned} attempts lost, ${recovery.reElections} re-elections`,
    ],
    ['ledger', `${view.sequence} entries`],
  ];
}
