/** The words for where tasks, proposals and members stand. No schema is here: who only says them starts faster. */
export const taskStatuses = [
  'awaiting_approval',
  'scheduled',
  'pending',
  'assigned',
  'running',
  'cancelling',
  'completed',
  'failed',
  'cancelled',
] as const;
export const proposalStatuses = ['open', 'approved', 'rejected', 'expired', 'withdrawn'] as const;
export const memberStates = ['alive', 'suspect', 'draining', 'dead', 'left'] as const;
