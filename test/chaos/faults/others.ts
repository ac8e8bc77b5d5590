/** What befalls everybody else: followers, agents at work, and those who mean harm. */
import { of } from '../../behaviours/row.ts';
import { adapter, faulty, permissions, scenario, snapshots, type Fault } from './fault.ts';

export const others: readonly Fault[] = [
  {
    number: 14,
    fault: 'ballots and heartbeats are lost, doubled, late, or said again after a reconnect',
    invariant: 'none counts for another election, term or attempt than its own',
    parts: [
      {
        when: 'said again, twice, after elections, a death and a new process of the same name',
        tests: scenario(
          'late',
          'ballots, reports, heartbeats and candidacies said again after elections and deaths count for nothing',
        ),
      },
      {
        when: 'said again by somebody else who may say it',
        tests: permissions(
          'permissions-forged',
          'what was said once, said again by somebody who may, changes nothing',
        ),
      },
      {
        when: 'a beat that is overtaken',
        tests: of(
          'test/unit/roster.test.ts',
          'a beat that comes behind a later one of the same process is not heeded',
        ),
      },
      {
        when: 'lost, doubled, late and out of order at random, simulated',
        tests: of('test/simulation/seeds.test.ts', 'seed %i'),
      },
    ],
  },
  {
    number: 15,
    fault:
      'the ledger is shortened: a follower lags, somebody joins, a writer dies at any step, an old leader purges late',
    invariant: 'every copy of the state is the same; nothing newer than the snapshot is removed',
    parts: [
      {
        when: 'while servers die, and whoever comes later goes on from a snapshot',
        tests: of(
          'test/integration/cluster.test.ts',
          'a ledger of three copies is shortened while servers are killed, and whoever comes later goes on from a snapshot',
        ),
      },
      {
        when: 'a follower lags',
        tests: [
          ...snapshots('an agent that was cut off while the ledger was shortened goes on from a snapshot'),
          ...scenario(
            'blocked',
            'a standby that stands still through a flood has, once it goes on, what the others have, and kept little of it in memory',
          ),
        ],
      },
      {
        when: 'somebody joins',
        tests: snapshots('an agent that joins behind a purge goes on from a snapshot, and can lead'),
      },
      {
        when: 'the writer of a snapshot dies at any step',
        tests: [
          ...of(
            'test/simulation/ledger-snapshots.test.ts',
            'whose writer crashes between two chunks is not visible, and is removed when it is old',
          ),
          ...of(
            'test/simulation/keeper-crashes.test.ts',
            'a keeper may die at any step %s: whoever comes next goes on from what is there',
          ),
        ],
      },
      {
        when: 'a purge comes late, or again',
        tests: [
          ...of('test/conformance/nats.test.ts', 'can be repeated, and by less: nothing more is removed'),
          ...snapshots(
            'a standby whose stream was made anew behind its back does not shorten the new one',
            'a state whose ledger is %s is not saved, and nothing is purged for it',
          ),
        ],
      },
      {
        when: 'copies of the state',
        tests: of(
          'test/integration/state-hash.test.ts',
          'leader, standbys, a replay, and a snapshot with what follows it have the same state at the same sequence',
        ),
      },
    ],
  },
  {
    number: 17,
    fault: 'an agent sleeps past its tasks and then reports; a result is sent twice; two agents, one task',
    invariant: 'one result is accepted; older attempts are refused, and on record',
    parts: [
      {
        when: 'it wakes, done, when another has begun them',
        tests: scenario(
          'late',
          'an agent that sleeps past its tasks and then reports them is refused: another does them, each once',
        ),
      },
      {
        when: 'its handler is told to stop',
        tests: of(
          'test/simulation/attempts.test.ts',
          'an attempt that was lost while it ran counts, and what a thawed agent says of it is refused: its handler is told to stop',
        ),
      },
      {
        when: 'a result is sent twice',
        tests: scenario(
          'late',
          'ballots, reports, heartbeats and candidacies said again after elections and deaths count for nothing',
        ),
      },
      {
        when: 'it was removed while it slept',
        tests: faulty('a removed agent that was frozen does no harm when it thaws, and ends'),
      },
    ],
  },
  {
    number: 18,
    fault: 'a follower stands still while a flood is written',
    invariant: 'its memory is bounded, and it catches up without a gap',
    parts: [
      {
        when: 'a real process, and what it would read next is gone by then',
        tests: scenario(
          'blocked',
          'a standby that stands still through a flood has, once it goes on, what the others have, and kept little of it in memory',
        ),
      },
      {
        when: 'a backlog larger than what the server sends ahead; a message lost on the way',
        tests: adapter(
          'keeps up with a backlog larger than its flow control window, in order',
          'misses nothing when a message is lost on the way',
        ),
      },
    ],
  },
  {
    number: 21,
    fault:
      "a hostile agent: others' heartbeats, votes and results; forged reply subjects; messages too large or too deep",
    invariant: 'denied by the server or dropped; nothing of it is in the ledger',
    parts: [
      {
        when: "others' subjects",
        tests: permissions(
          'permissions',
          '%s may not publish as anybody else, nor touch what is not its own',
          "%s may not hear others' inboxes, answers and the private root",
        ),
      },
      {
        when: 'forged reply subjects, names in bodies, headers of JetStream',
        tests: [
          ...permissions(
            'permissions-forged',
            'a forged reply subject leads nowhere, whoever asks whatever it may ask',
            'who sends is what the subject says: a name in a body is refused, or means nothing',
            'headers of JetStream and of tracing do nothing to the ledger',
          ),
          ...permissions(
            'replies',
            'a forged reply subject leads nowhere: no request of any kind is answered there',
          ),
        ],
      },
      {
        when: 'too large, too deep, or plain nonsense',
        tests: permissions(
          'permissions-forged',
          'floods of what an agent and a client may send: the fleet works, within its memory, and says so once a second',
        ),
      },
    ],
  },
];
