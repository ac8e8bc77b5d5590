/**
 * Reads plain data whose shape is not known to be right: a list of fields one after another, or an object's by name.
 * What does not fit is refused as `LEDGER_BROKEN`, and says which field of what.
 */
import { ConclaveError } from './errors.ts';

export function broken(what: string): ConclaveError {
  return new ConclaveError('LEDGER_BROKEN', `the snapshot cannot be read: ${what}`);
}

export class Fields {
  readonly #values: readonly unknown[];
  readonly #what: string;
  readonly #names: readonly string[] | null;
  #next = 0;

  private constructor(values: readonly unknown[], what: string, names: readonly string[] | null) {
    this.#values = values;
    this.#what = what;
    this.#names = names;
  }

  /** Of a list of exactly so many. */
  static row(value: unknown, length: number, what: string): Fields {
    if (!Array.isArray(value)) throw broken(`${what} is no list`);
    if (value.length !== length) throw broken(`${what} has ${value.length} fields, not ${length}`);
    return new Fields(value, what, null);
  }

  /** Of an object, in the order of the names. Fields that it has besides are not looked at. */
  static named(value: unknown, names: readonly string[], what: string): Fields {
    if (!isRecord(value)) throw broken(`${what} is no object`);
    return new Fields(
      names.map((name) => value[name]),
      what,
      names,
    );
  }

  any(): unknown {
    return this.#values[this.#next++];
  }

  text(): string {
    const value = this.any();
    return typeof value === 'string' ? value : this.#refuse('a text');
  }

  textOrNull(): string | null {
    const value = this.any();
    return value === null || typeof value === 'string' ? value : this.#refuse('a text or null');
  }

  number(): number {
    const value = this.any();
    return typeof value === 'number' && Number.isFinite(value) ? value : this.#refuse('a number');
  }

  numberOrNull(): number | null {
    const value = this.any();
    return value === null ? null : this.#again().number();
  }

  /** A whole number from 0. */
  count(): number {
    const value = this.any();
    return Number.isSafeInteger(value) && (value as number) >= 0
      ? (value as number)
      : this.#refuse('a count');
  }

  flag(): boolean {
    const value = this.any();
    return typeof value === 'boolean' ? value : this.#refuse('true or false');
  }

  oneOf<T extends string>(names: readonly T[]): T {
    const value = this.any();
    return names.find((name) => name === value) ?? this.#refuse(`one of ${names.join(', ')}`);
  }

  list<T>(read: (item: unknown) => T): T[] {
    const value = this.any();
    return Array.isArray(value) ? value.map(read) : this.#refuse('a list');
  }

  texts<T extends string>(): T[] {
    return this.list((item) => {
      if (typeof item !== 'string') return this.#refuse('a list of texts');
      return item as T;
    });
  }

  /** By name. */
  entries<T>(read: (value: unknown, name: string) => T): Record<string, T> {
    const value = this.any();
    if (!isRecord(value)) return this.#refuse('an object');
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, read(each, name)]));
  }

  orNull<T>(read: (value: unknown) => T): T | null {
    const value = this.any();
    return value === null ? null : read(value);
  }

  #again(): this {
    this.#next -= 1;
    return this;
  }

  #refuse(wanted: string): never {
    const at = this.#next - 1;
    throw broken(`field ${this.#names?.[at] ?? at} of ${this.#what} is not ${wanted}`);
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
