/** Joining, changing, draining, leaving and dying: SPEC A2, A3, A5, A7. */
import { describe, expect, it } from 'vitest';
import {
  decideDeath,
  decideDrain,
  decideJoin,
  decideLeave,
  decideRemove,
  decideResume,
  holderToProbe,
  type HolderVerdict,
} from '../../src/domain/decide-members.ts';
import { decideBallot } from '../../src/domain/decide-proposals.ts';
import { decideCancel } from '../../src/domain/decide-tasks.ts';
import { decideTimer } from '../../src/domain/decide-time.ts';
import type { Profile } from '../../src/domain/events.ts';
import { accept, agent, goneHolder, Harness, life, profileOf, refusalOf } from './harness.ts';

const request = (id: string, incarnation: string, profile: Partial<Profile> = {}) => ({
  id: agent(id),
  incarnation: life(incarnation),
  profile: profileOf(profile),
});

describe('a join', () => {
  it('makes a member that is alive', () => {
    const fleet = new Harness();
    const member = fleet.join('a', { slots: 3, capabilities: ['x'] });
    expect(member).toMatchObject({
      status: 'alive',
      incarnation: 'a-1',
      since: fleet.at,
      joinedAt: fleet.at,
    });
    expect(member.profile).toMatchObject({ slots: 3, capabilities: ['x'] });
  });

  it('again, by the same life, changes nothing', () => {
    const fleet = new Harness();
    fleet.join('a');
    expect(fleet.typesOf(() => fleet.join('a'))).toEqual([]);
  });

  it('again, by the same life with another profile, updates it and touches no work', () => {
    const fleet = new Harness();
    fleet.join('a', { slots: 2 });
    const id = fleet.running('a');
    expect(fleet.typesOf(() => fleet.join('a', { slots: 1, priority: 4 }))).toEqual(['member.updated']);
    expect(fleet.member('a').profile).toMatchObject({ slots: 1, priority: 4 });
    expect(fleet.member('a').held).toEqual(new Set([id]));
  });

  it('beyond the limit is refused, but not that of somebody who is known', () => {
    const fleet = new Harness({ membersMax: 1 });
    fleet.join('a');
    expect(refusalOf(decideJoin(fleet, request('b', 'b-1')))).toBe('LIMIT_REACHED');
    decideDeath(fleet, fleet.member('a'), 'fell silent');
    expect(refusalOf(decideJoin(fleet, request('b', 'b-1')))).toBe('LIMIT_REACHED');
    expect(refusalOf(decideJoin(fleet, request('a', 'a-2')))).toBe('accepted');
  });
});

describe('a join by another life of a present id', () => {
  const second = request('a', 'a-2');

  it('needs a look at the holder; no other join does', () => {
    const fleet = new Harness();
    expect(holderToProbe(fleet, second)).toBeNull();
    fleet.join('a');
    expect(holderToProbe(fleet, request('a', 'a-1'))).toBeNull();
    expect(holderToProbe(fleet, second)).toBe(fleet.member('a'));
    decideDrain(fleet, agent('a'));
    expect(holderToProbe(fleet, second)).toBe(fleet.member('a'));
    decideDeath(fleet, fleet.member('a'), 'fell silent');
    expect(holderToProbe(fleet, second)).toBeNull();
  });

  it.each<[HolderVerdict | undefined, string]>([
    ['alive', 'ID_TAKEN'],
    ['silent', 'HOLDER_SILENT'],
    [undefined, 'HOLDER_SILENT'],
  ])('is refused while the holder is %s, and the holder is named', (holder, code) => {
    const fleet = new Harness();
    fleet.join('a');
    const types = fleet.typesOf(() => {
      const probed = holder === undefined ? null : { incarnation: life('a-1'), verdict: holder };
      const verdict = decideJoin(fleet, second, probed);
      expect(refusalOf(verdict)).toBe(code);
      expect(verdict).toMatchObject({ problem: { message: expect.stringContaining('a-1') } });
    });
    expect(types).toEqual([]);
  });

  it('is refused when the holder that was found gone is not the one of now', () => {
    const fleet = new Harness();
    fleet.join('a');
    const found = goneHolder(fleet, 'a');
    accept(decideJoin(fleet, second, found));
    const types = fleet.typesOf(() => {
      expect(refusalOf(decideJoin(fleet, request('a', 'a-3'), found))).toBe('HOLDER_SILENT');
    });
    expect(types).toEqual([]);
    expect(fleet.member('a')).toMatchObject({ status: 'alive', incarnation: 'a-2' });
  });

  it('takes the id of a holder that is gone: its attempts end as lost, in one entry', () => {
    const fleet = new Harness();
    fleet.join('a', { slots: 3 });
    const ids = [fleet.running('a'), fleet.running('a')];
    fleet.wait(1);
    accept(decideJoin(fleet, second, goneHolder(fleet, 'a')));
    const types = fleet.entries.at(-1)?.events.map((event) => event.type);
    expect(types).toEqual(['task.attemptLost', 'task.attemptLost', 'member.died', 'member.joined']);
    expect(fleet.member('a')).toMatchObject({ status: 'alive', incarnation: 'a-2', held: new Set() });
    for (const id of ids)
      expect(fleet.task(id)).toMatchObject({ status: 'pending', attempts: [{ end: 'lost' }] });
  });

  it.each([
    ['left', (fleet: Harness) => decideLeave(fleet, fleet.member('a'))],
    ['died', (fleet: Harness) => decideDeath(fleet, fleet.member('a'), 'fell silent')],
  ])('needs nobody’s leave when the holder has %s', (_, go) => {
    const fleet = new Harness();
    fleet.join('a');
    go(fleet);
    expect(fleet.typesOf(() => accept(decideJoin(fleet, second)))).toEqual(['member.joined']);
    expect(fleet.member('a')).toMatchObject({ status: 'alive', incarnation: 'a-2' });
  });
});

