/** The real Random: the operating system's generator, read a block at a time. */
import { randomFillSync } from 'node:crypto';
import type { Random } from '../ports.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** 62^22 is 131 bits. */
const ID_LENGTH = 22;
/** The largest multiple of 62 in a byte: what lies above would favour the first letters. */
const FAIR_BYTES = 248;

const block = new Uint8Array(1024);
let used = block.length;

export const realRandom: Random = {
  next: () => {
    let bits = 0;
    for (let i = 0; i < 6; i++) bits = bits * 256 + nextByte();
    return bits / 2 ** 48;
  },
  id: () => {
    let id = '';
    while (id.length < ID_LENGTH) {
      const byte = nextByte();
      if (byte < FAIR_BYTES) id += ALPHABET.charAt(byte % ALPHABET.length);
    }
    return id;
  },
};

function nextByte(): number {
  if (used === block.length) {
    randomFillSync(block);
    used = 0;
  }
  return block[used++] ?? 0;
}
