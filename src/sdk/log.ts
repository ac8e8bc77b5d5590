/** The logger of who brings none: warnings and errors as JSON lines on standard error. */
import pino from 'pino';
import type { Log } from '../runtime/log.ts';

export function defaultLog(id: string, level = 'warn'): Log {
  const options = { level, base: { agent: id }, serializers: { error: pino.stdSerializers.err } };
  return pino(options, pino.destination({ dest: 2, sync: true }));
}
