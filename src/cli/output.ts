/** Printing: text and tables for people, JSON for programs. Answers go to standard output, remarks to standard error. */
import Table from 'cli-table3';
import picocolors from 'picocolors';
import { hasColors } from './environment.ts';
import { plainLine, plainText } from './plain-text.ts';

const isColored = hasColors(process.stdout);
export const colors = picocolors.createColors(isColored);

/** One answer: the document with --json, else the text. */
export function printAnswer(isJson: boolean, document: unknown, text: () => string): void {
  process.stdout.write(`${isJson ? JSON.stringify(document, null, 2) : plainText(text(), isColored)}\n`);
}

/** One item of a stream: a line either way. */
export function printItem(isJson: boolean, item: unknown, text: () => string): void {
  process.stdout.write(`${isJson ? JSON.stringify(item) : plainText(text(), isColored)}\n`);
}

/** For people only; not part of the answer. */
export function remark(text: string): void {
  process.stderr.write(`${plainText(text, isColored)}\n`);
}

export type Cell = string | number | boolean | null | undefined;

const noBorders = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};
const style = { 'padding-left': 0, 'padding-right': 0, head: [], border: [] };

/** Columns under their titles; missing values as a dash. */
export function tableOf(titles: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const table = new Table({ head: titles.map((title) => colors.bold(title)), chars: noBorders, style });
  for (const row of rows) table.push(row.map(shown));
  return trimmed(table.toString());
}

/** Names and values, a pair a line. */
export function factsOf(facts: readonly (readonly [string, Cell])[]): string {
  const table = new Table({ chars: noBorders, style });
  for (const [title, value] of facts) table.push([colors.bold(title), shown(value)]);
  return trimmed(table.toString());
}

function shown(value: Cell): string {
  return value === null || value === undefined || value === '' ? '–' : plainLine(String(value), isColored);
}

function trimmed(text: string): string {
  return text.replaceAll(/[ \t]+$/gm, '');
}

export function clipped(text: string, width: number): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length <= width ? line : `${line.slice(0, width - 1)}…`;
}

/** A value in a table's cell. */
export function brief(value: unknown, width = 48): string {
  return value === undefined || value === null ? '' : clipped(JSON.stringify(value), width);
}

/** `3 completed, 1 failed`: the counts that are not zero. */
export function countsOf(counts: Readonly<Record<string, number>>): string {
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  return some.length === 0 ? 'none' : some.map(([what, count]) => `${count} ${what}`).join(', ');
}

/** How to see the page behind this one. */
export function onward(next: string | null): string {
  return next === null ? '' : `\nmore with --cursor ${next}`;
}

/** To two places, without zeros at the end. */
export function rounded(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** `40 %` */
export function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}

/** `350 ms`, `12.5 s`, `3 min`, `2 h`, `4 d`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

/** `now`: another moment than this one, for what is shown as it was then. */
export function ago(at: number, now = Date.now()): string {
  return `${duration(now - at)} ago`;
}
