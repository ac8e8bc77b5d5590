/**
 * A disk whose power a test can cut: an ext4 file system in a file of its own. What was not synced before the cut is
 * lost, as the file system itself has it, and its journal is replayed when the power is back. Needs root on Linux.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface PoweredDisk {
  readonly folder: string;
  /** Writes out what is only in memory so far. */
  sync(): void;
  /** Off and on again. Whoever has files open there must have ended. */
  cutPower(): void;
  stop(): Promise<void>;
}

/** EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH, of the kernel's fs/ext4/ext4.h: nothing more is written. */
const shutDown = 'my $how = pack("I", 2); ioctl(STDIN, 0x8004587d, $how) or die "$!\\n"';

/** `bytes`: of the whole file system; its file is sparse. */
export function makePoweredDisk(bytes = 128 * 1024 ** 2): PoweredDisk {
  const home = mkdtempSync(join(tmpdir(), 'conclave-disk-'));
  const folder = join(home, 'mount');
  let image = join(home, 'image');
  let isMounted = false;
  const mount = (): void => {
    run('mount', '-o', 'loop', image, folder);
    isMounted = true;
  };
  const stop = (): void => {
    if (isMounted) run('umount', '--lazy', folder);
    rmSync(home, { recursive: true });
  };
  // A test that ends in the middle leaves no mount behind.
  process.once('exit', stop);
  mkdirSync(folder);
  run('truncate', '--size', String(bytes), image);
  run('mkfs.ext4', '-q', image);
  mount();
  return {
    folder,
    sync: () => void run('sync', '--file-system', folder),
    cutPower: () => {
      const root = openSync(folder, 'r');
      execFileSync('perl', ['-e', shutDown], { stdio: [root, 'ignore', 'pipe'] });
      closeSync(root);
      // What is left of the old one may be held open by a namespace that was made meanwhile: go on with a copy.
      run('umount', '--lazy', folder);
      run('cp', '--sparse=always', image, `${image}+`);
      image = `${image}+`;
      mount();
    },
    stop: () => {
      process.off('exit', stop);
      stop();
      return Promise.resolve();
    },
  };
}

/** Why this machine cannot; null: it can. */
export function whyNoPoweredDisk(): string | null {
  try {
    const disk = makePoweredDisk(8 * 1024 ** 2);
    try {
      disk.cutPower();
    } finally {
      void disk.stop();
    }
    return null;
  } catch (error) {
    return `a file system that can be cut off needs root on Linux, mkfs.ext4 and perl: ${String(error)}`;
  }
}

function run(program: string, ...words: readonly string[]): Buffer {
  return execFileSync(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
}
