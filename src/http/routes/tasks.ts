/** Tasks: submit one or many, list, look at, cancel, retry. */
import type { FastifyInstance } from 'fastify';
import { noTask } from '../../domain/decide-tasks.ts';
import { ConclaveError } from '../../domain/errors.ts';
import type { TasksQuery } from '../../wire/messages.ts';
import type { TaskView } from '../../wire/views.ts';
import type { Backend } from '../backend.ts';
import { IDEMPOTENCY_HEADER } from '../headers.ts';
import { answers, problems, ref } from '../openapi.ts';
import { byId, pages, queries } from '../pages.ts';
import { inputHeaders, readHeaders } from '../header-schemas.ts';
import { fieldPath } from '../naming.ts';
import { asOf, examples, shapes } from '../schemas.ts';
import { compileEither } from '../validation.ts';
import { keysOf, type Exchange } from '../writes.ts';

const path = '/coordination/tasks';
const oneTask = { ...shapes.taskInput.schema, title: 'one task' };
const manyTasks = {
  title: 'many tasks, all or nothing',
  type: 'object',
  required: ['tasks'],
  properties: {
    tasks: { type: 'array', minItems: 1, items: shapes.taskInput.schema, description: 'at most 1,000' },
  },
  additionalProperties: false,
};
const created = {
  title: 'many tasks',
  type: 'object',
  required: ['task_ids', 'as_of'],
  properties: {
    task_ids: {
      type: 'array',
      items: { type: 'string' },
      description: 'in the order in which they were given',
    },
    as_of: asOf,
  },
};
/** The fleet has it, and this server could not read so far in time. */
const unseen = {
  title: 'a task that this server has not read yet',
  type: 'object',
  required: ['task_id', 'as_of'],
  properties: { task_id: { type: 'string', description: 'its id' }, as_of: asOf },
};

const maybeUnseen = { anyOf: [ref('Task'), unseen] };

interface ById {
  readonly Params: { readonly task_id: string };
}

export function addTaskRoutes(app: FastifyInstance, backend: Backend): void {
  addSubmit(app, backend);
  addLooks(app, backend);
  addExplanation(app, backend);
  addCancel(app, backend);
  addRetry(app, backend);
}

function addSubmit(app: FastifyInstance, { writes, reads, reader, freshKey }: Backend): void {
  app.post<{ Body: object }>(
    path,
    {
      config: { scope: 'operate' },
      validatorCompiler: compileEither({ field: 'tasks', without: oneTask, with: manyTasks }),
      schema: {
        operationId: 'createTask',
        tags: ['tasks'],
        summary: 'Submit a task, or many at once',
        description: `Answered when the ledger has it. With \`${IDEMPOTENCY_HEADER}\`, a repeat within an hour is answered like the first time.`,
        headers: inputHeaders,
        body: { anyOf: [oneTask, manyTasks], examples: [examples.task, examples.batch] },
        response: {
          201: answers(
            'created',
            { anyOf: [ref('Task'), created, unseen] },
            { Location: 'address of the task, if it is one' },
          ),
          ...problems(409, 413, 415),
        },
      },
    },
    async (request, reply) => {
      const body = request.body as object;
      const given = 'tasks' in body ? (body.tasks as readonly object[]) : [body];
      const tasks = given.map((task) => shapes.taskInput.inward(task));
      const message = { tasks, ...keysOf(request, freshKey) };
      const exchange = { request, reply };
      const { ids } = await writes.write<{ ids: readonly string[] }>(exchange, 'submit', message, (field) =>
        fieldOf(field, 'tasks' in body),
      );
      void reply.code(201);
      if ('tasks' in body) return reads.answer(reply, { task_ids: ids });
      const id = ids[0] ?? '';
      void reply.header('Location', `${path}/${id}`);
      return reads.answer(reply, shown(reader.task(id)) ?? { task_id: id });
    },
  );
}

/** The wire has a list, also of one. */
function fieldOf(field: string, isMany: boolean): string {
  const [, index = '', ...rest] = field.split('.');
  const name = fieldPath(shapes.taskInput, rest.join('.'));
  return isMany ? `tasks.${index}.${name}` : name;
}

