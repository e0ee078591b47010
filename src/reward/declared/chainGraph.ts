import { setImmediate } from 'node:timers/promises';
import { type ChainClient, type NetworkName, networkParameters } from '../../chain/index.js';
import { buildGraph } from '../graph/buildGraph.js';
import {
  type ContributionGraph,
  type ParentShare,
  STANDINGS,
  type Standing,
} from '../graph/graph.js';
import { type ContractNode, ContractNodes } from './ContractNodes.js';
import { checkingWork, usesInForce } from './circles.js';
import type { Declaration } from './declaration.js';
import { ownerText } from './ownerText.js';
import { type Registry, readRegistry } from './registry.js';
import type { ChainPoint } from './snapshot.js';
import { readStandings, type Standings } from './standing.js';

/** The contribution graph that the chain's contracts pay by, as of one block. */
export interface ChainGraph extends ChainPoint {
  readonly graph: ContributionGraph;
  /**
   * How the claim of each edge stands, in the order of `graph.parents`; undefined for an edge that no source declared: one to
   * the contract that two sources share.
   */
  readonly standings: readonly (Standing | undefined)[];
  /** Ids of sources in circles that were taken to declare what they pay, as there were too many to check; else empty. */
  readonly unchecked: readonly string[];
  readonly registry: Registry;
}

/** What may be asked of {@link chainGraph}. */
export interface ChainGraphOptions {
  /** What happened in later blocks does not count; the tip unless stated. */
  readonly atHeight?: number | undefined;
}

/** Digits of an id, before an `@` that tells a version. */
const ID_DIGITS = 64;

/**
 * Circles are solved to see what their members say, small ones first, until so much work is done (see `checkingWork`):
 * the rest is taken by what it pays. Enough for 150 members of circles of 64, or 3,000 of small ones.
 */
const MOST_WORK = 650_000;

/**
 * What the sources behind the nodes use, see {@link usesInForce}. Others get their turn between two checks.
 * @param most work that is done, see `checkingWork`
 * @returns uses by the name of the node, and the names of those that were not checked
 */
export async function usesOf(
  nodes: readonly Pick<ContractNode, 'id' | 'declaration'>[],
  registry: Registry,
  most = MOST_WORK,
): Promise<{ uses: Map<string, readonly ParentShare[]>; unchecked: string[] }> {
  const uses = new Map<string, readonly ParentShare[]>();
  const unchecked: string[] = [];
  let left = most;
  const toCheck: { id: string; declaration: Declaration; work: number }[] = [];
  for (const { id, declaration } of nodes) {
    if (!declaration) continue;
    uses.set(id, declaration.parents);
    if (declaration.uses === undefined) continue;
    toCheck.push({ id, declaration, work: checkingWork(registry, declaration.id) });
  }
  toCheck.sort((a, b) => a.work - b.work || (a.id < b.id ? -1 : 1));
  for (const { id, declaration, work } of toCheck) {
    left -= work;
    if (left < 0) {
      unchecked.push(id);
      continue;
    }
    uses.set(id, usesInForce(registry, declaration));
    await setImmediate();
  }
  return { uses, unchecked };
}

function edgeStandings(
  graph: ContributionGraph,
  nodes: readonly ContractNode[],
  standings: Standings,
  usesByNode: ReadonlyMap<string, readonly ParentShare[]>,
): (Standing | undefined)[] {
  const byName = new Map(nodes.map((node) => [node.id, node]));
  return graph.ids.flatMap((name, i) => {
    const { declaration } = byName.get(name)!;
    const uses = usesByNode.get(name);
    const found: (Standing | undefined)[] = [];
    for (let edge = graph.rows[i]!; edge < graph.rows[i + 1]!; edge++) {
      const parent = graph.ids[graph.parents[edge]!]!.slice(0, ID_DIGITS);
      const claim = uses?.find(({ id }) => id === parent);
      found.push(claim && standings.of(declaration!.id, parent, claim.ppm));
    }
    return found;
  });
}

/**
 * The contribution graph on the chain, as its contracts pay (DESIGN 9). A node is a source with what it declares now, by its
 * id; `ID@HEIGHT` is what it declared in an older block, where somebody's contract still pays that; `ID@HASH` is a script
 * that somebody pays under the name of a source that never named it. So what `payout` computes on this graph is what the
 * split contracts pay, to the base unit. It has no circles: a contract names its parents' by hash.
 * @throws BitmodelError as `readRegistry`
 */
export async function chainGraph(
  client: ChainClient,
  { atHeight }: ChainGraphOptions = {},
): Promise<ChainGraph> {
  const { chain } = await client.rpc.call<{ chain: NetworkName }>('getblockchaininfo');
  const params = networkParameters(chain);
  const registry = await readRegistry(client, atHeight);
  const nodes = new ContractNodes(registry, (script) => ownerText(script, params)).all();
  const graph = buildGraph(nodes);
  const { uses, unchecked } = await usesOf(nodes, registry);
  const standings = edgeStandings(graph, nodes, await readStandings(client, registry), uses);
  const { height, blockHash } = registry;
  const marks = Uint8Array.from(standings, (each) => (each ? STANDINGS.indexOf(each) + 1 : 0));
  return {
    graph: { ...graph, standings: marks },
    standings,
    unchecked,
    height,
    blockHash,
    registry,
  };
}
