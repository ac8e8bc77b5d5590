/** The agents of a benchmark: processes that echo, the first of them the best, ended with this one. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What an agent says of itself when it is asked. */
export interface Usage {
  readonly id: string;
  readonly isLeader: boolean;
  readonly cpuMs: number;
  readonly residentBytes: number;
  /** What is left after a collection, where the agent may ask for one; see `canCollect`. */
  readonly heapBytes: number;
}

export interface Crew {
  usages(): Promise<readonly Usage[]>;
  end(): Promise<void>;
}

export interface CrewOptions {
  readonly servers: string;
  readonly fleet: string;
  readonly agents: number;
  /** Each agent collects its garbage before it says how large its heap is. Default false. */
  readonly canCollect?: boolean;
}

const program = fileURLToPath(new URL('./agent.js', import.meta.url));

/** Resolves when all have joined. */
export async function startCrew({ servers, fleet, agents, canCollect = false }: CrewOptions): Promise<Crew> {
  const children: ChildProcess[] = [];
  const end = async (): Promise<void> => {
    for (const child of children) {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    }
  };
  try {
    for (let i = 0; i < agents; i++) {
      const words = [servers, fleet, `agent_${i}`, String(agents - i)];
      const child = fork(program, words, { execArgv: canCollect ? ['--expose-gc'] : [] });
      children.push(child);
      await once(child, 'message');
    }
  } catch (error) {
    await end();
    throw error;
  }
  return { usages: () => Promise.all(children.map(usageOf)), end };
}

async function usageOf(child: ChildProcess): Promise<Usage> {
  const answered = once(child, 'message');
  child.send('usage');
  const [usage] = (await answered) as [Usage];
  return usage;
}
