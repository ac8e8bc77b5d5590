/** One agent process of the hunt. Ends with its parent; SIGTERM and SIGINT make it leave the fleet first. */
import { readFile } from 'node:fs/promises';
import { joinFleet } from 'conclave';
import { handlersFor, judge } from './hunter.ts';
import { parseIndicators } from './indicators.ts';
import { dieWithParent, readOrders, tell } from './orders.ts';
import { readFinding } from './work.ts';

const orders = readOrders('agent');
dieWithParent();

const { servers, fleet, id, capabilities, priority, slots, scratch, indicatorsFile } = orders;
const indicators = parseIndicators(await readFile(indicatorsFile, 'utf8'));
const agent = await joinFleet({
  servers,
  fleet,
  id,
  capabilities,
  priority,
  slots,
  labels: { pid: String(process.pid) },
  tasks: handlersFor({ capabilities, indicators, scratch }),
  vote: (proposal) => judge(readFinding(proposal.data), indicators),
  // The account at the end is taken from the whole ledger: nothing of it may go.
  settings: {
    snapshotEntries: 1e9,
    snapshotBytes: 1e12,
    endedTasksMax: 900_000,
    endedTasksBytesMax: 1e12,
    keptBytesMax: 2e12,
  },
});
tell({ kind: 'ready' });
await agent.ended;
process.exit(0);
