/** Progress of running tasks in whole simulated fleets: what a leader, its successor and an observer show of it. */
import { expect, test } from 'vitest';
import { defaultSettings } from '../../src/domain/settings.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { defaultCharts } from '../../src/runtime/node.ts';
import { Observer } from '../../src/runtime/observer.ts';
import type { HandlerContext } from '../../src/runtime/attempts.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import type { AgentId } from '../../src/domain/ids.ts';
import type { TaskView } from '../../src/wire/views.ts';
import { Stage } from './behaviours/stage.ts';

interface Work {
  readonly stage: Stage;
  readonly id: string;
  /** Of the attempt that runs, on `w`. */
  readonly context: () => HandlerContext;
  readonly end: () => void;
  /** As the leader says. */
  readonly shown: () => Promise<TaskView['progress']>;
}

/** A task that runs on `w`, which never leads, for as long as the test likes. */
async function work(): Promise<Work> {
  const stage = new Stage(defaultCharts, 1);
  let context: HandlerContext | null = null;
  let end: () => void = () => undefined;
  const held = (_: unknown, given: HandlerContext): Promise<void> => {
    context = given;
    return new Promise((resolve) => (end = resolve));
  };
  stage.join({
    a: { priority: 1, handlers: {} },
    b: { handlers: {} },
    w: { electable: false, handlers: { work: held } },
  });
  await stage.led('a');
  await stage.stand({ a: 'alive', b: 'alive', w: 'alive' });
  const id = await stage.submit({});
  await stage.becomes(id, 'running');
  return {
    stage,
    id,
    context: () => context as HandlerContext,
    end: () => {
      end();
    },
    shown: async () => (await stage.ask(stage.client.task(id))).progress,
  };
}

test('is shown by the leader, by the one after it, and by who looks on; gone when the task has ended', async () => {
  const { stage, id, context, end, shown } = await work();
  const ports = stage.world.host('observer').ports(stage.fleet.name);
  const subjects = subjectsOf(stage.fleet.name);
  const observer = new Observer({ ...ports, subjects, settings: defaultSettings, log: silentLog });
  observer.start();
  expect(await shown()).toBeNull();
  context().progress(0.25, 'a quarter');
  await stage.run(300);
  expect(await shown()).toMatchObject({ share: 0.25, note: 'a quarter' });
  expect(observer.reader.task(id)?.progress).toMatchObject({ share: 0.25, note: 'a quarter' });

  stage.fleet.kill('a');
  await stage.led('b');
  await stage.run(1_100);
  const after = await shown();
  expect(after).toMatchObject({ share: 0.25, note: 'a quarter' });
  expect(after?.agoMs).toBeGreaterThan(1_000);

  end();
  await stage.becomes(id, 'completed');
  expect(await shown()).toBeNull();
  expect(observer.reader.task(id)?.progress).toBeNull();
  expect(JSON.stringify(stage.ledger.tasks.get(id as never))).not.toContain('a quarter');
  stage.over();
});

test('said a thousand times a second makes no more than four beats a second, and the last word is shown', async () => {
  const { stage, context, shown } = await work();
  let beats = 0;
  const subject = subjectsOf(stage.fleet.name).agent('heartbeat', 'w' as AgentId);
  stage.world
    .host('watcher')
    .ports(stage.fleet.name)
    .bus.subscribe(subject, () => {
      beats += 1;
    });
  await stage.run(10);
  for (let i = 0; i < 3_000; i++) {
    context().progress(i / 3_000, `step ${i}`);
    await stage.world.advance(1);
  }
  expect(beats).toBeGreaterThanOrEqual(8);
  expect(beats).toBeLessThanOrEqual(3 * (4 + 1) + 1);
  await stage.run(300);
  expect(await shown()).toMatchObject({ note: 'step 2999' });
  stage.over();
});

test('out of range is clamped, a note is cut, and words after the end say nothing', async () => {
  const { stage, id, context, end, shown } = await work();
  const { progress } = context();
  for (const [share, used] of [
    [1.5, 1],
    [-1, 0],
    [NaN, 0],
  ] as const) {
    progress(share, 'x'.repeat(1_000));
    await stage.run(300);
    expect(await shown()).toMatchObject({ share: used, note: 'x'.repeat(255) });
  }
  end();
  await stage.becomes(id, 'completed');
  progress(0.5, 'too late');
  await stage.run(300);
  expect(await shown()).toBeNull();
  stage.over();
});

test('of an attempt that was lost is not shown for the one after it', async () => {
  const { stage, id, context, shown } = await work();
  context().progress(0.9, 'nearly');
  await stage.run(300);
  stage.fleet.revive('w');
  await stage.until(
    'a second attempt runs',
    () => stage.task(id).attempt === 2 && stage.task(id).status === 'running',
  );
  expect(await shown()).toBeNull();
  stage.over();
});
