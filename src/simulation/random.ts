/**
 * Chance under a seed: sfc32 (Chris Doty-Humphrey, PractRand), seeded from a string by xmur3.
 * A fork depends on the seed and its own label only, never on what was drawn before: one more draw in one
 * place shifts nothing elsewhere, so a changed test still meets the same faults.
 */
import type { Random } from '../ports.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const ID_LENGTH = 16;

export class SeededRandom implements Random {
  readonly #seed: string;
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  constructor(seed: string | number) {
    this.#seed = String(seed);
    const word = wordsOf(this.#seed);
    this.#a = word();
    this.#b = word();
    this.#c = word();
    for (let round = 0; round < 12; round += 1) this.next();
  }

  /** A generator of its own for one concern. The same label gives the same numbers. */
  fork(label: string): SeededRandom {
    return new SeededRandom(`${this.#seed}/${label}`);
  }

  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  within(range: Range): number {
    return range.min + (range.max - range.min) * this.next();
  }

  id(): string {
    let id = '';
    while (id.length < ID_LENGTH) id += LETTERS.charAt(this.below(LETTERS.length));
    return id;
  }
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

function wordsOf(seed: string): () => number {
  let hash = 1779033703 ^ seed.length;
  for (let place = 0; place < seed.length; place += 1) {
    hash = Math.imul(hash ^ seed.charCodeAt(place), 3432918353);
    hash = (hash << 13) | (hash >>> 19);
  }
  return () => {
    hash = Math.imul(hash ^ (hash >>> 16), 2246822507);
    hash = Math.imul(hash ^ (hash >>> 13), 3266489909);
    hash ^= hash >>> 16;
    return hash | 0;
  };
}
