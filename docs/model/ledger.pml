/*
 * The ledger as a lock (rules 1-5): term-start, compare-and-set, lost acknowledgements, appends that land late,
 * processes that die and come back. Checked exhaustively for every order in which NODES processes, one broker and a
 * network can act. Safety only: who tries, and when, is left to chance.
 *
 * What is shown, at each entry that is stored and each acknowledgement that is believed:
 *   S1  a term-start has the next term, and nothing of an older term follows it;
 *   S2  whatever else follows it in its term is of the very life of the very process that started it;
 *   S3  of one term, one life of one process leads at the most;
 *   S4  what a process takes for committed is in its slot, and stays there.
 *
 * Break a rule with -D and Spin finds how it goes wrong: NO_CAS, NEXT_SLOT, TRUST_REFUSAL, LEAD_BY_READING. With REACH
 * it must find a second term with an entry in it: what is checked does happen. `make model` runs all of that.
 */
#ifndef NODES
#define NODES 2
#endif
#ifndef SLOTS
#define SLOTS 4          /* the ledger's length, at the most */
#endif
#ifndef COPIES
#define COPIES 2         /* appends under way at once, at most 2; a re-send is another copy */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef APPENDS
#define APPENDS 3        /* different ones that a life makes */
#endif
#define NOBODY 255

typedef Entry { byte node; byte life; byte serial; byte term; bit isStart }

/* The stream: what is stored, and how much. Slots never change once written. */
Entry log[SLOTS];
byte stored = 0;

/* Appends between the processes and the broker; the broker takes any of them, in any order, at any time. */
chan network = [COPIES] of { byte, byte, byte, byte, bit, byte };  /* an Entry's fields, and its slot */
/* Answers to one process; the broker may lose each. */
chan answers[NODES] = [1] of { byte, byte, bit };                   /* life, serial, whether it was stored */

byte crashes = 0;
/* Ghosts, for S3. */
byte leaderOf[SLOTS + 2] = NOBODY;
byte lifeOf[SLOTS + 2] = NOBODY;

#define isMine(i) (log[i].node == id && log[i].life == life && log[i].serial == serial)

/* Stores what comes for the next slot, refuses the rest; the answer may be lost. */
active proctype broker()
{
  byte node, life, serial, term, slot;
  bit isStart;
end:
  do
  :: atomic {
       network ? node, life, serial, term, isStart, slot ->
       /* Any order: what came first may wait. */
       if
       :: skip
       :: len(network) > 0 ->
          network ! node, life, serial, term, isStart, slot;
          network ? node, life, serial, term, isStart, slot
       fi;
       if
#ifdef NO_CAS
       :: stored < SLOTS ->
#else
       :: slot == stored && stored < SLOTS ->
#endif
          if
          :: stored == 0 -> assert(isStart && term == 1)
          :: stored > 0 && isStart -> assert(term == log[stored - 1].term + 1)                     /* S1 */
          :: stored > 0 && !isStart ->
             assert(term == log[stored - 1].term);                                                 /* S1 */
             assert(node == log[stored - 1].node && life == log[stored - 1].life)                  /* S2 */
          fi;
          log[stored].node = node; log[stored].life = life; log[stored].serial = serial;
          log[stored].term = term; log[stored].isStart = isStart;
          stored++;
#ifdef REACH
          assert(!(term == 2 && !isStart));
#endif
          if
          :: nfull(answers[node]) -> answers[node] ! life, serial, 1
          :: skip  /* lost */
          fi
       :: else ->
          if
          :: nfull(answers[node]) -> answers[node] ! life, serial, 0
          :: skip
          fi
       fi;
       node = 0; life = 0; serial = 0; term = 0; slot = 0; isStart = 0
     }
  od
}

/* The slot is known to hold our bytes: rules 3 and 4. */
inline committed()
{
  assert(isMine(slot));                                                                            /* S4 */
  applied = slot + 1;
  if
  :: isStart ->
     isLeading = 1; known = term;
     assert(leaderOf[term] == NOBODY || (leaderOf[term] == id && lifeOf[term] == life));          /* S3 */
     leaderOf[term] = id; lifeOf[term] = life
  :: else -> skip
  fi;
  isPending = 0; slot = 0; isStart = 0
}

/* What it led or claimed is over: drop what is not stored, replay, be a standby. */
inline stepDown()
{
  isPending = 0; isLeading = 0; applied = 0; known = 0; term = 0; slot = 0; isStart = 0
}

/* Who holds the slot that our append was for? Only a slot that is there can be read. */
inline resolve()
{
  if
  :: isMine(slot) -> committed()
  :: else -> stepDown()
  fi
}

inline send()
{
  network ! id, life, serial, term, isStart, slot
}

active [NODES] proctype agent()
{
  byte id = _pid - 1;
  byte life = 0, serial = 0;
  byte applied = 0;      /* entries read, or written by itself and known to be stored */
  byte known = 0;        /* the term as it knows it */
  bit isLeading = 0;
  /* The append whose outcome is not known; `term`, `slot` and `isStart` are its. */
  bit isPending = 0, isStart = 0;
  byte term = 0, slot = 0;
  byte ofLife, ofSerial;
  bit isStored;
end:
  do
  /* A standby reads on. While a claim is under way nothing is applied past its slot. */
  :: atomic { !isLeading && !isPending && applied < stored ->
       known = log[applied].term;
#ifdef LEAD_BY_READING
       if
       :: log[applied].isStart && log[applied].node == id && applied + 1 == stored -> isLeading = 1; term = known
       :: else -> skip
       fi;
#endif
       applied++
     }
  /* Rule 1: a claim goes into the slot behind the last entry applied. */
  :: atomic { !isLeading && !isPending && applied < SLOTS && serial < APPENDS && nfull(network) ->
       isPending = 1; isStart = 1; serial++; term = known + 1; slot = applied; send()
     }
  /* Rule 2: a leader counts by itself. Rule 3: one append in flight. */
  :: atomic { isLeading && !isPending && applied < SLOTS && serial < APPENDS && nfull(network) ->
       isPending = 1; isStart = 0; serial++; slot = applied; send()
     }
  /* Rule 5: no answer. The same bytes into the same slot may be sent again, at any time. */
#ifdef NEXT_SLOT
  :: atomic { isPending && nfull(network) && slot + 1 < SLOTS -> slot++; send() }
#endif
  :: atomic { isPending && nfull(network) -> send() }
  /* An answer; one to a former life, or to an append that is settled, says nothing. */
  :: atomic { answers[id] ? ofLife, ofSerial, isStored ->
       if
       :: isPending && ofLife == life && ofSerial == serial && isStored -> committed()
#ifdef TRUST_REFUSAL
       :: isPending && ofLife == life && ofSerial == serial && !isStored -> assert(!isMine(slot)); stepDown()
#else
       /* Rule 4: refused. What the slot holds decides. */
       :: isPending && ofLife == life && ofSerial == serial && !isStored -> resolve()
#endif
       :: else -> skip
       fi;
       ofLife = 0; ofSerial = 0; isStored = 0
     }
  /* Rules 5 and 8: over a fresh connection the slot is read; when it is empty, nothing is known. */
  :: atomic { isPending && slot < stored -> resolve() }
  /* Rule 8: unresolved for too long. What was sent may still land. */
  :: atomic { isPending -> stepDown() }
  /* It dies, and comes back as another life that knows nothing. */
  :: atomic { crashes < CRASHES -> crashes++; life++; serial = 0; stepDown() }
  od
}
