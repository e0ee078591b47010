import { BLOCK_HELP } from './help/blocks.js';
import { WAITING_HELP } from './help/control.js';
import { INDEX_HELP } from './help/indexes.js';
import { MEMPOOL_HELP } from './help/mempool.js';
import { PIN_HELP } from './help/pins.js';
import { TRANSACTION_HELP } from './help/transactions.js';
import { SENDRAWTRANSACTION } from './methods/transactions.js';

/** What methods about the chain take and answer, for whoever answers them in another way than a node does. */
export const CHAIN_HELP = {
  ...BLOCK_HELP,
  ...WAITING_HELP,
  ...INDEX_HELP,
  ...MEMPOOL_HELP,
  ...PIN_HELP,
  ...TRANSACTION_HELP,
  sendrawtransaction: SENDRAWTRANSACTION,
} as const;
