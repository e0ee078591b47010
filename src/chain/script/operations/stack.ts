import { isTruthy } from '../number.js';
import type { ScriptState } from '../ScriptState.js';
import { type Operation, type OperationGroup, ORIGINAL } from './operation.js';

function operation(
  stack: string,
  cost: string,
  run: (state: ScriptState) => void,
  note?: string,
): Operation {
  return { stack, cost, source: ORIGINAL, ...(note === undefined ? {} : { note }), run };
}

/** Copies the element `depth` below the top, `count` times over as the top moves with each copy. */
function copy(depth: number, count = 1): (state: ScriptState) => void {
  return (state) => {
    state.need(depth + 1);
    for (let i = 0; i < count; i++) state.push(state.peek(depth));
  };
}

/** Moves `count` elements, the deepest `depth` below the top, to the top in their order. No cost: nothing is copied. */
function raise(depth: number, count: number): (state: ScriptState) => void {
  return (state) => {
    state.need(depth + 1);
    const moved = state.stack.splice(state.stack.length - 1 - depth, count);
    for (const element of moved) state.stack.push(element);
  };
}

function tuck(state: ScriptState): void {
  state.need(2);
  state.push(state.peek(0));
  const { stack } = state;
  const top = stack.length - 1;
  // a b b → b a b
  const below = stack[top - 2]!;
  stack[top - 2] = stack[top - 1]!;
  stack[top - 1] = below;
}

function ifDup(state: ScriptState): void {
  const top = state.peek(0);
  // testing a long run of zeros is work although nothing is pushed
  if (isTruthy(top)) state.push(top);
  else state.charge(top.length);
}

function depthArgument(state: ScriptState): number {
  const depth = state.popIndex();
  if (depth < 0 || depth >= state.stack.length) state.fail('invalid-stack-operation');
  return depth;
}

function pick(state: ScriptState): void {
  state.push(state.peek(depthArgument(state)));
}

function roll(state: ScriptState): void {
  const depth = depthArgument(state);
  state.charge(depth + state.peek(depth).length);
  raise(depth, 1)(state);
}

/** Copies, moves and drops elements. */
export const stackOperations: OperationGroup = {
  OP_TOALTSTACK: operation(
    'a →',
    '0',
    (state) => state.toAlternate(),
    'Alternate stack: gets a on top',
  ),
  OP_FROMALTSTACK: operation(
    '→ a',
    '|a|',
    (state) => state.fromAlternate(),
    'Alternate stack: loses a',
  ),
  OP_2DROP: operation('a b →', '0', (state) => {
    state.need(2);
    state.pop();
    state.pop();
  }),
  OP_2DUP: operation('a b → a b a b', '|a| + |b|', copy(1, 2)),
  OP_3DUP: operation('a b c → a b c a b c', '|a| + |b| + |c|', copy(2, 3)),
  OP_2OVER: operation('a b c d → a b c d a b', '|a| + |b|', copy(3, 2)),
  OP_2ROT: operation('a b c d e f → c d e f a b', '|a| + |b|', (state) => {
    state.need(6);
    state.charge(state.peek(5).length + state.peek(4).length);
    raise(5, 2)(state);
  }),
  OP_2SWAP: operation('a b c d → c d a b', '0', raise(3, 2)),
  OP_IFDUP: operation('a → a a or a', '|a|', ifDup, 'Copies a where it is true'),
  OP_DEPTH: operation('→ n', '|n|', (state) => state.pushNumber(state.stack.length)),
  OP_DROP: operation('a →', '0', (state) => {
    state.pop();
  }),
  OP_DUP: operation('a → a a', '|a|', copy(0)),
  OP_NIP: operation('a b → b', '0', (state) => {
    state.need(2);
    raise(1, 1)(state);
    state.pop();
  }),
  OP_OVER: operation('a b → a b a', '|a|', copy(1)),
  OP_PICK: operation('a … n → a … a', '|a|', pick, 'a is n below the top (0 is the top)'),
  OP_ROLL: operation('a … n → … a', '|a| + n', roll, 'a is n below the top (0 is the top)'),
  OP_ROT: operation('a b c → b c a', '0', raise(2, 1)),
  OP_SWAP: operation('a b → b a', '0', raise(1, 1)),
  OP_TUCK: operation('a b → b a b', '|b|', tuck),
};
