/**
 * The faults that a fleet is built to withstand, each with what must hold through it and the tests that hold it. Where a
 * fault has parts, each part has its own; what cannot be done here says why.
 */
import { of, real, simulated, type Test } from '../behaviours/row.ts';

export type Part =
  | { readonly when: string; readonly tests: readonly Test[] }
  | { readonly when: string; readonly notHere: string };

export interface Fault {
  readonly number: number;
  readonly fault: string;
  readonly invariant: string;
  readonly parts: readonly Part[];
}

const scenario = (file: string, ...names: readonly string[]): readonly Test[] =>
  of(`test/chaos/scenarios/${file}.test.ts`, ...names);
const faulty = (...names: readonly string[]): readonly Test[] =>
  of('test/integration/faults.test.ts', ...names);
const adapter = (...names: readonly string[]): readonly Test[] =>
  of('test/conformance/nats-faults.test.ts', ...names);
const snapshots = (...names: readonly string[]): readonly Test[] =>
  of('test/simulation/snapshots.test.ts', ...names);
const permissions = (file: string, ...names: readonly string[]): readonly Test[] =>
  of(`test/integration/${file}.test.ts`, ...names);

export const faults: readonly Fault[] = [
  {
    number: 1,
    fault:
      'a leader is killed with -9: before it sends an append, after that, after it is stored, after the acknowledgement, before it dispatches',
    invariant:
      'what was acknowledged survives; what was not appears at most once; nothing is dispatched without its entry',
    parts: [
      {
        when: 'before it is sent; stored; acknowledged and not dispatched',
        tests: faulty('a leader that is killed when its append is at "%s" loses no acknowledged task'),
      },
      {
        when: 'sent and not stored yet',
        tests: scenario(
          'slots',
          'an append that lands after its leader was killed, in a slot that is free, is part of what the next leader goes on from',
        ),
      },
      {
        when: 'again and again, with votes open and posts over HTTP',
        tests: [
          ...of(
            'test/integration/leader-kills.test.ts',
            'leaders that are killed while proposals are open and tasks run lose no ballot, no decision and no outcome',
          ),
          ...of(
            'test/http/leader-kill.test.ts',
            'a leader killed under 200 posts a second: every 201 is listed once, and reads never fail',
          ),
        ],
      },
    ],
  },
  {
    number: 2,
    fault: 'a leader is stopped (SIGSTOP) until another leads and works, then goes on',
    invariant:
      'no entry of the old term after the new term-start; the old leader steps down at the first refusal; no effect with the old term is accepted',
    parts: [
      {
        when: 'a real process',
        tests: faulty('a leader that is frozen until another leads stops nothing when it thaws'),
      },
      {
        when: 'simulated, and it can lead again',
        tests: simulated('a frozen leader is replaced, finds that out when it thaws, and can lead again'),
      },
    ],
  },
  {
    number: 3,
    fault: 'an append is held on its way, and let go much later',
    invariant: 'it lands only if its slot is still free; histories agree',
    parts: [
      {
        when: 'its leader is stopped, and another term has the slot',
        tests: scenario(
          'slots',
          'an append that is let go when another term has its slot is refused, and nothing of it is seen',
        ),
      },
      {
        when: 'its leader is killed, and the slot is free',
        tests: scenario(
          'slots',
          'an append that lands after its leader was killed, in a slot that is free, is part of what the next leader goes on from',
        ),
      },
      {
        when: 'its leader has sent it again',
        tests: scenario(
          'slots',
          'an append that hangs is sent again into its slot, and the copy that comes late changes nothing',
        ),
      },
    ],
  },
  {
    number: 4,
    fault: 'a leader is cut off from all servers',
    invariant: 'it stops leading by its own monotonic deadline; one new term',
    parts: [
      {
        when: 'its connections end, or nothing passes any more',
        tests: scenario(
          'cuts',
          'a leader that nothing reaches any more (%s) stops leading by itself, and one new term begins',
        ),
      },
      {
        when: 'in another region than the ledger',
        tests: of(
          'test/infra/two-regions.test.ts',
          'a leader in the other region leads no more after a %s, and the region of the ledger elects',
        ),
      },
    ],
  },
  {
    number: 5,
    fault: 'a cut in one direction: a leader can send, and hears nothing',
    invariant: 'what became of its appends is found out without a second content in any slot',
    parts: [
      {
        when: 'its append is stored, and nobody tells it',
        tests: scenario(
          'cuts',
          'what a leader sends that hears nothing any more is in the ledger once, whoever answers for it',
        ),
      },
    ],
  },
  {
    number: 6,
    fault: 'the server that leads the ledger of three copies is killed with -9, under load',
    invariant: 'nothing acknowledged is lost; writes go on; the leader keeps its term',
    parts: [
      {
        when: 'the leader is connected to another server',
        tests: scenario(
          'servers',
          'the server that leads the ledger is killed at work: writes go on, nothing is lost, and the same agent leads',
        ),
      },
      {
        when: 'the ledger is shortened all the time',
        tests: of(
          'test/integration/cluster.test.ts',
          'a ledger of three copies is shortened while servers are killed, and whoever comes later goes on from a snapshot',
        ),
      },
    ],
  },
  {
    number: 7,
    fault: 'a leader is left with the minority of the servers',
    invariant: 'nothing is acknowledged there; what is read there is marked as old; the majority elects',
    parts: [
      {
        when: 'the routes between the servers pass nothing any more',
        tests: scenario(
          'minority',
          'a leader that is left with the minority of the servers gets nothing acknowledged, says so, and the others elect',
        ),
      },
    ],
  },
  {
    number: 8,
    fault: 'all servers are killed with -9 and started again',
    invariant: 'the ledger is what it was; the fleet goes on without a human',
    parts: [
      {
        when: 'three servers',
        tests: scenario(
          'servers',
          'all servers are killed at once and started again: every entry is where it was, and the fleet goes on by itself',
        ),
      },
      {
        when: 'one server',
        tests: [
          ...faulty('a restart of the broker under a running fleet kills no agent'),
          ...of(
            'test/infra/nats-servers.test.ts',
            'on one server keeps what was acknowledged when the server is killed',
          ),
          ...adapter('by %s keeps bus and follower going, and the ledger whole'),
        ],
      },
    ],
  },
  {
    number: 9,
    fault: 'servers lose their power, and what they had not synced',
    invariant: 'with `sync_interval: always` nothing is lost; with the default what is lost is noticed',
    parts: [
      {
        when: 'the only server, always',
        tests: scenario(
          'power',
          'a server that syncs every write loses its power: nothing that was acknowledged is lost',
        ),
      },
      {
        when: 'one of three, then all of them, always',
        tests: scenario(
          'power',
          'of three servers that sync every write one loses its power, then all: nothing that was acknowledged is lost',
        ),
      },
      {
        when: 'the default',
        tests: scenario(
          'power',
          'a server that syncs as NATS does by default loses its power: the agents notice, end, and write no more',
        ),
      },
      {
        when: 'the tail of the ledger is gone, whatever took it',
        tests: scenario(
          'power',
          'a server comes back with an older copy of its store: the agents notice, end, and write no more',
        ),
      },
    ],
  },
  {
    number: 10,
    fault: 'the wall clock of a leader is an hour wrong, or jumps back',
    invariant: 'safety does not hang on it; reconnects and heartbeats go on',
    parts: [
      {
        when: 'ahead or behind, over a fail-over',
        tests: [
          ...faulty(
            'a fail-over to a process whose clock is an hour %s expires nothing early and hangs nothing',
          ),
          ...of('test/simulation/clocks.test.ts', '%s, expires nothing early and hangs nothing'),
        ],
      },
      {
        when: 'put right while it leads',
        tests: of(
          'test/simulation/clocks.test.ts',
          'and whose clock is put right while it leads, expires nothing early and hangs nothing',
        ),
      },
      {
        when: 'jumps back while it reconnects',
        tests: adapter('reconnects at once though the wall clock went back by an hour'),
      },
    ],
  },
  {
    number: 11,
    fault: 'a lease expires early, or never, by the clock of the server',
    invariant: 'safety is untouched; how long a fail-over takes is bound by suspicion alone',
    parts: [
      {
        when: 'there is no lease, and nothing in the streams expires by a clock of the server',
        tests: [
          ...of('test/integration/broken-stream.test.ts', 'of that name has %s'),
          ...of(
            'test/conformance/nats-stream.test.ts',
            'is created as the ledger needs it, and accepted the next time',
          ),
        ],
      },
      {
        when: 'a leader that is silent is replaced though nobody took anything from it',
        tests: [
          ...faulty('a leader that is frozen until another leads stops nothing when it thaws'),
          ...simulated('a frozen leader is replaced, finds that out when it thaws, and can lead again'),
        ],
      },
      {
        when: 'the clock of a running server jumps',
        notHere:
          'a machine has one wall clock for all its processes, and nats-server, linked statically, cannot be shown another one',
      },
    ],
  },
  {
    number: 12,
    fault: 'disks are full, of one server and of all; the ledger reaches its byte limit',
    invariant: 'a clear refusal, nothing diverges, and the fleet goes on when there is room',
    parts: [
      {
        when: 'the disk of one of three, then of all',
        tests: scenario(
          'disk',
          'a full disk of one server of three stops nobody; full disks of all stop writing, and room brings the fleet back whole',
        ),
      },
      {
        when: 'the byte limit',
        tests: [
          ...of(
            'test/integration/broken.test.ts',
            'takes nothing new when its ledger is full, and says what makes room',
          ),
          ...of(
            'test/integration/doctor.test.ts',
            'that is nearly full: that submits are refused, and what makes room',
          ),
          ...snapshots(
            'a ledger that is nearly full takes nothing new until it was shortened, and loses nothing',
          ),
        ],
      },
    ],
  },
  {
    number: 13,
    fault: 'acknowledgements are lost, one to twenty in a hundred, at random',
    invariant: 'each entry is there once; then the fleet is as fast as before',
    parts: [
      {
        when: 'one in five, on a real server',
        tests: scenario(
          'slots',
          'of many acknowledgements one in five is lost: each task is there once, in one term, and then the fleet is as fast as before',
        ),
      },
      {
        when: 'with every other fault of the ledger, simulated',
        tests: of(
          'test/simulation/slot-writer.test.ts',
          'under every fault of the ledger, one content per slot (seed %i)',
        ),
      },
    ],
  },
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
        when: 'the writer of a snapshot dies between two parts',
        tests: of(
          'test/simulation/ledger-snapshots.test.ts',
          'whose writer crashes between two chunks is not visible, and is removed when it is old',
        ),
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
    number: 16,
    fault: 'the stream is deleted, made anew, or put back from an old backup',
    invariant: 'it is noticed; nobody goes on in silence',
    parts: [
      {
        when: 'deleted; made anew; put back to an older copy; another ledger; an entry of a stranger',
        tests: of(
          'test/integration/broken-stream.test.ts',
          '%s: the agent says so, ends with exit code 1, and writes no more',
        ),
      },
      {
        when: 'the whole store of the server is an older one',
        tests: scenario(
          'power',
          'a server comes back with an older copy of its store: the agents notice, end, and write no more',
        ),
      },
      {
        when: 'put back while nobody runs who has read what is gone',
        notHere:
          'what a fleet knows is in its ledger alone: whoever starts then takes the older copy for the whole, as its operator wished',
      },
      {
        when: 'shortened by somebody else',
        tests: of(
          'test/integration/broken-stream.test.ts',
          'was shortened, and no snapshot covers what is gone',
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
    number: 19,
    fault: 'a hundred candidates at once; a leader whose health goes up and down',
    invariant: 'a bounded number of terms; nobody starves',
    parts: [
      {
        when: 'a hundred, simulated',
        tests: scenario(
          'candidates',
          'a leader dies before a hundred that could all lead: one new term, and everybody goes on',
        ),
      },
      {
        when: 'processes that all think themselves the best',
        tests: faulty('two processes that claim at once never start the same term'),
      },
      {
        when: 'health up and down',
        tests: [
          ...scenario('candidates', 'a leader whose health goes up and down all the time leads on'),
          ...of('test/integration/leading.test.ts', 'with a margin and a tenure it is given the lead, once'),
        ],
      },
    ],
  },
  {
    number: 20,
    fault: 'servers and agents are upgraded one by one',
    invariant: 'who cannot read an entry stops safely; nothing is lost',
    parts: [
      {
        when: 'an entry of a newer release',
        tests: scenario(
          'newer',
          'an entry %s stops everybody who cannot read it, and nothing is written behind it',
        ),
      },
      {
        when: 'servers, of the same release',
        tests: scenario(
          'servers',
          'servers are restarted one after the other at work: nothing is lost, and the fleet goes on by itself',
        ),
      },
      {
        when: 'agents, of the same release',
        tests: real('a leader that leaves hands over, and its work goes on'),
      },
      {
        when: 'servers of two releases',
        notHere: 'the tests use the one nats-server that is installed',
      },
      {
        when: 'agents of two releases',
        notHere: 'there is no release before the first',
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

const cell = (text: string): string => text.trim().replace(/\s+/g, ' ').replaceAll('|', '\\|');

export function rowsOf({ number, fault, invariant, parts }: Fault): string[][] {
  return parts.map((part, i) => [
    ...(i === 0 ? [String(number), cell(fault), cell(invariant)] : ['', '', '']),
    cell(part.when),
    'notHere' in part
      ? `not here: ${cell(part.notHere)}`
      : part.tests.map(({ file, name }) => `${cell(name)} (\`${file}\`)`).join('; '),
  ]);
}

export function pageOf(all: readonly Fault[]): string {
  return `# Faults

What befalls a fleet and its servers, what must hold through it, and the tests that hold it, on real processes and real servers
unless it says otherwise. \`make fault-table\` runs exactly these tests, also those that take too long for every day
(\`FAULTS=all\`), says of each fault whether it is held, and writes this page from \`test/chaos/table.ts\`. Power cuts and full
disks need root on Linux, and are skipped elsewhere; what cannot be done here at all says why.

| # | fault | what must hold | when | held by |
|---|---|---|---|---|
${all
  .flatMap(rowsOf)
  .map((row) => `| ${row.join(' | ')} |`)
  .join('\n')}
`;
}
