/**
 * The rules of reliability that the design rests on, and those of its sections 3, 4 and 6 that have no number, each short;
 * and those that no mutant can break here, with why.
 */

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

/**
 * What the sentences of DESIGN §3 (the ledger) without a number, §4 (who speaks on what) and §6 (who is there) ask, by what
 * mutants call them.
 */
export const sentences: Readonly<Record<string, string>> = {
  '3, the stream': 'The stream is made as the ledger needs it, and verified; a mismatch names the field.',
  '3, answers':
    'Every answer and effect waits for what it rests on; what makes a caller stop, for a fresh append.',
  '3, apply':
    'Only `apply` changes state, along the charts; the same sequence gives the same state and hash.',
  '3, ledger time':
    'Time never goes back, and goes on over a fail-over; only a cold start looks at the wall clock.',
  '3, soft state':
    'Beats and health are heard by who shows them, who says how old they are; a few follow the ledger.',
  '3, removal': 'Who was removed is out: it joins, stands and leads no more.',
  '4, roots':
    'Only the private root is relied on for "no responders"; a stranger who listens there is reported.',
  '4, sender': 'Who sends is read from the subject, which the permissions pin, and never from the body.',
  '4, permissions':
    'Verbs are listed one by one; only who may lead appends and writes to inboxes; who shows the fleet may read the ledger.',
  '4, replies': 'Each identity has a reply prefix of its own, and responders check it.',
  '4, incarnation': 'What names another incarnation is dropped; a probe that another one answers means dead.',
  '4, terms': 'Every reply and inbox message carries a term; what is lower than the highest seen is dropped.',
  '4, queue groups': 'Each process is a queue group of its own, and who does not lead does not answer.',
  '4, names': 'The subject root and the service name of another protocol are left alone.',
  '4, encoding': 'MessagePack without records, and integers that are no bigint.',
  '4, watchable': 'What people may watch, errors and discovery are JSON.',
  '4, content':
    'The content type decides, else the first byte; a request without headers is answered in JSON.',
  '4, errors': "Errors have the micro service's headers and the problem as body.",
  '4, validation': 'Inbound messages are checked at the door: schema, size, depth, prototype keys.',
  '4, invalid messages':
    'An invalid message is counted, logged once a second, and answered with what is wrong.',
  '4, brought connections': 'A connection that was brought is used, and left as it was found.',
  '6, probes': 'A standby probes the leader often, and waits for the answer only so long.',
  '6, gone':
    'Nobody there, or "not leading": a campaign at once, unless a later entry proves the leader alive.',
  '6, silence': 'A leader that is silent is missed after the timeout.',
  '6, order': 'Candidates stand by rank of score, so that the best claims first and nobody stampedes.',
  '6, back-off': 'Claims out of suspicion keep a growing distance.',
  '6, replaced': 'A leader that was replaced finds out, though it has nothing to append.',
  '6, late': 'Suspect and dead after so many intervals, of the length that the last beat announced.',
  '6, unreachable':
    'Of whom the broker says that nobody is there is suspect, and dead only after a while of that.',
  '6, full timeout':
    'After a term-start, a reconnect or a gap of its own, a leader gives everybody a full timeout.',
  '6, mass loss': 'Who would lose over half of the members at once hands over, once.',
  '6, suspects': 'A suspect is asked whether it is there; who is no member is told so.',
  '6, an inbox': 'Who beats and does not answer its inbox is suspect, and keeps only what it has confirmed.',
  '6, effects':
    'Effects follow from the state and are repeated until answered, also after a fail-over; twice is harmless.',
  '6, reconciliation': 'What an agent runs and what the ledger says are compared, both ways.',
  '6, reports': 'Finished work whose report was not answered is reported again; old leaders stop nothing.',
  '6, settings': 'Values are configurable, and their relations checked.',
};

/** Of `sentences`, by the same names. */
export const excusedSentences: Readonly<Record<string, string>> = {};
