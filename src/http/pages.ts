/** Lists on HTTP: the queries that they take and the pages that they answer with, made from the wire's. */
import { AgentsSchema, ProposalsSchema, TasksSchema } from '../wire/messages.ts';
import { AgentsPageSchema, ProposalsPageSchema, TasksPageSchema } from '../wire/views.ts';
import { shapeOf, type Difference, type JsonSchema } from './naming.ts';
import { asOf, shapes } from './schemas.ts';

const consistent: JsonSchema = {
  type: 'boolean',
  description:
    'asks the leader first, so that the answer takes everything into account that was committed before',
};

const says = (description: string): Difference => ({ description });
const paging = {
  skip: says('leaves out so many; 0 if not said'),
  limit: says('items on the page; 50 if not said'),
  cursor: says('goes on after a page: its next_cursor, with the same filter'),
  order: says('which come first; oldest if not said'),
};

export const queries = {
  /** Of one thing. */
  one: queryOf({ type: 'object', properties: {}, additionalProperties: false }, {}),
  tasks: queryOf(TasksSchema, {
    type: says('tasks of this type'),
    status: says('tasks that stand there'),
    agent: says('tasks whose latest attempt this agent has, or had'),
    capability: says('tasks that need this capability'),
    text: says('tasks with this text in their target, in capitals or not'),
    ...paging,
  }),
  proposals: queryOf(ProposalsSchema, { status: says('proposals that stand there'), ...paging }),
  agents: queryOf(AgentsSchema, {
    state: says('agents in this state'),
    capability: says('agents with this capability'),
    ...paging,
  }),
};

const { total, next, byStatus, byType } = TasksPageSchema.properties;

export const pages = {
  tasks: pageOf(shapes.task.schema, { total, next }, { by_status: byStatus, by_type: byType }),
  proposals: pageOf(shapes.proposal.schema, ProposalsPageSchema.properties, {
    by_status: ProposalsPageSchema.properties.byStatus,
  }),
  agents: pageOf(shapes.agent.schema, AgentsPageSchema.properties, {}),
};

/** Of a thing's address. */
export function byId(field: string): JsonSchema {
  const id: JsonSchema = { type: 'string', minLength: 1, maxLength: 63, description: 'its id' };
  return { type: 'object', properties: { [field]: id }, required: [field], additionalProperties: false };
}

function queryOf(schema: object, descriptions: Readonly<Record<string, Difference>>): JsonSchema {
  const { schema: query } = shapeOf(schema, new Map([[schema, descriptions]]));
  return { ...query, properties: { ...query.properties, consistent } };
}

/** `statistics` are of everything that is kept, not of the page. */
function pageOf(
  item: JsonSchema,
  of: { readonly total: object; readonly next: object },
  statistics: Readonly<Record<string, object>>,
): JsonSchema {
  const names = Object.keys(statistics);
  const counted = {
    type: 'object',
    properties: statistics,
    required: names,
    additionalProperties: false,
    description: 'of everything that is kept',
  };
  const properties: Record<string, object> = {
    items: { type: 'array', items: item, description: 'the page' },
    total: of.total,
    next_cursor: of.next,
    ...(names.length === 0 ? {} : { statistics: counted }),
    as_of: asOf,
  };
  const required = Object.keys(properties);
  return { type: 'object', properties, required, additionalProperties: false } as JsonSchema;
}
