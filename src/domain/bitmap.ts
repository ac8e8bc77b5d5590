/**
 * A set of small whole numbers that are dense and grow, like the ordinals of tasks: bits in chunks of 1,024, with a
 * count each, after the idea of roaring bitmaps (Chambi, Lemire, Kaser, Godin: "Better bitmap performance with
 * Roaring bitmaps", 2016). Several sets are intersected chunk by chunk; a skipped chunk costs a step when there is
 * one set, and 32 words when there are several.
 *
 * A chunk is there exactly if a bit of it is set.
 */

const CHUNK_BITS = 1024;
const WORD_BITS = 32;
const CHUNK_WORDS = CHUNK_BITS / WORD_BITS;

interface Chunk {
  readonly words: Uint32Array;
  count: number;
}

export interface Selection {
  /** Left out at the beginning. */
  readonly skip: number;
  /** At most so many. */
  readonly take: number;
  readonly order: 'ascending' | 'descending';
  /** Begins behind this number, in the order asked for; it need not be in the set. */
  readonly after?: number;
}

export class Bitmap {
  readonly #chunks = new Map<number, Chunk>();
  /** The chunk that was emptied last, to be used again: sets that hover around empty allocate nothing. */
  #spare: Chunk | null = null;
  #count = 0;
  /** No chunk is outside of these. */
  #first = Infinity;
  #last = -1;

  get count(): number {
    return this.#count;
  }

  has(number: number): boolean {
    const chunk = this.#chunks.get(chunkOf(number));
    return chunk !== undefined && ((chunk.words[wordOf(number)] as number) & maskOf(number)) !== 0;
  }

  set(number: number): void {
    const index = chunkOf(number);
    const chunk = this.#chunks.get(index) ?? this.#add(index);
    const word = wordOf(number);
    const before = chunk.words[word] as number;
    const mask = maskOf(number);
    if ((before & mask) !== 0) return;
    chunk.words[word] = before | mask;
    chunk.count += 1;
    this.#count += 1;
  }

  clear(number: number): void {
    const index = chunkOf(number);
    const chunk = this.#chunks.get(index);
    if (chunk === undefined) return;
    const word = wordOf(number);
    const before = chunk.words[word] as number;
    const mask = maskOf(number);
    if ((before & mask) === 0) return;
    chunk.words[word] = before & ~mask;
    chunk.count -= 1;
    this.#count -= 1;
    if (chunk.count === 0) this.#remove(index, chunk);
  }

  /** The smallest; null: empty. */
  first(): number | null {
    return select([this], { skip: 0, take: 1, order: 'ascending' })[0] ?? null;
  }

  /** For `select` and `countOf`. */
  chunk(index: number): Chunk | undefined {
    return this.#chunks.get(index);
  }

