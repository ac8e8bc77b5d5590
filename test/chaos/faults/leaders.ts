/** What befalls the agent that leads, and those who would: deaths, cuts, clocks, answers that are lost. */
import { of, simulated } from '../../behaviours/row.ts';
import { adapter, faulty, scenario, type Fault } from './fault.ts';

export const leaders: readonly Fault[] = [
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
          'an append that is let go when another term has its slot is refused, and nothing of it is begun or seen',
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
          'an append that is let go when another term has its slot is refused, and nothing of it is begun or seen',
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
];
