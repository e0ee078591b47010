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
  type AnyMessage,
  acceptedOffer,
  createMessage,
  isSigned,
  MESSAGE_BOUNDS,
  type Message,
  type MessageBody,
  type MessageType,
  messageId,
  NO_JOB_HEX,
  parseMessage,
} from './messages.js';
export { JobPool, POOL_BOUNDS, type PoolBounds, type PoolResult } from './pool.js';
export {
  JobPoolService,
  type MethodTable,
  type PoolChain,
  registerJobPool,
} from './pool-service.js';
export type { PooledJob } from './pool-view.js';
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
  seedOf,
} from './spec.js';
