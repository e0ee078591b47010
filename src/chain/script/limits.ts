/** Bounds of the script machine (DESIGN 4.3; the cost rules are CHIP-2021-05-vm-limits' consensus ones). */
export const LIMITS = {
  /** Longest stack element, bytes. */
  element: 1_000_000,
  /** Both stacks together, bytes; each element counts {@link LIMITS.elementOverhead} beside its length. */
  stack: 32_000_000,
  elementOverhead: 32,
  /** Longest number, bytes. */
  number: 10_000,
  /** Open conditionals and loops. */
  controlDepth: 100,
  multisigKeys: 20,
  /** Cost of an opcode, whether executed or skipped. */
  opcodeCost: 100,
  hashIterationCost: 64,
  signatureCheckCost: 26_000,
  /** Cost that each byte of the input pays for. */
  costPerByte: 800,
  /** What an input weighs beside its unlocking script: outpoint, sequence and a length byte. */
  inputOverhead: 41,
} as const;

/** Operation cost that an unlocking script of this length pays for. */
export function operationCostLimit(unlockingLength: number): number {
  return (LIMITS.inputOverhead + unlockingLength) * LIMITS.costPerByte;
}

/** Hash iterations that an unlocking script of this length pays for: 3.5 per byte. */
export function hashIterationLimit(unlockingLength: number): number {
  return Math.floor(((LIMITS.inputOverhead + unlockingLength) * 7) / 2);
}

/** Rounds of a 64-byte-block hash over a message, counted as in CHIP-2021-05-vm-limits. */
export function hashIterations(messageLength: number): number {
  return 1 + Math.floor((messageLength + 8) / 64);
}
