/**
 * The scratch folder with what the hunt must find: the EICAR test string, a file whose hash is in the indicator
 * list, and an innocent file that the list names falsely. The only folder in which anything is moved.
 */
import { mkdir, mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eicarString } from './evidence.ts';

export interface Planted {
  /** Real path, without symbolic links; holds everything that follows, the quarantine and the agents' log. */
  readonly folder: string;
  /** The part of it that is hunted through. */
  readonly hunted: string;
  readonly eicar: string;
  readonly sample: string;
  readonly innocent: string;
}

/** Its SHA-256 stands in indicators.txt. */
const sampleText = 'Conclave threat hunt: made-up malware, a line of harmless text.\n';
const innocentText = 'Nothing but a shopping list: tea, bread, pears.\n';

export async function plant(): Promise<Planted> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'conclave-hunt-')));
  const hunted = join(folder, 'home');
  const planted = {
    folder,
    hunted,
    eicar: join(hunted, 'downloads', 'eicar.com.txt'),
    sample: join(hunted, 'cache', 'update.bin'),
    innocent: join(hunted, 'documents', 'payroll-2031.xlsm.scr'),
  };
  for (const name of ['downloads', 'cache', 'documents'])
    await mkdir(join(hunted, name), { recursive: true });
  await writeFile(planted.eicar, eicarString());
  await writeFile(planted.sample, sampleText);
  await writeFile(planted.innocent, innocentText);
  return planted;
}
