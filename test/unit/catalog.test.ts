/** Lists of tasks and proposals, beside a filter that looks at every one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskId } from '../../src/domain/ids.ts';
import type { FleetState, Task } from '../../src/domain/state.ts';
import { Catalog, ordinalIn, type Slice, type TaskFilter } from '../../src/runtime/catalog.ts';
import { proposalStatuses, taskStatuses } from '../../src/wire/states.ts';
import { Harness } from './harness.ts';
import { act, histories, placeSome, SoftState, type Step } from './random-history.ts';
import { tell } from './reader-stage.ts';

/** Fed from the beginning; built from the end. */
function after(steps: readonly Step[]): { fleet: Harness; fed: Catalog } {
  const fleet = new Harness();
  const fed = new Catalog(fleet.state);
  tell(fleet, (event) => {
    if ('id' in event) {
      if (event.type.startsWith('task.')) fed.touchTask(event.id as TaskId);
      if (event.type === 'proposal.decided') fed.touchProposal(event.id);
    }
    if (event.type === 'task.submitted') fed.touchTask(event.task.id);
    if (event.type === 'proposal.opened') fed.touchProposal(event.proposal.id);
  });
  const soft = new SoftState();
  for (const step of steps) {
    if (step.kind === 'place') placeSome(fleet, soft);
    else act(fleet, step, soft);
  }
  return { fleet, fed };
}

function fits(task: Task, { type, status, agent, capability, text }: TaskFilter): boolean {
  return (
    (type === undefined || task.spec.type === type) &&
    (status === undefined || task.status === status) &&
    (agent === undefined || task.attempts.at(-1)?.agent === agent) &&
    (capability === undefined || task.spec.requiredCapabilities.includes(capability)) &&
    (text === undefined || (task.spec.target ?? '').toLowerCase().includes(text.toLowerCase()))
  );
}

function slowly(state: FleetState, filter: TaskFilter, order: Slice['order']): string[] {
  const ids = [...state.tasks.values()].filter((task) => fits(task, filter)).map(({ spec }) => spec.id);
  return order === 'oldest' ? ids : ids.reverse();
}

/** Page by page, to the end. */
function walked(catalog: Catalog, filter: TaskFilter, slice: Slice): string[] {
  const found: string[] = [];
  let next: Slice | null = slice;
  while (next !== null) {
    const page = catalog.tasks(filter, next);
    found.push(...page.items.map(({ spec }) => spec.id));
    expect(page.items.length).toBeLessThanOrEqual(slice.take);
    next =
      page.next === null ? null : { ...slice, skip: page.next.skip, after: ordinalIn(page.next.after) ?? -1 };
  }
  return found;
}

