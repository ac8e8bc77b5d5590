/** A bar on the terminal while many things are waited for; nothing where nobody looks. */
import { SingleBar } from 'cli-progress';

export interface Progress {
  step(): void;
  end(): void;
}

export function progressOf(options: { readonly total: number; readonly isQuiet: boolean }): Progress {
  if (options.isQuiet || !process.stderr.isTTY) return { step: () => undefined, end: () => undefined };
  const bar = new SingleBar({
    stream: process.stderr,
    format: '{bar} {value}/{total}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    clearOnComplete: true,
  });
  bar.start(options.total, 0);
  return {
    step: () => {
      bar.increment();
    },
    end: () => {
      bar.stop();
    },
  };
}
