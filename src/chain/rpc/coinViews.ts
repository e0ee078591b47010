import { formatAmount, toHex } from '../../base/index.js';
import { type AddressParameters, scriptAddress } from '../address/address.js';
import { hashToId, type Outpoint } from '../codec/transaction.js';
import type { Coin } from '../consensus/coins.js';
import type { ChainNode } from '../node/ChainNode.js';
import { findPins } from '../node/outputs.js';
import { formatPinId } from '../pins/pin.js';
import { tokenView } from '../wire/tokenView.js';

/** An output with its outpoint, as every list of ours shows it. */
export function coinView(node: ChainNode, outpoint: Outpoint, coin: Coin): object {
  const pins = coin.carriesPins ? findPins(node, outpoint).map(formatPinId) : undefined;
  return coinJson(node.parameters, outpoint, coin, pins);
}

/** {@link coinView} of a coin whose pins are known. */
export function coinJson(
  parameters: AddressParameters,
  outpoint: Outpoint,
  coin: Coin,
  pins?: readonly string[],
): object {
  const { value, lockingScript, token } = coin.output;
  const address = scriptAddress(lockingScript, parameters);
  return {
    ...(address === undefined ? {} : { address }),
    txid: hashToId(outpoint.hash),
    vout: outpoint.index,
    value: formatAmount(value),
    scriptPubKey: toHex(lockingScript),
    height: coin.height,
    coinbase: coin.coinbase,
    ...(token ? { tokenData: tokenView(token) } : {}),
    ...(pins ? { pins } : {}),
  };
}
