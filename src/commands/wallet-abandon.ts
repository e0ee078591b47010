import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import { RPC_CODE, RpcError } from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { nodeClient } from './shared/wallet.js';

async function abandon([txid]: string[], context: ActionContext<object>): Promise<void> {
  const { settings, terminal } = context;
  const { rpc } = nodeClient(settings);
  try {
    await terminal.confirm(
      `Give up ${txid}? Nodes that have it may still bring it into a block: whoever is paid again may be paid twice.`,
    );
    await rpc.call('abandontransaction', txid);
    const text = `${txid} is handed to no node any more; its coins can be spent again`;
    terminal.result({ txid, abandoned: true }, text, txid);
  } catch (thrown) {
    if (!(thrown instanceof RpcError) || thrown.rpcCode !== RPC_CODE.notFound) throw thrown;
    throw new BitmodelError('NOTHING_TO_ABANDON', `The node sends no payment ${txid} again.`, {
      next: `See where it is: bitmodel chain tx ${txid}; one that waits for a block too long gets a higher fee with bitmodel wallet bump, and a full node lets go of it by itself`,
      exitCode: EXIT.notFound,
      cause: thrown,
    });
  } finally {
    await rpc.close();
  }
}

/** Adds `wallet abandon`. */
export function registerAbandoning(wallet: Command): void {
  wallet
    .command('abandon')
    .description('give up a payment that a light node sends again and again; asks before it does')
    .argument('<txid>', 'the payment')
    .addHelpText(
      'after',
      '\nOnly a light node keeps payments, until they are in a block. What other nodes have taken can\nnot be called back: pay yourself with the same coins to be sure.\n\nExample:\n  $ bitmodel wallet abandon TXID',
    )
    .action(action<object>(abandon));
}
