import {
  BitmodelError,
  equalBytes,
  fromHex,
  mapConcurrently,
  sha256,
  toHex,
  u64le,
} from '../../base/index.js';
import {
  type ChainClient,
  countedTree,
  formatOutpoint,
  hash160,
  hashToId,
  idToHash,
  isUnspendable,
  p2pkhScript,
  type TransactionOutput,
} from '../../chain/index.js';
import { parseOffer, parseSale } from '../contracts/sale.js';
import { isPayable } from '../declared/declaration.js';
import { unitHistory } from './history.js';
import { inChunks } from './inChunks.js';
import type { ImoOffering } from './offering.js';
import { provenTransaction } from './proven.js';

/** Who holds how much of an offering's units as of a height. */
export interface Snapshot {
  readonly height: number;
  /** Units by the hex of the locking script that is paid for them, in the order of that hex. */
  readonly holders: ReadonlyMap<string, bigint>;
  /** Units of all holders. */
  readonly units: bigint;
  /** Units in the offering's own sale contract: not sold, so nobody's. */
  readonly unsold: bigint;
  /**
   * SHA-256(script) ‖ units u64LE of all holders, in the order of the map: counted Merkle trees of 65,536 of them each, and
   * the root of one over their roots; zeros for no holders.
   */
  readonly root: Uint8Array;
}

/** Transactions read at a time. */
const AT_ONCE = 256;
/** Holders under one root. */
const TREE_LEAVES = 65_536;

interface Units {
  readonly lockingScript: Uint8Array;
  readonly amount: bigint;
}

interface Step {
  readonly height: number;
  readonly spent: readonly string[];
  readonly made: readonly (readonly [string, Units])[];
}

/**
 * Whose money it is that units at a locking script earn: what lies in an offer or a sale is its seller's until it is
 * bought, but in the offering's own sale it is nobody's. Any other script that money can be paid to is paid itself; one
 * that is longer than 100 bytes is nobody's, since nobody can say who could spend it there.
 */
export function holderOf(
  offering: Pick<ImoOffering, 'sale'>,
  script: Uint8Array,
): Uint8Array | undefined {
  if (equalBytes(script, offering.sale)) return undefined;
  const seller = (parseOffer(script) ?? parseSale(script))?.seller;
  if (seller) return p2pkhScript(hash160(seller));
  return isPayable(script) ? script : undefined;
}

/** Every move of an offering's units, so that they can be counted as of one height after another. */
export class UnitMoves {
  readonly #offering: ImoOffering;
  readonly #steps: readonly Step[];
  readonly #held = new Map<string, Units>();
  #next = 0;
  #height = 0;

  private constructor(offering: ImoOffering, steps: readonly Step[]) {
    this.#offering = offering;
    this.#steps = steps;
  }

  /** Reads all moves in blocks, each out of its own transaction. @throws BitmodelError `BAD_NODE_ANSWER` */
  static async read(client: ChainClient, offering: ImoOffering): Promise<UnitMoves> {
    const steps: Step[] = [];
    // of all that ever held units; what else a transaction spends is let go as soon as it is read
    const units = new Set<string>();
    for await (const places of inChunks(unitHistory(client, offering.category), AT_ONCE)) {
      const read = await mapConcurrently(places, ({ txid }) => provenTransaction(client, txid));
      for (const [at, { inputs, outputs }] of read.entries()) {
        const { txid, height } = places[at]!;
        const spent = inputs
          .map(({ outpoint }) => formatOutpoint(outpoint))
          .filter((outpoint) => units.delete(outpoint));
        const made = outputs.flatMap((output, index) => unitsIn(output, offering, txid, index));
        for (const [outpoint] of made) units.add(outpoint);
        steps.push({ height, spent, made });
      }
    }
    return new UnitMoves(offering, steps);
  }

  /** The holders as of a height, which is no lower than that of any call before. */
  at(height: number): Snapshot {
    if (height < this.#height) {
      throw new BitmodelError('BAD_HEIGHT', `Units are counted at ${this.#height} already.`, {
        next: 'Ask for snapshots in the order of their heights',
      });
    }
    this.#height = height;
    for (let step = this.#steps[this.#next]; step && step.height <= height; ) {
      for (const outpoint of step.spent) this.#held.delete(outpoint);
      for (const [outpoint, units] of step.made) this.#held.set(outpoint, units);
      step = this.#steps[++this.#next];
    }
    return snapshotOf(this.#offering, height, this.#held.values());
  }
}

function unitsIn(
  { token, lockingScript }: TransactionOutput,
  { category }: ImoOffering,
  txid: string,
  index: number,
): (readonly [string, Units])[] {
  if (!token || token.amount === 0n || !equalBytes(token.category, category)) return [];
  if (isUnspendable(lockingScript)) return [];
  const outpoint = formatOutpoint({ hash: idToHash(txid), index });
  return [[outpoint, { lockingScript, amount: token.amount }]];
}

function snapshotOf(offering: ImoOffering, height: number, held: Iterable<Units>): Snapshot {
  const sums = new Map<string, bigint>();
  let unsold = 0n;
  for (const { lockingScript, amount } of held) {
    if (equalBytes(lockingScript, offering.sale)) unsold += amount;
    const holder = holderOf(offering, lockingScript);
    if (!holder) continue;
    const key = toHex(holder);
    sums.set(key, (sums.get(key) ?? 0n) + amount);
  }
  const holders = new Map([...sums].sort(([a], [b]) => (a < b ? -1 : 1)));
  const leaves = [...holders].map(([script, units]) => leaf(script, units));
  return {
    height,
    holders,
    units: [...holders.values()].reduce((sum, units) => sum + units, 0n),
    unsold,
    root: rootOf(leaves),
  };
}

/** Two levels of trees, so that no number of holders is too large for them. */
function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return new Uint8Array(32);
  const roots: Uint8Array[] = [];
  for (let at = 0; at < leaves.length; at += TREE_LEAVES) {
    roots.push(countedTree(leaves.slice(at, at + TREE_LEAVES)).root);
  }
  return countedTree(roots).root;
}

function leaf(script: string, units: bigint): Uint8Array {
  const item = new Uint8Array(40);
  item.set(sha256(fromHex(script)), 0);
  item.set(u64le(units), 32);
  return item;
}

/** Printed id of a category. */
export function categoryId({ category }: Pick<ImoOffering, 'category'>): string {
  return hashToId(category);
}
