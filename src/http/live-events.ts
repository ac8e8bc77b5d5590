/** The parts of the event stream of one server, put together: what is kept, what is heard, who listens. */
import type { FastifyInstance } from 'fastify';
import type { Ports } from '../ports.ts';
import { ElectionWatch, type ElectionNews } from '../runtime/election-watch.ts';
import type { Observer } from '../runtime/observer.ts';
import type { Subjects } from '../wire/subjects.ts';
import { EventLog } from './event-log.ts';
import { newSocketCounts, registerEvents, type SocketCounts } from './event-socket.ts';
import { isAllowedOrigin } from './origin.ts';

export interface LiveEvents {
  readonly counts: SocketCounts;
  readonly log: EventLog;
  /** Adds the route. */
  register(app: FastifyInstance): Promise<void>;
  close(): void;
}

/** Before the observer starts, so that nothing is missed. */
export function liveEvents(of: {
  readonly ports: Pick<Ports, 'bus' | 'clock'>;
  readonly observer: Observer;
  readonly subjects: Subjects;
  readonly origins: readonly string[];
}): LiveEvents {
  const { ports, observer, subjects, origins } = of;
  const counts = newSocketCounts();
  const log = new EventLog({ observer });
  const listeners = new Set<(news: ElectionNews) => void>();
  const watch = new ElectionWatch({
    ...ports,
    subjects,
    rejections: observer.rejections,
    term: () => observer.state.term,
    onNews: (news) => {
      for (const listen of listeners) listen(news);
    },
  });
  return {
    counts,
    log,
    register: (app) =>
      registerEvents(app, {
        observer,
        log,
        clock: ports.clock,
        onNews: (listen) => {
          listeners.add(listen);
          return { close: () => listeners.delete(listen) };
        },
        isAllowedOrigin: (origin, host) => isAllowedOrigin(origin, host, origins),
        counts,
      }),
    close: () => {
      watch.close();
      log.close();
    },
  };
}
