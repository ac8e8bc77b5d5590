/** Things that must not be, counted, with the first few of them in words. */

export interface Check {
  readonly name: string;
  /** How many were found. */
  readonly found: number;
  /** The first of them. */
  readonly evidence: readonly string[];
}

const EVIDENCE_MAX = 10;

export class Finding {
  readonly #name: string;
  readonly #evidence: string[] = [];
  #found = 0;

  constructor(name: string) {
    this.#name = name;
  }

  note(what: string): void {
    this.#found += 1;
    if (this.#evidence.length < EVIDENCE_MAX) this.#evidence.push(what);
  }

  check(): Check {
    return { name: this.#name, found: this.#found, evidence: this.#evidence };
  }
}
