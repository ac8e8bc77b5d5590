/** Handlers and votes under simulation: what a user's code goes on with after a promise runs only if the world knows of it. */
import type { Handler } from '../runtime/attempts.ts';
import type { VoteHandler } from '../runtime/ballots.ts';
import type { SimulatedWorld } from './world.ts';

export function trackedHandlers(
  world: SimulatedWorld,
  handlers: Readonly<Record<string, Handler>>,
): Record<string, Handler> {
  const tracked =
    (handler: Handler): Handler =>
    (task, context) =>
      track(world, () => handler(task, context));
  return Object.fromEntries(Object.entries(handlers).map(([type, handler]) => [type, tracked(handler)]));
}

export function trackedVote(world: SimulatedWorld, vote: VoteHandler): VoteHandler {
  return (proposal) => track(world, () => vote(proposal));
}

function track<T>(world: SimulatedWorld, run: () => T | Promise<T>): Promise<T> {
  const result = new Promise<T>((resolve) => {
    resolve(run());
  });
  world.track(result);
  return result;
}
