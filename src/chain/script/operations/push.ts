import { numberBytes } from '../number.js';
import { OP, type OpcodeName } from '../opcodes.js';
import { type Operation, type OperationGroup, ORIGINAL } from './operation.js';

function constant(value: number): Operation {
  const bytes = numberBytes(value);
  return {
    stack: `→ ${value}`,
    cost: '1',
    source: ORIGINAL,
    run: (state) => state.push(bytes),
  };
}

function numbers(): OperationGroup {
  const group: Partial<Record<OpcodeName, Operation>> = { OP_1NEGATE: constant(-1) };
  for (const [name, code] of Object.entries(OP)) {
    if (code >= OP.OP_1 && code <= OP.OP_16) {
      group[name as OpcodeName] = constant(code - OP.OP_1 + 1);
    }
  }
  return group;
}

/** OP_1NEGATE and OP_1 to OP_16. Pushes of data (0x00 to 0x4e) are read by the interpreter itself. */
export const pushOperations: OperationGroup = numbers();
