/** `conclave graph`: the statecharts, drawn from the code that runs. */
import type { Command } from 'commander';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { invalidField } from '../../domain/errors.ts';
import { makeFolder } from '../../nats/make-folder.ts';
import { printAnswer } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { codeOf, oneOf } from '../values.ts';

const chartNames = ['agent', 'coordinator', 'election', 'member', 'proposal', 'task'] as const;
type ChartName = (typeof chartNames)[number];
const formats = ['mermaid', 'json'] as const;
type Format = (typeof formats)[number];
const endings: Readonly<Record<Format, string>> = { mermaid: 'mmd', json: 'json' };

interface Options {
  readonly format?: Format;
  readonly dir?: string;
}

export function addGraph(program: Command): void {
  program
    .command('graph')
    .description('draw a statechart, as Mermaid or JSON')
    .argument(
      '[chart]',
      `one of ${chartNames.join(', ')}; all of them with --dir`,
      oneOf('chart', chartNames),
    )
    .option(
      '--format <format>',
      `${formats.join(' or ')} (default: mermaid, with --json: json)`,
      oneOf('format', formats),
    )
    .option('--dir <folder>', 'write files there, and print their names')
    .action(graph);
}

async function graph(chart: ChartName | undefined, options: Options, command: Command): Promise<void> {
  const { isJson } = sharedOptionsOf(command);
  const { format = isJson ? 'json' : 'mermaid', dir } = options;
  if (dir !== undefined) {
    const files = await written(chart === undefined ? chartNames : [chart], format, dir);
    printAnswer(isJson, { files }, () => files.join('\n'));
    return;
  }
  if (chart === undefined) throw invalidField('chart', `must be one of ${chartNames.join(', ')}`);
  process.stdout.write(await drawn(chart, format));
}

async function written(charts: readonly ChartName[], format: Format, dir: string): Promise<string[]> {
  const files: string[] = [];
  for (const chart of charts) {
    const file = join(dir, `${chart}.${endings[format]}`);
    const text = await drawn(chart, format);
    try {
      makeFolder(dir);
      writeFileSync(file, text);
    } catch (error) {
      throw invalidField('dir', `must be a folder that can be written to (${codeOf(error)})`, error);
    }
    files.push(file);
  }
  return files;
}

async function drawn(name: ChartName, format: Format): Promise<string> {
  const { charts } = await import('../charts.ts');
  const { chartOf, mermaidOf } = await import('../chart-graph.ts');
  const chart = chartOf(charts[name]);
  return format === 'json' ? `${JSON.stringify(chart, null, 2)}\n` : mermaidOf(chart);
}
