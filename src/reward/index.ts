export { type Components, stronglyConnectedComponents } from './components.js';
export { MAXIMUM_COMPONENT } from './cycle.js';
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
