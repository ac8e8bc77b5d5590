/** Reads the documents, for the tests that hold them to the code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');

export function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

const isRule = (line: string | undefined): boolean =>
  /^\|[-| ]+\|$/.test(line ?? '') && line?.includes('-') === true;

/** Every row of every table, cells trimmed, without headings. */
export function tableRows(text: string): string[][] {
  const lines = text.split('\n');
  return lines
    .filter((line, i) => line.startsWith('|') && !isRule(line) && !isRule(lines[i + 1]))
    .map((line) =>
      line
        .replace(/^\||\|$/g, '')
        .split('|')
        .map((cell) => cell.trim()),
    );
}

/** The word of a cell that is code; null when it is something else. */
export function codeIn(cell: string | undefined): string | null {
  return /^`([^`]+)`$/.exec(cell ?? '')?.[1] ?? null;
}

/** Heading → the fenced blocks of a language below it. */
export function blocksByHeading(text: string, language: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const part of text.split(/^#+ /m).slice(1)) {
    const heading = part.slice(0, part.indexOf('\n')).trim();
    const fences = part.matchAll(new RegExp('^```' + language + '\\n([\\s\\S]*?)^```$', 'gm'));
    found.set(
      heading,
      [...fences].map((fence) => fence[1] ?? ''),
    );
  }
  return found;
}
