/** The command line of the demo. */
import { parseArgs } from 'node:util';
import { join, resolve } from 'node:path';

export interface Options {
  /** Tree to hunt through. */
  readonly dir: string;
  /** Where to write all hashes, in the format of sha256sum; null: nowhere. */
  readonly hashes: string | null;
  /** Leave the scratch folder and the agents' log where they are. */
  readonly keep: boolean;
}

export const usage = `Usage: main.js [--dir DIR] [--hashes FILE] [--keep]

  --dir DIR      tree to hunt through (default: the project's node_modules)
  --hashes FILE  write the hash of every file, as sha256sum would
  --keep         leave the scratch folder and the agents' log behind
`;

/** Throws a TypeError for an option that does not exist. */
export function readOptions(args: readonly string[], projectFolder: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      dir: { type: 'string', default: join(projectFolder, 'node_modules') },
      hashes: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  });
  return {
    ...values,
    dir: resolve(values.dir),
    hashes: values.hashes === undefined ? null : resolve(values.hashes),
  };
}
