export { type Components, stronglyConnectedComponents } from './components.js';
export { MAXIMUM_COMPONENT } from './cycle.js';
export {
  completeDeclaration,
  type Declaration,
  type DeclaredParent,
  destinationScript,
  type ModelDeclaration,
  ownPpm,
  SOURCE_KINDS,
  type SourceKind,
} from './declaration.js';
export {
  buildGraph,
  type ContributionGraph,
  type ParentShare,
  PPM,
  type SourceDeclaration,
} from './graph.js';
export { formatGraph, parseDemand, parseGraph } from './graph-json.js';
export {
  computePayout,
  demandOf,
  type OwnerShare,
  payout,
  payoutByOwner,
  soleUnusedSource,
} from './payout.js';
export {
  MODEL_PIN_PATH,
  modelPinPayload,
  parseModelPin,
  parseSourcePin,
  SOURCE_PIN_PATH,
  sourcePinPayload,
} from './pin-payload.js';
export { findModel, type Published, type Registry, readRegistry } from './registry.js';
export {
  MAXIMUM_SHARES,
  parseSplitScript,
  type SplitShare,
  splitAmounts,
  splitScript,
} from './split.js';
export {
  MAXIMUM_SPLIT_INPUTS,
  type SplitCoin,
  type SplitSpend,
  splitSpend,
  unlockSplit,
} from './split-spend.js';
