/** What one check of `conclave doctor` found: a line for people, an object for programs. */

export const verdicts = ['ok', 'unknown', 'warning', 'error'] as const;
export type Verdict = (typeof verdicts)[number];

export interface Finding {
  /** What was looked at, in a word or two; stable. */
  readonly check: string;
  readonly verdict: Verdict;
  readonly found: string;
  /** What to do; null exactly if it is ok. */
  readonly advice: string | null;
}

export function ok(check: string, found: string): Finding {
  return { check, verdict: 'ok', found, advice: null };
}

export function unknown(check: string, found: string, advice: string): Finding {
  return { check, verdict: 'unknown', found, advice };
}

export function warning(check: string, found: string, advice: string): Finding {
  return { check, verdict: 'warning', found, advice };
}

export function error(check: string, found: string, advice: string): Finding {
  return { check, verdict: 'error', found, advice };
}

/** `unknown` is no fault: nobody could have known. */
export function worstOf(findings: readonly Finding[]): Verdict {
  return verdicts.findLast((each) => findings.some(({ verdict }) => verdict === each)) ?? 'ok';
}
