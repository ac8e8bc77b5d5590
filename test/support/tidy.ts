/**
 * The rules of this repository that neither the compiler nor eslint holds, as pure functions from files to
 * problems. test/tidy.test.ts runs them on the repository, and on planted violations.
 *
 * Imports are found with regular expressions, not with a compiler: prettier's layout makes that safe here.
 */
import { posix } from 'node:path';

/** Path from the repository's root (`src/ports.ts`) → text. */
export type Files = ReadonlyMap<string, string>;
/** Gives one message per violation; each names the file and what to do. */
export type Rule = (files: Files) => string[];

const anything = ['actors/', 'src/', 'node:', 'npm:'];
const belowSdk = ['src/domain/', 'actors/', 'src/ports.ts', 'src/wire/', 'src/runtime/'];

/**
 * Who may import what: DESIGN §2. The longest prefix that fits a file is its row; a file may always import from
 * its own folder. `npm:x` is a package (`npm:` any), `node:x` a builtin, `type:x` a package's types only.
 */
export const importTable: Readonly<Record<string, readonly string[]>> = {
  'src/domain/': [],
  'actors/': ['src/domain/', 'npm:xstate'],
  'src/ports.ts': ['src/domain/', 'actors/'],
  'src/wire/': ['src/domain/', 'actors/', 'src/ports.ts', 'npm:typebox', 'npm:msgpackr', 'node:crypto'],
  'src/runtime/': [
    'src/domain/',
    'actors/',
    'src/ports.ts',
    'src/wire/',
    'npm:xstate',
    'type:pino',
    'node:crypto',
  ],
  'src/nats/': ['src/domain/', 'src/ports.ts', 'src/wire/', 'npm:nats', 'npm:pino', 'node:'],
  'src/simulation/': [...belowSdk, 'src/sdk/', 'npm:xstate', 'type:pino', 'node:crypto'],
  'src/sdk/': [...belowSdk, 'src/nats/', 'npm:xstate', 'npm:pino', 'node:'],
  'src/http/': [...belowSdk, 'src/nats/', 'src/sdk/', 'npm:', 'node:'],
  'src/cli/': anything,
  'src/index.ts': ['src/', 'actors/'],
  'examples/': ['src/index.ts', 'src/simulation/index.ts', 'npm:', 'node:'],
  'bench/': [...anything, 'examples/'],
  'test/': [...anything, 'examples/', 'bench/', 'infra/', 'vitest.config.ts'],
  'infra/': [...anything, 'test/'],
};

/** Packages that one folder of src owns, so that replacing one is changing one folder. */
export const packageHomes: Readonly<Record<string, readonly string[]>> = {
  nats: ['src/nats/'],
  msgpackr: ['src/wire/'],
  typebox: ['src/wire/', 'src/http/', 'src/cli/'],
  fastify: ['src/http/'],
  '@fastify/cors': ['src/http/'],
  '@fastify/helmet': ['src/http/'],
  '@fastify/rate-limit': ['src/http/'],
  '@fastify/swagger': ['src/http/'],
  '@fastify/swagger-ui': ['src/http/'],
  '@fastify/websocket': ['src/http/'],
  'prom-client': ['src/http/'],
  commander: ['src/cli/'],
  yaml: ['src/cli/'],
  'fastest-levenshtein': ['src/cli/'],
  'cli-table3': ['src/cli/'],
  'cli-progress': ['src/cli/'],
  picocolors: ['src/cli/'],
  execa: ['src/cli/'],
  'pino-pretty': ['src/cli/'],
};

/** What users and the command start from; everything in src and actors is reached from here. */
const doors = ['src/index.ts', 'src/simulation/index.ts', 'src/cli/main.ts'];
/** Packages that take longer to load than the whole command. */
const heavy = ['npm:typebox', 'npm:nats', 'npm:xstate', 'npm:fastify', 'npm:pino', 'npm:msgpackr'];
const linesMax = 500;
export const linesToThinkAt = 400;

const isCore = within('actors/', 'src/domain/');
const isSource = within('actors/', 'src/');
const isTest = within('test/');