const optional = <T>(values: readonly T[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
const filters = fc
  .record({
    type: optional(['scan', 'clean', 'nothing']),
    status: optional(taskStatuses),
    agent: optional(['a', 'b', 'nobody']),
    capability: optional(['x', 'y', 'none']),
  })
  .map((filter) => JSON.parse(JSON.stringify(filter)) as TaskFilter);
const orders = fc.constantFrom('oldest' as const, 'newest' as const);

describe('tasks', () => {
  it('are those that fit the filter, in order, whatever has happened to them', () => {
    const asked = fc.record({
      filter: filters,
      order: orders,
      take: fc.integer({ min: 1, max: 5 }),
      skip: fc.nat(4),
    });
    fc.assert(
      fc.property(histories(80), fc.array(asked, { minLength: 5, maxLength: 10 }), (steps, queries) => {
        const { fleet, fed } = after(steps);
        for (const { filter, order, take, skip } of queries) {
          const expected = slowly(fleet.state, filter, order);
          for (const catalog of [fed, new Catalog(fleet.state)]) {
            expect(walked(catalog, filter, { skip, take, order })).toEqual(expected.slice(skip));
            expect(catalog.tasks(filter, { skip, take, order }).total).toBe(expected.length);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('that are dropped from the state are in no list', () => {
    const fleet = new Harness();
    fleet.join('a', { slots: 9, capabilities: ['x'] });
    const [first, second] = [1, 2].map(() => fleet.running('a', { requiredCapabilities: ['x'] }));
    const catalog = new Catalog(fleet.state);
    fleet.state.tasks.delete(first as TaskId);
    catalog.touchTask(first as TaskId);
    for (const filter of [
      {},
      { type: 'scan' },
      { status: 'running' },
      { agent: 'a' },
      { capability: 'x' },
    ] as const) {
      const { items, total } = catalog.tasks(filter, { skip: 0, take: 9, order: 'oldest' });
      expect([items.map(({ spec }) => spec.id), total]).toEqual([[second], 1]);
    }
  });

  it('that come or change while somebody pages shift nothing', () => {
    const fleet = new Harness();
    fleet.join('a', { slots: 9 });
    const ids = fleet.submitAll(Array.from({ length: 6 }, () => ({})));
    const catalog = new Catalog(fleet.state);
    const page = { skip: 0, take: 2, order: 'oldest' } as const;
    const first = catalog.tasks({ status: 'pending' }, page);
    fleet.assign(ids[0] as TaskId, 'a');
    catalog.touchTask(ids[0] as TaskId);
    catalog.touchTask(fleet.submit());
    const second = catalog.tasks({ status: 'pending' }, { ...page, after: Number(first.next?.after) });
    expect(second.items.map(({ spec }) => spec.id)).toEqual(ids.slice(2, 4));
  });
});

describe('tasks with a text in their target', () => {
  const targets = ['Host-A', 'host-b', null, 'other', 'my HOST'];
  const page = { skip: 0, take: 2, order: 'oldest' } as const;

  it('are found in capitals or not, and counted', () => {
    const fleet = new Harness();
    fleet.submitAll(targets.map((target) => ({ target })));
    const catalog = new Catalog(fleet.state);
    const all = slowly(fleet.state, { text: 'hOST' }, 'oldest');
    expect(all).toHaveLength(3);
    expect(walked(catalog, { text: 'hOST' }, page)).toEqual(all);
    const first = catalog.tasks({ text: 'host' }, page);
    expect(first.total).toBe(3);
    expect(catalog.tasks({ text: 'host' }, { ...page, after: Number(first.next?.after) }).total).toBe(3);
    expect(catalog.tasks({ text: 'host' }, { ...page, skip: 2 }).items).toHaveLength(1);
  });

  it('are looked for among so many only for one page, and on the next ones further on', () => {
    const fleet = new Harness({ submitTasksMax: 100_000 });
    const rare = (i: number): boolean => i % 7_000 === 6_999;
    fleet.submitAll(Array.from({ length: 25_000 }, (_, i) => ({ target: rare(i) ? 'needle' : 'hay' })));
    const catalog = new Catalog(fleet.state);
    const empty = catalog.tasks({ text: 'none' }, page);
    expect(empty).toMatchObject({ items: [], total: null, next: { after: '9999', skip: 0 } });
    for (const order of ['oldest', 'newest'] as const) {
      for (const skip of [0, 2]) {
        const expected = slowly(fleet.state, { text: 'needle' }, order).slice(skip);
        expect(walked(catalog, { text: 'needle' }, { skip, take: 1, order })).toEqual(expected);
      }
    }
  });
});

describe('proposals', () => {
  it('are those with the status, in order of opening', () => {
    fc.assert(
      fc.property(
        histories(60),
        orders,
        fc.option(fc.constantFrom(...proposalStatuses)),
        (steps, order, status) => {
          const { fleet, fed } = after(steps);
          const all = [...fleet.state.proposals.values()]
            .filter((each) => status === null || each.status === status)
            .map(({ spec }) => spec.id);
          const expected = order === 'oldest' ? all : all.reverse();
          for (const catalog of [fed, new Catalog(fleet.state)]) {
            const found: string[] = [];
            let slice: Slice | null = { skip: 0, take: 2, order };
            while (slice !== null) {
              const page = catalog.proposals(status === null ? {} : { status }, slice);
              expect(page.total).toBe(expected.length);
              found.push(...page.items.map(({ spec }) => spec.id));
              slice = page.next === null ? null : { ...slice, after: catalog.placeOf(page.next.after) };
            }
            expect(found).toEqual(expected);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('go on behind one that was dropped meanwhile, also in a catalog that never had it', () => {
    const fleet = new Harness();
    fleet.join('a');
    const ids = [1, 2, 3].map(() => fleet.propose());
    const [first, second, third] = ids;
    const fed = new Catalog(fleet.state);
    if (second === undefined) throw new Error('no proposal');
    fleet.state.proposals.delete(second);
    fed.touchProposal(second);
    for (const catalog of [fed, new Catalog(fleet.state)]) {
      const behind = (order: Slice['order']): string[] => {
        const slice = { skip: 0, take: 9, order, after: catalog.placeOf(second) };
        return catalog.proposals({ status: 'open' }, slice).items.map(({ spec }) => spec.id);
      };
      expect([behind('oldest'), behind('newest')]).toEqual([[third], [first]]);
      expect(catalog.proposals({}, { skip: 0, take: 9, order: 'oldest' }).total).toBe(2);
    }
  });

  it('leave no trace when they are dropped, however many', () => {
    const fleet = new Harness({ proposalsOpenMax: 10_000 });
    fleet.join('a');
    const catalog = new Catalog(fleet.state);
    const ids = Array.from({ length: 3_000 }, () => fleet.propose());
    for (const id of ids) catalog.touchProposal(id);
    for (const id of ids.slice(0, -2)) {
      fleet.state.proposals.delete(id);
      catalog.touchProposal(id);
    }
    const { items } = catalog.proposals({}, { skip: 0, take: 9, order: 'newest' });
    expect(items.map(({ spec }) => spec.id)).toEqual(ids.slice(-2).reverse());
    expect(catalog.placeOf(ids.at(-1) ?? '')).toBeLessThan(2_000);
  });
});
