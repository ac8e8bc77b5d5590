/** The JSON Schema of the configuration file, for editors and checks outside. */
import { keyAt, keyPaths } from './keys.ts';

interface Group {
  readonly type: 'object';
  readonly additionalProperties: false;
  readonly properties: Record<string, object>;
}

export function fileSchema(): object {
  const root = group();
  for (const path of keyPaths) {
    const { shape, fallback, unit, reason } = keyAt(path);
    const [first = '', second] = path.split('.');
    const place = second === undefined ? root : groupAt(root, first);
    place.properties[second ?? first] = {
      description: unit === '' ? reason : `${reason} (${unit})`,
      ...shape.schema,
      ...(fallback === undefined ? {} : { default: fallback }),
    };
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of Conclave',
    ...root,
  };
}

function group(): Group {
  return { type: 'object', additionalProperties: false, properties: {} };
}

function groupAt(root: Group, name: string): Group {
  const made = root.properties[name] as Group | undefined;
  return made ?? (root.properties[name] = group());
}
