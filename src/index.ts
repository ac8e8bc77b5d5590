/** The door of the package. `conclave/testing` is the other one. */
export { ConclaveError, errorKinds, type ErrorCode, type FieldProblem } from './domain/errors.ts';
export type { Decision, Profile, Weighting } from './domain/events.ts';
export { defaultSettings, type Settings } from './domain/settings.ts';
export { DoNotRetry, type Handler, type HandlerContext, type RunningTask } from './runtime/attempts.ts';
export type { Log } from './runtime/log.ts';
export type {
  AgentView,
  AttemptView,
  OutcomeView,
  ProposalView,
  StatusView,
  TaskView,
} from './wire/views.ts';
export type { ExplanationView } from './wire/explanation.ts';
export type { JudgedProposal, VoteHandler } from './runtime/ballots.ts';
export type { Agent } from './sdk/agent.ts';
export { joinFleet } from './sdk/join.ts';
export { startPrivateServer, type PrivateServer, type PrivateServerOptions } from './nats/private-server.ts';
export { connectFleet } from './sdk/connect.ts';
export { replayLedger, type Replayed, type ReplayOptions } from './sdk/replay.ts';
export { verifyLedger, type VerifyOptions } from './sdk/verify.ts';
export type { HistoryReport, TermRecord } from './domain/history.ts';
export type { AgentFilter, Fleet } from './sdk/fleet.ts';
export type { FleetMetrics } from './sdk/metrics.ts';
export type { ProposalFilter, ProposalInput, ProposalPage, ProposalResult } from './sdk/proposal.ts';
export type { TaskFilter, TaskHandle, TaskInput, TaskPage } from './sdk/task.ts';
export type { ConnectOptions, JoinOptions } from './sdk/options.ts';
export { VERSION } from './sdk/version.ts';
export { startHttpServer } from './http/start.ts';
export type { HttpOptions, HttpServer } from './http/options.ts';
export type { Scope, TokenEntry } from './http/tokens.ts';
