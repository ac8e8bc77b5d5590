/**
 * A fleet of real processes under faults of every kind. Plain `make test` runs a short form under a seed of its own;
 * `make chaos MINUTES=n` runs a long one, and writes docs/chaos.md. `SEED=n` repeats a schedule.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { root, tableRows, textOf as documentAt } from '../support/docs.ts';
import { binary } from '../support/nats-server.ts';
import { launch } from './launch.ts';
import { isLeaderInTime, pageOf, problemsOf, textOf, type Report } from './report.ts';

const asked = Number(process.env['CHAOS_MINUTES'] ?? 0);
const isLong = asked > 0;
const minutes = isLong ? asked : 1.25;
const seed = process.env['SEED'] || String(Date.now() % 1_000_000);
const tasksPerSecond = Number(process.env['TASKS_PER_SECOND'] ?? 500);

test(
  'a fleet under faults of every kind loses nothing that it acknowledged, and recovers by itself',
  async () => {
    process.stdout.write(`SEED=${seed}\n`);
    const report = await launch({ seed, minutes, tasksPerSecond, isModest: !isLong, binary });
    process.stdout.write(textOf(report));
    if (report.loopbackBecause !== null)
      process.stdout.write(`SKIPPED: cuts between servers and full disks: ${report.loopbackBecause}\n`);
    if (isLong) await writePage(report);
    expect(problemsOf(report)).toEqual([]);
    // A busy machine says nothing about how long it takes.
    if (isLong) expect(isLeaderInTime(report)).toBe(true);
  },
  minutes * 60_000 + 1_500_000,
);

/** Laid out as `make check` wants it. */
async function writePage(report: Report): Promise<void> {
  const path = join(root, 'docs', 'chaos.md');
  writeFileSync(
    path,
    await format(pageOf(report, tableRows(documentAt('docs/fault-table.md'))), {
      ...(await resolveConfig(path)),
      filepath: path,
    }),
  );
}
