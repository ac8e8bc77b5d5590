/** What befalls the servers and their disks. */
import { of, real } from '../../behaviours/row.ts';
import { adapter, faulty, scenario, snapshots, type Fault } from './fault.ts';

export const servers: readonly Fault[] = [
  {
    number: 6,
    fault: 'the server that leads the ledger of three copies is killed with -9, under load',
    invariant: 'nothing acknowledged is lost; writes go on; the leader keeps its term',
    parts: [
      {
        when: 'the leader is connected to another server, and waits 25 s for them to elect',
        tests: scenario(
          'servers',
          'the server that leads the ledger is killed at work: writes go on, nothing is lost, and the same agent leads',
        ),
      },
      {
        when: 'for as long as servers may take to elect, simulated',
        tests: of('test/simulation/fail-over.test.ts', 'the leader keeps its term meanwhile (seed %i)'),
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
        when: 'made anew, or put back, while nobody runs, and its snapshots stay',
        tests: [
          ...snapshots(
            'nobody leads on a ledger that was made anew while nobody ran: its snapshots tell, and stay',
            'nobody leads on a ledger that was put back to an older copy while nobody ran',
          ),
          ...of(
            'test/integration/broken-stream.test.ts',
            'deleted while nobody ran: its snapshots tell, an agent that starts says what to do, and a new ledger is not begun',
          ),
        ],
      },
      {
        when: 'put back together with its snapshots, while nobody runs who has read what is gone',
        notHere:
          'what a fleet knows is in its two streams: whoever starts then takes the older copies for the whole, as their operator wished',
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
        notHere:
          'the tests use the one nats-server that is installed. By hand, from 2.14.9 to 2.15.1 and back, it held (`test/integration/releases.test.ts`)',
      },
      {
        when: 'agents of two releases',
        notHere: 'there is no release before the first',
      },
    ],
  },
];
