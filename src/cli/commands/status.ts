/** `conclave status`: how the fleet stands, on one page. */
import type { Command } from 'commander';
import type { StatusView } from '../../index.ts';
import { exitCodes } from '../exit-codes.ts';
import { withFleet } from '../fleet-connection.ts';
import { colors, countsOf, duration, factsOf, printAnswer, rounded, type Cell } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('health, leader, term, agents, tasks, proposals, recoveries')
    .action(status);
}

async function status(_options: object, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  await withFleet(shared, async (fleet) => {
    const view = await fleet.status({ timeoutMs: shared.timeoutMs });
    if (!view.hasLeader) process.exitCode = exitCodes.failed;
    printAnswer(shared.isJson, view, () => statusText(view));
  });
}

export function statusText(view: StatusView): string {
  return factsOf(factsAbout(view));
}

function factsAbout(view: StatusView): (readonly [string, Cell])[] {
  const { election, recovery, tasks, proposals } = view;
  const { cause, durationMs, candidates } = election;
  const how =
    cause === null ? null : `${cause}${durationMs === null ? '' : `, took ${duration(durationMs)}`}`;
  return [
    ['fleet', view.fleet],
    ['health', healthText(view)],
    ['leader', view.leader ?? 'nobody'],
    ['term', `${view.term}${view.sinceMs === null ? '' : `, since ${duration(view.sinceMs)}`}`],
    ['last election', how],
    ['candidates', candidates.map(({ id, score }) => `${id} (${rounded(score)})`).join(', ')],
    ['elections', `${election.elections}, ${election.leaderChanges} changes of leader`],
    ['agents', agentsText(view.agents)],
    ['tasks', `${countsOf(tasks.byStatus)}; ${tasks.retries} retries`],
    ['types', countsOf(tasks.byType)],
    ['pace', paceText(tasks)],
    ['proposals', countsOf(proposals.byStatus)],
    [
      'recovery',
      `${recovery.deaths} deaths, ${recovery.reassigned} attempts lost, ${recovery.reElections} re-elections`,
    ],
    ['ledger', `${view.sequence} entries`],
    ['durability', durabilityText(view.durability)],
  ];
}

function healthText({ health, reasons }: StatusView): string {
  const color = { healthy: colors.green, degraded: colors.yellow, unhealthy: colors.red }[health];
  return [color(health), ...reasons].join('\n');
}

function durabilityText({ word, meaning, reasons, version }: StatusView['durability']): string {
  const color = { durable: colors.green, unknown: colors.yellow, at_risk: colors.red }[word];
  const server = version === null ? '' : `; nats-server ${version}`;
  return [`${color(word.replace('_', ' '))}: ${meaning}${server}`, ...reasons].join('\n');
}

function agentsText({ alive, suspect, draining, dead, left, ...of }: StatusView['agents']): string {
  const counts = countsOf({ alive, suspect, draining, dead, left });
  const { averageHealth, averageLoad } = of;
  if (averageHealth === null || averageLoad === null) return counts;
  return `${counts}; health ${rounded(averageHealth)}, load ${rounded(averageLoad)} on average`;
}

function paceText({ completedPerMinute, waitingMs, oldestWaitingMs }: StatusView['tasks']): string {
  const parts = [`${completedPerMinute} completed in the last minute`];
  if (waitingMs !== null) parts.push(`assigned after ${duration(waitingMs)}`);
  if (oldestWaitingMs !== null) parts.push(`the oldest waits for ${duration(oldestWaitingMs)}`);
  return parts.join(', ');
}
