/**
 * Where the processes of a run stand, and what lies between them: each in a network namespace of its own, joined by a
 * bridge, or all on the loopback of this machine. Namespaces are made inside those that this process was started in
 * (isolation.ts), so nothing of the machine is touched, and all of it is gone with this process.
 */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Place {
  readonly name: string;
  readonly address: string;
  /** Words in front of a command line that start it there. */
  readonly within: readonly string[];
}

export interface Ground {
  place(name: string): Promise<Place>;
  /** A folder for the files of one place: a small disk of its own where it can be filled. */
  disk(name: string): Promise<string>;
  /** Nothing but the loopback: links and disks cannot be harmed. */
  readonly links: Links | null;
}

/** What can be done to the network and the disks. Each deed is undone by what it returns. */
export interface Links {
  /** What the first sends to the second is dropped where it is sent. */
  block(from: Place, to: Place): Promise<Undo>;
  /** The cable is pulled. */
  unplug(place: Place): Promise<Undo>;
  /** Not a byte more goes onto its disk. */
  fill(disk: string): Promise<Undo>;
}

export type Undo = () => Promise<void>;

const run = promisify(execFile);
const ip = async (...words: readonly string[]): Promise<void> => {
  await run('ip', words);
};

const HUB = 'hub';
const NETWORK = '10.77.0';
const DISK_BYTES = 384 * 1024 ** 2;

/** In namespaces that are this process's own; `/run` is overlaid, for what `ip` keeps there. */
export async function prepareNamespaces(): Promise<Ground> {
  await run('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  await ip('link', 'set', 'lo', 'up');
  await ip('link', 'add', HUB, 'type', 'bridge');
  await ip('address', 'add', `${NETWORK}.1/24`, 'dev', HUB);
  await ip('link', 'set', HUB, 'up');
  let host = 1;
  const place = async (name: string): Promise<Place> => {
    host += 1;
    const address = `${NETWORK}.${host}`;
    await ip('netns', 'add', name);
    await ip('link', 'add', cableOf(name), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    await ip('link', 'set', cableOf(name), 'master', HUB, 'up');
    await ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0');
    await ip('-n', name, 'link', 'set', 'eth0', 'up');
    await ip('-n', name, 'link', 'set', 'lo', 'up');
    return { name, address, within: ['nsenter', `--net=/run/netns/${name}`] };
  };
  const disk = async (name: string): Promise<string> => {
    const folder = `/run/disk-${name}`;
    mkdirSync(folder);
    await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', folder]);
    return folder;
  };
  return { place, disk, links: { block, unplug, fill } };
}

export function prepareLoopback(folder: string): Ground {
  return {
    place: (name) => Promise.resolve({ name, address: '127.0.0.1', within: [] }),
    disk: (name) => {
      const disk = join(folder, `disk-${name}`);
      mkdirSync(disk);
      return Promise.resolve(disk);
    },
    links: null,
  };
}

/** The end of its cable at the hub. */
const cableOf = (name: string): string => `to-${name}`;

async function block(from: Place, to: Place): Promise<Undo> {
  const route = ['blackhole', `${to.address}/32`];
  await ip('-n', from.name, 'route', 'add', ...route);
  return () => ip('-n', from.name, 'route', 'delete', ...route);
}

async function unplug({ name }: Place): Promise<Undo> {
  await ip('link', 'set', cableOf(name), 'down');
  return () => ip('link', 'set', cableOf(name), 'up');
}

async function fill(disk: string): Promise<Undo> {
  const path = join(disk, 'ballast');
  const file = await open(path, 'w');
  for (const size of [16 * 1024 ** 2, 64 * 1024, 4096]) {
    const piece = Buffer.alloc(size);
    while (await file.write(piece).then(({ bytesWritten }) => bytesWritten === size, isNoRoom));
  }
  await file.close();
  return () => rm(path);
}

function isNoRoom(error: unknown): false {
  if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
  throw error;
}
