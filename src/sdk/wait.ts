/**
 * How a call waits for what the fleet does. On NATS there is nothing to do but wait; a simulated world stands still
 * unless somebody moves it, so there the wait moves it.
 */
export type Wait = <T>(promise: Promise<T>) => Promise<T>;

export const simplyWait: Wait = (promise) => promise;