it('a dead member that comes back is alive, with what it had completed', () => {
  const fleet = new Harness();
  fleet.join('a');
  fleet.completed(fleet.running('a'));
  decideDeath(fleet, fleet.member('a'), 'fell silent');
  fleet.wait(10);
  expect(fleet.join('a')).toMatchObject({ status: 'alive', completed: 1, joinedAt: fleet.at });
});

describe('draining', () => {
  it('keeps the work and takes no more, until resumed', () => {
    const fleet = new Harness();
    fleet.join('a', { slots: 2 });
    const id = fleet.running('a');
    accept(decideDrain(fleet, agent('a')));
    expect(fleet.member('a')).toMatchObject({ status: 'draining', held: new Set([id]) });
    const waiting = fleet.submit();
    expect(() => fleet.assign(waiting, 'a')).toThrow('draining');
    accept(decideResume(fleet, agent('a')));
    expect(fleet.member('a').status).toBe('alive');
  });

  it('again, or resuming who does not drain, changes nothing', () => {
    const fleet = new Harness();
    fleet.join('a');
    expect(fleet.typesOf(() => accept(decideResume(fleet, agent('a'))))).toEqual([]);
    decideDrain(fleet, agent('a'));
    expect(fleet.typesOf(() => accept(decideDrain(fleet, agent('a'))))).toEqual([]);
  });

  it('somebody who is not there is refused', () => {
    const fleet = new Harness();
    expect(refusalOf(decideDrain(fleet, agent('a')))).toBe('NOT_FOUND');
    decideLeave(fleet, fleet.join('a'));
    expect(refusalOf(decideDrain(fleet, agent('a')))).toBe('NOT_FOUND');
    expect(refusalOf(decideResume(fleet, agent('a')))).toBe('NOT_FOUND');
  });
});

describe('leaving', () => {
  it('hands everything back, which does not count, and is left, not dead', () => {
    const fleet = new Harness();
    fleet.join('a', { slots: 3 });
    const running = fleet.running('a', { maxRetries: 0 });
    const assigned = fleet.submit();
    fleet.assign(assigned, 'a');
    const cancelling = fleet.running('a');
    decideCancel(fleet, cancelling);
    accept(decideLeave(fleet, fleet.member('a')));
    expect(fleet.task(running)).toMatchObject({
      status: 'pending',
      failures: 0,
      attempts: [{ end: 'returned' }],
    });
    expect(fleet.task(assigned).status).toBe('pending');
    expect(fleet.task(cancelling).status).toBe('cancelled');
    expect(fleet.member('a')).toMatchObject({ status: 'left', held: new Set(), since: fleet.at });
    expect(fleet.state.counts.deaths).toBe(0);
  });

  it.each([
    ['an unknown agent', 'b', 'b-1'],
    ['another life', 'a', 'a-0'],
  ])('of %s changes nothing', (_, id, incarnation) => {
    const fleet = new Harness();
    fleet.join('a');
    const types = fleet.typesOf(() =>
      accept(decideLeave(fleet, { id: agent(id), incarnation: life(incarnation) })),
    );
    expect(types).toEqual([]);
  });

  it('again changes nothing', () => {
    const fleet = new Harness();
    const { id, incarnation } = fleet.join('a');
    accept(decideLeave(fleet, { id, incarnation }));
    expect(fleet.typesOf(() => accept(decideLeave(fleet, { id, incarnation })))).toEqual([]);
  });
});

