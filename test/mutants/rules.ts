/** The rules of reliability that the design rests on, each short; and those that no mutant can break here, with why. */

export const reliability: readonly string[] = [
  'The ledger decides who leads; lease, votes and health scores only decide when to try.',
  'A term begins with a term-start entry, written by compare-and-set on the last applied sequence.',
  "Every append carries the expected last sequence from the leader's own counter; never from a read or an error.",
  'A refused append ends the term, unless the slot holds our own entry.',
  'No acknowledgement means unknown and possibly later: only the same bytes into the same slot may be sent again.',
  'Nothing leaves before the acknowledgement.',
  'Every message outside the ledger carries term, election id or attempt; receivers drop what is old.',
  'Results count only for the task and attempt that are current in the ledger; effects are idempotent under that key.',
  'No safety decision uses wall clocks or expiry times; deadlines use a monotonic clock.',
  'Readers verify term and contiguity; a jump means snapshot, a mismatch means stop.',
  'Entries are hash-chained and versioned, genesis is random; loss, rollback or re-creation is detected, never papered over.',
  'Snapshots are immutable, content-hashed, named by sequence, verified; two are kept; then purge by sequence, never to empty.',
  'Pipelined appends chain their expectations, or are one batch with the expectation on its first message.',
  'Ledger stream: file, `discard: new`, a byte limit, no age or per-subject limits, no deletes; verified at every start.',
  'A server of 2.14.6 or newer that syncs always; otherwise refuse, or warn loudly.',
  "The leader's ledger connection does not reconnect; control messages use another connection, with pings every second or two.",
  'Timers respect NATS: its own fail-over takes 4–10 s; suspicion is faster, but harmless.',
  'Reads say how fresh they are; a linearizable read costs a ledger round trip by the current leader.',
  'Least privilege by subject, own inbox prefix per identity, responders check reply subjects, agents never touch the ledger.',
  'Every rule above has a mutant that breaks it, and a test that catches the mutant.',
];

/** By number. */
export const excused: Readonly<Record<number, string>> = {
  13: 'One append is in flight (3.3), so nothing is pipelined, and a batch is one entry: there are no chained expectations to get wrong.',
  20: 'This page: a test holds the tables to these rules, and `make mutants` fails where a mutant is not noticed.',
};
