/** The conformance suites on a real nats-server. */
import { withServer } from '../support/nats-server.ts';
import { busSuite } from './bus.suite.ts';
import { clockSuite } from './clock.suite.ts';
import { ledgerSuite } from './ledger.suite.ts';
import { makeNatsWorld } from './nats-world.ts';
import { purgeSuite } from './purge.suite.ts';
import { snapshotSuite } from './snapshot.suite.ts';

const server = withServer();
const makeWorld = () => makeNatsWorld(server());

clockSuite(makeWorld);
busSuite(makeWorld);
ledgerSuite(makeWorld);
purgeSuite(makeWorld);
snapshotSuite(makeWorld);
