/** A real nats-server that is older than what Conclave works on is refused, in words that say what to do. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectFleet, joinFleet } from '../../src/index.ts';
import { oldestVersion, wantedVersion } from '../../src/nats/server-version.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { conclave } from '../support/command.ts';
import { olderServer } from '../support/older-servers.ts';
import { startRawServer, type RawServer } from '../support/raw-server.ts';

/** A process of its own, on a machine that may be busy. */
vi.setConfig({ testTimeout: 60_000 });

const program = olderServer('CONCLAVE_TOO_OLD_NATS_SERVER');

describe.skipIf(program === undefined)('a server below the minimum', () => {
  let server: RawServer;
  beforeAll(async () => {
    server = await startRawServer('jetstream { store_dir: "$FOLDER/js" }', {}, program);
  });
  afterAll(() => server.stop());

  test('is refused to an agent, a client and the command, with its version and the one that is needed', async () => {
    const where = { servers: server.url, log: silentLog };
    const needed = `and the ledger needs ${oldestVersion} or newer; upgrade it, best to ${wantedVersion} or newer`;
    const refusal = {
      code: 'NATS_TOO_OLD',
      message: expect.stringMatching(/^the NATS server at nats:\S+ has version 2\.\d\.\d+, /),
    };
    await expect(connectFleet(where)).rejects.toMatchObject(refusal);
    await expect(joinFleet({ ...where, id: 'ada' })).rejects.toMatchObject(refusal);
    const { exitCode, stderr } = await conclave(['status', '--servers', server.url]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 3, stderr: expect.stringContaining(needed) });
  });
});
