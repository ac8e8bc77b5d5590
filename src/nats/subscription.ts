/**
 * A core subscription that stays: the library brings it back after a reconnect, and this file after the broker
 * refused it (permissions change). A handler's exception is logged; see log.ts why it must not get further.
 */
import type { Msg, NatsConnection, Subscription as NatsSubscription } from 'nats';
import type { Subscription } from '../ports.ts';
import { reasonOf } from './errors.ts';
import { fence, type NatsLog } from './log.ts';

const retryWaitMs = 1_000;
const retryWaitMsMax = 30_000;

export function keepSubscribed(
  to: { readonly nc: NatsConnection; readonly subject: string; readonly log: NatsLog },
  handle: (message: Msg) => void,
): Subscription {
  const { nc, subject, log } = to;
  let isClosed = false;
  let waitMs = retryWaitMs;
  let timer: NodeJS.Timeout | undefined;
  let current: NatsSubscription | undefined;

  const open = (): void => {
    if (isClosed || nc.isClosed()) return;
    current = nc.subscribe(subject, {
      callback: (error, message) => {
        if (isClosed) return;
        if (error !== null) refused(error);
        else fence(log, subject, () => handle(message));
      },
    });
  };
  const refused = (error: Error): void => {
    log.error({ subject, reason: reasonOf(error), retryInMs: waitMs }, 'the broker refused a subscription');
    clearTimeout(timer);
    timer = setTimeout(open, waitMs);
    waitMs = Math.min(waitMs * 2, retryWaitMsMax);
  };

  open();
  return {
    close: () => {
      if (isClosed) return;
      isClosed = true;
      clearTimeout(timer);
      if (!nc.isClosed()) current?.unsubscribe();
    },
  };
}
