/** A bar on the terminal while many things are waited for; nothing where nobody looks. */
import { SingleBar } from 'cli-progress';

export interface Progress {
  step(): void;
  /** For who counts elsewhere: so many are done, of so many. */
  readonly show: (done: number, total: number) => void;
  end(): void;
}

const nothing: Progress = { step: () => undefined, show: () => undefined, end: () => undefined };

export function progressOf(options: {
  readonly total: number;
  readonly isQuiet: boolean;
  /** What is counted. */
  readonly of?: string;
}): Progress {
  if (options.isQuiet || !process.stderr.isTTY) return nothing;
  const bar = new SingleBar({
    stream: process.stderr,
    format: `{bar} {value}/{total} ${options.of ?? ''}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    clearOnComplete: true,
  });
  bar.start(options.total, 0);
  return {
    step: () => {
      bar.increment();
    },
    show: (done, total) => {
      if (bar.getTotal() !== total) bar.setTotal(total);
      bar.update(done);
    },
    end: () => {
      bar.stop();
    },
  };
}
