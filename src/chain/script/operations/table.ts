import { OP, type OpcodeName } from '../opcodes.js';
import { arithmeticOperations } from './arithmetic.js';
import { bitwiseOperations } from './bitwise.js';
import { controlOperations } from './control.js';
import { cryptoOperations } from './crypto.js';
import { hashOperations } from './hash.js';
import { introspectionOperations } from './introspection.js';
import { lockTimeOperations } from './locktime.js';
import { loopOperations } from './loop.js';
import type { Operation, OperationGroup } from './operation.js';
import { pushOperations } from './push.js';
import { reservedOperations } from './reserved.js';
import { spliceOperations } from './splice.js';
import { stackOperations } from './stack.js';

/** All groups, under the names that docs/opcodes.md gives them. */
export const OPERATION_GROUPS: Readonly<Record<string, OperationGroup>> = {
  Push: pushOperations,
  Control: controlOperations,
  Stack: stackOperations,
  Splice: spliceOperations,
  Bitwise: bitwiseOperations,
  Arithmetic: arithmeticOperations,
  Hash: hashOperations,
  Signature: cryptoOperations,
  'Lock time': lockTimeOperations,
  Introspection: introspectionOperations,
  Loop: loopOperations,
  Reserved: reservedOperations,
};

/** The machine's one table: opcode byte → operation. Bytes without an entry fail when executed. */
export const OPERATIONS: readonly (Operation | undefined)[] = buildTable();

function buildTable(): (Operation | undefined)[] {
  const table = new Array<Operation | undefined>(256).fill(undefined);
  for (const group of Object.values(OPERATION_GROUPS)) {
    for (const [name, operation] of Object.entries(group)) {
      table[OP[name as OpcodeName]] = operation;
    }
  }
  return table;
}
