import { type Operation, type OperationGroup, ORIGINAL } from './operation.js';

const reserved: Operation = {
  stack: '→',
  cost: '0',
  source: ORIGINAL,
  note: 'Fails when executed',
  run: (state) => state.fail('reserved-opcode'),
};

/** Opcodes without a meaning: they fail when executed, and only then. */
export const reservedOperations: OperationGroup = {
  OP_RESERVED: reserved,
  OP_RESERVED1: reserved,
  OP_RESERVED2: reserved,
};
