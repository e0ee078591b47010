import { isTruthy } from '../number.js';
import type { ScriptState } from '../ScriptState.js';
import type { OperationGroup } from './operation.js';

/** Goes back to OP_BEGIN unless the top is true. Each round costs its opcodes, so a loop ends with its budget. */
function until(state: ScriptState): void {
  const start = state.closeLoop();
  if (!state.active || isTruthy(state.pop())) return;
  state.next = start;
  // back inside: the loop is open again, and starts where it did
  state.openLoop();
}

/** Loops: the code between OP_BEGIN and OP_UNTIL repeats until OP_UNTIL finds true. */
export const loopOperations: OperationGroup = {
  OP_BEGIN: {
    stack: '→',
    cost: '0',
    source: 'CHIP-2021-05-loops',
    always: true,
    run: (state) => state.openLoop(),
  },
  OP_UNTIL: {
    stack: 'a →',
    cost: '0',
    source: 'CHIP-2021-05-loops',
    note: 'Goes back to its OP_BEGIN unless a is true',
    always: true,
    run: until,
  },
};