export const rules = {
  'imports go one way': (files) =>
    importsOf(files).flatMap(({ from, to, isTypeOnly }) => {
      const row = longestPrefix(from, Object.keys(importTable));
      if (row === undefined)
        return [`${from}: no row of importTable (test/support/tidy.ts) fits it. Add one.`];
      if (row.endsWith('/') && to.startsWith(row)) return [];
      const allowed = importTable[row] ?? [];
      const wanted = isTypeOnly ? [to, to.replace(/^npm:/, 'type:')] : [to];
      if (wanted.some((name) => allowed.some((prefix) => isUnder(name, prefix)))) return [];
      return [
        `${from}: imports ${to}, but ${row} may import only ${allowed.join(', ') || 'nothing'}. ` +
          'Move the code to the level that may, or pass what it needs in as an argument or a port.',
      ];
    }),

  'a package has one home': (files) =>
    importsOf(files).flatMap(({ from, to }) => {
      const homes = packageHomes[to.replace(/^npm:/, '')];
      if (!to.startsWith('npm:') || homes === undefined || !isSource(from)) return [];
      if (homes.some((home) => from.startsWith(home))) return [];
      return [`${from}: imports ${to}, which only ${homes.join(', ')} may. Call what that folder offers.`];
    }),

  'no cycles': (files) => {
    const graph = graphOf(files);
    return cyclesOf(graph).map(
      (cycle) =>
        `${cycle[0] ?? ''}: imports itself by way of ${cycle.join(' → ')}. Move what both need to a file below them.`,
    );
  },

  'the core knows no clock and no chance': (files) =>
    matches(files, isCore, /\b(?:Date|performance|setTimeout|setInterval|setImmediate|Math\.random)\b/g).map(
      ({ path, line, found }) =>
        `${path}:${line}: ${found} in the core. Take \`now\` or the random draw as an argument; ports bring them in.`,
    ),

  'only the edge reads the environment': (files) =>
    matches(files, (path) => isSource(path) && !path.startsWith('src/cli/'), /\bprocess\.env\b/g).map(
      ({ path, line }) =>
        `${path}:${line}: reads process.env. Take the value as an option; src/cli reads the environment.`,
    ),

  'types are not switched off': (files) =>
    [
      ...matches(files, isSource, /(?::|\bas|<|,|\||=)\s*any\b(?!\s*[(:])/g),
      ...matches(files, isSource, /@ts-(?:ignore|nocheck|expect-error)\b|eslint-disable(?!.* -- \S)/g, 'raw'),
    ].map(
      ({ path, line, found }) =>
        `${path}:${line}: "${found}". Say the type, or take unknown and narrow it ` +
        '(an eslint-disable needs its reason: `-- because`).',
    ),

  'what was thrown is logged as err': (files) =>
    matches(
      files,
      isSource,
      /\blog\??\.(?:debug|info|warn|error)\(\s*\{(?:[^{}()]*,)?\s*error\s*[,:}]/gi,
    ).map(
      ({ path, line }) =>
        `${path}:${line}: logs an \`error\`, of which a program's own pino writes {}. Call it \`err\`; a text is a \`reason\`.`,
    ),

  'files stay short': (files) =>
    [...files]
      .filter(([, text]) => lineCount(text) > linesMax)
      .map(
        ([path, text]) =>
          `${path}: ${lineCount(text)} lines, more than ${linesMax}. Find the two nouns that live in it and part them.`,
      ),

  'files are named by a noun': (files) =>
    [...files.keys()]
      .filter(
        (path) =>
          !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|suite|config|bench))?\.ts$/.test(posix.basename(path)) ||
          isVague(path),
      )
      .map(
        (path) =>
          `${path}: name it by what it owns: a noun in kebab-case, and not utils, helpers or the like.`,
      ),

  'nothing is dead': (files) => {
    const missing = doors.filter((door) => !files.has(door));
    if (missing.length > 0) return missing.map((door) => `${door}: missing; package.json names it. Add it.`);
    const reached = reachableFrom(doors, graphOf(files));
    return [...files.keys()]
      .filter((path) => isSource(path) && !reached.has(path))
      .map((path) => `${path}: reached from none of ${doors.join(', ')}. Use it or delete it.`);
  },

  'the command starts light': (files) => {
    const used = importsOf(files).filter(({ isTypeOnly, isDynamic }) => !isTypeOnly && !isDynamic);
    const reached = reachableFrom(['src/cli/main.ts'], graphOf(files, used));
    return used
      .filter(({ from, to }) => reached.has(from) && heavy.includes(to))
      .map(
        ({ from, to }) =>
          `${from}: imports ${to}, which costs each \`conclave --help\` time. Import it where it is used: \`await import(…)\`.`,
      );
  },

  'no test is switched off': (files) =>
    matches(files, isTest, /\b(?:describe|it|test)\.(?:only|skip|todo)\b|\b[xf](?:it|describe)\(/g).map(
      ({ path, line, found }) => `${path}:${line}: ${found} leaves tests out. Run it, or delete it.`,
    ),
} satisfies Record<string, Rule>;

export type RuleName = keyof typeof rules;

interface Import {
  readonly from: string;
  /** A path from the root, or `npm:package`, or `node:builtin`. */
  readonly to: string;
  readonly isTypeOnly: boolean;
  /** When it is come to, not at the start. */
  readonly isDynamic: boolean;
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)(?<type>\s+type)?\b[^;'"]*?\bfrom\s*['"](?<from>[^'"]+)['"]|(?:^|\n)import\s*['"](?<bare>[^'"]+)['"]|\bimport\(\s*['"](?<dynamic>[^'"]+)['"]/g;

export function importsOf(files: Files): Import[] {
  return [...files].flatMap(([from, text]) => {
    const code = codeOnly(text);
    // A keyword that is blank in `code` stands inside a string: a fixture, not an import.
    const isCode = (match: RegExpExecArray): boolean =>
      code[match.index + match[0].search(/import|export/)] !== ' ';
    return [...withoutComments(text).matchAll(importPattern)].filter(isCode).map(({ groups = {} }) => ({
      from,
      to: resolved(from, groups['from'] ?? groups['bare'] ?? groups['dynamic'] ?? ''),
      isTypeOnly: groups['type'] !== undefined,
      isDynamic: groups['dynamic'] !== undefined,
    }));
  });
}

function resolved(from: string, specifier: string): string {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(from), specifier);
  if (specifier.startsWith('node:')) return specifier;
  const parts = specifier.split('/');
  return `npm:${parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')}`;
}

