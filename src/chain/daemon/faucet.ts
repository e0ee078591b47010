import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex, toHex, writeFileAtomic } from '../../base/index.js';
import { addressScript } from '../address/address.js';
import type { ChainNode } from '../node/ChainNode.js';
import { INDEX_HELP } from '../rpc/help/indexes.js';
import { Params } from '../rpc/Params.js';
import type { RpcServer } from '../rpc/RpcServer.js';
import { fundTransaction } from '../wallet/fund.js';
import { createKey, type KeyPair, keyPair } from '../wallet/keys.js';
import { signP2pkhInputs } from '../wallet/sign.js';
import { RPC_CODE, RpcError } from '../wire/RpcError.js';

/** Most coins that one call hands out, so that one mistake doesn't empty it. */
const MOST = 10_000n * 100_000_000n;

/**
 * The key that a regtest node mines to unless told otherwise, from the file `faucet` of its folder (mode 0600), made on
 * first use. Its coins have no value and are for whoever asks, so it has no passphrase.
 */
export function faucetKey(node: ChainNode): KeyPair {
  const path = join(node.folder, 'faucet');
  if (existsSync(path)) {
    return keyPair(fromHex(readFileSync(path, 'utf8').trim(), 32), node.parameters);
  }
  const key = createKey(node.parameters);
  writeFileAtomic(path, `${toHex(key.privateKey)}\n`, { mode: 0o600, overwrite: false });
  return key;
}

async function give(node: ChainNode, key: KeyPair, params: Params): Promise<string> {
  const { parameters } = node;
  const value = params.amount(1, 'amount');
  if (value === 0n || value > MOST) {
    throw new RpcError(RPC_CODE.invalidParameter, 'amount must be above 0 and at most 10000 coins');
  }
  const lockingScript = addressScript(params.string(0, 'address'), parameters);
  const changeScript = addressScript(key.address, parameters);
  const next = node.tip.height + 1;
  const utxos = node
    .unspentOf(changeScript)
    .filter(({ coin }) => !coin.coinbase || next - coin.height >= parameters.maturity)
    // what somebody sent here with a token or a pin on it is not given away
    .filter(({ coin }) => !coin.output.token && !coin.carriesPins)
    .map(({ outpoint, coin }) => ({ outpoint, ...coin }));
  const outputs = [{ value, lockingScript }];
  if (utxos.reduce((sum, { output }) => sum + output.value, 0n) <= value) {
    throw new RpcError(
      RPC_CODE.misc,
      'this faucet has too few coins: ask the regtest node that mines (--mine)',
    );
  }
  const { transaction, spentOutputs } = fundTransaction({ outputs, utxos, changeScript });
  return node.submitTransaction(signP2pkhInputs(transaction, spentOutputs, [key]));
}

/** Registers `faucet ADDRESS AMOUNT`, which answers with the transaction's id; for regtest only. */
export function registerFaucet(server: RpcServer, node: ChainNode, key: KeyPair): void {
  server.register('faucet', (values) => give(node, key, new Params(values)), INDEX_HELP.faucet);
}
