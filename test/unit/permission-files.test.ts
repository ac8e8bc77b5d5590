/** The permissions of each role name every subject that the code has: one that is forgotten stops a whole service. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AgentId } from '../../src/domain/ids.ts';
import { snapshotSubjectsOf } from '../../src/nats/snapshot-subjects.ts';
import { apiVerbs, subjectsOf } from '../../src/wire/subjects.ts';
import { root } from '../support/docs.ts';

const subjects = subjectsOf('red');

/** What a role may publish on, or hear. */
function listOf(role: string, direction: 'publish' | 'subscribe'): string[] {
  const text = readFileSync(join(root, `infra/nats/permissions/${role}.conf`), 'utf8');
  const block = new RegExp(`^  ${direction} \\{ allow: \\[\\n(.*?)^  \\] \\}`, 'ms').exec(text)?.[1] ?? '';
  return [...block.matchAll(/^ +"(.*)"$/gm)].map(([, subject = '']) =>
    subject.replaceAll('<fleet>', 'red').replaceAll('<name>', 'ada'),
  );
}

const asked = apiVerbs.map((verb) => subjects.api(verb));
const orders = (['drain', 'resume', 'remove', 'trigger'] as const).map((verb) => subjects.api(verb));
const said = (['heartbeat', 'join', 'report', 'ballot'] as const).map((verb) =>
  subjects.agent(verb, 'ada' as AgentId),
);

test('whoever may lead hears every verb, and an operator may ask with every one', () => {
  expect(listOf('electable-agent', 'subscribe')).toEqual(expect.arrayContaining(asked));
  expect(listOf('operator', 'publish')).toEqual(expect.arrayContaining(asked));
});

test('a client may ask with every verb but those that order agents about', () => {
  const client = listOf('client', 'publish');
  expect([...client].sort()).toEqual(asked.filter((each) => !orders.includes(each)).sort());
});

test('both kinds of agents may say all that an agent says', () => {
  for (const role of ['agent', 'electable-agent'])
    expect(listOf(role, 'publish')).toEqual(expect.arrayContaining(said));
});

test('an HTTP server and an operator may read the ledger and its snapshots', () => {
  const { stream } = snapshotSubjectsOf('red');
  const read = [
    `$JS.API.STREAM.INFO.${subjects.stream}`,
    `$JS.API.CONSUMER.CREATE.${subjects.stream}.*`,
    `$JS.FC.${subjects.stream}.>`,
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
  ];
  for (const role of ['http-server', 'operator', 'electable-agent'])
    expect(listOf(role, 'publish')).toEqual(expect.arrayContaining(read));
});
