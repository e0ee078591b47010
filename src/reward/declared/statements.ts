import { BitmodelError, EXIT } from '../../base/index.js';
import {
  type ChainClient,
  createPin,
  DUST,
  encodePin,
  type FixedInput,
  formatOutpoint,
  fundFrom,
  heldNft,
  P2PKH_UNLOCKING_SIZE,
  type PinWrite,
  TOKEN_FEES,
  type Wallet,
} from '../../chain/index.js';
import { type HolderTerms, nftBehind } from '../contracts/holder.js';
import { sameAgain } from '../contracts/sameAgain.js';
import {
  CONTRIBUTION_PIN_PATH,
  type Confirmation,
  type Dispute,
  MAXIMUM_REASON,
  parseStatement,
  type Statement,
  statementPayload,
} from './contribution.js';
import { declaredUses } from './declaration.js';
import { findDeclaration, type Registry } from './registry.js';

const JSON_TYPE = 'application/json';

/** A coin of the wallet's at one of its addresses, to be spent first. @throws BitmodelError `NO_COIN_TO_SIGN` */
async function coinAt(client: ChainClient, wallet: Wallet, address: string): Promise<FixedInput> {
  const free = new Map((await wallet.utxos()).map((coin) => [formatOutpoint(coin.outpoint), coin]));
  for await (const { outpoint } of client.eachUtxo({ addresses: [address] })) {
    const coin = free.get(formatOutpoint(outpoint));
    if (coin) return { ...coin, unlockingSize: P2PKH_UNLOCKING_SIZE };
  }
  throw new BitmodelError(
    'NO_COIN_TO_SIGN',
    `No coin that can be spent lies at ${address}, which this has to come from.`,
    { next: `Send a little to ${address}, then try again`, exitCode: EXIT.notAllowed },
  );
}

/** What a parent's holder would confirm: that the child names it, with at least this weight. */
export function confirmationOf(
  registry: Registry,
  child: string,
  parent: string,
  ppm?: number,
): Confirmation {
  const source = findDeclaration(registry, child);
  const claim = declaredUses(source).find(({ id }) => id === parent);
  if (!claim) {
    throw new BitmodelError('NOT_CLAIMED', `${source.name} does not name ${parent} as a parent.`, {
      next: `See what it names: bitmodel reward show ${child}; what was just declared counts once it is in a block`,
      exitCode: EXIT.notFound,
    });
  }
  return { standing: 'confirmed', child, parent, ppm: ppm ?? claim.ppm };
}

/**
 * Publishes what the holder of a parent's pin says of a claim. It comes from a coin of the holder's, which is how readers know
 * it for the holder's word; where the pin lies with its model's NFT, from the NFT, which goes back where it lay.
 * @param wallet holds the parent's pin, or the NFT
 * @throws BitmodelError `UNKNOWN_SOURCE`; `NFT_NOT_HELD`; `NOT_PIN_OWNER`; `NO_COIN_TO_SIGN`; and what the wallet and the node say
 */
export async function sayAsParent(
  client: ChainClient,
  wallet: Wallet,
  registry: Registry,
  statement: Statement & { readonly parent: string },
): Promise<PinWrite> {
  const { pin, name } = findDeclaration(registry, statement.parent);
  const nft = nftBehind(pin.owner);
  if (nft) return sayWithNft(client, wallet, nft, statement);
  if (pin.owner === undefined || !wallet.addresses.includes(pin.owner)) {
    throw new BitmodelError(
      'NOT_PIN_OWNER',
      `The pin of ${name} is held by ${pin.owner ?? 'nobody'}, not by this key.`,
      { next: 'Name the key that holds it with --key', exitCode: EXIT.notAllowed },
    );
  }
  const coin = await coinAt(client, wallet, pin.owner);
  const outputs = [
    { value: DUST, lockingScript: coin.output.lockingScript },
    { value: 0n, lockingScript: saying(statement) },
  ];
  // a pin carries next to no money, so its fee is always a large part of it
  const { txid, fee } = await wallet.send(outputs, { inputs: [coin], allowHighFee: true });
  return { txid, pin: `${txid}i0`, fee };
}

/** The output script of a statement's pin. */
function saying(statement: Statement): Uint8Array {
  return encodePin({
    operation: 'create',
    path: CONTRIBUTION_PIN_PATH,
    contentType: JSON_TYPE,
    payload: statementPayload(statement),
  });
}

/** As {@link sayAsParent}: the NFT is input 0, and goes back where it lay behind the statement's pin. */
async function sayWithNft(
  client: ChainClient,
  wallet: Wallet,
  { category }: HolderTerms,
  statement: Statement,
): Promise<PinWrite> {
  const coin = await heldNft(wallet, { category });
  const funded = await fundFrom(client, wallet, coin, [
    { value: DUST, lockingScript: coin.output.lockingScript },
    { value: 0n, lockingScript: saying(statement) },
    sameAgain(coin),
  ]);
  const { txid, fee } = await wallet.submit(funded, TOKEN_FEES);
  return { txid, pin: `${txid}i0`, fee };
}

/**
 * A dispute as it can be published.
 * @throws BitmodelError `UNKNOWN_SOURCE`; `UNKNOWN_CLAIM` for a pin that does not claim the id; `NOT_CLAIMED` for a parent that
 *   no version of the source names; `BAD_DISPUTE` for a reason that is none
 */
export function disputeOf(registry: Registry, draft: Omit<Dispute, 'standing'>): Dispute {
  const { child, claim, parent } = draft;
  const claims = registry.claims.get(child);
  if (!claims) findDeclaration(registry, child);
  if (claim !== undefined && !claims?.some(({ pin }) => pin.id === claim)) {
    throw new BitmodelError('UNKNOWN_CLAIM', `The pin ${claim} does not claim this id.`, {
      next: `See those that do: bitmodel reward show ${child}`,
      exitCode: EXIT.notFound,
    });
  }
  const named = claims?.some(({ versions }) =>
    versions.some(({ declaration }) => declaredUses(declaration).some(({ id }) => id === parent)),
  );
  if (parent !== undefined && !named) {
    throw new BitmodelError('NOT_CLAIMED', `This source never named ${parent} as a parent.`, {
      next: `See what it names: bitmodel reward show ${child}`,
      exitCode: EXIT.notFound,
    });
  }
  const dispute: Dispute = { ...draft, standing: 'disputed' };
  if (parseStatement(statementPayload(dispute))) return dispute;
  throw new BitmodelError('BAD_DISPUTE', 'These words can not stand in a dispute.', {
    next: `Give a reason of 1 to ${MAXIMUM_REASON} characters on one line; evidence is the id of a transaction`,
    exitCode: EXIT.usage,
  });
}

/** Publishes a dispute, as anybody. Its author takes it back by revoking the pin. @throws as `createPin` */
export function publishDispute(
  wallet: Wallet,
  dispute: Dispute,
  holder: Uint8Array,
): Promise<PinWrite> {
  const content = { contentType: JSON_TYPE, payload: statementPayload(dispute) };
  return createPin(wallet, CONTRIBUTION_PIN_PATH, content, holder);
}
