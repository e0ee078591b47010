export {
  type Attack,
  type AttackContext,
  type AttackListeners,
  type AttackModel,
  type AttackOutcome,
  type AttackSession,
  type ExpectedVerdict,
  isExpected,
} from './attacks/attack.js';
export { ATTACKS, attackNamed } from './attacks/table.js';
export {
  type CalibrationPlan,
  type CalibrationSubject,
  calibratePair,
  calibrationOf,
} from './calibrate.js';
export {
  type Calibration,
  type CalibrationPair,
  calibrationHash,
  DEFAULT_TAU,
  parseCalibration,
  readCalibration,
  toleranceFor,
} from './calibration.js';
export { checkPosition, type PositionCheck } from './margin.js';
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
  type Verification,
  type VerifyOptions,
  verifyOutput,
} from './verify.js';
