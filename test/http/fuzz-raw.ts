/** Bytes on a socket, for requests that no client of HTTP would send; and the answer as text, up to its end. */
import { connect, type Socket } from 'node:net';

/** Sends, and reads until the other side has closed. */
export async function rawExchange(url: string, text: string): Promise<string> {
  const { socket, ended } = openRaw(url);
  socket.write(text, 'latin1');
  return ended;
}

/** `ended`: what came until the other side closed the connection. */
export function openRaw(url: string): { readonly socket: Socket; readonly ended: Promise<string> } {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const parts: Buffer[] = [];
  socket.on('data', (part) => parts.push(part));
  // The close that follows says it all.
  socket.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => {
    socket.on('close', () => {
      resolve(Buffer.concat(parts).toString('latin1'));
    });
  });
  return { socket, ended };
}

/** A request by its lines, to be closed after its answer. */
export function requestText(of: {
  readonly line: string;
  readonly host: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}): string {
  const { line, host, headers = [], body = '' } = of;
  const all = [line, ...(host === '' ? [] : [`Host: ${host}`]), 'Connection: close', ...headers];
  return `${all.join('\r\n')}\r\n\r\n${body}`;
}
