/** A TCP port that says one thing to whoever connects: what a server of another kind, or another age, would say. */
import { createServer, type Socket } from 'node:net';

export interface StubServer {
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}

/** `greeting`: sent at once; empty: it stays silent. Each line that comes is handed to `answer`. */
export function startStubServer(
  greeting: string,
  answer: (line: string) => string = () => '',
): Promise<StubServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (data) => {
      for (const line of data.toString().split('\r\n')) socket.write(answer(line));
    });
    socket.write(greeting);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      resolve({
        port,
        url: `nats://127.0.0.1:${port}`,
        stop: () =>
          new Promise((stopped) => {
            server.close(() => {
              stopped();
            });
            for (const socket of sockets) socket.destroy();
          }),
      });
    });
  });
}

/** A NATS server as far as the first words go: it introduces itself and answers pings. */
export function startNatsStub(info: Readonly<Record<string, unknown>>): Promise<StubServer> {
  const greeting = {
    server_id: 'STUB',
    server_name: 'stub',
    proto: 1,
    headers: true,
    max_payload: 1_048_576,
    ...info,
  };
  return startStubServer(`INFO ${JSON.stringify(greeting)}\r\n`, (line) =>
    line === 'PING' ? 'PONG\r\n' : '',
  );
}
