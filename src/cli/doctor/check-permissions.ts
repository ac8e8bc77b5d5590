/** Whether the broker lets us do what a client does. It says what it forbids, so everything was tried before. */
import type { Refusal } from '../../nats/connection.ts';
import { ok, error, warning, type Finding } from './finding.ts';
import type { Patient } from './patient.ts';

/** One line for each thing that is forbidden, once. */
export function checkPermissions({ refusals, subjects }: Patient): Finding[] {
  const apiRoot = subjects.api('status').replace(/status$/, '');
  const probes = subjects.inbox('x' as Parameters<typeof subjects.inbox>[0]).replace(/x$/, '');
  const seen = new Set<string>();
  const findings: Finding[] = [];
  for (const refusal of refusals) {
    const { operation, subject } = refusal;
    // That has a finding of its own.
    if (subject.startsWith(probes) || seen.has(`${operation} ${subject}`)) continue;
    if (refusals.some((other) => covers(other, refusal))) continue;
    seen.add(`${operation} ${subject}`);
    const say = subject.startsWith(apiRoot) ? error : warning;
    findings.push(say('permissions', `${forbidden(refusal)}: ${purposeOf(subject)}`, adviceFor(refusal)));
  }
  return findings.length > 0
    ? findings
    : [ok('permissions', 'may ask the fleet, hear it and read its ledger')];
}

/** A wildcard's refusal says it all. */
function covers(wide: Refusal, narrow: Refusal): boolean {
  if (wide === narrow || wide.operation !== narrow.operation || !wide.subject.endsWith('.>')) return false;
  return wide.subject !== narrow.subject && narrow.subject.startsWith(wide.subject.slice(0, -1));
}

function forbidden({ operation, subject }: Refusal): string {
  return `may not ${operation === 'publish' ? 'publish' : 'subscribe'} to ${subject}`;
}

function purposeOf(subject: string): string {
  const purposes: readonly (readonly [RegExp, string])[] = [
    [/^conclave\.[^.]+\.api\./, 'the fleet cannot be asked'],
    [/^conclave\.[^.]+\.event\./, 'its events cannot be seen'],
    [/^conclave\.[^.]+\.agent\.heartbeat\./, 'its heartbeats cannot be heard'],
    [/^\$JS\.API\.INFO$/, 'the account cannot be looked at'],
    [/^\$JS\.API\./, 'the ledger cannot be read'],
    [/^\$SYS\./, "the server's clock cannot be asked for"],
    [/^_INBOX/, 'no answer can be received'],
  ];
  return purposes.find(([pattern]) => pattern.test(subject))?.[1] ?? 'something is missing';
}

function adviceFor({ operation, subject }: Refusal): string {
  const verb = operation === 'publish' ? 'publish' : 'subscribe';
  return `add \`${subject}\` to the user's \`${verb}: {allow: […]}\`, or log in as somebody else`;
}
