/** The logger of who brings none: warnings and errors as JSON lines on standard error. */
import pino from 'pino';
import type { Log } from '../runtime/log.ts';

export function defaultLog(id: string, level = 'warn'): Log {
  return pino({ level, base: { agent: id } }, pino.destination({ dest: 2, sync: true }));
}
