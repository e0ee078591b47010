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
  ALL_ATTACKS,
  type AnyAttack,
  AttackBench,
  type AttackPlan,
  type AttackRow,
  type AttackTablePlan,
  runAttackTable,
  VERIFIER_ATTACKS,
} from './attacks/table.js';
export type { VerifierAttack } from './attacks/verifierAttack.js';
export {
  bondTerms,
  bondVerifier,
  registryAt,
  registryHeight,
  type StandingBond,
  standingBonds,
  VERIFIER_PIN_PATH,
} from './bonds/bonds.js';
export {
  buildRegistry,
  checkRegistryProof,
  drawSecondJury,
  drawVerifiers,
  registryProof,
  type Seat,
  type VerifierRegistry,
} from './bonds/registry.js';
export { describeCase } from './cases/case.js';
export { chanceOfSeats, type DisputeOdds, type DrawOdds, disputeOdds } from './cases/odds.js';
export {
  type ChannelState,
  channelPaid,
  decodeChannel,
  encodeChannel,
  mustClose,
  openChannel,
  payChannel,
  takeUpdate,
} from './channelState.js';
export { receiptOf, writeReceipt } from './client/answer.js';
export type { ClientOptions } from './client/ClientDriver.js';
export { ONLY_SUSPECTS } from './client/ClientPurchase.js';
export { ClientRecords } from './client/ClientRecords.js';
export { isContestable, type ReturnBy, returnBy } from './client/ending.js';
export { JobClient } from './client/JobClient.js';
export type {
  BoughtWith,
  ClientAnswer,
  ClientOutcome,
  ClientPhase,
  ClientRecord,
  DetachedJob,
} from './client/record.js';
export type { JobQuote, JobRequest } from './client/request.js';
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
} from './contracts/bondSpends.js';
export { type ChannelTerms, channelScript } from './contracts/channel.js';
export {
  type ChannelCoin,
  type ChannelUpdate,
  channelCloseSpend,
  channelCloseUnlocking,
  channelOutput,
  channelRefundSpend,
  channelRefundUnlocking,
} from './contracts/channelSpends.js';
export {
  type DetachedQuote,
  detachedKey,
  fetchDetached,
  type HandoverHands,
  handOver,
  quoteDetached,
  takeBack,
  type WatcherChoice,
} from './detached/handover.js';
export { letterDelivery, Mailbox } from './detached/Mailbox.js';
export { registerMailbox } from './detached/mailMethods.js';
export { bringHome, prepareResumed } from './detached/resumeDetached.js';
export { homeText } from './detached/sendHome.js';
export type { AnswerReader } from './detached/toldAnswer.js';
export { Watcher, type WatcherOptions } from './detached/Watcher.js';
export { decodeEvidence, type Evidence, encodeEvidence } from './evidence.js';
export {
  type EndRemark,
  type ExplainedToken,
  type Explanation,
  endRemark,
  evidenceAt,
  explainReceipt,
  formatMargin,
  pooledRemark,
  type Standing,
  uncheckedRemark,
} from './explained/explain.js';
export { explanationPage } from './explained/page.js';
export { visibleText } from './explained/tokenText.js';
export { type HeldRole, holdKey } from './holdKey.js';
export { type JobEvent, JobEvents, type JobRole, type JobStep } from './JobEvents.js';
export { JobRecords } from './JobRecords.js';
export {
  calibrationName,
  calibrationWarning,
  type JobModel,
  jobModel,
  modelShare,
  wideToleranceWarning,
} from './jobModel.js';
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
export { type AbsenceListener, NodeAbsence } from './NodeAbsence.js';
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
} from './outsourced/checkFrames.js';
export { registerChecks } from './outsourced/checkMethods.js';
export {
  type CheckRequest,
  checkRequestId,
  decodeCheckRequest,
  encodeCheckRequest,
} from './outsourced/checkRequest.js';
export { NeighbourBook, type NeighbourRecord } from './outsourced/NeighbourBook.js';
export { FEWEST_NEIGHBOURS, type OutsourceOptions, outsource } from './outsourced/outsource.js';
export type { NeighbourReport, OutsourcedVerification } from './outsourced/verification.js';
export type { ParticipantOptions } from './Participant.js';
export { POOL_BOUNDS, type PoolBounds } from './pool/bounds.js';
export type { PooledCase } from './pool/CaseEntries.js';
export type { PoolChain } from './pool/chain.js';
export { listJobMessages, pooledCases } from './pool/client.js';
export { JobPool } from './pool/JobPool.js';
export { JobPoolService, type SendResult } from './pool/JobPoolService.js';
export { type MethodTable, registerJobPool } from './pool/methods.js';
export {
  decodeAnswer,
  encodeAnswer,
  jobDelivery,
  type PrivateDelivery,
} from './pool/privateDelivery.js';
export type { PoolResult } from './pool/results.js';
export type { PooledJob } from './pool/view.js';
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
export { receiptJsonSchema } from './receiptForm.js';
export {
  Accuser,
  type AppealOutcome,
  type AppealRecord,
  type MemberFinding,
} from './rejudging/Accuser.js';
export type { KnownJob } from './rejudging/accusation.js';
export { knownToBuyer, knownToSeller } from './rejudging/known.js';
export {
  conductOf,
  lockedBy,
  type Planted,
  type PlantedCost,
  type PlantedQuote,
  quotePlanted,
  runPlanted,
  type VerifierConduct,
} from './rejudging/plantJob.js';
export {
  createOneTimeKey,
  openSealed,
  openUnder,
  openWithOneTimeKey,
  sealTo,
  sealUnder,
} from './sealing.js';
export { secondJurySize, secondJuryThreshold } from './secondJury.js';
export { countReceipt } from './sellers/countSeller.js';
export { SellerBook, type SellerJob, type SellerStanding } from './sellers/SellerBook.js';
export {
  contestBond,
  decodeIds,
  decodeJob,
  encodeIds,
  encodeJob,
  feePerJob,
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
export { type Suspect, suspectKeys, suspectsAmong } from './suspects/ask.js';
export { registerNoSuspects, registerSuspects } from './suspects/methods.js';
export { SuspectIndex, type SuspectList, type SuspectSource } from './suspects/SuspectIndex.js';
export { type BurntBond, slashedBonds } from './suspects/slashedBonds.js';
export { identityOf, type Suspicion } from './suspects/suspicion.js';
export {
  isDrawn,
  type JobTerms,
  type VerifierDraw,
  validateTerms,
  verifierCount,
} from './terms.js';
export { type JobEnd, type JobTrace, traceJob } from './trace.js';
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
} from './verifier/bonding.js';
export { type VerifierDishonesty, verifierCheat } from './verifier/dishonesty.js';
export { JobVerifier, type VerifierOptions } from './verifier/JobVerifier.js';
export { JobWorker, WORKER_BATCH, type WorkerOptions } from './worker/JobWorker.js';
export {
  type AcceptedVerifiers,
  LEAST_STAKE_LIMIT,
  limitFault,
  type WorkerLimits,
} from './worker/limits.js';
export type { WorkerOutcome, WorkerRecord } from './worker/record.js';
