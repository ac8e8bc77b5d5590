/** The bully algorithm: every state with every event, under every answer of its guards. */
import { describe, expect, it } from 'vitest';
import { electionMachine, type ElectionContext } from '../../actors/election.ts';
import { at, delaysOf, start, step, walk } from './chart.ts';
import { expectAllReached, matrixOf, plain, untaken, type Matrix } from './matrix.ts';

const candidacy = (from: string, isBetter: boolean) =>
  ({ type: 'candidacy', from, isBetter, now: 9 }) as const;
const answer = (from: string) => ({ type: 'answer', from }) as const;
const events = {
  vacancy: { type: 'vacancy', cause: 'leader.gone', now: 7 },
  ...plain(
    'leader.alive',
    'term.started',
    'claim.won',
    'claim.lost',
    'term.over',
    'resign',
    'dismissed',
    'called',
  ),
  'a better one stands': candidacy('better', true),
  'a weaker one stands': candidacy('weaker', false),
  'an ignored one stands': candidacy('ignored', true),
  'a better one answers': answer('better'),
  'an ignored one answers': answer('ignored'),
};
const context = { ignored: ['ignored'] };
const chart = (canLead: boolean, isKnownBest: boolean) =>
  electionMachine.provide({ guards: { canLead: () => canLead, isKnownBest: () => isKnownBest } });

const machine = chart(true, false);
const claimWindow = delaysOf(machine, 'deferring').get('after claimWindow')!;
const answerWindow = delaysOf(machine, 'campaigning.standing').get('after answerWindow')!;
const candidacyDelay = delaysOf(machine, 'campaigning.delaying').get('after candidacyDelay')!;

const expected: Matrix = {
  follower: { vacancy: 'campaigning.delaying ! +candidacyDelay', dismissed: 'dormant ! sleep' },
  dormant: { called: 'follower ! wake' },
  'campaigning.delaying': {
    'leader.alive': 'follower ! -candidacyDelay',
    'term.started': 'follower ! -candidacyDelay',
    'a better one stands': 'deferring ! -candidacyDelay +claimWindow',
    'a better one answers': 'deferring ! -candidacyDelay +claimWindow',
    'a weaker one stands': 'campaigning.delaying ! answer',
    'after candidacyDelay': 'campaigning.standing ! -candidacyDelay announceCandidacy +answerWindow',
  },
  'campaigning.standing': {
    'leader.alive': 'follower ! -answerWindow',
    'term.started': 'follower ! -answerWindow',
    'a better one stands': 'deferring ! -answerWindow +claimWindow',
    'a better one answers': 'deferring ! -answerWindow +claimWindow',
    'a weaker one stands': 'campaigning.standing ! answer',
    'after answerWindow': 'claiming ! -answerWindow claim',
  },
  deferring: {
    'leader.alive': 'follower ! -claimWindow',
    'term.started': 'follower ! -claimWindow',
    'after claimWindow': 'campaigning.delaying ! -claimWindow +candidacyDelay',
  },
  claiming: { 'claim.won': 'leading ! announceVictory', 'claim.lost': 'follower' },
  leading: {
    'term.over': 'follower',
    resign: 'resigning ! resign',
    'a better one stands': 'leading ! announceVictory',
    'a weaker one stands': 'leading ! announceVictory',
    'an ignored one stands': 'leading ! announceVictory',
  },
  resigning: { 'term.over': 'follower' },
};

it('begins as a follower', () => {
  expect(start(machine).text).toBe('follower');
});

it('does in every state, with every event, what the table says', () => {
  expect(matrixOf(machine, events, context)).toEqual(expected);
});

it('has no edge that is never taken, and no state that is never reached', () => {
  const variants = [machine, chart(true, true), chart(false, false)].map((each) => ({
    machine: each,
    events,
    context,
  }));
  expect(untaken(variants)).toEqual([]);
  expectAllReached(machine, events);
});

