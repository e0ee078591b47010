import { BitmodelError, equalBytes, sha256, toHex } from '../../base/index.js';
import {
  type CountedTree,
  countedTree,
  drawnLeaves,
  secondSeed,
  verifyProof,
} from '../../chain/index.js';
import { type DrawnBy, drawSeed } from '../contracts/verdict.js';
import { secondJurySize } from '../secondJury.js';
import type { VerifierDraw } from '../terms.js';

/** The verifiers bonded at a block, in the tree that jobs commit to (DESIGN 5.1). */
export interface VerifierRegistry extends CountedTree {
  /** Compressed public keys by leaf. */
  readonly keys: readonly Uint8Array[];
}

/** One who was drawn. */
export interface Seat {
  readonly publicKey: Uint8Array;
  /** Proof of the key at the seat's leaf. */
  readonly proof: Uint8Array;
}

/**
 * The registry of these keys. They stand in the order of SHA-256(block hash ‖ key): nobody who bonds knows where its
 * key will lie, so nobody can gather its keys where they would be drawn together.
 * @param keys compressed public keys; one that stands twice counts once
 * @param blockHash hash of the block whose bonds these are, in byte order
 * @throws BitmodelError `BAD_TREE` for no key
 */
export function buildRegistry(
  keys: readonly Uint8Array[],
  blockHash: Uint8Array,
): VerifierRegistry {
  const different = new Map(keys.map((key) => [toHex(key), key]));
  const placed = [...different.values()].map((key) => ({ key, at: toHex(sha256(blockHash, key)) }));
  placed.sort((a, b) => (a.at < b.at ? -1 : 1));
  const ordered = placed.map(({ key }) => key);
  return { ...countedTree(ordered), keys: ordered };
}

/** The proof of a key, with its leaf; undefined for a key that is not in the registry. */
export function registryProof(
  registry: VerifierRegistry,
  publicKey: Uint8Array,
): { readonly index: number; readonly proof: Uint8Array } | undefined {
  const index = registry.keys.findIndex((key) => equalBytes(key, publicKey));
  return index < 0 ? undefined : { index, proof: registry.proof(index) };
}

/** Whether a proof shows a key at a leaf of the registry that a job names. */
export function checkRegistryProof(
  draw: Pick<VerifierDraw, 'registry' | 'size'>,
  index: number,
  { publicKey, proof }: Seat,
): boolean {
  return verifyProof({ root: draw.registry, size: draw.size }, index, publicKey, proof);
}

/**
 * Who judges: the key at each seat's leaf (DESIGN 5.2, "The draw"), by seat.
 * @throws BitmodelError `BAD_REGISTRY` for a registry that is not the one the job names
 */
export function drawVerifiers(
  registry: VerifierRegistry,
  draw: VerifierDraw,
  drawnBy: DrawnBy,
): Seat[] {
  return seatsOf(registry, draw, drawSeed(drawnBy), draw.count);
}

/**
 * Who judges a drawn verdict again: twice as many and one, out of the same registry by another seed. That takes the
 * accused's signature of the verdict: whoever knows c and k beforehand can't tell by them who will sit.
 * @param signature of the accused under its verdict message, as the bond is shown it
 * @throws BitmodelError `BAD_REGISTRY` for a registry that is not the one the job names
 */
export function drawSecondJury(
  registry: VerifierRegistry,
  draw: VerifierDraw,
  drawnBy: DrawnBy,
  signature: Uint8Array,
): Seat[] {
  const seed = secondSeed(drawSeed(drawnBy), signature);
  return seatsOf(registry, draw, seed, secondJurySize(draw.count));
}

function seatsOf(
  registry: VerifierRegistry,
  draw: VerifierDraw,
  seed: Uint8Array,
  count: number,
): Seat[] {
  if (registry.size !== draw.size || !equalBytes(registry.root, draw.registry)) {
    throw new BitmodelError('BAD_REGISTRY', 'This registry is not the one that the job names.', {
      next: 'Read it from the chain at the height the job was made for',
    });
  }
  return drawnLeaves(seed, registry.size, count).map((index) => ({
    publicKey: registry.keys[index]!,
    proof: registry.proof(index),
  }));
}
