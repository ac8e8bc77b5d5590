/** Every number a fleet can be tuned by: defaults that hold together, and errors that name the field. */
import { describe, expect, it } from 'vitest';
import { ConclaveError } from '../../src/domain/errors.ts';
import { defaultSettings, settingsFrom, type Settings } from '../../src/domain/settings.ts';

const fieldsOf = (given: Record<string, unknown>): string[] => {
  try {
    settingsFrom(given);
    return [];
  } catch (error) {
    if (!(error instanceof ConclaveError)) throw error;
    expect(error.code).toBe('INVALID');
    for (const { field } of error.fields) expect(error.message).toContain(field);
    return error.fields.map((each) => each.field);
  }
};

it('nothing given: the defaults', () => {
  expect(settingsFrom()).toEqual(defaultSettings);
  expect(settingsFrom({ maxRetries: undefined })).toEqual(defaultSettings);
});

it('what is given takes the place of the default, and of nothing else', () => {
  expect(settingsFrom({ maxRetries: 0, quorum: 1 })).toEqual({
    ...defaultSettings,
    maxRetries: 0,
    quorum: 1,
  });
});

describe('a value must be a number above 0', () => {
  it.each([0, -1, NaN, Infinity, '5', null, true, {}])('not %j', (value) => {
    expect(fieldsOf({ resendMs: value })).toEqual(['settings.resendMs']);
  });

  it('in every setting; only maxRetries and preemptMargin may be 0', () => {
    const zeroes = (Object.keys(defaultSettings) as (keyof Settings)[]).filter(
      (key) => !fieldsOf({ [key]: 0 }).includes(`settings.${key}`),
    );
    expect(zeroes.sort()).toEqual(['maxRetries', 'preemptMargin']);
  });
});

it('a refused value is told what is allowed, 0 where it is', () => {
  expect(() => settingsFrom({ resendMs: -1 })).toThrow('settings.resendMs must be a number above 0');
  expect(() => settingsFrom({ maxRetries: -1 })).toThrow('settings.maxRetries must be a number of 0 or more');
});

it('an unknown setting is named, and the known ones are listed', () => {
  expect(fieldsOf({ heartbeatMs: 5 })).toEqual(['settings.heartbeatMs']);
  expect(() => settingsFrom({ heartbeatMs: 5 })).toThrow('heartbeatIntervalMs');
});

it('every bad field is named at once', () => {
  expect(fieldsOf({ nonsense: 1, resendMs: 0, quorum: 2 })).toEqual([
    'settings.nonsense',
    'settings.resendMs',
    'settings.quorum',
  ]);
});

describe('settings that contradict each other', () => {
  const wrong: [string, Partial<Settings>][] = [
    ['deadAfterIntervals', { deadAfterIntervals: 3 }],
    ['suspectAfterIntervals', { suspectAfterIntervals: 1.5 }],
    ['leaderSilenceMs', { leaderSilenceMs: 499 }],
    ['inboxSilenceMs', { inboxSilenceMs: 999 }],
    ['appendResignMs', { appendResignMs: 2_000 }],
    ['appendResignReplicatedMs', { appendResignReplicatedMs: 4_999 }],
    ['campaignBackoffMsMax', { campaignBackoffMsMax: 249 }],
    ['retryBackoffMsMax', { retryBackoffMsMax: 499 }],
    ['endedTasksMax', { endedTasksMax: 100, tasksMax: 105 }],
    ['endedTasksMax', { tasksMax: 50_256 }],
    ['endedTasksBytesMax', { endedTasksBytesMax: 4 * defaultSettings.payloadBytesMax - 1 }],
    ['decidedProposalsBytesMax', { decidedProposalsBytesMax: defaultSettings.entryBytesMax - 1 }],
    ['keptBytesMax', { keptBytesMax: 80_000_000 }],
    ['quorum', { quorum: 1.001 }],
    ['entryBytesMax', { entryBytesMax: defaultSettings.payloadBytesMax - 1 }],
  ];
  it.each(wrong)('%s', (field, given) => {
    expect(fieldsOf(given)).toEqual([`settings.${field}`]);
  });

  const right: [string, Partial<Settings>][] = [
    ['deadAfterIntervals', { deadAfterIntervals: 3.5 }],
    ['suspectAfterIntervals', { suspectAfterIntervals: 2 }],
    ['leaderSilenceMs', { leaderSilenceMs: 500 }],
    ['inboxSilenceMs', { inboxSilenceMs: 1_000 }],
    ['appendResignMs', { appendResignMs: 2_001 }],
    ['appendResignReplicatedMs', { appendResignReplicatedMs: 5_000 }],
    ['campaignBackoffMsMax', { campaignBackoffMsMax: 250 }],
    ['retryBackoffMsMax', { retryBackoffMsMax: 500 }],
    ['endedTasksMax', { endedTasksMax: 100, tasksMax: 106 }],
    ['endedTasksMax', { tasksMax: 50_257 }],
    ['quorum', { quorum: 1 }],
    ['entryBytesMax', { entryBytesMax: defaultSettings.payloadBytesMax }],
  ];
  it.each(right)('%s may be at its limit', (_, given) => {
    expect(fieldsOf(given)).toEqual([]);
  });
});
