/**
 * The log that the adapters write to (pino's order of arguments), and the fence around every callback.
 * The fence is not politeness: an exception that reaches nats.js 2.29 ends its reading loop for good, with the
 * connection still open.
 */
export interface NatsLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Runs a callback that is not ours; what it throws is logged and goes no further. */
export function fence(log: NatsLog, where: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    log.error({ err: error, where }, 'a handler failed');
  }
}
