import { isTruthy } from '../number.js';
import type { ScriptState } from '../ScriptState.js';
import { type Operation, type OperationGroup, ORIGINAL } from './operation.js';

/** A conditional: tests the stack where its branch is active, and opens a skipped one where not. */
function conditional(
  stack: string,
  test: (state: ScriptState) => boolean,
  note?: string,
): Operation {
  return {
    stack,
    cost: '0',
    source: ORIGINAL,
    ...(note === undefined ? {} : { note }),
    always: true,
    run: (state) => state.openBranch(state.active && test(state)),
  };
}

// Original Bitcoin compared the number on the stack with the client's version; ours is the transaction's.
function versionReached(state: ScriptState): boolean {
  return state.context.transaction.version >= state.popIndex();
}

const nop: Operation = { stack: '→', cost: '0', source: ORIGINAL, run: () => undefined };

/** Conditionals, verdicts and opcodes without effect. */
export const controlOperations: OperationGroup = {
  OP_NOP: nop,
  OP_VER: {
    stack: '→ version',
    cost: '|version|',
    source: ORIGINAL,
    note: "The transaction's version as a number",
    run: (state) => state.pushNumber(state.context.transaction.version),
  },
  OP_IF: conditional('a →', (state) => isTruthy(state.pop())),
  OP_NOTIF: conditional('a →', (state) => !isTruthy(state.pop())),
  OP_VERIF: conditional('n →', versionReached, 'Taken where the transaction version is at least n'),
  OP_VERNOTIF: conditional(
    'n →',
    (state) => !versionReached(state),
    'Taken where the transaction version is below n',
  ),
  OP_ELSE: {
    stack: '→',
    cost: '0',
    source: ORIGINAL,
    always: true,
    run: (state) => state.turnBranch(),
  },
  OP_ENDIF: {
    stack: '→',
    cost: '0',
    source: ORIGINAL,
    always: true,
    run: (state) => state.closeBranch(),
  },
  OP_VERIFY: {
    stack: 'a →',
    cost: '0',
    source: ORIGINAL,
    note: 'Fails unless a is true',
    run: (state) => {
      if (!isTruthy(state.pop())) state.fail('verify');
    },
  },
  OP_RETURN: {
    stack: '→',
    cost: '0',
    source: ORIGINAL,
    note: 'Fails: the output can never be spent',
    run: (state) => state.fail('op-return'),
  },
  OP_NOP1: nop,
  OP_NOP7: nop,
  OP_NOP8: nop,
  OP_NOP9: nop,
  OP_NOP10: nop,
};
