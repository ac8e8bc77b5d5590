/**
 * An agent in a process of its own, for tests that kill it. Configured by one JSON argument, told what to do and
 * tells what it did over IPC. `killAt` makes it end itself with SIGKILL at an exact moment of its nth append from
 * when it is armed: `before` it is sent, when it is `sent` and acknowledged but the acknowledgement not yet read,
 * or when it is `acked` and its first effect is about to leave. `wallSkewMs` makes its wall clock wrong by that much,
 * from the start or from when it is told. Every handler that begins is told before it does anything.
 */
import { createHash } from 'node:crypto';
import { problemOf } from '../../dist/src/domain/errors.js';
import { settingsFrom } from '../../dist/src/domain/settings.js';
import { canonical } from '../../dist/src/domain/state-hash.js';
import { openNatsPorts } from '../../dist/src/nats/ports.js';
import { FleetNode } from '../../dist/src/runtime/node.js';
import { subjectsOf } from '../../dist/src/wire/subjects.js';

const config = JSON.parse(process.argv[2]);
const { servers, fleet, id, priority = 0, slots = 4, replicas } = config;
const { handles = ['echo', 'flaky', 'slow', 'exits', 'dies', 'blocks'] } = config;
const { killAt = null, isEager = false, settings = {} } = config;
const tell = (message) => process.send?.(message);
const die = () => process.kill(process.pid, 'SIGKILL');
let isArmed = false;
let isDying = false;
let { wallSkewMs = 0 } = config;
const wallNow = Date.now;
Date.now = () => wallNow() + wallSkewMs;

const write = (level) => (fields, message) => {
  const text = JSON.stringify({ level, id, message, ...fields }, (_, value) =>
    value instanceof Error ? value.stack : value,
  );
  if (process.env.CONCLAVE_TEST_LOG !== undefined || level === 'error') process.stderr.write(`${text}\n`);
};
const log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };

const subjects = subjectsOf(fleet);
const inboxPrefix = subjects.replies(id);
const real = await openNatsPorts({ servers, fleet, role: 'agent', id, inboxPrefix, replicas, log }).catch(
  giveUp,
);
const bus = Object.create(real.bus, {
  isOnline: { get: () => real.bus.isOnline },
  payloadBytesMax: { get: () => real.bus.payloadBytesMax },
});
for (const name of ['publish', 'request']) {
  bus[name] = (...args) => {
    if (isDying) die();
    return real.bus[name](...args);
  };
}
for (const name of ['subscribe', 'serve', 'onStatus']) bus[name] = real.bus[name].bind(real.bus);
const ledger = {
  get broker() {
    return real.ledger.broker;
  },
  follow: real.ledger.follow.bind(real.ledger),
  connect: (done) => {
    real.ledger.connect((outcome) => {
      if (outcome.kind === 'opened') done({ kind: 'opened', connection: armed(outcome.connection) });
      else done(outcome);
    });
  },
};

/** It has not begun, and says why. */
function giveUp(error) {
  log.error({ error }, 'cannot start');
  process.send({ kind: 'ended', problem: problemOf(error) }, () => process.exit(1));
  return new Promise(() => undefined);
}

const passedOn = ['close', 'onClosed', 'purge', 'readBounds', 'readSlot'];

function armed(connection) {
  return {
    ...Object.fromEntries(passedOn.map((name) => [name, connection[name].bind(connection)])),
    get isClosed() {
      return connection.isClosed;
    },
    replicas: connection.replicas,
    snapshots: connection.snapshots,
    append(entry, done) {
      if (isArmed && killAt === 'before') die();
      connection.append(entry, (outcome) => {
        if (isArmed && killAt === 'sent') die();
        if (isArmed && killAt === 'acked') isDying = true;
        done(outcome);
      });
    },
  };
}

/** Told of before it does anything. */
const heard = (handler) => (task, context) => {
  const { id: name, attempt, fencingToken } = task;
  tell({ kind: 'started', start: { task: name, attempt, fencingToken } });
  return handler(task, context);
};

const handlers = {
  echo: (task) => task.payload,
  exits: () => process.exit(3),
  dies: () => die(),
  blocks: ({ payload }) => {
    // Nothing else of this process runs until then.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, payload.ms);
  },
  flaky: ({ attempt, payload }) => {
    if (attempt <= payload.failures) throw new Error(`attempt ${attempt} fails`);
    return payload.value ?? attempt;
  },
  slow: (task, { signal, progress }) =>
    new Promise((resolve, reject) => {
      if (task.payload.progress !== undefined) progress(task.payload.progress, `told by ${id}`);
      const timer = setTimeout(() => resolve(task.payload.value ?? null), task.payload.ms);
      signal.addEventListener('abort', () => {
        tell({ kind: 'aborted', task: task.id, attempt: task.attempt });
        clearTimeout(timer);
        reject(signal.reason);
      });
    }),
};

const meFirst = (candidates) => [...candidates].sort((a, b) => Number(b.id === id) - Number(a.id === id));
const node = new FleetNode({
  ports: { ...real, bus, ledger },
  subjects,
  settings: settingsFrom(settings),
  id,
  profile: {
    capabilities: [],
    priority,
    slots,
    electable: true,
    labels: {},
    handles,
  },
  handlers: Object.fromEntries(Object.entries(handlers).map(([type, handler]) => [type, heard(handler)])),
  vote: () => 'approve',
  version: '0.0.0',
  log,
  ...(isEager ? { rank: meFirst } : {}),
  onJoined: () => tell({ kind: 'joined' }),
  onEnded: (problem) => {
    tell({ kind: 'ended', problem });
    void real.close().then(() => process.exit(problem === null ? 0 : 1));
  },
});

/** What this process has of the fleet; null while it is ahead of the ledger, or behind where it began. */
function copyOfState() {
  const { replica, office } = node.contender;
  if (office !== null && !office.committer.isSettled) return null;
  const { sequence } = replica.state;
  const hash = createHash('sha256').update(canonical(replica.state)).digest('hex');
  return { sequence, hash, isLeader: node.isLeader };
}

process.on('message', (message) => {
  if (message === 'show') tell({ kind: 'shown', copy: copyOfState() });
  if (message === 'arm') isArmed = true;
  if (message === 'leave') node.leave();
  if (message.wallSkewMs !== undefined) wallSkewMs = message.wallSkewMs;
});
process.on('disconnect', () => die());
node.start();
