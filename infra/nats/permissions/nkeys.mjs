#!/usr/bin/env node
/**
 * Makes an nkey for each name, as nats-server and `conclave --nkey` read them:
 *
 *   infra/nats/permissions/nkeys.mjs keys ada cas shop
 *
 * `keys/ada.nk` is the seed, for ada alone to read: it goes to where ada runs, and nowhere else. `keys/ada.pub` is the
 * public key, for `users.sh --nkeys keys`. A seed that is there is kept; to replace one, delete it first.
 */
import { Buffer } from 'node:buffer';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nkeys } from 'nats';

const [folder, ...names] = process.argv.slice(2);
if (folder === undefined || names.length === 0) fail('usage: nkeys.mjs <folder> <name> ...');
const wrong = names.find((name) => !/^[A-Za-z0-9_-]+$/.test(name));
if (wrong !== undefined) fail(`${wrong} is no name`);
mkdirSync(folder, { recursive: true, mode: 0o700 });
for (const name of names) {
  const pair = pairIn(join(folder, `${name}.nk`));
  writeFileSync(join(folder, `${name}.pub`), `${pair.getPublicKey()}\n`);
}

/** The one that the file holds; if there is none yet, a new one. */
function pairIn(file) {
  if (existsSync(file)) return nkeys.fromSeed(Buffer.from(readFileSync(file, 'utf8').trim()));
  const pair = nkeys.createUser();
  writeFileSync(file, `${Buffer.from(pair.getSeed()).toString()}\n`, { mode: 0o600, flag: 'wx' });
  return pair;
}

function fail(message) {
  process.stderr.write(`${process.argv[1]}: ${message}\n`);
  process.exit(2);
}