type Graph = ReadonlyMap<string, readonly string[]>;

/** Between our own files only. */
function graphOf(files: Files, imports = importsOf(files)): Graph {
  const graph = new Map<string, string[]>([...files.keys()].map((path) => [path, []]));
  for (const { from, to } of imports) if (files.has(to)) graph.get(from)?.push(to);
  return graph;
}

/** One cycle per strongly tangled place, found by walking depth first. */
function cyclesOf(graph: Graph): string[][] {
  const done = new Set<string>();
  const cycles: string[][] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) {
      cycles.push([...trail.slice(seenAt), path]);
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return cycles;
}

function reachableFrom(roots: readonly string[], graph: Graph): Set<string> {
  const reached = new Set<string>();
  const waiting = [...roots];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    waiting.push(...(graph.get(path) ?? []));
  }
  return reached;
}

interface Match {
  readonly path: string;
  readonly line: number;
  readonly found: string;
}

/** Looks at code only, unless `raw` asks for comments and strings too. */
function matches(files: Files, where: (path: string) => boolean, pattern: RegExp, raw?: 'raw'): Match[] {
  return [...files]
    .filter(([path]) => where(path))
    .flatMap(([path, text]) => {
      const searched = raw === undefined ? codeOnly(text) : text;
      return [...searched.matchAll(pattern)].map((match) => ({
        path,
        line: lineCount(searched.slice(0, match.index)),
        found: match[0].trim(),
      }));
    });
}

const commentOrString =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`/g;

function withoutComments(text: string): string {
  return text.replace(commentOrString, (part) => (part.startsWith('/') ? blank(part) : part));
}

/** Comments and strings become blanks of the same shape, so that line numbers stay right. */
function codeOnly(text: string): string {
  return text.replace(commentOrString, blank);
}

function blank(part: string): string {
  return part.replace(/[^\n]/g, ' ');
}

export function lineCount(text: string): number {
  return text.split('\n').length;
}

function within(...prefixes: readonly string[]): (path: string) => boolean {
  return (path) => prefixes.some((prefix) => path.startsWith(prefix));
}

function isUnder(name: string, prefix: string): boolean {
  return /[/:]$/.test(prefix) ? name.startsWith(prefix) : name === prefix;
}

function longestPrefix(path: string, prefixes: readonly string[]): string | undefined {
  return prefixes.filter((prefix) => isUnder(path, prefix)).sort((a, b) => b.length - a.length)[0];
}

function isVague(path: string): boolean {
  return /(^|[-/])(utils?|helpers?|managers?|common|misc|stuff)[-.]/.test(path);
}
