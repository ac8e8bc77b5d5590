/** Every behaviour of a whole fleet that is written down, by topic. */
import { agents } from './agents.ts';
import { elections } from './elections.ts';
import { leaders } from './leaders.ts';
import { proposals } from './proposals.ts';
import type { Behaviours } from './stage.ts';
import { tasks } from './tasks.ts';

export const topics: Readonly<Record<string, Behaviours>> = { elections, leaders, agents, tasks, proposals };
export const behaviours: Behaviours = { ...elections, ...leaders, ...agents, ...tasks, ...proposals };
