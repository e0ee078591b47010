export {
  type Attack,
  type AttackContext,
  type AttackListeners,
  type AttackModel,
  type AttackNeed,
  type AttackOutcome,
  type AttackSession,
  type DeliveryCheat,
  type ExpectedVerdict,
  isExpected,
} from './attacks/attack.js';
export { NO_ROOM } from './attacks/handOver.js';
export { MOST_KEPT } from './attacks/otherModels.js';
export { type Random, randomFrom } from './attacks/random.js';
export {
  type AttackResult,
  type AttackRun,
  type AttackSubject,
  isAsExpected,
  requestFor,
  runAttack,
} from './attacks/run.js';
export { ATTACKS, attackNamed, sellableAttack } from './attacks/table.js';
export { quantisedTo } from './attacks/variants/blockQuantised.js';
export { bypassHalf, bypassLastLayer, bypassLayers } from './attacks/variants/bypassLayers.js';
export { positionsOffByOne, quantisedCache } from './attacks/variants/changedCache.js';
export { halfRounded, noised, shifted } from './attacks/variants/changedWeights.js';
export { dynamicInt8 } from './attacks/variants/dynamicInt8.js';
export {
  FINE_TUNED_SCALE,
  GRAPH_VARIANTS,
  type GraphVariantName,
} from './attacks/variants/table.js';
export type { GraphVariant } from './attacks/variants/variant.js';
export {
  type BatchSetting,
  type CalibrationSetting,
  calibratePair,
  calibrationOf,
  type PairToMeasure,
} from './calibrate.js';
export { type CalibrateOptions, calibrateModel } from './calibrateModel.js';
export {
  CALIBRATION_BATCH,
  CALIBRATION_BLOCKS,
  CALIBRATION_PROMPTS,
  CALIBRATION_SAMPLINGS,
  CALIBRATION_THREADS,
  CALIBRATION_TOKENS,
  type CalibrationPlan,
} from './calibratePlan.js';
export type { BatchSubject, CalibrationSubject, MeasureOptions } from './calibrateRuns.js';
export {
  type Calibration,
  type CalibrationPair,
  COARSE_TAU,
  calibrationHash,
  DEFAULT_TAU,
  defaultTau,
  isCalibrationOf,
  LEAST_TAU_MICRO,
  type MarginCounts,
  MOST_TAU_MICRO,
  namedCalibrations,
  pairFor,
  parseCalibration,
  readCalibration,
  toleranceFor,
  toleranceWarning,
} from './calibration.js';
export { clopperPearsonLower, clopperPearsonUpper, incompleteBeta } from './clopperPearson.js';
export {
  CERTAIN,
  type Chance,
  chanceNumber,
  formatChance,
  parseChance,
} from './economics/chance.js';
export { type CheatingAnswer, type CheatingTerms, cheating } from './economics/cheating.js';
export {
  type ContestAnswer,
  type ContestTerms,
  contesting,
  type InspectionAnswer,
  inspection,
} from './economics/contest.js';
export {
  divergenceDetection,
  divergenceOf,
  jobsFor,
  overJobs,
  paperDetection,
  sampledDetection,
  samplesFor,
} from './economics/detection.js';
export { type JudgingAnswer, type JudgingTerms, judging } from './economics/judging.js';
export { marketChart } from './economics/market/chart.js';
export { sumOf } from './economics/market/ledger.js';
export {
  DEFAULT_MARKET,
  type MarketParameters,
  SELLER_KINDS,
  type SellerKind,
} from './economics/market/parameters.js';
export {
  type IncomeSeries,
  marketJson,
  sellerIncomes,
  thousandths,
  verifierIncomes,
} from './economics/market/report.js';
export { type MarketResult, simulateMarket } from './economics/market/simulate.js';
export {
  divergenceTable,
  marketTable,
  samplesTable,
  tamperingTable,
} from './economics/tables.js';
export { flipBound } from './flipBound.js';
export { checkPosition, type PositionCheck } from './margin.js';
export {
  answersFor,
  type CheckAnswer,
  decodeAnswer,
  type EndAnswer,
  encodeAnswer,
  MOST_POSITIONS,
  MOST_STEPS,
  type PositionAnswer,
  quantise,
  type Standing,
  stepOf,
} from './outsourced/answer.js';
export { type AnswerBinding, commitAnswer, opensTo } from './outsourced/commitment.js';
export {
  type Copy,
  type CopyPlan,
  drawCopies,
  drawPositions,
  falsePlantBound,
  HIDDEN_TOKENS,
  LEAST_FOR_PLANTS,
} from './outsourced/copies.js';
export {
  type ExaminedText,
  type ExamineOptions,
  examine,
  type Silence,
} from './outsourced/examine.js';
export { runnerUpGap } from './outsourced/gap.js';
export {
  type NeighbourEvidence,
  type PositionEvidence,
  type Reply,
  type Tally,
  type TallyOptions,
  tally,
} from './outsourced/tally.js';
export { outsourcedTau } from './outsourced/tolerance.js';
export { OWN_SHIFT_SAFETY, ownShift } from './ownShift.js';
export {
  NO_EVIDENCE,
  type PooledContext,
  type PooledEvidence,
  type PooledRow,
  pooledEvidence,
  pooledScore,
  SLASHING_SCORE,
} from './pooled/evidence.js';
export {
  DEFAULT_ALTERNATIVE,
  type Hypotheses,
  hypothesesFor,
  logRatio,
} from './pooled/likelihood.js';
export { BEYOND, countClasses, MARGIN_CLASSES, marginClass } from './pooled/marginClass.js';
export { logPoissonTail } from './pooled/poissonTail.js';
export { type SellerEvidence, sellerEvidence } from './pooled/sellerEvidence.js';
export {
  checkErrorRates,
  DEFAULT_ERROR_RATES,
  type ErrorRates,
  observe,
  type SequentialState,
  UNSEEN,
  waldBounds,
} from './pooled/sprt.js';
export { parseCheck, samplePositions, sampleSeed } from './sample.js';
export {
  type AbstainVerdict,
  describeVerdict,
  type InvalidKind,
  type InvalidVerdict,
  type ValidVerdict,
  VERDICT_BYTE,
  type Verdict,
} from './verdict.js';
export {
  type LogitsSource,
  type OutputClaim,
  type PositionRow,
  type SampledCheck,
  type Verification,
  type VerifyOptions,
  verifyOutput,
} from './verify.js';
