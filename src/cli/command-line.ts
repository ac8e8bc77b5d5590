/** The program: its commands, its help, and from a command line to an exit code. */
import { Command } from 'commander';
import { VERSION } from '../sdk/version.ts';
import { addAgent } from './commands/agent.ts';
import { addAgents } from './commands/agents.ts';
import { addCancel } from './commands/cancel.ts';
import { addCompletion } from './commands/completion.ts';
import { addConfig } from './commands/config.ts';
import { addDecode } from './commands/decode.ts';
import { addDoctor } from './commands/doctor.ts';
import { addDrain, addResume } from './commands/drain.ts';
import { addElect } from './commands/elect.ts';
import { addEvents } from './commands/events.ts';
import { addExplain } from './commands/explain.ts';
import { addGraph } from './commands/graph.ts';
import { addProposal, addProposals } from './commands/proposals.ts';
import { addPropose } from './commands/propose.ts';
import { addRemove } from './commands/remove.ts';
import { addReplay } from './commands/replay.ts';
import { addRetry } from './commands/retry.ts';
import { addServe } from './commands/serve.ts';
import { addStatus } from './commands/status.ts';
import { addSubmit } from './commands/submit.ts';
import { addTask, addTasks } from './commands/tasks.ts';
import { addToken } from './commands/token.ts';
import { addUp } from './commands/up.ts';
import { addVerify } from './commands/verify.ts';
import { addVote } from './commands/vote.ts';
import { exampleText } from './examples.ts';
import { exitCodeMeanings, exitCodes, type ExitCode } from './exit-codes.ts';
import { reportFailure, reportUsage } from './failure.ts';
import { addProgramOptions, addSharedOptions, configure } from './shared-options.ts';

const groups: readonly (readonly [string, readonly ((program: Command) => void)[]])[] = [
  ['Run:', [addUp, addAgent, addServe, addToken]],
  ['Tasks:', [addSubmit, addTasks, addTask, addExplain, addCancel, addRetry]],
  ['Votes:', [addPropose, addVote, addProposals, addProposal]],
  ['Fleet:', [addStatus, addAgents, addElect, addDrain, addResume, addRemove, addEvents]],
  ['Look inside:', [addDoctor, addReplay, addVerify, addDecode, addGraph]],
  ['Set up:', [addConfig, addCompletion]],
];

/** Runs one command. Never throws: whatever goes wrong has been said, and the code tells. */
export async function runCommandLine(words: readonly string[]): Promise<ExitCode> {
  const isJson = words.includes('--json');
  const program = programOf(isJson);
  process.exitCode = exitCodes.ok;
  try {
    await program.parseAsync(words, { from: 'user' });
    return chosenCode();
  } catch (error) {
    return reportFailure(error, isJson);
  }
}

/** What the command has set. */
function chosenCode(): ExitCode {
  return Object.values(exitCodes).find((each) => each === process.exitCode) ?? exitCodes.failed;
}

function programOf(isJson: boolean): Command {
  const program = new Command('conclave')
    .description(
      'Coordinates fleets of agents on NATS: who leads, what is decided, which agent runs which task.',
    )
    .version(VERSION)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: (text) => reportUsage(text, isJson) })
    .configureHelp({ sortOptions: false, showGlobalOptions: false })
    .hook('preAction', (_program, command) => configure(command));
  addProgramOptions(program);
  for (const [heading, commands] of groups) {
    program.commandsGroup(heading);
    for (const add of commands) add(program);
  }
  program.helpCommand('help [command]', 'show the help of a command');
  for (const command of program.commands) command.addHelpText('after', exampleText(command.name()));
  addSharedOptions(program);
  const codes = exitCodeMeanings.map(([code, meaning]) => `  ${code}  ${meaning}`).join('\n');
  return program.addHelpText('after', `\nExit codes:\n${codes}\n\nStart here: conclave up`);
}
