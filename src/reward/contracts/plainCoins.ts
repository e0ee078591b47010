import type { ChainClient, Utxo } from '../../chain/index.js';

/** Coins without a token that are taken, those worth most. */
const MOST_TAKEN = 1_000;
/** Coins that are looked at for them: each costs a stranger more than the coins that it is to hide are worth, and its fee. */
const MOST_LOOKED_AT = 50_000;

/** What lies at a script that money can be taken from. */
export interface PlainCoins {
  /** Without a token, from the one worth most down. */
  readonly coins: readonly Utxo[];
  /** Those among the ones looked at that carry a token: spending them would burn what is not the spender's. */
  readonly withTokens: number;
}

/**
 * The coins at a script, worth most first, that carry no token. Anybody can lay tokens on any number of coins there, which
 * are passed over, and not counted among those that are taken.
 */
export async function plainCoins(client: ChainClient, script: Uint8Array): Promise<PlainCoins> {
  const coins: Utxo[] = [];
  let withTokens = 0;
  for await (const coin of client.eachUtxo({ scripts: [script] })) {
    if (coin.output.token) withTokens += 1;
    else coins.push(coin);
    if (coins.length === MOST_TAKEN || coins.length + withTokens === MOST_LOOKED_AT) break;
  }
  return { coins, withTokens };
}
