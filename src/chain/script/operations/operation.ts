import type { OpcodeName } from '../opcodes.js';
import type { ScriptState } from '../ScriptState.js';

/** One opcode: what it does, and what docs/opcodes.md says of it. */
export interface Operation {
  /** Top of the stack on the right, as `before → after`. */
  readonly stack: string;
  /** Cost beside the 100 of every opcode: `|x|` is a length in bytes. */
  readonly cost: string;
  readonly source: string;
  /** What the stack picture does not say. */
  readonly note?: string;
  /** Runs in skipped branches too: what opens and closes them. */
  readonly always?: true;
  /** Fails with a ScriptFailure only. */
  readonly run: (state: ScriptState) => void;
}

/** The opcodes of one group, by name. */
export type OperationGroup = Readonly<Partial<Record<OpcodeName, Operation>>>;

/** Where an opcode comes from that Bitcoin's first version had. */
export const ORIGINAL = 'Bitcoin 0.1';
