/** Texts that were meant to be the path of a file and hold the secret itself: they must not get into a message. */

/** A PEM block or a credentials file, a seed (also one that was mistyped), the beginning of a JWT. */
const marks = /-----BEGIN|\n|S[A-Z2-7]{40,}|eyJ[\w-]{10,}/i;

export function looksSecret(text: string): boolean {
  return marks.test(text);
}
