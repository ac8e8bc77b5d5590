/** What people are told of elections before they are decided. */
import { describe, expect, it } from 'vitest';
import type { AgentId } from '../../src/domain/ids.ts';
import { ElectionWatch, type ElectionNews } from '../../src/runtime/election-watch.ts';
import { Rejections } from '../../src/runtime/rejections.ts';
import { SimulatedWorld } from '../../src/simulation/index.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';

function stage() {
  const world = new SimulatedWorld({ seed: 7 });
  const watcher = world.host('watcher').ports('f');
  const candidate = world.host('candidate').ports('f');
  const subjects = subjectsOf('f');
  const news: ElectionNews[] = [];
  const silent = () => undefined;
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const rejections = new Rejections(watcher.clock, log);
  let term = 4;
  const watch = new ElectionWatch({
    ...watcher,
    subjects,
    rejections,
    term: () => term,
    onNews: (each) => news.push(each),
  });
  world.runFor(100);
  const say = (from: string, body: object): void => {
    candidate.bus.publish({
      subject: subjects.agent('election', from as AgentId),
      data: new TextEncoder().encode(JSON.stringify(body)),
      headers: { 'Content-Type': 'application/json' },
    });
    world.runFor(50);
  };
  return {
    ...{ world, watch, news, rejections, say },
    stand: (from: string, after: number) => {
      say(from, { kind: 'candidacy', incarnation: 'x', term: after, score: 2 });
    },
    begin: (next: number) => {
      term = next;
    },
  };
}

describe('an election that is heard of', () => {
  it('is told once, with its first candidate, and as failed when no term begins', () => {
    const { world, news, stand } = stage();
    for (const id of ['bob', 'ada', 'bob']) stand(id, 4);
    expect(news).toEqual([{ kind: 'election.started', term: 5, agent: 'bob', score: 2 }]);
    world.runFor(9_000);
    expect(news).toHaveLength(1);
    world.runFor(1_000);
    expect(news.slice(1)).toEqual([{ kind: 'election.failed', term: 5 }]);
    stand('ada', 4);
    world.runFor(20_000);
    expect(news).toHaveLength(2);
  });

  it('has not failed when its term, or a later one, has begun', () => {
    const { world, news, stand, begin } = stage();
    stand('bob', 4);
    begin(6);
    world.runFor(20_000);
    expect(news.map(({ kind }) => kind)).toEqual(['election.started']);
    stand('bob', 5);
    stand('bob', 6);
    expect(news.slice(1)).toMatchObject([{ kind: 'election.started', term: 7 }]);
  });

  it('is not told of answers and victories, nor of what does not fit the schema, which is counted', () => {
    const { news, rejections, say } = stage();
    say('bob', { kind: 'victory', incarnation: 'x', term: 9, sequence: 3 });
    say('bob', { kind: 'candidacy', term: 'soon' });
    expect(news).toEqual([]);
    expect(rejections.total).toBe(1);
  });

  it('is one of a few: whoever announces many terms is not remembered for all of them', () => {
    const { news, stand } = stage();
    for (let i = 0; i < 40; i += 1) stand('eve', 4 + i);
    expect(news).toHaveLength(16);
  });

  it('is told no more after the end', () => {
    const { world, watch, news, stand } = stage();
    stand('bob', 4);
    watch.close();
    stand('bob', 5);
    world.runFor(20_000);
    expect(news).toHaveLength(1);
  });
});
