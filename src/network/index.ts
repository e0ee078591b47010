export { Delivery, type DeliveryOptions } from './delivery/Delivery.js';
export type { Receiver } from './delivery/Mailroom.js';
export { Reconciler, type ReconcilerOptions } from './gossip/Reconciler.js';
export { TransactionGossip, type TransactionGossipOptions } from './gossip/TransactionGossip.js';
export { createHost } from './host/createHost.js';
export type {
  FrameStream,
  Gate,
  GossipVerdict,
  Host,
  HostEvents,
  PeerConnection,
  PeerId,
  Protocol,
  Topic,
  WireOffence,
} from './host/Host.js';
export type { HostLimits, HostOptions } from './host/HostOptions.js';
export { LightNode, type LightNodeOptions } from './light/LightNode.js';
export { ProofServer, type ProofServerOptions } from './light/ProofServer.js';
export {
  type RunLightNodeOptions,
  type RunningLightNode,
  runLightNode,
} from './light/runLightNode.js';
export { FairQueue, type QueueBounds } from './limits/FairQueue.js';
export { Pace } from './limits/Pace.js';
export { type Rate, RateLimit } from './limits/RateLimit.js';
export type { CalibrationFor, CalibrationTest } from './models/fetchCalibrations.js';
export { ModelExchange, type ModelExchangeOptions } from './models/ModelExchange.js';
export type { PullStatus } from './models/Pulls.js';
export { MODEL_METHODS, registerModelMethods } from './models/registerModelMethods.js';
export { WebSeed, type WebSeedOptions } from './models/WebSeed.js';
export {
  Network,
  type NetworkFeature,
  type NetworkParts,
  type PeerFacts,
  type ShownPeer,
} from './Network.js';
export { parsePeerAddress, readMultiaddr } from './peers/addresses.js';
export { OFFENCES, type Offence, type Penalties } from './peers/offences.js';
export { Peers, type PeersOptions } from './peers/Peers.js';
export { registerNetworkMethods } from './rpc/registerNetworkMethods.js';
export { type FullNetwork, type NetworkOptions, startNetwork } from './startNetwork.js';
export { BLOCK_TOPIC } from './sync/Announcements.js';
export { ChainSync, type PeerChainFacts, type SyncProgress } from './sync/ChainSync.js';
export { encodeLocator } from './sync/messages.js';
export type { SyncContext } from './sync/SyncContext.js';
export type { Status } from './sync/status.js';
