import { z } from 'zod';
import { BitmodelError, canonicalBytes, EXIT, toHex } from '../../base/index.js';
import {
  blockHash,
  DUST,
  encodePin,
  hash160,
  idToHash,
  type NetworkParameters,
  type Outpoint,
  type Pin,
  type PinVersion,
  p2pkhScript,
  type Transaction,
  type Wallet,
} from '../../chain/index.js';
import { type BondTerms, bondScript, MINIMUM_BOND, parseBond } from '../contracts/bond.js';
import type { BondCoin } from '../contracts/bondSpends.js';
import { publicKeySchema } from '../spec.js';
import { buildRegistry, type VerifierRegistry } from './registry.js';

/** Where verifiers announce their bonds (DESIGN 4.4). */
export const VERIFIER_PIN_PATH = '/protocols/bitmodel-verifier';

type MaybePromise<T> = T | Promise<T>;

/** What is asked of a node to read who is bonded; `ChainClient` answers it, and `LocalChain` within the node. */
export interface BondChain {
  blockId(height: number): Promise<string>;
  pins(
    path: string,
    options: { readonly all: true; readonly atHeight: number },
  ): Promise<readonly BondPin[]>;
  spender(outpoint: Outpoint): MaybePromise<{ readonly height: number } | undefined>;
  transaction(txid: string): MaybePromise<{ readonly transaction: Transaction } | undefined>;
}

/** What of a pin tells of a bond. */
type BondPin = Pick<Pin, 'txid'> & { readonly versions: readonly Pick<PinVersion, 'payload'>[] };

/** A bond on the chain with its verifier's key. */
export interface StandingBond extends BondCoin {
  readonly verifier: Uint8Array;
}

const pinSchema = z.strictObject({
  v: z.literal(1),
  verifier: publicKeySchema,
  /** Output of the pin's own transaction that is the bond. */
  bond: z.int().min(0).max(0xffff),
});

/** The terms of a verifier's bond on a network. */
export function bondTerms(verifier: Uint8Array, params: NetworkParameters): BondTerms {
  return { genesis: blockHash(params.genesis.header), verifier, exit: params.bondExit };
}

/**
 * Bonds a verifier: one transaction with the pin's coin for the verifier (output 0), the pin, and the bond (output 2).
 * @param value base units, at least {@link MINIMUM_BOND}
 * @throws BitmodelError `BAD_BOND`, and as `Wallet.send`
 */
export async function bondVerifier(
  wallet: Wallet,
  verifier: Uint8Array,
  params: NetworkParameters,
  value: bigint = MINIMUM_BOND,
): Promise<{ txid: string; fee: bigint; outpoint: Outpoint }> {
  if (value < MINIMUM_BOND) {
    throw new BitmodelError('BAD_BOND', 'A bond of less than one coin is not in the registry.', {
      next: 'Bond one coin or more: bitmodel verifier bond 1',
      exitCode: EXIT.usage,
    });
  }
  const payload = canonicalBytes({ v: 1, verifier: toHex(verifier), bond: 2 });
  const pin = { operation: 'create', path: VERIFIER_PIN_PATH } as const;
  const lockingScript = encodePin({ ...pin, contentType: 'application/json', payload });
  const sent = await wallet.send([
    { value: DUST, lockingScript: p2pkhScript(hash160(verifier)) },
    { value: 0n, lockingScript },
    { value, lockingScript: bondScript(bondTerms(verifier, params)) },
  ]);
  return { ...sent, outpoint: { hash: idToHash(sent.txid), index: 2 } };
}

/**
 * The bonds that stood at the end of a block: announced by a pin, worth {@link MINIMUM_BOND}, in a block up to this
 * one and not spent in one. What later became of the pin does not matter: the money is what counts.
 */
export async function standingBonds(
  chain: BondChain,
  params: NetworkParameters,
  height: number,
): Promise<StandingBond[]> {
  const bonds: StandingBond[] = [];
  for (const bond of await announcedBonds(chain, params, height)) {
    const spent = await chain.spender(bond.outpoint);
    // height 0 is the mempool: not spent in any block
    if (!(spent && spent.height > 0 && spent.height <= height)) bonds.push(bond);
  }
  return bonds;
}

/** All bonds that pins up to a block announce, spent ones included. */
export async function announcedBonds(
  chain: BondChain,
  params: NetworkParameters,
  height: number,
): Promise<StandingBond[]> {
  const pins = await chain.pins(VERIFIER_PIN_PATH, { all: true, atHeight: height });
  const bonds: StandingBond[] = [];
  for (const pin of pins) {
    const bond = await bondOf(chain, params, pin);
    if (bond) bonds.push(bond);
  }
  return bonds;
}

async function bondOf(
  chain: BondChain,
  params: NetworkParameters,
  pin: BondPin,
): Promise<StandingBond | undefined> {
  const said = parsePin(pin.versions[0]!.payload);
  const known = said && (await chain.transaction(pin.txid));
  const output = known?.transaction.outputs[said!.bond];
  if (!said || !output || output.value < MINIMUM_BOND) return undefined;
  const rules = { genesis: blockHash(params.genesis.header), exit: params.bondExit };
  const verifier = parseBond(rules, output);
  if (!verifier || toHex(verifier) !== said.verifier) return undefined;
  const outpoint = { hash: idToHash(pin.txid), index: said.bond };
  return { verifier, outpoint, value: output.value, leaving: false };
}

function parsePin(payload: Uint8Array): z.infer<typeof pinSchema> | undefined {
  try {
    return pinSchema.safeParse(JSON.parse(new TextDecoder().decode(payload))).data;
  } catch {
    // a pin that is no JSON bonds nobody
    return undefined;
  }
}

/** Registries of blocks that were asked for of late: whoever follows a dispute asks for one again and again. */
const KEPT_REGISTRIES = 8;
const known = new WeakMap<BondChain, Map<string, VerifierRegistry | undefined>>();

/**
 * The registry of the verifiers bonded at a block (DESIGN 5.1): one key each, however many bonds it has.
 * @returns undefined where nobody was
 */
export async function registryAt(
  chain: BondChain,
  params: NetworkParameters,
  height: number,
): Promise<VerifierRegistry | undefined> {
  // the block names all that came before it, so what stood at its end never changes
  const block = await chain.blockId(height);
  const kept = known.get(chain) ?? new Map<string, VerifierRegistry | undefined>();
  known.set(chain, kept);
  if (kept.has(block)) return kept.get(block);
  const bonds = await standingBonds(chain, params, height);
  const keys = bonds.map(({ verifier }) => verifier);
  const registry = keys.length > 0 ? buildRegistry(keys, idToHash(block)) : undefined;
  // unless another block took its place while it was read
  if ((await chain.blockId(height)) !== block) return registryAt(chain, params, height);
  kept.set(block, registry);
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT_REGISTRIES) break;
    kept.delete(oldest);
  }
  return registry;
}

/** The height at which the registry of a job made at `created` is read. */
export function registryHeight(created: number, params: NetworkParameters): number {
  return Math.max(0, created - params.registryDepth);
}
