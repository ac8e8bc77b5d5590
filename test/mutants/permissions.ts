/** Lines of the permission templates: what each role may say and hear, DESIGN §4. */
import { of, type Mutant } from './mutant.ts';

const mute = of(
  'integration/permissions',
  '%s may not publish as anybody else, nor touch what is not its own',
);
const deaf = of('integration/permissions', "%s may not hear others' inboxes, answers and the private root");

/** One line more, where a line stands. */
function added(role: string, stands: string, line: string): Pick<Mutant, 'file' | 'find' | 'replace'> {
  const quoted = (subject: string): string => `    "${subject}"\n`;
  return {
    file: `infra/nats/permissions/${role}.conf`,
    find: quoted(stands),
    replace: quoted(stands) + quoted(line),
  };
}

const permission = { rule: '4, permissions', breaksAlso: [19] } as const;

export const permissions: readonly Mutant[] = [
  {
    ...permission,
    breaks: 'an agent that may lead may vote as any other',
    ...added('electable-agent', 'conclave.<fleet>.agent.ballot.<name>', 'conclave.<fleet>.agent.ballot.*'),
    tests: mute,
  },
  {
    ...permission,
    breaks: 'an agent that may lead may delete the ledger',
    ...added('electable-agent', '_conclave.<fleet>.ledger', '$JS.API.STREAM.DELETE.CONCLAVE_<fleet>'),
    tests: mute,
  },
  {
    ...permission,
    breaks: 'an agent that may lead hears the inboxes of all',
    ...added('electable-agent', '_conclave.<fleet>.inbox.<name>', '_conclave.<fleet>.inbox.*'),
    tests: deaf,
  },
  {
    ...permission,
    breaks: 'a client may report as any agent',
    ...added('client', 'conclave.<fleet>.api.submit', 'conclave.<fleet>.agent.report.*'),
    tests: mute,
  },
  {
    ...permission,
    breaks: 'a client may order agents about',
    ...added('client', 'conclave.<fleet>.api.submit', 'conclave.<fleet>.api.remove'),
    tests: mute,
  },
  {
    ...permission,
    breaks: 'a client hears the answers to others',
    ...added('client', '_INBOX_client.<fleet>.<name>.>', '_INBOX_client.<fleet>.>'),
    tests: deaf,
  },
  {
    ...permission,
    breaks: 'an HTTP server may append to the ledger',
    ...added('http-server', 'conclave.<fleet>.api.submit', '_conclave.<fleet>.ledger'),
    tests: mute,
  },
  {
    ...permission,
    breaks: 'an HTTP server may give work to agents',
    ...added('http-server', 'conclave.<fleet>.api.submit', '_conclave.<fleet>.inbox.*'),
    tests: mute,
  },
  {
    ...permission,
    breaks: 'an HTTP server hears the private root',
    ...added('http-server', 'conclave.<fleet>.event.>', '_conclave.<fleet>.>'),
    tests: deaf,
  },
  {
    ...permission,
    breaks: 'an HTTP server may not follow the ledger',
    file: 'infra/nats/permissions/http-server.conf',
    find: '    "$JS.API.CONSUMER.CREATE.CONCLAVE_<fleet>.*"\n',
    replace: '',
    tests: of(
      'unit/permission-files',
      'an HTTP server and an operator may read the ledger and its snapshots',
    ),
  },
  {
    ...permission,
    breaks: 'an operator may report as any agent',
    ...added('operator', 'conclave.<fleet>.api.submit', 'conclave.<fleet>.agent.report.*'),
    tests: mute,
  },
  {
    ...permission,
    breaks: 'an operator may empty the ledger',
    ...added('operator', 'conclave.<fleet>.api.submit', '$JS.API.STREAM.PURGE.CONCLAVE_<fleet>'),
    tests: mute,
  },
  {
    ...permission,
    breaks: 'an operator hears the private root',
    ...added('operator', 'conclave.<fleet>.>', '_conclave.<fleet>.>'),
    tests: deaf,
  },
];