function addLooks(app: FastifyInstance, { reads, reader }: Backend): void {
  app.get<{ Querystring: TasksQuery }>(
    path,
    {
      preHandler: (request) => reads.prepare(request),
      schema: {
        operationId: 'listTasks',
        tags: ['tasks'],
        summary: 'List tasks',
        headers: readHeaders,
        querystring: queries.tasks,
        response: {
          200: answers('a page of them', pages.tasks),
          ...problems(),
        },
      },
    },
    (request, reply) => {
      const { tasks, total, next, byStatus, byType } = reader.tasks(request.query);
      const items = tasks.map((task) => shapes.task.outward(task));
      const statistics = { by_status: byStatus, by_type: byType };
      return reads.answer(reply, { items, total, next_cursor: next, statistics });
    },
  );
  app.get<ById>(
    `${path}/:task_id`,
    {
      preHandler: (request) => reads.prepare(request),
      schema: {
        operationId: 'getTask',
        tags: ['tasks'],
        summary: 'Look at a task, with its attempts',
        headers: readHeaders,
        params: byId('task_id'),
        querystring: queries.one,
        response: { 200: answers('the task', ref('Task')), ...problems(404) },
      },
    },
    (request, reply) => {
      const { task_id: id } = request.params;
      const task = shown(reader.task(id));
      if (task === null) throw new ConclaveError('NOT_FOUND', noTask(id));
      return reads.answer(reply, task);
    },
  );
}

function addExplanation(app: FastifyInstance, { reads, reader }: Backend): void {
  app.get<ById>(
    `${path}/:task_id/explanation`,
    {
      preHandler: (request) => reads.prepare(request),
      schema: {
        operationId: 'explainTask',
        tags: ['tasks'],
        summary: 'Why a task stands where it stands',
        description:
          'While it waits: for each agent, what keeps it from taking the task, and what would change that.',
        headers: readHeaders,
        params: byId('task_id'),
        querystring: queries.one,
        response: { 200: answers('the explanation', ref('Explanation')), ...problems(404) },
      },
    },
    (request, reply) => {
      const { task_id: id } = request.params;
      const explanation = reader.explain(id);
      if (explanation === null) throw new ConclaveError('NOT_FOUND', noTask(id));
      return reads.answer(reply, shapes.explanation.outward(explanation) as object);
    },
  );
}

function addCancel(app: FastifyInstance, { writes, reads, reader, freshKey }: Backend): void {
  app.delete<ById>(
    `${path}/:task_id`,
    {
      config: { scope: 'operate' },
      schema: {
        operationId: 'cancelTask',
        tags: ['tasks'],
        summary: 'Cancel a task',
        description:
          'A waiting one is cancelled at once; a running one when its handler has been told to stop.',
        params: byId('task_id'),
        response: {
          200: answers('cancelled', maybeUnseen),
          202: answers('being cancelled', maybeUnseen),
          ...problems(404, 409, 413, 415),
        },
      },
    },
    async (request, reply) => {
      const { task_id: id } = request.params;
      const { status } = await writes.write<{ status: string }>({ request, reply }, 'cancel', {
        id,
        key: freshKey(),
      });
      const task = reader.task(id);
      void reply.code((task?.status ?? status) === 'cancelled' ? 200 : 202);
      return reads.answer(reply, shown(task) ?? { task_id: id });
    },
  );
}

function addRetry(app: FastifyInstance, backend: Backend): void {
  const { writes, reads, reader, freshKey } = backend;
  const retry = async (exchange: Exchange, id: string): Promise<object> => {
    await writes.write(exchange, 'retry', { id, key: freshKey() });
    return reads.answer(exchange.reply, shown(reader.task(id)) ?? { task_id: id });
  };
  app.post<ById>(
    `${path}/:task_id/retry`,
    {
      config: { scope: 'operate' },
      schema: {
        operationId: 'retryTask',
        tags: ['tasks'],
        summary: 'Give a failed task its retries anew',
        params: byId('task_id'),
        response: { 200: answers('waits again', maybeUnseen), ...problems(404, 409, 413, 415) },
      },
    },
    (request, reply) => retry({ request, reply }, request.params.task_id),
  );
}

function shown(task: TaskView | null): object | null {
  return task === null ? null : (shapes.task.outward(task) as object);
}
