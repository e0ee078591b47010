import { BitmodelError, EXIT } from '../../base/index.js';
import {
  type ChainClient,
  formatOutpoint,
  hashToId,
  idToHash,
  type NftName,
  parseOutpoint,
  type Utxo,
} from '../../chain/index.js';
import {
  findModel,
  modelByName,
  nftCoins,
  parseHolderScript,
  readRegistry,
} from '../../reward/index.js';

/** Outputs of a category that are looked at to name the one NFT in it. */
const MOST_OF_CATEGORY = 20;

/** The error for a token that the node does not know. */
export function noToken(text: string): BitmodelError {
  return new BitmodelError(
    'NO_SUCH_TOKEN',
    `There is no token ${text.slice(0, 80)} that the node knows.`,
    {
      next: 'Check the category or the output; bitmodel wallet utxos shows those of a key',
      exitCode: EXIT.notFound,
    },
  );
}

/** The NFT that the fee of a published model is bound to, by the model's id or name; undefined where there is none. */
async function categoryOfModel(client: ChainClient, text: string): Promise<Uint8Array | undefined> {
  const isId = /^[0-9a-f]{64}$/i.test(text);
  const model = isId
    ? await findModel(client, text.toLowerCase())
    : modelByName(await readRegistry(client), text);
  return model && parseHolderScript(model.owner)?.category;
}

/**
 * An NFT as people name it: by its category, by the output it lies in (TXID:VOUT), or by the id or name of a model whose
 * fee is bound to it.
 * @throws BitmodelError `NO_SUCH_TOKEN`, `NO_MODEL_NFT`, `UNKNOWN_MODEL`, `AMBIGUOUS_NAME`
 */
export async function nftName(client: ChainClient, text: string): Promise<NftName> {
  if (/^[0-9a-f]{64}:\d{1,10}$/i.test(text)) return { outpoint: parseOutpoint(text) };
  const isHash = /^[0-9a-f]{64}$/i.test(text);
  if (isHash && (await client.tokenCategory(idToHash(text)))) return { category: idToHash(text) };
  const category = await categoryOfModel(client, text);
  if (category) return { category };
  if (isHash) throw noToken(text);
  throw new BitmodelError('NO_MODEL_NFT', `The fee of ${text.slice(0, 80)} is bound to no NFT.`, {
    next: 'Mint one with: bitmodel nft mint --model MODEL --fee 5%',
    exitCode: EXIT.notFound,
  });
}

/**
 * The unspent NFT that a name stands for, whoever holds it.
 * @throws BitmodelError as {@link nftName}; `NFT_AMBIGUOUS` when a category has several
 */
export async function nftCoin(client: ChainClient, text: string): Promise<Utxo> {
  const name = await nftName(client, text);
  if ('outpoint' in name) {
    const place = formatOutpoint(name.outpoint);
    const known = await client.transaction(hashToId(name.outpoint.hash));
    const token = known?.transaction.outputs[name.outpoint.index]?.token;
    const all = token?.nft ? await nftCoins(client, token.category, Number.POSITIVE_INFINITY) : [];
    const found = all.find(({ outpoint }) => formatOutpoint(outpoint) === place);
    if (!found) throw noToken(text);
    return found;
  }
  const [coin, ...others] = await nftCoins(client, name.category, MOST_OF_CATEGORY);
  if (!coin) throw noToken(text);
  if (others.length === 0) return coin;
  throw new BitmodelError(
    'NFT_AMBIGUOUS',
    `Category ${hashToId(name.category)} has more than one NFT.`,
    {
      next: 'Name one by its output, TXID:VOUT, as bitmodel nft show lists them',
      exitCode: EXIT.usage,
    },
  );
}
