/**
 * The demo: five agent processes hunt threats through a directory tree, their leader is killed on the way, and no
 * work is lost. Prints a report, and as its last line one JSON object. Exits with 1 if anything was lost or wrong,
 * 2 on bad usage, 130 when interrupted. Reads files and changes none outside its scratch folder.
 */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { settle } from './account.ts';
import { cutIntoTasks, type Cut } from './cut.ts';
import { FailOverWatch } from './fail-over.ts';
import { Hunt } from './hunt.ts';
import { machineNow } from './machine-clock.ts';
import { readOptions, usage, type Options } from './options.ts';
import { progressView } from './progress.ts';
import { complaintsOf, reportOf, summaryOf, type Facts } from './report.ts';
import { lookAgain, writeHashes } from './second-look.ts';
import { Stage } from './stage.ts';

const deadlineMs = 170_000;
/** The leader dies when this share of the tasks is completed. */
const killAt = 0.3;
/** Files whose hash is computed again here. */
const sampleSize = 200;
const openShownMax = 20;

const startedAt = machineNow();
const startedOn = new Date();
const projectFolder = dirname(fileURLToPath(import.meta.resolve('conclave/package.json')));
const view = progressView(process.stdout);

const code = await main();
// After a failure, calls that nobody waits for any more must not hold us up.
if (code === 0) process.exitCode = 0;
else process.exit(code);

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2), projectFolder);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usage}`);
    return 2;
  }
  const interrupted = new AbortController();
  // Not once: some send a signal twice, and the second must not end us in the middle of cleaning up.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      interrupted.abort(new Error(`interrupted by ${signal}`));
    });
  }
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort(new Error(`not done within ${deadlineMs / 1_000} s`));
  }, deadlineMs);
  try {
    return await demonstrate(options, AbortSignal.any([interrupted.signal, late.signal]));
  } catch (error) {
    process.stderr.write(`threat-hunt: ${messageOf(error)}\n`);
    return interrupted.signal.aborted ? 130 : 1;
  } finally {
    clearTimeout(timer);
  }
}

async function demonstrate(options: Options, signal: AbortSignal): Promise<number> {
  if (!(await isDirectory(options.dir))) throw new Error(`${options.dir} is not a directory`);
  const stage = await Stage.open({
    natsServer: process.env['CONCLAVE_NATS_SERVER'],
    indicatorsFile: join(projectFolder, 'examples', 'threat-hunt', 'indicators.txt'),
    keep: options.keep,
    signal,
  });
  try {
    const facts = await hunt(options, stage, signal);
    print(facts);
    if (options.keep) console.log(`  kept       ${stage.planted.folder}`);
    console.log(JSON.stringify(summaryOf(facts)));
    return complaintsOf(facts).length === 0 ? 0 : 1;
  } catch (error) {
    if (!signal.aborted) process.stderr.write(await stage.lastWords());
    throw error;
  } finally {
    view.close();
    await stage.close();
  }
}

async function hunt(options: Options, stage: Stage, signal: AbortSignal): Promise<Facts> {
  const { fleet, planted } = stage;
  const cut = await cutBoth(options.dir, stage);
  view.say(`hunting through ${cut.files} files in ${options.dir}`);
  const client = new Hunt({ fleet, scratch: planted.folder, onProgress: (progress) => view.show(progress) });
  const watch = new FailOverWatch(fleet, () => announceLeader(stage));
  await stage.sendAssassin(Math.ceil(2 * cut.works.length * killAt), signal);
  await unlessAborted(client.run(cut.works), signal).catch((error: unknown) => {
    throw new Error([messageOf(error), 'still open:', ...client.stillOpen(openShownMax)].join('\n  '), {
      cause: error,
    });
  });
  view.close();
  await unlessAborted(stage.dismiss(), signal);
  const { account, history } = await unlessAborted(settle(stage.address), signal);
  if (options.hashes !== null) await writeHashes(options.hashes, account.hashed);
  return {
    dir: options.dir,
    scratch: planted.folder,
    cut,
    account,
    history,
    acknowledged: client.acknowledged,
    told: client.outcomes,
    verdicts: client.verdicts,
    kill: stage.kill,
    failOverMs: watch.failOverMs(stage.kill),
    secondLook: await lookAgain(account.hashed, { count: sampleSize, since: startedOn }),
    isInnocentThere: await isThere(planted.innocent),
    seconds: (machineNow() - startedAt) / 1_000,
  };
}

/** The tree and the scratch folder, whose tasks stand among the others. */
async function cutBoth(dir: string, stage: Stage): Promise<Cut> {
  const { folder, hunted } = stage.planted;
  const tree = await cutIntoTasks(dir, { except: [folder, stage.server.storeDir] });
  const scratch = await cutIntoTasks(hunted, { except: [] });
  const works = [...tree.works];
  for (const [index, work] of scratch.works.entries()) {
    works.splice(Math.floor(((index + 1) * works.length) / (scratch.works.length + 1)), 0, work);
  }
  return {
    works,
    directories: tree.directories + scratch.directories,
    files: tree.files + scratch.files,
    skipped: [...tree.skipped, ...scratch.skipped],
    symbolicLinks: tree.symbolicLinks + scratch.symbolicLinks,
  };
}

/** For people only: the report has it from the ledger. */
function announceLeader({ fleet }: Stage): void {
  const say = ({ leader, term }: { leader: string | null; term: number }): void => {
    view.say(`${leader ?? 'nobody'} leads, term ${term}`);
  };
  fleet.status().then(say, () => undefined);
}

function print(facts: Facts): void {
  const complaints = complaintsOf(facts);
  console.log(`\nThreat hunt, ${facts.seconds.toFixed(1)} s\n${reportOf(facts)}`);
  for (const complaint of complaints) console.log(`  WRONG      ${complaint}`);
}

/** The promise, or the signal's reason, whichever comes first. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const listening = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true, signal: listening.signal });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    listening.abort();
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
