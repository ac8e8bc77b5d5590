/** Logs of the command's processes: readable lines on standard error, or pino's JSON lines with --json. */
import pino from 'pino';
import pretty from 'pino-pretty';
import { hasColors } from './environment.ts';
import type { SharedOptions } from './shared-options.ts';

export function loggerOf(shared: Pick<SharedOptions, 'isJson' | 'logLevel'>, id: string): pino.Logger {
  const { isJson, logLevel } = shared;
  const describe = logLevel === 'debug' ? pino.stdSerializers.err : plainError;
  const options = { level: logLevel, base: { agent: id }, serializers: { err: describe } };
  if (isJson) return pino(options, pino.destination({ dest: 2, sync: true }));
  const stream = pretty({
    destination: 2,
    sync: true,
    colorize: hasColors(process.stderr),
    singleLine: true,
    ignore: 'agent,pid,hostname',
    messageFormat: '{agent}: {msg}',
    translateTime: 'SYS:HH:MM:ss',
  });
  return pino(options, stream);
}

/** What happened, without the stack: that is for --log-level debug. */
function plainError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return 'code' in error ? { code: error.code, message: error.message } : { message: error.message };
}
