/**
 * Two binary heaps. `Heap` holds values and forgets nothing by itself: its user skips what is out of date when it
 * comes to the top, or says what stays. `KeyedHeap` holds one value per key and can replace or remove it.
 */

type Before<T> = (a: T, b: T) => boolean;

export class Heap<T> {
  #items: T[] = [];
  readonly #before: Before<T>;

  constructor(before: Before<T>) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    this.#items.push(item);
    siftUp(this.#items, this.#items.length - 1, this.#before);
  }

  pop(): T | undefined {
    const top = this.#items[0];
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return top;
    this.#items[0] = last;
    siftDown(this.#items, 0, this.#before);
    return top;
  }

  /** Lets go of all others. Looks at every item. */
  keep(stays: (item: T) => boolean): void {
    this.#items = this.#items.filter(stays);
    for (let i = (this.#items.length >> 1) - 1; i >= 0; i -= 1) siftDown(this.#items, i, this.#before);
  }
}

interface Keyed {
  readonly key: string;
}

export class KeyedHeap<T extends Keyed> {
  readonly #items: T[] = [];
  readonly #places = new Map<string, number>();
  readonly #before: Before<T>;
  readonly #moved = (item: T, place: number): void => {
    this.#places.set(item.key, place);
  };

  constructor(before: Before<T>) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  /** Puts the item in, in place of the one with the same key. */
  set(item: T): void {
    const place = this.#places.get(item.key) ?? this.#items.length;
    this.#items[place] = item;
    this.#places.set(item.key, place);
    this.#settle(place);
  }

  remove(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    const last = this.#items.pop();
    if (last === undefined || last.key === key) return;
    this.#items[place] = last;
    this.#places.set(last.key, place);
    this.#settle(place);
  }

  #settle(place: number): void {
    siftDown(this.#items, siftUp(this.#items, place, this.#before, this.#moved), this.#before, this.#moved);
  }
}

type Moved<T> = (item: T, place: number) => void;

function siftUp<T>(items: T[], from: number, before: Before<T>, moved?: Moved<T>): number {
  let place = from;
  const item = items[place] as T;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    const above = items[parent] as T;
    if (!before(item, above)) break;
    items[place] = above;
    moved?.(above, place);
    place = parent;
  }
  items[place] = item;
  moved?.(item, place);
  return place;
}

function siftDown<T>(items: T[], from: number, before: Before<T>, moved?: Moved<T>): void {
  let place = from;
  const item = items[place] as T;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= items.length) break;
    if (child + 1 < items.length && before(items[child + 1] as T, items[child] as T)) child += 1;
    const below = items[child] as T;
    if (!before(below, item)) break;
    items[place] = below;
    moved?.(below, place);
    place = child;
  }
  items[place] = item;
  moved?.(item, place);
}
