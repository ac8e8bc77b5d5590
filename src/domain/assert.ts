/** Broken invariants. They stay on in production: an actor that fails one stops, and its node replays. */

export class InvariantBroken extends Error {
  override readonly name = 'InvariantBroken';
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantBroken(message);
}

/** Closes a switch over a union: a new member without a case does not compile. */
export function assertNever(value: never): never {
  throw new InvariantBroken(`unexpected value ${JSON.stringify(value)}`);
}

/** A value that an invariant says is there. */
export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new InvariantBroken(`${what} is missing`);
  return value;
}