describe('a death', () => {
  it('is counted, and says why', () => {
    const fleet = new Harness();
    decideDeath(fleet, fleet.join('a'), 'is not connected');
    expect(fleet.member('a').status).toBe('dead');
    expect(fleet.state.counts.deaths).toBe(1);
    expect(fleet.events('member.died')).toMatchObject([{ id: 'a', reason: 'is not connected' }]);
  });

  it('of one who drains is a death too', () => {
    const fleet = new Harness();
    fleet.join('a');
    decideDrain(fleet, agent('a'));
    decideDeath(fleet, fleet.member('a'), 'fell silent');
    expect(fleet.member('a').status).toBe('dead');
  });

  it('touches nobody else’s work', () => {
    const fleet = new Harness();
    fleet.join('a');
    fleet.join('b');
    const id = fleet.running('b');
    decideDeath(fleet, fleet.member('a'), 'fell silent');
    expect(fleet.task(id).status).toBe('running');
  });
});

describe('a removal', () => {
  it('is a death first, in one entry: work is lost, proposals are settled, the member is gone', () => {
    const fleet = new Harness();
    fleet.join('a');
    fleet.join('b');
    const id = fleet.running('a');
    const proposal = fleet.propose({ quorum: 0.5 });
    accept(decideBallot(fleet, { proposal, voter: 'b', decision: 'abstain', reason: null }));
    expect(fleet.typesOf(() => decideRemove(fleet, agent('a')))).toEqual([
      'task.attemptLost',
      'member.died',
      'proposal.decided',
      'member.removed',
    ]);
    expect(fleet.state.members.has(agent('a'))).toBe(false);
    expect(fleet.task(id)).toMatchObject({ status: 'pending', attempts: [{ agent: 'a', end: 'lost' }] });
  });

  it('refuses that process, for as long as the settings say, and no other', () => {
    const fleet = new Harness({ refuseRemovedMs: 1_000 });
    fleet.join('a');
    accept(decideRemove(fleet, agent('a')));
    expect(refusalOf(decideJoin(fleet, request('a', 'a-1')))).toBe('REMOVED');
    accept(decideJoin(fleet, request('a', 'a-2')));
    fleet.wait(999);
    expect(refusalOf(decideJoin(fleet, request('a', 'a-1'), goneHolder(fleet, 'a')))).toBe('REMOVED');
    fleet.wait(1);
    fleet.join('b');
    expect(
      refusalOf(decideJoin(fleet, request('a', 'a-1'), { ...goneHolder(fleet, 'a'), verdict: 'alive' })),
    ).toBe('ID_TAKEN');
    expect(fleet.state.removed.size).toBe(0);
  });

  it('of who left or died forgets it at once, and is no death', () => {
    const fleet = new Harness();
    decideLeave(fleet, fleet.join('a'));
    decideDeath(fleet, fleet.join('b'), 'fell silent');
    for (const id of ['a', 'b'])
      expect(fleet.typesOf(() => decideRemove(fleet, agent(id)))).toEqual(['member.removed']);
    expect(fleet.state.members.size).toBe(0);
    expect(fleet.state.counts.deaths).toBe(1);
  });

  it('of somebody unknown is refused, and so are more than are remembered', () => {
    const fleet = new Harness({ membersMax: 1 });
    expect(refusalOf(decideRemove(fleet, agent('a')))).toBe('NOT_FOUND');
    fleet.join('a');
    accept(decideRemove(fleet, agent('a')));
    accept(decideJoin(fleet, request('a', 'a-2')));
    expect(refusalOf(decideRemove(fleet, agent('a')))).toBe('LIMIT_REACHED');
  });
});

it('a task of which the dead had the last attempt can still be read after the dead is forgotten', () => {
  const fleet = new Harness({ forgetMembersMs: 100 });
  fleet.join('a');
  const id = fleet.running('a', { maxRetries: 0 });
  decideDeath(fleet, fleet.member('a'), 'fell silent');
  fleet.wait(100);
  decideTimer(fleet, { kind: 'member.forget', at: fleet.at, id: agent('a') });
  expect(fleet.state.members.size).toBe(0);
  expect(fleet.task(id).attempts).toMatchObject([{ agent: 'a', end: 'lost' }]);
});
