/** Where a fleet is looked for by whoever does not say: the same for programs, the command, and simulated worlds. */

export const DEFAULT_SERVERS = 'nats://127.0.0.1:4222';
export const DEFAULT_FLEET = 'default';
