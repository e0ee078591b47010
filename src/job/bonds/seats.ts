import { equalBytes, fromHex, toHex } from '../../base/index.js';
import type { NetworkParameters } from '../../chain/index.js';
import type { ContestedState } from '../contracts/layout.js';
import type { JobDraw, JobSpec } from '../spec.js';
import { type BondChain, registryAt, registryHeight } from './bonds.js';
import { drawVerifiers, type Seat, type VerifierRegistry } from './registry.js';

/** The registry that a job's draw names, read from the chain; undefined where the chain shows another one. */
export async function registryOf(
  chain: BondChain,
  params: NetworkParameters,
  job: Pick<JobSpec, 'created'>,
  draw: JobDraw,
): Promise<VerifierRegistry | undefined> {
  const registry = await registryAt(chain, params, registryHeight(job.created, params));
  const isNamed =
    registry?.size === draw.size && equalBytes(registry.root, fromHex(draw.registry, 32));
  return isNamed ? registry : undefined;
}

/**
 * Who judges a contested job: the keys drawn for it with their proofs, or the listed ones without.
 * @returns undefined where the job names a registry that the chain does not show
 */
export async function judgesOf(
  chain: BondChain,
  params: NetworkParameters,
  job: JobSpec,
  { k, drawSecret }: Pick<ContestedState, 'k' | 'drawSecret'>,
): Promise<readonly Seat[] | undefined> {
  const { verifiers } = job;
  const noProof = new Uint8Array(0);
  if (Array.isArray(verifiers)) {
    return verifiers.map((key) => ({ publicKey: fromHex(key), proof: noProof }));
  }
  const registry = drawSecret && (await registryOf(chain, params, job, verifiers));
  if (!registry) return undefined;
  const draw = {
    registry: registry.root,
    drawHash: fromHex(verifiers.drawHash, 32),
    size: registry.size,
    count: verifiers.count,
  };
  return drawVerifiers(registry, draw, { drawSecret: drawSecret!, k });
}

/** Public keys in hex, each once: whom evidence is sealed to. */
export function keysOf(seats: readonly Seat[]): string[] {
  return [...new Set(seats.map(({ publicKey }) => toHex(publicKey)))];
}
