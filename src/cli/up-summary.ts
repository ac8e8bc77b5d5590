/** What `conclave up` says when the fleet runs: where it is, who leads, and what to try. */
import { DEFAULT_PORT } from './local-server.ts';
import { DEFAULT_HTTP_PORT } from '../http/default-port.ts';
import { colors } from './output.ts';
import { DEFAULT_FLEET, DEFAULT_SERVERS } from '../sdk/defaults.ts';

export interface Summary {
  readonly document: object;
  readonly text: string;
}

export function summaryOf(of: {
  readonly fleet: string;
  readonly server: {
    readonly url: string;
    readonly version: string;
    readonly storeDir: string;
    readonly pid: number;
  };
  readonly agents: readonly { readonly id: string; readonly pid: number }[];
  readonly leader: { readonly id: string; readonly term: number };
  /** Commands would log in somehow, and here they must not. */
  readonly needsNoLogin: boolean;
  readonly isTemporary: boolean;
  /** Nobody asked for this port: the usual one was in use. */
  readonly isFallback: boolean;
  /** Address of the HTTP API; null: it is not served. */
  readonly http: string | null;
  /** Nobody asked for its port: the usual one was in use. */
  readonly isHttpFallback: boolean;
}): Summary {
  const { fleet, server, agents, leader, needsNoLogin, isTemporary, isFallback, http, isHttpFallback } = of;
  const { url, version, storeDir, pid } = server;
  const document = {
    kind: 'up',
    servers: url,
    fleet,
    leader: leader.id,
    term: leader.term,
    http,
    agents,
    server: { pid, version, dir: storeDir, isTemporary },
  };
  const names = agents.map((agent) => `${agent.id} (process ${agent.pid})`).join(', ');
  const kept = isTemporary ? 'removed at the end' : 'kept';
  const portNote = isFallback
    ? `\n             (port ${DEFAULT_PORT} is in use, so commands need --servers)`
    : '';
  const httpNote = isHttpFallback ? ` (port ${DEFAULT_HTTP_PORT} is in use)` : '';
  const text = [
    `${colors.bold('nats-server')}  ${version} at ${colors.bold(url)}, data in ${storeDir} (${kept})${portNote}`,
    `${colors.bold('agents')}       ${names}`,
    `${colors.bold('fleet')}        ${fleet}: ${colors.green(leader.id)} leads, term ${leader.term}`,
    ...(http === null ? [] : [`${colors.bold('http')}         ${colors.bold(http)}${httpNote}`]),
    '',
    'Try in another terminal:',
    ...tries({ fleet, url, needsNoLogin, leaderPid: agents.find(({ id }) => id === leader.id)?.pid }).map(
      (line) => `  ${line}`,
    ),
    ...(http === null ? [] : curls(http).map((line) => `  ${line}`)),
    '',
    'Ctrl-C ends all of it.',
  ].join('\n');
  return { document, text };
}

/** The options that a command needs to find this fleet, with a space before; empty by default. */
export function addressWords(of: {
  readonly servers: readonly string[];
  readonly fleet: string;
  readonly needsNoLogin: boolean;
}): string {
  const { servers, fleet, needsNoLogin } = of;
  const isDefault = servers.length === 1 && servers[0] === DEFAULT_SERVERS;
  return [
    ...(isDefault && !needsNoLogin ? [] : [` --servers ${servers.join()}`]),
    ...(fleet === DEFAULT_FLEET ? [] : [` --fleet ${fleet}`]),
    ...(needsNoLogin ? [' --no-context --no-login'] : []),
  ].join('');
}

function curls(http: string): string[] {
  const { port } = new URL(http);
  const api = `localhost:${port}/coordination`;
  const json = "-H 'Content-Type: application/json'";
  return [
    `curl -X POST ${api}/tasks ${json} -d '{"task_type":"scan","priority":9,"target":"192.168.1.100"}'`,
    `curl '${api}/tasks?status=pending'`,
    `curl -X POST ${api}/election/trigger`,
    `curl -X POST ${api}/consensus/propose ${json} -d '{"proposal_type":"policy_change","description":"Increase detection threshold","data":{"threshold":0.95}}'`,
    `${http}/docs   # in a browser: the whole API`,
  ];
}

function tries(of: {
  readonly fleet: string;
  readonly url: string;
  readonly needsNoLogin: boolean;
  readonly leaderPid: number | undefined;
}): string[] {
  const { fleet, url, needsNoLogin, leaderPid } = of;
  const where = addressWords({ servers: [url], fleet, needsNoLogin });
  const isNatsDefault = url === DEFAULT_SERVERS && !needsNoLogin;
  const nats = isNatsDefault ? 'nats' : `nats -s ${url}${needsNoLogin ? ' --no-context' : ''}`;
  return [
    `conclave agents${where}`,
    `conclave submit scan --payload '{"path":"/etc"}' --wait${where}`,
    `conclave propose policy_change --data '{"threshold":0.95}' --wait${where}`,
    `${nats} sub 'conclave.>'`,
    `${nats} req conclave.${fleet}.api.submit '{"type":"echo"}'`,
    ...(leaderPid === undefined
      ? []
      : [`kill -9 ${leaderPid}   # the leader: another one takes over; then \`conclave verify${where}\``]),
  ];
}