  /** The range that all chunks are in; the first is beyond the last when there is none. */
  bounds(): { readonly first: number; readonly last: number } {
    // Tightened here, not at each removal: the first chunks of the past empty one after the other.
    while (this.#first <= this.#last && !this.#chunks.has(this.#first)) this.#first += 1;
    while (this.#last >= this.#first && !this.#chunks.has(this.#last)) this.#last -= 1;
    return { first: this.#first, last: this.#last };
  }

  #add(index: number): Chunk {
    const chunk = this.#spare ?? { words: new Uint32Array(CHUNK_WORDS), count: 0 };
    this.#spare = null;
    this.#chunks.set(index, chunk);
    this.#first = Math.min(this.#first, index);
    this.#last = Math.max(this.#last, index);
    return chunk;
  }

  #remove(index: number, chunk: Chunk): void {
    this.#chunks.delete(index);
    this.#spare = chunk;
    if (this.#count > 0) return;
    this.#first = Infinity;
    this.#last = -1;
  }
}

/** Numbers that are in all of the sets. At least one set. */
export function select(sets: readonly Bitmap[], selection: Selection): number[] {
  const { take, order, after } = selection;
  const isUp = order === 'ascending';
  const found: number[] = [];
  let { skip } = selection;
  const { first, last } = boundsOf(sets, isUp, after);
  const step = isUp ? 1 : -1;
  for (let index = isUp ? first : last; index >= first && index <= last; index += step) {
    if (found.length >= take) break;
    const isCut = after !== undefined && index === chunkOf(after);
    const whole = isCut ? null : countIn(sets, index);
    if (whole !== null && skip >= whole) {
      skip -= whole;
      continue;
    }
    for (const number of numbersIn(sets, index, isUp)) {
      if (isCut && (isUp ? number <= after : number >= after)) continue;
      if (skip > 0) skip -= 1;
      else if (found.push(number) >= take) break;
    }
  }
  return found;
}

/** How many numbers are in all of the sets. At least one set. */
export function countOf(sets: readonly Bitmap[]): number {
  const [only] = sets;
  if (sets.length === 1 && only !== undefined) return only.count;
  let count = 0;
  const { first, last } = boundsOf(sets, true);
  for (let index = first; index <= last; index += 1) count += countIn(sets, index);
  return count;
}

/** Between which chunks a common number may be, behind `after`; the first is beyond the last when there is none. */
function boundsOf(
  sets: readonly Bitmap[],
  isUp: boolean,
  after?: number,
): { readonly first: number; readonly last: number } {
  let first = 0;
  let last = Infinity;
  for (const set of sets) {
    const bounds = set.bounds();
    first = Math.max(first, bounds.first);
    last = Math.min(last, bounds.last);
  }
  if (after !== undefined && isUp) first = Math.max(first, chunkOf(after));
  if (after !== undefined && !isUp) last = Math.min(last, chunkOf(after));
  return { first, last };
}

function countIn(sets: readonly Bitmap[], index: number): number {
  if (sets.length === 1) return sets[0]?.chunk(index)?.count ?? 0;
  const chunks = chunksIn(sets, index);
  if (chunks === null) return 0;
  // A full one takes nothing away from the others.
  const [one, two, ...others] = chunks.filter(({ count }) => count < CHUNK_BITS);
  if (one === undefined) return CHUNK_BITS;
  if (two === undefined) return one.count;
  let count = 0;
  for (let word = 0; word < CHUNK_WORDS; word += 1) {
    let bits = (one.words[word] as number) & (two.words[word] as number);
    for (const other of others) bits &= other.words[word] as number;
    count += bitsIn(bits);
  }
  return count;
}

function* numbersIn(sets: readonly Bitmap[], index: number, isUp: boolean): Iterable<number> {
  const chunks = chunksIn(sets, index);
  if (chunks === null) return;
  for (let step = 0; step < CHUNK_WORDS; step += 1) {
    const word = isUp ? step : CHUNK_WORDS - 1 - step;
    const base = index * CHUNK_BITS + word * WORD_BITS;
    let rest = -1;
    for (const { words } of chunks) rest &= words[word] as number;
    while (rest !== 0) {
      const bit = isUp ? lowestIn(rest) : highestIn(rest);
      rest &= ~(1 << bit);
      yield base + bit;
    }
  }
}

/** Null: one of the sets has none there. */
function chunksIn(sets: readonly Bitmap[], index: number): Chunk[] | null {
  const chunks: Chunk[] = [];
  for (const set of sets) {
    const chunk = set.chunk(index);
    if (chunk === undefined) return null;
    chunks.push(chunk);
  }
  return chunks;
}

function chunkOf(number: number): number {
  return Math.floor(number / CHUNK_BITS);
}

function wordOf(number: number): number {
  return (number % CHUNK_BITS) >>> 5;
}

function maskOf(number: number): number {
  return 1 << (number % WORD_BITS);
}

function lowestIn(word: number): number {
  return WORD_BITS - 1 - Math.clz32(word & -word);
}

function highestIn(word: number): number {
  return WORD_BITS - 1 - Math.clz32(word);
}

/** Set bits of a word: Warren, "Hacker's Delight", §5-1. */
function bitsIn(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
