/**
 * A scenario is a text file: its story in lines that begin with `#`, what is done in lines that begin with `> `, and
 * below each of those, further in, everything that came of it. What is done has a verb, whom it concerns, and options:
 * `> submit job ms=500 key=once`.
 */
import { assertNever } from '../../src/domain/assert.ts';

export interface Command {
  readonly verb: string;
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string>>;
}

export type Line =
  | { readonly kind: 'told'; readonly text: string }
  | { readonly kind: 'done'; readonly text: string; readonly command: Command };

const MARK = '> ';
const INDENT = '    ';

/** Without what came of it. */
export function linesIn(text: string): readonly Line[] {
  return text
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith(INDENT))
    .map((line) => {
      if (line.startsWith(MARK)) return { kind: 'done', text: line, command: commandIn(line) };
      if (line === '' || line.startsWith('#')) return { kind: 'told', text: line };
      throw new Error(`a line begins with "#", "${MARK}" or "${INDENT}": ${line}`);
    });
}

function commandIn(line: string): Command {
  const [verb = '', ...rest] = line.slice(MARK.length).split(' ');
  const options = rest.filter((word) => word.includes('=')).map((word) => word.split('=', 2));
  return { verb, words: rest.filter((word) => !word.includes('=')), options: Object.fromEntries(options) };
}

/** The file with what came of each thing that is done. */
export function textOf(lines: readonly Line[], came: ReadonlyMap<Line, readonly string[]>): string {
  const written = lines.flatMap((line) => {
    switch (line.kind) {
      case 'told':
        return [line.text];
      case 'done':
        return [line.text, ...(came.get(line) ?? []).map((each) => `${INDENT}${each}`)];
      default:
        return assertNever(line);
    }
  });
  return `${written.join('\n')}\n`;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };

/** `500ms`, `3s`, `-1h` in milliseconds. */
export function msOf(text: string | undefined): number {
  const found = /^(-?\d+)(ms|s|min|h)$/.exec(text ?? '');
  if (found === null) throw new Error(`a time is a number and ms, s, min or h: ${text ?? 'nothing'}`);
  return Number(found[1]) * (UNIT_MS[found[2] ?? ''] ?? NaN);
}

/** `5` is a number and `true` a truth; anything else stays a text. */
export const valueOf = (text: string): unknown =>
  /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text === 'true' || text === 'false' ? text === 'true' : text;
