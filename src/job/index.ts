export { claimDepth, claimMargin, termsOf } from './agreement.js';
export {
  checkOutput,
  type OpenedAnswer,
  openAnswer,
  outputHashOf,
  type SealedAnswer,
  sealAnswer,
  withClientKey,
} from './answer.js';
export {
  type BondHands,
  blocksUntilFree,
  bondName,
  leaveBonds,
  type MovedBond,
  type MovedBonds,
  type OwnBond,
  ownBonds,
  releaseBonds,
  type UnmovedBond,
} from './bonding.js';
export {
  type ChannelState,
  channelPaid,
  decodeChannel,
  encodeChannel,
  mustClose,
  openChannel,
  payChannel,
  takeUpdate,
} from './channel-state.js';
export { JobClient } from './client.js';
export { receiptOf } from './client-answer.js';
export type { ClientOptions } from './client-driver.js';
export type { ClientAnswer, ClientOutcome, ClientPhase, ClientRecord } from './client-record.js';
export type { JobQuote, JobRequest } from './client-request.js';
export {
  type BondTerms,
  bondScript,
  leavingScript,
  MINIMUM_BOND,
  parseBond,
  rejudgeMessage,
} from './contracts/bond.js';
export {
  type BondCoin,
  bondReleaseSpend,
  bondReleaseUnlocking,
  bondSlashSpend,
  bondSlashUnlocking,
  gatherRejudgement,
  leaveSpend,
  leaveUnlocking,
  type Rejudgement,
} from './contracts/bond-spends.js';
export { type ChannelTerms, channelScript } from './contracts/channel.js';
export {
  type ChannelCoin,
  type ChannelUpdate,
  channelCloseSpend,
  channelCloseUnlocking,
  channelOutput,
  channelRefundSpend,
  channelRefundUnlocking,
} from './contracts/channel-spends.js';
export { secondJurySize, secondJuryThreshold } from './contracts/second-jury.js';
export { type JobEvent, JobEvents, type JobRole, type JobStep } from './events.js';
export { decodeEvidence, type Evidence, encodeEvidence } from './evidence.js';
export {
  calibrationName,
  calibrationWarning,
  type JobModel,
  jobModel,
  modelShare,
} from './job-model.js';
export {
  type AnyMessage,
  acceptedOffer,
  createMessage,
  isPrivate,
  isSigned,
  MESSAGE_BOUNDS,
  type Message,
  type MessageBody,
  type MessageType,
  messageId,
  NO_JOB_HEX,
  parseMessage,
} from './messages.js';
export { JobGossip, type JobGossipOptions } from './network/JobGossip.js';
export { CHECK_BOUNDS, CheckService, type CheckServiceOptions } from './outsourced/CheckService.js';
export { type CheckState, Checks, type KnownTruth } from './outsourced/Checks.js';
export {
  type AskFrame,
  CHECK_PROTOCOL,
  decodeAsk,
  decodeSay,
  encodeAsk,
  encodeSay,
  type ModelName,
  type NeighbourFacts,
  REFUSALS,
  type Refusal,
  type SayFrame,
} from './outsourced/check-frames.js';
export { registerChecks } from './outsourced/check-methods.js';
export {
  type CheckRequest,
  checkRequestId,
  decodeCheckRequest,
  encodeCheckRequest,
} from './outsourced/check-request.js';
export { NeighbourBook, type NeighbourRecord } from './outsourced/NeighbourBook.js';
export {
  type NeighbourReport,
  type OutsourcedVerification,
  type OutsourceOptions,
  outsource,
} from './outsourced/outsource.js';
export type { ParticipantOptions } from './participant.js';
export { JobPool, type PoolResult } from './pool.js';
export { POOL_BOUNDS, type PoolBounds } from './pool-bounds.js';
export { type MethodTable, registerJobPool } from './pool-methods.js';
export {
  JobPoolService,
  type PoolChain,
  type SendResult,
} from './pool-service.js';
export type { PooledJob } from './pool-view.js';
export {
  decodeAnswer,
  encodeAnswer,
  jobDelivery,
  type PrivateDelivery,
} from './private-delivery.js';
export {
  checkReceipt,
  decodeReceipt,
  encodeReceipt,
  RECEIPT_OVERHEAD,
  type Receipt,
  type ReceiptChecks,
  type ReceiptVerification,
  receiptClaim,
  receiptCommitment,
  signCommitment,
  verifyReceipt,
} from './receipt.js';
export { JobRecords } from './records.js';
export {
  createOneTimeKey,
  openSealed,
  openUnder,
  openWithOneTimeKey,
  sealTo,
  sealUnder,
} from './sealing.js';
export {
  contestBond,
  decodeIds,
  decodeJob,
  encodeIds,
  encodeJob,
  fullReward,
  JOB_BOUNDS,
  type JobSpec,
  jobIdHex,
  jobIdOf,
  leastStake,
  parseJob,
  promptHashOf,
  publicKeySchema,
  seedOf,
} from './spec.js';
export {
  isDrawn,
  type JobTerms,
  type VerifierDraw,
  validateTerms,
  verifierCount,
} from './terms.js';
export { type JobEnd, type JobTrace, traceJob } from './trace.js';
export { JobVerifier, type VerifierOptions } from './verifier.js';
export {
  bondTerms,
  bondVerifier,
  registryAt,
  registryHeight,
  type StandingBond,
  standingBonds,
  VERIFIER_PIN_PATH,
} from './verifier-bonds.js';
export {
  buildRegistry,
  checkRegistryProof,
  drawSecondJury,
  drawVerifiers,
  registryProof,
  type Seat,
  type VerifierRegistry,
} from './verifier-registry.js';
export { JobWorker, type WorkerOptions } from './worker.js';
export { type AcceptedVerifiers, limitFault, type WorkerLimits } from './worker-limits.js';
export type { WorkerOutcome, WorkerRecord } from './worker-record.js';
