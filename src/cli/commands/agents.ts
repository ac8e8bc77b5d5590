/** `conclave agents`: who is in the fleet, as its leader sees them. */
import type { Command } from 'commander';
import type { AgentFilter, AgentView } from '../../index.ts';
import { memberStates } from '../../wire/states.ts';
import { withFleet } from '../fleet-connection.ts';
import { colors, duration, printAnswer, rounded, tableOf, type Cell } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { given, name, oneOf } from '../values.ts';

export function addAgents(program: Command): void {
  program
    .command('agents')
    .description('list agents')
    .option('--state <state>', `one of ${memberStates.join(', ')}`, oneOf('state', memberStates))
    .option('--capability <name>', 'that have it', name('capability'))
    .action(list);
}

async function list(options: AgentFilter, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  await withFleet(shared, async (fleet) => {
    const { state, capability } = options;
    const agents = await fleet.agents(given({ state, capability }));
    const titles = [
      'id',
      'state',
      'leads',
      'score',
      'priority',
      'health',
      'load',
      'slots',
      'done',
      'heard',
      'capabilities',
      'handles',
    ];
    printAnswer(shared.isJson, agents, () =>
      agents.length === 0 ? 'no agents' : tableOf(titles, byId(agents).map(rowOf)),
    );
  });
}

function byId(agents: readonly AgentView[]): AgentView[] {
  return [...agents].sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
}

function rowOf(agent: AgentView): Cell[] {
  const { id, state, isLeader, score, priority, health, load, running, slots, completed, heardMsAgo } = agent;
  return [
    id,
    coloured(state),
    isLeader ? 'leader' : agent.electable ? '' : 'never',
    rounded(score),
    priority,
    health === null ? null : rounded(health),
    rounded(load),
    `${running}/${slots}`,
    completed,
    heardMsAgo === null ? null : `${duration(heardMsAgo)} ago`,
    agent.capabilities.join(', '),
    agent.handles.join(', '),
  ];
}

function coloured(state: string): string {
  if (state === 'alive') return colors.green(state);
  return state === 'dead' ? colors.red(state) : colors.yellow(state);
}
