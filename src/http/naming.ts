/**
 * From the wire's names to HTTP's and back: one definition of every message, shown in snake_case. A shape is made
 * from a schema once; it converts values along that schema only, so that whatever a user put into a payload, a
 * result, data or labels stays as it is. Fields that HTTP names otherwise than by the rule are differences.
 */
import { assert } from '../domain/assert.ts';

/** JSON Schema, as far as it is looked at here. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly [keyword: string]: unknown;
}

/** How HTTP shows one field. What is not said is as on the wire, the name in snake_case. */
export interface Difference {
  readonly name?: string;
  readonly description?: string;
  /** In place of the wire's, with the two conversions. */
  readonly schema?: JsonSchema;
  readonly outward?: (value: unknown) => unknown;
  readonly inward?: (value: unknown) => unknown;
  /** Not there on HTTP. */
  readonly isHidden?: true;
}

/** By the wire schema that has the fields, then by the wire's name of the field. */
export type Differences = ReadonlyMap<object, Readonly<Record<string, Difference>>>;

export interface Shape {
  readonly schema: JsonSchema;
  /** From the wire to HTTP. */
  readonly outward: (value: unknown) => unknown;
  /** From HTTP, checked against `schema`, to the wire. */
  readonly inward: (value: unknown) => unknown;
  /** The path of a field, as the wire names it, in HTTP's names. */
  readonly field: (path: readonly string[]) => readonly string[];
  /** Nothing is converted. */
  readonly isPlain: boolean;
}

interface Field {
  readonly wire: string;
  readonly http: string;
  readonly shape: Shape;
}

export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Throws at the start, not later, when a schema has a union that cannot be told apart. */
export function shapeOf(given: object, differences: Differences): Shape {
  const schema = given as JsonSchema;
  if (schema.properties !== undefined) return objectShape(schema, schema.properties, differences);
  if (schema.items !== undefined) return listShape(schema, shapeOf(schema.items, differences));
  if (schema.anyOf !== undefined) return unionShape(schema, schema.anyOf, differences);
  return plain(schema);
}

/** A path as an error names it, in HTTP's names. */
export function fieldPath(shape: Shape, field: string): string {
  return shape.field(field.split('.')).join('.');
}

function plain(schema: JsonSchema): Shape {
  return { schema, outward: same, inward: same, field: same, isPlain: true };
}

function same<T>(value: T): T {
  return value;
}

function objectShape(
  schema: JsonSchema,
  properties: Readonly<Record<string, JsonSchema>>,
  differences: Differences,
): Shape {
  const special = differences.get(schema) ?? {};
  const fields = Object.entries(properties)
    .filter(([wire]) => special[wire]?.isHidden !== true)
    .map(([wire, property]) => fieldOf(wire, property, special[wire] ?? {}, differences));
  const required = fields.filter(({ wire }) => schema.required?.includes(wire) === true);
  const byWire = new Map(fields.map((each) => [each.wire, each]));
  return {
    schema: {
      ...schema,
      properties: Object.fromEntries(fields.map(({ http, shape }) => [http, shape.schema])),
      required: required.map(({ http }) => http),
    },
    outward: (value) => converted(value, fields, 'outward'),
    inward: (value) => converted(value, fields, 'inward'),
    field: ([first = '', ...rest]) => {
      const known = byWire.get(first);
      return known === undefined ? [first, ...rest] : [known.http, ...known.shape.field(rest)];
    },
    isPlain: fields.every(({ wire, http, shape }) => wire === http && shape.isPlain),
  };
}

function fieldOf(
  wire: string,
  property: JsonSchema,
  difference: Difference,
  differences: Differences,
): Field {
  const { name = snakeCase(wire), description, schema, outward = same, inward = same } = difference;
  const shape =
    schema === undefined
      ? shapeOf(property, differences)
      : { schema, outward, inward, field: same, isPlain: false };
  if (description === undefined) return { wire, http: name, shape };
  return { wire, http: name, shape: { ...shape, schema: { ...shape.schema, description } } };
}

function converted(value: unknown, fields: readonly Field[], way: 'outward' | 'inward'): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const given = value as Readonly<Record<string, unknown>>;
  const made: Record<string, unknown> = {};
  for (const { wire, http, shape } of fields) {
    const [from, to] = way === 'outward' ? [wire, http] : [http, wire];
    const item = given[from];
    if (item !== undefined) made[to] = shape[way](item);
  }
  return made;
}

function listShape(schema: JsonSchema, items: Shape): Shape {
  const each = (convert: (value: unknown) => unknown) => (value: unknown) =>
    Array.isArray(value) && !items.isPlain ? value.map(convert) : value;
  return {
    schema: { ...schema, items: items.schema },
    outward: each(items.outward),
    inward: each(items.inward),
    field: ([index = '', ...rest]) => (index === '' ? [] : [index, ...items.field(rest)]),
    isPlain: items.isPlain,
  };
}

/** At most one of the alternatives may need converting: which one a value is, is not looked at. */
function unionShape(
  schema: JsonSchema,
  alternatives: readonly JsonSchema[],
  differences: Differences,
): Shape {
  const shapes = alternatives.map((each) => shapeOf(each, differences));
  const converting = shapes.filter((each) => !each.isPlain);
  assert(converting.length <= 1, 'a union of several objects has no one name for its fields');
  const [only] = converting;
  if (only === undefined) return plain(schema);
  return {
    schema: { ...schema, anyOf: shapes.map((each) => each.schema) },
    outward: (value) => (value === null ? null : only.outward(value)),
    inward: (value) => (value === null ? null : only.inward(value)),
    field: only.field,
    isPlain: false,
  };
}
