export { type Components, stronglyConnectedComponents } from './components.js';
export {
  type BackersAccept,
  type Delivery,
  deliveryMessage,
  grantScript,
  type JudgesAccept,
  type PledgeTerms,
  parsePledge,
  pledgeScript,
  testSetCommitment,
} from './contracts/assurance.js';
export {
  backersAcceptSpend,
  grantSpend,
  grantUnlocking,
  type Judgement,
  judgesAcceptSpend,
  type PayoutSpend,
  type PledgeCoin,
  pledgeOutput,
  pledgeRefundSpend,
  pledgeRefundUnlocking,
  unlockPayout,
  type Vote,
} from './contracts/assuranceSpends.js';
export {
  type OfferTerms,
  offerScript,
  parseOffer,
  parseSale,
  royaltyOf,
  type SaleTerms,
  saleScript,
} from './contracts/sale.js';
export {
  BUY_UNLOCKING,
  offerBuySpend,
  offerOutput,
  type SaleCoin,
  saleBuySpend,
  saleCancelSpend,
  saleCancelUnlocking,
  saleOutput,
} from './contracts/saleSpends.js';
export { MAXIMUM_COMPONENT } from './cycle.js';
export {
  completeDeclaration,
  type Declaration,
  type DeclarationBase,
  type DeclaredCalibration,
  type DeclaredParent,
  destinationScript,
  type ModelDeclaration,
  type OtherDeclaration,
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
export { formatGraph, parseDemand, parseGraph } from './graphJson.js';
export { type ModelIncome, modelIncome } from './income.js';
export { modelByName, type PublishedModel, publishedModels } from './names.js';
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
} from './pinPayload.js';
export {
  declareModel,
  declareSource,
  type ModelDraft,
  type ParentDraft,
  publishModel,
  publishSource,
  type SourceDraft,
  updateModel,
} from './publish.js';
export {
  findDeclaration,
  findModel,
  type Published,
  type Registry,
  readRegistry,
} from './registry.js';
export {
  type SettledShare,
  type Settlement,
  type SettleOptions,
  settleSplits,
} from './settle.js';
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
} from './splitSpend.js';
export { formatWeight, parseWeight } from './weight.js';
