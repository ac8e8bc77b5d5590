/**
 * The agent's side of `conclave up`: says over IPC that it has joined, and leaves when the parent is gone, however
 * the parent ended. A process that somebody started by hand has no parent in this sense.
 */

/** What agents tell `conclave up`. */
export interface ParentMessage {
  readonly kind: 'joined';
}

/** With the parent the server may have gone too, and then leaving in good order cannot succeed. */
const LEAVE_PATIENCE_MS = 3_000;

interface Leaver {
  leave(): Promise<void>;
}

/** False when there is no parent to tell. */
export function tellParent(message: ParentMessage): boolean {
  return process.send?.(message) ?? false;
}

/** From now on; the agent is named once it has joined. */
export function leaveWithParent(): { leaves(agent: Leaver): void } {
  let leaver: Leaver | null = null;
  const end = (): void => process.exit(0);
  process.once('disconnect', () => {
    setTimeout(end, LEAVE_PATIENCE_MS).unref();
    if (leaver === null) end();
    else leaver.leave().then(end, end);
  });
  return {
    leaves: (agent) => {
      leaver = agent;
    },
  };
}
