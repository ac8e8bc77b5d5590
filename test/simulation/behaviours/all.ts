/** Every behaviour of a whole fleet that is written down, by topic. */
import { admissions } from './admissions.ts';
import { agents } from './agents.ts';
import { changes } from './changes.ts';
import { elections } from './elections.ts';
import { inboxes } from './inboxes.ts';
import { leaders } from './leaders.ts';
import { proposals } from './proposals.ts';
import { removals } from './removals.ts';
import { standbys } from './standbys.ts';
import type { Behaviours } from './stage.ts';
import { tasks } from './tasks.ts';

export const topics: Readonly<Record<string, Behaviours>> = {
  elections,
  leaders,
  standbys,
  agents,
  admissions,
  changes,
  inboxes,
  removals,
  tasks,
  proposals,
};
export const behaviours: Behaviours = Object.assign({}, ...Object.values(topics)) as Behaviours;
