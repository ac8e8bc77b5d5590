/** What a standby concludes of its leader's answers, its silence, and the entries that come: DESIGN §6. */
import { expect, test } from 'vitest';
import { defaultSettings } from '../../src/domain/settings.ts';
import { LeaderWatch } from '../../src/runtime/leader-watch.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { Rejections } from '../../src/runtime/rejections.ts';
import { encode } from '../../src/wire/codec.ts';
import type { InboxReply } from '../../src/wire/messages.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { agent, Harness } from '../unit/harness.ts';
import { portsOf, worldOf } from './talk.ts';

const leads: InboxReply = { incarnation: 'a-1', isLeading: true, term: 2, sequence: 0 };

/** `a` leads, and its inbox answers so: null, not at all; undefined: nobody is there. */
function stage(reply: InboxReply | null | undefined) {
  const world = worldOf();
  const subjects = subjectsOf('f');
  const fleet = new Harness();
  fleet.lead('a');
  const { bus: inbox } = portsOf(world, 'a');
  if (reply !== undefined)
    inbox.subscribe(subjects.inbox(agent('a')), (message) => {
      if (reply !== null)
        message.respond(encode(reply, 'msgpack'), { 'Content-Type': 'application/msgpack' });
    });
  world.runFor(10);
  const { clock, bus } = portsOf(world, 'b');
  const heard: string[] = [];
  const watch = new LeaderWatch({
    clock,
    bus,
    subjects,
    settings: defaultSettings,
    rejections: new Rejections(clock, silentLog),
    state: () => fleet.state,
    lastEntryAt: () => 0,
    isWatching: () => true,
    isSelf: () => false,
    onVacancy: (cause) => heard.push(cause),
    onAlive: () => heard.push('alive'),
    onBehind: () => undefined,
  });
  world.runFor(200);
  watch.start();
  return { world, watch, heard };
}

test('who answers as the leader that the ledger names is alive', () => {
  const { world, heard } = stage(leads);
  world.runFor(2_000);
  expect(new Set(heard)).toEqual(new Set(['alive']));
});

test('who says that it leads no more is missed at once', () => {
  const { world, heard } = stage({ ...leads, isLeading: false });
  world.runFor(50);
  expect(heard).toEqual(['leader.resigned']);
});

test('a leader whose inbox another process answers is gone', () => {
  const { world, heard } = stage({ ...leads, incarnation: 'a-2' });
  world.runFor(50);
  expect(heard).toEqual(['leader.gone']);
});

test('a leader whose inbox is not there is gone', () => {
  const { world, heard } = stage(undefined);
  world.runFor(50);
  expect(heard).toEqual(['leader.gone']);
});

test('silence is missed after the timeout, and not before', () => {
  const { world, heard } = stage(null);
  world.runFor(defaultSettings.leaderSilenceMs - 250);
  expect(heard).toEqual([]);
  world.runFor(1_000);
  expect(new Set(heard)).toEqual(new Set(['leader.silent']));
});

test('a wall clock that jumps makes no silence', () => {
  const { world, heard } = stage(null);
  world.runFor(500);
  world.host('b').skewWall(3_600_000);
  world.runFor(300);
  expect(heard).toEqual([]);
});

test('an entry that comes right after the suspicion proves nothing, a later one does', () => {
  const { world, watch, heard } = stage(undefined);
  world.runFor(50);
  watch.entered();
  expect(heard).toEqual(['leader.gone']);
  world.runFor(100);
  watch.entered();
  expect(heard).toEqual(['leader.gone', 'alive']);
});
