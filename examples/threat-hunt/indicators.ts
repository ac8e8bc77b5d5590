/** The indicator list: hashes, which are proof, and file names, which are hints. Reads text, knows no files. */

export interface Indicators {
  /** SHA-256, lower-case hex → label. */
  readonly hashes: ReadonlyMap<string, string>;
  /** File name → label. */
  readonly names: ReadonlyMap<string, string>;
}

/** A line is `hash <sha256> <label>` or `name <file name> <label>`; `#` begins a comment. Throws on anything else. */
export function parseIndicators(text: string): Indicators {
  const hashes = new Map<string, string>();
  const names = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const [kind, value, label] = trimmed.split(/\s+/);
    if (kind === 'hash' && /^[0-9a-f]{64}$/.test(value ?? '') && label !== undefined)
      hashes.set(value ?? '', label);
    else if (kind === 'name' && value !== undefined && label !== undefined) names.set(value, label);
    else throw new Error(`indicator list, line ${index + 1}: not \`hash|name VALUE LABEL\`: ${trimmed}`);
  }
  return { hashes, names };
}
