/** Shows how far the hunt is: a bar on a terminal, elsewhere a line now and then. */
import { SingleBar } from 'cli-progress';
import type { Progress } from './hunt.ts';

export interface ProgressView {
  show(progress: Progress): void;
  /** A line that stays: who leads now, who was killed. */
  say(line: string): void;
  close(): void;
}

export function progressView(out: NodeJS.WriteStream): ProgressView {
  return out.isTTY ? barOn(out) : linesOn(out);
}

function barOn(out: NodeJS.WriteStream): ProgressView {
  const bar = new SingleBar({
    stream: out,
    format: '  {bar} {percentage} %  {value} of {total} tasks  {said}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: false,
  });
  let isStarted = false;
  return {
    show({ done, total }) {
      if (!isStarted) bar.start(total, done, { said: '' });
      isStarted = true;
      bar.setTotal(total);
      bar.update(done);
    },
    say(line) {
      if (isStarted) bar.update({ said: line });
      else out.write(`  ${line}\n`);
    },
    close() {
      if (isStarted) bar.stop();
      isStarted = false;
    },
  };
}

/** A line per tenth. */
function linesOn(out: NodeJS.WriteStream): ProgressView {
  let shown = -1;
  return {
    show({ done, total }) {
      const tenth = Math.floor((done / total) * 10);
      if (tenth <= shown) return;
      shown = tenth;
      out.write(`  ${String(tenth * 10).padStart(3)} %  ${done} of ${total} tasks\n`);
    },
    say(line) {
      out.write(`  ${line}\n`);
    },
    close() {
      shown = Number.POSITIVE_INFINITY;
    },
  };
}
