import { concatBytes } from '../../../base/index.js';
import type { TransactionInput, TransactionOutput } from '../../codec/transaction.js';
import { JOB_VERSION, NO_JOB } from '../../codec/transaction.js';
import type { ScriptState } from '../ScriptState.js';
import type { Operation, OperationGroup } from './operation.js';

const CHIP = 'CHIP-2021-02';
const TOKEN_CHIP = 'CHIP-2022-02';
const NOTHING = new Uint8Array(0);

type Pushable = Uint8Array | bigint | number;

function push(state: ScriptState, value: Pushable): void {
  if (value instanceof Uint8Array) state.push(value);
  else state.pushNumber(value);
}

/** Pushes something of the transaction as a whole. */
function ofTransaction(stack: string, read: (state: ScriptState) => Pushable): Operation {
  return {
    stack: `→ ${stack}`,
    cost: `|${stack}|`,
    source: CHIP,
    run: (state) => push(state, read(state)),
  };
}

/** Pops an index and pushes something of the item with this index. */
function ofItem<Item>(
  stack: string,
  items: (state: ScriptState) => readonly Item[],
  read: (item: Item) => Pushable,
): Operation {
  const run = (state: ScriptState): void => {
    const item = items(state)[state.popIndex()];
    if (item === undefined) state.fail('introspection-index');
    push(state, read(item));
  };
  return { stack: `i → ${stack}`, cost: `|${stack}|`, source: CHIP, run };
}

/** As {@link ofItem}, of the token on an output. */
function ofToken(
  stack: string,
  items: (state: ScriptState) => readonly TransactionOutput[],
  read: (item: TransactionOutput) => Pushable,
  note: string,
): Operation {
  return { ...ofItem(stack, items, read), source: TOKEN_CHIP, note };
}

const inputs = (state: ScriptState): readonly TransactionInput[] =>
  state.context.transaction.inputs;
const spent = (state: ScriptState): readonly TransactionOutput[] => state.context.spentOutputs;
const outputs = (state: ScriptState): readonly TransactionOutput[] =>
  state.context.transaction.outputs;

function tokenCategory({ token }: TransactionOutput): Pushable {
  if (!token) return NOTHING;
  const capability = token.nft?.capability ?? 'none';
  if (capability === 'none') return token.category;
  return concatBytes(token.category, Uint8Array.of(capability === 'mutable' ? 1 : 2));
}

function tokenCommitment({ token }: TransactionOutput): Pushable {
  return token?.nft?.commitment ?? NOTHING;
}

function tokenAmount({ token }: TransactionOutput): Pushable {
  return token?.amount ?? 0n;
}

const CATEGORY_NOTE =
  'Category, then 0x01 behind it for a mutable NFT, 0x02 for a minting one; empty without a token';
const COMMITMENT_NOTE = 'Empty without an NFT';
const AMOUNT_NOTE = '0 without a fungible token';

/** What the transaction that spends an output looks like, and what it spends. */
export const introspectionOperations: OperationGroup = {
  OP_INPUTINDEX: ofTransaction('i', (state) => state.context.inputIndex),
  OP_ACTIVEBYTECODE: ofTransaction('script', (state) => state.script.subarray(state.codeStart)),
  OP_TXVERSION: ofTransaction('version', (state) => state.context.transaction.version),
  OP_TXINPUTCOUNT: ofTransaction('count', (state) => inputs(state).length),
  OP_TXOUTPUTCOUNT: ofTransaction('count', (state) => outputs(state).length),
  OP_TXLOCKTIME: ofTransaction('time', (state) => state.context.transaction.lockTime),
  OP_UTXOVALUE: ofItem('value', spent, (output) => output.value),
  OP_UTXOBYTECODE: ofItem('script', spent, (output) => output.lockingScript),
  OP_OUTPOINTTXHASH: ofItem('hash', inputs, (input) => input.outpoint.hash),
  OP_OUTPOINTINDEX: ofItem('index', inputs, (input) => input.outpoint.index),
  OP_INPUTBYTECODE: ofItem('script', inputs, (input) => input.unlockingScript),
  OP_INPUTSEQUENCENUMBER: ofItem('sequence', inputs, (input) => input.sequence),
  OP_OUTPUTVALUE: ofItem('value', outputs, (output) => output.value),
  OP_OUTPUTBYTECODE: ofItem('script', outputs, (output) => output.lockingScript),
  OP_UTXOTOKENCATEGORY: ofToken('category', spent, tokenCategory, CATEGORY_NOTE),
  OP_UTXOTOKENCOMMITMENT: ofToken('commitment', spent, tokenCommitment, COMMITMENT_NOTE),
  OP_UTXOTOKENAMOUNT: ofToken('amount', spent, tokenAmount, AMOUNT_NOTE),
  OP_OUTPUTTOKENCATEGORY: ofToken('category', outputs, tokenCategory, CATEGORY_NOTE),
  OP_OUTPUTTOKENCOMMITMENT: ofToken('commitment', outputs, tokenCommitment, COMMITMENT_NOTE),
  OP_OUTPUTTOKENAMOUNT: ofToken('amount', outputs, tokenAmount, AMOUNT_NOTE),
  OP_TXJOBID: {
    stack: '→ job',
    cost: '32',
    source: 'DESIGN 4.3',
    note: "The spending transaction's job id, 32 bytes; zeros below version 10",
    run: (state) => {
      const { version, jobId } = state.context.transaction;
      state.push(version >= JOB_VERSION ? jobId : NO_JOB);
    },
  },
};
