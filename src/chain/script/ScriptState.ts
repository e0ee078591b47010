import type { ScriptContext } from './context.js';
import { type ScriptErrorCode, ScriptFailure } from './errors.js';
import type { ScriptFlags } from './flags.js';
import { hashIterationLimit, hashIterations, LIMITS, operationCostLimit } from './limits.js';
import {
  encodeNumber,
  isMinimalNumber,
  minimized,
  numberBytes,
  SMALL_BYTES,
  smallNumber,
} from './number.js';

const TRUE = Uint8Array.of(1);
const FALSE = new Uint8Array(0);

// entries of the control stack that are no loop's offset
const TAKEN = -1;
const SKIPPED = -2;

/** A number as an index: exact, or infinite where no index can be as large. */
function indexOf(number: Uint8Array): number {
  if (number.length <= SMALL_BYTES) return smallNumber(number);
  return (number[number.length - 1]! & 0x80) === 0 ? Infinity : -Infinity;
}

/**
 * What one input's evaluation holds: two stacks, the meters, and where it stands in the script. Elements are
 * shared, not copied, and never written to. Every method fails with a {@link ScriptFailure} only.
 */
export class ScriptState {
  readonly context: ScriptContext;
  readonly flags: ScriptFlags;
  readonly stack: Uint8Array[] = [];
  alternate: Uint8Array[] = [];
  /** The script being run, the opcode being run, and the one to run next. */
  script: Uint8Array = FALSE;
  offset = 0;
  next = 0;
  /** Where the code that signatures cover begins: after the last executed OP_CODESEPARATOR. */
  codeStart = 0;
  operationCost = 0;
  hashIterations = 0;
  signatureChecks = 0;
  #memory = 0;
  readonly #control: number[] = [];
  #skipping = 0;
  readonly #costLimit: number;
  readonly #hashLimit: number;

  constructor(context: ScriptContext, flags: ScriptFlags, unlockingLength: number) {
    this.context = context;
    this.flags = flags;
    this.#costLimit = flags.cost ? operationCostLimit(unlockingLength) : Number.POSITIVE_INFINITY;
    this.#hashLimit = flags.cost ? hashIterationLimit(unlockingLength) : Number.POSITIVE_INFINITY;
  }

  /** Begins another script on the same main stack; the alternate stack does not pass over. */
  enter(script: Uint8Array): void {
    for (const element of this.alternate) this.#memory -= element.length + LIMITS.elementOverhead;
    this.alternate = [];
    this.script = script;
    this.offset = 0;
    this.next = 0;
    this.codeStart = 0;
  }

  fail(code: ScriptErrorCode): never {
    throw new ScriptFailure(code);
  }

  /** Adds to the operation cost, before the work that it stands for is done. */
  charge(cost: number): void {
    this.operationCost += cost;
    if (this.operationCost > this.#costLimit) this.fail('operation-cost');
  }

  /** Pays for hashing a message; `rounds` more iterations for hashes of hashes. */
  chargeHash(messageLength: number, rounds = 0): void {
    const iterations = hashIterations(messageLength) + rounds;
    this.hashIterations += iterations;
    if (this.hashIterations > this.#hashLimit) this.fail('hash-iterations');
    this.charge(iterations * LIMITS.hashIterationCost);
  }

  chargeSignatureChecks(count: number): void {
    this.signatureChecks += count;
    this.charge(count * LIMITS.signatureCheckCost);
  }

  /** Pushes an element and pays for its bytes. */
  push(element: Uint8Array): void {
    if (element.length > LIMITS.element) this.fail('push-size');
    this.#memory += element.length + LIMITS.elementOverhead;
    if (this.#memory > LIMITS.stack) this.fail('stack-size');
    this.charge(element.length);
    this.stack.push(element);
  }

  pushBoolean(value: boolean): void {
    this.push(value ? TRUE : FALSE);
  }

  /** Pushes a number; fails where it needs more than {@link LIMITS.number} bytes. */
  pushNumber(value: bigint | number): void {
    const bytes = typeof value === 'number' ? numberBytes(value) : encodeNumber(value);
    if (bytes.length > LIMITS.number) this.fail('number-range');
    this.push(bytes);
  }

  /** Pushes the result of arithmetic, in its shortest form, whose bytes cost twice. */
  pushResult(number: Uint8Array): void {
    if (number.length > LIMITS.number) this.fail('number-range');
    this.push(number);
    this.charge(number.length);
  }

  pop(): Uint8Array {
    const element = this.stack.pop();
    if (element === undefined) return this.fail('invalid-stack-operation');
    this.#memory -= element.length + LIMITS.elementOverhead;
    return element;
  }

  /** Fails unless the stack holds at least `count` elements. */
  need(count: number): void {
    if (this.stack.length < count) this.fail('invalid-stack-operation');
  }

  /** The element `depth` below the top (0 is the top), left in place. */
  peek(depth: number): Uint8Array {
    const element = this.stack[this.stack.length - 1 - depth];
    return element ?? this.fail('invalid-stack-operation');
  }

  /** Pops a number and leaves it in bytes, in its shortest form. */
  popOperand(): Uint8Array {
    return this.toOperand(this.pop(), LIMITS.number);
  }

  /** Pops a number for use as an index or size: of one beyond 2^47 only the sign is told, as an infinity. */
  popIndex(): number {
    return indexOf(this.popOperand());
  }

  /** Demands that an element is a number of at most `maximum` bytes, and gives it in its shortest form. */
  toOperand(element: Uint8Array, maximum: number): Uint8Array {
    if (element.length > maximum) this.fail('number-range');
    if (isMinimalNumber(element)) return element;
    return this.flags.minimalNumber ? this.fail('minimal-number') : minimized(element);
  }

  toAlternate(): void {
    this.need(1);
    this.alternate.push(this.stack.pop()!);
  }

  fromAlternate(): void {
    const element = this.alternate.pop();
    if (element === undefined) this.fail('invalid-altstack-operation');
    this.charge(element.length);
    this.stack.push(element);
  }

  /** Whether the current branch is executed. */
  get active(): boolean {
    return this.#skipping === 0;
  }

  /** Demands that no conditional and no loop is open. */
  checkClosed(): void {
    const innermost = this.#control.at(-1);
    if (innermost === undefined) return;
    this.fail(innermost < 0 ? 'unbalanced-conditional' : 'unbalanced-loop');
  }

  /** Opens a conditional whose first branch is taken or not. */
  openBranch(taken: boolean): void {
    this.#open(taken ? TAKEN : SKIPPED);
    if (!taken) this.#skipping++;
  }

  /** Turns to the other branch of the innermost conditional. */
  turnBranch(): void {
    const top = this.#control.length - 1;
    const branch = this.#control[top];
    if (branch === undefined || branch >= 0) this.fail('unbalanced-conditional');
    this.#control[top] = branch === TAKEN ? SKIPPED : TAKEN;
    this.#skipping += branch === TAKEN ? 1 : -1;
  }

  closeBranch(): void {
    const branch = this.#control.pop();
    if (branch === undefined || branch >= 0) this.fail('unbalanced-conditional');
    if (branch === SKIPPED) this.#skipping--;
  }

  /** Opens a loop that begins at the next opcode. */
  openLoop(): void {
    this.#open(this.next);
  }

  /** Closes the innermost loop and tells where it begins. */
  closeLoop(): number {
    const start = this.#control.pop();
    if (start === undefined || start < 0) return this.fail('unbalanced-loop');
    return start;
  }

  #open(entry: number): void {
    if (this.#control.length >= LIMITS.controlDepth) this.fail('control-depth');
    this.#control.push(entry);
  }
}
