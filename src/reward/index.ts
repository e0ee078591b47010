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
  type HolderTerms,
  holderScript,
  holderUnlocking,
  nftBehind,
  parseHolderScript,
} from './contracts/holder.js';
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
export { type ChainGraph, type ChainGraphOptions, chainGraph } from './declared/chainGraph.js';
export {
  type Circle,
  circleOf,
  declaredCircles,
  paysItsCircle,
  solveCircle,
  usesInForce,
} from './declared/circles.js';
export type { Claim, ClaimVersion } from './declared/claims.js';
export {
  CONTRIBUTION_PIN_PATH,
  type Confirmation,
  type Dispute,
  MAXIMUM_REASON,
  parseStatement,
  type Statement,
  statementPayload,
} from './declared/contribution.js';
export {
  completeDeclaration,
  type Declaration,
  type DeclarationBase,
  type DeclaredCalibration,
  type DeclaredParent,
  declaredUses,
  destinationScript,
  type ModelDeclaration,
  type OtherDeclaration,
  ownPpm,
  SOURCE_KINDS,
  type SourceKind,
} from './declared/declaration.js';
export { feeJson, formatFee, type ModelFee, parseFee, withFee } from './declared/fee.js';
export { type ModelIncome, modelIncome } from './declared/income.js';
export {
  modelByName,
  type PublishedModel,
  publishedModels,
  sourceByName,
} from './declared/names.js';
export { orItsError } from './declared/orItsError.js';
export { ownerText } from './declared/ownerText.js';
export {
  MODEL_PIN_PATH,
  modelPinPayload,
  parseModelPin,
  parseSourcePin,
  SOURCE_PIN_PATH,
  sourcePinPayload,
} from './declared/pinPayload.js';
export {
  declareModel,
  declareSource,
  type ModelDraft,
  type ParentDraft,
  publishModel,
  publishSource,
  type SourceDraft,
  updateModel,
} from './declared/publish.js';
export {
  type DeclaredChanges,
  follow,
  isChange,
  publishRedeclaration,
  type Redeclaration,
  redeclare,
} from './declared/redeclare.js';
export {
  findDeclaration,
  findModel,
  type Published,
  payableVersion,
  type Registry,
  readRegistry,
} from './declared/registry.js';
export type { ChainPoint } from './declared/snapshot.js';
export {
  type ParentsWord,
  type PublishedDispute,
  readStandings,
  type Standings,
} from './declared/standing.js';
export {
  confirmationOf,
  disputeOf,
  publishDispute,
  sayAsParent,
} from './declared/statements.js';
export { formatWeight, parseWeight } from './declared/weight.js';
export { type PartOptions, partOf } from './drawing/chosenPart.js';
export { type GraphSvgOptions, graphSvg } from './drawing/graphSvg.js';
export {
  type TreeOptions,
  type TreeRest,
  type TreeRow,
  type TreeSource,
  treeRows,
} from './drawing/treeRows.js';
export { capForwarded } from './flow/cap.js';
export { applyChange, type GraphChange, parseChange } from './flow/changes.js';
export { type Components, stronglyConnectedComponents } from './flow/components.js';
export { MAXIMUM_CIRCLE, MAXIMUM_COMPONENT } from './flow/cycle.js';
export {
  type Explanation,
  explainShare,
  type FlowPath,
  type MemberPassed,
  type OwnCircle,
  type PassedOn,
} from './flow/explain.js';
export { payoutNotes } from './flow/notes.js';
export { type OwnerShare, ownerShares, payoutByOwner } from './flow/owners.js';
export { PayoutEngine, type PayoutUpdate, type ShareChange } from './flow/PayoutEngine.js';
export {
  computeFlows,
  computePayout,
  demandOf,
  type Flows,
  payout,
  type SolvedCircle,
  soleUnusedSource,
} from './flow/payout.js';
export { buildGraph } from './graph/buildGraph.js';
export { GraphBuilder, type GraphBuilderOptions, type SourceLabels } from './graph/GraphBuilder.js';
export {
  type ContributionGraph,
  type ParentShare,
  PPM,
  type SourceDeclaration,
  STANDINGS,
  type Standing,
  standingOf,
} from './graph/graph.js';
export { formatGraph, parseDemand, parseGraph } from './graph/graphJson.js';
export {
  formatOfName,
  GRAPH_FORMATS,
  type GraphFormat,
  parseGraphFormat,
  type ReadGraphOptions,
  readGraph,
} from './graph/readGraph.js';
export { writeGraph } from './graph/writeGraph.js';
export {
  createTask,
  deliverTo,
  type ImiHands,
  judgeAsPassed,
  pledgeTo,
  revealTestSet,
  sendAcceptance,
  voteFor,
} from './imi/act.js';
export {
  type ImiMeasurement,
  type ImiMeasureOptions,
  type MeasuredModel,
  measureDelivery,
} from './imi/measure.js';
export {
  type Figure,
  formatMetric,
  formatThousandths,
  type Metric,
  type MetricVerdict,
  parseMetric,
} from './imi/metric.js';
export { MAXIMUM_TEST_SET, type Reveal } from './imi/pins.js';
export { chosenDelivery, notRevealed, planBackers, planJudges } from './imi/plan.js';
export {
  type Acceptance,
  coinName,
  isSameDelivery,
  type KnownGrant,
  type KnownPledge,
  type PinnedDelivery,
  readProgress,
  type TaskProgress,
} from './imi/progress.js';
export { keepTestSet, keptTestSet, saltTestSet, type TestSetSecret } from './imi/secret.js';
export {
  countedDeliveries,
  countedPledges,
  isExpired,
  isJudge,
  type NextStep,
  nextSteps,
  standingPledges,
  type TaskState,
  taskState,
  taskSums,
  votedFor,
  windowEnd,
} from './imi/state.js';
export {
  refundable,
  refundPledges,
  type TakenBack,
  takeGrants,
  withdrawGrants,
} from './imi/takeBack.js';
export {
  type ImiTask,
  type JudgedTask,
  MAXIMUM_PLEDGES,
  minimumPledge,
  parseTask,
  TASK_PIN_PATH,
  taskId,
  taskPayload,
  taskTerms,
} from './imi/task.js';
export { findTask, type PinnedTask, readTasks } from './imi/tasks.js';
export { parseTestSet, type TestSet } from './imi/testSet.js';
export {
  type AssessedOffering,
  assessOfferings,
  demandValid,
  findOffering,
  listOfferings,
  type OfferingList,
} from './imo/assess.js';
export { type AuditedPayment, type IncomeBooks, readBooks } from './imo/books.js';
export {
  type Burn,
  burnFor,
  burnOutputs,
  burnPath,
  burnsFor,
  burntIn,
  sumBurns,
} from './imo/burn.js';
export { checkDraft, createOffering } from './imo/create.js';
export { type ImoCriteria, type ImoRules, imoRules, unmet } from './imo/criteria.js';
export {
  type AuditResult,
  auditDistribution,
  type Distribution,
  planDistribution,
  sendDistribution,
} from './imo/distribute.js';
export type { CreatedImo, ImoDraft, ImoMaking, ImoStep } from './imo/draft.js';
export { type ImoFigures, imoFigures, paidShare } from './imo/figures.js';
export {
  commitmentScript,
  type IncomeCommitment,
  incomeScript,
  incomeSourceId,
  incomeUnlocking,
  parseCommitment,
} from './imo/incomeContract.js';
export type { JobIncome } from './imo/jobIncome.js';
export {
  IMO_PIN_PATH,
  type ImoOffering,
  type ImoPromise,
  imoOutputs,
  imoPayload,
  parseImoPayload,
  parseOffering,
} from './imo/offering.js';
export type { Unread } from './imo/placed.js';
export {
  LEAST_PAYMENT,
  owedTotal,
  type PaymentPlan,
  paidTotal,
  planPayment,
  proportional,
} from './imo/shares.js';
export { holderOf, type Snapshot, UnitMoves } from './imo/snapshot.js';
export { buyUnits, cancelSale, type Purchase, planPurchase, saleCoin } from './imo/trade.js';
export {
  type AnalysisOptions,
  analyse,
  type DegreeDistribution,
  type Hub,
  type Income,
  type NetworkAnalysis,
} from './network/analyse.js';
export { analysisPage } from './network/analysisPage.js';
export { analysisSvg } from './network/analysisSvg.js';
export type { Clustering } from './network/clustering.js';
export { type Concentration, concentration, formatGini } from './network/concentration.js';
export type { PathLengths } from './network/distances.js';
export { type FigureRow, figureRows, grouped, percentOf } from './network/figures.js';
export { lawSentences } from './network/lawWords.js';
export { compareLaws, type LawComparison, type Rival } from './network/likelihoodRatio.js';
export {
  type MandalaFigures,
  MOST_GENERATIONS,
  mandala,
  mandalaFigures,
} from './network/mandala.js';
export {
  fitPowerLaw,
  type Histogram,
  type PowerLaw,
  type PowerLawFit,
} from './network/powerLaw.js';
export { type NftBirth, nftBirth } from './nft/birth.js';
export { type Collected, type Collection, collectFees } from './nft/collect.js';
export {
  type Flaw,
  type FlawCode,
  type NftFacts,
  type NftMoney,
  type NftOffer,
  nftFacts,
  nftMoney,
  payingUsers,
} from './nft/facts.js';
export { modelTerms, updateHeldModel } from './nft/held.js';
export {
  cancelOffer,
  type ModelNfts,
  modelNfts,
  nftCoins,
  type OfferDraft,
  planBuy,
  planOffer,
  sellerScript,
  sendBuy,
  type UnreadNft,
} from './nft/market.js';
export { MINTED_AT, type ModelMint, type ModelMintPlan, planModelMint } from './nft/mint.js';
export { decodeRoyalty, encodeRoyalty, type RoyaltyTerms } from './nft/royalty.js';
export { type Received, receivedFees, type Waiting, waitingFees } from './nft/waiting.js';
export {
  type AuditedCoin,
  type AuditedShare,
  type AuditVerdict,
  auditSettlement,
  checkSettlement,
  type Origin,
  type SettlementAudit,
  type Whereabouts,
} from './settle/audit.js';
export { auditBatch, type BatchAudit, type BatchEvidence } from './settle/auditBatch.js';
export {
  type BatchPlan,
  type BatchRequest,
  batchHead,
  batchOutputs,
  HIGHEST_MINIMUM,
  type OwnerPayment,
  planBatch,
} from './settle/batch.js';
export { type ContractChoice, chooseContracts } from './settle/contracts.js';
export {
  formatLedger,
  type Ledger,
  type LedgerBatch,
  parseLedger,
  readCarried,
  readLedger,
} from './settle/ledger.js';
export { type PaidBatch, type PayBatchOptions, payBatch, planByLedger } from './settle/payBatch.js';
export {
  amountsHash,
  decodePayoutMark,
  encodePayoutMark,
  type GraphOrigin,
  graphHash,
  type PayoutMark,
} from './settle/payoutMark.js';
export { type BatchPart, type BatchTransactions, readBatch } from './settle/readBatch.js';
export {
  DEFAULT_MAX_FEES,
  planSettlement,
  type SettleOptions,
  type SettleResult,
  settleSplits,
} from './settle/settle.js';
export type { PlannedSettlement, SettledShare, Settlement } from './settle/settlement.js';
export { type WatchEvent, type WatchOptions, watchSettlements } from './settle/watch.js';
export { type LeftAlone, type LeftReason, leastWithoutDust } from './settle/weigh.js';
export { byLevel } from './simulation/age.js';
export type { ProposedChange } from './simulation/changedGraph.js';
export {
  type Growth,
  grow,
  MOST_EDGES,
  MOST_SOURCES,
  type World,
} from './simulation/grow.js';
export { type LabelSettings, labelled } from './simulation/labels.js';
export {
  type Market,
  MOST_JOBS,
  POPULARITIES,
  type Popularity,
  type Prices,
  runMarket,
} from './simulation/market.js';
export type { Group, Outcome } from './simulation/outcome.js';
export {
  ageTable,
  kindTable,
  letterOf,
  type OutcomeTable,
  reachTable,
  shareOf,
  unevennessTable,
} from './simulation/outcomeTables.js';
export { reweighed, type Scheme } from './simulation/schemes.js';
export {
  type Change,
  type Comparison,
  type Simulation,
  type SimulationSettings,
  simulate,
} from './simulation/simulate.js';
export { simulationPage } from './simulation/simulationPage.js';
export { simulationSvg } from './simulation/simulationSvg.js';
export {
  MAXIMUM_SHARES,
  parseSplitScript,
  type SplitShare,
  splitAmounts,
  splitScript,
} from './split/split.js';
export {
  MAXIMUM_SPLIT_INPUTS,
  type SplitCoin,
  type SplitSpend,
  splitSpend,
  unlockSplit,
} from './split/splitSpend.js';
