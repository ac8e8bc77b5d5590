/** Whose beats are remembered. */
import { expect, it } from 'vitest';
import type { AgentId } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { Rejections } from '../../src/runtime/rejections.ts';
import { Roster } from '../../src/runtime/roster.ts';
import { SimulatedWorld } from '../../src/simulation/index.ts';
import { encode } from '../../src/wire/codec.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { beatOf } from '../support/beats.ts';

const subjects = subjectsOf('default');

it('whoever is silent makes room for new agents, and who beats stays', async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const { bus } = world.host('agents').ports('default');
  const { clock, bus: ear } = world.host('a').ports('default');
  const rejections = new Rejections(clock, silentLog);
  const roster = new Roster({ clock, bus: ear, subjects, rejections, presumedMs: () => 1_000 });
  const say = async (id: string): Promise<void> => {
    bus.publish({ subject: subjects.agent('heartbeat', id as AgentId), data: encode(beatOf(), 'json') });
    await world.advance(1);
  };
  const isHeard = (id: string): boolean => roster.get(id as AgentId) !== undefined;
  await world.advance(1_000);
  for (let i = 0; i < 20_000; i += 1) await say(`old_${i}`);
  await world.advance(1_000);
  await say('old_0');
  await say('new');
  await world.advance(100);
  expect(['old_0', 'old_1', 'old_19999', 'new'].filter(isHeard)).toEqual(['old_0', 'old_19999', 'new']);
});

it('a beat that comes behind a later one of the same process is not heeded', async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const { bus } = world.host('agents').ports('default');
  const { clock, bus: ear } = world.host('a').ports('default');
  const rejections = new Rejections(clock, silentLog);
  const roster = new Roster({ clock, bus: ear, subjects, rejections, presumedMs: () => 1_000 });
  const id = 'ada' as AgentId;
  const heard: unknown[] = [];
  roster.onBeat(({ incarnation, number, health }) => heard.push([incarnation, number, health]));
  const say = (change: object): void => {
    const data = encode({ ...beatOf(), ...change }, 'json');
    bus.publish({ subject: subjects.agent('heartbeat', id), data });
  };
  say({ number: 1, health: 0.1 });
  say({ number: 3, health: 0.3 });
  say({ number: 2, health: 0.2 });
  say({ number: 3, health: 0.3 });
  say({ number: 1, incarnation: 'another' });
  await world.advance(100);
  expect(heard).toEqual([
    ['i', 1, 0.1],
    ['i', 3, 0.3],
    ['another', 1, 1],
  ]);
  expect(roster.get(id)?.incarnation).toBe('another');
});