describe('who cannot lead now', () => {
  it('does not stand', () => {
    expect(matrixOf(chart(false, false), events, context)['follower']).toEqual({
      dismissed: 'dormant ! sleep',
    });
  });

  it('by itself, an agent can lead and is not known to be the best', () => {
    expect(step(electionMachine, at(electionMachine, 'follower'), events.vacancy).text).toContain(
      'campaigning.delaying',
    );
    expect(step(electionMachine, at(electionMachine, 'campaigning.delaying'), candidacyDelay).text).toContain(
      'standing',
    );
  });
});

describe('who is known to be the best', () => {
  it('announces itself and claims at once, without the window', () => {
    const best = chart(true, true);
    expect(step(best, at(best, 'campaigning.delaying'), candidacyDelay).text).toBe(
      'claiming ! -candidacyDelay announceCandidacy +answerWindow -answerWindow claim',
    );
  });

  it('still waits its delay, and still defers to a better one that stands meanwhile', () => {
    const best = chart(true, true);
    expect(walk(best, [events.vacancy, events['a better one stands']]).at(-1)).toBe(
      'deferring ! -candidacyDelay +claimWindow',
    );
  });
});

describe('a better one that answers and does not claim in time', () => {
  const path = [events.vacancy, candidacyDelay, answer('late'), claimWindow];

  it('is ignored for the rest of this election: neither its answer nor its candidacy holds up the claim', () => {
    expect(
      walk(machine, [
        ...path,
        answer('late'),
        candidacy('late', true),
        candidacyDelay,
        answer('late'),
        answerWindow,
      ]),
    ).toEqual([
      'campaigning.delaying ! +candidacyDelay',
      'campaigning.standing ! -candidacyDelay announceCandidacy +answerWindow',
      'deferring ! -answerWindow +claimWindow',
      'campaigning.delaying ! -claimWindow +candidacyDelay',
      'campaigning.delaying',
      'campaigning.delaying',
      'campaigning.standing ! -candidacyDelay announceCandidacy +answerWindow',
      'campaigning.standing',
      'claiming ! -answerWindow claim',
    ]);
  });

  it('makes nobody else ignored', () => {
    expect(walk(machine, [...path, answer('other')]).at(-1)).toContain('deferring');
  });

  it('is remembered along with the ones before it', () => {
    const both = [...path, answer('other'), claimWindow];
    expect(contextAfter(both).ignored).toEqual(['late', 'other']);
    expect(walk(machine, [...both, answer('late'), answer('other')]).at(-1)).toBe('campaigning.delaying');
  });

  it('is heard again in the next election', () => {
    const next = [...path, events['term.started'], events.vacancy, answer('late')];
    expect(walk(machine, next).at(-1)).toContain('deferring');
    expect(contextAfter([...path, events['term.started'], events.vacancy])).toEqual({
      cause: 'leader.gone',
      since: 7,
      ignored: [],
      deferredTo: null,
    });
  });

  const contextAfter = (path: Parameters<typeof walk>[1]): ElectionContext => {
    let snapshot = at(machine, 'follower');
    for (const event of path) snapshot = step(machine, snapshot, event).snapshot;
    return snapshot.context as ElectionContext;
  };
});

it('claims with the cause of the vacancy and the moment when it was noticed', () => {
  const standing = at(machine, 'campaigning.standing', { cause: 'trigger', since: 42 });
  const claim = step(machine, standing, answerWindow).actions.find((action) => action.type === 'claim');
  expect(claim?.params).toEqual({ cause: 'trigger', since: 42 });
});

it('a weaker one that stands is answered, and stays a candidate’s own affair', () => {
  const path = [
    events.vacancy,
    events['a weaker one stands'],
    candidacyDelay,
    events['a weaker one stands'],
    answerWindow,
  ];
  expect(walk(machine, path).map((text) => text.split(' ')[0])).toEqual([
    'campaigning.delaying',
    'campaigning.delaying',
    'campaigning.standing',
    'campaigning.standing',
    'claiming',
  ]);
});
