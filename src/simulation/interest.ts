/**
 * Who subscribes to what, by subject. `*` stands for one token, `>` at the end for one or more.
 * Exact subjects and patterns that end in their only wildcard (`a.b.*`, what most code uses) are found by
 * name; others one by one.
 */

export interface Interested {
  /** Order of subscribing; who came first hears first. */
  readonly number: number;
  readonly subject: string;
}

export function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const tokens = subject.split('.');
  for (const [place, want] of wanted.entries()) {
    if (place >= tokens.length) return false;
    if (want === '>') return true;
    if (want !== '*' && want !== tokens[place]) return false;
  }
  return wanted.length === tokens.length;
}

export class Interest<T extends Interested> {
  readonly #exact = new Map<string, T[]>();
  /** By what stands before the last token. */
  readonly #lastToken = new Map<string, T[]>();
  #others: T[] = [];

  add(one: T): void {
    const place = placeOf(one.subject);
    if (place === null) this.#others.push(one);
    else push(this.#named(place), place.name, one);
  }

  remove(one: T): void {
    const place = placeOf(one.subject);
    if (place === null) this.#others = this.#others.filter((other) => other !== one);
    else take(this.#named(place), place.name, one);
  }

  /** In order of subscribing. Not to be changed. */
  match(subject: string): readonly T[] {
    const exact = this.#exact.get(subject) ?? [];
    const lastToken = this.#lastToken.get(prefixOf(subject)) ?? [];
    const others =
      this.#others.length === 0 ? [] : this.#others.filter((one) => matches(one.subject, subject));
    if (lastToken.length === 0 && others.length === 0) return exact;
    if (exact.length === 0 && others.length === 0) return lastToken;
    return [...exact, ...lastToken, ...others].sort((a, b) => a.number - b.number);
  }

  #named(place: Place): Map<string, T[]> {
    return place.isExact ? this.#exact : this.#lastToken;
  }
}

interface Place {
  readonly isExact: boolean;
  readonly name: string;
}

/** null: neither exact nor ending in its only wildcard. */
function placeOf(pattern: string): Place | null {
  if (!pattern.includes('*') && !pattern.includes('>')) return { isExact: true, name: pattern };
  const name = prefixOf(pattern);
  if (pattern !== `${name}.*` || name.includes('*')) return null;
  return { isExact: false, name };
}

function prefixOf(subject: string): string {
  return subject.slice(0, Math.max(0, subject.lastIndexOf('.')));
}

function push<T>(lists: Map<string, T[]>, name: string, one: T): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [one]);
  else lists.set(name, [...list, one]);
}

function take<T>(lists: Map<string, T[]>, name: string, one: T): void {
  const left = (lists.get(name) ?? []).filter((other) => other !== one);
  if (left.length === 0) lists.delete(name);
  else lists.set(name, left);
}
