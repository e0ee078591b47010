import {
  MAX_COMMITMENT_LENGTH,
  MAX_TOKEN_AMOUNT,
  type Nft,
  type OutputToken,
  TOKEN_PREFIX,
} from '../codec/token.js';
import type { Transaction, TransactionOutput } from '../codec/transaction.js';
import { type Coin, hashKey } from './coins.js';
import { rejectTransaction } from './RejectError.js';

/**
 * The rules of a token that need nothing but its output (CHIP-2022-02; reasons as BCH Node's).
 * @throws RejectError `bad-txns-vout-tokenprefix`, `bad-txns-coinbase-has-tokens`, `bad-txns-token-commitment-oversized`
 */
export function checkTokenOutput(
  { lockingScript, token }: TransactionOutput,
  coinbase: boolean,
): void {
  if (!token) {
    if (lockingScript[0] === TOKEN_PREFIX) throw rejectTransaction('bad-txns-vout-tokenprefix');
    return;
  }
  if (coinbase) throw rejectTransaction('bad-txns-coinbase-has-tokens');
  const length = token.nft?.commitment.length ?? 0;
  if (length > MAX_COMMITMENT_LENGTH) {
    throw rejectTransaction('bad-txns-token-commitment-oversized', `${length} bytes`);
  }
}

/** What a transaction's inputs hold of one category, and what of it no output has taken yet. */
class Holdings {
  #amount = 0n;
  #minting = false;
  #mutable = 0;
  /** Immutable NFTs by commitment. */
  readonly #immutable = new Map<string, number>();

  add({ amount, nft }: OutputToken): void {
    this.#amount += amount;
    if (this.#amount > MAX_TOKEN_AMOUNT) throw rejectTransaction('bad-txns-token-amount-overflow');
    if (nft?.capability === 'minting') this.#minting = true;
    else if (nft?.capability === 'mutable') this.#mutable++;
    else if (nft) {
      const key = hashKey(nft.commitment);
      this.#immutable.set(key, (this.#immutable.get(key) ?? 0) + 1);
    }
  }

  take({ amount, nft }: OutputToken): void {
    this.#amount -= amount;
    if (this.#amount < 0n) throw rejectTransaction('bad-txns-token-in-belowout');
    if (nft && !this.#takeNft(nft)) throw rejectTransaction('bad-txns-token-nft-ex-nihilo');
  }

  /** An immutable NFT is best taken from its like, so that a mutable one stays for what has no other source. */
  #takeNft({ capability, commitment }: Nft): boolean {
    if (capability === 'none') {
      const key = hashKey(commitment);
      const left = this.#immutable.get(key) ?? 0;
      if (left > 0) {
        this.#immutable.set(key, left - 1);
        return true;
      }
    }
    if (capability !== 'minting' && this.#mutable > 0) {
      this.#mutable--;
      return true;
    }
    return this.#minting;
  }
}

/** What a category that is born in this transaction has given out: anything, up to the largest amount. */
class Genesis {
  #amount = 0n;

  take({ amount }: OutputToken): void {
    this.#amount += amount;
    if (this.#amount > MAX_TOKEN_AMOUNT) throw rejectTransaction('bad-txns-token-amount-overflow');
  }
}

function heldBy(coins: readonly Coin[]): Map<string, Holdings> {
  const held = new Map<string, Holdings>();
  for (const { output } of coins) {
    if (!output.token) continue;
    checkTokenOutput(output, false);
    const key = hashKey(output.token.category);
    const holdings = held.get(key) ?? new Holdings();
    holdings.add(output.token);
    held.set(key, holdings);
  }
  return held;
}

/** Categories that the transaction may bring into being: each is the hash of a transaction whose output 0 it spends. */
function bornFrom(transaction: Transaction): Map<string, Genesis> {
  const spendsFirst = transaction.inputs.filter(({ outpoint }) => outpoint.index === 0);
  return new Map(spendsFirst.map(({ outpoint }) => [hashKey(outpoint.hash), new Genesis()]));
}

/**
 * Demands that a transaction's outputs hold no more of any category than its inputs give: fungible amounts don't grow,
 * NFTs come from their like, from a mutable one each, or from a minting one, and whatever is not taken is burnt. A
 * category that is born here may give out anything (CHIP-2022-02; reasons as BCH Node's).
 * @param coins one per input, in order
 * @throws RejectError `bad-txns-token-…`
 */
export function checkTokens(transaction: Transaction, coins: readonly Coin[]): void {
  const made = transaction.outputs.flatMap(({ token }) => (token ? [token] : []));
  if (made.length === 0 && !coins.some(({ output }) => output.token)) return;
  const held = heldBy(coins);
  const born = bornFrom(transaction);
  for (const token of made) {
    const key = hashKey(token.category);
    const genesis = born.get(key);
    const holdings = held.get(key);
    // the outpoint that a category was born from was spent then, so nothing can be both
    if (genesis && holdings) throw rejectTransaction('bad-txns-token-dupe-genesis');
    const source = genesis ?? holdings;
    if (!source) throw rejectTransaction('bad-txns-token-invalid-category');
    source.take(token);
  }
}
