import { sha256, toHex, utf8 } from '#src/base/index.js';
import {
  createKey,
  hash160,
  type KeyPair,
  p2pkhScript,
  type TransactionOutput,
  Wallet,
} from '#src/chain/index.js';
import {
  burnFor,
  declareModel,
  declareSource,
  type ImoDraft,
  type ImoMaking,
  publishModel,
  publishSource,
} from '#src/reward/index.js';
import { REGTEST, type Regtest } from '../../regtest.js';

export const idOf = (name: string): string => toHex(sha256(utf8(name)));
export const scriptOf = ({ publicKey }: KeyPair): Uint8Array => p2pkhScript(hash160(publicKey));

/** Somebody with a key and coins. */
export interface Person {
  readonly key: KeyPair;
  readonly script: Uint8Array;
  readonly wallet: Wallet;
}

/** People with this many coins' worth of base units each, paid in one block. */
export async function people(regtest: Regtest, count: number, value = 50_000_000n) {
  const keys = Array.from({ length: count }, () => createKey(REGTEST));
  const outputs = keys.flatMap((key): TransactionOutput[] => {
    const lockingScript = scriptOf(key);
    return [
      { value: value / 2n, lockingScript },
      { value: value / 2n, lockingScript },
    ];
  });
  await regtest.pay(outputs);
  return keys.map((key): Person => {
    const wallet = new Wallet({ client: regtest.chain, keys: [key], params: REGTEST });
    return { key, script: scriptOf(key), wallet };
  });
}

/** Publishes a model of somebody's, in a block. */
export async function publish(regtest: Regtest, owner: Person, name: string): Promise<string> {
  const id = idOf(name);
  const rest = { licence: 'MIT', size: 5, feePpm: 50_000, parents: [] };
  const model = await declareModel(regtest.chain, { id, name, owner: owner.script, ...rest });
  await publishModel(owner.wallet, model);
  await regtest.mine();
  return id;
}

/** Publishes a data set that names a model as its parent, in a block. */
export async function standOn(
  regtest: Regtest,
  owner: Person,
  name: string,
  model: string,
  ppm = 10_000,
): Promise<void> {
  const source = await declareSource(regtest.chain, {
    kind: 'dataset',
    id: idOf(name),
    name,
    owner: owner.script,
    parents: [{ id: model, ppm }],
  });
  await publishSource(owner.wallet, source);
  await regtest.mine();
}

/** Has people burn coins for a model, in a block. */
export async function burn(
  regtest: Regtest,
  burners: readonly Person[],
  model: string,
  amount = 600_000n,
): Promise<void> {
  for (const { wallet } of burners) await burnFor(wallet, model, amount);
  await regtest.mine();
}

export const draftOf = (model: string): ImoDraft => ({
  model,
  supply: 1_000n,
  price: 10_000n,
  lot: 10n,
  incomePpm: 200_000,
});

/** What somebody makes an offering with; each step is mined as soon as it is sent. */
export function making(regtest: Regtest, { wallet, key }: Person): ImoMaking {
  return {
    client: regtest.chain,
    wallet,
    key,
    params: REGTEST,
    onStep: () => void regtest.mine(),
  };
}
